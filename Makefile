# Every target sets up what it needs, from a bare checkout on.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/.installed
KERNELS := $(VENV)/.kernels
RUN := runs/movielens
MONTHS := runs/movielens_monthly
# What the benchmarks' rivals run in, and what is installed there.
LOCKS := benchmarks/rivals
RIVALS := build/bench/rivals-venv
RIVALS_INSTALLED := $(RIVALS)/.installed
ORBAX := build/bench/orbax-venv
ORBAX_INSTALLED := $(ORBAX)/.installed

.PHONY: help setup demo check test coverage torture sanitize lint bench bench-engine bench-preprocess bench-serving \
	bench-checkpoint bench-continuous bench-pipeline bench-quality bench-scale bench-scoring bench-join \
	demo-continuous image image-serving image-base engine lock rivals-lock airflow-lock clean

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*##/ {printf "make %-16s %s\n", $$1, $$2}' Makefile

setup: $(KERNELS)  ## Install everything into .venv, build the native kernels

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
		scratch=$$(mktemp -d); trap "kill $$beat; rm -rf $$scratch" EXIT; TMPDIR=$$scratch \
		$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode \
		--quiet requirements.lock
	@scratch=$$(mktemp -d); trap "rm -rf $$scratch" EXIT; TMPDIR=$$scratch \
		$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --quiet --editable .
	@touch $@

# Without them stock ops serve, and the build says so: no reason to stop.
$(KERNELS): $(INSTALLED) embedding/native/build.py $(wildcard embedding/native/src/*)
	@echo "Building the native kernels: half a minute"
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m shardline.embedding.native 2> $(VENV)/kernels.log \
		|| cat $(VENV)/kernels.log
	@touch $@

demo: $(KERNELS)  ## MovieLens 100K: from ratings to a served prediction
	@$(BIN)/shardline run configs/movielens.yaml --output-dir $(RUN)
	@$(BIN)/python -m shardline.pipeline.commands.movielens_demo configs/movielens.yaml --output-dir $(RUN) --user 42

demo-continuous: $(KERNELS)  ## MovieLens by months: a model that lives, beside others
	@$(BIN)/shardline run configs/movielens_monthly.yaml --output-dir $(MONTHS)
	@$(BIN)/python -m shardline.pipeline.commands.continuous_demo configs/movielens_monthly.yaml --output-dir $(MONTHS)

# A process takes one file after the other, in the order of tests/conftest.py.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

# What finds most in least time: rules, readers, formats and the engine's contract, in about
# four minutes of CPU altogether. Left out are whole runs, servers and exports, which
# start processes, and the matrices that try every optimizer on every kind of input.
CHECKED := tests/house_style tests/test_docs.py tests/configs \
	$(addprefix tests/embedding/,config inputs tables contract host test_engine.py) \
	$(addprefix tests/components/,checker contracts evaluation/test_binary.py model planner pusher readers \
	trainer) \
	$(addprefix tests/pipeline/,doctor terminal test_names.py test_pipeline.py)
check: lint $(KERNELS)  ## Lint, and the tests that take little: under 4 minutes on 2 cores
	@scratch=$$(mktemp -d); trap "rm -rf $$scratch" EXIT; TMPDIR=$$scratch \
		$(BIN)/python -m pytest $(PARALLEL) -q -m "not slow" $(CHECKED)

test: $(KERNELS)  ## Run all tests
	@scratch=$$(mktemp -d); trap "rm -rf $$scratch" EXIT; \
		TMPDIR=$$scratch $(BIN)/python -m pytest $(PARALLEL)

# As `test`, and each line that runs is counted, in commands and servers under test too.
# That takes a third more CPU, so CI does without.
coverage: $(KERNELS)  ## Run all tests, print which share of lines they run; below 90 % fails
	@rm -rf build/coverage && mkdir -p build/coverage
	@scratch=$$(mktemp -d); trap "rm -rf $$scratch" EXIT; \
		TMPDIR=$$scratch $(BIN)/python -m coverage run -m pytest $(PARALLEL)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report --skip-covered

# The same tests as in `test`, which runs few of each kind. Root can mount the small
# disks that are filled up; for others those tests are skipped.
KILLS ?= $(if $(CI),10,500)
torture: $(KERNELS)  ## Kill saves and scheduled runs, cut the power, damage sets, fill disks: 45 minutes, or KILLS=10
	@mkdir -p build && rm -f build/torture.jsonl && touch build/torture.jsonl
	@scratch=$$(mktemp -d); trap "rm -rf $$scratch" EXIT; TMPDIR=$$scratch KILLS=$(KILLS) \
		SHARDLINE_TORTURE_REPORT=$(CURDIR)/build/torture.jsonl \
		$(BIN)/python -m pytest $(PARALLEL) -q -rs tests/torture \
		tests/pipeline/schedule/test_series.py; failed=$$?; \
		$(BIN)/python tests/torture/summary.py build/torture.jsonl; exit $$failed

# Of UBSan, the checks with which TensorFlow's headers compile. TensorFlow itself is not
# checked; what leaks is not looked at. libstdc++ comes first, for Python is of C.
SANITIZERS := address,alignment,bool,bounds,enum,float-divide-by-zero,$(strip \
	)integer-divide-by-zero,pointer-overflow,return,shift,signed-integer-overflow,$(strip \
	)unreachable
sanitize: $(INSTALLED)  ## Test the native kernels under AddressSanitizer and UBSan
	@export SHARDLINE_SANITIZERS=$(SANITIZERS) SHARDLINE_KERNELS=native \
		TF_CPP_MIN_LOG_LEVEL=3; $(BIN)/python -m shardline.embedding.native && \
		LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
		ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		$(BIN)/python -m pytest --capture=sys -p no:cacheprovider tests/embedding/native

# The checkout is the package `shardline`, whatever its folder is called. Tools that find
# code by its path, and so without the installation, find it under its name here.
build/import/shardline:
	@mkdir -p build/import && ln -sfn ../.. $@

lint: $(INSTALLED) build/import/shardline  ## Style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@set -o pipefail; $(BIN)/mypy | sed 's|^build/import/shardline/||'
	@$(BIN)/lint-imports

bench: bench-engine  ## The same as bench-engine

bench-engine: $(KERNELS) $(RIVALS_INSTALLED)  ## Training speed against rivals
	@$(BIN)/python -m benchmarks.engine

bench-preprocess: $(INSTALLED)  ## Preprocessing beside stock TensorFlow Transform
	@$(BIN)/python -m benchmarks.preprocess

bench-serving: $(KERNELS)  ## The served model beside stock Keras, publishing, the server
	@$(BIN)/python -m benchmarks.serving

bench-checkpoint: $(KERNELS) $(ORBAX_INSTALLED)  ## Checkpoint sets beside the disk and rivals
	@$(BIN)/python -m benchmarks.checkpoint

bench-continuous: $(KERNELS)  ## A model that lives: quality, freshness, vocabularies, gates
	@$(BIN)/shardline run configs/movielens_monthly.yaml --output-dir $(MONTHS)
	@$(BIN)/python -m benchmarks.continuous

bench-pipeline: $(KERNELS)  ## The whole pipeline with 1 and 2 worker processes
	@$(BIN)/python -m benchmarks.pipeline

bench-scoring: $(KERNELS)  ## Files of rows to scores, beside the model alone
	@$(BIN)/python -m benchmarks.scoring

bench-join: $(INSTALLED)  ## Side files joined to examples, beside none, pandas and Arrow
	@$(BIN)/python -m benchmarks.join

bench-quality: $(KERNELS)  ## The demo model's quality against its rivals, three seeds
	@$(BIN)/shardline run configs/movielens.yaml --output-dir $(RUN)
	@$(BIN)/python benchmarks/quality.py $(RUN)

bench-scale: $(KERNELS)  ## What one unit of everything costs, and docs/scale.md
	@$(BIN)/python -m benchmarks.scale

# pip, for it knows a machine's own wheels. The registry's PyTorch is the one for GPUs, and
# does not load without NVIDIA's libraries; it computes the same on CPUs.
RIVALS_PIP := $(RIVALS)/bin/python -m pip install -qq --disable-pip-version-check --no-deps \
	--require-hashes
$(RIVALS_INSTALLED): $(LOCKS)/requirements.lock $(wildcard $(LOCKS)/torch-*.lock) | $(UV)
	@echo "Setting up $(RIVALS): the first time, 1 GB with PyTorch's wheel for CPUs, else 4 GB"
	@$(BIN)/python -m venv --clear $(RIVALS)
	@( while sleep 10; do echo "  $$(du -sh $(RIVALS) | cut -f1) installed"; done ) & beat=$$!; \
		trap "kill $$beat" EXIT; \
		$(RIVALS_PIP) -r $(LOCKS)/requirements.lock && \
		($(RIVALS_PIP) -r $(LOCKS)/torch-cpu.lock 2> /dev/null || \
		$(RIVALS_PIP) -r $(LOCKS)/torch-cuda.lock)
	@$(RIVALS)/bin/python -c "import fbgemm_gpu, torchrec" 2> /dev/null
	@touch $@

# Without PyTorch, which it does not need.
$(ORBAX_INSTALLED): $(LOCKS)/orbax.lock | $(UV)
	@echo "Setting up $(ORBAX): 0.7 GB"
	@$(BIN)/python -m venv --clear $(ORBAX)
	@$(ORBAX)/bin/python -m pip install -qq --disable-pip-version-check --no-deps \
		--require-hashes -r $(LOCKS)/orbax.lock
	@touch $@

# With whichever engine is here; docs/image.md says what else can be told.
ENGINE ?= $(firstword $(notdir $(foreach name,podman buildah docker,$(shell command -v $(name)))))
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= shardline:$(VERSION)
SERVING_IMAGE ?= shardline-serving:$(VERSION)
IMAGE_BUILD = $(ENGINE) build $(IMAGE_FLAGS) $(if $(BASE),--build-arg BASE=$(BASE)) \
	--build-arg VERSION=$(VERSION) \
	--build-arg REVISION=$$(git describe --always --abbrev=40 --dirty --exclude '*' 2> /dev/null)

image: engine  ## Build the container image that runs pipelines and their steps
	@$(IMAGE_BUILD) --file pipeline/image/Containerfile --tag $(IMAGE) .

# Of Docker's format: OCI's has no place for HEALTHCHECK.
image-serving: engine  ## Build the container image that serves published models
	@$(IMAGE_BUILD) $(if $(filter docker,$(ENGINE)),,--format docker) \
		--file pipeline/image/Containerfile.serving --tag $(SERVING_IMAGE) .

# Where no registry of images is reached: of Debian's packages what a slim image of Python has.
image-base: engine build/image/debian.tar  ## Make a base for them with debootstrap, as root
	@printf 'FROM scratch\nADD debian.tar /\n' | \
		$(ENGINE) build --file - --tag localhost/shardline-base:bookworm build/image

build/image/debian.tar:
	@mkdir -p build/image; scratch=$$(mktemp -d); trap "rm -rf $$scratch" EXIT; \
		debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
		bookworm $$scratch/debian && rm -rf $$scratch/debian/var/lib/apt/lists/* \
		$$scratch/debian/var/cache/apt/* && \
		tar -C $$scratch/debian --numeric-owner -cf $@.new . && mv $@.new $@

engine:
	@test -n "$(ENGINE)" || { echo "No podman, buildah or docker here: docs/image.md"; exit 1; }

lock: | $(UV)  ## Resolve requirements.lock anew
	@$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --upgrade \
		--override requirements.overrides --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--quiet --output-file requirements.lock

RIVALS_COMPILE := $(BIN)/uv pip compile --generate-hashes --upgrade --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make rivals-lock" --quiet $(LOCKS)
rivals-lock: | $(UV)  ## Resolve the benchmarks' rivals anew
	@$(RIVALS_COMPILE)/requirements.in --excludes $(LOCKS)/excludes.txt --no-emit-package torch \
		> $(LOCKS)/requirements.lock
	@$(RIVALS_COMPILE)/requirements.in | awk '/^[a-z]/ {keep = /^(torch==|nvidia)/} keep || /^#/' \
		> $(LOCKS)/torch-cuda.lock
	@$(RIVALS_COMPILE)/orbax.in > $(LOCKS)/orbax.lock

# The tests install it into build/airflow, which takes seconds.
AIRFLOW := tests/airflow/requirements
airflow-lock: | $(UV)  ## Resolve anew the Airflow that DAGs are tested with
	@$(BIN)/uv pip compile $(AIRFLOW).in --generate-hashes --upgrade --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-annotate \
		--custom-compile-command "make airflow-lock" --quiet --output-file $(AIRFLOW).lock

clean:  ## Remove everything that was made here
	rm -rf $(VENV) build runs *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
