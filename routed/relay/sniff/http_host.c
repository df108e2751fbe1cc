// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sniff/http_host.h"

#include <string.h>
#include <strings.h>

#define METHOD_MAX 20

/* A line without its end; false: the end has not come yet. */
static bool next_line(const uint8_t **at, const uint8_t *end,
		      const uint8_t **line, size_t *length)
{
	const uint8_t *feed = memchr(*at, '\n', (size_t)(end - *at));

	if (!feed)
		return false;
	*line = *at;
	*length = (size_t)(feed - *at);
	if (*length > 0 && feed[-1] == '\r')
		--*length;
	*at = feed + 1;
	return true;
}

/* "GET ", as far as it goes. */
static bool begins_with_method(const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length && at <= METHOD_MAX && bytes[at] >= 'A' &&
	       bytes[at] <= 'Z')
		at++;
	if (at == length)
		return at <= METHOD_MAX;
	return at > 0 && at <= METHOD_MAX && bytes[at] == ' ';
}

/* "GET /path HTTP/1.1": others have such words, too, but not the version. */
static bool is_request_line(const uint8_t *line, size_t length)
{
	static const char version[] = " HTTP/1.";
	size_t size = sizeof(version) - 1;

	return length > size + 1 &&
	       memcmp(line + length - size - 1, version, size) == 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* "site.example:8080", "[2001:db8::1]:80" */
static enum sniff_result take_value(const uint8_t *value, size_t length,
				    struct name *name)
{
	const uint8_t *colon;

	while (length > 0 && is_space(value[0])) {
		value++;
		length--;
	}
	while (length > 0 && is_space(value[length - 1]))
		length--;
	colon = memchr(value, ':', length);
	if (colon)
		length = (size_t)(colon - value);
	return sniff_take_host(value, length, name) ? SNIFF_NAMED
						    : SNIFF_NAMELESS;
}

enum sniff_result http_host(const uint8_t *bytes, size_t length,
			    struct name *name)
{
	static const char field[] = "host:";
	const uint8_t *at = bytes, *end = bytes + length, *line;
	size_t size;

	if (!begins_with_method(bytes, length))
		return SNIFF_NAMELESS;
	if (!next_line(&at, end, &line, &size))
		return SNIFF_SHORT;
	if (!is_request_line(line, size))
		return SNIFF_NAMELESS;
	while (next_line(&at, end, &line, &size)) {
		if (size == 0)
			return SNIFF_NAMELESS;
		if (size >= sizeof(field) - 1 &&
		    strncasecmp((const char *)line, field, sizeof(field) - 1) ==
			    0)
			return take_value(line + sizeof(field) - 1,
					  size - (sizeof(field) - 1), name);
	}
	return SNIFF_SHORT;
}
