#!/usr/bin/env bash
# Builds the operator's image and brings it into the cluster when it changed; prints its digest.
# The dependencies are a layer of their own: a change of the source alone takes seconds.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
lock=$repository/operator/requirements.lock

# For the Python of the image, whatever Python this machine has.
download() {
  local machine platforms=() manylinux
  machine=$(uname -m)
  for manylinux in 2_34 2_28 2_17 2_12 2_5; do platforms+=(--platform "manylinux_${manylinux}_$machine"); done
  python3 -m pip download --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes \
    --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none "${platforms[@]}" \
    --dest "$1" -r "$lock"
}

wheels=$(product wheels "$(key "$lock" "$(uname -m)")" download)
mkdir -p "$repository/build"
rm -rf "$repository/build/wheels"
cp -r "$wheels" "$repository/build/wheels"

# The older builder where the engine is ours: BuildKit would not heed the runtime it was given.
[[ $(docker info -f '{{.DefaultRuntime}}') != careful ]] || export DOCKER_BUILDKIT=0
quietly "$cache/build.log" docker build --build-arg PIP_NO_INDEX=1 --build-arg BASE="$python_base" \
  -f "$repository/operator/Dockerfile" -t "$operator_image" "$repository"
"$kind_folder/cluster.sh" load "$operator_image"
docker image inspect -f '{{.Id}}' "$operator_image"
