/* libFuzzer around a function of tests/fuzz/targets.py; scripts/fuzz/run.sh builds and starts it.
 *
 * The kernel it loads was built by clang with -fsanitize=fuzzer-no-link, so that its edges and comparisons guide
 * the search. An exception of the target is a finding: libFuzzer keeps the input. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>

static PyObject *target;

static void stop_at(const char *what) {
	fprintf(stderr, "driver: %s\n", what);
	PyErr_Print();
	abort();
}

static const char *setting(const char *name) {
	const char *value = getenv(name);
	if (value == NULL) {
		fprintf(stderr, "driver: %s is not set; start it by `make fuzz`\n", name);
		exit(2);
	}
	return value;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc;
	(void)argv;
	PyConfig config;
	PyConfig_InitPythonConfig(&config);
	config.install_signal_handlers = 0; /* they are libFuzzer's */
	PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, setting("FUZZ_PYTHON"));
	if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
	if (PyStatus_Exception(status)) Py_ExitStatusException(status);
	PyConfig_Clear(&config);
	PyObject *module = PyImport_ImportModule("scripts.fuzz.loading");
	if (module == NULL) stop_at("scripts/fuzz/loading.py cannot be imported");
	target = PyObject_CallMethod(module, "target", "ss", setting("FUZZ_KERNEL"), setting("FUZZ_TARGET"));
	if (target == NULL) stop_at("there is no such target, or its kernel cannot be loaded");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	PyObject *result = PyObject_CallFunction(target, "y#", (const char *)data, (Py_ssize_t)size);
	if (result == NULL) stop_at("a finding");
	Py_DECREF(result);
	return 0;
}
