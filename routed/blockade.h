// SPDX-License-Identifier: BSD-2-Clause
/*
 * blockade.h - firewalls that let nothing through between a device and the
 * TUN, and the command that opens the way.
 *
 * A chain at the forward hook that drops what it does not know (Docker, ufw)
 * or ends with a rule that does (firewalld), in whose table no rule speaks of
 * the TUN, nor accepts whatever that interface sends.  An accept of ours cannot
 * overrule it: each table has its say.
 *
 * Pure; reads what `nft list ruleset` prints, which has the rules of
 * iptables-nft in it too.
 */
#ifndef ERSATZ_ROUTED_BLOCKADE_H
#define ERSATZ_ROUTED_BLOCKADE_H

#include "routed/ruleset.h"

#include <stdbool.h>
#include <stddef.h>

#define BLOCKADE_MAX 8
#define BLOCKADE_NAME_SIZE RULESET_NAME_SIZE
#define BLOCKADE_MEND_SIZE 720

struct blockade {
	char table[BLOCKADE_NAME_SIZE]; /* "ip filter" */
	char chain[BLOCKADE_NAME_SIZE];
	char mend[BLOCKADE_MEND_SIZE]; /* pasted into a shell */
};

/* Those in the way of what comes in by `interface`; at most BLOCKADE_MAX. */
size_t blockade_find(struct blockade list[BLOCKADE_MAX], const char *ruleset,
		     const char *tun, const char *interface);

#endif
