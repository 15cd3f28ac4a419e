# make app     install what is needed, then serve the page at http://127.0.0.1:7860
# make test    install what is needed, then run the tests; with the slow ones: make test ARGS="-m 'not soak'"
# make lint    check style and types; the page's scripts too where npm is
# make docs    build the documents as a website in outputs/site; any warning is an error
# make clean   remove the virtual environment and caches
# make lock    choose the newest versions of everything, and write them into requirements.lock (needs uv)
# make soak    the long tests that try to break it: hostile pictures, faults, kills; some ten minutes
#
# Arguments travel in ARGS:  make app ARGS="--port 8000"    make test ARGS="-k predict"

VENV := .venv
PY   := $(VENV)/bin/python
ARGS ?=
LOCK := $(wildcard requirements.lock)

# A Python of 3.10 or later that can make virtual environments; the plain python3 is asked first.
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))
CANDIDATES := python3 python python3.13 python3.12 python3.11 python3.10 python3.14

.PHONY: app test soak lint lock docs clean
.DEFAULT_GOAL := app

app: $(VENV)/.installed
	$(PY) app.py $(ARGS)

test: $(VENV)/.installed-dev
	$(PY) -m pytest $(ARGS)

# A test may take an hour here; docs/reliability.md says what was found.
soak: $(VENV)/.installed-dev
	$(PY) -m pytest -m soak -o faulthandler_timeout=3600 $(ARGS)

lint: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	@if command -v npm >/dev/null 2>&1; then $(MAKE) --no-print-directory node_modules && npm run --silent lint; \
	else echo "no npm here: the scripts in assets/ are not checked" >&2; fi

# In an environment of its own: MkDocs and what the programs need do not have to agree.
docs:
	test -d $(VENV)-docs || $(MAKE) --no-print-directory VENV=$(VENV)-docs $(VENV)-docs/bin/python
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/python -m mkdocs build --quiet
	@echo "open outputs/site/index.html; for the search: python3 -m http.server --directory outputs/site"

node_modules: package.json package-lock.json
	npm ci --silent --no-audit --no-fund && touch $@

# What is installed is what was tested: requirements.lock has one version of every package, for Python 3.10 and later on
# any system. Without that file, or with LOCK= on the command line, the bounds of requirements.txt are all there is.
lock:
	uv pip compile --universal --upgrade --python-version 3.10 --no-annotate -o requirements.lock requirements-dev.txt

$(VENV)/.installed: requirements.txt $(LOCK) | $(PY)
	$(call install,requirements.txt)
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt requirements-notebook.txt $(LOCK) | $(PY)
	$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.installed

# uv is several times faster than pip; it is used where it is there, and asked for nothing where it is not.
define install
	@echo "installing $(1) into $(VENV): a few minutes the first time"
	@if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(PY) -r $(1) $(LOCK:%=-c %); \
	else $(PY) -m pip install --quiet --disable-pip-version-check -r $(1) $(LOCK:%=-c %); fi
endef

$(PY):
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --seed --python '>=3.10' $(VENV); exit; fi; \
	for python in $(CANDIDATES); do \
		if $$python -c '$(SUITABLE)' >/dev/null 2>&1; then $$python -m venv $(VENV); exit; fi; \
	done; \
	echo "no Python 3.10 or later with venv was found: install one (Debian: apt-get install python3-venv)" >&2; exit 1

clean:
	rm -rf $(VENV) $(VENV)-docs .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
