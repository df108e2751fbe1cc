// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/schema_type.h"

#include "common/addr.h"
#include "common/err.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

int schema_parse_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(unsigned char)*text - '0';

		if (digit > 9)
			return -EINVAL;
		if (value > (max - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*number = value;
	return 0;
}

static int parse_text(const struct schema_call *call, void *target,
		      const char *text)
{
	const char **out = target;

	if (!*text)
		return -EINVAL;
	*out = arena_text(call->walk->arena, text, strlen(text));
	return *out ? 0 : -ENOMEM;
}

static const char *format_text(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	const char *const *text = target;

	(void)key;
	(void)root;
	(void)out;
	return *text;
}

const struct schema_type schema_text = {
	.expected = "a text",
	.size = sizeof(const char *),
	.parse = parse_text,
	.format = format_text,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

static int parse_path(const struct schema_call *call, void *target,
		      const char *text)
{
	if (text[0] != '/')
		return -EINVAL;
	return parse_text(call, target, text);
}

const struct schema_type schema_path = {
	.expected = "an absolute path such as /var/lib/ersatz",
	.size = sizeof(const char *),
	.parse = parse_path,
	.format = format_text,
	.json = "\"type\": \"string\", \"pattern\": \"^/\"",
};

/* What the kernel takes: dev_valid_name(); "%" is for it to fill in. */
static int parse_interface(const struct schema_call *call, void *target,
			   const char *text)
{
	if (!*text || strlen(text) >= IFNAMSIZ)
		return -EINVAL;
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return -EINVAL;
	for (const char *at = text; *at; at++) {
		if (strchr("/:%", *at) || isspace((unsigned char)*at))
			return -EINVAL;
	}
	return parse_text(call, target, text);
}

const struct schema_type schema_interface = {
	.expected = "the name of an interface, at most 15 characters, as "
		    "'ip link' shows it",
	.size = sizeof(const char *),
	.parse = parse_interface,
	.format = format_text,
	.json = "\"type\": \"string\", \"pattern\": \"^[^/:%\\\\s]{1,15}$\"",
};

static int find_word(const struct schema_call *call, const char *text,
		     int *value)
{
	const struct schema_word *word = call->key->words;
	char expected[SCHEMA_TEXT_SIZE];

	while (word->word && strcmp(word->word, text))
		word++;
	if (!word->word)
		return -EINVAL;
	if (word->later)
		return schema_error(call,
				    "'%s: %s' is not supported by this "
				    "version, expected %s%s%s",
				    call->path, text,
				    schema_expected(call->key, expected),
				    *word->later ? ": " : "", word->later);
	*value = word->value;
	return 0;
}

static const char *word_of(const struct schema_key *key, int value)
{
	const struct schema_word *word = key->words;

	while (word->word && (word->later || word->value != value))
		word++;
	return word->word;
}

static int parse_word(const struct schema_call *call, void *target,
		      const char *text)
{
	return find_word(call, text, target);
}

static const char *format_word(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	const int *value = target;

	(void)root;
	(void)out;
	return word_of(key, *value);
}

const struct schema_type schema_word = {
	.size = sizeof(int),
	.parse = parse_word,
	.format = format_word,
};

static int parse_flag(const struct schema_call *call, void *target,
		      const char *text)
{
	bool *flag = target;
	int value = 0;
	int ret = find_word(call, text, &value);

	if (!ret)
		*flag = value != 0;
	return ret;
}

static const char *format_flag(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	const bool *flag = target;

	(void)root;
	(void)out;
	return word_of(key, *flag);
}

const struct schema_type schema_flag = {
	.size = sizeof(bool),
	.parse = parse_flag,
	.format = format_flag,
};

static int parse_fixed(const struct schema_call *call, void *target,
		       const char *text)
{
	int value;

	(void)target;
	return find_word(call, text, &value);
}

const struct schema_type schema_fixed = {
	.parse = parse_fixed,
};

static int check_range(const struct schema_call *call, uint64_t value)
{
	const struct schema_key *key = call->key;

	if (value < (uint64_t)key->min || value > (uint64_t)key->max)
		return -ERANGE;
	return 0;
}

static int parse_number(const struct schema_call *call, void *target,
			const char *text)
{
	uint32_t *number = target;
	uint64_t value = 0;
	int ret = schema_parse_number(text, UINT32_MAX, &value);

	if (ret == -EINVAL)
		return ret;
	if (ret || check_range(call, value))
		return schema_error(
			call, "'%s' is %s, expected %" PRId64 " to %" PRId64,
			call->path, text, call->key->min, call->key->max);
	*number = (uint32_t)value;
	return 0;
}

static const char *format_number(const struct schema_key *key, const void *root,
				 const void *target, char *out)
{
	const uint32_t *number = target;

	(void)key;
	(void)root;
	snprintf(out, SCHEMA_TEXT_SIZE, "%" PRIu32, *number);
	return out;
}

const struct schema_type schema_number = {
	.expected = "a number",
	.size = sizeof(uint32_t),
	.parse = parse_number,
	.format = format_number,
	.json = "\"type\": \"integer\"",
};

static int parse_port(const struct schema_call *call, void *target,
		      const char *text)
{
	uint16_t *port = target;
	uint64_t value = 0;
	int ret = schema_parse_number(text, 65535, &value);

	if (ret == -EINVAL)
		return ret;
	if (ret || !value)
		return schema_error(
			call, "port %s is out of range, expected 1 to 65535",
			text);
	*port = (uint16_t)value;
	return 0;
}

static const char *format_port(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	const uint16_t *port = target;

	(void)key;
	(void)root;
	snprintf(out, SCHEMA_TEXT_SIZE, "%u", *port);
	return out;
}

const struct schema_type schema_port = {
	.expected = "a port, 1 to 65535",
	.size = sizeof(uint16_t),
	.parse = parse_port,
	.format = format_port,
	.json = "\"type\": \"integer\", \"minimum\": 1, \"maximum\": 65535",
};

/* From the largest, so that the first that divides is the one to print. */
static const struct unit {
	const char *suffix;
	uint64_t ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static const char *duration_text(uint64_t ms, char *out)
{
	const struct unit *unit = units;

	while (ms % unit->ms)
		unit++;
	if (!ms)
		unit = &units[2];
	snprintf(out, SCHEMA_TEXT_SIZE, "%" PRIu64 "%s", ms / unit->ms,
		 unit->suffix);
	return out;
}

static int duration_ms(const char *text, uint64_t *ms)
{
	char digits[16];
	size_t length = strspn(text, "0123456789");

	if (!length || length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(text + length, units[i].suffix))
			continue;
		if (schema_parse_number(digits, INT64_MAX / 3600000, ms))
			return -EINVAL;
		*ms *= units[i].ms;
		return 0;
	}
	return -EINVAL;
}

static int duration_error(const struct schema_call *call, const char *text)
{
	char min[SCHEMA_TEXT_SIZE], max[SCHEMA_TEXT_SIZE];

	return schema_error(call, "'%s' is %s, expected %s to %s", call->path,
			    text, duration_text((uint64_t)call->key->min, min),
			    duration_text((uint64_t)call->key->max, max));
}

static int parse_duration(const struct schema_call *call, void *target,
			  const char *text)
{
	int64_t *duration = target;
	uint64_t ms;

	if (duration_ms(text, &ms))
		return -EINVAL;
	if (check_range(call, ms))
		return duration_error(call, text);
	*duration = (int64_t)ms;
	return 0;
}

static const char *format_duration(const struct schema_key *key,
				   const void *root, const void *target,
				   char *out)
{
	const int64_t *duration = target;

	(void)key;
	(void)root;
	return duration_text((uint64_t)*duration, out);
}

const struct schema_type schema_duration = {
	.expected = "a time with its unit, such as 5s, 500ms or 10m",
	.size = sizeof(int64_t),
	.parse = parse_duration,
	.format = format_duration,
	.json = "\"type\": \"string\", "
		"\"pattern\": \"^[0-9]+(ms|s|m|h)$\"",
};

static int parse_seconds(const struct schema_call *call, void *target,
			 const char *text)
{
	uint32_t *seconds = target;
	uint64_t value = 0, ms = 0;

	if (schema_parse_number(text, UINT32_MAX, &value)) {
		if (duration_ms(text, &ms) || ms % 1000)
			return -EINVAL;
		value = ms / 1000;
	}
	if (check_range(call, value))
		return schema_error(call,
				    "'%s' is %s, expected %" PRId64
				    " to %" PRId64 " seconds",
				    call->path, text, call->key->min,
				    call->key->max);
	*seconds = (uint32_t)value;
	return 0;
}

const struct schema_type schema_seconds = {
	.expected = "a number of seconds",
	.size = sizeof(uint32_t),
	.parse = parse_seconds,
	.format = format_number,
	.json = "\"type\": \"integer\"",
};

static const struct {
	const char *suffix;
	unsigned shift;
} size_units[] = {{"G", 30}, {"M", 20}, {"K", 10}, {"", 0}};

static const char *size_text(uint64_t bytes, char *out)
{
	size_t i = 0;

	while (bytes & ((UINT64_C(1) << size_units[i].shift) - 1))
		i++;
	snprintf(out, SCHEMA_TEXT_SIZE, "%" PRIu64 "%s",
		 bytes >> size_units[i].shift, size_units[i].suffix);
	return out;
}

static int size_bytes(const char *text, uint64_t *bytes)
{
	char digits[16];
	size_t length = strspn(text, "0123456789");

	if (!length || length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(size_units); i++) {
		if (strcmp(text + length, size_units[i].suffix))
			continue;
		if (schema_parse_number(digits, UINT32_MAX, bytes))
			return -EINVAL;
		*bytes <<= size_units[i].shift;
		return 0;
	}
	return -EINVAL;
}

static int parse_size(const struct schema_call *call, void *target,
		      const char *text)
{
	char min[SCHEMA_TEXT_SIZE], max[SCHEMA_TEXT_SIZE];
	size_t *size = target;
	uint64_t bytes = 0;

	if (strcmp(text, "off") && size_bytes(text, &bytes))
		return -EINVAL;
	if (bytes && check_range(call, bytes))
		return schema_error(call,
				    "'%s' is %s, expected off, or %s to %s",
				    call->path, text,
				    size_text((uint64_t)call->key->min, min),
				    size_text((uint64_t)call->key->max, max));
	*size = (size_t)bytes;
	return 0;
}

static const char *format_size(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	const size_t *size = target;

	(void)key;
	(void)root;
	return *size ? size_text(*size, out) : "off";
}

const struct schema_type schema_size = {
	.expected = "off, or a size such as 8M or 512K",
	.size = sizeof(size_t),
	.parse = parse_size,
	.format = format_size,
	.json = "\"anyOf\": [{\"enum\": [\"off\", false, 0]}, {\"type\": "
		"\"string\", \"pattern\": \"^[0-9]+[KMG]?$\"}]",
};
