// SPDX-License-Identifier: BSD-2-Clause
#include "routed/band.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

/* Longer ones are not everything, nor half of it. */
#define EVERYTHING_LENGTH_MAX 1

static bool has_default(const struct nl_state *found, uint8_t family,
			uint32_t table)
{
	for (size_t i = 0; i < found->route_count; i++) {
		const struct nl_route *route = &found->routes[i];

		if (route->family == family && route->table == table &&
		    route->type != RTN_THROW &&
		    route->dst.length <= EVERYTHING_LENGTH_MAX)
			return true;
	}
	return false;
}

/* About everybody, or everybody but those with a mark. */
static bool is_of_everybody(const struct nl_rule *rule)
{
	return !rule->has_more && rule->src.addr.family == ADDR_NONE &&
	       rule->dst.addr.family == ADDR_NONE && !rule->iif[0] &&
	       !rule->oif[0] && !rule->ip_protocol && !rule->sport_last &&
	       !rule->has_uid && (!rule->mark_mask || rule->is_inverted);
}

/* What it leads to takes what is ours. */
static bool is_in_the_way(const struct nl_state *found,
			  const struct nl_rule *rule)
{
	return rule->protocol != NL_PROTOCOL && rule->priority > 0 &&
	       rule->priority <= BAND_LAST && rule->action == FR_ACT_TO_TBL &&
	       is_of_everybody(rule) &&
	       (rule->table == RT_TABLE_MAIN ||
		has_default(found, rule->family, rule->table));
}

uint32_t band_find(const struct nl_state *found)
{
	uint32_t first = UINT32_MAX;
	uint32_t shift = 0;

	for (size_t i = 0; i < found->rule_count; i++) {
		const struct nl_rule *rule = &found->rules[i];

		if (rule->priority < first && is_in_the_way(found, rule))
			first = rule->priority;
	}
	while (BAND_LAST - shift >= first) {
		shift += BAND_STEP;
		if (shift > BAND_FIRST)
			return 0;
	}
	return shift;
}

uint32_t band_home(uint32_t priority)
{
	return BAND_FIRST +
	       (priority + BAND_STEP - BAND_FIRST % BAND_STEP) % BAND_STEP;
}
