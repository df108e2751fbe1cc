// SPDX-License-Identifier: BSD-2-Clause
/*
 * resolver.h - the real addresses of a faked name.
 *
 * A flow to a fake address that goes DIRECT or out of an interface needs
 * what the name means out there.  dnsd knows; it is asked on its control
 * socket, {"verb":"resolve","name":...,"family":4}, one connection a look-up.
 *
 * Errors	-errno, ERR_NOT_RUNNING: no dnsd, ERR_REFUSED: dnsd says no,
 *		ERR_MALFORMED: that is no dnsd, ERR_FULL: too many at a time
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_RESOLVER_H
#define ERSATZ_ROUTED_RELAY_RESOLVER_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/name.h"

#include <ev.h>

#define RESOLVER_ADDRS_MAX 4 /* further ones are left out */

struct resolver;
struct resolver_lookup;

struct resolver_answer {
	int status; /* 0: there is at least one address */
	size_t count;
	struct addr addrs[RESOLVER_ADDRS_MAX];
};

typedef void (*resolver_done_fn)(void *ctx,
				 const struct resolver_answer *answer);

struct resolver_question {
	const struct name *name; /* copied */
	enum addr_family family;
	resolver_done_fn fn;
	void *ctx;
};

/* `path` is dnsd's control socket, copied; `capacity` look-ups at a time. */
NODISCARD int resolver_new(struct resolver **resolver, struct ev_loop *loop,
			   const char *path, unsigned capacity);
/* Every look-up must have ended or been stopped. */
void resolver_free(struct resolver *resolver);

/*
 * Asks for the addresses of one family.  The function is called once, later,
 * unless the look-up is stopped before.  Negative: not even started.
 */
NODISCARD int resolver_ask(struct resolver *resolver,
			   const struct resolver_question *question,
			   struct resolver_lookup **lookup);
void resolver_stop(struct resolver_lookup *lookup);

#endif
