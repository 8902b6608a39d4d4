# Two commands set everything up by themselves: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test check bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	# Voice prints with their weights. Without its dependencies: one of them compiles C, and none of them is used here.
	$(BIN)/python -m pip install --quiet --no-deps "resemblyzer>=0.1.4,<0.2"
	touch $(STAMP)

# One video from upload to MP4 and package, over HTTP against a real server. VIDEO=path takes your own.
demo: setup
	$(BIN)/python -m carmic_assets.cli.demo $(if $(VIDEO),--video "$(VIDEO)")

test: setup
	$(BIN)/python -m pytest $(TESTS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# All figures of the documentation; BENCH=render runs one topic.
bench: setup
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) demo .pytest_cache .ruff_cache .mypy_cache
