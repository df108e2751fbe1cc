// SPDX-License-Identifier: BSD-2-Clause
/*
 * capture.h - the objects that we have in the kernel: put in, kept in, taken
 * out.
 *
 * Rules and routes, and before and behind them the nftables table.
 *
 * Between host.h, which knows when, and plan.h, which knows what.  The state
 * in `names` is the dump to start from; it is out of date when a function has
 * changed something.
 *
 * Errors	-errno, ERR_FOREIGN; `why` (APPLY_WHY_SIZE) has the sentence
 * Ownership	capture_fini() frees what it holds; it removes no object
 */
#ifndef ERSATZ_ROUTED_CAPTURE_H
#define ERSATZ_ROUTED_CAPTURE_H

#include "routed/apply.h"
#include "routed/firewall.h"
#include "routed/rival.h"

struct capture {
	struct nl_edit *edit;    /* owned */
	struct journal *journal; /* owned */
	struct firewall firewall;
	bool is_table_dirty;         /* somebody has changed nftables */
	bool is_without_table;       /* nft refused it; an open host goes on */
	bool has_looked;             /* for this: */
	enum firewall_kind leftover; /* the table that was there before us */
	struct log_limit table_failures;
	struct plan plan; /* owned; the last that was applied */
	struct rival rival;
	uint64_t repairs; /* objects that others had removed */
	size_t foreign;   /* objects of others where ours should be */
};

/* Starts the journal. */
NODISCARD int capture_init(struct capture *capture, const char *run_dir);
void capture_fini(struct capture *capture);

/*
 * Everything and all probes, or nothing: then the state is as before.  Takes
 * the plan's contents when it succeeds.
 */
NODISCARD int capture_install(struct capture *capture, struct plan *wanted,
			      const struct plan_names *names, char *why);

/*
 * Makes the difference to another plan, or to the same one after others have
 * touched it; takes the plan's contents.  1 when something was changed.
 */
NODISCARD int capture_follow(struct capture *capture, struct plan *wanted,
			     const struct plan_names *names, char *why);

/* One more prefix that is thrown, at once. */
NODISCARD int capture_throw(struct capture *capture,
			    const struct prefix *prefix,
			    const struct plan_names *names, char *why);

/*
 * Addresses that are not thrown any more, in `local` alone, then others that
 * are, at once; at most CAPTURE_DIRECTS_MAX of each.
 */
#define CAPTURE_DIRECTS_MAX 16
struct capture_directs {
	struct addr removed[CAPTURE_DIRECTS_MAX];
	size_t removed_count;
	struct addr added[CAPTURE_DIRECTS_MAX];
	size_t added_count;
};
NODISCARD int capture_change_directs(struct capture *capture,
				     const struct capture_directs *directs,
				     const struct plan_names *names, char *why);

/*
 * Takes out all that is ours, in the reverse order; with `guard` (table.h)
 * that takes the table's place.
 */
NODISCARD int capture_remove(struct capture *capture,
			     const struct plan_names *names, const char *guard,
			     char *why);

/*
 * After a start that came to nothing: a table that a crash left behind goes,
 * unless it is there to keep something in.
 */
void capture_forget_leftover(struct capture *capture);

#endif
