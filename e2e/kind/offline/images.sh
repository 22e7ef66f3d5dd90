#!/usr/bin/env bash
# Makes the images a registry would have given, under the same names: the kind node, the base of the
# operator's image and ZooKeeper. What Docker has already under a name, and is no older build of
# ours, stays.
set -euo pipefail
# shellcheck source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
label=zookeeper-operator.offline

# have IMAGE KEY: an older build of ours gives its place free, unless a container still needs it.
have() {
  local key
  key=$(docker image inspect -f "{{index .Config.Labels \"$label\"}}" "$1" 2> /dev/null) || return 1
  [[ -n $key && $key != "$2" ]] || return 0
  docker image rm "$1" > /dev/null 2>&1 || true
  return 1
}

# The older builder, since BuildKit would not heed the runc of our own engine.
build() { DOCKER_BUILDKIT=0 quietly "$cache/build.log" docker build "$@"; }

debian_image() { # IMAGE KEY FOLDER: the root file system of that folder as an image
  docker image rm "$1" > /dev/null 2>&1 || true
  docker import --change "LABEL $label=$2" "$3/rootfs.tar" "$1" > /dev/null
}

node_image() {
  local tree kubernetes coredns containerd key image=kindest/node:v$kubernetes_version work=$cache/node.work
  tree=$("$offline/debian.sh" node)
  kubernetes=$("$offline/tools.sh" kubernetes)
  coredns=$("$offline/tools.sh" coredns)
  containerd=$("$offline/tools.sh" containerd)
  key=$(key "${tree##*/}" "${kubernetes##*/}" "${coredns##*/}" "${containerd##*/}" \
    "$offline/node" "$offline/node.sh" "$offline/runc")
  ! have "$image" "$key" || return 0
  say "assembling $image"
  rm -rf "$work" && mkdir -p "$work"
  "$offline/node.sh" "$tree" "$kubernetes" "$coredns" "$containerd" "$work"
  debian_image "$image-import" "$key" "$work"
  rm -rf "$work"
  build -t "$image" --build-arg BASE="$image-import" - < "$offline/node/Dockerfile"
}

python_image() {
  local tree key
  tree=$("$offline/debian.sh" python)
  key=$(key "${tree##*/}" "$offline/python")
  ! have "$python_base" "$key" || return 0
  say "assembling $python_base"
  debian_image "$python_base-import" "$key" "$tree"
  build -t "$python_base" --build-arg BASE="$python_base-import" - < "$offline/python/Dockerfile"
}

jars() { # VERSION FOLDER
  command -v mvn > /dev/null || die "the ZooKeeper image needs Maven: apt-get install maven"
  local profile group
  for profile in metrics '!metrics'; do
    for group in org.jline jline; do # the coordinates of late and of before
      ! mvn -B -q -P "$profile" -f "$offline/zookeeper/pom.xml" -Dzookeeper.version="$1" -Djline.group=$group \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$2" -DincludeScope=runtime \
        -DexcludeClassifiers=osx-x86_64,osx-aarch_64,windows-x86_64,linux-aarch_64 > "$cache/maven.log" 2>&1 || return 0
    done
    say "no module for Prometheus of ZooKeeper $1 here: its image goes without"
  done
  cat "$cache/maven.log"
  return 1
}

zookeeper_image() { # VERSION
  local tree lib key image=zookeeper:$1 base=zookeeper-import:java work=$cache/zookeeper.work
  tree=$("$offline/debian.sh" zookeeper)
  lib=$(product "zookeeper-lib-$1" "$(key "$1" "$offline/zookeeper/pom.xml")" jars "$1")
  key=$(key "${tree##*/}" "${lib##*/}" "$offline/zookeeper")
  ! have "$image" "$key" || return 0
  say "assembling $image"
  # One Debian for all versions: in Docker and in the nodes it is stored once.
  have "$base" "${tree##*-}" || debian_image "$base" "${tree##*-}" "$tree"
  rm -rf "$work" && mkdir -p "$work"
  cp -r "$offline/zookeeper/." "$work"
  cp -r "$lib" "$work/lib"
  build -t "$image" --label "$label=$key" --build-arg VERSION="$1" \
    --build-arg BASE="$base" "$work"
  rm -rf "$work"
}

node_image
python_image
for version in "${zookeeper_versions[@]}"; do zookeeper_image "$version"; done
