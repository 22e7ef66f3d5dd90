#!/bin/bash
# Stands in for the entry scripts of the Bitnami image: writes zoo.cfg from the environment unless there is one, and
# myid on a new volume. A container that starts again in the same pod finds the zoo.cfg that ZooKeeper has changed;
# a new pod begins from the environment.
set -euo pipefail
conf=/opt/bitnami/zookeeper/conf
data=/bitnami/zookeeper/data

is_yes() { [[ ${1,,} =~ ^(yes|true|1)$ ]] && echo true || echo false; }

configuration() {
  local -A settings=(
    [tickTime]=$ZOO_TICK_TIME
    [initLimit]=$ZOO_INIT_LIMIT
    [syncLimit]=$ZOO_SYNC_LIMIT
    [preAllocSize]=$ZOO_PRE_ALLOC_SIZE
    [snapCount]=$ZOO_SNAPCOUNT
    [dataDir]=$data
    [clientPort]=$ZOO_PORT_NUMBER
    [maxCnxns]=0
    [maxClientCnxns]=$ZOO_MAX_CLIENT_CNXNS
    [reconfigEnabled]=$(is_yes "${ZOO_RECONFIG_ENABLED:-no}")
    [quorumListenOnAllIPs]=$(is_yes "$ZOO_LISTEN_ALLIPS_ENABLED")
    [autopurge.purgeInterval]=$ZOO_AUTOPURGE_INTERVAL
    [autopurge.snapRetainCount]=$ZOO_AUTOPURGE_RETAIN_COUNT
    [4lw.commands.whitelist]=$ZOO_4LW_COMMANDS_WHITELIST
    [maxSessionTimeout]=$ZOO_MAX_SESSION_TIMEOUT
    [admin.serverAddress]=127.0.0.1
    [admin.serverPort]=8080
    [admin.enableServer]=$(is_yes "${ZOO_ENABLE_ADMIN_SERVER:-no}")
  )
  local entry name servers
  [[ -z ${ZOO_DATA_LOG_DIR:-} ]] || settings[dataLogDir]=$ZOO_DATA_LOG_DIR
  read -r -a servers <<< "$ZOO_SERVERS"
  if ((${#servers[@]} > 1)); then # a single one runs standalone
    for entry in "${servers[@]}"; do settings[server.${entry##*::}]="${entry%%::*};$ZOO_PORT_NUMBER"; done
  fi
  # ZOO_CFG_a_b=v is the setting a.b, whatever was set before.
  for entry in "${!ZOO_CFG_@}"; do
    name=${entry#ZOO_CFG_}
    settings[${name//_/.}]=${!entry}
  done
  for name in "${!settings[@]}"; do echo "$name=${settings[$name]}"; done | sort
}

mkdir -p "$data"
[[ -f $conf/zoo.cfg ]] || configuration > "$conf/zoo.cfg"
[[ -f $data/myid ]] || echo "$ZOO_SERVER_ID" > "$data/myid"
[[ ! -f /conf/logback.xml ]] || cp /conf/logback.xml "$conf/"
export ZOO_LOG_DIR=/opt/bitnami/zookeeper/logs JVMFLAGS="${JVMFLAGS:-} -Xms${ZOO_HEAP_SIZE}m -Xmx${ZOO_HEAP_SIZE}m"
exec zkServer.sh --config "$conf" start-foreground
