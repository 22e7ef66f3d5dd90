#!/bin/bash
# Stands in for the readiness probe of pravega's image: a member that is in no list is not ready, and an observer
# is made a voter.
set -euo pipefail
# shellcheck source=pravega-functions.sh
. /usr/local/bin/functions.sh

[[ $(printf ruok | nc -w 5 localhost "$CLIENT_PORT") == imok ]] || exit 1
getent hosts "$DOMAIN" > /dev/null || exit 0
list=$(sed -n 's/^dynamicConfigFile=//p' "$static")
line=$(grep "^server\.$id=" "$list") || { echo "member $id is in no list"; exit 1; }
[[ $line == *:observer* ]] || exit 0
zkCli.sh -server "$(ensemble)" reconfig -remove "$id"
for ((tries = 3; tries > 0; tries--)); do # refused just after the removal
  sleep 1
  if zkCli.sh -server "$(ensemble)" reconfig -add "server.$id=$(server_line participant)"; then exit 0; fi
done
exit 1
