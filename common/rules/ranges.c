// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/ranges.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define RANGES_MAX 28 /* as in Clash */

struct ranges {
	size_t count;
	struct {
		uint32_t first, last;
	} at[RANGES_MAX];
};

/* Reads digits up to the first other character. */
static int parse_number(const char **text, uint32_t max, uint32_t *number)
{
	uint64_t value = 0;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		value = value * 10 + (unsigned)(**text - '0');
		if (value > max)
			return -EINVAL;
	}
	*number = (uint32_t)value;
	return 0;
}

static int parse(struct ranges *ranges, const char *text, uint32_t max)
{
	for (;; text++) {
		uint32_t first, last;

		if (parse_number(&text, max, &first) < 0)
			return -EINVAL;
		last = first;
		if (*text == '-') {
			text++;
			if (parse_number(&text, max, &last) < 0)
				return -EINVAL;
		}
		if (last < first || ranges->count == RANGES_MAX)
			return -EINVAL;
		ranges->at[ranges->count].first = first;
		ranges->at[ranges->count++].last = last;
		if (*text == '\0')
			return 0;
		if (*text != '/' && *text != ',')
			return -EINVAL;
	}
}

int ranges_new(struct ranges **ranges, const char *text, uint32_t max)
{
	struct ranges *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = parse(new, text, max);
	if (ret < 0) {
		free(new);
		return ret;
	}
	*ranges = new;
	return 0;
}

bool ranges_has(const struct ranges *ranges, uint32_t number)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (number >= ranges->at[i].first &&
		    number <= ranges->at[i].last)
			return true;
	}
	return false;
}
