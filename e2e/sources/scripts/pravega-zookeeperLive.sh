#!/bin/bash
# Stands in for the liveness probe of pravega's image.
set -euo pipefail
# shellcheck source=pravega-functions.sh
. /usr/local/bin/functions.sh
[[ $(printf ruok | nc -w 5 localhost "$CLIENT_PORT") == imok ]]
