#!/bin/bash
# What the other scripts share; sourced by them. The caller's java.env has the last word.
home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
ZOOCFGDIR=${ZOOCFGDIR:-$home/conf}
ZOO_LOG_DIR=${ZOO_LOG_DIR:-$home/logs}
for file in "$ZOOCFGDIR/zookeeper-env.sh" "$ZOOCFGDIR/java.env"; do
  # shellcheck disable=SC1090
  [[ ! -f $file ]] || . "$file"
done
ZOOCFG=${ZOOCFG:-zoo.cfg}
[[ $ZOOCFG == */* ]] || ZOOCFG=$ZOOCFGDIR/$ZOOCFG
JAVA=${JAVA_HOME:+$JAVA_HOME/bin/}java
CLASSPATH="$ZOOCFGDIR:$home/lib/*${CLASSPATH:+:$CLASSPATH}" # Java itself understands the star
SERVER_JVMFLAGS="-Xmx${ZK_SERVER_HEAP:-1000}m ${SERVER_JVMFLAGS:-}"
CLIENT_JVMFLAGS="-Xmx${ZK_CLIENT_HEAP:-256}m ${CLIENT_JVMFLAGS:-}"

# client CLASS ARGUMENT...: runs a tool; the flags are lists divided by blanks.
client() {
  # shellcheck disable=SC2086
  "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" -cp "$CLASSPATH" $CLIENT_JVMFLAGS ${JVMFLAGS:-} "$@"
}
# setting NAME [FILE]: the last value of it in zoo.cfg.
setting() { sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "${2:-$ZOOCFG}" | tail -n 1; }
