// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define USER_NAME_MAX 32
#define UID_MAX (UINT32_MAX - 1) /* the last one means "no change" */

static int parse_fake_ipv6(const struct schema_call *call, void *target,
			   const char *text)
{
	struct prefix prefix = {.length = 0};
	int ret = 0;

	if (!strcmp(text, "auto"))
		prefix = fake_pool_default().ipv6;
	else if (strcmp(text, "off"))
		ret = schema_parse_prefix(call, &prefix, text);
	if (!ret)
		memcpy(target, &prefix, sizeof(prefix));
	return ret;
}

static const char *format_fake_ipv6(const struct schema_key *key,
				    const void *root, const void *target,
				    char *out)
{
	const struct prefix *prefix = target;

	(void)key;
	(void)root;
	if (prefix->addr.family == ADDR_NONE)
		return "off";
	return prefix_format(prefix, out, SCHEMA_TEXT_SIZE);
}

const struct schema_type config_fake_ipv6 = {
	.expected = "auto, off or an IPv6 prefix such as 2001:2::/48",
	.size = sizeof(struct prefix),
	.parse = parse_fake_ipv6,
	.format = format_fake_ipv6,
	.json = "\"type\": [\"string\", \"boolean\"], "
		"\"pattern\": \"^(auto|off|[0-9a-fA-F:.]+/[0-9]{1,3})$\"",
};

static int parse_user(const struct schema_call *call, void *target,
		      const char *text)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789_.-";

	if (!*text || *text == '-' || text[strspn(text, characters)] ||
	    strlen(text) > USER_NAME_MAX)
		return -EINVAL;
	return schema_text.parse(call, target, text);
}

static const char *format_user(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	return schema_text.format(key, root, target, out);
}

const struct schema_type config_user = {
	.expected = "the name of a system user",
	.size = sizeof(const char *),
	.parse = parse_user,
	.format = format_user,
	.json = "\"type\": \"string\", "
		"\"pattern\": \"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$\"",
};

static int uid_of_user(const struct schema_call *call, struct uid_range *range,
		       const char *name)
{
	const struct passwd *user;

	if (strlen(name) > USER_NAME_MAX)
		return -EINVAL;
	user = getpwnam(name);
	if (!user)
		return schema_error(call,
				    "there is no user '%s', expected a user "
				    "of this host or a number",
				    name);
	range->first = range->last = user->pw_uid;
	return 0;
}

static int parse_uid(const struct schema_call *call, void *target,
		     const char *text)
{
	struct uid_range *range = target;
	const char *dash = strchr(text, '-');
	char first_text[16];
	size_t length = dash ? (size_t)(dash - text) : strlen(text);
	uint64_t first, last;

	/* "debian-tor" is a user, "1000-1999" a range. */
	if (text[strspn(text, "0123456789-")] || text[0] == '-')
		return uid_of_user(call, range, text);
	if (length >= sizeof(first_text))
		return -EINVAL;
	memcpy(first_text, text, length);
	first_text[length] = '\0';
	if (schema_parse_number(first_text, UID_MAX, &first))
		return -EINVAL;
	last = first;
	if (dash && schema_parse_number(dash + 1, UID_MAX, &last))
		return -EINVAL;
	if (last < first)
		return schema_error(call,
				    "'%s' ends before it begins, expected the "
				    "smaller number first",
				    text);
	range->first = (uint32_t)first;
	range->last = (uint32_t)last;
	return 0;
}

static const char *format_uid(const struct schema_key *key, const void *root,
			      const void *target, char *out)
{
	const struct uid_range *range = target;

	(void)key;
	(void)root;
	if (range->first == range->last)
		snprintf(out, SCHEMA_TEXT_SIZE, "%" PRIu32, range->first);
	else
		snprintf(out, SCHEMA_TEXT_SIZE, "%" PRIu32 "-%" PRIu32,
			 range->first, range->last);
	return out;
}

const struct schema_type config_uid = {
	.expected = "a user's name, a number, or a range such as 1000-1999",
	.size = sizeof(struct uid_range),
	.parse = parse_uid,
	.format = format_uid,
	.json = "\"type\": [\"string\", \"integer\"]",
};

static int parse_mark_number(const char *text, uint32_t *number)
{
	unsigned long long value;
	char *end;

	if (!strchr("0123456789", text[0]) || !text[0])
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (*end || errno || value > UINT32_MAX)
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}

static int parse_mark(const struct schema_call *call, void *target,
		      const char *text)
{
	struct mark_match mark = {.mask = UINT32_MAX};
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	char value[16];

	if (length >= sizeof(value))
		return -EINVAL;
	memcpy(value, text, length);
	value[length] = '\0';
	if (parse_mark_number(value, &mark.value) < 0 ||
	    (slash && parse_mark_number(slash + 1, &mark.mask) < 0) ||
	    !mark.mask)
		return -EINVAL;
	/* Without a mark packets have 0. */
	if (!mark.value)
		return schema_error(call,
				    "'%s' is what packets without a mark have, "
				    "expected another one",
				    text);
	if (mark.value & ~mark.mask)
		return schema_error(call,
				    "'%s' has bits that its mask leaves out, "
				    "expected a mask that covers the mark",
				    text);
	memcpy(target, &mark, sizeof(mark));
	return 0;
}

static const char *format_mark(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	const struct mark_match *mark = target;

	(void)key;
	(void)root;
	if (mark->mask == UINT32_MAX)
		snprintf(out, SCHEMA_TEXT_SIZE, "0x%" PRIx32, mark->value);
	else
		snprintf(out, SCHEMA_TEXT_SIZE, "0x%" PRIx32 "/0x%" PRIx32,
			 mark->value, mark->mask);
	return out;
}

const struct schema_type config_mark = {
	.expected = "a firewall mark such as 0x2a or 0x80000/0xff0000",
	.size = sizeof(struct mark_match),
	.parse = parse_mark,
	.format = format_mark,
	.json = "\"type\": [\"string\", \"integer\"]",
};

static int parse_guard(const struct schema_call *call, void *target,
		       const char *text)
{
	if (strcmp(text, "off"))
		return schema_duration.parse(call, target, text);
	*(int64_t *)target = 0;
	return 0;
}

static const char *format_guard(const struct schema_key *key, const void *root,
				const void *target, char *out)
{
	const int64_t *duration = target;

	return *duration ? schema_duration.format(key, root, target, out)
			 : "off";
}

const struct schema_type config_guard = {
	.expected = "off, or a time with its unit such as 10m",
	.size = sizeof(int64_t),
	.parse = parse_guard,
	.format = format_guard,
	.json = "\"type\": [\"string\", \"boolean\"], "
		"\"pattern\": \"^(off|[0-9]+(ms|s|m|h))$\"",
};

static int parse_gateway(const struct schema_call *call, void *target,
			 const char *text)
{
	return schema_interface.parse(call, target, text);
}

static const char *format_gateway(const struct schema_key *key,
				  const void *root, const void *target,
				  char *out)
{
	return schema_interface.format(key, root, target, out);
}

const struct schema_type config_gateway = {
	.expected = "auto, off or the names of interfaces",
	.size = sizeof(const char *),
	.parse = parse_gateway,
	.format = format_gateway,
	.json = "\"type\": [\"string\", \"boolean\"], "
		"\"pattern\": \"^[^/:%\\\\s]{1,15}$\"",
};

/* As in /proc/PID/cgroup.  The root has everybody in it. */
static int parse_cgroup(const struct schema_call *call, void *target,
			const char *text)
{
	size_t length = strlen(text);

	if (length < 2 || text[length - 1] == '/' || strstr(text, "//") ||
	    strstr(text, "/../") || strstr(text, "/./"))
		return -EINVAL;
	return schema_path.parse(call, target, text);
}

static const char *format_cgroup(const struct schema_key *key, const void *root,
				 const void *target, char *out)
{
	return schema_path.format(key, root, target, out);
}

const struct schema_type config_cgroup = {
	.expected = "a control group such as /system.slice/tor.service, as "
		    "/proc/PID/cgroup has it",
	.size = sizeof(const char *),
	.parse = parse_cgroup,
	.format = format_cgroup,
	.json = "\"type\": \"string\", \"pattern\": \"^/[^/]+(/[^/]+)*$\"",
};
