.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# pip of the machine installs into the environment: a plain Debian has no pip of its own for it.
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet

.PHONY: help
help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: demo
demo: .venv/.ready ## Run the main job once, from an empty machine to a verified webhook and an update
	@$(BIN)/autos demo

.PHONY: up
up: .venv/.ready ## Leave a whole stack running, with an address and a key to use
	@$(BIN)/autos up

.PHONY: test
test: .venv/.ready ## Lint, then run every test but the long ones
	@$(MAKE) --no-print-directory -j 2 -O lint .venv-ministack/.ready
	@# Side by side a test may meet a machine that is too busy: what failed has to pass by itself.
	$(BIN)/pytest -n 4 --dist loadfile || $(BIN)/pytest --last-failed

.PHONY: test-faults
test-faults: .venv/.ready ## Attack the service with everything, the long faults too (about 22 minutes)
	@$(MAKE) --no-print-directory -j 2 -O test-storm test-other-faults

.PHONY: test-storm
test-storm: .venv/.ready ## Ten minutes of everything at once; STORM_SECONDS=60 for a look, STORM_SEED for the same dice
	$(BIN)/pytest -m "faults or long" tests/acceptance/faults/everything/test_storm.py

.PHONY: test-other-faults
test-other-faults: .venv/.ready
	$(BIN)/pytest -n 2 --dist loadfile -m "faults or long" tests/acceptance/faults --ignore tests/acceptance/faults/everything/test_storm.py

.PHONY: test-long
test-long: .venv/.ready .axe/.ready ## The other long tests: large archives, a browser, thousands of listeners and of hostile requests
	$(BIN)/pytest -n 2 --dist loadfile -m long --ignore tests/acceptance/faults --ignore tests/acceptance/operation/test_container.py

.PHONY: test-container
test-container: .venv/.ready ## Do what the Dockerfile does, without an engine, and start its processes (a minute)
	$(BIN)/pytest -m "long or not long" tests/acceptance/operation/test_container.py

.PHONY: audit
audit: .venv-audit/.ready ## Look the pinned packages up among the known vulnerabilities (needs a network)
	@# --strict: a package that nobody can look up is not one without vulnerabilities.
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock

.PHONY: lint
lint: .venv/.ready ## Check style, types, the arrows between modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: .venv/.ready ## Put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: documents
documents: .venv/.ready ## Make anew what is made from the code: the Postman collection
	$(BIN)/autos postman > docs/autos.postman_collection.json

.PHONY: pictures
pictures: .venv/.ready ## Take the pictures of the console for the README (needs Chromium)
	$(BIN)/python -m tests.browser.pictures

.PHONY: bench
bench: .venv/.ready ## Measure everything beside what else one could use (about 12 minutes)
	@$(MAKE) --no-print-directory .venv-bench/.ready || echo "Without .venv-bench: some comparisons are left out"
	$(BIN)/python -m tests.benchmarks $(SECTIONS)

.PHONY: bench-memory
bench-memory: .venv/.ready ## Measure the worker's memory with documents of 600 MB
	$(BIN)/python -m tests.benchmarks.memory

.PHONY: bench-scale
bench-scale: .venv/.ready ## Compare a database of SCALE cases (1000000: 10 GB of disk, 12 minutes) with one of 10,000
	$(BIN)/python -m tests.benchmarks.scale

.PHONY: lock
lock: ## Pin all dependencies anew (needs uv)
	uv pip compile pyproject.toml --python-version 3.11 --universal --generate-hashes --no-annotate --no-header \
		--upgrade -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --universal --generate-hashes --no-annotate \
		--no-header --upgrade -q -o requirements-dev.lock
	uv pip compile tests/bench.in --python-version 3.11 --universal --generate-hashes --no-annotate --no-header \
		--upgrade -q -o tests/bench.lock
	echo "pip-audit>=2.10,<3" | uv pip compile - --python-version 3.11 --universal --generate-hashes --no-annotate \
		--no-header --upgrade -q -o tests/audit.lock

.PHONY: clean
clean: ## Remove the environments and the data of the local stack
	rm -rf .axe .venv .venv-ministack .venv-bench .venv-audit .autos .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.ready: requirements-dev.lock pyproject.toml
	@echo "Setting up the environment (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@$(PIP) --python $(BIN)/python install --require-hashes -r requirements-dev.lock
	@$(PIP) --python $(BIN)/python install --no-build-isolation --no-deps -e .
	@touch $@

# In an environment of its own: it pins another botocore than aioboto3 does.
.venv-ministack/.ready: tests/ministack.lock
	@test -x .venv-ministack/bin/python || $(PYTHON) -m venv --without-pip .venv-ministack
	@$(PIP) --python .venv-ministack/bin/python install --require-hashes -r tests/ministack.lock
	@touch $@

# Only the file axe.min.js is used, so its Python dependencies, a browser among them, are left out.
.axe/.ready: tests/axe.lock
	@$(PIP) --python .venv/bin/python install --require-hashes --no-deps --upgrade --target .axe -r tests/axe.lock
	@touch $@

# In an environment of its own: what the bench compares with pins another botocore than aioboto3 does.
.venv-bench/.ready: tests/bench.lock
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv --without-pip .venv-bench
	@$(PIP) --python .venv-bench/bin/python install --require-hashes -r tests/bench.lock
	@touch $@

# In an environment of its own: what looks for holes in the dependencies is none of them.
.venv-audit/.ready: tests/audit.lock
	@test -x .venv-audit/bin/python || $(PYTHON) -m venv --without-pip .venv-audit
	@$(PIP) --python .venv-audit/bin/python install --require-hashes -r tests/audit.lock
	@touch $@
