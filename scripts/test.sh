#!/usr/bin/env bash
# All tests, in the order in which a failure says most. Says which part took how long.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
timed "set-up" scripts/setup.sh
timed "browser" scripts/browser.sh
timed "PostgreSQL" scripts/postgresql.sh
timed "collector" collector/build.sh
timed "Prometheus" scripts/prometheus.sh >/dev/null
# Nothing measured in tests is a time, so they may share the processors. PYTEST_WORKERS=0 runs them one by one.
pytest=(.venv/bin/python -m pytest -q -n "${PYTEST_WORKERS:-$(nproc)}" --dist worksteal)
timed "Go tests with the race detector and coverage" scripts/go_test.sh
timed "unit tests with coverage" "${pytest[@]}" tests/unit tests/architecture tests/recorded tests/fuzz -m "not slow" --cov --cov-report=
# The long faults are tried by `make faults`, with a table of what came of each.
timed "statistics: simulations" "${pytest[@]}" tests --ignore=tests/e2e -m slow
timed "integration tests with coverage" "${pytest[@]}" tests/integration tests/golden tests/ground_truth -m "not slow" --cov --cov-append --cov-report=
# These wait for collectors and agents most of the time.
timed "end-to-end tests with coverage" "${pytest[@]}" -n "${PYTEST_WORKERS:-$(($(nproc) + 1))}" tests/e2e -m "not slow" --cov --cov-append --cov-report=
timed "coverage" .venv/bin/python scripts/coverage_floor.py
