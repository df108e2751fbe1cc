// SPDX-License-Identifier: BSD-2-Clause
/*
 * plan.h - what the host's routing state should be.
 *
 * A pure function of the configuration, of what the kernel has, and of what
 * the parent has learnt.  The result is a list in the order in which it can
 * be installed; removal is the reverse.
 *
 *  table base   199  0.0.0.0/1, 128.0.0.0/1 dev TUN, scope global, src TUN's
 *        fixed  198  base + throws that stand for the whole run; empty while
 *                    there are no gateways, as nobody else looks there
 *        local  197  fixed + throws that come and go
 *        pool   196  the fake pools dev TUN; without a TUN unreachable
 *  (`on-crash: closed`: base, fixed and local end with the same two
 *  unreachable, so that nothing falls through when the TUN is gone)
 *        exit   210  and up: the default route of one interface, no more
 *
 *  4990  to POOL				lookup pool
 *  4991  iif lo ipproto udp sport P		lookup main	(servers, VPNs)
 *        iif lo from 0.0.0.0, ICMP error	lookup main
 *  4992  fwmark M; uidrange U; iif I		lookup main
 *  4993  the same				unreachable
 *  4998  oif EXIT		lookup main suppress_prefixlength 1
 *  4999  oif EXIT				lookup exit
 *  5000  iif lo from TUN's own address	lookup base
 *  5001  iif lo from 0.0.0.0			lookup local
 *   IPv6 iif lo from ::/1, from 8000::/1	lookup main
 *   IPv6 iif lo, ICMP error			lookup main
 *  5002  IPv6 iif lo				lookup local
 *        iif GATEWAY fwmark OUT		lookup main
 *        iif GATEWAY fwmark IN			lookup base
 *  5003  iif GATEWAY				lookup fixed
 *
 * (In IPv6 "from ::/128" matches no unbound socket, but a rule with any
 * source is passed over as long as there is none: so those that have one are
 * sent to main first.)
 *
 * The halves 0.0.0.0/1 and so on stand for everything: with `capture: fake` in
 * their place are the prefixes that the configuration includes, and without
 * any only 4990 and the pools are left.  With `capture: all` an included one
 * is there too, and what leads elsewhere inside of it is not thrown.
 *
 * IPv6 that is not carried (`ipv6: off`, or the TUN is refused it by sysctl
 * though some other link has it) ends in the same tables: prohibit in the
 * place of dev TUN.
 *
 * Where a rule of somebody else would take everything before, all of these
 * priorities are less by 100, 200, ...: band.h.
 *
 * With `mode: main` (plan_main.h) there is none of this but the routes to TUN
 * and pools, in main, and one by the uplink for each exemption.
 *
 * plan.table is our nftables table (table.h), in place before all of this and
 * removed after it.
 *
 * Exits are the uplinks of both families and the interfaces that an outbound
 * or upstream names.  An exit keeps its table as long as its rule is found.
 *
 * Throws, in `fixed` and `local`: link-local and multicast; the prefixes of
 * connected links if /22 (IPv6: /64) or longer, or private, or those of
 * devices that we serve; private prefixes
 * of protocol static or boot; prefixes that lead into a tunnel or a container
 * bridge, also in tables that foreign rules name; those of the configuration;
 * the far ends of an outbound's own server; the prefixes that rules send
 * DIRECT whatever else is true.  What DHCP or a router advertisement pushes is
 * no reason to leave the TUN.
 *
 * Throws, in `local` alone: the addresses of DIRECT names.  They come and go,
 * and only a socket that has no source address yet is asked there: so no flow
 * is moved, neither out of the TUN (5000) nor into it.  Nothing would hold a
 * forwarded flow where it is: so `fixed` has none of them.
 *
 * Gateways are the interfaces of devices that we serve too (gateway.h), and the
 * marks tell on which side of the TUN a flow of theirs began (side.h).  An
 * ICMP error that this host sends as a router has no source address yet, and
 * would be taken for a new flow of its own: it goes where main says, to
 * whoever sent the packet.  (With the sysctl icmp_errors_use_inbound_ifaddr it
 * would have one, but IPv6 has no such thing, and a rule needs no undoing.)
 *
 * Safe	A state is safe when every packet of an exempt sender (mark, uid,
 *	UDP server, socket bound to an exit), and every packet to a thrown
 *	prefix, goes where main alone would send it, and every other packet
 *	goes there or into the TUN (or, if to a pool, refused IPv6, or in a
 *	closed profile, is unreachable).  Every
 *	prefix of the list is safe, and so
 *	is every state between when reconcile.h turns one plan into another.
 *	(One exception, wanted: what an exempt sender cannot reach by main is
 *	unreachable, and never falls into the TUN.)
 *
 * Errors	-ENOMEM; ERR_FULL: more than PLAN_EXITS_MAX exits
 * Ownership	plan_fini() frees the lists
 */
#ifndef ERSATZ_ROUTED_PLAN_H
#define ERSATZ_ROUTED_PLAN_H

#include "common/config.h"
#include "common/nl.h"
#include "routed/nl_edit.h"

#include <limits.h>

#define PLAN_TABLE_POOL 196
#define PLAN_TABLE_LOCAL 197
#define PLAN_TABLE_FIXED 198
#define PLAN_TABLE_BASE 199
#define PLAN_TABLE_EXIT 210 /* the first of them */
#define PLAN_EXITS_MAX 32
#define PLAN_PRIORITY_SERVE 4991
#define PLAN_PRIORITY_EXEMPT 4992
#define PLAN_PRIORITY_EXEMPT_END 4993
#define PLAN_PRIORITY_EXIT_LINK 4998
#define PLAN_PRIORITY_EXIT 4999
/*
 * Default routes, and halves of one.  Not 0: `ip rule del table main
 * suppress_prefixlength 0`, as wg-quick says it, would take ours for its own.
 */
#define PLAN_SUPPRESS_LENGTH 1

/* For --plan: a TUN that is yet to be made. */
#define PLAN_TUN_UNBORN INT_MAX

/* In the order of installation. */
enum plan_rank {
	PLAN_RANK_EXIT_TABLE, /* routes of exit tables */
	PLAN_RANK_THROW,
	PLAN_RANK_EXEMPTION, /* 4991, 4992, 4998; what keeps packets out */
	PLAN_RANK_EXIT,      /* 4993, 4999: need those */
	PLAN_RANK_TUN,       /* up, its addresses */
	PLAN_RANK_TUN_ROUTE,
	PLAN_RANK_STAY,    /* 5000; IPv6 5001 to main */
	PLAN_RANK_CAPTURE, /* 4990, 5001, 5002, 5003 */
};

/* What rank an object of ours has, planned or found. */
enum plan_rank plan_rank_of(const struct nl_object *object);

/* A lookup that has to come out so once everything is in place. */
enum plan_way {
	PLAN_WAY_TUN,
	PLAN_WAY_NOT_TUN,
	PLAN_WAY_NOWHERE, /* refused by a route of ours */
};

struct plan_probe {
	const char *what; /* "an address of the pool"; static text */
	struct nl_lookup lookup;
	enum plan_way way;
	/* An error of the kernel is fine: without us it is one too. */
	bool may_fail;
};

struct plan {
	struct nl_object *objects; /* owned, in order */
	size_t count;
	struct plan_probe *probes; /* owned */
	size_t probe_count;
	struct prefix *throws; /* owned; for the whole run, see throws.h */
	size_t throw_count;
	char *table; /* owned; the commands that make it */
	char *side;  /* owned; the same of side.h; NULL: nobody is served */
	/* Borrowed from the configuration: exempt by GROUP_MARK (groups.h). */
	const char *const *groups;
	size_t group_count;
	bool is_in_main;
	bool is_closed; /* the table must stand, or nothing may */
	bool has_gateways;
};

/* What neither the configuration nor the kernel's state tells; borrowed. */
struct plan_facts {
	/* 0: there is none, nothing leads into it; PLAN_TUN_UNBORN */
	int tun_ifindex;
	bool is_ipv6_off; /* the TUN is refused IPv6 by sysctl */
	bool has_no_ipv6; /* this kernel knows none */
	bool has_own_uid;
	uint32_t own_uid; /* whose sockets are those of relay and dnsd */
	const struct uid_range *uids;
	size_t uid_count;
	const struct prefix *far_ends;
	size_t far_end_count;
	const struct prefix *directs; /* addresses of DIRECT names */
	size_t direct_count;
	const struct prefix *rule_directs; /* rule_directs.h */
	size_t rule_direct_count;
	const struct endpoint *udp_servers; /* family and port; wildcard ones */
	size_t udp_server_count;
	const uint16_t *tunnel_ports; /* of UDP sockets of other VPNs */
	size_t tunnel_port_count;
	const char *const *gateways; /* names of interfaces */
	size_t gateway_count;
};

enum plan_ipv6 {
	PLAN_IPV6_ABSENT,
	PLAN_IPV6_CARRIED,
	PLAN_IPV6_REFUSED,
};
enum plan_ipv6 plan_ipv6(const struct config *config,
			 const struct nl_state *found,
			 const struct plan_facts *facts);

NODISCARD int plan_make(struct plan *plan, const struct config *config,
			const struct nl_state *found,
			const struct plan_facts *facts);
void plan_fini(struct plan *plan);

/* The tables that have throws: `fixed` too if there are gateways. */
#define PLAN_TABLES_MAX 2
size_t plan_tables(bool has_gateways, uint32_t tables[PLAN_TABLES_MAX]);

/* The route that throws a prefix, in one of them. */
struct nl_object plan_throw(const struct prefix *prefix, uint32_t table);

/*
 * The TUN's own address in a family.  It has one in IPv6 even if that pool is
 * off: a socket that found no source at the TUN would take the uplink's, and
 * leave by it as soon as it is routed again.
 */
struct addr plan_tun_addr(const struct config *config, uint8_t family);

/* The smallest MTU of the uplinks; 1500 without an uplink. */
uint32_t plan_tun_mtu(const struct config *config,
		      const struct nl_state *found);

#endif
