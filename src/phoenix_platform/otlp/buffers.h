/* Bytes that grow; part of kernel.pyx, where raw messages are joined, spelled and transcoded in them. */
#ifndef PHOENIX_BUFFERS_H
#define PHOENIX_BUFFERS_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

typedef struct {
	uint8_t *content;
	size_t length;
	size_t capacity;
} Bytes;

static __attribute__((noinline, unused)) int bytes_grow(Bytes *buffer, size_t length) {
	size_t capacity = 2 * buffer->capacity;
	if (capacity < FIRST_CAPACITY) capacity = FIRST_CAPACITY;
	if (capacity < buffer->length + length) capacity = buffer->length + length;
	void *grown = realloc(buffer->content, capacity);
	if (grown == NULL) {
		PyErr_NoMemory();
		return -1;
	}
	buffer->content = grown;
	buffer->capacity = capacity;
	return 0;
}

/* Room for `length` more bytes: 0, or -1 with MemoryError set. */
static inline int bytes_reserve(Bytes *buffer, size_t length) {
	if (__builtin_expect(buffer->capacity - buffer->length >= length, 1)) return 0;
	return bytes_grow(buffer, length);
}

static inline __attribute__((unused)) int bytes_append(Bytes *buffer, const void *content, size_t length) {
	if (length == 0) return 0; /* nothing may have no address */
	if (bytes_reserve(buffer, length) < 0) return -1;
	memcpy(buffer->content + buffer->length, content, length);
	buffer->length += length;
	return 0;
}

#endif
