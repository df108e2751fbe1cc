// SPDX-License-Identifier: BSD-2-Clause
/*
 * doctor.h - what on this host is in our way, why it matters, and the command
 * that mends it.
 *
 * doctor_find() is a pure function of facts that doctor_collect.h gathers.
 * What nobody could find out (an unprivileged user sees no nftables) is
 * unknown, and never a finding.
 *
 * A finding is broken when something does not work, or will not; otherwise it
 * is a note: another VPN beside us works, but one should know by which way
 * things then leave.  What mends it is pasted into a shell; a change of the
 * configuration is a comment there.
 */
#ifndef ERSATZ_ROUTED_DOCTOR_H
#define ERSATZ_ROUTED_DOCTOR_H

#include "common/config.h"
#include "common/nl.h"
#include "routed/firewall.h"
#include "routed/tunnels.h"
#include "routed/udp_servers.h"

#include <stdio.h>

#define DOCTOR_FINDINGS_MAX 32
#define DOCTOR_LISTENERS_MAX 16
#define DOCTOR_NAMESERVERS_MAX 8
#define DOCTOR_TEXT_SIZE 512
#define DOCTOR_RIVAL_SIZE 192

enum doctor_answer { DOCTOR_UNKNOWN, DOCTOR_NO, DOCTOR_YES };

/* Who has port 53. */
struct doctor_listener {
	struct endpoint local;
	uid_t uid;
	pid_t pid; /* 0: unknown */
	char program[64];
	char unit[96]; /* of systemd; "": none */
};

struct doctor_facts {
	const struct config *config; /* NULL: broken or missing */
	const char *config_file;
	const char *run_dir;
	const struct nl_state *state;
	const char *ruleset; /* what nft lists; NULL: unknown */
	const struct udp_servers *udp_servers;
	struct tunnels tunnels;   /* of other VPNs */
	enum firewall_kind table; /* ours, in nftables */
	enum doctor_answer routed_runs;
	enum doctor_answer dnsd_runs;
	enum doctor_answer has_nftables;
	enum doctor_answer has_bpf;
	int rp_filter;    /* in effect at the uplink of IPv4; -1: unknown */
	bool is_ipv6_off; /* a TUN is refused it by sysctl */
	bool is_forwarding;
	bool has_user;
	bool has_tun;
	char rival[DOCTOR_RIVAL_SIZE]; /* whom routed names; "": nobody */
	bool is_networkd_in_charge;    /* of rules that it did not make */
	bool has_network_manager;
	enum doctor_answer has_groups;  /* control groups of version 2 */
	const char *const *lost_groups; /* exempt ones that are not there */
	size_t lost_group_count;
	bool is_resolv_conf_ours;
	struct addr nameservers[DOCTOR_NAMESERVERS_MAX]; /* of resolv.conf */
	size_t nameserver_count;
	struct doctor_listener listeners[DOCTOR_LISTENERS_MAX];
	size_t listener_count;
};

struct doctor_finding {
	const char *id; /* "rp-filter" */
	bool is_broken;
	char what[DOCTOR_TEXT_SIZE];
	char why[DOCTOR_TEXT_SIZE];
	char mend[DOCTOR_TEXT_SIZE];
};

struct doctor {
	/* One more, for what finds no place. */
	struct doctor_finding list[DOCTOR_FINDINGS_MAX + 1];
	size_t count;
};

void doctor_find(struct doctor *doctor, const struct doctor_facts *facts);

/* A new finding, for doctor_*.c to fill in; never NULL. */
struct doctor_finding *doctor_add(struct doctor *doctor, const char *id,
				  bool is_broken);
#define DOCTOR_SAY(member, ...) snprintf(member, sizeof(member), __VA_ARGS__)

/*
 * The name of a device as a shell takes it.  Who made it may have chosen one
 * that a shell would run: then "DEVICE" stands for it.
 */
const char *doctor_device(const char *name);

/*
 * The parts: firewalls (from what nft lists), other VPNs (from rules and
 * routes), who else is there, devices behind this host, and (with a
 * configuration) sockets of this host that are left alone.
 */
void doctor_find_firewalls(struct doctor *doctor,
			   const struct doctor_facts *facts);
void doctor_find_gateways(struct doctor *doctor,
			  const struct doctor_facts *facts);
void doctor_find_sockets(struct doctor *doctor,
			 const struct doctor_facts *facts);
void doctor_find_vpns(struct doctor *doctor, const struct doctor_facts *facts);
void doctor_find_neighbours(struct doctor *doctor,
			    const struct doctor_facts *facts);

bool doctor_has_broken(const struct doctor *doctor);

/* For a person, or one object a line; -ENOMEM. */
NODISCARD int doctor_print(const struct doctor *doctor, bool is_json,
			   FILE *out);

#endif
