#!/usr/bin/env bash
# Go fuzzing of the reduce processor: its input and its configuration, FUZZ_SECONDS each (300); no panic is
# wanted. `make reduce-fuzz` calls it. What was found goes to testdata/fuzz of the module and fails the tests.
set -euo pipefail
cd "$(dirname "$0")/../collector/processor/reduceprocessor"
. ../../../scripts/say.sh
# Making an input small for a minute each time would leave no time for new ones.
for target in FuzzConsume FuzzConfig; do
  timed "$target" go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZ_SECONDS:-300}s" -fuzzminimizetime 10x -parallel "${FUZZ_WORKERS:-2}" .
done
