/* Reading JSON text (RFC 8259); part of kernel.pyx, for json_bodies.h. Nothing is read that `end` does not allow.
 *
 * As in wire.h, functions move `at` forward and return 0, or set a Python exception with the address and
 * return -1. Text outside ASCII is taken as it comes, UTF-8 or not, because protobuf bodies are, too. */
#ifndef PHOENIX_JSON_TEXT_H
#define PHOENIX_JSON_TEXT_H

#include "buffers.h"
#include "allowances.h"
#include "wire.h"

/* Of a number written out. Exact doubles need up to 767 digits; more would be read for nothing. */
enum { MAX_NUMBER_BYTES = 1024 };

typedef struct {
	const uint8_t *at;
	const uint8_t *end;
	Bytes unescaped; /* of the last string that had escapes, and a NUL behind it */
	Bytes out;       /* the protobuf body so far */
	Allowance allowance;
	uint64_t points;
} Json;

PHOENIX_HOT int json_peek(Json *json) {
	while (json->at < json->end) {
		uint8_t byte = *json->at;
		if (byte != ' ' && byte != '\n' && byte != '\t' && byte != '\r') return byte;
		json->at++;
	}
	return -1;
}

/* Pass over `wanted` if it comes next. */
PHOENIX_HOT int json_take(Json *json, uint8_t wanted) {
	if (json_peek(json) != wanted) return 0;
	json->at++;
	return 1;
}

/* Pass over a literal if it comes next. */
static int json_take_word(Json *json, const char *word) {
	size_t length = strlen(word);
	json_peek(json);
	if ((size_t)(json->end - json->at) < length || memcmp(json->at, word, length) != 0) return 0;
	json->at += length;
	return 1;
}

static int json_hex4(const uint8_t *at, uint32_t *unit) {
	uint32_t number = 0;
	for (int i = 0; i < 4; i++) {
		uint8_t c = at[i];
		uint8_t digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
		if (digit > 15 || (digit > 9 && (c | 0x20) < 'a')) return -1;
		number = number << 4 | digit;
	}
	*unit = number;
	return 0;
}

/* The code point of \uXXXX, or of two of them that are a surrogate pair; `at` stands behind the first u. */
static int json_code_point(Json *json, const uint8_t *end, uint32_t *point) {
	const uint8_t *start = json->at - 2;
	uint32_t low;
	if (end - json->at < 4 || json_hex4(json->at, point) < 0) return fail("\\u without four hexadecimal digits", start);
	json->at += 4;
	if (*point < 0xD800 || *point > 0xDFFF) return 0;
	if (*point > 0xDBFF || end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u'
	    || json_hex4(json->at + 2, &low) < 0 || low < 0xDC00 || low > 0xDFFF)
		return fail("half of a surrogate pair", start);
	json->at += 6;
	*point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
	return 0;
}

static size_t utf8_of(uint32_t point, uint8_t *to) {
	if (point < 0x80) {
		to[0] = (uint8_t)point;
		return 1;
	}
	size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
	to[0] = (uint8_t)(0xFF00 >> (more + 1) | point >> (6 * more));
	for (size_t i = 1; i <= more; i++) to[i] = (uint8_t)(0x80 | (point >> (6 * (more - i)) & 0x3F));
	return more + 1;
}

/* The content of a string with escapes, between `at` and `end`, into `unescaped`. */
PHOENIX_COLD int json_unescape(Json *json, const uint8_t *end) {
	static const char LETTERS[] = "\"\\/bfnrt", MEANINGS[] = "\"\\/\b\f\n\r\t";
	Bytes *text = &json->unescaped;
	text->length = 0;
	/* An escape is longer than what it stands for. */
	if (bytes_reserve(text, (size_t)(end - json->at) + 1) < 0) return -1;
	while (json->at < end) {
		uint8_t byte = *json->at++;
		if (byte != '\\') {
			text->content[text->length++] = byte;
			continue;
		}
		uint8_t letter = *json->at++; /* a backslash is never the last byte before the quote */
		const char *known = letter == 0 ? NULL : strchr(LETTERS, letter);
		if (known != NULL) {
			text->content[text->length++] = (uint8_t)MEANINGS[known - LETTERS];
			continue;
		}
		uint32_t point = 0;
		if (letter != 'u') return fail("not an escape of JSON", json->at - 2);
		if (json_code_point(json, end, &point) < 0) return -1;
		text->length += utf8_of(point, text->content + text->length);
	}
	text->content[text->length] = 0;
	return 0;
}

/* A string: what it says, in the body itself or in `unescaped`; valid until the next string. */
static int json_string(Json *json, Reader *text) {
	int escaped = 0;
	if (!json_take(json, '"')) return fail("a string was expected", json->at);
	const uint8_t *start = json->at;
	for (const uint8_t *at = start; at < json->end; at++) {
		if (*at == '"') {
			text->at = start;
			text->end = at;
			if (escaped) {
				if (json_unescape(json, at) < 0) return -1;
				text->at = json->unescaped.content;
				text->end = text->at + json->unescaped.length;
			}
			json->at = at + 1;
			return 0;
		}
		if (*at < 0x20) return fail("a control character in a string", at);
		if (*at == '\\') {
			escaped = 1;
			at++;
		}
	}
	return fail("a string without an end", start - 1);
}

static const uint8_t *digits_end(const uint8_t *at, const uint8_t *end) {
	while (at < end && *at >= '0' && *at <= '9') at++;
	return at;
}

/* Where the number that begins at `at` ends, NULL if none does; whether it has neither point nor exponent. */
static const uint8_t *number_end(const uint8_t *at, const uint8_t *end, int *is_plain) {
	const uint8_t *start;
	*is_plain = 1;
	if (at < end && *at == '-') at++;
	start = at;
	at = digits_end(at, end);
	if (at == start || (*start == '0' && at - start > 1)) return NULL;
	if (at < end && *at == '.') {
		*is_plain = 0;
		start = ++at;
		at = digits_end(at, end);
		if (at == start) return NULL;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		*is_plain = 0;
		at++;
		if (at < end && (*at == '+' || *at == '-')) at++;
		start = at;
		at = digits_end(at, end);
		if (at == start) return NULL;
	}
	return at;
}

/* A number, bare or as text; `is_text` says which. What follows its last byte is no part of a number. */
static int json_number(Json *json, Reader *number, int *is_plain, int *is_text) {
	json_peek(json);
	const uint8_t *start = json->at;
	*is_text = start < json->end && *start == '"';
	if (*is_text) {
		if (json_string(json, number) < 0) return -1;
		if (number_end(number->at, number->end, is_plain) != number->end) *is_plain = -1;
	} else {
		number->at = start;
		number->end = number_end(start, json->end, is_plain);
		if (number->end == NULL) return fail("a number was expected", start);
		json->at = number->end;
	}
	if (number->end - number->at > MAX_NUMBER_BYTES) return fail("a number of more than 1024 digits", start);
	return 0;
}

/* Any value that nobody asked for, inside `depth` levels: it must be JSON, and no deeper than messages may be. */
static int json_skip(Json *json, int depth) {
	Reader text;
	int unused;
	int next = json_peek(json);
	if (depth > MAX_DEPTH) return fail("more than 100 levels", json->at);
	if (next == '"') return json_string(json, &text);
	if (next == '{' || next == '[') {
		const uint8_t close = next == '{' ? '}' : ']';
		json->at++;
		if (json_take(json, close)) return 0;
		do {
			if (next == '{') {
				if (json_string(json, &text) < 0) return -1;
				if (!json_take(json, ':')) return fail("a colon was expected", json->at);
			}
			if (json_skip(json, depth + 1) < 0) return -1;
		} while (json_take(json, ','));
		if (!json_take(json, close)) return fail("a comma or the end of the list or object was expected", json->at);
		return 0;
	}
	if (json_take_word(json, "null") || json_take_word(json, "true") || json_take_word(json, "false")) return 0;
	text.end = number_end(json->at, json->end, &unused);
	if (text.end == NULL) return fail("a value was expected", json->at);
	json->at = text.end;
	return 0;
}

#endif
