#!/usr/bin/env bash
# The main job on real input: a cheaper pipeline against the baseline on this host, through a control plane and an
# agent of its own. DEMO=trial does it without either. Ends with 0 when a verdict, whichever, was reached and verified.
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

finish() {
  [ -z "$building" ] || { say "waiting for the build of the Phoenix collector"; wait "$building"; }
  say "the demo took $((SECONDS - began)) s; $1"
}

is_verdict() { case $1 in 0 | 20 | 21 | 22 | 23) ;; *) return 1 ;; esac; }

demo_trial() {
  local record=build/demo.json code=0
  rm -f "$record" "${record%.json}.certificate.json"
  say "trial: process-topk-v1 against process-baseline-v1, load profile 'realistic', target 30 %"
  $phoenix trial --collector "$collector" --baseline process-baseline-v1 --candidate process-topk-v1 \
    --seed-load realistic --target-reduction 30% --critical phx-api --critical phx-db \
    --interval 1s --max-duration 15m --max-host-cpu 50% --record "$record" || code=$?
  is_verdict "$code" || exit "$code"
  say "verifying the record: the verdict is computed again from its samples"
  $phoenix record verify "$record"
  local certificate=${record%.json}.certificate.json
  [ ! -e "$certificate" ] || $phoenix certificate verify "$certificate"
  finish "the record is $record"
}

started=()
end_started() { # the agent first, so that it can say goodbye
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
}

wait_for() { # what, seconds, command: until it succeeds
  local what=$1 left=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { say "$what: not there in time; see build/demo/*.log"; exit 6; }
    sleep 1
  done
}

is_connected() { $phoenix host list --output json | grep -Eq '"is_connected": ?true'; }

demo_fleet() {
  local folder=$PWD/build/demo code=0
  rm -rf "$folder"
  mkdir -p "$folder"
  # The command line finds the control plane, and its key, by this folder: nobody signs in on one machine.
  export PHOENIX_DATA_DIRECTORY=$folder/control-plane PHOENIX_COLLECTOR=$collector
  trap end_started EXIT
  say "starting a control plane (phoenix serve: SQLite, loopback)"
  $phoenix serve --port 0 >"$folder/serve.log" 2>&1 &
  started=($!)
  wait_for "the control plane" 90 $phoenix host list
  say "enrolling this host and starting its agent"
  $phoenix host enroll --label env=demo --output json |
    .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)["token"])' >"$folder/token"
  $phoenix agent enroll --server "$(cat "$PHOENIX_DATA_DIRECTORY/server/address")" --token-file "$folder/token" \
    --name this-host --data-directory "$folder/agent"
  rm "$folder/token"
  $phoenix agent run --data-directory "$folder/agent" >"$folder/agent.log" 2>&1 &
  started=($! "${started[@]}")
  wait_for "the agent" 90 is_connected
  $phoenix host list
  cat >"$folder/experiment.yaml" <<YAML
name: demo
candidate: process-topk-v1
selector: env=demo
target_reduction: 0.3
interval: PT1S
max_duration: PT15M
critical: [phx-api, phx-db]
load: {profile: realistic}
max_host_cpu_share: 0.5
YAML
  say "experiment: process-topk-v1 against process-baseline-v1 on every host with env=demo, load profile 'realistic', target 30 %"
  $phoenix experiment create -f "$folder/experiment.yaml" --dry-run
  $phoenix experiment create -f "$folder/experiment.yaml" --start --wait || code=$?
  is_verdict "$code" || exit "$code"
  local id
  id=$($phoenix experiment list --output json | .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
  $phoenix experiment certificate "$id" --to "$folder/certificate.json"
  say "verifying the certificate: its signature, and the verdict computed again from its samples"
  $phoenix certificate verify "$folder/certificate.json" --key "$PHOENIX_DATA_DIRECTORY/server/certificates.pub"
  $phoenix report "$folder/certificate.json" --to "$folder/report.html"
  finish "the certificate and its report are in build/demo"
}

say "set-up done after $((SECONDS - began)) s"
if [ "${DEMO:-fleet}" = trial ]; then demo_trial; else demo_fleet; fi
