#!/bin/bash
# Copies the data out of a running ensemble, and proves that a server can serve the copy.
#
#   joiner.sh sync     joins as an observer that no configuration names, until it is in sync, and keeps the
#                      snapshot that it has written: SNAPSHOT. The ensemble does not notice.
#   joiner.sh verify   starts a server of one on SNAPSHOT, until it leads, and writes down what it serves
#
#   /config       zoo.cfg of a member, logback.xml (ConfigMap)
#   /membership   ZOO_SERVERS: the members (ConfigMap)
#   /work         what it leaves: snapshot/snapshot.ZXID, synced.json, verified.json
#   environment   ZK_SERVER_HEAP, SERVER_JVMFLAGS; JOINER_SECONDS: how long it may take
#
# A server that joins writes its snapshot after it has processed what the leader has committed while it sent
# the tree, and before it processes anything else. So the file is the image of one moment.
#
# It removes only what it has made: every directory of the list above may be a mount.
set -euo pipefail
umask 027

readonly mode=${1:?sync or verify}
readonly root=${JOINER_ROOT:-} # only tests set it
readonly config=$root/config membership=$root/membership work=$root/work
readonly home=$work/$mode.server snapshots=$work/snapshot
readonly id=254 admin_port=8080 patience=${JOINER_SECONDS:-900}
readonly begun=$SECONDS
server='' answer='' proven=false

# fail REASON MESSAGE...: the last message of the container, as the operator reads it.
fail() {
  local reason=$1
  shift
  local text=$*
  text=${text//[\"\\]/\'}
  echo "$reason: $text" >&2
  printf '{"reason":"%s","message":"%s"}' "$reason" "$text" 2> /dev/null > "$root/dev/termination-log" || true
  exit 1
}

is_full() { (($(df --block-size=K --output=avail "$work" | tail -n 1 | tr -d 'K ') < 1024)); }

# fail_server MESSAGE...: what a server did not do, unless there is a simpler reason.
fail_server() {
  ! is_full || fail WorkVolumeFull "the volume of the pod at /work is full: the node has too little room for" \
    "a copy of the data"
  fail "$failure" "$*"
}

stop_server() {
  [[ $server ]] || return 0
  kill "$server" 2> /dev/null || true
  local since=$SECONDS
  while kill -0 "$server" 2> /dev/null && ((SECONDS - since < 30)); do sleep 0.1; done
  kill -KILL "$server" 2> /dev/null || true
  wait "$server" 2> /dev/null || true
  server=''
}

end() {
  local code=$?
  stop_server
  rm -rf "$home"
  exit "$code"
}
trap end EXIT
trap 'exit 143' TERM INT

# Prints what the AdminServer answers; nothing if it does not, or if it ends meanwhile.
ask() {
  local body=''
  { exec 3<> "/dev/tcp/127.0.0.1/$admin_port"; } 2> /dev/null || return 0
  {
    printf 'GET /commands/%s HTTP/1.0\r\n\r\n' "$1" >&3 || true
    IFS='' read -r -d '' -t 5 -u 3 body || true
  } 2> /dev/null
  exec 3>&-
  echo "${body:-}"
}

# value_of NAME: a value in the answer that was read last; nothing if it has none.
value_of() {
  local pattern="\"$1\"[[:space:]]*:[[:space:]]*(\"([^\"]*)\"|(-?[0-9]+))"
  [[ $answer =~ $pattern ]] || return 0
  echo "${BASH_REMATCH[2]}${BASH_REMATCH[3]}"
}

# The keys that a joiner decides itself; the rest is that of a member, as it was asked for.
own_keys() {
  cat << KEYS
dataDir=$home/data
dataLogDir=$home/datalog
dynamicConfigFile=$home/conf/zoo.cfg.dynamic
standaloneEnabled=false
reconfigEnabled=true
db.autocreate=false
quorumListenOnAllIPs=false
admin.enableServer=true
admin.serverPort=$admin_port
admin.serverAddress=127.0.0.1
autopurge.purgeInterval=0
preAllocSize=1024
snapCount=2000000000
snapSizeLimitInKb=-1
snapshot.compression.method=
digest.enabled=true
serializeLastProcessedZxid.enabled=true
KEYS
}

# prepare ID SERVERS: reads the keys of a member from standard input, and makes the home of a server.
prepare() {
  rm -rf "$home"
  mkdir -p "$home"/{conf,data/version-2,datalog,logs}
  echo "$1" > "$home/data/myid"
  printf '%s\n' "$2" > "$home/conf/zoo.cfg.dynamic"
  cp "$config/logback.xml" "$home/conf/"
  local own line
  own=$(own_keys)
  {
    echo "$own"
    while IFS='' read -r line; do
      # Clients have no business here, and the port for TLS would be open to all.
      [[ $'\n'$own == *$'\n'"${line%%=*}="* || $line == secureClientPort* ]] || echo "$line"
    done
  } > "$home/conf/zoo.cfg"
}

start_server() {
  export ZOO_LOG_DIR=$home/logs ZOOCFGDIR=$home/conf
  zkServer.sh --config "$home/conf" start-foreground &
  server=$!
}

# wait_until STATES MESSAGE: waits until the server is in one; what it answered then is in answer.
wait_until() {
  while true; do
    answer=$(ask monitor) || true
    [[ $(value_of peer_state) =~ ^($1)" - broadcast"$ ]] && return
    kill -0 "$server" 2> /dev/null || {
      local code=0
      wait "$server" || code=$?
      server=''
      fail_server "$2: the server ended with exit code $code; see the log of the container"
    }
    ((SECONDS - begun < patience)) ||
      fail_server "$2 within $patience s; its last state was '$(value_of peer_state)'"
    sleep 0.3
  done
}

# The one snapshot of a directory; nothing if there is none.
snapshot_in() {
  local file
  for file in "$1"/snapshot.*; do
    if [[ -s $file ]]; then
      echo "$file"
      return
    fi
  done
}

# write_json FILE: puts standard input there in one step.
write_json() {
  cat > "$1.tmp"
  mv -f "$1.tmp" "$1"
}

# How many transactions have led to a tree with another digest than that of the ensemble.
wrong_digests() {
  local wrong
  wrong=$(value_of digest_mismatches_count)
  echo "${wrong:-0}"
}

# Sets zxid and wrong: how far the server that joined is, and how many digests were wrong until then.
observe_digests() {
  answer=$(ask stats) || true
  zxid=$(value_of last_processed_zxid)
  answer=$(ask monitor) || true
  wrong=$(wrong_digests)
}

# A server that joins processes again what is in its tree already: until its snapshot, digests may differ. From
# then on each transaction proves that the tree in the snapshot was that of the ensemble. Sets proven; where
# nothing is written, nothing can be proved, and nothing can have changed.
check_joined() {
  local zxid='' wrong='' zxid_before wrong_before
  observe_digests
  zxid_before=$zxid wrong_before=$wrong
  sleep 1
  observe_digests
  ((wrong == wrong_before)) || fail InconsistentSnapshot "the server that joined has not the data of the" \
    "ensemble: its digest is another one; another attempt may succeed"
  if [[ ${zxid:-0} -gt ${zxid_before:-0} ]] && ! grep -q '^digest.enabled=false' "$config/zoo.cfg"; then
    proven=true
  fi
}

as_json_list() {
  local line text=''
  while read -r line; do
    [[ -z $line ]] || text+="${text:+,}\"$line\""
  done
  echo "[$text]"
}

sync() {
  local servers published file
  published=$(readlink -f "$membership/..data")
  [[ -d $published ]] || published=$membership
  servers=$(< "$published/ZOO_SERVERS")
  rm -rf "$snapshots" "$work"/{synced,verified}.json
  prepare "$id" "$servers"$'\n'"server.$id=127.0.0.1:2888:3888:observer;127.0.0.1:2181" < "$config/zoo.cfg"
  start_server
  wait_until "observing|following" "the data could not be copied from the ensemble"
  check_joined
  stop_server
  file=$(snapshot_in "$home/data/version-2")
  [[ $file ]] || fail SyncFailed "the server that joined has written no snapshot; see the log of the container"
  mkdir "$snapshots"
  mv "$file" "$snapshots/"
  write_json "$work/synced.json" << JSON
{"zookeeperVersion":"$(value_of version | sed 's/[-,].*//')","servers":$(as_json_list <<< "$servers"),
 "znodes":$(value_of znode_count),"proven":$proven,"seconds":$((SECONDS - begun))}
JSON
  echo "copied $(basename "$file") in $((SECONDS - begun)) s" >&2
}

# It starts with the file alone, as a restored ensemble does, and with the keys that say what znodes are.
verify() {
  local file
  file=$(snapshot_in "$snapshots")
  [[ $file ]] || fail VerificationFailed "there is no snapshot in $snapshots"
  prepare 1 "server.1=127.0.0.1:2888:3888:participant;127.0.0.1:2181" < <(
    grep -E '^(extendedTypesEnabled|emulate353TTLNodes|tickTime|initLimit|syncLimit)=' "$config/zoo.cfg" || true
  )
  ln "$file" "$home/data/version-2/" 2> /dev/null || cp "$file" "$home/data/version-2/" ||
    fail_server "the snapshot cannot be copied"
  # Else it deletes containers that are empty.
  export SERVER_JVMFLAGS="${SERVER_JVMFLAGS:-} -Dznode.container.checkIntervalMs=2000000000"
  start_server
  wait_until leading "a server that was started with the snapshot did not serve it"
  write_json "$work/verified.json" << JSON
{"at":"$(date -u +%Y-%m-%dT%H:%M:%SZ)","znodes":$(value_of znode_count),"digestMismatches":$(wrong_digests),
 "ephemerals":$(value_of ephemerals_count),"loadSeconds":$((SECONDS - begun))}
JSON
  echo "served $(value_of znode_count) znodes after $((SECONDS - begun)) s" >&2
}

case $mode in
  sync) failure=SyncFailed ;;
  verify) failure=VerificationFailed ;;
  *) fail InvalidTask "joiner.sh knows sync and verify, not $mode" ;;
esac
"$mode"
