# Phoenix Platform. Every target sets up what it needs, says what it does, and does it once.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON_SOURCES := src tests bench
COLLECTOR_ARGS ?=

.PHONY: acceptance-table catalog-table help demo test check faults ground-truth bench fuzz asan venv collector format lock clean lint-corpus reduce-law reduce-mutants reduce-fuzz reduce-bench interop

help:  ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo:  ## Try a cheaper pipeline against the baseline on this host: real collectors, a verdict.
	@scripts/demo.sh

test:  ## Run all tests (unit, integration with real collectors, statistics, end to end).
	@scripts/test.sh

check:  ## Format, lint, types, import contracts; Python and Go.
	@scripts/check.sh

acceptance-table:  ## Measure every promise of the statistics: what it must show, what it shows here.
	@scripts/setup.sh && .venv/bin/python scripts/acceptance_table.py

catalog-table:  ## Try every pipeline of the catalog under every load profile (about 40 min); write the table into the docs.
	@scripts/setup.sh && .venv/bin/python -m scripts.catalog_table $(if $(RECORDS),--records "$(RECORDS)")

faults:  ## Put trials through faults (kills, freezes, full disks); print what came of each.
	@scripts/setup.sh && .venv/bin/python tests/e2e/fault_table.py

ground-truth:  ## Compare every field of every sample with the truth, through real collectors: a table.
	@scripts/setup.sh && .venv/bin/python -m tests.ground_truth

bench:  ## Measure speed on this machine: a table, and lines in bench/results.jsonl.
	@scripts/setup.sh && .venv/bin/python bench/run.py

fuzz:  ## Fuzz the ways in for FUZZ_SECONDS each (600), count the kernel's lines reached; needs clang.
	@scripts/fuzz/run.sh

asan:  ## Run the kernel's tests and the fuzz corpus under AddressSanitizer; needs clang.
	@scripts/fuzz/asan.sh

lint-corpus:  ## Lint the public configurations of tests/lint_corpus.json: FOLDER=clones [COLLECTOR=binary].
	@scripts/setup.sh && .venv/bin/python scripts/lint_corpus.py "$(FOLDER)" $(COLLECTOR)

reduce-law:  ## Try the law of `reduce` on INTERVALS random intervals (1,000,000); print how many, and what broke.
	@python3 scripts/reduce_law.py --intervals $(or $(INTERVALS),1000000)

reduce-mutants:  ## Break `reduce` in listed ways; its tests must notice each.
	@python3 scripts/reduce_mutants.py

reduce-fuzz:  ## Fuzz the input and the configuration of `reduce` for FUZZ_SECONDS each (300).
	@scripts/reduce_fuzz.sh

reduce-bench:  ## Measure `reduce` beside the stock chain: on the same pdata, and through the real collector.
	@bench/reduce/run.sh

interop:  ## Run the unmodified OpAMP supervisor and Elastic's client against our endpoint (first time about 8 min).
	@scripts/interop.sh

venv:  ## Make the virtual environment and compile the kernel.
	@scripts/setup.sh

collector:  ## Build the Phoenix collector into the cache (about 5 min the first time).
	@scripts/setup.sh && collector/build.sh

format:  ## Rewrite the sources the way `make check` wants them.
	@scripts/setup.sh && .venv/bin/ruff check --fix -q $(PYTHON_SOURCES); .venv/bin/ruff format -q $(PYTHON_SOURCES)

lock:  ## Write requirements/dev.txt anew from pyproject.toml (needs uv).
	@uv pip compile --quiet --no-emit-index-url --generate-hashes --python-version 3.11 pyproject.toml --extra agent --extra server --group dev -o requirements/dev.txt

clean:  ## Remove what the targets made in this folder; caches in the home stay.
	@rm -rf .venv build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find src -name '*.so' -delete; rm -f src/phoenix_platform/otlp/*.c
