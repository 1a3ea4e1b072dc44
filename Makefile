# Targets a developer types. `make setup` first.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
CTEST_BUILD := build/ctests

.PHONY: setup build test check native-check bench bench-smoke clean
.DEFAULT_GOAL := test

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

setup: $(BIN)/python  ## system packages where permitted, virtual environment, extension
	tools/install-system-packages
	$(BIN)/pip install --quiet --group dev
	$(MAKE) --no-print-directory build

build:  ## (re)build the extension in place
	$(BIN)/pip install --quiet --no-build-isolation --editable . --config-settings=cmake.define.MPCW_WERROR=ON

test:  ## the whole suite
	$(BIN)/pytest

check:  ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

native-check:  ## the C tests, without Python
	$(BIN)/cmake -S native -B $(CTEST_BUILD) -DCMAKE_BUILD_TYPE=Release -DMPCW_EXTENSION=OFF -DMPCW_CTESTS=ON -DMPCW_WERROR=ON
	$(BIN)/cmake --build $(CTEST_BUILD)
	$(BIN)/ctest --test-dir $(CTEST_BUILD) --output-on-failure

bench:  ## operations beside their peers; the tables and targets: python bench/bench_native.py
	$(BIN)/pytest bench --benchmark-only --benchmark-max-time=0.2 --benchmark-columns=min,median,rounds --benchmark-sort=fullname

bench-smoke:  ## every benchmark once, without a figure
	$(BIN)/pytest bench --benchmark-disable

clean:
	rm -rf build .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
