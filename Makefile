# make run         set everything up and collect from the embedded API
# make test        run the tests, in three minutes on two cores
# make slow        run those that would make it longer: Dask clusters, many kills, many starts
# make check       run everything that CI checks: lint, format, types, spelling, both sets of tests,
#                  package, audit
# make pythons     run both sets of tests with every Python from 3.11 on that is found, each in an
#                  environment of its own: .venv-3.12
# make package     build wheel and sdist; install the wheel into an empty environment and run the demo
# make audit       look for known vulnerabilities of what requirements/*.txt name
# make coverage    measure which lines the tests run
# make torture     run the tests that take minutes: hundreds of kills, every cut, full disks,
#                  thousands of examples
# make bench       compare speed with curl, Scrapy, dlt and others; measure memory and start times;
#                  rewrite docs/benchmarks.md
# make bench-rate  measure the rate control in real and virtual time; draw docs/rate-control.svg
# make pages       rewrite docs/options.md from the settings
# make pictures    redraw docs/run.svg and docs/report.png from a real run; needs Chromium
# make facts       what becomes of a collection when something goes wrong, beside other programs
# make recipes     install pandas, polars and pyarrow (140 MB) and run the recipes of docs/recipes.md
# make lock        renew the hash-checked requirement files

# The first of these that runs and is new enough; choose another with make PYTHON=...
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PACKAGE := $(BIN)/collector

WHICH := -c 'import sys; print(sys.base_prefix, sys.version)'
# An environment of another Python than the one that is asked for is made anew.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) $(WHICH) 2>/dev/null),$(shell $(BIN)/python $(WHICH) 2>/dev/null))
.PHONY: $(BIN)/python
endif
endif

.PHONY: run test slow pythons package audit coverage torture check bench bench-rate facts pages pictures recipes lock clean

run: $(PACKAGE)
	$(PACKAGE) demo companies.txt --last 7d --window 1d --rate 20

# Each worker of pytest would compile its plugins again, for more than a second.
unexport PYTHONDONTWRITEBYTECODE

# Both parts run; the exit code is the worse one. After an interrupt (2) the second does not begin.
define both
@first=0; second=0; $(1) || first=$$?; \
	[ $$first = 2 ] || $(2) || second=$$?; exit $$((first > second ? first : second))
endef

# More workers than a small machine has cores: the end-to-end tests wait most of the time. But each
# of them collects all of the tests, which takes 3 seconds of a core.
MANY := -n 4 --dist worksteal

test: $(VENV)/.dev
	$(call both,$(BIN)/pytest $(MANY) -m "not alone and not slow and not torture and not package",\
		$(BIN)/pytest -m "alone and not slow")

slow: $(VENV)/.dev
	$(call both,$(BIN)/pytest $(MANY) -m "slow and not alone and not torture",\
		$(BIN)/pytest -m "alone and slow")

# The pythons of the path, and those of pyenv that are on no path.
pythons:
	@worst=0; ran=; \
	for name in python3.11 python3.12 python3.13 python3.14 python3 \
		$${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.*/bin/python; do \
		version=$$($$name -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' \
			2>/dev/null) || continue; \
		case "$$ran " in *" $$version "*) continue;; esac; \
		ran="$$ran $$version"; echo "Python $$version: $$name"; \
		$(MAKE) -k test slow VENV=.venv-$$version PYTHON=$$name || worst=$$?; \
	done; echo "The tests have run with Python$$ran"; exit $$worst

package: $(VENV)/.dev
	$(BIN)/pytest -m package

audit: $(VENV)/.dev
	$(BIN)/python requirements/audit.py requirements/run.txt requirements/dev.txt

coverage: $(VENV)/.dev
	$(BIN)/pytest $(MANY) -m "not alone and not torture and not package" \
		--cov --cov-report=term:skip-covered --cov-report=html:.coverage-pages

torture: $(VENV)/.dev
	$(call both,$(BIN)/pytest -m torture,\
		$(BIN)/pytest -n auto -m hypothesis --hypothesis-profile torture)
	$(call both,PYTHONASYNCIODEBUG=1 $(BIN)/pytest -n auto -m "not alone and not torture" tests/end_to_end,\
		PYTHONASYNCIODEBUG=1 $(BIN)/pytest -m "alone and not torture" tests/end_to_end)

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell
	$(MAKE) test
	$(MAKE) slow
	$(MAKE) package
	$(MAKE) audit

bench: $(VENV)/.dev .venv-peers/.ready
	$(BIN)/python -m benchmarks docs/benchmarks.md
	$(BIN)/python -m benchmarks.finding
	$(BIN)/python -m benchmarks.export

bench-rate: $(VENV)/.plot
	$(BIN)/python -m benchmarks.rate docs/rate-control.svg

pages: $(VENV)/.dev
	$(BIN)/python -m tests.docs.options_page

pictures: $(VENV)/.dev
	$(BIN)/python -m tests.docs.pictures

facts: $(VENV)/.dev .venv-peers/.ready
	$(BIN)/python -m benchmarks.facts

recipes: $(VENV)/.recipes
	$(BIN)/pytest tests/docs/test_recipes.py

# Needs uv. The files contain names, versions and hashes, and no address of any index.
lock:
	uv pip compile pyproject.toml --group build $(LOCK_FLAGS) -o requirements/run.txt
	uv pip compile pyproject.toml --all-extras --group dev $(LOCK_FLAGS) -o requirements/dev.txt
	uv pip compile pyproject.toml --group plot $(LOCK_FLAGS) -o requirements/plot.txt
	uv pip compile --group recipes --constraint requirements/dev.txt $(LOCK_FLAGS) -o requirements/recipes.txt
	uv pip compile --group peers $(LOCK_FLAGS) -o requirements/peers.txt

LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

clean:
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "collector needs Python 3.11 or newer; name one with: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "collector needs Python 3.11 or newer, and $(PYTHON) is not" >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)

$(PACKAGE): $(BIN)/python requirements/run.txt pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(PACKAGE) requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# The peers of `make bench`, in a separate environment: they have many dependencies.
.venv-peers/.ready: $(BIN)/python requirements/peers.txt
	$(BIN)/python -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/peers.txt
	@touch $@

$(VENV)/.plot: $(VENV)/.dev requirements/plot.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/plot.txt
	@touch $@

$(VENV)/.recipes: $(VENV)/.dev requirements/recipes.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/recipes.txt
	@touch $@
