# Every target makes what it needs, the virtual environment included.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# The first interpreter that runs and is new enough; set PYTHON to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$p; break; fi; done)

.PHONY: demo figures test trust test-nojit test-lowest test-python lint bench docs clean
.DELETE_ON_ERROR:
# Two installations into one environment would disturb each other.
.NOTPARALLEL:

demo: $(VENV)/.installed-plot $(VENV)/.installed-study
	$(BIN)/gmoe demo --out demo $(ARGS)

# From the results in sims/results.
figures: $(VENV)/.installed-plot $(VENV)/.installed-study
	$(BIN)/gmoe figures $(ARGS)

test: $(VENV)/.installed-test
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

# Kernels as Python: NumPy then checks every index.
test-nojit: $(VENV)/.installed-test
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n 2 -k "not test_against_reference or 2-weighted" \
		tests/test_activations.py tests/test_density.py tests/test_elementary.py tests/test_model.py \
		$(addprefix tests/test_kernels.py::test_,tiles hopeless_observation_stays_finite against_reference) \
		$(addprefix tests/test_compiled_climb.py::test_,small_climb labels_are_fitted_as_by_the_general_formula) \
		tests/test_parameter_space.py::test_rows_of_an_affine_gate_by_kernels \
		tests/test_jit_cache.py::test_without_compilation tests/test_reference_fits.py::test_co2 $(ARGS)

# What other versions of Python and of the packages may change: compilation, reference values, files, figures.
SAMPLE := $(addprefix tests/test_,jit_cache.py model.py density.py elementary.py estimator.py reference_fits.py::test_co2 \
	cli_files.py plotting.py study_store.py)

# Old releases meet new ones of what they need, whose deprecations are not ours.
test-lowest: $(VENV)-lowest/.installed
	$(<D)/bin/python -m pytest -n 2 -W ignore::DeprecationWarning $(SAMPLE) $(ARGS)

# Another Python, the newest that is installed; set OTHER to choose one.
OTHER ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 $(wildcard $(HOME)/.pyenv/versions/*/bin/python); do \
	$$p -c 'import sys; print(sys.version_info[1], sys.executable) if sys.version_info >= (3, 11) else None' 2>/dev/null; \
	done | grep -v "^$$($(PYTHON) -c 'import sys; print(sys.version_info[1])') " | sort -rn | head -1 | cut -d' ' -f2)

test-python:
	@if test -z "$(OTHER)"; then echo 'test-python: no second Python >= 3.11 is installed; nothing is tested.'; \
	else $(MAKE) --no-print-directory VENV=$(VENV)-other PYTHON=$(OTHER) $(VENV)-other/.installed-test && \
	$(VENV)-other/bin/python -m pytest -n 2 $(SAMPLE) $(ARGS); fi

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks $(ARGS)

# An hour on two cores; ARGS="fits --cases 100", or --share 0.01 of all.
trust: $(VENV)/.installed-test
	$(BIN)/python -m trust $(ARGS)

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html $(ARGS)

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-other build dist demo docs/_build docs/generated
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find gmoe tests -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per extra: each target installs only what it needs, again when pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

# By the lowest Python, for which the lowest versions were made.
$(VENV)-lowest/.installed: pyproject.toml .ci/lowest.py
	rm -rf $(@D)
	$$(python3.11 -c 'print("python3.11")' 2>/dev/null || echo $(PYTHON)) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		--editable . $$($(@D)/bin/python .ci/lowest.py test)
	touch $@

$(VENV)/.created:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'gmoe needs Python >= 3.11 and found none. Install one, or name it: make PYTHON=/path/to/python3'; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@
