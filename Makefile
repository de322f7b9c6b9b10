# `make demo` and `make test` need Python 3.11+, git and the package registry; all else they install into .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test check slow bench finetune-study clean

demo: $(STAMP)
	$(BIN)/geoscope measure demo --format table

test: $(STAMP) check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

check: $(STAMP)
	$(BIN)/ruff check geoscope tests benchmarks
	$(BIN)/ruff format --check geoscope tests benchmarks
	$(BIN)/mypy

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

bench: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks

finetune-study: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.finetuning

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[demo,dev]"
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
