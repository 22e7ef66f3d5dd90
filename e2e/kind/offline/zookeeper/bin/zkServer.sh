#!/bin/bash
# zkServer.sh [--config FOLDER] start|start-foreground|stop|restart|status|version|print-cmd [zoo.cfg]
if [[ ${1:-} == --config ]]; then
  export ZOOCFGDIR=$2
  shift 2
fi
[[ -z ${2:-} ]] || ZOOCFG=$2
# shellcheck source=zkEnv.sh
. "$(dirname "$(readlink -f "$0")")/zkEnv.sh"

management=(-Dcom.sun.management.jmxremote "-Dcom.sun.management.jmxremote.local.only=${JMXLOCALONLY:-false}")
[[ ${JMXDISABLE:-false} != true ]] || management=()
if [[ -n ${JMXPORT:-} ]]; then
  management=("-Dcom.sun.management.jmxremote.port=$JMXPORT"
    "-Dcom.sun.management.jmxremote.authenticate=${JMXAUTH:-false}"
    "-Dcom.sun.management.jmxremote.ssl=${JMXSSL:-false}")
fi
# shellcheck disable=SC2206  # the flags are lists divided by blanks
server=("$JAVA" "${management[@]}" "-Dzookeeper.log.dir=$ZOO_LOG_DIR"
  -XX:+HeapDumpOnOutOfMemoryError "-XX:OnOutOfMemoryError=kill -9 %p"
  -cp "$CLASSPATH" $SERVER_JVMFLAGS ${JVMFLAGS:-}
  org.apache.zookeeper.server.quorum.QuorumPeerMain "$ZOOCFG")

# Prints address, port and "true" for TLS: from zoo.cfg, or from this server's line of the dynamic
# configuration, which ends in ;[address:]port.
client_port() {
  local address port data line
  port=$(setting clientPort)
  if [[ -n $port ]]; then
    address=$(setting clientPortAddress)
  else
    data=$(setting dataDir)
    line=$(setting "server\.$(cat "$data/myid")" "$(setting dynamicConfigFile | grep . || echo "$ZOOCFG")")
    if [[ $line == *\;* ]]; then
      line=${line##*;}
      port=${line##*:}
      [[ $line != *:* ]] || address=${line%:*}
    else
      port=$(setting secureClientPort)
      [[ -z $port ]] || { echo "$(setting secureClientPortAddress | grep . || echo localhost) $port true"; return; }
    fi
  fi
  case ${address:-} in '' | 0.0.0.0 | '[::]' | ::) address=localhost ;; esac
  echo "$address $port false"
}

status() {
  local address port tls mode
  read -r address port tls < <(client_port 2> /dev/null)
  [[ -n $port ]] || { echo "no client port in $ZOOCFG"; return 1; }
  echo "Client port found: $port. Client address: $address. Client SSL: $tls."
  # Read whole before it is searched: a pipe cut short would turn a found mode into a failure.
  if [[ $tls == true ]]; then
    mode=$(client org.apache.zookeeper.client.FourLetterWordMain "$address" "$port" srvr true 2> /dev/null)
  else
    mode=$(printf srvr | nc -w 5 "$address" "$port" 2> /dev/null)
  fi
  [[ $mode == *Mode:\ * ]] || { echo "Error contacting service. It is probably not running."; return 1; }
  mode=${mode#*Mode: }
  echo "Mode: ${mode%%$'\n'*}"
}

process_file() { echo "${ZOOPIDFILE:-$(setting dataDir)/zookeeper_server.pid}"; }

start() {
  local file
  file=$(process_file)
  if [[ -f $file ]] && kill -0 "$(cat "$file")" 2> /dev/null; then
    echo "Starting zookeeper ... already running as process $(cat "$file")."
    return 1
  fi
  mkdir -p "$ZOO_LOG_DIR"
  nohup "${server[@]}" > "$ZOO_LOG_DIR/zookeeper.out" 2>&1 < /dev/null &
  echo $! > "$file"
  sleep 1
  kill -0 $! || { echo "Starting zookeeper ... FAILED TO START"; return 1; }
  echo "Starting zookeeper ... STARTED"
}

stop() {
  local file
  file=$(process_file)
  if [[ ! -f $file ]]; then
    echo "Stopping zookeeper ... no zookeeper to stop (could not find file $file)"
    return
  fi
  kill "$(cat "$file")"
  rm -f "$file"
  echo "Stopping zookeeper ... STOPPED"
}

case ${1:-} in
  start | stop | status) echo "Using config: $ZOOCFG" >&2; "$1" ;;
  restart) stop; sleep 3; start ;;
  start-foreground) echo "Using config: $ZOOCFG" >&2; exec "${server[@]}" ;;
  version) client org.apache.zookeeper.version.VersionInfoMain 2> /dev/null ;;
  print-cmd) printf '%q ' "${server[@]}"; echo ;;
  *) echo "usage: $0 [--config FOLDER] start|start-foreground|stop|restart|status|version|print-cmd [zoo.cfg]" >&2; exit 1 ;;
esac
