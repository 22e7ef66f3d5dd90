#!/bin/bash
# zkTxnLogToolkit.sh [-d] FILE: prints a transaction log
# shellcheck source=zkEnv.sh
. "$(dirname "$(readlink -f "$0")")/zkEnv.sh"
client org.apache.zookeeper.server.persistence.TxnLogToolkit "$@"
