# Everything happens in .venv; nothing outside the checkout is touched.
#
#   make demo      run the red door, end to end; the report is out/red-door/report.html
#   make test      style, types, room contract, doctests and the quick tests
#   make test-all  the same tests with many more random cases, and what takes long
#   make docs      build the documentation: docs/_build/html/index.html
#   make bench     print the benchmarks' ratios
#   make coverage  lines and branches that the quick tests reach, with a floor
#   make test-lowest  the oldest versions of the dependencies
#
#   make ... TORCH_INDEX=URL   take torch from another wheel index (for example one of CPU builds)
#   make ... PYTHON=python3.12 use this interpreter

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
EXTRAS := torch,gym,pgmpy,games,plot,render,docs
# Programs that the tests compare with, whose own requirements fit no current Python or bring far more than is used:
# their code alone.
ALONE := pycid causal-learn
TORCH_INDEX ?=
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

CHECK := import sys, venv, ensurepip; assert sys.version_info >= (3, 11)
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c "$(CHECK)" >/dev/null 2>&1 && { echo $$p; break; }; done)

.PHONY: setup demo test test-all test-lowest coverage lint docs bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c "$(CHECK)" >/dev/null 2>&1; then \
		echo "cidmesa needs Python >= 3.11 with venv and ensurepip (Debian: apt install python3-venv)" >&2; exit 2; fi
	@echo "setting up $(VENV) with $(PYTHON) (about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		--group dev --editable ".[$(EXTRAS)]"
	@$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt $(ALONE)
	@touch $(STAMP)

demo: setup
	$(BIN)/cidmesa run red-door

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

test-all: setup
	CIDMESA_PROFILE=full $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

# The oldest versions that pyproject.toml allows, in an environment of their own; rooms that need no torch.
LOWEST := tests/solve tests/graph tests/diagram tests/mechanisms tests/criteria tests/render tests/interop tests/mesa

test-lowest:
	@$(PYTHON) -m venv .venv-lowest
	@.venv-lowest/bin/python -m pip install --quiet -c constraints-lowest.txt ".[games,plot]" pytest pytest-xdist hypothesis
	.venv-lowest/bin/python -m pytest -q -n $(WORKERS) $(LOWEST)

coverage: setup
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered

docs: setup
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "built: docs/_build/html/index.html"

bench: setup
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) .venv-lowest .venv-scikit-agent .coverage out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
