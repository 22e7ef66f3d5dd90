#!/bin/bash
# Succeeds while this member serves clients. The AdminServer answers HTTP 200 even without a quorum, so
# only the body tells. No Java and no tool of the image is started: this runs every other second.
#
#   ready.sh [PORT]
set -u
if ! { exec 3<> "/dev/tcp/127.0.0.1/${1:-8080}"; } 2> /dev/null; then
  echo "the AdminServer does not answer"
  exit 1
fi
printf 'GET /commands/ruok HTTP/1.0\r\n\r\n' >&3
IFS='' read -r -d '' -t 2 body <&3
[[ $body =~ \"error\"[[:space:]]*:[[:space:]]*null ]] && exit 0
echo "not serving clients: it has no leader, or is not in sync with it yet"
exit 1
