#!/usr/bin/env bash
# The main job on real input: a cheaper pipeline against the baseline on this host. Ends with 0 when
# a verdict, whichever, was reached and its record verified.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
began=$SECONDS
scripts/setup.sh
phoenix=.venv/bin/phoenix

# The candidate needs `reduce`: our own collector, or any other that was built with it. Ours is built first
# where there is none (about 5 min, once); where an older build will do, the new one is made meanwhile.
has_reduce() { $phoenix collector components --collector "$1" --output json 2>/dev/null | grep -q '"reduce"'; }
building=
mkdir -p build
ours=$(collector/build.sh --path 2>/dev/null || true)
if [ -n "${PHOENIX_COLLECTOR:-}" ]; then
  collector=$PHOENIX_COLLECTOR
elif [ -x "$ours" ]; then
  collector=$ours
elif collector=$($phoenix collector path 2>/dev/null) && has_reduce "$collector"; then
  if [ -n "$ours" ]; then
    say "using $collector; the Phoenix collector is built meanwhile, for the next time"
    nice -n 19 collector/build.sh >/dev/null 2>build/collector.log &
    building=$!
  fi
else
  collector=$(collector/build.sh)
fi
if ! has_reduce "$collector"; then
  say "$collector has no reduce processor; unset PHOENIX_COLLECTOR to use the Phoenix collector, or build it in (docs/pipelines.md)"
  exit 6
fi

record=build/demo.json
rm -f "$record" "${record%.json}.certificate.json"
say "set-up done after $((SECONDS - began)) s"
say "trial: process-topk-v1 against process-baseline-v1, load profile 'realistic', target 30 %"
code=0
$phoenix trial --collector "$collector" --baseline process-baseline-v1 --candidate process-topk-v1 \
  --seed-load realistic --target-reduction 30% --critical phx-api --critical phx-db \
  --interval 1s --max-duration 15m --max-host-cpu 50% --record "$record" || code=$?
case $code in
  0 | 20 | 21 | 22 | 23) ;;
  *) exit "$code" ;;
esac
say "verifying the record: the verdict is computed again from its samples"
$phoenix record verify "$record"
certificate=${record%.json}.certificate.json
[ ! -e "$certificate" ] || $phoenix certificate verify "$certificate"
[ -z "$building" ] || { say "waiting for the build of the Phoenix collector"; wait "$building"; }
say "the demo took $((SECONDS - began)) s; the record is $record"
