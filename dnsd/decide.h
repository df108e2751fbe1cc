// SPDX-License-Identifier: BSD-2-Clause
/*
 * decide.h - what a question gets: the rules' verdict turned into an answer.
 *
 * Dispatch acts on it and --explain prints it, so that the two cannot differ.
 * Pure.
 *
 * - DIRECT or no rule: the upstream answers, whatever the type.
 * - carried: A is faked; AAAA too, or NODATA when the IPv6 pool is off; ANY is
 *   HINFO, as it would tell the real addresses; other types go to the upstream,
 *   whose answer is made to fit (carried.h).
 * - the root is no host: A and AAAA are NODATA where they would be faked.
 * - needs a port: carried, the relay decides.
 * - needs an address: A and AAAA are resolved first; other types as carried.
 * - REJECT: NXDOMAIN that names the rule; with dnsd.reject: fake addresses are
 *   faked and all else is NODATA: nobody is asked about such a name.
 * - REJECT-DROP: the latter, and the relay drops.
 *
 * Before the rules come names that are special to everybody (special.h).
 * Names of this network, and the built-in list of names that break when they
 * are faked, give way to a rule that means them, which is any but a MATCH:
 * what is carried by such a rule is carried, and what it sends to an upstream
 * by name goes there.
 *
 * Carried is every outbound but DIRECT and REJECT, an interface too: its
 * packets leave by that interface only if they come to the relay.
 */
#ifndef ERSATZ_DNSD_DECIDE_H
#define ERSATZ_DNSD_DECIDE_H

#include "common/config.h"
#include "dnsd/hosts.h"
#include "dnsd/question.h"
#include "dnsd/special.h"

enum decision_kind {
	DECISION_FAKE,    /* an address of the pool */
	DECISION_NODATA,  /* carried, and this type has nothing to say; ANY */
	DECISION_REJECT,  /* NXDOMAIN that names the rule */
	DECISION_REVERSE, /* the name of a fake address, at `reverse_slot` */
	DECISION_FORWARD, /* the upstream answers */
	DECISION_RESOLVE, /* a rule wants the address: queries_decide() */
	DECISION_SPECIAL, /* special_answer() */
	DECISION_SITE,    /* of this network: queries_home(), or the former */
	DECISION_HOSTS,   /* what hosts.h has at `host` */
};

struct decision {
	enum decision_kind kind;
	bool is_carried;      /* FORWARD: the name has fake addresses */
	int upstream;         /* index, never UPSTREAM_DEFAULT */
	int64_t reverse_slot; /* negative: a pool address without a slot */
	/* The entry that decides with HOSTS, or says that the name exists. */
	int64_t host;           /* negative: none */
	struct verdict verdict; /* kind NO_RULE where no rule was asked */
	/* Why the name is not treated as its verdict says; NULL: it is. */
	const struct special *special;
};

/*
 * The same, where somebody wrote down the address of the name: A and AAAA have
 * those, HTTPS, SVCB and ANY nothing that would lead elsewhere, and for other
 * types the name exists.
 */
struct decision decide_with_hosts(const struct hosts *hosts,
				  const struct config *config,
				  const struct question *question,
				  const struct addr *client);

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

/*
 * May packets to an address of a DIRECT name go past the relay, at the speed
 * of the kernel?  There nobody asks the rules: whatever goes to that address
 * is direct then, from any program to any port, whether it asked for this name
 * or not.  So two things must be true:
 *
 * - Every flow that the name brings about is DIRECT: so say the rules when
 *   asked with the name, the client and the address, and they do not need
 *   more.  An earlier rule about ports, or about what else only the relay
 *   knows, makes them need it, unless it leads to DIRECT as well; an earlier
 *   one about the address, which the name alone was not held against, is asked
 *   here.
 * - No rule about that address sends it elsewhere: asked as for a flow that
 *   nobody has a name for, the rules come to DIRECT, or to a MATCH, which is
 *   there for what nobody thought of.  (If that counted there would be no such
 *   address at all where the rest is carried.)  What the port or the protocol
 *   would have to tell is left out (is_final): such a rule behind the name's
 *   does not speak of the name, and nothing is known of other flows.
 *
 * When it may not, the answer is the same, and the relay decides about each
 * flow by its address.  With `on-crash: closed` none may.  `*is_personal` is
 * set, never cleared, when that depends on the client.
 */
bool decide_goes_past(const struct config *config, const struct name *name,
		      const struct addr *client, const struct addr *addr,
		      bool *is_personal);

/*
 * "fake", "nodata", "reject", "reverse", "forward", "resolve", "special",
 * "site", "hosts".
 */
const char *decision_word(enum decision_kind kind);

#endif
