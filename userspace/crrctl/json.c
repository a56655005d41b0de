// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What crrctl adds to jansson: values of its own, and failure when memory runs
 * out. jansson makes an incomplete value NULL, and json_set(), json_add() and
 * json_format() accept no NULL.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crrctl.h"
#include "json.h"

static void check(bool good)
{
	if (!good)
		fail("JSON: %s", strerror(ENOMEM));
}

/**
 * json_u64 - a 64-bit number
 * @n: the number
 *
 * It is a string, whatever its value: most JSON readers keep 53 bits of a number.
 */
json_t *json_u64(uint64_t n)
{
	return json_sprintf("%" PRIu64, n);
}

/**
 * json_seconds - a time in seconds, as a number with a resolution of 1 us
 * @nanoseconds: the time
 */
json_t *json_seconds(uint64_t nanoseconds)
{
	uint64_t us = nanoseconds / 1000 + (nanoseconds % 1000 >= 500);

	return json_real((double)us / 1e6);
}

/**
 * json_hex - bytes in hexadecimal, as a string
 * @bytes: the bytes
 * @length: their number, at most CRR_RECORD_SIZE_MAX
 */
json_t *json_hex(const void *bytes, size_t length)
{
	static char hex[2 * CRR_RECORD_SIZE_MAX + 1];
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < length; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	return json_stringn(hex, 2 * length);
}

/* Length of the UTF-8 character at @p, control characters included; 0: invalid. */
static size_t character_length(const unsigned char *p, size_t length)
{
	if (*p < 0x80)
		return 1;
	/* C1 control characters */
	if (length > 1 && *p == 0xc2 && (p[1] & 0xe0) == 0x80)
		return 2;
	return utf8_length(p, length);
}

/**
 * json_text - a string; each byte that is not valid UTF-8 becomes U+FFFD
 * @bytes: the text, which may contain zeros
 * @length: its length in bytes
 */
json_t *json_text(const void *bytes, size_t length)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const unsigned char *p = bytes;
	json_t *string = json_stringn(bytes, length);
	char *text, *end;
	size_t n;

	if (string || !length)
		return string;
	text = calloc(length, strlen(replacement));
	check(text);
	for (end = text; length; p += n, length -= n) {
		n = character_length(p, length);
		if (n) {
			end = mempcpy(end, p, n);
		} else {
			end = mempcpy(end, replacement, strlen(replacement));
			n = 1;
		}
	}
	string = json_stringn(text, (size_t)(end - text));
	free(text);
	return string;
}

/**
 * json_set - add a member to an object
 * @object: the object
 * @key: name of the member
 * @value: its value, which the object owns from now on
 */
void json_set(json_t *object, const char *key, json_t *value)
{
	check(!json_object_set_new(object, key, value));
}

/**
 * json_add - append a value to an array
 * @array: the array
 * @value: the value, which the array owns from now on
 */
void json_add(json_t *array, json_t *value)
{
	check(!json_array_append_new(array, value));
}

/**
 * json_format - a value as text
 * @value: the value; it is freed
 * @flags: JSON_* of json_dumps(3), or 0
 *
 * All characters are ASCII: the text does nothing to a terminal. Times with a
 * resolution of 1 us need no more than 15 digits.
 *
 * Returns a string, to be freed.
 */
char *json_format(json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags | JSON_ENSURE_ASCII |
					       JSON_REAL_PRECISION(15));

	check(text);
	json_decref(value);
	return text;
}

/**
 * json_print - print a value on a line
 * @out: where to
 * @value: the value; it is freed
 * @flags: as for json_format()
 */
void json_print(FILE *out, json_t *value, size_t flags)
{
	char *text = json_format(value, flags);

	fputs(text, out);
	fputc('\n', out);
	free(text);
}
