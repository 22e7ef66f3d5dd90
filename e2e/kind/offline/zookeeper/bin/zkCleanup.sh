#!/bin/bash
# zkCleanup.sh -n COUNT: keeps that many snapshots
# shellcheck source=zkEnv.sh
. "$(dirname "$(readlink -f "$0")")/zkEnv.sh"
data=$(setting dataDir) log=$(setting dataLogDir)
client org.apache.zookeeper.server.PurgeTxnLog "${log:-$data}" "$data" "$@"
