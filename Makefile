# Every target sets up what it needs, from a bare checkout on.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/.installed
RUN := runs/movielens

.PHONY: help setup demo test lint bench lock clean

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*##/ {printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: $(INSTALLED)  ## Install everything into .venv

# uv itself, at the version and hash of the lock.
$(UV): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v != (3, 11) and \
		f"Python 3.11 is needed, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=<path>")'
	@echo "Setting up $(VENV): a few minutes and 4 GB the first time"
	@$(PYTHON) -m venv $(VENV)
	@awk '/^[a-z]/ {found = /^uv==/} found' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--require-hashes -r $(VENV)/uv.lock
	@$(UV) --version > /dev/null && touch $@

$(INSTALLED): $(UV) requirements.lock pyproject.toml
	@( while sleep 10; do echo "  $$(du -sh $(VENV) | cut -f1) installed"; done ) & beat=$$!; \
		trap "kill $$beat" EXIT; \
		$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode \
		--quiet requirements.lock
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --quiet --editable .
	@touch $@

demo: $(INSTALLED)  ## MovieLens 100K: from ratings to a served prediction
	@$(BIN)/shardline run configs/movielens.yaml --output-dir $(RUN)
	@$(BIN)/python -m pipeline.movielens_demo configs/movielens.yaml --output-dir $(RUN) --user 42

test: $(INSTALLED)  ## Run all tests
	@scratch=$$(mktemp -d); trap "rm -rf $$scratch" EXIT; \
		TMPDIR=$$scratch $(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(INSTALLED)  ## Style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --strict -p configs -p embedding
	@$(BIN)/lint-imports

bench: $(INSTALLED)  ## The demo model's quality against its rivals, three seeds
	@$(BIN)/shardline run configs/movielens.yaml --output-dir $(RUN)
	@$(BIN)/python benchmarks/quality.py $(RUN)

lock: | $(UV)  ## Resolve requirements.lock anew
	@$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --upgrade \
		--override requirements.overrides --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--quiet --output-file requirements.lock

clean:  ## Remove everything that was made here
	rm -rf $(VENV) build runs *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
