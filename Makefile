# Relevo's commands. `make help` lists them.
VENV ?= .venv
SEEDS ?= 1
PYTHON ?= python3
BIN := $(VENV)/bin
# Many times faster than pip, which takes over where uv does not reach what pip does.
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
OURS := --no-deps --no-build-isolation -e .
# Tests with a broker wait more than they compute: four files at a time also on two cores, the longest first.
SIDE_BY_SIDE := $(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder
SOURCE := schemas runtime ingress processors egress sandbox relevo bench

# Where it is set, each process that a test or a drill starts compiles anew all that it imports: two thirds of its start.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit services kafka faults system drills drills-ci browser check check-deploy watched format lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## a working .venv with everything that the demo and the tests need

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	awk '/^[^ #]/ { of_uv = /^uv==/ } of_uv' requirements-dev.txt > $(VENV)/uv.txt
	$(BIN)/pip install --quiet --require-hashes -r $(VENV)/uv.txt
	$(UV) --require-hashes -r requirements-dev.txt || $(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	$(UV) $(OURS) || $(BIN)/pip install --quiet $(OURS)
	@touch $@

demo: setup ## the whole pipeline on this machine, with a genuine Kafka, in about a minute
	$(BIN)/relevo demo

test: setup unit services ## all tests but those of the page, of the chart, and the long ones

unit: setup ## tests without a broker
	$(BIN)/pytest tests/unit -q -n 2 --dist loadfile

services: setup ## all tests with a broker as one: `kafka`, `system` and `drills-ci`
	$(SIDE_BY_SIDE) tests/kafka tests/system tests/drills -m "not long"

kafka: setup ## tests on a genuine Kafka
	$(SIDE_BY_SIDE) tests/kafka -m "not long"

faults: setup ## the long runs with faults on a genuine Kafka, one after the other, in about half an hour
	$(BIN)/pytest tests/kafka -q -m long

system: setup ## tests of all services as processes, with faults
	$(SIDE_BY_SIDE) tests/system

drills: setup ## every drill, one seed (SEEDS=1,2,3 for several); what fails leaves a folder, which is printed
	$(BIN)/relevo drill --all --seeds $(SEEDS) --jobs 2

drills-ci: setup ## one drill of each family, and the four services with one rule broken that drills must see
	$(SIDE_BY_SIDE) tests/drills

browser: setup ## the sandbox's page in a genuine Chromium, which is brought into a folder of its own
	@tests/browser/chromium.sh
	$(BIN)/pytest tests/browser -q

check: setup ## formatting, lint, types, layers, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/unit/test_layers.py tests/unit/test_reference_pages.py -q

check-deploy: setup ## the chart and the image: lint, schemas of all objects, promises; builds its tools once, in some minutes
	@deploy/check/tools.sh
	deploy/check/run.sh
	$(BIN)/pytest tests/deploy -q -n 2 --dist loadfile --no-loadscope-reorder
	@deploy/check/passed.sh --now

watched: setup ## faults under a genuine Prometheus, one after the other: alerts that must fire, and end; in a quarter of an hour
	@deploy/check/tools.sh
	$(BIN)/pytest tests/watched -q -s

format: setup ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## new pins with hashes, from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra sandbox pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra sandbox --extra dev pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements.txt pyproject.toml -o deploy/requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements-dev.txt deploy/requirements-build.in -o deploy/requirements-build.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header deploy/check/requirements.in -o deploy/check/requirements.txt

clean: ## remove what the commands above made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache *.egg-info build
