// SPDX-License-Identifier: BSD-2-Clause
/* Devices behind this host: what keeps them from being served. */
#include "routed/blockade.h"
#include "routed/doctor.h"
#include "routed/gateway.h"
#include "routed/side.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void find_blockades(struct doctor *doctor,
			   const struct doctor_facts *facts, const char *name)
{
	struct blockade list[BLOCKADE_MAX];
	size_t count =
		blockade_find(list, facts->ruleset, facts->config->routed.tun,
			      doctor_device(name));

	for (size_t i = 0; i < count; i++) {
		struct doctor_finding *finding =
			doctor_add(doctor, "firewall-forward", true);

		DOCTOR_SAY(finding->what,
			   "chain '%s' of nftables table '%s' lets nothing "
			   "through from '%s' to '%s'",
			   list[i].chain, list[i].table, name,
			   facts->config->routed.tun);
		DOCTOR_SAY(finding->why,
			   "devices there are not served: no rule of ours can "
			   "overrule that one");
		DOCTOR_SAY(finding->mend, "%s", list[i].mend);
	}
}

static void find_missing(struct doctor *doctor,
			 const struct doctor_facts *facts, const char *name)
{
	if (nl_link_by_name(facts->state, name))
		return;
	struct doctor_finding *finding =
		doctor_add(doctor, "gateway-missing", false);
	DOCTOR_SAY(
		finding->what,
		"'routed.gateway' names '%s', and there is no such interface",
		name);
	DOCTOR_SAY(finding->why,
		   "devices there are served when it comes, not before");
	DOCTOR_SAY(finding->mend, "ip link show");
}

/* From the table itself, so that it is told after a crash too. */
static void find_loop(struct doctor *doctor, const struct doctor_facts *facts)
{
	static const char head[] = "counter " SIDE_COUNTER_LOOP " {";
	const char *table = strstr(facts->ruleset, "table inet " SIDE_TABLE);
	const char *at = table ? strstr(table, head) : NULL;
	uint64_t packets = 0;

	if (!at ||
	    sscanf(at + sizeof(head) - 1, " packets %" SCNu64, &packets) != 1 ||
	    packets == 0)
		return;
	struct doctor_finding *finding =
		doctor_add(doctor, "gateway-loop", true);
	DOCTOR_SAY(finding->what,
		   "%" PRIu64 " packets of this host came back to it", packets);
	DOCTOR_SAY(
		finding->why,
		"a router sends to us what we send to it, and nothing gets "
		"anywhere that way: its default route, or one of its routes, "
		"leads here");
	DOCTOR_SAY(finding->mend,
		   "ip route show default # and on that router: it must have "
		   "another way than this host");
}

void doctor_find_gateways(struct doctor *doctor,
			  const struct doctor_facts *facts)
{
	struct gateways gateways;

	if (!facts->config ||
	    gateways_find(&gateways, facts->config, facts->state) < 0)
		return;
	for (size_t i = 0; i < gateways.count; i++) {
		const char *name = gateways.names[i];

		find_missing(doctor, facts, name);
		if (facts->ruleset && config_names_gateway(facts->config, name))
			find_blockades(doctor, facts, name);
	}
	gateways_fini(&gateways);
	if (facts->ruleset)
		find_loop(doctor, facts);
}
