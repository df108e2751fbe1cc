// SPDX-License-Identifier: BSD-2-Clause
#include "common/json.h"
#include "common/clock.h"
#include "common/log.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json {
	json_t *object; /* owned */
	bool has_failed;
};

/* Takes the object, also when it fails. */
static struct json *wrap(json_t *object)
{
	struct json *json = NULL;

	if (!object)
		return NULL;
	json = calloc(1, sizeof(*json));
	if (!json) {
		json_decref(object);
		return NULL;
	}
	json->object = object;
	return json;
}

struct json *json_new(void)
{
	return wrap(json_object());
}

struct json *json_clone(const struct json *json)
{
	return wrap(json_deep_copy(json->object));
}

void json_free(struct json *json)
{
	if (!json)
		return;
	json_decref(json->object);
	free(json);
}

/* Takes the value; NULL stands for a failure to make it. */
static void set(struct json *json, const char *key, json_t *value)
{
	if (json_object_set_new(json->object, key, value) != 0)
		json->has_failed = true;
}

/* jansson refuses what is not UTF-8; NULL: no memory. */
static json_t *make_string(const char *text)
{
	json_t *string = json_string(text);
	if (string)
		return string;

	size_t length = strlen(text);
	size_t size = length * 4 + 1;
	char *escaped = malloc(size);
	if (!escaped)
		return NULL;
	string = json_string(log_escape(escaped, size, text, length));
	free(escaped);
	return string;
}

void json_set_text(struct json *json, const char *key, const char *value)
{
	set(json, key, value ? make_string(value) : json_null());
}

void json_set_int(struct json *json, const char *key, int64_t value)
{
	set(json, key, json_integer(value));
}

void json_set_bool(struct json *json, const char *key, bool value)
{
	set(json, key, json_boolean(value));
}

void json_set_null(struct json *json, const char *key)
{
	set(json, key, json_null());
}

void json_set_time(struct json *json, const char *key, int64_t wall_ms)
{
	char text[32];

	json_set_text(json, key,
		      wall_ms < 0 ? NULL
				  : clock_rfc3339(wall_ms, text, sizeof(text)));
}

char *json_line(const struct json *json)
{
	if (json->has_failed)
		return NULL;
	return json_dumps(json->object, JSON_COMPACT);
}

static bool is_flat(json_t *object)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return false;
	json_object_foreach(object, key, value)
	{
		if (!json_is_string(value) && !json_is_integer(value) &&
		    !json_is_boolean(value) && !json_is_null(value))
			return false;
	}
	return true;
}

struct json *json_parse(const char *text, size_t length)
{
	/* jansson skips NUL bytes between tokens as if they were not there. */
	if (memchr(text, '\0', length))
		return NULL;

	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (!object)
		return NULL;
	if (!is_flat(object)) {
		json_decref(object);
		return NULL;
	}
	return wrap(object);
}

const char *json_get_text(const struct json *json, const char *key)
{
	return json_string_value(json_object_get(json->object, key));
}

int64_t json_get_int(const struct json *json, const char *key,
		     int64_t otherwise)
{
	const json_t *value = json_object_get(json->object, key);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool json_get_bool(const struct json *json, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(json->object, key);

	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

void json_each(const struct json *json, json_member_fn fn, void *ctx)
{
	const char *key;
	json_t *value;

	json_object_foreach(json->object, key, value)
	{
		char number[24];
		const char *text = json_string_value(value);

		if (json_is_integer(value)) {
			snprintf(number, sizeof(number), "%" PRId64,
				 (int64_t)json_integer_value(value));
			text = number;
		} else if (json_is_boolean(value)) {
			text = json_is_true(value) ? "true" : "false";
		} else if (!text) {
			text = "-";
		}
		fn(ctx, key, text);
	}
}
