# Everything a newcomer needs: `make demo` and `make test` set up whatever is missing first.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
# Tests and benchmarks start many processes; where bytecode is not kept, each of them would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with everything, from the lock file

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "taxi-pipelines needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## load three months and look at them
	$(BIN)/taxi demo

test: check ## everything that must pass, in under 10 minutes
	$(PYTEST) -n 2 --dist worksteal

test-slow: $(READY) ## the checks that take longer
	$(PYTEST) -m slow -n 2 --dist worksteal

check: $(READY) ## style, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(READY) ## measure speed and memory, write docs/benchmarks.md
	$(BIN)/python -m tests.bench

serve: $(READY) ## start the service: schedules, executions, REST API (`taxi up`)
	$(BIN)/taxi up

docs: $(READY) ## write docs/cli.md and docs/tasks/ anew
	$(BIN)/python -m tests.docs.cli_docs
	$(BIN)/python -m tests.docs.task_docs

screenshots: $(READY) ## take pictures of the main pages into docs/images (needs Chromium)
	$(BIN)/python -m tests.docs.screenshots

vendor: ## build the vendored scripts anew (needs npm)
	cd taxi_pipelines/web/vendor && npm ci --ignore-scripts --no-fund --no-audit && npm run build && rm -rf node_modules

lock: $(READY) ## pin the newest versions allowed by pyproject.toml
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
	  --no-emit-find-links --no-emit-options --no-header --no-annotate --all-extras -o requirements.lock pyproject.toml

clean: ## remove what setup and tests made (never .taxi)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info build dist

.PHONY: help setup demo test test-slow check bench serve docs screenshots vendor lock clean
