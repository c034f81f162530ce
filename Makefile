# `make demo` and `make test` do all the set-up: a fresh machine needs Python 3.11, pip, make
# and a C++ compiler. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NATIVE := CMakeLists.txt $(shell find csrc -type f)
JOBS ?= 2

.PHONY: help demo test test-slow fuzz sanitize sweep peers check format install stubs lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Installed once, and again whenever the pins, the metadata or the native core change.
# The build tools come first, so that the build needs no isolated environment of its own.
$(VENV)/.installed: pyproject.toml constraints.txt $(NATIVE)
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit( \
	  "Striate needs Python 3.11 or newer; this is %d.%d. Name another: make PYTHON=python3.12" \
	  % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt scikit-build-core nanobind cmake ninja
	$(PIP) install --quiet --constraint constraints.txt torch==2.13.0
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable '.[all]'
	$(PIP) install --quiet --constraint constraints.txt \
	  axe-playwright-python captum clang-format hypothesis mypy onnxruntime playwright pre-commit \
	  pytest pytest-xdist ruff
	touch $@

install: $(VENV)/.installed  ## make .venv with everything in it

demo: install  ## train LeNet-5 on the built-in digits and write the report
	$(BIN)/striate train

# One thread a worker: the workers share the cores instead of fighting for them. Bytecode is kept:
# the programs that the tests start would each compile the package anew. In order the examples in
# docstrings come last, and so no long file is left to one worker while the others wait.
test: install  ## run the tests (about 10 minutes on 2 cores)
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -q

test-slow: install  ## run the long sweeps as well (STRIATE_DATA names the folder of real data)
	$(BIN)/python -m pytest -q -m 'slow or not slow'

# ARGS: kinds, --scale, --count, --seed, --first, --jobs; what fails prints those that repeat it.
fuzz: install  ## run random problems, networks and training steps on all kernels (an hour; ARGS="conv --seed 1")
	$(BIN)/python -W ignore -m tests.fuzz $(ARGS)

# STRIATE_FUZZ=1 runs as many random problems as `make fuzz`, not a fiftieth.
sanitize: install  ## run tests and random problems with Address-, UB- and ThreadSanitizer (GCC; an hour)
	JOBS=$(JOBS) scripts/sanitize

# torchvision has no CPU build for every torch: its networks are used without their operators, in an
# environment that adds the two packages, alone, to .venv.
SWEEP := .venv-sweep
$(SWEEP)/.installed: $(VENV)/.installed
	test -x $(SWEEP)/bin/python || $(BIN)/python -m venv $(SWEEP)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$($(SWEEP)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth"
	$(SWEEP)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps \
	  torchvision==0.28.0 timm==1.0.31 huggingface_hub pyyaml
	touch $@

sweep: $(SWEEP)/.installed  ## count and compile networks of torchvision and timm (hours)
	PYTHONPATH=src $(SWEEP)/bin/python -m pytest -q -m slow tests/sweep

# Engines to race with, in an environment that adds them to .venv. The line of Python, unlike a path,
# also lets .venv's own .pth files count: the editable striate is one.
PEERS := .venv-peers
$(PEERS)/.installed: $(VENV)/.installed benchmarks/peers.txt
	test -x $(PEERS)/bin/python || $(BIN)/python -m venv $(PEERS)
	$(BIN)/python -c 'import sysconfig; \
	  print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	  > "$$($(PEERS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth"
	$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet \
	  --constraint constraints.txt --requirement benchmarks/peers.txt
	touch $@

peers: $(PEERS)/.installed  ## make .venv-peers: other engines, for benchmarks/inference.py and training.py

check: install  ## lint, format, types: what CI asks for
	scripts/check

format: install  ## put everything into the house format
	scripts/check --fix

stubs: install  ## write the types of the native core into src/striate/_core.pyi
	$(BIN)/python -m nanobind.stubgen --quiet --module striate._core \
	  --output-file src/striate/_core.pyi

lock: install  ## write the versions in .venv back into constraints.txt
	scripts/lock

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) $(SWEEP) $(PEERS) build dist runs
