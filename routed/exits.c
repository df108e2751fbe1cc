// SPDX-License-Identifier: BSD-2-Clause
#include "routed/exits.h"

#include "common/err.h"
#include "routed/band.h"

#include <linux/fib_rules.h>
#include <string.h>

#define TABLE_LAST 252 /* default, main and local follow */

static bool has_exit(const struct exits *exits, const char *name)
{
	for (size_t i = 0; i < exits->count; i++) {
		if (strcmp(exits->links[i].name, name) == 0)
			return true;
	}
	return false;
}

/* A link that is not there yet becomes an exit when it is. */
static int add_exit(struct exits *exits, const struct nl_state *found,
		    const char *name)
{
	const struct nl_link *link = name ? nl_link_by_name(found, name) : NULL;
	struct exit_link *exit;

	if (!link || has_exit(exits, name))
		return 0;
	if (exits->count == PLAN_EXITS_MAX)
		return ERR_FULL;
	exit = &exits->links[exits->count++];
	memcpy(exit->name, link->name, sizeof(exit->name));
	exit->has_ipv4 = uplink_find(found, ADDR_IPV4, name, &exit->ipv4) == 0;
	exit->has_ipv6 = uplink_find(found, ADDR_IPV6, name, &exit->ipv6) == 0;
	return 0;
}

static int add_uplinks(struct exits *exits, const struct config *config,
		       const struct nl_state *found)
{
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		struct uplink uplink;
		int ret;

		if (uplink_find(found, f, config->routed.uplink, &uplink) < 0)
			continue;
		ret = add_exit(exits, found, uplink.name);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int add_configured(struct exits *exits, const struct config *config,
			  const struct nl_state *found)
{
	int ret = 0;

	for (size_t i = 0; i < config->outbound_count && ret == 0; i++) {
		const struct outbound_conf *outbound = &config->outbounds[i];

		if (outbound->type == OUTBOUND_TYPE_INTERFACE)
			ret = add_exit(exits, found, outbound->interface);
	}
	for (size_t i = 0; i < config->upstream_count && ret == 0; i++)
		ret = add_exit(exits, found, config->upstreams[i].interface);
	return ret;
}

/* 0: it has none. */
static uint32_t table_of_rule(const struct nl_state *found, const char *name)
{
	for (size_t i = 0; i < found->rule_count; i++) {
		const struct nl_rule *rule = &found->rules[i];

		if (rule->protocol == NL_PROTOCOL &&
		    band_home(rule->priority) == PLAN_PRIORITY_EXIT &&
		    rule->action == FR_ACT_TO_TBL &&
		    rule->table >= PLAN_TABLE_EXIT &&
		    rule->table <= TABLE_LAST && strcmp(rule->oif, name) == 0)
			return rule->table;
	}
	return 0;
}

static bool is_taken(const struct exits *exits, const struct nl_state *found,
		     uint32_t table)
{
	for (size_t i = 0; i < exits->count; i++) {
		if (exits->links[i].table == table)
			return true;
	}
	/* Our own leftovers count too: that exit may come back. */
	for (size_t i = 0; i < found->rule_count; i++) {
		if (found->rules[i].table == table)
			return true;
	}
	for (size_t i = 0; i < found->route_count; i++) {
		if (found->routes[i].table == table &&
		    found->routes[i].protocol != NL_PROTOCOL)
			return true;
	}
	return false;
}

static int give_tables(struct exits *exits, const struct nl_state *found)
{
	for (size_t i = 0; i < exits->count; i++) {
		uint32_t table = table_of_rule(found, exits->links[i].name);

		if (table && !is_taken(exits, &(struct nl_state){0}, table))
			exits->links[i].table = table;
	}
	for (size_t i = 0; i < exits->count; i++) {
		uint32_t table = PLAN_TABLE_EXIT;

		if (exits->links[i].table)
			continue;
		while (table <= TABLE_LAST && is_taken(exits, found, table))
			table++;
		if (table > TABLE_LAST)
			return ERR_FULL;
		exits->links[i].table = table;
	}
	return 0;
}

int exits_find(struct exits *exits, const struct config *config,
	       const struct nl_state *found)
{
	int ret = 0;

	memset(exits, 0, sizeof(*exits));
	if (config->routed.mode == ROUTED_MODE_MAIN)
		return 0; /* without rules there is nothing to lead there */
	/* Where only the pools are captured a bound socket needs no help. */
	if (config->routed.capture == ROUTED_CAPTURE_ALL)
		ret = add_uplinks(exits, config, found);
	if (ret == 0)
		ret = add_configured(exits, config, found);
	return ret < 0 ? ret : give_tables(exits, found);
}

const struct uplink *exit_way(const struct exit_link *exit, uint8_t family)
{
	if (family == ADDR_IPV4)
		return exit->has_ipv4 ? &exit->ipv4 : NULL;
	return exit->has_ipv6 ? &exit->ipv6 : NULL;
}
