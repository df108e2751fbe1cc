// SPDX-License-Identifier: BSD-2-Clause
#include "routed/rule_directs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_MIN 8

static bool is_wanted(const struct routed_conf *conf)
{
	return conf->capture == ROUTED_CAPTURE_ALL &&
	       conf->mode == ROUTED_MODE_POLICY &&
	       conf->on_crash != ROUTED_ON_CRASH_CLOSED && !conf->uplink;
}

/* All of IPv6 less its mapped addresses of IPv4 comes in many pieces. */
static bool is_of_nobody(const struct prefix *prefix)
{
	return prefix->addr.family == ADDR_IPV6 && prefix->addr.bytes[0] < 2;
}

static int keep(void *ctx, const struct prefix *prefix)
{
	struct rule_directs *directs = ctx;

	if (prefix->length < LENGTH_MIN || is_of_nobody(prefix))
		return 0;
	/* Full at every power of two. */
	if ((directs->count & (directs->count - 1)) == 0) {
		size_t room = directs->count ? directs->count * 2 : 1;
		struct prefix *grown =
			realloc(directs->list, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		directs->list = grown;
	}
	directs->list[directs->count++] = *prefix;
	return 0;
}

int rule_directs_find(struct rule_directs *directs, const struct config *config)
{
	int ret;

	memset(directs, 0, sizeof(*directs));
	if (!config->rules || !is_wanted(&config->routed))
		return 0;
	/* Flows to addresses that are no fakes have a name only if sniffed. */
	ret = rules_direct_prefixes(
		config->rules, config->routed.sniff_count > 0, keep, directs);
	if (ret < 0)
		rule_directs_fini(directs);
	return ret;
}

void rule_directs_fini(struct rule_directs *directs)
{
	free(directs->list);
	memset(directs, 0, sizeof(*directs));
}
