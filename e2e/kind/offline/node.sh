#!/usr/bin/env bash
# node.sh DEBIAN KUBERNETES COREDNS CONTAINERD WORK: makes WORK/rootfs.tar, the file system of a kind
# node, with the images of the system's own pods unpacked in its containerd.
set -euo pipefail
# shellcheck source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
debian=$1 kubernetes=$2 coredns=$3 containerd=$4 work=$5
root=$work/root pods=$work/pods layout=$work/layout
mkdir -p "$root" "$pods" "$layout/blobs/sha256"
tar -C "$root" -xf "$debian/rootfs.tar"

mapfile -t system_images < <("$kubernetes/kubeadm" config images list --kubernetes-version "v$kubernetes_version")
pick() { printf '%s\n' "${system_images[@]}" | grep "/$1:"; }

# All pods of the system share one file system, stored once: busybox, iptables and the programs.
pod_tree() {
  local name library
  mkdir -p "$pods"/{bin,etc,lib64,run,tmp,usr/sbin,usr/local/bin,usr/lib/x86_64-linux-gnu,var}
  chmod 1777 "$pods/tmp"
  echo 'root:x:0:0:root:/:/bin/sh' > "$pods/etc/passwd"
  echo 'root:x:0:' > "$pods/etc/group"
  cp "$root/bin/busybox" "$pods/bin/"
  for name in $("$pods/bin/busybox" --list); do
    [[ -e $pods/bin/$name ]] || ln -s busybox "$pods/bin/$name" # its own list names busybox too
  done
  cp "$root/usr/sbin/xtables-nft-multi" "$pods/usr/sbin/"
  for name in {ip,ip6}tables{,-save,-restore}; do ln -s xtables-nft-multi "$pods/usr/sbin/$name"; done
  cp -r "$root/usr/lib/x86_64-linux-gnu/xtables" "$pods/usr/lib/x86_64-linux-gnu/"
  # shellcheck disable=SC2016  # $1 and $3 are awk's
  chroot "$root" sh -c 'ldd /usr/sbin/xtables-nft-multi /usr/lib/x86_64-linux-gnu/xtables/*.so' |
    awk '$2 == "=>" {print $3} $1 ~ /ld-linux/ {print $1}' | sort -u |
    while read -r library; do install -D "$root$library" "$pods$library"; done
  install "$coredns/coredns" "$kubernetes/node-agent" "$kubernetes/pause" "$pods/"
  install "$kubernetes/kube" "$pods/usr/local/bin/"
  for name in etcd kubectl kube-{apiserver,controller-manager,proxy,scheduler}; do
    ln -s kube "$pods/usr/local/bin/$name"
  done
}

# blob FILE MEDIA-TYPE: moves the file into the OCI layout and prints its descriptor.
blob() {
  local sum size
  sum=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$layout/blobs/sha256/$sum"
  jq -nc --arg d "sha256:$sum" --argjson s "$size" --arg m "$2" '{mediaType: $m, digest: $d, size: $s}'
}

# The pods' images as an OCI layout: the names that kubeadm asks for, apart only in what they start.
pod_images() {
  local oci=application/vnd.oci.image layer diff name start config manifest index=()
  tar -C "$pods" --sort=name --numeric-owner -cf "$work/layer.tar" .
  diff=sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  gzip -1 "$work/layer.tar" # kept in every node next to the unpacked files
  layer=$(blob "$work/layer.tar.gz" "$oci.layer.v1.tar+gzip")
  for name in "${system_images[@]}" kind.local/node-agent:offline; do
    start='[]'
    case $name in
      */coredns:*) start='["/coredns"]' ;;
      */pause:*) start='["/pause"]' ;;
      */node-agent:*) start='["/node-agent"]' ;;
    esac
    jq -nc --argjson start "$start" --arg diff "$diff" '{architecture: "amd64", os: "linux",
      config: {Entrypoint: $start, Env: ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
      rootfs: {type: "layers", diff_ids: [$diff]}}' > "$work/config"
    config=$(blob "$work/config" "$oci.config.v1+json")
    jq -nc --argjson config "$config" --argjson layer "$layer" --arg type "$oci.manifest.v1+json" \
      '{schemaVersion: 2, mediaType: $type, config: $config, layers: [$layer]}' > "$work/manifest"
    manifest=$(blob "$work/manifest" "$oci.manifest.v1+json")
    index+=("$(jq -c --arg name "$name" '.annotations = {"io.containerd.image.name": $name}' <<< "$manifest")")
  done
  printf '%s\n' "${index[@]}" | jq -s '{schemaVersion: 2, manifests: .}' > "$layout/index.json"
  echo '{"imageLayoutVersion": "1.0.0"}' > "$layout/oci-layout"
}

# Only what a node needs starts in it.
node_tree() {
  local units=$root/etc/systemd/system name
  rm -rf "$units"/*.wants "$root"/lib/systemd/system/{multi-user,local-fs,basic,timers}.target.wants/* \
    "$root"/lib/systemd/system/sysinit.target.wants/{systemd-{tmpfiles-setup,binfmt,firstboot,update-utmp,pcrphase*,repart}.service,proc-sys-fs-binfmt_misc.automount} \
    "$root"/lib/systemd/system/sockets.target.wants/*initctl*
  ln -sf multi-user.target "$root/lib/systemd/system/default.target"
  mkdir -p "$units/multi-user.target.wants" "$root"/etc/{containerd,cni/net.d,kubernetes/manifests} \
    "$root"/etc/systemd/journald.conf.d "$root/kind/manifests" "$root/lib/modules" "$root/opt/cni"
  for name in containerd kubelet; do
    cp "$offline/node/$name.service" "$units/"
    ln -s "../$name.service" "$units/multi-user.target.wants/"
  done
  printf '[Journal]\nReadKMsg=no\nStorage=volatile\n' > "$root/etc/systemd/journald.conf.d/node.conf"
  printf '%s\n' net.ipv4.{ip_forward=1,conf.all.rp_filter=0,icmp_ratelimit=0} > "$root/etc/sysctl.d/10-node.conf"
  install "$offline/node/entrypoint" "$root/usr/local/bin/entrypoint"
  install "$offline/runc" "$root/usr/local/sbin/runc"
  install "$containerd"/{containerd,containerd-shim-runc-v2,ctr} "$kubernetes/kube" "$root/usr/bin/"
  for name in kubeadm kubectl kubelet; do ln -s kube "$root/usr/bin/$name"; done
  ln -s /usr/lib/cni "$root/opt/cni/bin"
  printf 'v%s' "$kubernetes_version" > "$root/kind/version" # kind reads it without the newline
  cp "$offline"/node/default-*.yaml "$root/kind/manifests/"
  sed "s|@pause@|$(pick pause)|" "$offline/node/containerd.toml" > "$root/etc/containerd/config.toml"
  install -D --mode=644 "$offline/node/hosts.toml" "$root/etc/containerd/certs.d/_default/hosts.toml"
  "$containerd/ctr" oci spec | jq -c 'del(.process.rlimits)' > "$root/etc/containerd/container.json"
}

# The node's own containerd fills its store on this machine, so that no node has to unpack anything.
preload() {
  local socket=$work/socket daemon ctr=("$containerd/ctr" -a "$work/socket" -n k8s.io)
  printf 'version = 4\ndisabled_plugins = ["io.containerd.%s", "io.containerd.%s", "io.containerd.%s", "io.containerd.%s"]\n' \
    grpc.v1.cri cri.v1.{images,runtime} nri.v1.nri > "$work/containerd.toml"
  "$containerd/containerd" --config "$work/containerd.toml" --root "$root/var/lib/containerd" --state "$work/state" \
    --address "$socket" > "$work/containerd.log" 2>&1 &
  daemon=$!
  for _ in {1..40}; do
    "${ctr[@]}" version > /dev/null 2>&1 && break
    sleep 0.25
  done
  tar -C "$layout" -cf - . | quietly "$work/import.log" "${ctr[@]}" images import --local -
  kill "$daemon"
  wait "$daemon" || true
}

pod_tree
pod_images
node_tree
preload
tar -C "$root" --numeric-owner -cf "$work/rootfs.tar" .
