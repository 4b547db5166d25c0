# SPDX-License-Identifier: Apache-2.0
#
# `make` lists the targets. Each sets up what it needs in .venv and .cache, below this folder and nowhere else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

# What Ansible and the tools keep for themselves stays in the checkout too.
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Python's variables of another environment would lead astray.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

PY := .venv/bin/python
PYTEST := $(PY) -m pytest

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: venv ## Record the example playbook under linear and under free, and show both trees
	@tools/demo

.PHONY: test
test: lint types layers ## Check style, types and layers, and run the tests of every part
	$(PYTEST) -n auto --dist worksteal -m "not full and not campaign" --timeout 300

.PHONY: test-campaigns
test-campaigns: venv ## Run what takes longer: many versions and ways, real clients, browsers, containers, killed processes
	$(PYTEST) -n auto --dist worksteal -m "campaign and not full" --timeout 300

.PHONY: lint
lint: venv ## Check style and format
	$(PY) -m ruff check
	$(PY) -m ruff format --check

.PHONY: format
format: venv ## Format the code and mend what ruff can mend
	$(PY) -m ruff check --fix-only
	$(PY) -m ruff format

.PHONY: types
types: venv ## Check the types (mypy --strict)
	$(PY) -m mypy

.PHONY: layers
layers: venv ## Check that imports point down the layers of the design
	.venv/bin/lint-imports --no-logo

.PHONY: test-matrix
test-matrix: venv ## Run the collection in core-only environments, every ansible-core and Python, and the callback at length
	$(PYTEST) -n auto tests/matrix tests/callback tests/secrets

.PHONY: test-faults
test-faults: venv ## Kill receivers, dispatchers, runners and servers for a long time, and feed them all that is damaged
	$(PYTEST) -n auto -m full tests/ingestion tests/store tests/cli tests/acceptance tests/dispatcher tests/recorders

.PHONY: test-fleet
test-fleet: venv ## Run what several programs do together, with a real Redis and supervisord, at length
	$(PYTEST) -n auto tests/broker tests/doctor tests/supervision

.PHONY: sanity
sanity: venv ## Run ansible-test sanity on the collection, with several versions of ansible-core
	$(PYTEST) -n auto tests/matrix/test_sanity.py

.PHONY: collection
collection: venv ## Build the collection's tarball in build/
	@tools/links
	@mkdir -p build
	@rm -f build/forge-events-*.tar.gz
	.venv/bin/ansible-galaxy collection build --force --output-path build collection

.PHONY: wheel
wheel: venv ## Build the sdist and, from it, the wheel in dist/
	@rm -rf dist
	$(PY) -m build

.PHONY: bench
bench: venv ## Measure what the plugin costs, beside no plugin, in one run (BENCH='--help' for more)
	@$(PY) -m tests.benchmarks $(BENCH)

.PHONY: bench-store
bench-store: venv ## Measure the PostgreSQL store with up to a million jobs, beside its baselines (BENCH='--help' for more)
	@$(PY) -m tests.benchmarks.store $(BENCH)

.PHONY: bench-ingest
bench-ingest: venv ## Measure how fast 100,000 events of ansible-runner are ingested, beside only reading them
	@$(PY) -m tests.benchmarks.ingest $(BENCH)

.PHONY: bench-dispatch
bench-dispatch: venv ## Measure the dispatcher: from launch to running, from a hook to the store, idle, and among 100,000 pending jobs
	@$(PY) -m tests.benchmarks.dispatch $(BENCH)

.PHONY: bench-serve
bench-serve: venv ## Measure pages, sockets and the page of a job of a million events, beside baselines (BENCH='--help' for more)
	@$(PY) -m tests.benchmarks.serve $(BENCH)

.PHONY: bench-questions
bench-questions: venv ## Ask a store of 1,000 recorded runs ten questions, each by one command (BENCH='--help' for more)
	@$(PY) -m tests.benchmarks.questions $(BENCH)

.PHONY: fuzz-ingest
fuzz-ingest: venv ## Hand the readers of ansible-runner's files 100,000 things that could stand in them (FUZZ=--hypothesis-seed=N)
	$(PYTEST) -n auto -m full $(FUZZ) tests/ingestion/runner/test_any_messages.py

.PHONY: vendor
vendor: ## Fetch the scripts of others that the page uses, as vendor.json names them (needs npm; nothing else does)
	@tools/vendor

.PHONY: venv
venv: ## Make .venv with all that developing takes, or find it up to date
	@tools/venv

.PHONY: clean
clean: ## Remove everything that make made
	rm -rf .venv .cache build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
