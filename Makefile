# Each target sets up all that it needs in a private environment below .tox and .venv-tox.
PYTHON ?= python3
TOX := .venv-tox/bin/tox

.PHONY: help test conformance conformance-full conformance-docker conformance-podman certify faults model release-gate bench engines-up engines-down clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: $(TOX) ## style, types and the project's own tests
	$(TOX) run -e lint,type,py

conformance: $(TOX) ## the contract against awl in both runtimes, with the fake engine
	$(TOX) run -e conformance

conformance-full: $(TOX) ## the same with every value of every case
	$(TOX) run -e conformance-full

conformance-docker: $(TOX) ## the same on the real Docker Engine at DOCKER_HOST
	$(TOX) run -e conformance-docker

faults: $(TOX) ## does the suite find out what is known to be wrong?
	$(TOX) run -e faults

model: $(TOX) ## random sequences of commands, held against a reference model
	$(TOX) run -e model

conformance-podman: $(TOX) ## the same on the real Podman at AWL_PODMAN_SOCKET
	$(TOX) run -e conformance-podman

certify: $(TOX) ## the fake engine against what was recorded of Docker
	$(TOX) run -e certify

release-gate: $(TOX) ## shards, merge, verify and the gate of the last release's baseline
	$(TOX) run -e release-gate

bench: $(TOX) ## measure the budgets, write docs/PERFORMANCE.md
	$(TOX) run -e bench

engines-up: ## start a real Docker Engine and Podman on this Debian machine (root)
	scripts/engines up

engines-down: ## stop what engines-up started
	scripts/engines down

$(TOX):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "awl needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv .venv-tox || { echo "the venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 2; }
	.venv-tox/bin/pip install --quiet --disable-pip-version-check 'tox>=4.22'

clean: ## remove environments, caches and results
	rm -rf .venv-tox .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis conformance-results build dist
