// SPDX-License-Identifier: BSD-2-Clause
/*
 * exchange.h - one question to one server, until it has answered.
 *
 * Each exchange has a socket, thus a random source port, and an ID of its
 * own.  The socket is connected, so that the kernel drops what comes from
 * elsewhere, and bound to the uplink, so that it never enters the TUN.
 * Answers that are not ours are ignored and the right one is waited for;
 * there is no time-out here, the ask above has it.  A truncated answer goes on
 * by TCP, and a server that does not know EDNS is asked again without it.
 *
 * Ownership	struct exchange is embedded; buffers for TCP come out of a
 *		fixed number
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_UPSTREAM_EXCHANGE_H
#define ERSATZ_DNSD_UPSTREAM_EXCHANGE_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/config.h"
#include "common/fake.h"
#include "common/uplink.h"
#include "dnsd/question.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_UDP_MAX 4096
#define EXCHANGE_TCP_BUFFERS 64

struct exchange;
struct exchange_buffer;

struct exchange_result {
	/*
	 * 0; ERR_REFUSED: it answered with an rcode that is no help;
	 * ERR_MALFORMED; ERR_FOREIGN: with an address of our own pool;
	 * -errno.
	 */
	int status;
	const uint8_t *message; /* with 0 and ERR_REFUSED */
	size_t length;
	struct addr poison; /* with ERR_FOREIGN */
};

/* The exchange is at rest already; it may be started again from within. */
typedef void (*exchange_done_fn)(struct exchange *exchange,
				 const struct exchange_result *result);

/* What all exchanges share. */
struct exchanges {
	struct ev_loop *loop;             /* borrowed */
	const struct uplink_watch *watch; /* borrowed */
	const struct fake_pool *pool;     /* borrowed */
	exchange_done_fn fn;
	uint64_t foreign;                /* datagrams that were ignored */
	uint64_t truncated;              /* answers that went on by TCP */
	struct exchange_buffer *buffers; /* owned */
	struct exchange_buffer *free;
	uint8_t udp[EXCHANGE_UDP_MAX];
};

struct exchange {
	struct exchanges *all; /* borrowed */
	struct ev_io io;
	int fd; /* -1: at rest */
	uint16_t id;
	bool is_tcp, has_edns;
	struct endpoint server;
	const char *interface;           /* borrowed; NULL: the uplink */
	const struct question *question; /* borrowed, of the ask */
	struct exchange_buffer *buffer;  /* owned while TCP brings an answer */
	size_t received;
	void *ctx; /* of the one who started it */
};

/* `all` has everything set that stands above `buffers`. */
NODISCARD int exchanges_init(struct exchanges *all);
void exchanges_fini(struct exchanges *all);

void exchange_init(struct exchange *exchange, struct exchanges *all, void *ctx);

/*
 * Asks; ends with one call of `fn`, or of exchange_stop().  Negative when it
 * could not be sent; `fn` is not called then.
 */
NODISCARD int exchange_start(struct exchange *exchange,
			     const struct upstream_server_conf *server,
			     const char *interface,
			     const struct question *question);
bool exchange_is_open(const struct exchange *exchange);
void exchange_stop(struct exchange *exchange);

#endif
