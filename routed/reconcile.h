// SPDX-License-Identifier: BSD-2-Clause
/*
 * reconcile.h - what has to be done so that what is found becomes what is
 * wanted.
 *
 * One verdict an object:
 *
 *	seen	 wanted and there
 *	added	 wanted and not there
 *	removed	 ours and not wanted, or in the way of one to be added
 *	foreign	 wanted, but somebody else's object has its place (a conflict
 *		 unless it does the same); or somebody else's route in one of
 *		 our tables.  Left alone.
 *
 * Order: what leads into the TUN and is not wanted goes first, then what is
 * wanted comes in the plan's order (one that has to change is removed right
 * before it is added), then the rest that is not wanted goes in the reverse
 * order.  So every state between two safe ones (plan.h) is safe.
 *
 * Links and addresses are added, never removed: they go with the TUN.  Pure.
 *
 * Errors	-ENOMEM
 * Ownership	reconcile_fini() frees the entries
 */
#ifndef ERSATZ_ROUTED_RECONCILE_H
#define ERSATZ_ROUTED_RECONCILE_H

#include "routed/plan.h"

enum reconcile_verdict {
	RECONCILE_SEEN,
	RECONCILE_ADDED,
	RECONCILE_REMOVED,
	RECONCILE_FOREIGN,
};
#define RECONCILE_VERDICTS 4

struct reconcile_entry {
	enum reconcile_verdict verdict;
	bool is_conflict;
	bool is_made; /* for apply.h */
	struct nl_object object;
};

struct reconcile {
	struct reconcile_entry *entries; /* owned; those to do are in order */
	size_t count;
	size_t of[RECONCILE_VERDICTS];
	size_t conflicts; /* the foreign ones that keep ours out */
};

/* With no plan (NULL) everything that is ours goes. */
NODISCARD int reconcile_make(struct reconcile *reconcile,
			     const struct plan *wanted,
			     const struct nl_state *found);
void reconcile_fini(struct reconcile *reconcile);

/* "seen", "added", "removed", "foreign" */
const char *reconcile_word(enum reconcile_verdict verdict);

/* Added or removed: there is something to do. */
bool reconcile_is_step(const struct reconcile_entry *entry);

#endif
