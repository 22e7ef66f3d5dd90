#!/bin/bash
# The startup probe: waits until this member serves clients, and succeeds then. It waits here because each probe
# that fails is a Warning Event. A member that answers and does not serve for a while has started too:
# it may wait for the others. Only one that does not answer at all fails. No Java is started.
#
#   started.sh [PORT [SECONDS [SECONDS WITHOUT SERVING]]]
set -u
port=${1:-8080} patience=${2:-50} idle=${3:-30}
answering=''
while ((SECONDS < patience)); do
  if { exec 3<> "/dev/tcp/127.0.0.1/$port"; } 2> /dev/null; then
    printf 'GET /commands/ruok HTTP/1.0\r\n\r\n' >&3
    IFS='' read -r -d '' -t 2 body <&3
    exec 3>&-
    [[ $body =~ \"error\"[[:space:]]*:[[:space:]]*null ]] && exit 0
    [[ $body ]] && answering=${answering:-$SECONDS}
    [[ $answering ]] && ((SECONDS - answering >= idle)) && exit 0
  fi
  sleep 0.5
done
echo "the AdminServer does not answer"
exit 1
