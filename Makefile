# The commands a newcomer types: `make up`, `make test`. Everything else is said by `make help`.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.fluxapps-ready
STACK ?= dev
# One more than there are cores: the engine tier waits as often as it works.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

.PHONY: setup
setup: $(STAMP) ## Make the Python environment (.venv)

# The digest of what the environment is made of, so that a second call costs nothing and a changed lock is seen.
$(STAMP): requirements.lock pyproject.toml
	@echo "setup: making the Python environment in $(VENV) from requirements.lock (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo "setup: done"

.PHONY: lock
lock: $(STAMP) ## Pin every dependency anew, with hashes, in requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --universal \
		--python-version 3.11 --custom-compile-command "make lock" --quiet --upgrade -o requirements.lock

.PHONY: lint
lint: $(STAMP) ## Format check, ruff, mypy, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: up
up: $(STAMP) ## Bring the apps of stack dev up on a local cluster, or on CONTEXT=<kube context>
	@$(BIN)/fluxapps dev up --stack $(STACK) $(if $(CONTEXT),--context '$(CONTEXT)' --yes)

.PHONY: down
down: $(STAMP) ## End the local cluster; its data stay for the next make up
	@$(BIN)/fluxapps dev stop

.PHONY: programs
programs: $(STAMP)
	@$(BIN)/python -m fluxapps.devcluster programs

.PHONY: test
test: programs ## Run all tests, on a real local cluster too
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile

.PHONY: bench
bench: programs ## Measure speed and memory, as ratios, into docs/benchmarks.md (ALL=1: plain pulumi at 500 apps too)
	@$(BIN)/python -m fluxapps.devcluster programs kustomize kubectl
	@$(if $(ALL),ALL=1) $(BIN)/python -m tests.bench

.PHONY: reliability
reliability: programs ## Kill runs at every point and break what they need, into docs/reliability.md (half an hour)
	@$(BIN)/python -m tests.reliability

.PHONY: schemas
schemas: $(STAMP) ## Generate fluxapps/schemas from Flux's CRDs
	@$(BIN)/python -m fluxapps.schemas.generate

.PHONY: docs
docs: $(STAMP) ## Write what is generated from the models: docs/reference.md, schemas/
	@$(BIN)/python -c 'from fluxapps.model.reference import reference_markdown; print(reference_markdown(), end="")' > docs/.reference.md
	@mv docs/.reference.md docs/reference.md
	@$(BIN)/fluxapps schema
