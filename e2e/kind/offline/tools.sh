#!/usr/bin/env bash
# Builds programs from Go modules and prints the folder they are in.
#   tools.sh kind | helm | kubectl | kubernetes | coredns | containerd | prometheus | cert-manager   one product
#   tools.sh cert-manager-crds   the resource definitions of cert-manager
#   tools.sh control-plane    `kube` and `kwok`, for tests against a control plane of plain processes
#   tools.sh oldest-control-plane   the same of the oldest Kubernetes that the chart installs on
set -euo pipefail
# shellcheck source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
export CGO_ENABLED=0

link=(-trimpath -buildvcs=false -ldflags)
strip='-s -w'
stamped() { # stamped VERSION: what the linker must be told, so that Kubernetes knows its version
  local package=k8s.io/component-base/version major minor
  IFS=. read -r major minor _ <<< "$1"
  echo "$strip -X $package.gitVersion=v$1 -X $package.gitMajor=$major -X $package.gitMinor=$minor" \
    "-X k8s.io/client-go/pkg/version.gitVersion=v$1"
}
stamp=$(stamped "$kubernetes_version")
oldest_stamp=$(stamped "$(sed -n 's/^\tk8s.io\/kubernetes v//p' "$offline/kubernetes-oldest/go.mod")")

install_module() { GOBIN=$2 go install "${link[@]}" "$strip" "$1"; }
build_containerd() { # the daemon, what it runs next to every pod, and its client
  local commands=github.com/containerd/containerd/v2/cmd name
  for name in containerd containerd-shim-runc-v2 ctr; do
    GOBIN=$1 go install -tags no_btrfs,no_devmapper,no_tracing,no_zfs,urfave_cli_no_docs "${link[@]}" "$strip" \
      "$commands/$name@v$containerd_version"
  done
}
build_coredns() { go build -C "$offline/coredns" "${link[@]}" "$strip" -o "$1/coredns" .; }
build_kubectl() { go build -C "$offline/kubernetes" "${link[@]}" "$stamp" -o "$1/" ./kubectl; }
build_kubernetes() {
  go build -C "$offline/kubernetes" "${link[@]}" "$stamp" -o "$1/" ./kube ./node-agent ./pause
  local name
  for name in kubeadm kubectl kubelet kube-apiserver kube-controller-manager kube-proxy kube-scheduler etcd; do
    ln -s kube "$1/$name"
  done
}
build_oldest_kubernetes() { # the same program of other modules
  go build -C "$offline/kubernetes" -modfile=../kubernetes-oldest/go.mod "${link[@]}" "$oldest_stamp" -o "$1/kube" ./kube
}
build_prometheus() { # its module, with one way to discover targets: the others bring the clients of a dozen clouds
  local module=github.com/prometheus/prometheus@v$prometheus_module_version source
  source=$(go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  cp -R --no-preserve=mode "$source" "$1/source"
  cp "$offline/prometheus/plugins.go" "$1/source/plugins/plugins.go"
  go build -C "$1/source" "${link[@]}" "$strip" -o "$1/" ./cmd/prometheus ./cmd/promtool
  rm -rf "$1/source"
}
cert_manager_source() { # where its module is
  local version
  version=$(sed -n 's/^require \(github.com\/cert-manager\/cert-manager\) /\1@/p' "$offline/cert-manager/go.mod")
  go mod download -json "$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}
build_cert_manager() { go build -C "$offline/cert-manager" "${link[@]}" "$strip" -o "$1/cert-manager" .; }
copy_cert_manager_crds() { # of the four resources that its controllers need
  local source kind
  source=$(cert_manager_source)
  for kind in certificaterequests certificates clusterissuers issuers; do
    cp --no-preserve=mode "$source/deploy/crds/cert-manager.io_$kind.yaml" "$1/"
  done
}
combine() { ln "$1"/kube "$2"/kwok "$3" 2> /dev/null || cp "$1"/kube "$2"/kwok "$3"; }

tool() {
  command -v go > /dev/null || die "building $1 needs Go (https://go.dev/dl)"
  local go
  go=$(go env GOVERSION GOOS GOARCH)
  case $1 in
    kind) product kind "$(key "$go" "$kind_version")" install_module "sigs.k8s.io/kind@v$kind_version" ;;
    helm) product helm "$(key "$go" "$helm_version")" install_module "helm.sh/helm/v3/cmd/helm@v$helm_version" ;;
    kwok) product kwok "$(key "$go" "$kwok_version")" install_module "sigs.k8s.io/kwok/cmd/kwok@v$kwok_version" ;;
    coredns) product coredns "$(key "$go" "$offline/coredns")" build_coredns ;;
    containerd) product containerd "$(key "$go" "$containerd_version")" build_containerd ;;
    kubectl) product kubectl "$(key "$go" "$stamp" "$offline/kubernetes")" build_kubectl ;;
    kubernetes) product kubernetes "$(key "$go" "$stamp" "$offline/kubernetes")" build_kubernetes ;;
    prometheus) product prometheus "$(key "$go" "$prometheus_module_version" "$offline/prometheus/plugins.go")" build_prometheus ;;
    cert-manager) product cert-manager "$(key "$go" "$offline/cert-manager")" build_cert_manager ;;
    cert-manager-crds) product cert-manager-crds "$(key "$offline/cert-manager/go.mod")" copy_cert_manager_crds ;;
    control-plane)
      local kube kwok
      kube=$(tool kubernetes)
      kwok=$(tool kwok)
      product control-plane "$(key "$kube" "$kwok")" combine "$kube" "$kwok"
      ;;
    oldest-kubernetes) product oldest-kubernetes "$(key "$go" "$oldest_stamp" "$offline/kubernetes-oldest" "$offline/kubernetes/kube")" build_oldest_kubernetes ;;
    oldest-control-plane)
      local kube kwok
      kube=$(tool oldest-kubernetes)
      kwok=$(tool kwok)
      product oldest-control-plane "$(key "$kube" "$kwok")" combine "$kube" "$kwok"
      ;;
    *) die "usage: tools.sh kind|helm|kubectl|kubernetes|coredns|containerd|kwok|control-plane|oldest-control-plane|prometheus|cert-manager|cert-manager-crds" ;;
  esac
}

tool "${1:-}"
