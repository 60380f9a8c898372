# Recall. Needs Python 3.11 or newer and make; everything else comes from requirements*.txt.
PYTHON ?= python3
PORT ?= 8000
SPEED ?= 1440
WORKERS ?= 2

BIN := .venv/bin
PY := $(BIN)/python
PIP := $(BIN)/pip --disable-pip-version-check --no-input --quiet
PACKAGES := config rehearsal reports notices revocation campaigns subscribers audit core bench tests
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check bench words clean lock tools

help:
	@echo "make run    play the rehearsal: a whole campaign of 2,098 certificates, on 127.0.0.1"
	@echo "            PORT=$(PORT)    where the site listens"
	@echo "            SPEED=$(SPEED)   how many times faster than the world the clock runs (1440: a day a minute)"
	@echo "make test   the whole suite, on SQLite and again on PostgreSQL with Redis, which it starts itself"
	@echo "make check  format, lint, types, import contract, migrations, budgets, links of the documentation"
	@echo "make bench  the benchmarks, as ratios to limits measured in the same run"
	@echo "make words  renew the catalogues in locale/ from what is marked for translation, and compile them"
	@echo "make lock   renew requirements.txt and requirements-dev.txt from requirements.in and requirements-dev.in"
	@echo "make clean  remove var/, where a rehearsal keeps its state"

run: .venv/installed
	$(PY) manage.py rehearse --port $(PORT) --speed $(SPEED)

test: .venv/installed-dev tools
	$(PY) -m pytest -n $(WORKERS) --dist worksteal
	$(PY) -m tests.servers $(PY) -m pytest -n $(WORKERS) --dist worksteal

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m pytest -q -p no:cacheprovider tests/architecture

bench: .venv/installed-dev
	$(PY) -m bench

words: .venv/installed-dev
	DJANGO_SETTINGS_MODULE=config.settings $(PY) -m tests.catalogue

clean:
	rm -rf var

lock: .venv/installed-dev
	$(LOCK) requirements.in --output-file requirements.txt $(LOCK_FLAGS)
	$(LOCK) requirements-dev.in --constraints requirements.txt --output-file requirements-dev.txt $(LOCK_FLAGS)

# The environment: one stamp for what the product needs, one for what tests and checks need beside it.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Recall needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/pip
	$(PIP) install --require-hashes -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt | .venv/bin/pip
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@ .venv/installed

# Programs that the tests run and that no Python package brings: a browser, OpenSSL as a second opinion on CRLs, and
# mail servers that bounce and answer (Postfix, Dovecot with Sieve). Each with the Debian package that brings it.
TOOLS := chromium:chromium openssl:openssl postfix:postfix dovecot:dovecot-imapd \
	/usr/lib/dovecot/lmtp:dovecot-lmtpd /usr/lib/dovecot/modules/lib90_sieve_plugin.so:dovecot-sieve
tools:
	@missing=; for tool in $(TOOLS); do \
	  PATH="$$PATH:/usr/sbin" command -v $${tool%%:*} >/dev/null || [ -e $${tool%%:*} ] || missing="$$missing $${tool##*:}"; done; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "The tests need$$missing. Install that (Debian: apt-get install$$missing) and try again." >&2; exit 1; fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing
