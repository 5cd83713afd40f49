#!/usr/bin/env bash
# Builds the Phoenix collector from manifest.yaml into the cache and prints the path of the binary.
#
#   collector/build.sh            build if need be (about 4 min the first time on two cores)
#   collector/build.sh --path     print where the binary for these sources is or will be; build nothing
#
# The key of the cache is the hash of everything that shapes the binary: the manifest, our processors,
# the builder's version, Go's version and target. Its first 12 digits are the build id, which the binary
# reports as part of its version (0.1.0+<build id>). `make collector` calls this; the path is all that
# is written to stdout, progress goes to stderr.
set -euo pipefail

readonly BUILDER_VERSION=v0.161.0
readonly REPORT_SECONDS=15
readonly NEEDED_MIB=2500 # build tree, module cache and Go build cache of a first build

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly manifest=$here/manifest.yaml
readonly cache=${PHOENIX_CACHE_DIRECTORY:-${XDG_CACHE_HOME:-$HOME/.cache}/phoenix-platform}/collector

say() { echo "collector: $*" >&2; }
fail() {
  echo "error: collector: $*" >&2
  exit 6
}

command -v go >/dev/null || fail "Go is not installed (no \`go\` on PATH).
  Install Go 1.26 or newer (Debian: apt-get install golang-go; any Go from 1.21 on fetches the newer toolchain
  by itself), or do without: \`phoenix collector install --from FILE|URL --sha256 HEX\` takes a ready binary."

key() {
  {
    echo "builder $BUILDER_VERSION"
    go env GOVERSION GOOS GOARCH
    cd "$here"
    find manifest.yaml $(if [[ -d processor ]]; then echo processor; fi) -type f \
      ! -name '*_test.go' ! -name '*.md' ! -path '*/testdata/*' |
      LC_ALL=C sort | xargs -d '\n' sha256sum
  } | sha256sum | cut -d' ' -f1
}

value_of() { sed -n "s/^  $1: *//p" "$manifest" | head -n 1; } # of the manifest's dist section

key=$(key)
name=$(value_of name)
version=$(value_of version)+${key:0:12}
readonly key name version
readonly target=$cache/$key/$name

if [[ ${1:-} == --path ]]; then
  echo "$target"
  exit 0
fi
[[ $# -eq 0 ]] || fail "unknown argument: $1; there is only --path"

point_to_target() { # what \`phoenix\` looks for, whatever the key
  [[ $(readlink "$cache/current" 2>/dev/null) == "$key" ]] && return
  ln -s "$key" "$cache/current.$$"
  mv -fT "$cache/current.$$" "$cache/current"
}

if [[ -x $target ]]; then
  point_to_target
  echo "$target"
  exit 0
fi

mkdir -p "$cache" || fail "cannot make $cache; set PHOENIX_CACHE_DIRECTORY to a folder you may write to"
exec 9>"$cache/lock"
if ! flock --nonblock 9; then
  say "another build is running; waiting for it"
  flock 9
fi
if [[ -x $target ]]; then # the other build was ours
  point_to_target
  echo "$target"
  exit 0
fi

free_mib=$(df --output=avail -m "$cache" | tail -n 1)
((free_mib > NEEDED_MIB)) || fail "$cache has $free_mib MiB free, a build needs about $NEEDED_MIB; make room there"

work=$cache/$key.partial
log=$cache/build.log
readonly work log
started=$SECONDS
running=
# A build that is interrupted leaves no half of anything, and no compiler running.
clean() {
  [[ -z $running ]] || kill -TERM -- "-$running" 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Runs a command with its output in the log and a line of progress every 15 s.
run() {
  local what=$1 began=$SECONDS reported=$SECONDS
  shift
  say "$what"
  set -m # a process group of its own, so that all of it can be ended
  "$@" >>"$log" 2>&1 9>&- &
  running=$!
  set +m
  while kill -0 "$running" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - reported >= REPORT_SECONDS)); then
      reported=$SECONDS
      say "$what: $((SECONDS - began)) s so far$(phase)"
    fi
  done
  if ! wait "$running"; then
    running=
    tail -n 20 "$log" >&2
    fail "$what failed; the whole log is $log"
  fi
  running=
}

phase() { # the builder's own words for what it is doing
  case $(tail -n 5 "$log") in
    *Compiling*) echo ", compiling" ;;
    *"Getting go modules"*) echo ", fetching modules" ;;
    *) ;;
  esac
}

: >"$log"
rm -rf "$work"
mkdir "$work"
builder=$cache/builder-$BUILDER_VERSION/builder
if [[ ! -x $builder ]]; then
  run "building the builder $BUILDER_VERSION" env GOBIN="$work/bin" CGO_ENABLED=0 \
    go install "go.opentelemetry.io/collector/cmd/builder@$BUILDER_VERSION"
  mkdir -p "${builder%/*}"
  mv -f "$work/bin/builder" "$builder"
fi
cd "$here" # paths of our own processors in the manifest start here
# The builder takes any key of its configuration from an environment variable of that name.
run "building $name $version" env CGO_ENABLED=0 "dist.version=$version" "dist.output_path=$work/build" \
  "$builder" --config "$manifest" --skip-strict-versioning --ldflags "-s -w"

"$work/build/$name" --version >>"$log" || fail "the new binary does not run; the log is $log"
mkdir -p "$cache/$key"
mv -f "$work/build/$name" "$target"
point_to_target
say "built $name $version in $((SECONDS - started)) s"
echo "$target"
