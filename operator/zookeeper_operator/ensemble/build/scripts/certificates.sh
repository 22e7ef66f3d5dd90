#!/bin/bash
# Puts the certificates of a member where its server reads them, keeps them up to date while it runs, and
# starts it.
#
#   /tls            keystore.pem, truststore.p12, truststore.password (Secret)
#   /certificates   the same files in a memory volume
#
# ZooKeeper watches the files that it reads, and does not notice a mount that the kubelet swaps: each file is
# put there by a rename. It watches the two stores apart from each other, so they never change at the same
# moment: the trust store comes first, and the key store some seconds later.
set -euo pipefail
umask 077

readonly root=${START_ROOT:-} # only tests set it
readonly mounted=$root/tls used=$root/certificates
readonly seconds_between=${SECONDS_BETWEEN_STORES:-3}

# take FILE: copies it in one step; fails if the mount is swapped at this moment.
take() {
  cp "$source/$1" "$used/.$1" && mv -f "$used/.$1" "$used/$1"
}

is_current() {
  [[ -e $used/$1 ]] && [[ $(sha256sum < "$source/$1") == "$(sha256sum < "$used/$1")" ]]
}

# update [SECONDS]: takes what has changed, with a pause between the stores.
update() {
  local source pause=${1:-0}
  source=$(readlink -f "$mounted/..data") || return
  [[ -d $source ]] || source=$mounted
  # Before the store: the server reads it when the store changes.
  is_current truststore.password || take truststore.password || return
  if ! is_current truststore.p12; then
    take truststore.p12 || return
    ((pause == 0)) || echo "a trust store was taken over" >&2
    is_current keystore.pem || sleep "$pause"
  fi
  is_current keystore.pem || {
    take keystore.pem || return
    ((pause == 0)) || echo "a key store was taken over" >&2
  }
}

follow() {
  while sleep 1; do
    update "$seconds_between" || true
  done
}

update 0 || {
  echo "the certificates in /tls cannot be read" | tee "$root/dev/termination-log" >&2
  exit 1
}
follow &
exec bash "$root/config/start.sh"
