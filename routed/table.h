// SPDX-License-Identifier: BSD-2-Clause
/*
 * table.h - our nftables table: what must not leave, whatever routes say.
 *
 * In every profile addresses of the pools are refused wherever they would
 * leave but by the TUN (so a socket that is bound to the uplink gets an answer
 * at once, and nobody outside a packet that means nothing to him), and where
 * they come in by an interface that we do not serve.
 *
 * `on-crash: closed` with `capture: all` refuses everything else too that
 * would leave by any interface, the one that appears tomorrow included, but:
 *
 *	sockets of relay and dnsd	by their user, or TABLE_PRIORITY
 *	exempt users and marks, also those that foreign rules exempt
 *	exempt destinations, far ends, multicast and link-local	direct4, 6
 *	prefixes that lead to a link of their own, by that link	near4, 6
 *	replies of connections that came in
 *	DHCP; neighbour discovery and multicast listeners of IPv6
 *
 * With `capture: fake` the same holds for the prefixes that are included, and
 * in every profile for IPv6 that is off (plan.h).  Routes alone cannot refuse
 * that: where the kernel finds an error for a socket without a source address,
 * it takes one and asks again, and what has a source goes by main.
 *
 * Refused	TCP of the pools by a reset, UDP by port unreachable (the one
 *	error that every application takes for an answer), all else by host
 *	unreachable; from outside TCP too, as a reset would leave with a fake
 *	source.  What the closed profile refuses by "administratively
 *	prohibited" in the words of either family, but a SYN of IPv6 by a
 *	reset: measured, connect() goes on for seconds after the ICMP error
 *	there, and ends at once in IPv4
 *
 * The text is the inside of `table inet NAME { }`; the first line is a comment
 * by which the table is known to be ours, and of which kind.  Pure.
 *
 * Errors	-ENOMEM
 * Ownership	the text goes to the caller
 */
#ifndef ERSATZ_ROUTED_TABLE_H
#define ERSATZ_ROUTED_TABLE_H

#include "routed/plan.h"

#define TABLE_NAME "ersatz"
#define TABLE_NAME_LIVE "ersatz_live" /* firewall.h */
#define TABLE_COMMENT_OPEN "ersatz routed: open"
#define TABLE_COMMENT_CLOSED "ersatz routed: closed"
#define TABLE_COMMENT_GUARD "ersatz routed: guard"

/*
 * SO_PRIORITY of sockets that the parent, root, opens for the relay: what is
 * above 6 takes CAP_NET_ADMIN, and no rule of others looks at it.
 */
#define TABLE_PRIORITY 0x65727361

/* Counters of the table, for who wants to read them. */
#define TABLE_COUNTER_POOL_OUT "pool_out"
#define TABLE_COUNTER_POOL_IN "pool_in"
#define TABLE_COUNTER_CLOSED "closed"

NODISCARD int table_make(char **text, const struct config *config,
			 const struct nl_state *found,
			 const struct plan_facts *facts);

/*
 * After a stop (routed.guard): refuses the pools until the time is over, which
 * the kernel knows by itself.
 */
NODISCARD int table_make_guard(char **text, const struct config *config);

/* A name that nft would read as something else is not. */
bool table_is_plain_name(const char *name);

/* The command that lets one more destination out of a closed host. */
#define TABLE_COMMAND_SIZE 128
const char *table_add_direct(const struct prefix *prefix, const char *table,
			     char out[TABLE_COMMAND_SIZE]);

/* Does everything but the exceptions above end in the table? */
bool table_is_closed(const struct config *config);

#endif
