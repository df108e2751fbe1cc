// SPDX-License-Identifier: BSD-2-Clause
/*
 * explain.h - where traffic to an address or a name goes, and why.
 *
 * Joins what the map, the rules and the kernel say: the name behind a fake
 * address, the rule that decides, the route that a packet would take now.
 * One plain sentence first; the rest is the evidence.
 *
 * JSON	target, reason (the sentence), name, address, fake, slot, port,
 *	network, carried, outbound, member (of a group: the one that a new
 *	flow tries first), member_state, rule, file, line, list_file, list_line,
 *	device, table, gateway, source; what there is not is null
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

struct explanation {
	const char *target;            /* borrowed: as it was asked */
	const struct config *config;   /* borrowed */
	const struct members *members; /* borrowed; NULL: nothing is known */
	uint16_t port;                 /* 0: not said */
	enum network network;

	struct name name; /* length 0: none */
	struct addr addr; /* ADDR_NONE: no address is known */
	bool is_fake;
	int64_t slot;                    /* negative: none */
	bool has_no_row;                 /* a fake address that no name has */
	char map_error[MAP_REASON_SIZE]; /* "": the map could be read */

	struct verdict verdict;
	int route_error; /* negative: the kernel has no route */
	struct nl_lookup_answer route;
	char device[IFNAMSIZ];
	bool has_no_interface; /* the outbound's is not there now */
	bool is_carried;       /* the route leads into our TUN */
};

/* Looks everything up. */
NODISCARD int explain_find(struct explanation *explanation,
			   const struct config *config, const char *target,
			   uint16_t port, enum network network);

/* The plain sentence.  Pure. */
const char *explain_sentence(const struct explanation *explanation, char *out,
			     size_t size);

/* NULL: no memory. */
struct json *explain_json(const struct explanation *explanation);

#endif
