#!/bin/bash
# Starts one member: checks whose volume it has, chooses the newest server list it can know of, writes
# the configuration, and hands over to the entrypoint of the image. It sends nothing over the network, so a
# member starts alone and without a quorum, and running it again is always safe.
#
#   /config       zoo.cfg, logback.xml, perhaps metrics.cfg (ConfigMap)
#   /membership   ZOO_SERVERS, configVersion, founders, perhaps epoch (ConfigMap)
#   /conf         on the volume: ZooKeeper rewrites zoo.cfg and keeps the committed server lists beside it
#   /super-user   digest, of the password of the super user (Secret)
#   environment   ZOO_MY_ID, POD_NAME, MEMBERS_DOMAIN, ENSEMBLE_IDENTITY, SERVER_JVMFLAGS
set -euo pipefail

readonly id=${ZOO_MY_ID:?} host=${POD_NAME:?}.${MEMBERS_DOMAIN:?} identity=${ENSEMBLE_IDENTITY:?}
readonly root=${START_ROOT:-} # only tests set it
readonly data=$root/data datalog=$root/datalog conf=$root/conf config=$root/config
readonly kept_lists=3 refused=64
# In kibibytes a second, for a network and a volume that are slow or busy; how much smaller compression makes a
# snapshot at most.
readonly slowest_sync=10240 packed=4

# The last message of a container: in its log, and where the kubelet reads it for the pod's status.
say_last() {
  echo "$*" >&2
  echo "$*" 2> /dev/null > "$root/dev/termination-log" || true
}
refuse() {
  say_last "$*"
  exit "$refused"
}
failed() {
  (($1 == refused)) || say_last "start.sh could not prepare member $id (see its log); is its volume full?"
}
trap 'failed $?' EXIT

# write FILE: puts standard input there in one step, so that a crash leaves the old file or the new one.
write() {
  cat > "$1.tmp"
  mv -f "$1.tmp" "$1"
}

# Namespace and name of this ensemble. A copy of a volume bears the identity of the original, but is not in
# its place.
find_place() {
  namespace=${MEMBERS_DOMAIN%%.*} ensemble=${POD_NAME%-"$id"}
  if ((id > 100)); then ensemble=${ensemble%-observer}; fi
  place=$namespace/$ensemble
}

has_files() { compgen -G "$1" > /dev/null; }

# Whether a directory holds snapshots or transactions.
holds_data() { has_files "$1/version-2/snapshot.*" || has_files "$1/version-2/log.*"; }

# Whether this member has, or has ever had, a database. An empty one writes the epoch -1.
holds_database() {
  holds_data "$data" || holds_data "$datalog" ||
    { [[ -e $data/version-2/currentEpoch ]] && [[ $(< "$data/version-2/currentEpoch") != -1 ]]; }
}

# check_volume DIRECTORY: refuses the volume of another ensemble or of another member.
check_volume() {
  local owner='' member='' stamped='' list=''
  [[ -s $1/identity ]] || return 0
  { read -r owner member && read -r stamped; } < "$1/identity" || true
  [[ $owner == "$identity" ]] || refuse \
    "the volume at $1 belongs to another ensemble ($owner; this one is $identity), so member $id does" \
    "not start; nothing on it was changed. Give the member its own volume back, or delete this claim."
  [[ $member == "$id" ]] || refuse \
    "the volume at $1 belongs to member $member of this ensemble, so member $id does not start;" \
    "nothing on it was changed. Volumes have been mixed up: give each member its own back."
  if [[ -z $stamped ]]; then # by a version that stamped no place
    list=$(last_list)
    if [[ -z $list ]] || is_ours "$list"; then return; fi
    stamped="in another place (its server list begins with ${list%%[:$'\n']*})"
  fi
  [[ $stamped == "$place" ]] || refuse \
    "the volume at $1 is that of member $id of the ensemble $stamped, or a copy of it, and this ensemble is" \
    "$place: member $id does not start, it could join the other ensemble; nothing on it was changed." \
    "To start without this data, delete the claim and the pod. To use the data here, write '$place' as the" \
    "second line of the file 'identity' in both directories."
}

check_identity() {
  local myid=''
  if [[ ! $id =~ ^[1-9][0-9]{0,2}$ ]] || ((id > 255)); then
    refuse "'$id' is not the id of a member (1 to 255)"
  fi
  find_place
  check_volume "$data"
  check_volume "$datalog"
  if [[ -s $data/myid ]]; then
    read -r myid < "$data/myid" || true
    [[ $myid == "$id" ]] || refuse \
      "the volume at $data says that it belongs to member $myid (in myid), so member $id does not" \
      "start; nothing on it was changed. Volumes have been mixed up: give each member its own back."
  fi
  holds_database || return 0
  [[ -s $data/identity || -s $datalog/identity ]] || refuse \
    "the volume at $data holds a database but not the mark of this ensemble, so member $id does not" \
    "start; nothing on it was changed. If the data is meant for it, write the lines '$identity $id' and" \
    "'$place' to the file 'identity' in both directories."
  # Without its log a member forgets what it has acknowledged, and would still vote.
  [[ -s $data/identity && -s $datalog/identity ]] || refuse \
    "one of the volumes of member $id (snapshots at $data, transactions at $datalog) is new, the other" \
    "is not: part of its data is lost, so it does not start. Replace the member: set the" \
    "annotation zookeeper.ensemble.dev/replace=true on its pod."
}

# The first line is all that earlier versions wrote, and all that they read.
stamp_volume() {
  local directory
  for directory in "$datalog" "$data"; do
    [[ -s $directory/identity && $(sed -n 2p "$directory/identity") == "$place" ]] ||
      printf '%s %s\n%s\n' "$identity" "$id" "$place" | write "$directory/identity"
  done
  [[ -s $data/myid ]] || echo "$id" | write "$data/myid"
}

# An empty member may take part in the first election of all, and in no other: the marker says so to
# ZooKeeper (db.autocreate=false). One left over from a start that failed is removed again.
#
# Sets database to what this member starts with; its AdminServer shows it (system_properties).
mark_founder() {
  database=kept
  if ! holds_database; then
    database=none
    if [[ " $founders " == *" $id "* ]]; then database=founder; fi
  fi
  if [[ $database == founder ]]; then
    begin_after_epoch
    : > "$datalog/initialize"
  else
    rm -f "$datalog/initialize"
  fi
}

# An ensemble that is founded again continues in a later epoch: clients refuse a server that is behind what
# they have seen, and so do members a configuration that is older than theirs.
begin_after_epoch() {
  rm -f "$data"/version-2/{current,accepted}Epoch
  if ((epoch > 0)); then
    mkdir -p "$data/version-2"
    printf '%s' "$epoch" | write "$data/version-2/acceptedEpoch"
  fi
}

# Server lists that ZooKeeper has stored, by version, the newest last.
stored_versions() {
  local file version
  for file in "$conf"/zoo.cfg.dynamic.*; do
    version=${file##*.dynamic.}
    [[ $version =~ ^[0-9a-f]{1,16}$ && -s $file ]] || continue
    printf '%016x %s\n' "$((16#$version))" "$version"
  done | sort | cut -d ' ' -f 2
}

# is_ours LIST: whether a stored list is one of this ensemble. It gives this member its own address; one that
# leaves the member out names another member of this ensemble. ZooKeeper connects to every server it names.
is_ours() {
  local own
  if own=$(grep "^server\.$id=" <<< "$1"); then
    [[ $own == "server.$id=$POD_NAME.$namespace.svc."* ]]
  else
    grep -Eq "^server\.[0-9]+=$ensemble(-observer)?-[0-9]+\.$namespace\.svc\." <<< "$1"
  fi
}

# The list that this volume was used with last; nothing if there is none.
last_list() {
  local stored
  stored=$(stored_versions | tail -n 1)
  cat "$conf/zoo.cfg.dynamic${stored:+.$stored}" 2> /dev/null || true
}

our_versions() {
  local version
  stored_versions | while read -r version; do
    if is_ours "$(< "$conf/zoo.cfg.dynamic.$version")"; then echo "$version"; fi
  done
}

names_me() { grep -q "^server\.$id=" <<< "$1"; }

# Sets servers and version to the newest list there is: the published one, or the last one this member
# has seen committed, which is newer while the operator has not published it yet. A list that
# leaves this member out counts as well: one that has left must not come back with a vote by an older
# list. The published list counts whatever it names, a stored one only if it is of this ensemble.
choose_servers() {
  local stored
  stored=$(our_versions | tail -n 1)
  if [[ -n $stored ]] && ((16#$stored > 16#$published_version)); then
    newest=$stored servers=$(< "$conf/zoo.cfg.dynamic.$stored")
  else
    newest=$published_version servers=$published
  fi
  version=$newest
  if names_me "$servers"; then return; fi
  # A member that will join, or has left. As an observer it can sync and do no harm. What it starts
  # from is no configuration the ensemble has agreed on, so it must not bear the version of one.
  version=0
  servers+=$'\n'"server.$id=$host:2888:3888:observer;0.0.0.0:2181"
}

# Removes what earlier starts and reconfigurations left: lists but the newest, those of another ensemble, and
# a proposed list that was overtaken. A newer proposed list stays: this member may have voted for it.
prune() {
  local old proposed=$conf/zoo.cfg.dynamic.next version=''
  stored_versions | while read -r old; do
    is_ours "$(< "$conf/zoo.cfg.dynamic.$old")" || rm -f "$conf/zoo.cfg.dynamic.$old"
  done
  stored_versions | head -n "-$kept_lists" | while read -r old; do
    [[ $old == "$newest" ]] || rm -f "$conf/zoo.cfg.dynamic.$old"
  done
  if [[ -e $proposed ]]; then
    version=$(sed -n 's/^version=\([0-9a-f]\{1,16\}\)[[:space:]]*$/\1/p' "$proposed")
    { ((16#${version:-0} > 16#$newest)) && is_ours "$(< "$proposed")"; } || rm -f "$proposed"
  fi
  rm -f "$conf"/*.tmp "$conf/zoo.cfg.bak"
}

# The kibibytes of this member's database at most: its newest snapshot, and the transactions since. Files of
# the log are sparse, so what counts is the space they take.
database_size() {
  local file name zxid size newest=-1 total=0
  for file in "$data"/version-2/snapshot.* "$datalog"/version-2/log.*; do
    name=${file##*/} name=${name%.gz} name=${name%.snappy} zxid=${name#*.}
    [[ $zxid =~ ^[0-9a-f]{1,16}$ ]] || continue
    size=$(stat -c %b "$file")
    ((size /= 2)) || true # from blocks of 512 bytes
    [[ $file == */"$name" ]] || ((size *= packed)) || true
    if ((16#$zxid > newest)); then
      if [[ $name == snapshot.* ]]; then newest=$((16#$zxid)) total=0; fi
      ((total += size)) || true
    fi
  done
  echo "$total"
}

# number_of KEY: its value in zoo.cfg; nothing if that is no number, which ZooKeeper itself reports.
number_of() { sed -n "s/^$1=\([1-9][0-9]\{0,6\}\)[[:space:]]*$/\1/p" "$config/zoo.cfg"; }

# zoo.cfg with an initLimit that is large enough for the data. A leader drops a member that has not written
# what it was sent to its volume within so many ticks. It comes back, and needs all of it again if much has
# been written meanwhile. The value of zoo.cfg is what a member without data has.
settings() {
  local tick limit
  tick=$(number_of tickTime) limit=$(number_of initLimit)
  if [[ $tick && $limit ]]; then
    ((limit += $(database_size) * 1000 / slowest_sync / tick)) || true
    sed "s/^initLimit=.*/initLimit=$limit/" "$config/zoo.cfg"
  else
    cat "$config/zoo.cfg"
  fi
}

write_configuration() {
  local list=$conf/zoo.cfg.dynamic
  # Version 0 has no suffix, so it can never be taken for a list the ensemble has agreed on.
  ((16#$version == 0)) || list+=.$version
  printf '%s\n' "$servers" | write "$list"
  write "$conf/logback.xml" < "$config/logback.xml"
  { settings && metrics_keys && echo "dynamicConfigFile=$list"; } | write "$conf/zoo.cfg"
}

# Whether the image has ZooKeeper's provider for Prometheus, in a folder that zkEnv.sh looks for jars in.
has_metrics_provider() {
  local server folder
  server=$(command -v zkServer.sh) || return 1
  folder=$(dirname "$(readlink -f "$server")")
  has_files "$folder/../lib/zookeeper-prometheus-metrics-*.jar" ||
    has_files "$folder/../zookeeper-prometheus-metrics-*.jar"
}

# A server ends that does not find the class of its provider, so one is named only where the image has it.
metrics_keys() {
  [[ -e $config/metrics.cfg ]] || return 0
  if has_metrics_provider; then
    cat "$config/metrics.cfg"
  else
    echo "the image has no zookeeper-prometheus-metrics-*.jar: member $id starts without metrics" >&2
  fi
}

# ZooKeeper reads the digest of the super user from a system property and nowhere else. Java, from version 9
# on, reads options from a file as well: an open pipe here, so that the digest is in no argument and no
# variable of a process, and on no disk.
# Without it nobody could change the list of members: then it is better not to start.
pass_digest() {
  local file=$root/super-user/digest digest
  [[ -r $file && -s $file ]] ||
    refuse "the digest of the super user cannot be read at /super-user: does podTemplate mount something there," \
      "or take fsGroup away?"
  digest=$(< "$file")
  exec {options}< <(printf '%s' "-Dzookeeper.DigestAuthenticationProvider.superDigest=$digest")
  wait $! || true # or it stays a zombie of the server; at times bash knows no status of it any more
  SERVER_JVMFLAGS="@/dev/fd/$options $SERVER_JVMFLAGS"
}

# The mount changes as a whole when its target is swapped: read everything from one target.
membership=$(readlink -f "$root/membership/..data")
[[ -d $membership ]] || membership=$root/membership
published=$(< "$membership/ZOO_SERVERS")
published_version=$(< "$membership/configVersion")
founders=$(< "$membership/founders")
epoch=0
[[ ! -e $membership/epoch ]] || epoch=$(< "$membership/epoch")
servers='' version=0 newest=0 namespace='' ensemble='' place='' database=''

check_identity
stamp_volume
mark_founder
choose_servers
prune
write_configuration

echo "member $id starts with database: $database, from version $version of the server list:" \
  "${servers//$'\n'/ }" >&2
export ZOO_SERVERS=${servers//$'\n'/ }
export SERVER_JVMFLAGS="${SERVER_JVMFLAGS:-} -Dmember.database=$database"
pass_digest
exec "$root/docker-entrypoint.sh" zkServer.sh start-foreground
