// SPDX-License-Identifier: BSD-2-Clause
/*
 * explain.h - where traffic to an address or a name goes, and why.
 *
 * Joins what the map, the rules and the kernel say: the name behind a fake
 * address, the rule that decides, the route that a packet would take now, and
 * the one that the relay's own socket would take from there.
 * One plain sentence first; the rest is the evidence.
 *
 * Both rules and kernel are asked for the one sender who is named: a user, an
 * address, or an interface that the packet comes in by.  An address that is
 * not this host's comes in by the interface that leads to it; an interface
 * without an address of its own sender gets that of a neighbour.
 *
 * JSON	target, reason (the sentence), name, address, fake, slot, port,
 *	network, from, uid, cgroup, iif, outbound, member (of a group: the one
 *that a new flow tries first), member_state, rule, file, line, list_file,
 *	list_line, carried, device, table, gateway, source, exit_address,
 *	exit_device, exit_gateway (of the socket that carries it on), way (the
 *	packet's, in one line); what there is not is null
 * Privilege	none, but to read the map
 * Errors	-errno; -EINVAL: neither an address nor a name
 */
#ifndef ERSATZ_ROUTED_EXPLAIN_H
#define ERSATZ_ROUTED_EXPLAIN_H

#include "common/config.h"
#include "common/json.h"
#include "common/map.h"
#include "common/name.h"
#include "common/rules.h"
#include "routed/members.h"
#include "routed/nl_edit.h"

#define EXPLAIN_REASON_SIZE 2048
#define EXPLAIN_WAY_SIZE 1024

struct explain_query {
	const char *target; /* borrowed; address or name */
	uint16_t port;      /* 0: not said, as the network is then */
	enum network network;
	/* Of whom; what is not said does not count. */
	struct addr from;
	char iif[IFNAMSIZ];
	const char *cgroup; /* borrowed; NULL: not said */
	uint32_t uid;
	bool has_uid;
};

/* What the kernel says of one lookup. */
struct explain_route {
	int error; /* negative: there is no route */
	struct nl_lookup_answer answer;
	char device[IFNAMSIZ]; /* "": none */
};

struct explanation {
	struct explain_query query;
	const struct config *config;   /* borrowed */
	const struct nl_state *state;  /* borrowed; NULL: nothing is known */
	const struct members *members; /* borrowed; NULL: nothing is known */

	struct name name; /* length 0: none */
	struct addr addr; /* ADDR_NONE: no address is known */
	bool is_fake;
	int64_t slot;                    /* negative: none */
	bool has_no_row;                 /* a fake address that no name has */
	char map_error[MAP_REASON_SIZE]; /* "": the map could be read */

	struct verdict verdict;
	bool needs_owner; /* with VERDICT_NEEDS_FLOW: that, and no port */
	bool is_sniffed;  /* a name that the flow says may change it */
	struct explain_route route;
	bool has_no_interface; /* the outbound's is not there now */
	bool is_carried;       /* the route leads into our TUN */

	/* How the relay goes on; only of what it carries, or a name. */
	const struct outbound_conf *leaf; /* borrowed; NULL: not known */
	struct addr exit_addr; /* ADDR_NONE: the name's own, or none */
	struct explain_route exit;
};

/* Looks everything up; `members` is to be set before. */
NODISCARD int explain_find(struct explanation *explanation,
			   const struct config *config,
			   const struct nl_state *state,
			   const struct explain_query *query);

/* For explain.c: the two lookups.  The second is after the verdict. */
void explain_find_route(struct explanation *explanation);
void explain_find_exit(struct explanation *explanation);

/* The plain sentence.  Pure. */
const char *explain_sentence(const struct explanation *explanation, char *out,
			     size_t size);

/* "this host -> table 197 -> ersatz0 -> relay -> ...".  Pure. */
const char *explain_way(const struct explanation *explanation, char *out,
			size_t size);
/* What the kernel said, and the way. */
void explain_set_way(const struct explanation *explanation, struct json *json);

/* NULL: no memory. */
struct json *explain_json(const struct explanation *explanation);

#endif
