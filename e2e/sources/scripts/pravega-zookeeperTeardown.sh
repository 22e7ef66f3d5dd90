#!/bin/bash
# Stands in for the script by which pravega's image stops: it waits half a minute for the clients to leave, then ends
# the server. A member leaves the list only if the operator has noted a smaller size before, which nobody does here.
set -euo pipefail
# shellcheck source=pravega-functions.sh
. /usr/local/bin/functions.sh
for ((tries = 6; tries > 0; tries--)); do
  clients=$(printf cons | nc -w 5 localhost "$CLIENT_PORT" | grep -vc -e '^$' -e '/127.0.0.1:') || break
  echo "$clients clients"
  sleep 5
done
for process in /proc/[0-9]*; do
  [[ $(cat "$process/comm" 2> /dev/null) != java ]] || kill "${process#/proc/}"
done
