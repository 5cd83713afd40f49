# What wire.h offers to kernel.pyx.

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t

cdef extern from "wire.h":
    enum:
        MAX_DEPTH

    ctypedef struct Reader:
        const uint8_t* at
        const uint8_t* end

    ctypedef struct PointTags:
        uint32_t attributes
        uint32_t number
        uint32_t integer
        uint32_t flags

    ctypedef struct Point:
        uint64_t time
        uint64_t start_time
        double value
        uint32_t flags
        bint scattered
        Reader attributes

    PyObject* wire_fault_type
    uint32_t load32(const uint8_t* at)
    uint64_t load64(const uint8_t* at)
    double double_of(uint64_t bits)
    bint is_same(const uint8_t* a, const uint8_t* b, size_t length)
    uint64_t mix(uint64_t a, uint64_t b)
    int fail(const char* reason, const uint8_t* at) except -1
    int read_tag(Reader* reader, uint32_t* tag) except -1
    int read_varint(Reader* reader, uint64_t* value) except -1
    int read_fixed64(Reader* reader, uint64_t* value) except -1
    int read_span(Reader* reader, Reader* span) except -1
    int skip(Reader* reader, uint32_t tag, int depth) except -1
    int read_point(Reader reader, const PointTags* tags, int depth, Point* point) except -1


class WireFault(Exception):
    """What is wrong, and the address of the byte; `decode` makes an offset of it."""


wire_fault_type = <PyObject*>WireFault  # the module keeps it alive
