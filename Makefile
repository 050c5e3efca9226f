# make demo and make test do all set-up themselves; `make help` lists the rest.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
OUT ?= report

.PHONY: help install demo test test-slow lint types contract doctest docs bench clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## a virtual environment in .venv with everything a developer needs

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $(STAMP)

demo: install ## compare estimators, save the best, scan a real record; writes report/
	$(BIN)/seisclf demo --out $(OUT) $(if $(DATA),--data $(DATA))

test: install ## the tests (under ten minutes on two cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: install ## the slow tests
	$(BIN)/python -m pytest -m slow

lint: install ## style and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell seisclf tests docs examples benchmarks README.md CONTRIBUTING.md CHANGELOG.md

types: install ## static types
	$(BIN)/mypy

contract: install ## a floor imports only from the floors below it
	$(BIN)/lint-imports

doctest: install ## the examples in docstrings and user guide
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --doctest-modules seisclf -m ""
	$(BIN)/python -m pytest --doctest-glob="*.rst" docs/user_guide

docs: install ## the documentation, with the gallery, into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: install ## all benchmarks
	$(BIN)/python -m benchmarks

clean: ## remove what the other targets made
	rm -rf .venv docs/_build docs/auto_examples docs/generated report
