// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/lookup_memory.h"

#include <stddef.h>

int lookup_memory_set(struct lookup_memory *memory,
		      const struct cache_conf *conf)
{
	struct cache *cache;
	int ret;

	if (memory->cache && cache_size(memory->cache) == conf->size) {
		cache_set_stale(memory->cache, conf->stale_ms);
		return 0;
	}
	ret = cache_new(&cache, conf);
	if (ret < 0)
		return ret;
	cache_free(memory->cache);
	memory->cache = cache;
	return 0;
}

void lookup_memory_fini(struct lookup_memory *memory)
{
	cache_free(memory->cache);
	memory->cache = NULL;
}
