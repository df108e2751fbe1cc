// SPDX-License-Identifier: BSD-2-Clause
/*
 * outlook.h - what is known of this host at a moment, and the plan that
 * follows from it.
 *
 * Pure.  The names of gateways are those of the configuration and the dump.
 *
 * Errors	-ENOMEM, ERR_FULL; `why` (OUTLOOK_WHY_SIZE) has the sentence
 * Ownership	outlook_fini() frees; config and state are borrowed
 */
#ifndef ERSATZ_ROUTED_OUTLOOK_H
#define ERSATZ_ROUTED_OUTLOOK_H

#include "routed/gateway.h"
#include "routed/plan.h"

#define OUTLOOK_WHY_SIZE 512

struct outlook {
	const struct config *config;
	const struct nl_state *state;
	struct plan_facts facts;
	struct gateways gateways; /* owned */
	struct plan plan;         /* owned; may be taken */
};

/* `facts` but for the gateways, which are found; those stay borrowed too. */
NODISCARD int outlook_make(struct outlook *outlook, const struct config *config,
			   const struct nl_state *state,
			   const struct plan_facts *facts, char *why);

/* The same where nobody behind this host can be served. */
NODISCARD int outlook_serve_nobody(struct outlook *outlook, char *why);

void outlook_fini(struct outlook *outlook);

#endif
