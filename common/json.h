// SPDX-License-Identifier: BSD-2-Clause
/*
 * json.h - one flat JSON object a line; the boundary of jansson.
 *
 * Everything that programs read from us is such lines: the control sockets,
 * --json of each verb.  Members are strings, integers, booleans or null.
 *
 * Ownership	json_new() and json_parse() give to the caller
 */
#ifndef ERSATZ_COMMON_JSON_H
#define ERSATZ_COMMON_JSON_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

NODISCARD struct json *json_new(void); /* NULL: no memory */
void json_free(struct json *json);
/* NULL: no memory. */
NODISCARD struct json *json_clone(const struct json *json);

/*
 * Set a member; a failed one makes json_line() fail, so that calls need no
 * check each.  Text that is not UTF-8 is escaped as log_escape() does.
 * NULL text is null.
 */
void json_set_text(struct json *json, const char *key, const char *value);
void json_set_int(struct json *json, const char *key, int64_t value);
void json_set_bool(struct json *json, const char *key, bool value);
void json_set_null(struct json *json, const char *key);
/* RFC 3339 in UTC; a negative time is null. */
void json_set_time(struct json *json, const char *key, int64_t wall_ms);

/* The object as text without a newline, members as they were set; free() it. */
NODISCARD char *json_line(const struct json *json);

/* Only a flat object is taken; NULL for everything else. */
NODISCARD struct json *json_parse(const char *text, size_t length);

/* The member, or NULL / `otherwise` when missing or of another type. */
const char *json_get_text(const struct json *json, const char *key);
int64_t json_get_int(const struct json *json, const char *key,
		     int64_t otherwise);
bool json_get_bool(const struct json *json, const char *key, bool otherwise);

/*
 * For printing a line as columns: calls `fn` with each member as text, null
 * as "-".
 */
typedef void (*json_member_fn)(void *ctx, const char *key, const char *value);
void json_each(const struct json *json, json_member_fn fn, void *ctx);

#endif
