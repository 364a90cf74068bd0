# Every target makes what it needs, the virtual environment included.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# The first interpreter that runs and is new enough; set PYTHON to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$p; break; fi; done)

.PHONY: demo figures test lint bench docs clean
.DELETE_ON_ERROR:
# Two installations into one environment would disturb each other.
.NOTPARALLEL:

demo: $(VENV)/.installed-plot $(VENV)/.installed-study
	$(BIN)/gmoe demo --out demo $(ARGS)

# From the results in sims/results.
figures: $(VENV)/.installed-plot $(VENV)/.installed-study
	$(BIN)/gmoe figures $(ARGS)

test: $(VENV)/.installed-test
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html $(ARGS)

clean:
	rm -rf $(VENV) build dist demo docs/_build docs/generated
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find gmoe tests -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per extra: each target installs only what it needs, again when pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

$(VENV)/.created:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'gmoe needs Python >= 3.11 and found none. Install one, or name it: make PYTHON=/path/to/python3'; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@
