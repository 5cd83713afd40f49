#!/usr/bin/env bash
# Builds the unmodified OpAMP supervisor and a collector with the OpAMP extension, both v0.149.0, into the cache;
# prints the folder that holds both. Only `make interop` needs them. About 8 min the first time on two cores.
#
#   scripts/supervisor.sh            build what is missing
#   scripts/supervisor.sh --path     print the folder; build nothing
set -euo pipefail
readonly VERSION=v0.149.0
readonly SUPERVISOR=github.com/open-telemetry/opentelemetry-collector-contrib/cmd/opampsupervisor
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/say.sh"
manifest=$here/interop_collector.yaml
cache=${PHOENIX_CACHE_DIRECTORY:-${XDG_CACHE_HOME:-$HOME/.cache}/phoenix-platform}
folder=$cache/interop-$VERSION-$(sha256sum "$manifest" | cut -c1-12)
if [[ ${1:-} == --path ]]; then
  echo "$folder"
  exit 0
fi
if [[ -x $folder/opampsupervisor && -x $folder/interop-otelcol ]]; then
  echo "$folder"
  exit 0
fi
command -v go >/dev/null || fail "Go is not installed (no \`go\` on PATH)" "install Go 1.26 or newer (Debian: apt-get install golang-go)"
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9 # another build may be running: then what it built is found below
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$folder/build.log
: >"$log"
attempt() { # what is built, and the command
  local what=$1
  shift
  say "building $what"
  "$@" >>"$log" 2>&1 9>&- || {
    tail -n 10 "$log" >&2
    fail "$what cannot be built; the log is $log" "let the Go module proxy ($(go env GOPROXY)) be reached once"
  }
}
export CGO_ENABLED=0
if [[ ! -x $folder/opampsupervisor ]]; then
  # A module of our own with a tool line: `go install pkg@version` refuses modules with replace lines.
  mkdir "$work/supervisor"
  cd "$work/supervisor"
  printf 'module example.com/phoenix/supervisor\n\ngo 1.24\n' >go.mod
  attempt "the supervisor's module list $VERSION" go get -tool "$SUPERVISOR@$VERSION"
  attempt "opampsupervisor $VERSION" go build -trimpath -ldflags "-s -w" -o "$work/opampsupervisor" "$SUPERVISOR"
  mv -f "$work/opampsupervisor" "$folder/opampsupervisor"
fi
if [[ ! -x $folder/interop-otelcol ]]; then
  attempt "the builder $VERSION" env GOBIN="$work/bin" go install "go.opentelemetry.io/collector/cmd/builder@$VERSION"
  # The builder takes any key of its configuration from an environment variable of that name.
  attempt "the collector $VERSION (about 5 min)" env "dist.output_path=$work/collector" \
    "$work/bin/builder" --config "$manifest" --ldflags "-s -w"
  mv -f "$work/collector/interop-otelcol" "$folder/interop-otelcol"
fi
say "built $folder"
echo "$folder"
