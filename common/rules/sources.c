// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/sources.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void sources_fini(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		free(sources->at[i].file);
	free(sources->at);
	*sources = (struct sources){0};
}

static int make_room(struct sources *sources)
{
	size_t room = sources->room ? sources->room * 2 : 8;
	struct source *at;

	if (sources->count < sources->room)
		return 0;
	if (room > INT_MAX)
		return -EFBIG;
	at = reallocarray(sources->at, room, sizeof(*at));
	if (!at)
		return -ENOMEM;
	sources->at = at;
	sources->room = room;
	return 0;
}

int sources_add(struct sources *sources, const char *file, const char *form,
		size_t lines)
{
	struct source source = {
		.form = form,
		.before = sources->used,
		.lines = (uint32_t)lines,
	};
	int ret = make_room(sources);

	if (ret < 0)
		return ret;
	if (lines >= UINT32_MAX - sources->used)
		return -EFBIG;
	source.file = strdup(file);
	if (!source.file)
		return -ENOMEM;
	source.path_length = strlen(file);
	sources->used += source.lines;
	sources->at[sources->count] = source;
	return (int)sources->count++;
}

const struct source *sources_find(const struct sources *sources,
				  uint32_t number)
{
	size_t low = 0, high = sources->count;

	if (number == 0)
		return NULL;
	/* The last one that begins before the number. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sources->at[middle].before < number)
			low = middle + 1;
		else
			high = middle;
	}
	assert(low > 0);
	return &sources->at[low - 1];
}
