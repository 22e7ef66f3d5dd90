#!/usr/bin/env bash
# cluster.sh up          a kind cluster with every image the tests need; again and again is fine
# cluster.sh down        deletes it, and stops the Docker engine if it is one of ours
# cluster.sh status      what runs
# cluster.sh load IMAGE...   brings images of this machine into the nodes
# cluster.sh env         prints `export PATH=...`: our kind, kubectl and helm first
#
# CLUSTER names it (zookeeper-operator), WORKERS is 0 (one node does all), 1 or 3,
# OFFLINE=1 builds everything even where a registry answers.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

context=kind-$cluster
bin=$cache/bin
k() { kubectl --context "$context" "$@"; }
nodes() { docker ps -a --filter "label=io.x-k8s.kind.cluster=$cluster" "$@" --format '{{.Names}}'; }

# A registry is asked for what we need from it; without one this fails at once or in 20 s.
registry_answers() {
  [[ ${OFFLINE:-} != 1 ]] && timeout 20 docker manifest inspect "zookeeper:${zookeeper_versions[0]}" > /dev/null 2>&1
}

# Our tools in one folder, wherever each is cached; without Go those of this machine do.
tools() { # stock|offline
  mkdir -p "$bin"
  local name folder source
  for name in kind helm kubectl; do
    if [[ $1 == stock ]] && ! command -v go > /dev/null && command -v "$name" > /dev/null; then continue; fi
    source=$name
    [[ $1-$name != offline-kubectl ]] || source=kubernetes # where every component is built anyway
    folder=$("$offline/tools.sh" "$source")
    ln -sfn "$folder/$name" "$bin/$name"
  done
}

images() { # stock|offline
  if [[ $1 == offline ]]; then
    "$offline/images.sh"
  else
    local version
    for version in "${zookeeper_versions[@]}"; do
      docker image inspect "zookeeper:$version" > /dev/null 2>&1 || docker pull -q "zookeeper:$version" >&2
    done
  fi
}

configuration() {
  local pair worker
  printf '%s\n' 'kind: Cluster' 'apiVersion: kind.x-k8s.io/v1alpha4' 'nodes:' '  - role: control-plane'
  local free=()
  for pair in 2181:30181 2182:30182 2183:30183 8081:30081 8082:30082 8083:30083; do
    if (: < "/dev/tcp/127.0.0.1/${pair%:*}") 2> /dev/null; then
      say "port ${pair%:*} of this machine is taken: node port ${pair#*:} is not reachable under it"
    else
      free+=("$pair")
    fi
  done
  [[ ${#free[@]} == 0 ]] || echo '    extraPortMappings:'
  for pair in "${free[@]}"; do
    echo "      - {listenAddress: 127.0.0.1, hostPort: ${pair%:*}, containerPort: ${pair#*:}}"
  done
  for ((worker = 0; worker < ${WORKERS:-0}; worker++)); do echo '  - role: worker'; done
}

healthy() { # within SECONDS
  k wait --for=condition=Ready node --all --timeout="$1s" > /dev/null 2>&1 &&
    k -n kube-system rollout status deployment/coredns --timeout="$1s" > /dev/null 2>&1
}

exists_as_asked() {
  local have
  have=$(nodes | wc -l)
  [[ $have -gt 0 && (-z ${WORKERS:-} || $have == $((WORKERS + 1))) ]] && is_of_our_image
}

# Nodes of an older build of our own image lack what this checkout expects of them. Stock ones have no label.
is_of_our_image() {
  local label='{{index .Config.Labels "zookeeper-operator.offline"}}' node built
  for node in $(nodes); do
    built=$(docker container inspect -f "$label" "$node")
    [[ -z $built || $built == "$(docker image inspect -f "$label" "kindest/node:v$kubernetes_version")" ]] || return 1
  done
}

# What a killed engine leaves is started again; what does not come back is recreated.
revive() {
  exists_as_asked || return 1
  local stopped
  mapfile -t stopped < <(nodes --filter status=exited --filter status=created)
  if [[ ${#stopped[@]} -gt 0 ]]; then
    say "starting ${stopped[*]} again"
    docker start "${stopped[@]}" > /dev/null || return 1
  fi
  kind export kubeconfig --name "$cluster" 2> /dev/null && reachable 60 && healthy 60
}

reachable() { # within SECONDS
  local end=$((SECONDS + $1))
  until k get --raw /readyz > /dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 1
  done
}

create() { # IMAGE
  if [[ -n $(nodes) ]]; then
    say "cluster $cluster is broken, of another size or of an older node image: recreating it"
    kind delete cluster --quiet --name "$cluster"
  fi
  configuration | kind create cluster --quiet --name "$cluster" --image "$1" --config - ||
    { kind delete cluster --quiet --name "$cluster"; die "kind could not create the cluster"; }
  healthy 120 || die "the nodes of $cluster did not become ready within 120 s"
}

# Only what a node has not got already; kind would send everything again and again.
load() {
  local image id node missing=()
  for image; do
    id=$(docker image inspect -f '{{.Id}}' "$image")
    for node in $(nodes); do
      [[ $(docker exec "$node" cat "/kind/loaded/$image" 2> /dev/null) == "$id" ]] || { missing+=("$image"); break; }
    done
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  say "loading ${missing[*]} into the nodes"
  kind load docker-image --quiet --name "$cluster" "${missing[@]}"
  for node in $(nodes); do
    for image in "${missing[@]}"; do
      id=$(docker image inspect -f '{{.Id}}' "$image")
      docker exec "$node" sh -c "mkdir -p '/kind/loaded/$(dirname "$image")' && echo '$id' > '/kind/loaded/$image'"
    done
  done
}

up() {
  local started=$SECONDS world=offline node=kindest/node:v$kubernetes_version
  [[ ${WORKERS:-0} =~ ^[013]$ ]] || die "WORKERS must be 0, 1 or 3"
  "$offline/engine.sh" start
  if registry_answers; then
    world=stock node=$stock_node
    say "a registry answers: stock node and ZooKeeper images"
  else
    say "no image registry answers: node and ZooKeeper images of our own, from package registries"
    "$offline/engine.sh" prepare
    # Debian's packages are downloaded while Go compiles; a step that needs one waits for it.
    (for name in node python zookeeper; do "$offline/debian.sh" "$name" > /dev/null || exit 0; done) &
  fi
  tools $world
  images $world
  wait
  if revive; then
    say "cluster $cluster is up already"
  else
    create "$node"
    say "cluster $cluster is up: context $context"
  fi
  load "${zookeeper_versions[@]/#/zookeeper:}"
  "$kind_folder/operator-image.sh"
  say "done in $((SECONDS - started)) s"
}

# The engine goes with the last cluster it runs.
down() {
  if [[ -n $(nodes 2> /dev/null) ]]; then
    kind delete cluster --quiet --name "$cluster"
    say "cluster $cluster is gone"
  fi
  if [[ -z $(docker ps -aq --filter label=io.x-k8s.kind.cluster 2> /dev/null) ]]; then
    "$offline/engine.sh" stop
  fi
}

status() {
  docker info > /dev/null 2>&1 || { echo "no Docker engine answers"; return 1; }
  [[ -n $(nodes) ]] || { echo "no cluster $cluster"; return 1; }
  k get nodes,pods --all-namespaces
}

environment() { echo "export PATH=$bin:\$PATH"; }

PATH=$bin:$PATH
command=${1:-}
[[ $# == 0 ]] || shift
case $command in
  up | down | status) "$command" ;;
  load) load "$@" ;;
  env) environment ;;
  *) die "usage: cluster.sh up|down|status|load IMAGE...|env" ;;
esac
