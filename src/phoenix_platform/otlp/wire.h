/* Reading the protobuf wire format; part of kernel.pyx. Nothing is read that `end` does not allow.
 *
 * A reader is a half-open range of bytes. Every function here moves `at` forward inside it and returns
 * 0, or sets a Python exception, with the reason and the address where reading stopped making sense,
 * and returns -1. What is refused is what protobuf's own parsers refuse: tags beyond 32 bits or of
 * field 0, varints beyond 10 bytes, lengths beyond the message, groups that do not end, more than
 * 100 levels. Source: https://protobuf.dev/programming-guides/encoding/.
 *
 * It is C and not Cython because it runs several times per data point: what is rare must be out of line,
 * and must be handed copies, for the compiler to inline the rest and keep a reader in registers. */
#ifndef PHOENIX_WIRE_H
#define PHOENIX_WIRE_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the OTLP kernel reads fixed-width numbers as they lie in memory: little-endian only"
#endif

#define PHOENIX_HOT static inline __attribute__((always_inline, unused))
#define PHOENIX_COLD static __attribute__((noinline, unused))
#define PHOENIX_LIKELY(condition) __builtin_expect(!!(condition), 1)

enum { MAX_DEPTH = 100, MAX_TAG_BYTES = 5, MAX_LENGTH_BYTES = 5 };
enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, GROUP_START = 3, GROUP_END = 4, FIXED32 = 5 };

typedef struct {
	const uint8_t *at;
	const uint8_t *end;
} Reader;

/* Set by the kernel when it is imported. */
static PyObject *wire_fault_type;

PHOENIX_HOT uint32_t load32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return v; }
PHOENIX_HOT uint64_t load64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return v; }
PHOENIX_HOT double double_of(uint64_t bits) { double v; memcpy(&v, &bits, 8); return v; }

PHOENIX_COLD int fail(const char *reason, const uint8_t *at) {
	PyObject *facts = Py_BuildValue("(sK)", reason, (unsigned long long)(uintptr_t)at);
	if (facts != NULL) {
		PyErr_SetObject(wire_fault_type, facts);
		Py_DECREF(facts);
	}
	return -1;
}

PHOENIX_COLD int read_long_varint(Reader *reader, uint64_t *value) {
	uint64_t result = 0;
	for (int i = 0; i < 10; i++) {
		if (i == reader->end - reader->at) return fail("a number is cut off", reader->at);
		uint8_t byte = reader->at[i];
		result |= (uint64_t)(byte & 0x7F) << (7 * i);
		if (byte < 0x80) {
			reader->at += i + 1;
			*value = result;
			return 0;
		}
	}
	return fail("a number is longer than 10 bytes", reader->at);
}

PHOENIX_HOT int read_varint(Reader *reader, uint64_t *value) {
	if (PHOENIX_LIKELY(reader->at < reader->end && *reader->at < 0x80)) {
		*value = *reader->at++;
		return 0;
	}
	Reader copy = *reader;
	uint64_t number = 0;
	int result = read_long_varint(&copy, &number);
	*reader = copy;
	*value = number;
	return result;
}

PHOENIX_COLD int read_long_tag(Reader *reader, uint32_t *tag) {
	const uint8_t *start = reader->at;
	uint64_t value;
	if (read_varint(reader, &value) < 0) return -1;
	if (value < 8 || value > UINT32_MAX || reader->at - start > MAX_TAG_BYTES)
		return fail("not a field tag", start);
	*tag = (uint32_t)value;
	return 0;
}

/* Field number and wire type as protobuf packs them: number << 3 | type. */
PHOENIX_HOT int read_tag(Reader *reader, uint32_t *tag) {
	if (PHOENIX_LIKELY(reader->at < reader->end && *reader->at >= 8 && *reader->at < 0x80)) {
		*tag = *reader->at++;
		return 0;
	}
	Reader copy = *reader;
	uint32_t number = 0;
	int result = read_long_tag(&copy, &number);
	*reader = copy;
	*tag = number;
	return result;
}

PHOENIX_COLD int read_long_span(Reader *reader, Reader *span) {
	const uint8_t *start = reader->at;
	uint64_t length;
	if (read_varint(reader, &length) < 0) return -1;
	if (length > (uint64_t)(reader->end - reader->at) || reader->at - start > MAX_LENGTH_BYTES)
		return fail("a length reaches beyond its message", start);
	span->at = reader->at;
	span->end = reader->at += length;
	return 0;
}

/* A length, and as many bytes. */
PHOENIX_HOT int read_span(Reader *reader, Reader *span) {
	ptrdiff_t left = reader->end - reader->at;
	if (PHOENIX_LIKELY(left > 0 && *reader->at < 0x80 && *reader->at < left)) {
		span->at = reader->at + 1;
		span->end = reader->at = span->at + *reader->at;
		return 0;
	}
	if (PHOENIX_LIKELY(left > 1 && reader->at[1] < 0x80)) {
		ptrdiff_t length = (reader->at[0] & 0x7F) | (ptrdiff_t)reader->at[1] << 7;
		if (PHOENIX_LIKELY(*reader->at >= 0x80 && length <= left - 2)) {
			span->at = reader->at + 2;
			span->end = reader->at = span->at + length;
			return 0;
		}
	}
	Reader copy = *reader, part = copy;
	int result = read_long_span(&copy, &part);
	*reader = copy;
	*span = part;
	return result;
}

PHOENIX_HOT int read_fixed64(Reader *reader, uint64_t *value) {
	if (PHOENIX_LIKELY(reader->end - reader->at >= 8)) {
		*value = load64(reader->at);
		reader->at += 8;
		return 0;
	}
	return fail("a 64-bit number is cut off", reader->at);
}

PHOENIX_COLD int skip_rare(Reader *reader, uint32_t tag, int depth) {
	uint64_t number;
	switch (tag & 7) {
	case VARINT:
		return read_varint(reader, &number);
	case FIXED64:
		return read_fixed64(reader, &number);
	case FIXED32:
		if (reader->end - reader->at < 4) return fail("a 32-bit number is cut off", reader->at);
		reader->at += 4;
		return 0;
	case LENGTH: {
		Reader span;
		return read_span(reader, &span);
	}
	case GROUP_START:
		if (++depth > MAX_DEPTH) return fail("more than 100 levels", reader->at);
		for (uint32_t inner; read_tag(reader, &inner) == 0;) {
			if (inner == tag + (GROUP_END - GROUP_START)) return 0;
			if (skip_rare(reader, inner, depth) < 0) return -1;
		}
		return -1;
	default:
		return fail("a field of no known type, or the end of a group that never began", reader->at);
	}
}

/* Pass over the value of a field that nobody asked for, in a message at `depth`. */
PHOENIX_HOT int skip(Reader *reader, uint32_t tag, int depth) {
	if (PHOENIX_LIKELY((tag & 7) == LENGTH)) {
		Reader span;
		return read_span(reader, &span);
	}
	Reader copy = *reader;
	int result = skip_rare(&copy, tag, depth);
	*reader = copy;
	return result;
}

/* What a data point's fields are called in its kind of metric; 0 is the tag of no field. */
typedef struct {
	uint32_t attributes;
	uint32_t number;  /* the double that is the value */
	uint32_t integer; /* the sfixed64 that is the value */
	uint32_t flags;
} PointTags;

typedef struct {
	uint64_t time;
	uint64_t start_time;
	double value;
	uint32_t flags;
	int scattered;     /* whether other fields stand between the attributes, */
	Reader attributes; /* which begin with the first one's tag and end with the last one */
} Point;

enum { START_TIME = 0x11, TIME = 0x19 };

PHOENIX_HOT void set_number(Point *point, const PointTags *tags, uint32_t tag, uint64_t bits) {
	if (tag == TIME) point->time = bits;
	else if (tag == START_TIME) point->start_time = bits;
	else if (tag == tags->number) point->value = double_of(bits);
	else if (tag == tags->integer) point->value = (double)(int64_t)bits;
}

PHOENIX_HOT void add_attribute_at(Point *point, const uint8_t *start, const uint8_t *end) {
	if (point->attributes.at == point->attributes.end) point->attributes.at = start;
	else if (point->attributes.end != start) point->scattered = 1;
	point->attributes.end = end;
}

/* A field that `read_point` has no short cut for. */
PHOENIX_COLD int read_point_field(Reader *reader, const PointTags *tags, int depth, Point *point) {
	const uint8_t *start = reader->at;
	uint32_t tag;
	uint64_t number = 0;
	if (read_tag(reader, &tag) < 0) return -1;
	if (tag == tags->flags) {
		if (read_varint(reader, &number) < 0) return -1;
		point->flags = (uint32_t)number;
	} else if ((tag & 7) == FIXED64) {
		if (read_fixed64(reader, &number) < 0) return -1;
		set_number(point, tags, tag, number);
	} else {
		if (skip(reader, tag, depth) < 0) return -1;
		if (tag == tags->attributes) add_attribute_at(point, start, reader->at);
	}
	return 0;
}

/* The fields of a data point in a message at `depth`, into a `point` that holds the defaults. */
PHOENIX_HOT int read_point(Reader reader, const PointTags *tags, int depth, Point *point) {
	/* Start time, time and number, as the collector writes them, in one step. */
	const uint8_t *first = reader.at;
	if (PHOENIX_LIKELY(reader.end - first >= 27 && first[0] == START_TIME && first[9] == TIME)
	    && (first[18] == tags->number || first[18] == tags->integer)) {
		point->start_time = load64(first + 1);
		point->time = load64(first + 10);
		set_number(point, tags, first[18], load64(first + 19));
		reader.at = first + 27;
	}
	while (reader.at < reader.end) {
		const uint8_t *at = reader.at;
		ptrdiff_t left = reader.end - at;
		if ((*at & 0x87) == FIXED64 && *at >= 8 && left >= 9) {
			set_number(point, tags, *at, load64(at + 1));
			reader.at = at + 9;
		} else if (*at == tags->attributes && left >= 2 && at[1] < 0x80 && at[1] <= left - 2) {
			reader.at = at + 2 + at[1];
			add_attribute_at(point, at, reader.at);
		} else {
			Reader copy = reader;
			if (read_point_field(&copy, tags, depth, point) < 0) return -1;
			reader = copy;
		}
	}
	return 0;
}

/* memcmp() == 0; attributes and names are short, and there a call costs more than the comparison. */
PHOENIX_HOT int is_same(const uint8_t *a, const uint8_t *b, size_t length) {
	if (length > 64) return memcmp(a, b, length) == 0;
	if (length >= 8) {
		for (size_t i = 0; i < length - 8; i += 8)
			if (load64(a + i) != load64(b + i)) return 0;
		return load64(a + length - 8) == load64(b + length - 8);
	}
	for (size_t i = 0; i < length; i++)
		if (a[i] != b[i]) return 0;
	return 1;
}

/* The high and the low half of a product, folded: the mixing step of wyhash. */
PHOENIX_HOT uint64_t mix(uint64_t a, uint64_t b) {
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
