// SPDX-License-Identifier: BSD-2-Clause
/*
 * nl.h - reading the kernel's routing state; the boundary of libnl (with
 * nl_watch.h, which tells of changes, and routed/nl_edit.h, which makes them).
 *
 * A dump is a value: plain arrays that pure functions look at.
 *
 * The reader is not called "nl": libnl itself has nl_close(), nl_dump() and a
 * struct nl_addr, and calls the first one from inside.
 *
 * Units	interface indexes as the kernel has them, 0: none
 * Errors	-errno
 * Ownership	nl_state_free() frees the arrays of a dump
 * Source	rtnetlink(7), linux/rtnetlink.h, linux/fib_rules.h
 */
#ifndef ERSATZ_COMMON_NL_H
#define ERSATZ_COMMON_NL_H

#include "common/addr.h"
#include "common/compiler.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NL_PROTOCOL 198 /* RTA_PROTOCOL, FRA_PROTOCOL of all that is ours */

struct nl_link {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ]; /* IFLA_INFO_KIND: "tun", "veth"; "" for NICs */
	int master;          /* of a bridge or bond port */
	uint32_t mtu;
	uint32_t group;   /* IFLA_GROUP: NL_PROTOCOL for a veth of ours */
	bool is_up;       /* IFF_UP */
	bool has_carrier; /* IFF_LOWER_UP */
	bool is_loopback;
	bool is_ethernet; /* ARPHRD_ETHER: has neighbours, not a tunnel */
};

struct nl_ifaddr {
	int ifindex;
	struct prefix prefix; /* of the link */
	struct addr addr;
	uint8_t scope;
};

/* Enough to tell routes apart, to add them and to print them. */
struct nl_route {
	uint8_t family; /* enum addr_family */
	uint8_t type;   /* RTN_UNICAST, RTN_THROW, ... */
	uint8_t scope;
	uint8_t protocol;
	uint32_t table;
	struct prefix dst;
	struct addr gateway; /* ADDR_NONE: on link */
	struct addr prefsrc;
	int oif;
	uint32_t metric;   /* RTA_PRIORITY */
	uint32_t mtu;      /* RTAX_MTU, 0: none */
	bool is_cubic;     /* RTAX_CC_ALGO cubic */
	bool is_onlink;    /* the gateway needs no route of its own */
	bool is_multipath; /* gateway and oif are the first usable hop's */
};

struct nl_rule {
	uint8_t family;
	uint8_t action; /* FR_ACT_TO_TBL, FR_ACT_UNREACHABLE, ... */
	uint8_t protocol;
	uint8_t ip_protocol; /* IPPROTO_UDP or 0 */
	uint32_t priority;
	uint32_t table;
	struct prefix src; /* family ADDR_NONE: any */
	struct prefix dst;
	char iif[IFNAMSIZ];
	char oif[IFNAMSIZ];
	uint32_t mark, mark_mask;         /* mask 0: any */
	uint16_t sport_first, sport_last; /* 0, 0: any */
	/*
	 * The same; of ICMP it is type << 8 | code, which is where the kernel
	 * has them.
	 */
	uint16_t dport_first, dport_last;
	uint32_t uid_first, uid_last;
	bool has_uid;
	int suppress_prefixlength; /* -1: none */
	bool is_inverted;
	/*
	 * What a foreign rule has beyond this (tos, l3mdev, goto, ...).  Such
	 * a rule is never equal to one of ours.
	 */
	bool has_more;
};

struct nl_state {
	struct nl_link *links;
	size_t link_count;
	struct nl_ifaddr *addrs;
	size_t addr_count;
	struct nl_route *routes; /* of all tables but local */
	size_t route_count;
	struct nl_rule *rules;
	size_t rule_count;
};

struct nl_reader;

/* A socket in the network namespace of the calling thread. */
NODISCARD int nl_reader_open(struct nl_reader **reader);
void nl_reader_close(struct nl_reader *reader);

/*
 * From now on only routes of table main are dumped: others may be many
 * thousands.  -ENOPROTOOPT before Linux 4.20.
 */
NODISCARD int nl_reader_keep_main(struct nl_reader *reader);

/*
 * Dumps of both families; a dump that was interrupted is made again.  A
 * family that the kernel does not have is empty.  What `state` held before is
 * not freed.
 */
NODISCARD int nl_reader_dump(struct nl_reader *reader, struct nl_state *state);
void nl_state_free(struct nl_state *state);

/* The same objects in the same order. */
bool nl_state_equal(const struct nl_state *a, const struct nl_state *b);

/* Is it an address of this host, or loopback, or the unspecified one? */
bool nl_state_is_local(const struct nl_state *state, const struct addr *addr);

const struct nl_link *nl_link_by_index(const struct nl_state *state,
				       int ifindex);
const struct nl_link *nl_link_by_name(const struct nl_state *state,
				      const char *name);

#endif
