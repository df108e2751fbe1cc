// SPDX-License-Identifier: BSD-2-Clause
/*
 * Other programs that have opinions about this host's network, known by what
 * they put into nftables or /run.  They are notes: both work side by side.
 */
#include "routed/doctor.h"

#include <string.h>

struct neighbour {
	const char *id;
	const char *sign; /* in what nft lists */
	const char *what;
	const char *why;
	const char *mend;
};

static const struct neighbour neighbours[] = {
	{"beside-ufw", "jump ufw-before-input", "ufw is active",
	 "what we carry passes it; devices of a LAN that ask dnsd have to be "
	 "let in",
	 "# for a LAN: ufw allow in on DEVICE to any port 53"},
	{"beside-firewalld", "table inet firewalld", "firewalld is active",
	 "what we carry passes it; devices of a LAN that ask dnsd have to be "
	 "let in",
	 "# for a LAN: firewall-cmd --zone=ZONE --add-service=dns"},
	{"beside-docker", "chain DOCKER ", "Docker's rules are there",
	 "published ports answer as before; what containers send is carried "
	 "by the rules, unless 'routed.gateway' says otherwise",
	 "# to see which: docker network inspect bridge"},
	{"beside-libvirt", "chain LIBVIRT_INP ", "libvirt's rules are there",
	 "what guests send is carried by the rules, unless 'routed.gateway' "
	 "says otherwise",
	 "# to see which: virsh net-list"},
};

static void find_network_manager(struct doctor *doctor,
				 const struct doctor_facts *facts)
{
	if (!facts->has_network_manager)
		return;
	struct doctor_finding *finding =
		doctor_add(doctor, "beside-networkmanager", false);
	DOCTOR_SAY(finding->what, "NetworkManager is there");
	DOCTOR_SAY(
		finding->why,
		"when it writes '/etc/resolv.conf' for a new network, routed "
		"takes the file over again, and its resolvers are asked");
	DOCTOR_SAY(finding->mend, "# to see what it manages: nmcli device");
}

static void find_rival(struct doctor *doctor, const struct doctor_facts *facts)
{
	if (!facts->rival[0])
		return;
	struct doctor_finding *finding = doctor_add(doctor, "rival", true);
	DOCTOR_SAY(finding->what,
		   "rules, routes or the nftables table of routed are removed "
		   "again and again, by %s",
		   facts->rival);
	DOCTOR_SAY(finding->why,
		   "each time traffic leaves past us until routed has put them "
		   "back, once a second at most");
	DOCTOR_SAY(finding->mend,
		   "# stop that program, or have it leave alone what has "
		   "protocol %d, and the tables 'inet ersatz*'",
		   NL_PROTOCOL);
}

void doctor_find_neighbours(struct doctor *doctor,
			    const struct doctor_facts *facts)
{
	find_rival(doctor, facts);
	for (size_t i = 0; facts->ruleset && i < ARRAY_LEN(neighbours); i++) {
		const struct neighbour *one = &neighbours[i];

		if (!strstr(facts->ruleset, one->sign))
			continue;
		struct doctor_finding *finding =
			doctor_add(doctor, one->id, false);
		DOCTOR_SAY(finding->what, "%s", one->what);
		DOCTOR_SAY(finding->why, "%s", one->why);
		DOCTOR_SAY(finding->mend, "%s", one->mend);
	}
	find_network_manager(doctor, facts);
}
