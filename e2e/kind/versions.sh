# shellcheck shell=bash disable=SC2034  # every version is used by some script that sources this
# The versions of everything the cluster is made of, in one place. Kubernetes and CoreDNS also stand
# in the go.mod files below offline/, which lock what they need.
kubernetes_version=1.37.2
stock_node=kindest/node:v1.37.0 # the published image next to ours; the offline one follows our version
kind_version=0.33.0
helm_version=3.19.4
kwok_version=0.7.0
containerd_version=2.4.2 # of the offline node
debian_suite=bookworm
python_base=python:3.11-slim-bookworm
node_version=22.21.1 # of examples/nodejs; its image is made only when it is asked for
prometheus_image=prom/prometheus:v3.5.1 # brought in when it is asked for
prometheus_module_version=0.305.1 # how the Go module calls the same
cert_manager_image=cert-manager-controllers:1.21.2 # built when it is asked for, from offline/cert-manager/go.mod
zookeeper_versions=(3.9.4 3.9.3 3.8.6)
operator_image=zookeeper-operator:dev
