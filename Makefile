# Everything from a clone: needs python3, make and the package registries. `make help` lists it all.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev ui ui-check redis7 lock lint isolation audit test test-engines test-faults test-browser test-docker bench-core bench-load bench-web bench-quality

help: ## show what there is to make
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## make .venv with all that runs need, and build the page (instant the second time)
	@$(PYTHON) infra/setup.py $(VENV)
	@$(PYTHON) -m infra.page $(VENV)

setup-dev: ## the same with the tools that tests and checks need
	@$(PYTHON) infra/setup.py $(VENV) --dev
	@$(PYTHON) -m infra.page $(VENV)

ui: ## build the page in web/ui, when its sources have changed
	@$(PYTHON) -m infra.page $(VENV)

ui-check: setup-dev ## the page's own checks: types, lint, format, and its fold beside the server's
	@$(BIN)/python -m tests.history.views web/ui/test/views.json
	@$(PYTHON) -m infra.page $(VENV) --check

redis7: ## get Redis 7.0 for the tests, from Debian, beside everything else (says SKIPPED if not)
	@sh tests/redis7.sh .dalston/redis7

lock: setup ## pin all requirements again, newest that fit, hashes included
	$(COMPILE) --upgrade pyproject.toml --extra local --group build -o requirements.lock
	$(COMPILE) --upgrade --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/python -m infra.lock $(UV)
	$(COMPILE) --upgrade bench/quality/requirements.in -o bench/quality/requirements.lock
	$(COMPILE) --upgrade web/ui/node.in -o web/ui/node.lock

lint: setup-dev ui-check ## ruff, formatting, mypy (strict, tests too), import rules, the page's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A suite that hangs is a failure too, and is to say so.
TEST := timeout --foreground --kill-after=30 2400 $(BIN)/pytest -p no:cacheprovider

isolation: setup ## why engines cannot share an environment, in the resolver's words; and that none does
	$(BIN)/python -m infra.isolation

audit: setup-dev ## known vulnerabilities of what is pinned, where their list can be reached
	@$(BIN)/python -m infra.audit $(UV)

test: setup-dev redis7 ## all tests but the slow suites, against real servers that they start
	$(TEST) -n 2 --dist loadfile -m "not docker and not faults and not browser and not engines"

test-engines: setup-dev ## every engine with real models, each in its own environment (SHORT=1: a few)
	$(BIN)/dalston engine build --all
	$(TEST) -m "engines$(if $(SHORT), and not long)" tests/engines

test-faults: setup-dev redis7 ## hurt real processes while jobs run (SHORT=1: a few; SEEDS=1..50: at random, long)
ifdef SEEDS
	$(BIN)/python -m tests.faults.driver --seeds $(SEEDS) --seconds $(or $(SECONDS),60)
else
	DALSTON_SHORT=$(SHORT) $(TEST) -m "faults$(if $(SHORT), and not long)" tests
endif

test-browser: setup-dev ## the page in a real browser (needs chromium; SHORT=1: a few)
	$(BIN)/dalston engine build audio_prepare faster_whisper merge pyannote
	$(TEST) -m "browser$(if $(SHORT), and not long)" tests/browser

test-docker: setup-dev ## build and run the Compose file, lose an engine, tear it down
	$(TEST) -s -m docker tests/docker

bench-core: setup-dev ## hand-off, pipeline beside the bare library, projector, commits, memory
	$(BIN)/python -m bench.core

bench-load: setup-dev ## far more than a stack is built for (`.venv/bin/python -m bench.load --help`)
	$(BIN)/python -m bench.load $(PARTS)

bench-web: setup-dev ## from a commit to 2,000 sockets, beside a bare broadcast and slow readers (ARGS=--help)
	$(BIN)/python -m bench.web $(ARGS)

bench-quality: setup-dev ## what is heard, ours beside each bare library (ARGS=--quick: a few recordings)
	$(BIN)/python -m bench.quality $(ARGS)

.PHONY: demo up down

demo: setup ## start a stack, transcribe the samples, show it all, leave nothing behind
	@$(BIN)/dalston demo

up: setup ## start a stack in the background and print its address
	@$(BIN)/dalston up --detach

down: setup ## stop the stack
	@$(BIN)/dalston down
