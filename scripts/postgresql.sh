#!/usr/bin/env bash
# PostgreSQL for the tests of repositories: installed where this may be done, else the line that does it. Tests start it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
install="apt-get install -y --no-install-recommends postgresql"
found() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
if found; then
  say "PostgreSQL is there"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $install
else
  fail "PostgreSQL is not installed (no initdb), and repositories are tested on it" "sudo apt-get update && sudo $install"
fi
