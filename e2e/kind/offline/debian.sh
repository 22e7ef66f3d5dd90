#!/usr/bin/env bash
# debian.sh node|python|zookeeper: prints a folder with rootfs.tar, a small Debian with what that
# image needs, made from whatever package mirror this machine's apt uses.
set -euo pipefail
# shellcheck source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

case ${1:-} in
  node) packages=systemd,systemd-sysv,runc,iptables,iproute2,conntrack,ethtool,socat,jq,kmod,ca-certificates,containernetworking-plugins,util-linux,procps,mount,curl,busybox-static ;;
  python) packages=python3-minimal,python3-venv,ca-certificates ;;
  zookeeper) packages=openjdk-17-jre-headless,netcat-openbsd,wget,gosu,ca-certificates ;;
  *) die "usage: debian.sh node|python|zookeeper" ;;
esac

mirror() {
  # shellcheck disable=SC1091,SC2016
  (. /etc/os-release && apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $VERSION_CODENAME") | head -n 1
}

bootstrap() {
  local tree=$1/tree
  # There before debootstrap, so that dpkg never unpacks what nobody reads in a container.
  mkdir -p "$tree/etc/dpkg/dpkg.cfg.d" "$cache/packages"
  printf 'path-exclude=/usr/share/%s/*\n' doc man info lintian locale icons bug \
    > "$tree/etc/dpkg/dpkg.cfg.d/slim"
  quietly "$1/log" debootstrap --variant=minbase --include="$packages" --cache-dir="$cache/packages" \
    "$debian_suite" "$tree" "$(mirror)"
  # What the exclusions came too late for, and all that names this machine or its mirror.
  rm -rf "$tree"/usr/share/{doc,man,info,lintian,locale,icons,bug}/* "$tree"/var/{log,cache/apt,lib/apt/lists}/* \
    "$tree"/etc/{apt/sources.list,hostname,resolv.conf,machine-id} "$tree"/var/lib/dbus/machine-id \
    "$tree"/tmp/* "${tree:?}"/dev/* "$tree"/debootstrap
  tar -C "$tree" --sort=name --numeric-owner --one-file-system -cf "$1/rootfs.tar" .
  rm -rf "$tree" "$1/log"
}

product "debian-$1" "$(key "$debian_suite" "$packages" "${BASH_SOURCE[0]}")" bootstrap
