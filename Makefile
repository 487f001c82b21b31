# Blue Lamp: one command for each task. `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60
# Every part is a process of its own: each would compile the program again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run sample test suite check types lint collect bench backtest periods faults fuzz audit-dependencies derive site pictures chart lock parts clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

# uv installs in a third of pip's time. Where uv cannot reach the packages (a proxy that only pip knows), pip does.
$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >$(VENV)/uv.lock
	$(PIP) --require-hashes -r $(VENV)/uv.lock
	$(UV) --compile-bytecode --require-hashes -r requirements.lock || $(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

run: $(VENV)/.ready ## Start everything on this machine with a simulated force; resumes where it stopped
	$(BIN)/bluelamp up --data .bluelamp/simulated

sample: $(VENV)/.ready ## Replay a real week of fire and ambulance incidents instead, from its start each time
	$(BIN)/bluelamp up --data .bluelamp/sample --fresh --force san_francisco_fire --replay sample --fast-until 2017-01-04T17:00 --speed 60

# Types take one core for half a minute, so they are checked during the tests.
test: $(VENV)/.ready ## Run every check: lint, types, layers, derived files and the test suite
	$(MAKE) --no-print-directory --jobs 2 --output-sync lint parts collect
	$(MAKE) --no-print-directory --jobs 2 types suite

# Most tests wait for servers: six processes keep two cores busy. The longest tests start first (tests/conftest.py).
suite: $(VENV)/.ready
	$(BIN)/python -m pytest --numprocesses 6 --no-loadscope-reorder

check: types lint ## Check lint, format, types, layers and derived files

types: $(VENV)/.ready
	$(BIN)/mypy

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m bluelamp.derive --check

# pytest compiles every test file once here, not once in each of its processes; those report what is wrong with a file.
collect: $(VENV)/.ready
	$(BIN)/python -m pytest --collect-only --quiet --quiet >/dev/null 2>&1 || true

derive: $(VENV)/.ready ## Write the derived files again: schemas, rules, dashboards, reference pages
	$(BIN)/python -m bluelamp.derive

bench: $(VENV)/.ready parts ## Measure speed, size and delay: against other engines, at each step, from a fact to pages and alerts, and the analyst's pages under load
	$(BIN)/python -m benchmarks.comparison
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.tiles
	$(BIN)/python -m benchmarks.state_size
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.analyst
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.scrapes

backtest: $(VENV)/.ready ## Forecast a simulated year that the forecast has not seen, and write docs/understand/backtest.md and bank.md; half an hour
	$(BIN)/python -m benchmarks.backtest
	$(BIN)/python -m benchmarks.bank

periods: $(VENV)/.ready ## Simulate the published periods, and write the table that pages compare with; ten minutes
	$(BIN)/python -m benchmarks.simulated_periods

faults: $(VENV)/.ready parts ## Inject every fault on real parts and write the table docs/run/faults.md; most of an hour
	sh tests/real/install.sh helm
	$(BIN)/python -m pytest -m "faults or injects or hypothesis" --hypothesis-profile=thorough --numprocesses 4 --no-loadscope-reorder \
	    --fault-table=docs/run/faults.md

fuzz: $(VENV)/.ready ## Fuzz everything that reads bytes from outside: each target for FUZZ_SECONDS (60)
	$(PIP) --require-hashes -r requirements.fuzz.lock
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

audit-dependencies: $(VENV)/.ready ## Look up every locked package in the list of known vulnerabilities, which is online
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.audit.lock
	for lock in requirements*.lock; do \
	  $(VENV)/audit/bin/pip-audit --disable-pip --strict --progress-spinner off --requirement $$lock || exit 1; done

site: $(VENV)/.ready ## Build the documentation as a site in build/site
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.docs.lock
	$(BIN)/mkdocs build --strict

pictures: $(VENV)/.ready parts ## Take the pictures of the documentation again, from a simulated board; ten minutes
	$(BIN)/python -m tests.board.pictures docs/pictures

parts: $(VENV)/.ready ## Install the real parts that the tests use, where possible
	sh tests/real/install.sh
	$(BIN)/python -m tests.real.prepared_kafka

chart: $(VENV)/.ready ## Render the Helm chart into deploy/helm/rendered.yaml, and check it; the first time it builds Helm, which takes minutes
	sh tests/real/install.sh helm
	$(BIN)/python -m tests.support.chart
	$(PYTHON) -m venv $(VENV)/chart
	$(VENV)/chart/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.chart.lock
	for version in 1.25 1.37; do \
	  $(VENV)/chart/bin/kubernetes-validate --strict --quiet --kubernetes-version $$version deploy/helm/rendered.yaml || exit 1; done

lock: $(VENV)/.ready ## Resolve the dependencies again into requirements.lock and the locks of extras
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra traces --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.lock
	for extra in docs fuzz audit chart; do \
	  $(BIN)/python -c "import sys, tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies'][sys.argv[1]])" $$extra \
	  | $(BIN)/uv pip compile - --constraint requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.$$extra.lock || exit 1; done

clean: ## Remove everything built here, but not the data directory
	rm -rf $(VENV) .cache build *.egg-info
