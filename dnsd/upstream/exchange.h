// SPDX-License-Identifier: BSD-2-Clause
/*
 * exchange.h - one question to one server, until it has answered.
 *
 * By UDP each exchange has a socket, thus a random source port, and an ID of
 * its own.  The socket is connected, so that the kernel drops what comes from
 * elsewhere, and bound to the uplink, so that it never enters the TUN.  By TCP
 * and TLS it shares a connection with others (stream.h), by HTTPS too
 * (tunnel.h); there queries are padded, as their length would tell the name.
 *
 * Answers that are not ours are ignored and the right one is waited for;
 * there is no time-out here, the ask above has it.  A truncated answer goes on
 * by TCP, and a server that does not know EDNS is asked again without it.
 * Through a proxy there is no UDP: TCP takes its place.
 *
 * Ownership	struct exchange is embedded
 * Thread	the thread of the loop
 * Source	RFC 5452, RFC 8467 4.1 (128 bytes), RFC 8484 4.1 (ID 0)
 */
#ifndef ERSATZ_DNSD_UPSTREAM_EXCHANGE_H
#define ERSATZ_DNSD_UPSTREAM_EXCHANGE_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/config.h"
#include "common/fake.h"
#include "common/uplink.h"
#include "dnsd/question.h"
#include "dnsd/upstream/links.h"
#include "dnsd/upstream/stream.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_UDP_MAX 4096

struct exchange;

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
	const char *why;    /* what libcurl says, or NULL */
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
	uint64_t foreign;   /* messages that were ignored */
	uint64_t truncated; /* answers that went on by TCP */
	uint8_t udp[EXCHANGE_UDP_MAX];
};

/* For links_init(): streams of exchanges. */
extern const struct stream_ops exchange_stream_ops;

enum exchange_way {
	EXCHANGE_AT_REST,
	EXCHANGE_UDP,
	EXCHANGE_STREAM,
	EXCHANGE_HTTPS,
};

struct exchange {
	struct exchanges *all; /* borrowed */
	enum exchange_way way;
	struct ev_io io;
	int fd; /* by UDP, else -1 */
	uint16_t id;
	bool has_edns;
	bool is_again; /* by HTTPS, once, as the connection had ended */
	struct stream_query query; /* by TCP and TLS */
	struct tunnel_call *call;  /* owned, by HTTPS */
	struct links *links;       /* borrowed */
	size_t index;              /* of the server in its group */
	struct upstream_server_conf server;
	const struct question *question; /* borrowed, of the ask */
	void *ctx;                       /* of the one who started it */
};

void exchange_init(struct exchange *exchange, struct exchanges *all, void *ctx);

/*
 * Asks the server at that place of the group; ends with one call of `fn`, or
 * of exchange_stop().  Negative when it could not be sent; `fn` is not called
 * then.
 */
NODISCARD int exchange_start(struct exchange *exchange, struct links *links,
			     const struct group *group, size_t index,
			     const struct question *question);
bool exchange_is_open(const struct exchange *exchange);
void exchange_stop(struct exchange *exchange);

#endif
