// SPDX-License-Identifier: BSD-2-Clause
#include "routed/exempt.h"

#include "routed/group_mark_limits.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

/* A rule about a mark and about nothing else. */
static bool is_of_mark(const struct nl_rule *rule)
{
	return rule->mark_mask && rule->mark && !rule->has_more &&
	       rule->src.addr.family == ADDR_NONE &&
	       rule->dst.addr.family == ADDR_NONE && !rule->iif[0] &&
	       !rule->oif[0] && !rule->ip_protocol && !rule->sport_last &&
	       !rule->dport_last && !rule->has_uid;
}

/* `lookup main`, or everything but the mark to some other table. */
static bool is_exempting(const struct nl_rule *rule)
{
	const bool is_main = rule->table == RT_TABLE_MAIN;

	return rule->protocol != NL_PROTOCOL && rule->action == FR_ACT_TO_TBL &&
	       is_of_mark(rule) && is_main != rule->is_inverted &&
	       rule->suppress_prefixlength < 0;
}

size_t exempt_groups(const struct config *config, struct mark_match *mark)
{
	*mark = (struct mark_match){GROUP_MARK, GROUP_MARK};
	return config->routed.exempt.cgroup_count ? 1 : 0;
}

static bool has_mark(const struct mark_match *marks, size_t count,
		     const struct nl_rule *rule)
{
	for (size_t i = 0; i < count; i++) {
		if (marks[i].value == rule->mark &&
		    marks[i].mask == rule->mark_mask)
			return true;
	}
	return false;
}

size_t exempt_adopt(const struct nl_state *found, uint8_t family,
		    struct mark_match marks[EXEMPT_ADOPTED_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < found->rule_count; i++) {
		const struct nl_rule *rule = &found->rules[i];

		if (rule->family != family || !is_exempting(rule) ||
		    has_mark(marks, count, rule))
			continue;
		if (count == EXEMPT_ADOPTED_MAX)
			break;
		marks[count++] =
			(struct mark_match){rule->mark, rule->mark_mask};
	}
	return count;
}
