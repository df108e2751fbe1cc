// SPDX-License-Identifier: BSD-2-Clause
/*
 * inquiry.h - asking the parent whose flow that is.
 *
 * A SOCKS server on this host is captured like every other program, and its
 * own connections must not be led back to it.  Only the parent can see which
 * process a socket belongs to.  Questions that the link does not take now
 * wait in a ring of fixed size.
 *
 * Errors	-EAGAIN: the ring is full; -errno of the link
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_INQUIRY_H
#define ERSATZ_ROUTED_RELAY_INQUIRY_H

#include "common/rules.h"
#include "routed/link.h"
#include "routed/relay/tuples.h"

#include <ev.h>

struct inquiry;

/* `link_fd` is borrowed. */
NODISCARD int inquiry_new(struct inquiry **inquiry, struct ev_loop *loop,
			  int link_fd, uint32_t capacity);
void inquiry_free(struct inquiry *inquiry);

/*
 * The answer is LINK_OWNED with the same `id`: below INQUIRY_UDP for TCP, and
 * from there on for UDP.
 */
#define INQUIRY_UDP 0x80000000U
NODISCARD int inquiry_ask(struct inquiry *inquiry, uint32_t id,
			  const struct link_flow *flow);

#endif
