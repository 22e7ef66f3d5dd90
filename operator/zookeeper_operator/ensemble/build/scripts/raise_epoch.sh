# shellcheck shell=bash disable=SC2154 # a part of start.sh, put in before the list is written
# An ensemble that begins from the data of another one, which may be started again, begins in a later epoch than
# the other comes to: otherwise both would use the same transaction ids for different transactions. Each voter
# of its first list does this, so none of them finds the epoch of the first leader too old.
raise_epoch() {
  local accepted=-1 file=$data/version-2/acceptedEpoch
  ((epoch > 0)) && ((16#$version == 0)) && [[ $database == kept ]] || return 0
  grep -q "^server\.$id=.*:participant" <<< "$servers" || return 0
  [[ ! -s $file ]] || accepted=$(< "$file")
  ((accepted >= epoch)) || printf '%s' "$epoch" | write "$file"
}
raise_epoch
