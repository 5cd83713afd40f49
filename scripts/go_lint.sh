#!/usr/bin/env bash
# golangci-lint over one Go module, with the linters of .golangci.yaml; `make check` calls it for each.
#
#   scripts/go_lint.sh FOLDER
#
# The linter is built once per version of it and of Go (about 5 min of one core) and stays in the cache.
set -euo pipefail
readonly VERSION=v2.15.0
repository=$(cd "$(dirname "$0")/.." && pwd)
. "$repository/scripts/say.sh"
[ $# -eq 1 ] && [ -f "$1/go.mod" ] || fail "scripts/go_lint.sh needs the folder of a Go module, not \"$*\"" "name one that holds a go.mod"
command -v go >/dev/null || fail "Go is not installed (no \`go\` on PATH)" "install Go 1.26 or newer (Debian: apt-get install golang-go)"

cache=${PHOENIX_CACHE_DIRECTORY:-${XDG_CACHE_HOME:-$HOME/.cache}/phoenix-platform}
folder=$cache/golangci-lint-$VERSION-$(go env GOVERSION)
if [ ! -x "$folder/golangci-lint" ]; then
  say "building golangci-lint $VERSION (about 5 min, once)"
  log=$(mktemp)
  mkdir -p "$cache"
  GOBIN=$folder.$$ CGO_ENABLED=0 go install -ldflags "-s -w" "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$VERSION" >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    rm -rf "$log" "$folder.$$"
    fail "golangci-lint $VERSION cannot be built" \
      "let the Go module proxy ($(go env GOPROXY)) be reached once, or put a golangci-lint $VERSION at $folder/golangci-lint"
  }
  rm -f "$log"
  mkdir -p "$folder"
  mv -f "$folder.$$/golangci-lint" "$folder/golangci-lint"
  rmdir "$folder.$$"
fi
cd "$1"
exec "$folder/golangci-lint" run --config "$repository/.golangci.yaml" ./...
