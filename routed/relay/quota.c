// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/quota.h"

#include "routed/relay/sources.h"

#include <errno.h>
#include <stdlib.h>

/* Of the half-open flows, what one address may have. */
#define HALF_OPEN_SHARE 4

struct quota {
	struct quota_conf conf;
	struct sources *flows;
	struct sources *half_open;
};

int quota_new(struct quota **quota, const struct quota_conf *conf)
{
	struct quota *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->conf = *conf;
	ret = sources_new(&new->flows, conf->flows);
	if (ret == 0)
		ret = sources_new(&new->half_open, conf->half_open);
	if (ret < 0) {
		quota_free(new);
		return ret;
	}
	*quota = new;
	return 0;
}

void quota_free(struct quota *quota)
{
	if (!quota)
		return;
	sources_free(quota->half_open);
	sources_free(quota->flows);
	free(quota);
}

bool quota_take(struct quota *quota, struct flow *flow, const struct addr *src)
{
	uint32_t share = quota->conf.half_open / HALF_OPEN_SHARE;

	if (!sources_take(quota->flows, src, quota->conf.flows_a_source))
		return false;
	if (!sources_take(quota->half_open, src, share > 0 ? share : 1)) {
		sources_give(quota->flows, src);
		return false;
	}
	flow->quota = FLOW_QUOTA_HALF_OPEN;
	return true;
}

void quota_open(struct quota *quota, struct flow *flow, const struct addr *src)
{
	if (flow->quota != FLOW_QUOTA_HALF_OPEN)
		return;
	sources_give(quota->half_open, src);
	flow->quota = FLOW_QUOTA_OPEN;
}

void quota_give(struct quota *quota, struct flow *flow, const struct addr *src)
{
	quota_open(quota, flow, src);
	if (flow->quota == FLOW_QUOTA_NONE)
		return;
	sources_give(quota->flows, src);
	flow->quota = FLOW_QUOTA_NONE;
}
