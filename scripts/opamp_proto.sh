#!/usr/bin/env bash
# Writes the Python classes of the OpAMP messages anew: src/phoenix_platform/opamp/{anyvalue,opamp}_pb2.py and .pyi.
#
#   scripts/opamp_proto.sh            write them
#   scripts/opamp_proto.sh --check    say whether they are what this script writes; change nothing
#
# Both sources are pinned: the descriptors come from the Go module opamp-go (through the Go module proxy, its version and
# hash in opamp_proto/go.mod and go.sum), protoc from grpcio-tools. The result is the same byte by byte.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
readonly PROTOC=grpcio-tools==1.72.2 # protoc 30.0: its classes run on protobuf 6.30 and newer
readonly TARGET=src/phoenix_platform/opamp
command -v go >/dev/null || fail "Go is not installed (no \`go\` on PATH)" "install Go 1.26 or newer (Debian: apt-get install golang-go)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "reading the descriptors of opamp-go"
(cd scripts/opamp_proto && go run .) >"$work/descriptors.pb"
say "fetching $PROTOC"
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$PROTOC" "setuptools<81"
mkdir "$work/out"
"$work/venv/bin/python" -W ignore -m grpc_tools.protoc --descriptor_set_in="$work/descriptors.pb" \
  --python_out="$work/out" --pyi_out="$work/out" phoenix_platform/opamp/anyvalue.proto phoenix_platform/opamp/opamp.proto
made=$work/out/phoenix_platform/opamp
if [[ ${1:-} == --check ]]; then
  for file in "$made"/*; do
    cmp "$file" "$TARGET/${file##*/}" || fail "$TARGET/${file##*/} is not what protoc writes" "run scripts/opamp_proto.sh and commit"
  done
  say "the classes are what protoc writes"
else
  cp "$made"/* "$TARGET/"
fi
