# shellcheck shell=bash
# What all scripts of this folder share; sourced, never run.
shopt -s inherit_errexit # or `x=$(f)` would run on after a failure in f
kind_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$kind_folder/../.." && pwd)
offline=$kind_folder/offline
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zookeeper-operator
cluster=${CLUSTER:-zookeeper-operator}
# shellcheck source=versions.sh
. "$kind_folder/versions.sh"
export repository offline cluster # used by what sources this

# Progress goes to standard error: standard output belongs to what a script was asked for.
say() { printf '%(%T)T %s\n' -1 "$*" >&2; }
die() { say "$*"; exit 1; }

# key WORD...: a short hash of the words and, for those that are paths, of the content below them.
key() {
  local word
  for word; do
    printf '%s\0' "${word##*/}"
    [[ ! -e $word ]] || find "$word" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat
  done | sha256sum | cut -c1-16
}

# product NAME KEY COMMAND...: prints the cached folder NAME-KEY; where it is missing, COMMAND first
# fills it. It gets its name only when complete, so an interrupted build leaves nothing half made.
product() {
  local target=$cache/$1-$2 name=$1
  shift 2
  if [[ ! -d $target ]]; then
    ( # no `||` behind this: it would switch off `set -e` in all that COMMAND does
      mkdir -p "$cache"
      exec 9> "$cache/$name.lock" # two checkouts may ask for the same at once
      flock 9
      [[ ! -d $target ]] || exit 0
      rm -rf "$target.part"
      mkdir "$target.part"
      started=$SECONDS
      say "building $name"
      # Its sleep outlives it and must not keep a pipe of the caller open.
      while sleep 60 &> /dev/null; do say "still building $name, $((SECONDS - started)) s"; done > /dev/null 9>&- &
      ticker=$!
      trap 'kill $ticker; [[ -d $target ]] || say "building $name failed"' EXIT
      "$@" "$target.part" >&2 9>&-
      mv "$target.part" "$target"
      say "built $name in $((SECONDS - started)) s"
    )
  fi
  echo "$target"
}

# quietly LOG COMMAND...: its output only when it fails.
quietly() {
  local log=$1
  shift
  "$@" > "$log" 2>&1 || { tail -n 30 "$log" >&2; return 1; }
}
