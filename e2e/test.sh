#!/usr/bin/env bash
# Every check of the project, one stage after the other; the last line counts the tests of all stages.
set -euo pipefail
cd "$(dirname "$0")/.."
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
export PYTEST_ADDOPTS="${PYTEST_ADDOPTS:-} --durations=5"

stage() { # stage NAME COMMAND...: runs it and says how long it took
  local name=$1 since=$SECONDS
  shift
  echo "== $name"
  "$@"
  echo "== $name: $((SECONDS - since)) s"
}

suite() { # suite NAME FOLDER...: one run of pytest whose counts are kept
  local name=$1
  shift
  .venv/bin/pytest --junit-xml="$results/$name.xml" "$@"
}

on_cluster() {
  eval "$(e2e/kind/cluster.sh env)"
  e2e/kind/operator-image.sh
  suite e2e -m 'not long' e2e
}

stage setup make --no-print-directory setup
stage lint make --no-print-directory lint
stage unit suite unit tests/unit
stage simulation suite simulation tests/simulation
stage cluster make --no-print-directory cluster
stage integration suite integration tests/integration
stage e2e on_cluster
.venv/bin/python e2e/count.py "$results"
