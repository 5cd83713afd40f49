#!/usr/bin/env bash
# Measures reduce beside the stock chain: a scrape of 100, 1,000 and 10,000 processes in Go, as a table of CPU
# times and allocations, then points per second through the real collector. `make reduce-bench` calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/say.sh
scripts/setup.sh
(cd bench/reduce && go test -run . .)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "on the same pdata (${BENCH_COUNT:-3} times each)"
(cd bench/reduce && go test -run '^$' -bench Scrape -benchtime "${BENCH_TIME:-20x}" -count "${BENCH_COUNT:-3}" .) >"$log"
python3 bench/reduce/table.py "$log"
say "through the real collector on one core"
.venv/bin/python bench/reduce_binary.py
