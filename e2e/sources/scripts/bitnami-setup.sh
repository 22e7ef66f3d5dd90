#!/bin/bash
# The chart's own script: finds the id, on the volume or from the ordinal, and starts the image.
set -euo pipefail
file=/bitnami/zookeeper/data/myid
if [[ -f $file ]]; then
  ZOO_SERVER_ID=$(< "$file")
else
  ZOO_SERVER_ID=$((${HOSTNAME##*-} + MIN_SERVER_ID))
fi
export ZOO_SERVER_ID
exec /image/entrypoint.sh
