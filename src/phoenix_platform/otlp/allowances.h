/* How much a body may ask for; part of kernel.pyx. `limits.py` says the numbers and why.
 *
 * Both ways in hold the same limits: the decoder when it reads attributes it has not met and when it counts
 * points, the JSON transcoder on the text, because only there the offset is one its sender can look up. */
#ifndef PHOENIX_ALLOWANCES_H
#define PHOENIX_ALLOWANCES_H

#include <Python.h>
#include <stdint.h>

typedef struct {
	uint64_t points;
	uint64_t new_values;
	uint64_t values;
	uint64_t key_bytes;
	uint64_t value_bytes;
} BodyLimits;

/* While attributes are read: how many values their set has so far, nested ones included, and all sets of this body. */
typedef struct {
	BodyLimits limits;
	uint64_t values;
	uint64_t new_values;
} Allowance;

/* Set by the kernel when it is imported. */
static PyObject *limit_fault_type;

/* Set the exception: what there is too much of, how much, of how much, and the address where. */
static __attribute__((noinline, unused)) int exceed(
    const char *what, uint64_t amount, uint64_t limit, const uint8_t *at
) {
	PyObject *facts = Py_BuildValue(
	    "(sKKK)", what, (unsigned long long)amount, (unsigned long long)limit, (unsigned long long)(uintptr_t)at
	);
	if (facts != NULL) {
		PyErr_SetObject(limit_fault_type, facts);
		Py_DECREF(facts);
	}
	return -1;
}

static inline int allow_points(const BodyLimits *limits, uint64_t points, const uint8_t *at) {
	if (__builtin_expect(points <= limits->points, 1)) return 0;
	return exceed("points", points, limits->points, at);
}

static inline int allow_key(const Allowance *allowance, uint64_t length, const uint8_t *at) {
	if (length <= allowance->limits.key_bytes) return 0;
	return exceed("bytes of an attribute's key", length, allowance->limits.key_bytes, at);
}

static inline int allow_value(const Allowance *allowance, uint64_t length, const uint8_t *at) {
	if (length <= allowance->limits.value_bytes) return 0;
	return exceed("bytes of an attribute's value", length, allowance->limits.value_bytes, at);
}

/* One value more in this set. */
static inline int take_value(Allowance *allowance, const uint8_t *at) {
	if (++allowance->new_values > allowance->limits.new_values)
		return exceed("new values of attributes", allowance->new_values, allowance->limits.new_values, at);
	if (++allowance->values <= allowance->limits.values) return 0;
	return exceed("values in one set of attributes", allowance->values, allowance->limits.values, at);
}

#endif
