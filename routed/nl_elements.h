// SPDX-License-Identifier: BSD-2-Clause
/*
 * nl_elements.h - addresses into and out of sets of nftables, at once; one of
 * the boundary files of libnl.
 *
 * For what a DNS answer waits for.  libnftables reads the whole ruleset before
 * each command: measured with 300 chains of others, 8 ms for one element; this
 * takes 20 us.
 *
 * Errors	-errno as the kernel answered; then nothing was changed
 * Privilege	CAP_NET_ADMIN
 * Source	linux/netfilter/nf_tables.h, nfnetlink.h
 */
#ifndef ERSATZ_ROUTED_NL_ELEMENTS_H
#define ERSATZ_ROUTED_NL_ELEMENTS_H

#include "common/addr.h"
#include "common/compiler.h"

#include <stddef.h>

#define NL_ELEMENTS_MAX 16 /* of each kind at a time */

struct nl_elements;

/* In the network namespace of the calling thread. */
NODISCARD int nl_elements_open(struct nl_elements **elements);
void nl_elements_close(struct nl_elements *elements);

/* Of a table of family inet; sets for one family each. */
struct nl_elements_change {
	const char *table;
	const char *sets[2]; /* for IPv4 and IPv6 */
	const struct addr *removed;
	size_t removed_count;
	const struct addr *added;
	size_t added_count;
};

/*
 * One step, the removed ones first.  What is there already counts as added;
 * what is gone already fails (-ENOENT).
 */
NODISCARD int nl_elements_apply(struct nl_elements *elements,
				const struct nl_elements_change *change);

#endif
