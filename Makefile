# Needle.  `make help` lists what there is.  Python 3.11+ and make are all it needs.
.DEFAULT_GOAL := help
.PHONY: help run test check lint format assets lock bench

VENV := .venv
PORT ?= 8787
# The tests mostly wait: for scans, servers, a browser.
TEST_PROCESSES ?= 4
# Handed on as they were typed: a path may hold spaces, quotes and dollar signs.
RUN_MUSIC := $(value MUSIC)
RUN_DATA := $(value DATA)
RUN_PORT := $(value PORT)
export RUN_MUSIC RUN_DATA RUN_PORT

PIP := $(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check
# The build fetches htmx with npm; a machine without it gets npm from a locked wheel.
NODE_LOCK = $(shell command -v npm >/dev/null && command -v node >/dev/null || echo "-r requirements/node.txt")

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo "Example: make run MUSIC=~/Music PORT=8787 DATA=~/needle"

run: $(VENV)/.run ## Start Needle on MUSIC (without it: a demo library); PORT, DATA if you like
	@set -- up --port "$$RUN_PORT"; \
	[ -z "$$RUN_DATA" ] || set -- "$$@" --data "$$RUN_DATA"; \
	[ -z "$$RUN_MUSIC" ] || set -- "$$@" -- "$$RUN_MUSIC"; \
	exec $(VENV)/bin/needle "$$@"

test: $(VENV)/.test $(if $(filter true,$(CI)),lint) ## Run the tests (in CI, where CI=true: what `make check` runs)
	@.ci/packages
	@$(VENV)/bin/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

check: lint test ## Check format, lint, types, import rules and known vulnerabilities, then run the tests

lint: $(VENV)/.test
	@$(VENV)/bin/ruff format --check --quiet || { echo "make format would mend it" >&2; exit 1; }
	@$(VENV)/bin/ruff check --quiet
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/python -m tests.project.audit

format: $(VENV)/.test ## Format the code and mend what ruff can mend
	@$(VENV)/bin/ruff format --quiet
	@$(VENV)/bin/ruff check --quiet --fix

assets: $(VENV)/.run ## Fetch the browser files again (htmx for the page, axe for the tests)
	@$(VENV)/bin/python hatch_build.py

bench: $(VENV)/.test ## Run the measurements in bench/
	@set -e; for program in bench/[a-z]*.py; do \
	  $(VENV)/bin/python -m "bench.$$(basename "$$program" .py)"; \
	done

# Made again when it is broken, half made, or came here with a folder that was moved.
ifneq ($(shell [ "$$(cat $(VENV)/.made 2>&1)" = "$$(pwd -P)" ] && $(VENV)/bin/python -c "" 2>&1 && echo good),good)
.PHONY: $(VENV)/.made
endif
$(VENV)/.made:
	@rm -rf $(VENV); \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  found=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	  echo "Making $(VENV) with Python $$found"; \
	  "$$python" -m venv $(VENV) && pwd -P > $@; exit; \
	done; \
	if [ -n "$$found" ]; then \
	  echo "Needle needs Python's venv module: sudo apt install python3-venv (or python$$found-venv)" >&2; \
	else \
	  echo "Needle needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3" >&2; \
	fi; exit 1

$(VENV)/.run: $(VENV)/.made requirements/run.txt requirements/build.txt requirements/node.txt \
		pyproject.toml hatch_build.py package-lock.json
	@echo "Installing what Needle needs (the first time takes about a minute)"
	@$(PIP) --require-hashes -r requirements/run.txt -r requirements/build.txt $(NODE_LOCK)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	@echo "Installing what the tests need"
	@$(PIP) --require-hashes -r requirements/test.txt
	@$(VENV)/bin/python hatch_build.py
	@touch $@

# Locks hold for Linux (x86-64, arm64) and macOS, Python 3.11 to 3.14, and name no download host.
UV := build/uv/bin/uv pip compile --quiet --no-header --no-annotate
LOCK := $(UV) --universal --python-version 3.11 --generate-hashes --upgrade
PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-apple-darwin

lock: ## Write requirements/*.txt anew from pyproject.toml, and check that wheels exist
	@python3 -m venv build/uv && build/uv/bin/python -m pip install --quiet uv
	@$(LOCK) pyproject.toml -o requirements/run.txt
	@$(LOCK) --group build -c requirements/run.txt -o requirements/build.txt
	@$(LOCK) --group node -o requirements/node.txt
	@$(LOCK) --group test --group lint -c requirements/run.txt -o requirements/test.txt
	@set -e; for platform in $(PLATFORMS); do for version in 3.11 3.12 3.13 3.14; do \
	  for lock in requirements/*.txt; do \
	    $(UV) --no-deps --only-binary :all: --python-platform $$platform \
	      --python-version $$version "$$lock" -o build/wheels.txt > /dev/null; \
	  done; \
	done; done; echo "Every package has a wheel for: $(PLATFORMS)"
