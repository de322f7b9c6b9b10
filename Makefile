# `make demo` and `make test` need Python 3.11+, git and the package registry; all else they install into .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
LINT := .venv-lint
AUDIT := .venv-audit

BASE ?= HEAD
# Of `make gpu`: any Python that has a torch with CUDA and what geoscope depends on; geoscope itself need not be installed.
GPU_PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))

.PHONY: demo test check same-numbers architectures handbook audit slow kills soak hostile fuzz bench papers gpu clean

demo: $(STAMP)
	$(BIN)/geoscope measure demo --format table

test: $(STAMP) check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

check: $(STAMP) $(LINT)/.installed
	$(BIN)/ruff check geoscope tests benchmarks
	$(BIN)/ruff format --check geoscope tests benchmarks
	$(BIN)/mypy
	PYTHONPATH=. $(LINT)/bin/lint-imports --no-cache --no-logo

# The fixed commands of tests/fixed_commands.py on the commit BASE and on this tree: equal to the byte, or a diff.
same-numbers: $(STAMP)
	rm -rf .same-numbers && mkdir -p .same-numbers/before .same-numbers/after
	git archive $(BASE) geoscope sample_data | tar -x -C .same-numbers
	OMP_NUM_THREADS=1 PYTHONPATH=.same-numbers $(BIN)/python tests/fixed_commands.py .same-numbers/before.json .same-numbers/before
	OMP_NUM_THREADS=1 PYTHONPATH=. $(BIN)/python tests/fixed_commands.py .same-numbers/after.json .same-numbers/after
	diff .same-numbers/before.json .same-numbers/after.json && echo "the same numbers as $(BASE)"

# Every type of model that AutoModel knows, built small, measured and compared, or refused: docs/architectures.md.
architectures: $(STAMP)
	OMP_NUM_THREADS=1 PYTHONPATH=. $(BIN)/python tests/architectures.py

# The README's table and picture from the demo checkpoint, then all that the code says of itself in README and docs.
handbook: $(STAMP)
	$(BIN)/python tests/handbook.py
	UPDATE_README=1 $(BIN)/python -m pytest tests/test_readme.py

# Licences of all that is installed, without a network; known vulnerabilities, where pip-audit's service answers.
audit: $(STAMP)
	test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv --without-pip $(AUDIT) && $(BIN)/python -m pip --python $(AUDIT) install --quiet --disable-pip-version-check pip-audit; } || true
	$(BIN)/python tests/audit.py $(AUDIT)/bin/pip-audit

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# Runs killed at random moments and made again to the same bytes; keeps its tally in .kills and goes on from there.
kills: $(STAMP)
	OMP_NUM_THREADS=1 PYTHONPATH=. $(BIN)/python tests/kills.py

# 200 subjects in one process: memory, descriptors and threads after the last as after the first twenty.
soak: $(STAMP)
	OMP_NUM_THREADS=1 PYTHONPATH=. $(BIN)/python tests/soak.py

# Damaged files, full disks, closed streams, mistyped options through the installed command, judged: hostile.json has all.
hostile: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m hostile

# Readers and grammars on mutated inputs: 1,000,000 where they run 2,000 times a second, else 100,000; fuzz.json has all.
fuzz: $(STAMP)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m fuzzing

bench: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks

# The three papers' claims: runs what has no result in benchmarks/papers/results yet (hours), and writes docs/papers.md.
papers: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.papers

# What geoscope takes on this machine's GPU, in at most 8 minutes and without a network: benchmarks/gpu.md and gpu.json.
gpu:
	PYTHONPATH=.$${PYTHONPATH:+:$$PYTHONPATH} $(GPU_PYTHON) -m benchmarks.gpu

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[demo,dev]"
	touch $@

# A venv of its own, made in seconds: import-linter reads the source and imports none of it.
$(LINT)/.installed: constraints.txt | $(STAMP)
	$(PYTHON) -m venv --without-pip $(LINT)
	$(BIN)/python -m pip --python $(LINT) install --quiet --disable-pip-version-check --constraint constraints.txt import-linter
	touch $@

clean:
	rm -rf .same-numbers .kills .venv $(LINT) $(AUDIT) .mypy_cache .pytest_cache .ruff_cache build dist
