#!/usr/bin/env bash
# Fuzz each target for FUZZ_SECONDS, say what was reached, fail on a finding. `--keep` merges what reached
# something new into tests/fuzz/corpus afterwards; `--lines` only replays that corpus and counts lines.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/say.sh
scripts/setup.sh
. scripts/fuzz/build.sh
seconds=${FUZZ_SECONDS:-600}
read -r -a targets <<<"${FUZZ_TARGETS:-protobuf json receiver}"
kept=tests/fuzz/corpus
mode=${1:-}

run_target() { # a target: libFuzzer's own summary goes to its log
  local target=$1 log=$fuzz/$1.log
  shift
  FUZZ_PYTHON=$bin/python FUZZ_KERNEL=$fuzz/fuzzer/kernel.so FUZZ_TARGET=$target nice "$fuzz/driver" \
    -rss_limit_mb=4096 -timeout=60 -artifact_prefix="$fuzz/findings/$target-" -print_final_stats=1 "$@" >"$log" 2>&1
}

fuzz_target() { # one line of the table
  local target=$1 options=(-max_total_time="$seconds") began=$SECONDS failed=0 executions
  mkdir -p "$fuzz/corpus/$target" "$fuzz/findings"
  [ "$target" = json ] && options+=(-dict=scripts/fuzz/json.dict)
  run_target "$target" "${options[@]}" "$fuzz/corpus/$target" "$kept/$target" || failed=1
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$fuzz/$target.log")
  printf '%-10s %9s %12s %12s %10s\n' "$target" "$((SECONDS - began))" "${executions:-0}" \
    "$(find "$fuzz/corpus/$target" -type f | wc -l)" "$failed"
  [ "$failed" = 0 ] || tail -n 40 "$fuzz/$target.log" >&2
  return $failed
}

keep() { # what is needed to reach every edge, smallest inputs first
  local target
  for target in "${targets[@]}"; do
    rm -rf "$fuzz/merged" && mkdir -p "$fuzz/merged"
    run_target "$target" -merge=1 -use_counters=0 "$fuzz/merged" "$kept/$target" "$fuzz/corpus/$target"
    rm -rf "${kept:?}/$target" && cp -r "$fuzz/merged" "$kept/$target"
    say "$target: kept $(find "$kept/$target" -type f | wc -l) inputs"
  done
}

count_lines() { # which lines of our own the corpus reaches, in a build for gcov
  mkdir -p $fuzz/lines
  (cd $fuzz/lines && rm -f ./*.gcda ./*.gcov*)
  "$bin/cython" -3 --line-directives $otlp/kernel.pyx -o $fuzz/lines/kernel.c >/dev/null
  # shellcheck disable=SC2046
  ${CC:-gcc} -shared -fPIC -O0 -w -fwrapv --coverage -I$otlp $(python_config include) $fuzz/lines/kernel.c -o $fuzz/lines/kernel.so
  "$bin/python" -m scripts.fuzz.loading $fuzz/lines/kernel.so scripts.fuzz.replay "$@"
  "$bin/python" -m scripts.fuzz.lines $fuzz/lines $otlp
}

if [ "$mode" != --lines ]; then
  check_clang
  say "building the kernel for coverage, under AddressSanitizer and UndefinedBehaviorSanitizer"
  # shellcheck disable=SC2086
  build_kernel fuzzer -fsanitize=fuzzer-no-link $sanitizers
  build_driver
  say "fuzzing each of ${targets[*]} for $seconds s"
  printf '%-10s %9s %12s %12s %10s\n' target seconds executions corpus findings
  code=0
  for target in "${targets[@]}"; do fuzz_target "$target" || code=1; done
  [ "$code" = 0 ] || fail "there are findings in $fuzz/findings" "replay one: FUZZ_TARGETS=<target> with that file in $kept/<target>"
  [ "$mode" != --keep ] || keep
fi
say "lines of the kernel that the corpus in $kept reaches"
count_lines "$kept"
