#!/usr/bin/env bash
# The kernel's tests and the fuzz corpus under AddressSanitizer and UndefinedBehaviorSanitizer, in a build of their own.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/say.sh
scripts/setup.sh
. scripts/fuzz/build.sh
check_clang
say "building the kernel under AddressSanitizer and UndefinedBehaviorSanitizer"
# shellcheck disable=SC2086
build_kernel asan $sanitizers -shared-libasan
runtime=$("$clang" -print-file-name="libclang_rt.asan-$(uname -m).so")
[ -f "$runtime" ] || fail "clang has no shared AddressSanitizer ($runtime)" "apt-get install clang llvm libclang-rt-14-dev"
say "the kernel's tests and the fuzz corpus"
LD_PRELOAD=$runtime "$bin/python" -m scripts.fuzz.loading "$fuzz/asan/kernel.so" pytest -q -p no:cacheprovider -p no:randomly -o timeout=300 \
  tests/unit/otlp tests/recorded/otlp tests/fuzz "$@"
