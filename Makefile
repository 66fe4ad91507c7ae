# Every target is enough on a bare clone: tools/setup brings what is missing, and is quick when nothing is.

PYTHON_BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-long check frozen bench docs clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

run: ## serve on 127.0.0.1:8000, with the data in ./data
	@tools/setup run
	@exec $(PYTHON_BIN)/crontopus serve --data ./data

test: ## make check, then every test, two at a time; ARGS= goes to pytest
	@tools/setup test
	@$(MAKE) --no-print-directory check
	$(PYTHON_BIN)/pytest -n 2 --dist loadgroup $(ARGS)

test-long: export CRONTOPUS_TEST_LONG = 1
test-long: test ## make test, with the tests that take minutes

check: ## format, lint, types, import contracts, version
	@tools/setup dev
	$(PYTHON_BIN)/ruff format --check --quiet .
	$(PYTHON_BIN)/ruff check --quiet .
	$(PYTHON_BIN)/mypy --no-error-summary
	$(PYTHON_BIN)/lint-imports --no-logo
	$(PYTHON_BIN)/python tools/version.py

frozen: ## build dist/crontopus, and drive it from set-up to restart
	@tools/setup frozen
	$(PYTHON_BIN)/pyinstaller --noconfirm --clean --log-level ERROR crontopus.spec
	$(PYTHON_BIN)/python packaging/smoke.py dist/crontopus
	$(PYTHON_BIN)/python packaging/smoke.py dist/unpacked/crontopus

bench: ## the benchmarks, each against its limit
	@tools/setup test
	$(PYTHON_BIN)/python -m tests.bench $(ARGS)

docs: ## write the generated parts of docs/ anew
	@tools/setup dev
	$(PYTHON_BIN)/python -m tools.docs

clean: ## remove what was built and installed here; the data stays
	rm -rf .venv .venv-clients tests/clients/node_modules build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis
