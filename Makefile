# The book on synaptic learning rules. Two commands: make book, make test.
#   make book [SCALE=smoke|book|full] [CHAPTERS="weight_alignment"] [JOBS=2] [TORCH=cpu]
PYTHON ?= python3.11
SCALE ?= book
CHAPTERS ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
TORCH ?=

BIN := .venv/bin
READY := .venv/ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help book serve pdf links test lint unit lock clean

help:
	@echo "make book    execute every chapter and build the site   (SCALE=smoke|book|full CHAPTERS=\"a b\" JOBS=2 TORCH=cpu)"
	@echo "make serve   build, show the book at http://127.0.0.1:5500, and again whenever a file changes   (SCALE=smoke)"
	@echo "make pdf     the book as one PDF, printed by Chromium"
	@echo "make links   check the links that leave the book; needs the network"
	@echo "make test    lint, types, unit tests, all chapters at scale smoke, the site in a browser"
	@echo "make lock    renew requirements.lock from pyproject.toml"
	@echo "make clean   remove what was built; executed chapters too"

book: $(READY)
	@python -m repro.build check --scale "$(SCALE)" --chapters "$(CHAPTERS)" --jobs "$(JOBS)"
	@$(call snakemake,$(SCALE),$(CHAPTERS)); code=$$?; python -m repro.build summary --scale $(SCALE) && exit $$code

serve: $(READY)
	@python -m repro.build check --scale "$(SCALE)" --chapters "" --jobs "$(JOBS)"
	@python -m repro.build serve --scale $(SCALE) --jobs $(JOBS)

pdf: book
	@python -m repro.build pdf --scale $(SCALE)

links: book
	@python -m repro.build links --scale $(SCALE)

# one thread a worker: two workers fill two cores
test: lint unit
	@$(call snakemake,smoke,)
	@python -m repro.build summary --scale smoke
	@OMP_NUM_THREADS=1 pytest -n 2 --dist worksteal tests/book

lint: $(READY)
	@ruff check . && ruff format --check . && mypy

unit: $(READY)
	@OMP_NUM_THREADS=1 pytest -n 2 --dist worksteal --ignore tests/book

# setuptools builds the package itself; a local build tag of torch (+cpu) is not everybody's
lock: $(READY)
	$(BIN)/pip install --quiet pip-tools
	pip-compile --quiet --strip-extras --all-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+.*/\1/' requirements.lock

clean:
	rm -rf book/_build book/chapters .build .snakemake

define snakemake
snakemake --cores $(JOBS) --nolock --keep-going --rerun-incomplete --quiet rules progress reason host --config scale=$(1) chapters="$(2)"
endef

PYTHON_HINT = install Python 3.11, or name yours: make PYTHON=/path/to/python3.11

# what cannot work ends in one line, before anything is installed
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not there; $(PYTHON_HINT)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo "error: $(PYTHON) is not Python 3.11; $(PYTHON_HINT)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "error: $(PYTHON) has no venv module; install python3.11-venv" >&2; exit 1; }
	@command -v git >/dev/null || { echo "error: git is not there; install git" >&2; exit 1; }
	@echo "installing the environment into .venv (a minute or a few, once)"
	@$(PYTHON) -m venv .venv
	@$(if $(TORCH),$(BIN)/pip install --quiet --index-url https://download.pytorch.org/whl/$(TORCH) $$(grep '^torch==' requirements.lock),true)
	@$(BIN)/pip install --quiet --requirement requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
