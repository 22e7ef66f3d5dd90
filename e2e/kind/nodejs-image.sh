#!/usr/bin/env bash
# Builds the image of examples/nodejs and brings it into the cluster; prints its digest. Where no image registry
# answers, the base is the one of the operator's image with the Node.js that npm distributes.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
folder=$repository/examples/nodejs
image=zookeeper-example-nodejs:dev
base=node:$node_version-bookworm-slim
command -v npm > /dev/null || die "the image of the example needs npm: install Node.js"

modules() {
  cp "$folder"/package*.json "$1"
  npm ci --prefix "$1" --silent --omit=dev --ignore-scripts
}

program() {
  local -A machine=([x86_64]=x64 [aarch64]=arm64)
  npm install --prefix "$1" --silent --no-save --ignore-scripts "node-linux-${machine[$(uname -m)]}@$node_version"
  mv "$1"/node_modules/node-linux-*/bin/node "$1/node"
  rm -rf "$1/node_modules"
}

# As in operator-image.sh.
[[ $(docker info -f '{{.DefaultRuntime}}') != careful ]] || export DOCKER_BUILDKIT=0
build() { quietly "$cache/build.log" docker build "$@"; }

offline_base() {
  local tree
  tree=$(product nodejs "$node_version" program)
  build --build-arg BASE="$python_base" -f "$offline/nodejs/Dockerfile" -t "$base" "$tree"
}

docker image inspect "$base" > /dev/null 2>&1 || timeout 300 docker pull -q "$base" > /dev/null 2>&1 || offline_base
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$folder"/{Dockerfile,package.json,package-lock.json,program.js} "$work"
cp -r "$(product nodejs-modules "$(key "$folder/package-lock.json")" modules)/node_modules" "$work"
build --build-arg BASE="$base" -t "$image" "$work"
"$kind_folder/cluster.sh" load "$image"
docker image inspect -f '{{.Id}}' "$image"
