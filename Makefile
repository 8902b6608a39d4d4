# `make demo` and `make test` set up the virtual environment by themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-slow check bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	# Speaker embeddings with their weights. --no-deps: one dependency compiles C, and none of them is used here.
	$(BIN)/python -m pip install --quiet --no-deps "resemblyzer>=0.1.4,<0.2"
	touch $(STAMP)

# One video from upload to MP4 and package, over HTTP against a real server. VIDEO=path uses your own video.
demo: setup
	$(BIN)/python -m carmic_assets.cli.demo $(if $(VIDEO),--video "$(VIDEO)")

test: setup
	$(BIN)/python -m pytest -m "not rare" $(TESTS)

# Repeated kills and long videos: slow, and seldom the first to fail.
test-slow: setup
	$(BIN)/python -m pytest -m rare $(TESTS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

# Measures the figures of the documentation; BENCH=render_cost runs one benchmark.
bench: setup
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) demo .pytest_cache .ruff_cache .mypy_cache
