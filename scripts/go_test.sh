#!/usr/bin/env bash
# Go tests of every module of ours under the race detector; the processor's statements are covered to 95 %.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
. scripts/go_modules.sh
readonly FLOOR=95 # percent of the statements of a package under collector/processor, generated ones left out
command -v go >/dev/null || fail "Go is not installed (no \`go\` on PATH)" "install Go 1.26 or newer (Debian: apt-get install golang-go)"

for folder in $(go_modules); do
  if [[ $folder != collector/processor/* ]]; then # benchmarks: their tests alone
    (cd "$folder" && go test ./...)
    continue
  fi
  profile=$(mktemp)
  (cd "$folder" && go test -race -coverprofile="$profile" . && go test ./internal/...)
  (cd "$folder" && go test -run 'TestAProcessCosts|TestProcessesThatAreGone' .) # memory: not under the race detector
  covered=$(cd "$folder" && go tool cover -func="$profile" | awk '$1 == "total:" {sub("%", "", $3); print $3}')
  rm -f "$profile"
  say "$folder: $covered % of the statements"
  awk -v got="$covered" -v floor="$FLOOR" 'BEGIN {exit !(got >= floor)}' ||
    fail "$folder: $covered % of the statements are covered, $FLOOR % are wanted" "go test -coverprofile=… there says which are not"
done
