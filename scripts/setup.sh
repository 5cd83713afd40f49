#!/usr/bin/env bash
# The virtual environment from the hash-locked file, and the compiled kernel in it. The second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh

find_python() { # the newest Python >= 3.11 on the PATH
  local candidate
  for candidate in "${PHOENIX_PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    [ -n "$candidate" ] || continue
    command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or newer on the PATH" "install it (Debian: apt-get install python3.11 python3.11-dev), or name one: PHOENIX_PYTHON=/path/to/python3"
}

check_compiler() { # the interpreter of the environment must be able to build an extension
  local python=$1 headers
  headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
  [ -f "$headers/Python.h" ] || fail "the headers of $("$python" -V) are missing ($headers/Python.h)" \
    "install them (Debian: apt-get install python3-dev, or python3.11-dev for that version)"
  command -v "${CC:-cc}" >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 ||
    fail "no C compiler on the PATH" "install one (Debian: apt-get install gcc)"
}

stamp_of() { cat "$@" | sha256sum | cut -c1-16; }

wanted=$(stamp_of requirements/dev.txt)
if [ "$(cat .venv/.requirements 2>/dev/null)" != "$wanted" ]; then
  python=$(find_python)
  check_compiler "$python"
  say "making the virtual environment with $("$python" -V) (about a minute)"
  [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip' 2>/dev/null || { rm -rf .venv; "$python" -m venv .venv ||
    fail "$python cannot make a virtual environment" "install its venv module (Debian: apt-get install python3-venv)"; }
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
  echo "$wanted" >.venv/.requirements
fi

otlp=src/phoenix_platform/otlp
wanted=$(stamp_of pyproject.toml $otlp/*.pyx $otlp/*.pxi $otlp/*.h)
if [ "$(cat .venv/.kernel 2>/dev/null)" != "$wanted" ] || ! ls $otlp/kernel*.so >/dev/null 2>&1; then
  check_compiler .venv/bin/python
  say "compiling the OTLP kernel"
  log=$(mktemp)
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . >"$log" 2>&1 ||
    { cat "$log" >&2; rm -f "$log"; fail "the kernel does not compile" "read the compiler's message above"; }
  rm -f "$log"
  echo "$wanted" >.venv/.kernel
fi
