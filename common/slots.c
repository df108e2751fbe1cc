// SPDX-License-Identifier: BSD-2-Clause
#include "common/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

const char *slots_format(const uint32_t *slots, size_t count, char *out,
			 size_t size)
{
	size_t used = 0;

	assert(size >= SLOTS_TEXT_SIZE(count));
	out[0] = '\0';
	for (size_t i = 0; i < count;) {
		size_t last = i;

		while (last + 1 < count && slots[last + 1] == slots[last] + 1)
			last++;
		used += (size_t)snprintf(out + used, size - used, "%s%u",
					 i ? "," : "", slots[i]);
		if (last > i)
			used += (size_t)snprintf(out + used, size - used, "-%u",
						 slots[last]);
		i = last + 1;
	}
	return out;
}

/* Digits at `*text`, which is moved behind them. */
static int read_number(const char **text, uint32_t *number)
{
	uint64_t value = 0;
	const char *at = *text;

	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (uint64_t)(*at - '0');
		if (value > UINT32_MAX)
			return -EINVAL;
	}
	if (at == *text)
		return -EINVAL;
	*text = at;
	*number = (uint32_t)value;
	return 0;
}

int slots_each(const char *text, uint32_t end,
	       void (*fn)(void *ctx, uint32_t slot), void *ctx)
{
	uint32_t from = 0;

	while (*text) {
		uint32_t first, last;

		if (read_number(&text, &first) < 0)
			return -EINVAL;
		last = first;
		if (*text == '-') {
			text++;
			if (read_number(&text, &last) < 0)
				return -EINVAL;
		}
		/* Rising, so that the text as a whole names each once. */
		if (first < from || last < first)
			return -EINVAL;
		for (uint32_t slot = first; slot <= last && slot < end; slot++)
			fn(ctx, slot);
		from = last;
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
	}
	return 0;
}
