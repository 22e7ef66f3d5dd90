#!/bin/bash
# Stands in for the start script of pravega's image. With its list on the volume a member starts from that. On an empty
# one the first founds the ensemble, and the others add themselves as observers; readiness makes them voters.
set -euo pipefail
# shellcheck source=pravega-functions.sh
. /usr/local/bin/functions.sh

on_disk=false
[[ ! -f $data/myid || $(< "$data/myid") != "$id" || ! -f $static || ! -f $dynamic ]] || on_disk=true
others=false
for ((tries = 20; tries > 0; tries--)); do
  if getent hosts "$DOMAIN"; then
    others=true
    break
  fi
  ((id > 1)) || break # published lookups tell at once that there is nobody
  sleep 2
done

if [[ $on_disk == false ]]; then
  echo "$id" > "$data/myid"
  ((id > 1)) || echo "server.$id=$(server_line participant)" > "$dynamic"
  if [[ $others == true ]]; then
    zkCli.sh -server "$(ensemble)" reconfig -add "server.$id=$(server_line observer)" | tee /tmp/added
    grep '^server\.' /tmp/added > "$dynamic.new"
    mv "$dynamic.new" "$dynamic"
  fi
fi

# The last line is where ZooKeeper notes which list is the newest; all else comes from the operator each time.
newest=$(tail -n 1 /conf/zoo.cfg)
[[ ! -f $static ]] || newest=$(tail -n 1 "$static")
mkdir -p "$data/conf"
{ head -n -1 /conf/zoo.cfg && echo "$newest"; } > /tmp/zoo.cfg
cp /tmp/zoo.cfg "$static"
cp /conf/env.sh /conf/logback.xml "$data/conf/"
[[ -f $dynamic ]] || { echo "this member is not registered"; exit 1; }
zkServer.sh --config "$data/conf" start-foreground
