// SPDX-License-Identifier: BSD-2-Clause
/*
 * decide.h - what a question gets: the rules' verdict turned into an answer.
 *
 * Dispatch acts on it and --explain prints it, so that the two cannot differ.
 * Pure.
 *
 * - DIRECT or no rule: the upstream answers, whatever the type.
 * - carried: A is faked; AAAA too, or NODATA when the IPv6 pool is off; HTTPS
 *   and SVCB are NODATA, as their hints would lead past us; other types go to
 *   the upstream.
 * - the root is no host: A and AAAA are NODATA where they would be faked.
 * - needs a port: carried, the relay decides.
 * - needs an address: A and AAAA are resolved first; other types as carried.
 * - REJECT: NXDOMAIN that names the rule, or carried with dnsd.reject: fake.
 * - REJECT-DROP: carried, and the relay drops.
 *
 * Carried is every outbound but DIRECT and REJECT, an interface too: its
 * packets leave by that interface only if they come to the relay.
 */
#ifndef ERSATZ_DNSD_DECIDE_H
#define ERSATZ_DNSD_DECIDE_H

#include "common/config.h"
#include "dnsd/question.h"

enum decision_kind {
	DECISION_FAKE,    /* an address of the pool */
	DECISION_NODATA,  /* carried, and this type has nothing to say */
	DECISION_REJECT,  /* NXDOMAIN that names the rule */
	DECISION_REVERSE, /* the name of a fake address, at `reverse_slot` */
	DECISION_FORWARD, /* the upstream answers */
	DECISION_RESOLVE, /* a rule wants the address: queries_decide() */
};

struct decision {
	enum decision_kind kind;
	int upstream;           /* index, never UPSTREAM_DEFAULT */
	int64_t reverse_slot;   /* negative: a pool address without a slot */
	struct verdict verdict; /* kind NO_RULE with DECISION_REVERSE */
};

/* The facts: the question, and who asks. */
struct decision decide(const struct config *config,
		       const struct question *question,
		       const struct addr *client);

/*
 * The same from a verdict that is already there, as after DECISION_RESOLVE,
 * when the rules have been asked again with the address.
 */
struct decision decide_verdict(const struct config *config,
			       const struct question *question,
			       const struct verdict *verdict);

/* "fake", "nodata", "reject", "reverse", "forward", "resolve". */
const char *decision_word(enum decision_kind kind);

#endif
