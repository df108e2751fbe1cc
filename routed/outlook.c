// SPDX-License-Identifier: BSD-2-Clause
#include "routed/outlook.h"

#include "common/err.h"

#include <stdio.h>
#include <string.h>

static int make_plan(struct outlook *outlook, char *why)
{
	int ret = plan_make(&outlook->plan, outlook->config, outlook->state,
			    &outlook->facts);

	if (ret < 0)
		snprintf(why, OUTLOOK_WHY_SIZE, "cannot plan the routes: %s",
			 err_text(ret));
	return ret;
}

int outlook_make(struct outlook *outlook, const struct config *config,
		 const struct nl_state *state, const struct plan_facts *facts,
		 char *why)
{
	int ret;

	*outlook = (struct outlook){
		.config = config,
		.state = state,
		.facts = *facts,
	};
	/* A TUN that the kernel has removed already leads nowhere. */
	if (facts->tun_ifindex != PLAN_TUN_UNBORN &&
	    !nl_link_by_index(state, facts->tun_ifindex))
		outlook->facts.tun_ifindex = 0;
	ret = gateways_find(&outlook->gateways, config, state);
	if (ret < 0) {
		snprintf(why, OUTLOOK_WHY_SIZE, "%s", err_text(ret));
		return ret;
	}
	outlook->facts.gateways = outlook->gateways.names;
	outlook->facts.gateway_count = outlook->gateways.count;
	ret = make_plan(outlook, why);
	if (ret < 0)
		gateways_fini(&outlook->gateways);
	return ret;
}

int outlook_serve_nobody(struct outlook *outlook, char *why)
{
	plan_fini(&outlook->plan);
	outlook->facts.gateway_count = 0;
	return make_plan(outlook, why);
}

void outlook_fini(struct outlook *outlook)
{
	plan_fini(&outlook->plan);
	gateways_fini(&outlook->gateways);
}
