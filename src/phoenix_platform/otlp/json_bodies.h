/* OTLP metrics as JSON to OTLP metrics as protobuf; part of kernel.pyx, which then decodes those.
 *
 * So there is one path to columns and identities, and a body means the same in both encodings. Written are
 * the fields the decoder reads; others need only be JSON. Refused are, beyond what is no JSON: values of other
 * types than the field has, a field twice (in either spelling), two members of a oneof.
 * Sources: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding,
 * https://protobuf.dev/programming-guides/json/. */
#ifndef PHOENIX_JSON_BODIES_H
#define PHOENIX_JSON_BODIES_H

#include <math.h>

#include "json_text.h"

enum FieldType { MESSAGE, TEXT, KEY_TEXT, VALUE_TEXT, BASE64, BOOLEAN, TEMPORALITY_NAME, FIXED, SIGNED_FIXED, INTEGER, UNSIGNED32, NUMBER };
enum FieldShape { ONE, MANY, ONE_OF };
enum MessageType { REQUEST, OF_RESOURCE, RESOURCE_, OF_SCOPE, SCOPE_, METRIC_, GAUGE_, SUM_, HISTOGRAM_, EXPONENTIAL_, SUMMARY_,
	NUMBER_POINT, HISTOGRAM_POINT, EXPONENTIAL_POINT, SUMMARY_POINT, PAIR, ANY, LIST, PAIRS };

typedef struct {
	const char *name; /* lowerCamelCase; snake_case is taken as well */
	uint8_t tag;
	uint8_t type;
	uint8_t shape;
	uint8_t message;
} Field;

enum { MOST_FIELDS = 9 };

#define SEVERAL(name, tag, message) { name, tag, MESSAGE, MANY, message }
#define SINGLE(name, tag, message) { name, tag, MESSAGE, ONE, message }
#define CHOICE(name, tag, message) { name, tag, MESSAGE, ONE_OF, message }
#define TIMES { "startTimeUnixNano", 0x11, FIXED, ONE, 0 }, { "timeUnixNano", 0x19, FIXED, ONE, 0 }

/* By message; a missing name ends it. Tags: opentelemetry-proto, metrics/v1/metrics.proto and common/v1/common.proto. */
static const Field FIELDS[][MOST_FIELDS] = {
	[REQUEST] = { SEVERAL("resourceMetrics", 0x0A, OF_RESOURCE) },
	[OF_RESOURCE] = { SINGLE("resource", 0x0A, RESOURCE_), SEVERAL("scopeMetrics", 0x12, OF_SCOPE) },
	[RESOURCE_] = { SEVERAL("attributes", 0x0A, PAIR) },
	[OF_SCOPE] = { SINGLE("scope", 0x0A, SCOPE_), SEVERAL("metrics", 0x12, METRIC_) },
	[SCOPE_] = { { "name", 0x0A, TEXT, ONE, 0 }, { "version", 0x12, TEXT, ONE, 0 }, SEVERAL("attributes", 0x1A, PAIR) },
	[METRIC_] = { { "name", 0x0A, TEXT, ONE, 0 }, { "unit", 0x1A, TEXT, ONE, 0 }, CHOICE("gauge", 0x2A, GAUGE_),
		CHOICE("sum", 0x3A, SUM_), CHOICE("histogram", 0x4A, HISTOGRAM_),
		CHOICE("exponentialHistogram", 0x52, EXPONENTIAL_), CHOICE("summary", 0x5A, SUMMARY_) },
	[GAUGE_] = { SEVERAL("dataPoints", 0x0A, NUMBER_POINT) },
	[SUM_] = { SEVERAL("dataPoints", 0x0A, NUMBER_POINT), { "aggregationTemporality", 0x10, TEMPORALITY_NAME, ONE, 0 },
		{ "isMonotonic", 0x18, BOOLEAN, ONE, 0 } },
	[HISTOGRAM_] = { SEVERAL("dataPoints", 0x0A, HISTOGRAM_POINT), { "aggregationTemporality", 0x10, TEMPORALITY_NAME, ONE, 0 } },
	[EXPONENTIAL_] = { SEVERAL("dataPoints", 0x0A, EXPONENTIAL_POINT), { "aggregationTemporality", 0x10, TEMPORALITY_NAME, ONE, 0 } },
	[SUMMARY_] = { SEVERAL("dataPoints", 0x0A, SUMMARY_POINT) },
	[NUMBER_POINT] = { SEVERAL("attributes", 0x3A, PAIR), TIMES, { "asDouble", 0x21, NUMBER, ONE_OF, 0 },
		{ "asInt", 0x31, SIGNED_FIXED, ONE_OF, 0 }, { "flags", 0x40, UNSIGNED32, ONE, 0 } },
	[HISTOGRAM_POINT] = { SEVERAL("attributes", 0x4A, PAIR), TIMES, { "sum", 0x29, NUMBER, ONE, 0 }, { "flags", 0x50, UNSIGNED32, ONE, 0 } },
	[EXPONENTIAL_POINT] = { SEVERAL("attributes", 0x0A, PAIR), TIMES, { "sum", 0x29, NUMBER, ONE, 0 }, { "flags", 0x50, UNSIGNED32, ONE, 0 } },
	[SUMMARY_POINT] = { SEVERAL("attributes", 0x3A, PAIR), TIMES, { "sum", 0x29, NUMBER, ONE, 0 }, { "flags", 0x40, UNSIGNED32, ONE, 0 } },
	[PAIR] = { { "key", 0x0A, KEY_TEXT, ONE, 0 }, SINGLE("value", 0x12, ANY) },
	[ANY] = { { "stringValue", 0x0A, VALUE_TEXT, ONE_OF, 0 }, { "boolValue", 0x10, BOOLEAN, ONE_OF, 0 },
		{ "intValue", 0x18, INTEGER, ONE_OF, 0 }, { "doubleValue", 0x21, NUMBER, ONE_OF, 0 }, CHOICE("arrayValue", 0x2A, LIST),
		CHOICE("kvlistValue", 0x32, PAIRS), { "bytesValue", 0x3A, BASE64, ONE_OF, 0 } },
	[LIST] = { SEVERAL("values", 0x0A, ANY) },
	[PAIRS] = { SEVERAL("values", 0x0A, PAIR) },
};

static const char *const TEMPORALITY_NAMES[] = {
	"AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE",
};

static int json_message(Json *json, enum MessageType type, int depth);

PHOENIX_HOT int put_byte(Json *json, uint8_t byte) {
	if (bytes_reserve(&json->out, 1) < 0) return -1;
	json->out.content[json->out.length++] = byte;
	return 0;
}

PHOENIX_HOT int put_varint(Json *json, uint64_t number) {
	uint8_t encoded[10];
	size_t length = 0;
	for (; number > 0x7F; number >>= 7) encoded[length++] = (uint8_t)(number | 0x80);
	encoded[length++] = (uint8_t)number;
	return bytes_append(&json->out, encoded, length);
}

PHOENIX_HOT int put_text(Json *json, Reader text) {
	size_t length = (size_t)(text.end - text.at);
	if (put_varint(json, length) < 0) return -1;
	return bytes_append(&json->out, text.at, length);
}

/* Put the length of what was written behind the byte at `place` there, moving it if that takes more bytes. */
static int close_length(Json *json, size_t place) {
	Bytes *out = &json->out;
	size_t length = out->length - place - 1, more = 0;
	for (size_t rest = length >> 7; rest > 0; rest >>= 7) more++;
	if (bytes_reserve(out, more) < 0) return -1;
	memmove(out->content + place + 1 + more, out->content + place + 1, length);
	for (size_t i = 0; i <= more; i++) {
		out->content[place + i] = (uint8_t)(length >> (7 * i) & 0x7F) | (i < more ? 0x80 : 0);
	}
	out->length += more;
	return 0;
}

static int text_is(Reader text, const char *wanted) {
	size_t length = strlen(wanted);
	return (size_t)(text.end - text.at) == length && memcmp(text.at, wanted, length) == 0;
}

static int is_name_of(Reader key, const char *camel) {
	if (text_is(key, camel)) return 1;
	for (; *camel != 0; camel++) {
		uint8_t letter = (uint8_t)*camel;
		if (letter >= 'A' && letter <= 'Z') {
			if (key.at == key.end || *key.at++ != '_') return 0;
			letter |= 0x20;
		}
		if (key.at == key.end || *key.at++ != letter) return 0;
	}
	return key.at == key.end;
}

/* The place of a key among the fields of a message, or -1. */
static int field_of(const Field *fields, Reader key) {
	for (int i = 0; i < MOST_FIELDS && fields[i].name != NULL; i++) {
		if (is_name_of(key, fields[i].name)) return i;
	}
	return -1;
}

/* The double that a sound number means, up to infinity. */
static double double_meant(Reader number) {
	char *end; /* given, so that what follows the number is no error; a NUL follows bodies and unescaped text */
	return PyOS_string_to_double((const char *)number.at, &end, NULL);
}

static int put_number(Json *json) {
	const uint8_t *start = (json_peek(json), json->at);
	Reader text;
	int is_plain, is_text;
	double value;
	if (json_number(json, &text, &is_plain, &is_text) < 0) return -1;
	if (is_plain >= 0) {
		value = double_meant(text);
		if (isinf(value)) return fail("a number beyond what a double holds", start);
	} else if (text_is(text, "NaN")) value = NAN;
	else if (text_is(text, "Infinity")) value = INFINITY;
	else if (text_is(text, "-Infinity")) value = -INFINITY;
	else return fail("text that is no number, NaN, Infinity or -Infinity", start);
	return bytes_append(&json->out, &value, 8);
}

/* A whole number between `-negative` and `positive`, as two's complement. Written 1.0 or 1e3 it is one, too. */
static int json_integer(Json *json, uint64_t negative, uint64_t positive, uint64_t *bits) {
	const uint8_t *start = (json_peek(json), json->at);
	Reader text;
	int is_plain, is_text;
	uint64_t amount = 0;
	if (json_number(json, &text, &is_plain, &is_text) < 0) return -1;
	if (is_plain < 0) return fail("text that is no number", start);
	int is_negative = *text.at == '-';
	if (is_plain) {
		for (const uint8_t *at = text.at + is_negative; at < text.end; at++) {
			if (__builtin_mul_overflow(amount, 10u, &amount) || __builtin_add_overflow(amount, (uint64_t)(*at - '0'), &amount))
				return fail("a whole number beyond what its field holds", start);
		}
	} else {
		double value = fabs(double_meant(text));
		if (value != floor(value)) return fail("a whole number was expected", start);
		if (value >= 18446744073709551616.0) return fail("a whole number beyond what its field holds", start);
		amount = (uint64_t)value;
	}
	if (amount > (is_negative ? negative : positive)) return fail("a whole number beyond what its field holds", start);
	*bits = is_negative ? 0 - amount : amount;
	return 0;
}

/* `AGGREGATION_TEMPORALITY_DELTA`, 1 or "1". */
static int json_temporality(Json *json, uint64_t *number) {
	const uint8_t *start = (json_peek(json), json->at);
	Reader text;
	if (start < json->end && *start == '"') {
		if (json_string(json, &text) < 0) return -1;
		for (*number = 0; *number < 3; ++*number) {
			if (text_is(text, TEMPORALITY_NAMES[*number])) return 0;
		}
		if (text.at == text.end || *text.at == 'A') return fail("no name of an aggregation temporality", start);
		json->at = start;
	}
	return json_integer(json, (uint64_t)1 << 31, INT32_MAX, number);
}

static int base64_digit(uint8_t letter) {
	if (letter >= 'A' && letter <= 'Z') return letter - 'A';
	if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
	if (letter >= '0' && letter <= '9') return letter - '0' + 52;
	if (letter == '+' || letter == '-') return 62;
	return letter == '/' || letter == '_' ? 63 : -1;
}

/* Bytes in base64, of the standard or the URL alphabet, with padding or without. */
static int put_base64(Json *json) {
	const uint8_t *start = (json_peek(json), json->at);
	Reader text;
	uint32_t bits = 0;
	if (json_string(json, &text) < 0) return -1;
	for (int padding = 0; padding < 2 && text.end > text.at && text.end[-1] == '='; padding++) text.end--;
	size_t digits = (size_t)(text.end - text.at), length = digits / 4 * 3 + (digits % 4 * 3) / 4;
	if (digits % 4 == 1) return fail("not base64", start);
	if (allow_value(&json->allowance, length, start) < 0) return -1;
	if (put_varint(json, length) < 0 || bytes_reserve(&json->out, length + 2) < 0) return -1;
	for (size_t i = 0; i < digits; i++) {
		int digit = base64_digit(text.at[i]);
		if (digit < 0) return fail("not base64", start);
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 0) continue;
		json->out.content[json->out.length++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return 0;
}

static int put_text_of(Json *json, enum FieldType type) {
	const uint8_t *start = (json_peek(json), json->at);
	Reader text;
	if (json_string(json, &text) < 0) return -1;
	uint64_t length = (uint64_t)(text.end - text.at);
	if (type == KEY_TEXT && allow_key(&json->allowance, length, start) < 0) return -1;
	if (type == VALUE_TEXT && allow_value(&json->allowance, length, start) < 0) return -1;
	return put_text(json, text);
}

/* A value that is neither list nor message nor null, behind its tag. */
static int put_scalar(Json *json, enum FieldType type) {
	uint64_t bits;
	switch (type) {
	case BASE64:
		return put_base64(json);
	case NUMBER:
		return put_number(json);
	case BOOLEAN:
		if (json_take_word(json, "true")) return put_byte(json, 1);
		if (json_take_word(json, "false")) return put_byte(json, 0);
		return fail("true or false was expected", json->at);
	case FIXED:
		if (json_integer(json, 0, UINT64_MAX, &bits) < 0) return -1;
		return bytes_append(&json->out, &bits, 8);
	case SIGNED_FIXED:
		if (json_integer(json, (uint64_t)1 << 63, INT64_MAX, &bits) < 0) return -1;
		return bytes_append(&json->out, &bits, 8);
	case INTEGER:
		if (json_integer(json, (uint64_t)1 << 63, INT64_MAX, &bits) < 0) return -1;
		return put_varint(json, bits);
	case UNSIGNED32:
		if (json_integer(json, 0, UINT32_MAX, &bits) < 0) return -1;
		return put_varint(json, bits);
	case TEMPORALITY_NAME:
		if (json_temporality(json, &bits) < 0) return -1;
		return put_varint(json, bits);
	default:
		return put_text_of(json, type);
	}
}

static int is_point(enum MessageType type) { return type >= NUMBER_POINT && type <= SUMMARY_POINT; }

/* One message with its tag and length. */
static int put_message(Json *json, const Field *field, int depth) {
	json_peek(json);
	if (is_point(field->message) && allow_points(&json->allowance.limits, ++json->points, json->at) < 0) return -1;
	if (field->shape == MANY && (field->message == PAIR || field->message == ANY)
	    && take_value(&json->allowance, json->at) < 0) return -1;
	if (put_byte(json, field->tag) < 0) return -1;
	size_t place = json->out.length;
	if (put_byte(json, 0) < 0 || json_message(json, field->message, depth + 1) < 0) return -1;
	return close_length(json, place);
}

static int put_list(Json *json, const Field *field, int depth) {
	if (!json_take(json, '[')) return fail("a list was expected", json->at);
	if (json_take(json, ']')) return 0;
	do {
		if (put_message(json, field, depth) < 0) return -1;
	} while (json_take(json, ','));
	if (!json_take(json, ']')) return fail("a comma or the end of the list was expected", json->at);
	return 0;
}

/* The value of a known field of a message of `type`; `seen` has a bit per field, and one for the oneof. */
static int put_field(Json *json, enum MessageType type, int place, int depth, uint32_t *seen, const uint8_t *key) {
	const Field *field = &FIELDS[type][place];
	const uint32_t one_of = (uint32_t)1 << MOST_FIELDS;
	if (*seen & (uint32_t)1 << place) return fail("a field given twice", key);
	*seen |= (uint32_t)1 << place;
	if (json_take_word(json, "null")) return 0;
	if (field->shape == ONE_OF) {
		if (*seen & one_of) return fail("a second value where one of several may be", key);
		*seen |= one_of;
	}
	if (field->shape == MANY) {
		if (field->message == PAIR && type != PAIRS) json->allowance.values = 0; /* a set of attributes begins */
		return put_list(json, field, depth);
	}
	if (field->type == MESSAGE) return put_message(json, field, depth);
	if (put_byte(json, field->tag) < 0) return -1;
	return put_scalar(json, field->type);
}

/* The content of a message at `depth`, the body being 0. */
static int json_message(Json *json, enum MessageType type, int depth) {
	uint32_t seen = 0;
	if (!json_take(json, '{')) return fail("an object was expected", json->at);
	if (depth > MAX_DEPTH) return fail("more than 100 levels", json->at - 1);
	if (json_take(json, '}')) return 0;
	do {
		Reader key;
		json_peek(json);
		const uint8_t *start = json->at;
		if (json_string(json, &key) < 0) return -1;
		int place = field_of(FIELDS[type], key);
		if (!json_take(json, ':')) return fail("a colon was expected", json->at);
		if (place < 0) {
			if (json_skip(json, depth + 1) < 0) return -1;
		} else if (put_field(json, type, place, depth, &seen, start) < 0) return -1;
	} while (json_take(json, ','));
	if (!json_take(json, '}')) return fail("a comma or the end of the object was expected", json->at);
	return 0;
}

/* The whole text; what it says in protobuf is in `out` then. */
static int json_body(Json *json) {
	if (json_message(json, REQUEST, 0) < 0) return -1;
	return json_peek(json) < 0 ? 0 : fail("something behind the end of the request", json->at);
}

#endif
