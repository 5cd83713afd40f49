# What allowances.h offers to kernel.pyx.

cdef extern from "allowances.h":
    ctypedef struct BodyLimits:
        uint64_t points
        uint64_t new_values
        uint64_t values
        uint64_t key_bytes
        uint64_t value_bytes

    ctypedef struct Allowance:
        BodyLimits limits
        uint64_t values
        uint64_t new_values

    PyObject* limit_fault_type
    int allow_points(const BodyLimits* limits, uint64_t points, const uint8_t* at) except -1
    int allow_key(const Allowance* allowance, uint64_t length, const uint8_t* at) except -1
    int allow_value(const Allowance* allowance, uint64_t length, const uint8_t* at) except -1
    int take_value(Allowance* allowance, const uint8_t* at) except -1


class LimitFault(Exception):
    """What there is too much of, how much, the limit, and the address where it was passed."""


limit_fault_type = <PyObject*>LimitFault  # the module keeps it alive


cdef BodyLimits limits_of(object limits) except *:
    """The `BodyLimits` of limits.py for C."""
    return BodyLimits(
        limits.max_points,
        limits.max_new_values,
        limits.max_values,
        limits.max_key_bytes,
        limits.max_value_bytes,
    )
