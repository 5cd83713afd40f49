#!/usr/bin/env bash
# Installs Elastic's OpAMP client for Node into the cache, as its lock file names it; prints the folder of its modules.
# Only `make interop` needs it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/scripts/say.sh"
source=$here/tests/interop/elastic
cache=${PHOENIX_CACHE_DIRECTORY:-${XDG_CACHE_HOME:-$HOME/.cache}/phoenix-platform}
folder=$cache/elastic-opamp-$(sha256sum "$source/package-lock.json" | cut -c1-12)
if [[ ! -e $folder/.complete ]]; then
  command -v npm >/dev/null || fail "npm is not installed" "install Node 20 or newer with npm (Debian: apt-get install nodejs npm)"
  say "installing Elastic's OpAMP client"
  mkdir -p "$folder"
  cp "$source/package.json" "$source/package-lock.json" "$folder/"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >"$folder/install.log" 2>&1 || {
    tail -n 5 "$folder/install.log" >&2
    fail "Elastic's OpAMP client cannot be installed; the log is $folder/install.log" "let the npm registry ($(npm config get registry)) be reached once"
  }
  touch "$folder/.complete"
fi
echo "$folder/node_modules"
