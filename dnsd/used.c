// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/used.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

static int64_t seconds_of(const struct used_source *source, uint32_t slot)
{
	int64_t ms = source->when(source->ctx, slot);

	return ms < 0 ? -1 : ms / 1000;
}

const char *used_format(const struct used_source *source, uint32_t from,
			uint32_t end, char *out, size_t size)
{
	size_t used = 0;

	assert(from <= end && size >= USED_TEXT_SIZE(end - from));
	out[0] = '\0';
	while (from < end) {
		uint32_t first = from;
		int64_t used_s = seconds_of(source, first);

		do {
			from++;
		} while (from < end && seconds_of(source, from) == used_s);
		if (used_s < 0)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%u",
					 used ? "," : "", first);
		if (from - first > 1)
			used += (size_t)snprintf(out + used, size - used, "-%u",
						 from - 1);
		used += (size_t)snprintf(out + used, size - used, ":%lld",
					 (long long)used_s);
	}
	return out;
}

/* Digits at `*text`, which is moved behind them. */
static bool read_number(const char **text, uint64_t max, uint64_t *number)
{
	const char *at = *text;

	for (*number = 0; *at >= '0' && *at <= '9'; at++) {
		*number = *number * 10 + (uint64_t)(*at - '0');
		if (*number > max)
			return false;
	}
	if (at == *text)
		return false;
	*text = at;
	return true;
}

int used_each(const char *text,
	      void (*fn)(void *ctx, uint32_t first, uint32_t last,
			 int64_t used_s),
	      void *ctx)
{
	while (*text) {
		uint64_t first, last, seconds;

		if (!read_number(&text, UINT32_MAX, &first))
			return -EINVAL;
		last = first;
		if (*text == '-') {
			text++;
			if (!read_number(&text, UINT32_MAX, &last))
				return -EINVAL;
		}
		if (*text++ != ':' || last < first ||
		    !read_number(&text, INT64_MAX / 2000, &seconds))
			return -EINVAL;
		fn(ctx, (uint32_t)first, (uint32_t)last, (int64_t)seconds);
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
	}
	return 0;
}
