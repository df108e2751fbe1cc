// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#define AT(member) .at = offsetof(struct config, member)

static const struct schema_word prefetch_words[] = {
	{"on", true, NULL},
	{"off", false, NULL},
	{NULL, 0, NULL},
};

const struct schema_key config_cache_keys[] = {
	{.name = "size",
	 .type = &schema_size,
	 .min = 256 << 10,
	 .max = 1 << 30,
	 .fallback = "8M",
	 .help = "How much memory answers of upstreams are kept in; off: none "
		 "are kept.",
	 AT(dnsd.cache.size_bytes)},
	{.name = "stale",
	 .type = &schema_duration,
	 .min = 0,
	 .max = 7 * 86400000,
	 .fallback = "24h",
	 .help = "For how long an answer that has ended is given when the "
		 "upstream does not answer; 0s: never.",
	 AT(dnsd.cache.stale_ms)},
	{.name = "prefetch",
	 .type = &schema_flag,
	 .words = prefetch_words,
	 .fallback = "on",
	 .help = "Whether what is asked for again and again is resolved anew "
		 "before it ends.",
	 AT(dnsd.cache.has_prefetch)},
	{.name = NULL},
};
