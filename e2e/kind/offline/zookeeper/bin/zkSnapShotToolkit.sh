#!/bin/bash
# zkSnapShotToolkit.sh [-d|-json] FILE: prints a snapshot
# shellcheck source=zkEnv.sh
. "$(dirname "$(readlink -f "$0")")/zkEnv.sh"
client org.apache.zookeeper.server.SnapshotFormatter "$@"
