#!/usr/bin/env bash
# Builds a real Prometheus for the tests into the cache and prints its path; about 3 min, once.
#
#   scripts/prometheus.sh            build if need be
#   scripts/prometheus.sh --path     print where it is or will be; build nothing
set -euo pipefail
readonly VERSION=v0.316.0 # Prometheus 3.16
. "$(dirname "$0")/say.sh"
folder=${PHOENIX_CACHE_DIRECTORY:-${XDG_CACHE_HOME:-$HOME/.cache}/phoenix-platform}/prometheus-$VERSION
if [ "${1:-}" != --path ] && [ ! -x "$folder/prometheus" ]; then
  command -v go >/dev/null || fail "Go is not installed (no \`go\` on PATH)" "install Go 1.26 or newer (Debian: apt-get install golang-go)"
  say "building Prometheus $VERSION (about 3 min, once)"
  log=$(mktemp)
  mkdir -p "$folder"
  GOBIN=$folder.$$ CGO_ENABLED=0 go install -tags remove_all_sd -ldflags "-s -w" "github.com/prometheus/prometheus/cmd/prometheus@$VERSION" >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    rm -rf "$log" "$folder.$$"
    fail "Prometheus $VERSION cannot be built" "let the Go module proxy ($(go env GOPROXY)) be reached once, or put a prometheus at $folder/prometheus"
  }
  rm -f "$log"
  mv -f "$folder.$$/prometheus" "$folder/prometheus"
  rmdir "$folder.$$"
fi
echo "$folder/prometheus"
