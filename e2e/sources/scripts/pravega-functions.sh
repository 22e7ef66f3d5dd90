# shellcheck shell=bash disable=SC2034  # sourced by the others
# Who this member is, and where the ensemble is found; the operator writes /conf/env.sh.
# shellcheck source=/dev/null
. /conf/env.sh
id=$((${HOSTNAME##*-} + 1))
data=/data
dynamic=$data/zoo.cfg.dynamic
static=$data/conf/zoo.cfg

server_line() { # server_line ROLE
  echo "$HOSTNAME.$DOMAIN:$QUORUM_PORT:$LEADER_PORT:$1;$CLIENT_PORT"
}

ensemble() { # any member of it, as clients find it
  if getent hosts "$CLIENT_HOST" > /dev/null; then
    echo "$CLIENT_HOST:$CLIENT_PORT"
  else
    echo "localhost:$CLIENT_PORT"
  fi
}
