#!/usr/bin/env bash
# test.sh        every check of the project; says how long each file took, and counts the tests in the last line
# test.sh e2e    the tests on the kind cluster only, which must be up
# test.sh integration [FILE...]   those against processes of this machine only; of KUBERNETES=oldest if it says so
#
# Two cores are kept busy: the files of `waiting` hold tests that mostly wait, for minutes, and run beside all
# others. A test that stops the operator for all is marked `alone`: nothing else uses the cluster then. A test that
# is `measured` has the whole machine as well.
set -euo pipefail
cd "$(dirname "$0")/.."
results=$(mktemp -d)
declare -A lanes=()
trap 'end_lanes; rm -rf "$results"' EXIT
export PYTEST_ADDOPTS="${PYTEST_ADDOPTS:-} --durations=15"
export E2E_RUN=$((EPOCHSECONDS % 100000))
waiting=(e2e/test_{long_rest,alerts,discovery}.py) # the longest first

ticks() { # ticks: how long the processors have worked, and how long they have been there
  awk '/^cpu / { print $2 + $3 + $4 + $7 + $8, $2 + $3 + $4 + $5 + $6 + $7 + $8 }' /proc/stat
}

stage() { # stage NAME COMMAND...: runs it and says how long it took, and how busy the machine was meanwhile
  local name=$1 since=$SECONDS worked all worked_then all_then
  shift
  echo "== $name"
  read -r worked_then all_then < <(ticks)
  "$@"
  read -r worked all < <(ticks)
  echo "== $name: $((SECONDS - since)) s, processors $((100 * (worked - worked_then) / (all - all_then + 1))) % busy"
}

beside() { # beside NAME COMMAND...: a stage in the background; `joined` shows what it said
  set -m # a process group of its own, to be ended as a whole
  stage "$@" > "$results/$1.log" 2>&1 &
  set +m
  lanes[$1]=$!
}

joined() { # joined NAME: waits for a stage in the background, and fails if it did
  local failed=0
  wait "${lanes[$1]}" || failed=$?
  unset "lanes[$1]"
  cat "$results/$1.log"
  return "$failed"
}

end_lanes() {
  local lane
  for lane in "${lanes[@]}"; do kill -- "-$lane" 2> /dev/null || true; done
  wait
}

suite() { # suite NAME ARGUMENTS...: one run of pytest whose counts are kept, and the versions that it met
  local name=$1
  shift
  TESTED_NOTES="$results/$name.tested" .venv/bin/pytest --junit-xml="$results/$name.xml" "$@"
}

local_processes() { # local_processes [FILE...]
  suite integration -n 2 --dist loadfile -m 'not long' "${@:-tests/integration}"
}

shared() {
  suite e2e -n 2 --no-loadscope-reorder -m 'not long and not alone and not measured' "${waiting[@]/#/--ignore=}" e2e
}

on_cluster() { # on_cluster [LANE COMMAND...]: with what may run while the cluster must be idle
  eval "$(e2e/kind/cluster.sh env)"
  e2e/kind/operator-image.sh
  beside waiting suite waiting -n 2 --no-loadscope-reorder -m 'not long' "${waiting[@]}"
  stage e2e shared
  joined waiting
  stage measured suite measured -m 'measured and not long' e2e
  [[ $# == 0 ]] || beside "$@"
  stage alone suite alone -m 'alone and not long' e2e
}

if [[ ${1:-} == e2e ]]; then
  on_cluster
elif [[ ${1:-} == integration ]]; then
  stage integration local_processes "${@:2}"
else
  stage setup make --no-print-directory setup
  beside lint make --no-print-directory lint
  # The longest tests first: none is waited for in the end.
  beside checks suite checks -n 2 --dist worksteal -m 'not long' tests/simulation tests/unit
  stage cluster make --no-print-directory cluster
  joined lint
  joined checks
  on_cluster integration local_processes
  joined integration
fi
PYTHONPATH=. .venv/bin/python -m e2e.count "$results"
