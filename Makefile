# Everything people and CI run, by the same names.
PYTHON ?= python3
SOAK_SECONDS ?= 1800
VENV   := .venv
RUN    := $(VENV)/bin/
LINES  := 1000000

.PHONY: demo test check format bench soak soak-gateway bench-gateway interop docs lock install clean

demo: install  ## the whole thing at work on the embedded model, without any key
	$(RUN)moongate demo

test: install  ## the test suite
	$(RUN)python -m pytest

check: install  ## style, types, import stairs, and our own ids
	$(RUN)ruff check
	$(RUN)ruff format --check
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)moongate lint

format: install
	$(RUN)ruff check --fix
	$(RUN)ruff format

bench: install  ## start-up time, overheads, lines a second: ratios, each in one run; LINES=10000000 for a large batch
	$(RUN)python benchmarks/startup.py
	$(RUN)python benchmarks/guard.py
	$(RUN)python benchmarks/sdk.py
	$(RUN)python benchmarks/till.py
	$(RUN)python benchmarks/lint.py
	$(RUN)python benchmarks/batch_local.py
	$(RUN)python benchmarks/batch_validate.py --lines $(LINES)

soak: install soak-gateway  ## the long runs: a batch job killed fifty times in each mode, the gateway's workers too
	MOONGATE_KILLS=50 $(RUN)python -m pytest -q -s tests/acceptance/test_batch_kills.py tests/acceptance/test_budget.py
	MOONGATE_BATCH_LINES=200 $(RUN)python -m pytest -q tests/acceptance/test_gateway_batches.py
	MOONGATE_LINES=200 $(RUN)python -m pytest -q tests/acceptance/test_batch_embedded.py

soak-gateway: install  ## half an hour of load, reloads and kills (SOAK_SECONDS)
	SOAK_SECONDS=$(SOAK_SECONDS) $(RUN)python scripts/soak_gateway.py

bench-gateway: install  ## the gateway against nginx, LiteLLM's proxy and Portkey's gateway; needs nginx and wrk
	$(RUN)python benchmarks/gateway.py --rivals --idle 2000

interop: install  ## other majors, real clients, both contracts fuzzed, the container, hooks; each in an environment of its own
	$(RUN)python scripts/interop.py
	$(RUN)python scripts/real_clients.py
	$(RUN)python scripts/fuzz_contract.py
	$(RUN)python scripts/fuzz_gateway.py
	$(RUN)python scripts/try_container.py
	$(RUN)python scripts/hooks.py

docs: install  ## rewrite what the documentation shows of commands and their output
	$(RUN)python scripts/make_help.py
	$(RUN)python scripts/make_docs.py
	$(RUN)python scripts/make_rules_doc.py
	$(RUN)python scripts/make_rule_pages.py

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "moongate needs Python 3.11 or later; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(RUN)python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN)python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(RUN)python -m compileall -q src
	@touch $@

lock:  ## resolve anew; the file holds hashes and names no index
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet -o requirements.lock

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
