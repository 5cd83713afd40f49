#!/usr/bin/env bash
# Debian's Chromium for the tests of the report: installed where this may be done, else the line that does it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
packages=(chromium fonts-liberation)
install="apt-get install -y --no-install-recommends ${packages[*]}"
if [ -x /usr/bin/chromium ]; then
  say "/usr/bin/chromium is there"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $install
else
  fail "no browser at /usr/bin/chromium, which the tests of the report open" "sudo apt-get update && sudo $install"
fi
