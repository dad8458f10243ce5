# `make run` and `make test` do all the set-up that they need. PYTHON chooses the interpreter.

PYTHON ?= python3
VENV   ?= .venv
UV     ?= uv
# Three at a time on two cores: many tests wait for other processes. Each may start an examiner, a
# crawler, a database and a browser of its own.
PYTEST_ARGS ?= -n 3 --dist loadfile
BIN     = $(VENV)/bin
export VENV

.DEFAULT_GOAL := help
.PHONY: help run serve demo browser test checks lock docs format install install-dev clean

help:  ## these lines
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: install  ## install what is missing, fetch the model pack, serve on this machine
	@$(BIN)/likeness models fetch
	@exec $(BIN)/likeness serve

demo: install  ## the whole loop against a site served on this machine, into demo-out/
	@$(BIN)/likeness models fetch
	@$(BIN)/likeness demo --out demo-out

test: install-dev  ## install what is missing and run every check
	@$(BIN)/likeness models fetch
	@$(MAKE) --no-print-directory checks

checks:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(PYTEST_ARGS)

format: install-dev  ## format and fix what can be fixed by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

browser: install  ## also what shows pages that need JavaScript (chromium: from your system)
	$(BIN)/python -m pip install --require-hashes --only-binary=:all: -r requirements-browser.lock

docs: install-dev  ## write the reference pages that are generated from code
	$(BIN)/python -m service.settings_reference docs/settings.md

lock:  ## resolve the dependencies of pyproject.toml anew (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or UV=/path/to/uv"; exit 1; }
	$(UV) pip compile $(LOCK_ARGS) pyproject.toml -o requirements.lock
	$(UV) pip compile $(LOCK_ARGS) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(UV) pip compile $(LOCK_ARGS) --group build -c requirements.lock -o requirements-build.lock
	$(UV) pip compile $(LOCK_ARGS) --group browser -c requirements-dev.lock -o requirements-browser.lock

LOCK_ARGS = --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

install:
	@$(call found)
	@$(PYTHON) .ci/preflight.py run
	@$(PYTHON) .ci/install.py run

install-dev:
	@$(call found)
	@$(PYTHON) .ci/preflight.py test
	@$(PYTHON) .ci/install.py test

clean:  ## remove the environment and caches; your data in .likeness/ stays
	rm -rf $(VENV) $(VENV).lock build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache demo-out

define found
command -v $(PYTHON) >/dev/null || { \
	echo "There is no '$(PYTHON)' on this machine. On Debian or Ubuntu:"; \
	echo "  sudo apt-get install -y python3 python3-venv python3-dev g++ libgl1 libglib2.0-0"; exit 1; }
endef
