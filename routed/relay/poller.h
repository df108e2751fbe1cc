// SPDX-License-Identifier: BSD-2-Clause
/*
 * poller.h - one edge-triggered registration for each socket of a flow.
 *
 * libev registers level-triggered and changes the set each time somebody
 * stops to be interested, which for a mover of bytes is several system calls
 * a round.  So the sockets of flows live in an epoll set of their own, which
 * libev watches as a single descriptor.  A source is told everything once
 * (EPOLLIN, EPOLLPRI, EPOLLOUT, EPOLLRDHUP, EPOLLERR, EPOLLHUP) and remembers
 *it.
 *
 * Errors	-errno
 * Ownership	sources are borrowed and stay where they are from
 *		poller_add() to poller_forget()
 * Thread	the thread of the loop
 * Source	epoll(7), "an epoll file descriptor is itself pollable"
 */
#ifndef ERSATZ_ROUTED_RELAY_POLLER_H
#define ERSATZ_ROUTED_RELAY_POLLER_H

#include "common/compiler.h"

#include <ev.h>
#include <stdint.h>
#include <sys/epoll.h>

struct poller;
struct poller_source;

/*
 * `events` as epoll(7) has them, 0 when it is the turn that poller_again()
 * asked for.  The function may forget any source, its own too.
 */
typedef void (*poller_fn)(void *ctx, struct poller_source *source,
			  uint32_t events);

/* Embedded by its user; all zero but `fn` before poller_add(). */
struct poller_source {
	poller_fn fn;
	struct poller_source *next, *prev; /* private: who wants a turn */
};

/* `ctx` is what every function of a source gets. */
NODISCARD int poller_new(struct poller **poller, struct ev_loop *loop,
			 void *ctx);
/* Every source must have been forgotten.  NULL is fine. */
void poller_free(struct poller *poller);

/* What is ready already comes as the first event. */
NODISCARD int poller_add(struct poller *poller, int fd,
			 struct poller_source *source);

/*
 * No event comes after this.  The descriptor must be closed before the loop
 * turns again: that is what takes it out of the set.  A source that was never
 * added is fine.
 */
void poller_forget(struct poller *poller, struct poller_source *source);

/* Another turn, after everybody else had one: work was left undone. */
void poller_again(struct poller *poller, struct poller_source *source);

#endif
