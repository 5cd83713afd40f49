# Reading the protobuf wire format; part of kernel.pyx. Nothing is read that `end` does not allow.
#
# A reader is a half-open range of bytes. Every function here either moves `at` forward inside it or
# raises `WireFault` with the address where reading stopped making sense. What is refused is what
# protobuf's own parsers refuse: tags beyond 32 bits or of field 0, varints beyond 10 bytes, lengths
# beyond the message, groups that do not end, more than 100 levels.
# Source: https://protobuf.dev/programming-guides/encoding/.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the OTLP kernel reads fixed-width numbers as they lie in memory: little-endian only"
    #endif
    static inline uint64_t phoenix_load64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return v; }
    static inline uint32_t phoenix_load32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return v; }
    static inline double phoenix_double_of(uint64_t bits) { double v; memcpy(&v, &bits, 8); return v; }
    """
    uint64_t load64 "phoenix_load64"(const uint8_t* at)
    uint32_t load32 "phoenix_load32"(const uint8_t* at)
    double double_of "phoenix_double_of"(uint64_t bits)

cdef enum:
    MAX_DEPTH = 100  # levels of messages and groups, as in protobuf's own parsers
    MAX_TAG_BYTES = 5
    MAX_LENGTH_BYTES = 5

cdef enum WireType:
    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    GROUP_START = 3
    GROUP_END = 4
    FIXED32 = 5

cdef struct Reader:
    const uint8_t* at
    const uint8_t* end


class WireFault(Exception):
    """What is wrong, and the address of the byte; `decode` makes an offset of it."""


cdef int fail(str reason, const uint8_t* at) except -1:
    raise WireFault(reason, <uintptr_t>at)


cdef int read_long_varint(Reader* reader, uint64_t* value) except -1:
    cdef const uint8_t* at = reader.at
    cdef uint64_t result = 0
    cdef int shift = 0
    while shift < 70:
        if at >= reader.end:
            fail("a number is cut off", reader.at)
        result |= <uint64_t>(at[0] & 0x7F) << shift
        at += 1
        if (at - 1)[0] < 0x80:
            reader.at = at
            value[0] = result
            return 0
        shift += 7
    return fail("a number is longer than 10 bytes", reader.at)


cdef inline int read_varint(Reader* reader, uint64_t* value) except -1:
    if reader.at < reader.end and reader.at[0] < 0x80:
        value[0] = reader.at[0]
        reader.at += 1
        return 0
    return read_long_varint(reader, value)


cdef inline int read_tag(Reader* reader, uint32_t* tag) except -1:
    """Read field number and wire type as protobuf packs them: number << 3 | type."""
    cdef const uint8_t* start = reader.at
    cdef uint64_t value = 0
    read_varint(reader, &value)
    if value < 8 or value > 0xFFFFFFFFu or reader.at - start > MAX_TAG_BYTES:
        fail("not a field tag", start)
    tag[0] = <uint32_t>value
    return 0


cdef inline int read_span(Reader* reader, Reader* span) except -1:
    """Read a length and set `span` to as many bytes."""
    cdef const uint8_t* start = reader.at
    cdef uint64_t length = 0
    read_varint(reader, &length)
    if length > <uint64_t>(reader.end - reader.at) or reader.at - start > MAX_LENGTH_BYTES:
        fail("a length reaches beyond its message", start)
    span.at = reader.at
    span.end = reader.at + length
    reader.at = span.end
    return 0


cdef inline int read_fixed64(Reader* reader, uint64_t* value) except -1:
    if reader.end - reader.at < 8:
        fail("a 64-bit number is cut off", reader.at)
    value[0] = load64(reader.at)
    reader.at += 8
    return 0


cdef inline int skip(Reader* reader, uint32_t tag, int depth) except -1:
    """Pass over the value of a field that nobody asked for, in a message at `depth`."""
    cdef uint64_t value
    cdef Reader span
    cdef uint32_t wire_type = tag & 7
    if wire_type == LENGTH:
        return read_span(reader, &span)
    if wire_type == VARINT:
        return read_varint(reader, &value)
    if wire_type == FIXED64:
        return read_fixed64(reader, &value)
    if wire_type == FIXED32:
        if reader.end - reader.at < 4:
            fail("a 32-bit number is cut off", reader.at)
        reader.at += 4
        return 0
    if wire_type == GROUP_START:
        return skip_group(reader, tag, depth + 1)
    return fail("a field of no known type, or the end of a group that never began", reader.at)


cdef int skip_group(Reader* reader, uint32_t start_tag, int depth) except -1:
    """Pass over a group, whose start was read, up to and including its end."""
    cdef uint32_t tag = 0
    if depth > MAX_DEPTH:
        fail("more than 100 levels", reader.at)
    while True:
        read_tag(reader, &tag)
        if tag == start_tag + (GROUP_END - GROUP_START):
            return 0
        skip(reader, tag, depth)
