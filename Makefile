# make run         set everything up and collect from the embedded API
# make test        run the tests
# make check       run everything that CI checks: lint, format, types, tests
# make torture     run the tests that take minutes: hundreds of kills, every cut, full disks,
#                  thousands of examples
# make bench       compare speed with curl, Scrapy, dlt and others; measure memory and start times;
#                  rewrite docs/benchmarks.md
# make bench-rate  measure the rate control in real and virtual time; draw docs/rate-control.svg
# make lock        renew the hash-checked requirement files

# The first of these that runs and is new enough; choose another with make PYTHON=...
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
PACKAGE := $(BIN)/collector

.PHONY: run test torture check bench bench-rate lock clean

run: $(PACKAGE)
	$(PACKAGE) demo companies.txt --last 7d --window 1d --rate 20

# More workers than a small machine has cores: the end-to-end tests wait most of the time.
test: .venv/.dev
	$(BIN)/pytest -n 6 --dist worksteal -m "not alone and not torture"
	$(BIN)/pytest -m alone

torture: .venv/.dev
	$(BIN)/pytest -m torture
	$(BIN)/pytest -n auto -m hypothesis --hypothesis-profile torture

check: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(MAKE) test

bench: .venv/.dev .venv-peers/.ready
	$(BIN)/python -m benchmarks docs/benchmarks.md
	$(BIN)/python -m benchmarks.finding
	$(BIN)/python -m benchmarks.export

bench-rate: .venv/.plot
	$(BIN)/python -m benchmarks.rate docs/rate-control.svg

# Needs uv. The files contain names, versions and hashes, and no address of any index.
lock:
	uv pip compile pyproject.toml --group build $(LOCK_FLAGS) -o requirements/run.txt
	uv pip compile pyproject.toml --all-extras --group dev $(LOCK_FLAGS) -o requirements/dev.txt
	uv pip compile pyproject.toml --group plot $(LOCK_FLAGS) -o requirements/plot.txt
	uv pip compile --group peers $(LOCK_FLAGS) -o requirements/peers.txt

LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

clean:
	rm -rf .venv .venv-peers .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "collector needs Python 3.11 or newer; name one with: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(PACKAGE): .venv/bin/python requirements/run.txt pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: $(PACKAGE) requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# The peers of `make bench`, in a separate environment: they have many dependencies.
.venv-peers/.ready: .venv/bin/python requirements/peers.txt
	.venv/bin/python -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/peers.txt
	@touch $@

.venv/.plot: .venv/.dev requirements/plot.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/plot.txt
	@touch $@
