# Targets a developer types. `make setup` first.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# seconds for each fuzz target
FUZZ_SECONDS ?= 60
# what `make mutants` tries: files of its packages, or --changed, or nothing for all
MUTANTS ?=

CMAKE = $(BIN)/cmake -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) -S native -DMPCW_EXTENSION=OFF -DMPCW_WERROR=ON
CTEST = $(BIN)/ctest --output-on-failure
# coincurve's extension module, of which the C tests use libsecp256k1
LIBSECP = $(shell $(BIN)/python -c 'from coincurve import _libsecp256k1 as m; print(m.__file__)')

.PHONY: setup build bitcoind strace test check native-check native-test native-sanitize fuzz mutants vectors bench bench-smoke bench-plots demo wheel-check clean help
.DEFAULT_GOAL := test

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1: /p' Makefile | awk -F': ' '{printf "%-16s %s\n", $$1, $$2}'

$(BIN)/python:
	PYTHON=$(PYTHON) tools/install-system-packages python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

setup: $(BIN)/python  ## system packages where permitted, virtual environment, extension
	PYTHON=$(BIN)/python tools/install-system-packages build
	$(BIN)/pip install --quiet --group dev
	$(MAKE) --no-print-directory build

build:  ## (re)build the extension in place
	$(BIN)/pip install --quiet --no-build-isolation --editable . --config-settings=cmake.define.MPCW_WERROR=ON

bitcoind:  ## a real bitcoind under .cache/, for the tests that want one
	tools/fetch-bitcoind

strace:  ## strace, for the tests that stop a party at any of its system calls
	tools/install-system-packages strace

# with bytecode, which many short processes of the tests begin with; files in the order of tests/conftest.py
test:  ## the whole suite on all cores; what wants a bitcoind or strace is skipped where there is none
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

demo:  ## a 2-of-3 wallet on regtest: key generation, presignatures, mixed payment, bump, confirmation
	$(BIN)/mpcw demo

check:  ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

native-check: native-test native-sanitize  ## the C tests: as shipped, under memcheck, under sanitizers

native-test:  ## the C tests and the constant-time tests of the release objects
	tools/install-system-packages valgrind
	$(CMAKE) -B build/native-test -DCMAKE_BUILD_TYPE=Release -DMPCW_CTESTS=ON -DMPCW_LIBSECP256K1=$(LIBSECP)
	$(BIN)/cmake --build build/native-test
	$(CTEST) --test-dir build/native-test

native-sanitize:  ## the C tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(CMAKE) -B build/native-sanitize -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DMPCW_CTESTS=ON \
	    -DMPCW_SANITIZE=address,undefined -DMPCW_LIBSECP256K1=$(LIBSECP)
	$(BIN)/cmake --build build/native-sanitize
	$(CTEST) --test-dir build/native-sanitize

fuzz:  ## every fuzz target for FUZZ_SECONDS each
	tools/install-system-packages clang
	CC=clang $(CMAKE) -B build/fuzz -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DMPCW_FUZZ=ON \
	    -DMPCW_SANITIZE=fuzzer-no-link,address,undefined -DMPCW_LIBSECP256K1=$(LIBSECP)
	$(BIN)/cmake --build build/fuzz
	tools/fuzz build/fuzz/fuzz $(FUZZ_SECONDS)

mutants:  ## every check of threshold ECDSA, its engine and the pool deleted in turn, and the tests that should notice
	PYTHONPATH=tools $(BIN)/python -m mutants $(MUTANTS)

vectors:  ## tests/vectors/cggmp24 anew; the tests compare what stands there with what is made
	$(BIN)/python tests/ecdsa_cggmp/make_vectors.py

bench:  ## the benchmarks
	$(BIN)/pytest bench --benchmark-only

bench-smoke:  ## every benchmark once, without figures
	$(BIN)/pytest bench --benchmark-disable

bench-plots:  ## the depth of a pool under load, as build/plots/*.png
	$(BIN)/pip install --quiet --group plots
	$(BIN)/python bench/plot_pool.py

wheel-check:  ## the wheel: its contents, and an import on every supported interpreter of this machine
	rm -rf build/wheel
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(BIN)/python tools/check_wheel.py build/wheel

clean:  ## what the other targets made, but for the virtual environment
	rm -rf build .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
