#!/usr/bin/env bash
# Builds cert-manager's controllers from the Go module and brings their image into the cluster. No registry is asked: its
# own image also runs what these tests do not need.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# As in operator-image.sh.
[[ $(docker info -f '{{.DefaultRuntime}}') != careful ]] || export DOCKER_BUILDKIT=0

docker image inspect "$cert_manager_image" > /dev/null 2>&1 ||
  quietly "$cache/build.log" docker build -f "$offline/cert-manager.Dockerfile" -t "$cert_manager_image" \
    "$("$offline/tools.sh" cert-manager)"
"$kind_folder/cluster.sh" load "$cert_manager_image"
