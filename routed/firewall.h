// SPDX-License-Identifier: BSD-2-Clause
/*
 * firewall.h - our nftables table (table.h) in the kernel: put in, kept in,
 * taken out.
 *
 * There are two of it while we live.  `inet ersatz` outlives us: that is what
 * keeps a closed host closed, and fake addresses in, after a crash.  But `nft
 * flush ruleset` of another program takes it, until it is put back; and so
 * `inet ersatz_live`, with the same rules, belongs to our socket (`flags
 * owner`, Linux 5.12): nobody but us can remove it, and it goes with us.
 *
 * A table of the same name whose comment is not ours is somebody else's, and
 * left alone.
 *
 * Errors	ERR_FOREIGN for such a table; what nft.h says; `why`
 *		(FIREWALL_WHY_SIZE) has the sentence
 * Ownership	firewall_fini() frees what it holds and ends the live table; it
 *		leaves the other one where it is
 */
#ifndef ERSATZ_ROUTED_FIREWALL_H
#define ERSATZ_ROUTED_FIREWALL_H

#include "routed/nft.h"
#include "routed/table.h"

#define FIREWALL_WHY_SIZE 512

enum firewall_kind {
	FIREWALL_NONE,
	FIREWALL_OPEN,
	FIREWALL_CLOSED,
	FIREWALL_GUARD,
	FIREWALL_FOREIGN,
};

struct firewall_counters {
	uint64_t pool_out, pool_in, closed; /* packets that were refused */
};

struct firewall {
	struct nft *nft;       /* owned; NULL until it is needed */
	char *text;            /* owned; what was put in; NULL: nothing */
	char *listing;         /* owned; what the kernel made of it */
	bool has_live;         /* the one that only we can change */
	bool is_without_owner; /* this kernel knows no `flags owner` */
	uint64_t repairs;
	struct firewall_counters before; /* of tables that were replaced */
};

void firewall_fini(struct firewall *firewall);

/* What there is now, ours or not. */
NODISCARD int firewall_look(struct firewall *firewall, enum firewall_kind *kind,
			    char *why);

/* Replaces what is ours, in one step. */
NODISCARD int firewall_put(struct firewall *firewall, const char *text,
			   char *why);

/* 1 if what is there is not what was put in any more. */
NODISCARD int firewall_has_changed(struct firewall *firewall, char *why);

/* One more destination that is let out, until the next firewall_put(). */
NODISCARD int firewall_add_direct(struct firewall *firewall,
				  const struct prefix *prefix, char *why);

/*
 * Removes what is ours: 1 if there was something.  With `guard` that stays
 * behind instead.
 */
NODISCARD int firewall_remove(struct firewall *firewall, const char *guard,
			      char *why);

/* Since the start; 0 where they cannot be read. */
struct firewall_counters firewall_counters(struct firewall *firewall);

/* From what `nft list counters` prints; adds to `counters`.  Pure. */
void firewall_parse_counters(struct firewall_counters *counters,
			     const char *text);

#endif
