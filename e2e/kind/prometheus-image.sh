#!/usr/bin/env bash
# Brings the image of docs/monitoring/prometheus.yaml into the cluster. Where no image registry answers, it is made from
# the Go module.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# As in operator-image.sh.
[[ $(docker info -f '{{.DefaultRuntime}}') != careful ]] || export DOCKER_BUILDKIT=0

offline_image() {
  quietly "$cache/build.log" docker build --build-arg BASE="$python_base" -f "$offline/prometheus/Dockerfile" \
    -t "$prometheus_image" "$("$offline/tools.sh" prometheus)"
}

docker image inspect "$prometheus_image" > /dev/null 2>&1 ||
  timeout 300 docker pull -q "$prometheus_image" > /dev/null 2>&1 || offline_image
"$kind_folder/cluster.sh" load "$prometheus_image"
