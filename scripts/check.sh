#!/usr/bin/env bash
# Format, lint, types and import contracts over Python; format and vet over Go.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
scripts/setup.sh
bin=.venv/bin
timed "format (ruff)" $bin/ruff format --check src tests bench scripts
timed "lint (ruff)" $bin/ruff check src tests bench scripts
timed "import contracts (import-linter)" $bin/lint-imports
timed "types (mypy)" $bin/mypy
timed "types (pyright)" $bin/pyright
modules=$(git ls-files 'collector/**/go.mod')
for module in $modules; do
  folder=$(dirname "$module")
  timed "format (gofmt, $folder)" test -z "$(gofmt -l "$folder")"
  timed "vet (go, $folder)" bash -c "cd '$folder' && go vet ./..."
done
[ -n "$modules" ] || say "Go: no module of ours; the collector is assembled from collector/manifest.yaml"
