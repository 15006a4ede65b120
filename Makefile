# Everything from a clone: needs python3, make and the package registries. `make help` lists it all.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header
LOCKED_ENGINES := $(dir $(wildcard engines/*/requirements.in))

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev lock

help: ## show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## make .venv with all that runs need (instant the second time)
	@$(PYTHON) infra/setup.py $(VENV)

setup-dev: ## the same with the tools that tests and checks need
	@$(PYTHON) infra/setup.py $(VENV) --dev

lock: setup ## pin all requirements again, newest that fit, hashes included
	$(COMPILE) --upgrade pyproject.toml --extra local --group build -o requirements.lock
	$(COMPILE) --upgrade --group dev -c requirements.lock -o requirements-dev.lock
	@for folder in $(filter-out engines/sdk/,$(LOCKED_ENGINES)); do \
		echo "$(COMPILE) --upgrade $${folder}requirements.in -o $${folder}requirements.lock"; \
		$(COMPILE) --upgrade $${folder}requirements.in -o $${folder}requirements.lock || exit 1; \
	done
