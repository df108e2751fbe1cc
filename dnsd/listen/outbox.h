// SPDX-License-Identifier: BSD-2-Clause
/*
 * outbox.h - replies that a TCP client has not taken yet.
 *
 * A reply is kept only when the socket does not take it at once, which hardly
 * ever happens: so there are few outboxes, each for one client and large
 * enough for the longest message, and no memory is touched for the others.
 *
 * Errors	-errno
 * Ownership	the pool is embedded; outboxes belong to it
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_LISTEN_OUTBOX_H
#define ERSATZ_DNSD_LISTEN_OUTBOX_H

#include "common/compiler.h"
#include "dnsd/question.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#define OUTBOX_SIZE (2 + DNS_MESSAGE_MAX)

struct outbox {
	TAILQ_ENTRY(outbox) link;
	void *owner; /* borrowed: the client */
	size_t at, used;
	uint8_t bytes[OUTBOX_SIZE];
};

TAILQ_HEAD(outbox_list, outbox);

struct outboxes {
	struct outbox *all;             /* owned */
	struct outbox_list free, taken; /* the latter in the order of taking */
};

NODISCARD int outboxes_init(struct outboxes *outboxes, size_t count);
void outboxes_fini(struct outboxes *outboxes);

/* An empty one, or NULL: see outboxes_oldest(). */
struct outbox *outbox_take(struct outboxes *outboxes, void *owner);
void outbox_give_back(struct outboxes *outboxes, struct outbox *outbox);

/* The owner of the one that was taken first; NULL: none is taken. */
void *outboxes_oldest(const struct outboxes *outboxes);

/* Appends all of `iov`; -ENOBUFS when there is no room for it. */
NODISCARD int outbox_add(struct outbox *outbox, const struct iovec *iov,
			 size_t count);

/* Sends what the socket takes; 1: it is empty now, 0: more is to be sent. */
NODISCARD int outbox_send(struct outbox *outbox, int fd);

#endif
