/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON output of crrctl, by jansson. A value is built, printed and freed. */
#ifndef CRRCTL_JSON_H
#define CRRCTL_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Without blanks, for programs. */
#define JSON_LINE JSON_COMPACT

json_t *json_u64(uint64_t n);
json_t *json_seconds(uint64_t nanoseconds);
json_t *json_hex(const void *bytes, size_t length);
json_t *json_text(const void *bytes, size_t length);
void json_set(json_t *object, const char *key, json_t *value);
void json_add(json_t *array, json_t *value);
void json_print(FILE *out, json_t *value, size_t flags);
char *json_format(json_t *value, size_t flags);

#endif /* CRRCTL_JSON_H */
