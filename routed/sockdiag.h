// SPDX-License-Identifier: BSD-2-Clause
/*
 * sockdiag.h - the sockets of this host: who has them, and ending them.
 *
 * Privilege	CAP_NET_ADMIN for sockdiag_destroy()
 * Errors	-errno; -ENOENT: no such socket; -EOPNOTSUPP: a kernel without
 *		CONFIG_INET_DIAG_DESTROY
 * Thread	one thread for each object; in the network namespace in which
 *		sockdiag_open() was called
 * Source	sock_diag(7)
 */
#ifndef ERSATZ_ROUTED_SOCKDIAG_H
#define ERSATZ_ROUTED_SOCKDIAG_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/rules.h"

#include <stdint.h>
#include <sys/types.h>

struct sockdiag;

/* Bits of `states`. */
enum sockdiag_states {
	SOCKDIAG_ESTABLISHED = 1 << 1,
	SOCKDIAG_UNCONNECTED = 1 << 7, /* UDP */
	SOCKDIAG_LISTENING = 1 << 10,
	/* What can send: not LISTEN, TIME_WAIT, CLOSE. */
	SOCKDIAG_ALIVE = 0xb3e,
};

struct sockdiag_socket {
	struct endpoint local;
	struct endpoint remote;
	uint32_t inode; /* 0: the kernel's own */
	uid_t uid;      /* of who made it */
};

NODISCARD int sockdiag_open(struct sockdiag **diag);
void sockdiag_close(struct sockdiag *diag);

struct sockdiag_query {
	enum network network; /* TCP or UDP */
	uint32_t states;
	uint16_t port; /* local; 0: any */
};

typedef void (*sockdiag_fn)(void *ctx, const struct sockdiag_socket *socket);

/* Calls `fn`, which must not use the same object, for each of both families. */
NODISCARD int sockdiag_each(struct sockdiag *diag,
			    const struct sockdiag_query *query, sockdiag_fn fn,
			    void *ctx);

/* The socket whose packets have this source and destination. */
NODISCARD int sockdiag_find(struct sockdiag *diag, enum network network,
			    const struct endpoint *src,
			    const struct endpoint *dst,
			    struct sockdiag_socket *socket);

/*
 * Ends every connection whose local address is `src`: its application sees
 * ECONNABORTED at once instead of a silence.  How many, or an error.
 */
NODISCARD int sockdiag_destroy(struct sockdiag *diag, const struct addr *src);

#endif
