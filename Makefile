# Blue Lamp: one command for each thing a person does. `make` alone says which.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run sample test check bench faults derive site pictures lock parts clean

help: ## What can be done here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

run: $(VENV)/.ready ## Start everything on this machine, with a simulated force: its history, then live; started again, it goes on
	$(BIN)/bluelamp up --data .bluelamp/simulated

sample: $(VENV)/.ready ## The same with a real week of fire and ambulance incidents instead, from its beginning each time
	$(BIN)/bluelamp up --data .bluelamp/sample --fresh --force san_francisco_fire --replay sample --fast-until 2017-01-04T17:00 --speed 60

# Most tests wait for servers: three processes keep two cores busy, and what takes longest begins first (tests/conftest.py).
test: $(VENV)/.ready parts check ## Everything that is checked: lint, types, layers, and the whole test suite
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.ready ## Lint, types, layers and derived files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m bluelamp.derive --check

derive: $(VENV)/.ready ## Write the derived files again (schemas, handbook)
	$(BIN)/python -m bluelamp.derive

bench: $(VENV)/.ready ## Measure the pipeline: facts per second, ratios within one run; how soon a fact is on fifty pages
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.tiles

faults: $(VENV)/.ready parts ## Every fault of the fault table against real parts, and the table (docs/faults.md); an hour
	$(BIN)/python -m pytest -m "faults or injects" --fault-table docs/faults.md

site: $(VENV)/.ready ## Build the documentation as a site in build/site
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.docs.lock
	$(BIN)/mkdocs build --strict

pictures: $(VENV)/.ready parts ## Take the pictures of the documentation again, from a simulated board; ten minutes
	$(BIN)/python -m tests.board.pictures docs/pictures

parts: $(VENV)/.ready ## The real parts the tests use, where they can be had
	sh tests/real/install.sh

lock: $(VENV)/.ready ## Resolve the dependencies again into requirements.lock and requirements.docs.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.lock
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['docs'])" \
	  | $(BIN)/uv pip compile - --constraint requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.docs.lock

clean: ## Remove what was built here (not the data directory)
	rm -rf $(VENV) .cache build *.egg-info
