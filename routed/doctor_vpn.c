// SPDX-License-Identifier: BSD-2-Clause
/*
 * Other VPNs, known by the rules and routes that they make.  They are notes:
 * both work side by side, but what we carry leaves outside of the tunnel.
 */
#include "routed/doctor.h"
#include "routed/plan_main.h"

#include <linux/rtnetlink.h>
#include <string.h>

#define TAILSCALE_FIRST 5210
#define TAILSCALE_LAST 5270
#define STRONGSWAN_TABLE 220

static bool is_foreign(const struct nl_rule *rule)
{
	return rule->protocol != NL_PROTOCOL;
}

static const char *link_name(const struct nl_state *state, int ifindex)
{
	const struct nl_link *link = nl_link_by_index(state, ifindex);

	return link ? link->name : "?";
}

/* The device of the default route of a table. */
static const char *table_device(const struct nl_state *state, uint32_t table)
{
	for (size_t i = 0; i < state->route_count; i++) {
		const struct nl_route *route = &state->routes[i];

		if (route->table == table && route->dst.length == 0 &&
		    route->type == RTN_UNICAST)
			return link_name(state, route->oif);
	}
	return NULL;
}

static void say_outside(struct doctor_finding *finding,
			const struct doctor_facts *facts, const char *device)
{
	DOCTOR_SAY(finding->why,
		   "what routed carries leaves by the physical uplink, outside "
		   "of that tunnel; what is to go through it needs an outbound "
		   "(or 'interface:' of an upstream) that names '%s'",
		   device);
	DOCTOR_SAY(finding->mend,
		   "# in '%s': outbounds: { vpn: { type: interface, interface: "
		   "%s } }",
		   facts->config_file, doctor_device(device));
}

/* "not fwmark M lookup T", and main without its default route before it. */
static void find_wg_quick(struct doctor *doctor,
			  const struct doctor_facts *facts)
{
	const struct nl_state *state = facts->state;
	const struct nl_rule *full = NULL;
	bool has_suppress = false;

	for (size_t i = 0; i < state->rule_count; i++) {
		const struct nl_rule *rule = &state->rules[i];

		if (!is_foreign(rule))
			continue;
		if (rule->table == RT_TABLE_MAIN &&
		    rule->suppress_prefixlength == 0)
			has_suppress = true;
		if (rule->is_inverted && rule->mark_mask)
			full = rule;
	}
	if (!full || !has_suppress)
		return;
	const char *device = table_device(state, full->table);
	struct doctor_finding *finding =
		doctor_add(doctor, "vpn-wg-quick", false);
	DOCTOR_SAY(finding->what,
		   "wg-quick's full tunnel is up: everything without mark 0x%x "
		   "goes to table %u, by '%s'",
		   full->mark, full->table, device ? device : "?");
	say_outside(finding, facts, device ? device : "wg0");
}

static void find_tailscale(struct doctor *doctor,
			   const struct doctor_facts *facts)
{
	const struct nl_state *state = facts->state;

	for (size_t i = 0; i < state->rule_count; i++) {
		const struct nl_rule *rule = &state->rules[i];

		if (!is_foreign(rule) || rule->priority < TAILSCALE_FIRST ||
		    rule->priority > TAILSCALE_LAST || !rule->mark_mask)
			continue;
		struct doctor_finding *finding =
			doctor_add(doctor, "vpn-tailscale", false);
		DOCTOR_SAY(finding->what,
			   "Tailscale's rules are there: priority %u, mark "
			   "0x%x/0x%x",
			   rule->priority, rule->mark, rule->mark_mask);
		say_outside(finding, facts, "tailscale0");
		return;
	}
}

static void find_strongswan(struct doctor *doctor,
			    const struct doctor_facts *facts)
{
	const struct nl_state *state = facts->state;

	for (size_t i = 0; i < state->rule_count; i++) {
		const struct nl_rule *rule = &state->rules[i];

		if (!is_foreign(rule) || rule->table != STRONGSWAN_TABLE)
			continue;
		struct doctor_finding *finding =
			doctor_add(doctor, "vpn-strongswan", false);
		DOCTOR_SAY(finding->what,
			   "strongSwan's rule is there: priority %u leads to "
			   "table %u",
			   rule->priority, rule->table);
		DOCTOR_SAY(finding->why,
			   "%s; the servers of outbounds are inside of IPsec "
			   "if its policies have their addresses",
			   rule->priority < 4990
				   ? "it comes before our rules, so what it "
				     "routes never enters the TUN"
				   : "it comes after our rules, so what it "
				     "routes enters the TUN");
		DOCTOR_SAY(finding->mend, "ip route show table %u",
			   rule->table);
		return;
	}
}

static const struct nl_route *find_half(const struct nl_state *state,
					uint32_t bits)
{
	for (size_t i = 0; i < state->route_count; i++) {
		const struct nl_route *route = &state->routes[i];

		if (route->table == RT_TABLE_MAIN &&
		    route->protocol != NL_PROTOCOL && route->dst.length == 1 &&
		    route->dst.addr.family == ADDR_IPV4 &&
		    addr_to_ipv4(&route->dst.addr) == bits)
			return route;
	}
	return NULL;
}

static void find_openvpn(struct doctor *doctor,
			 const struct doctor_facts *facts)
{
	const struct nl_route *low = find_half(facts->state, 0);
	const struct nl_route *high = find_half(facts->state, 1U << 31);

	if (!low || !high)
		return;
	const char *device = link_name(facts->state, low->oif);
	struct doctor_finding *finding =
		doctor_add(doctor, "vpn-openvpn", false);
	DOCTOR_SAY(finding->what,
		   "there are routes to 0.0.0.0/1 and 128.0.0.0/1 by '%s', as "
		   "OpenVPN's 'redirect-gateway def1' makes them",
		   device);
	say_outside(finding, facts, device);
}

static void find_beaten(struct doctor *doctor, const struct doctor_facts *facts)
{
	char why[DOCTOR_TEXT_SIZE];

	if (!facts->config ||
	    plan_main_check(facts->config, facts->state, why, sizeof(why)) == 0)
		return;
	struct doctor_finding *finding = doctor_add(doctor, "mode-main", true);
	DOCTOR_SAY(finding->what, "a start with 'mode: main' is refused");
	DOCTOR_SAY(finding->why, "%s", why);
	DOCTOR_SAY(finding->mend, "# in '%s': routed: { mode: policy }",
		   facts->config_file);
}

void doctor_find_vpns(struct doctor *doctor, const struct doctor_facts *facts)
{
	find_wg_quick(doctor, facts);
	find_tailscale(doctor, facts);
	find_strongswan(doctor, facts);
	find_openvpn(doctor, facts);
	find_beaten(doctor, facts);
}
