# Every task of the project. CONTRIBUTING.md says when to use which.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLUSTER := e2e/kind/cluster.sh
NODES_CLUSTER := zookeeper-operator-nodes
export WORKERS ?= 0

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(VENV)/.ready ## make .venv with the locked versions

.PHONY: lock
lock: setup ## resolve the dependencies to their newest versions, into the lock files
	$(BIN)/uv pip compile --quiet pyproject.toml --extra backup --group pyproject.toml:dev --generate-hashes --universal \
	  --python-version 3.11 --upgrade --no-emit-index-url --custom-compile-command "make lock" -o requirements.lock
	$(BIN)/uv pip compile --quiet pyproject.toml --extra backup --generate-hashes --universal --python-version 3.11 \
	  --constraint requirements.lock --no-emit-index-url --custom-compile-command "make lock" -o operator/requirements.lock

.PHONY: generate
generate: setup ## write what is generated: the CRD, the reference pages, alert rules, dashboards
	for plural in zookeeperensembles zookeeperbackups zookeeperbackupschedules; do \
	  $(BIN)/python -m zookeeper_operator.api.schema.crd $$plural > crds/$$plural.yaml; done
	for page in ensemble backups; do \
	  $(BIN)/python -m zookeeper_operator.api.schema.reference $$page > docs/reference/$$page.md; done
	PYTHONPATH=operator:. $(BIN)/python -m monitoring

## ---- checks ----

.PHONY: lint
lint: setup ## ruff, mypy, import contracts, shellcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	git ls-files '*.sh' .ci/run | xargs $(BIN)/shellcheck --external-sources --source-path=SCRIPTDIR --source-path=SCRIPTDIR/..

.PHONY: unit
unit: setup ## pure functions, golden manifests, properties
	$(BIN)/pytest -n 2 tests/unit

.PHONY: simulate
simulate: setup ## the real loop in a simulated cluster (SEEDS=150, or SEED=n to replay one)
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),150))

.PHONY: check
check: lint unit simulate ## everything that needs no cluster

.PHONY: integration
integration: setup ## a real API server and real ZooKeeper servers as local processes (KUBERNETES=oldest)
	e2e/test.sh integration

.PHONY: bench-scale
bench-scale: setup ## many ensembles on a local control plane, measured (SIZES="100 300 1000")
	PYTHONPATH=operator:. $(BIN)/python -m tests.bench.scale $(or $(SIZES),100 300 1000)

.PHONY: e2e
e2e: setup cluster ## the promises users read, on the kind cluster, installed by the chart
	e2e/test.sh e2e

.PHONY: e2e-long
e2e-long: setup cluster ## more seeds, many rolls and scalings under writers, interrupted at every step; the how-to pages
	$(BIN)/python -m tests.simulation --seeds 500
	$(BIN)/pytest -n 2 --dist loadfile -m long tests/simulation tests/integration
	KUBERNETES=oldest e2e/test.sh integration $(API_SERVER)
	eval "$$($(CLUSTER) env)"; $(CURDIR)/$(BIN)/pytest -m 'long and not nodes' e2e
	$(MAKE) e2e-nodes

.PHONY: e2e-nodes
e2e-nodes: setup ## a cluster of its own, of four nodes in three zones: drains, lost nodes, partitions
	CLUSTER=$(NODES_CLUSTER) WORKERS=3 $(CLUSTER) up
	eval "$$($(CLUSTER) env)"; CLUSTER=$(NODES_CLUSTER) $(CURDIR)/$(BIN)/pytest e2e/test_cluster.py e2e/test_nodes.py

.PHONY: bench-snapshots
bench-snapshots: setup ## verify, strip and compare snapshots of 1 GB, measured (SIZE=1000000000)
	PYTHONPATH=operator:. $(BIN)/python -m tests.bench.snapshots $(or $(SIZE),1000000000)

.PHONY: bench-backup
bench-backup: setup ## a backup beside an AdminServer snapshot, on real servers under writers (SIZE=10000000)
	PYTHONPATH=operator:. $(BIN)/python -m tests.bench.backup $(or $(SIZE),10000000)

.PHONY: bench
bench: setup cluster ## an ensemble beside a plain StatefulSet: create, roll, leader killed, scale (RUNS=3)
	$(BIN)/python -m e2e.bench

.PHONY: tutorial
tutorial: setup cluster ## run every command of docs/tutorial.md on the kind cluster and compare what it prints
	$(BIN)/python -m e2e.tutorial docs/tutorial.md

.PHONY: test
test: ## lint, types, contracts, unit, simulation, integration, e2e; ends with one line of counts
	e2e/test.sh

## ---- cluster ----

.PHONY: cluster
cluster: setup ## make (or find) the kind cluster `zookeeper-operator`; WORKERS=3 for more nodes
	$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## remove the kind cluster, and the Docker engine if it is ours
	$(CLUSTER) down

.PHONY: demo
demo: cluster ## a three-member ensemble on kind, run by the operator
	e2e/demo.sh up

.PHONY: demo-down
demo-down: ## remove the demo
	e2e/demo.sh down
