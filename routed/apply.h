// SPDX-License-Identifier: BSD-2-Clause
/*
 * apply.h - makes the steps of a reconciliation, looks whether they came out,
 * takes them back.
 *
 * Steps go in their order, up to 64 with one system call, but never two ranks
 * (plan.h) at once: the next rank is begun only when all of the one before
 * are in place, so that a failure leaves a safe state as well.  Each batch is
 * in the journal before it is made.
 *
 * What is gone already counts as removed, an address that is there already as
 * added; a route or rule that is there already is somebody else's and an
 * error.
 *
 * Errors	-errno of the first step that failed, ERR_FOREIGN when a probe
 *		comes out otherwise; `why` (APPLY_WHY_SIZE) has the sentence
 */
#ifndef ERSATZ_ROUTED_APPLY_H
#define ERSATZ_ROUTED_APPLY_H

#include "routed/journal.h"
#include "routed/plan_print.h"
#include "routed/reconcile.h"

#define APPLY_WHY_SIZE 512

struct apply {
	struct nl_edit *edit;    /* borrowed */
	struct journal *journal; /* borrowed; NULL: none is kept */
	struct plan_names names;
};

/* Stops after the batch in which a step failed; is_made tells how far. */
NODISCARD int apply_run(const struct apply *apply, struct reconcile *todo,
			char *why);

/*
 * Takes back what is made, in the reverse order and whatever fails; the first
 * error.
 */
NODISCARD int apply_undo(const struct apply *apply, struct reconcile *todo);

/* Asks the kernel where the plan's probes would go. */
NODISCARD int apply_verify(const struct apply *apply, const struct plan *plan,
			   char *why);

#endif
