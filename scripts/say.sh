# Sourced by the scripts beside it: how they speak, and how long steps took.
say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { # what is wrong, and the fix
  printf 'error: %s\n  fix: %s\n' "$1" "$2" >&2
  exit 1
}
timed() { # a name, and a command: run it and say how long it took
  local name=$1 began=$SECONDS
  shift
  say "$name"
  "$@" || { local code=$?; say "$name: failed after $((SECONDS - began)) s"; return $code; }
  say "$name: $((SECONDS - began)) s"
}
