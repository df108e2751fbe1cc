// SPDX-License-Identifier: BSD-2-Clause
/* Whose sockets are left alone, or ought to be. */
#include "routed/doctor.h"

#include "routed/band.h"
#include "routed/plan.h"

#define DNS_PORT 53

static bool is_served(const struct doctor_facts *facts,
		      const struct endpoint *server)
{
	const struct routed_conf *routed = &facts->config->routed;

	for (size_t i = 0; i < routed->serve_count; i++) {
		if (routed->serve[i] == server->port)
			return true;
	}
	for (size_t i = 0; i < facts->state->rule_count; i++) {
		const struct nl_rule *rule = &facts->state->rules[i];

		if (rule->protocol == NL_PROTOCOL &&
		    band_home(rule->priority) == PLAN_PRIORITY_SERVE &&
		    rule->family == server->addr.family &&
		    rule->sport_first == server->port)
			return true;
	}
	/* dnsd's own port is answered by dnsd. */
	return server->port == DNS_PORT;
}

static void find_udp_servers(struct doctor *doctor,
			     const struct doctor_facts *facts)
{
	char ports[128] = "";
	size_t length = 0;
	uint16_t last = 0;

	if (!facts->udp_servers ||
	    facts->config->routed.capture != ROUTED_CAPTURE_ALL)
		return;
	for (size_t i = 0; i < facts->udp_servers->count; i++) {
		const struct endpoint *server = &facts->udp_servers->list[i];

		if (server->port == last || is_served(facts, server) ||
		    tunnels_have(&facts->tunnels, server->port) ||
		    length > sizeof(ports) - 16)
			continue;
		last = server->port;
		length +=
			(size_t)snprintf(ports + length, sizeof(ports) - length,
					 "%s%u", length ? ", " : "", last);
	}
	if (!length)
		return;
	struct doctor_finding *finding =
		doctor_add(doctor, "udp-servers", false);
	DOCTOR_SAY(finding->what,
		   "UDP servers on the wildcard address are not served yet: "
		   "port %s",
		   ports);
	DOCTOR_SAY(finding->why,
		   "their first answer after a start would have the TUN's "
		   "address, and is lost; routed then knows them");
	DOCTOR_SAY(finding->mend, "# in '%s': routed: { serve: [ %s ] }",
		   facts->config_file, ports);
}

static void find_groups(struct doctor *doctor, const struct doctor_facts *facts)
{
	struct doctor_finding *finding;

	if (!facts->config->routed.exempt.cgroup_count)
		return;
	if (facts->has_groups == DOCTOR_NO || facts->has_bpf == DOCTOR_NO) {
		finding = doctor_add(doctor, "exempt-cgroup", true);
		DOCTOR_SAY(finding->what, "control groups are exempt, but %s",
			   facts->has_groups == DOCTOR_NO
				   ? "those of version 2 are mounted nowhere"
				   : "BPF programs cannot be loaded");
		DOCTOR_SAY(finding->why,
			   "their sockets get a mark by BPF, by their group of "
			   "version 2; without either the start is refused");
		DOCTOR_SAY(finding->mend,
			   facts->has_groups == DOCTOR_NO
				   ? "mount -t cgroup2 none /sys/fs/cgroup"
				   : "# in '%s': routed: { exempt: { uid: [ "
				     "USER ] } } instead of cgroup",
			   facts->config_file);
		return;
	}
	for (size_t i = 0; i < facts->lost_group_count; i++) {
		finding = doctor_add(doctor, "exempt-cgroup", false);
		DOCTOR_SAY(finding->what, "there is no control group '%.200s'",
			   facts->lost_groups[i]);
		DOCTOR_SAY(finding->why,
			   "it is exempt as soon as there is one; if its "
			   "service runs, its group has another name");
		DOCTOR_SAY(finding->mend, "systemd-cgls --no-pager");
	}
}

void doctor_find_sockets(struct doctor *doctor,
			 const struct doctor_facts *facts)
{
	find_udp_servers(doctor, facts);
	find_groups(doctor, facts);
}
