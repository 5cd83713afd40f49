# Sourced by run.sh and asan.sh: the kernel and libFuzzer's driver, compiled by clang into build/fuzz.
fuzz=build/fuzz
otlp=src/phoenix_platform/otlp
bin=$PWD/.venv/bin
clang=$(command -v clang-14 || command -v clang || true)
sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"

python_config() { # what a compiler and linker must know of the interpreter
  "$bin/python" - "$1" <<'PYTHON'
import sys, sysconfig
value = sysconfig.get_config_var
if sys.argv[1] == "include":
    print(f"-I{sysconfig.get_paths()['include']}")
else:
    folder = value("LIBDIR")
    print(f"-L{folder} -Wl,-rpath,{folder} -lpython{value('LDVERSION')} -ldl -lm")
PYTHON
}

check_clang() { # with the runtimes of its sanitizers
  [ -n "$clang" ] || fail "no clang on the PATH" "apt-get install clang llvm"
  local runtime
  runtime=$("$clang" -print-file-name=libclang_rt.fuzzer-x86_64.a)
  [ -f "$runtime" ] || runtime=$("$clang" -print-resource-dir)/lib/linux/libclang_rt.fuzzer-$(uname -m).a
  [ -f "$runtime" ] || fail "clang has no libFuzzer ($runtime)" "apt-get install clang llvm libclang-rt-14-dev"
}

build_kernel() { # a name, and further options of clang
  local name=$1
  shift
  mkdir -p "$fuzz/$name"
  "$bin/cython" -3 $otlp/kernel.pyx -o "$fuzz/$name/kernel.c" >/dev/null
  # shellcheck disable=SC2046
  "$clang" -shared -fPIC -O1 -g -w -fwrapv -DNDEBUG "$@" -I$otlp $(python_config include) "$fuzz/$name/kernel.c" -o "$fuzz/$name/kernel.so"
}

build_driver() {
  # shellcheck disable=SC2046,SC2086
  "$clang" -O1 -g -rdynamic -fsanitize=fuzzer $sanitizers $(python_config include) scripts/fuzz/driver.c -o $fuzz/driver $(python_config link) ||
    fail "the driver does not link" "install the interpreter's shared library (Debian: apt-get install libpython3-dev)"
}

export PYTHONPATH=$PWD:$PWD/src PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1
# Python frees little at its end; the kernel's own memory is counted by tests (`Kernel.sizes`).
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
