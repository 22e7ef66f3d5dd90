#!/bin/bash
# zkCli.sh [-server host:port] [command ...]
# shellcheck source=zkEnv.sh
. "$(dirname "$(readlink -f "$0")")/zkEnv.sh"
client org.apache.zookeeper.ZooKeeperMain "$@"
