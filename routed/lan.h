// SPDX-License-Identifier: BSD-2-Clause
/*
 * lan.h - what the kernel needs to serve devices behind this host, besides
 * rules and routes: our second nftables table (side.h) and settings
 * (forwarding.h).
 *
 * Start	lan_put() before rules and routes; lan_open() behind them
 * Run		both again whenever something has changed
 * Stop		lan_close() before they go; lan_remove() when they are gone
 *
 * Errors	-errno, ERR_FOREIGN for a table of the name that is not ours;
 *		`why` (LAN_WHY_SIZE) has the sentence
 * Ownership	lan_fini() frees; it leaves in the kernel what is there
 */
#ifndef ERSATZ_ROUTED_LAN_H
#define ERSATZ_ROUTED_LAN_H

#include "common/log.h"
#include "routed/nft.h"
#include "routed/nl_elements.h"
#include "routed/plan.h"
#include "routed/sysctls.h"

#define LAN_WHY_SIZE 512

struct lan_counters {
	uint64_t loops;    /* packets of ours that came back */
	uint64_t stranded; /* of flows in the TUN while there was none */
};

struct lan {
	struct nft *nft; /* owned; NULL until it is needed */
	char *text;      /* owned; what was put in; NULL: nothing */
	char *listing;   /* owned; what the kernel made of it */
	struct nl_elements *elements; /* owned; NULL until it is needed */
	struct sysctls sysctls;
	struct lan_counters before; /* of tables that were replaced */
	struct log_limit failures;
	bool has_begun;  /* what was left by another is known */
	bool has_looked; /* for firewalls in the way */
	bool has_told_loop;
	bool is_unlike; /* the sets are not as they should be */
};

/* `run_dir` is borrowed; it is the same folder after a reload, elsewhere. */
void lan_init(struct lan *lan, const char *run_dir);
void lan_set_run_dir(struct lan *lan, const char *run_dir);
void lan_fini(struct lan *lan);

/*
 * Puts the table in (plan.side) with the addresses of DIRECT names, or takes
 * it out: NULL.  What stands is looked at only if `is_dirty`: somebody has
 * changed nftables.  1: changed.
 */
struct lan_table {
	const char *text;
	const struct prefix *directs;
	size_t direct_count;
	bool is_dirty;
};
NODISCARD int lan_put(struct lan *lan, const struct lan_table *table,
		      char *why);

/*
 * Addresses of DIRECT names that come and go, at most LAN_DIRECTS_MAX of each,
 * at once; nothing where there is no table.
 */
#define LAN_DIRECTS_MAX NL_ELEMENTS_MAX
NODISCARD int lan_change_directs(struct lan *lan, const struct addr *removed,
				 size_t removed_count, const struct addr *added,
				 size_t added_count);

/* The settings; the first time firewalls that are in the way are told too. */
void lan_open(struct lan *lan, const struct config *config,
	      const struct nl_state *found, const struct plan_facts *facts);

void lan_close(struct lan *lan);
NODISCARD int lan_remove(struct lan *lan, char *why);

/* After a start that came to nothing. */
void lan_forget_leftover(struct lan *lan);

/*
 * Takes out what an instance left that is gone; 1: there was something.  The
 * table stays with `keeps_table`: that of a start takes its place, and what
 * was in the TUN does not get out meanwhile.
 */
NODISCARD int lan_recover(const char *run_dir, bool keeps_table, char *why);

/* Since the start. */
struct lan_counters lan_counters(struct lan *lan);

#endif
