#!/usr/bin/env bash
# Format, lint, types and import contracts over Python; format, vet and lint over Go.
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
. scripts/go_modules.sh
for folder in $(go_modules); do
  timed "format (gofmt, $folder)" test -z "$(gofmt -l "$folder")"
  timed "vet (go, $folder)" bash -c "cd '$folder' && go vet ./..."
  timed "lint (golangci-lint, $folder)" scripts/go_lint.sh "$folder"
done
