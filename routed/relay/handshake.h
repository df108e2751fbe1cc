// SPDX-License-Identifier: BSD-2-Clause
/*
 * handshake.h - what is said to a proxy before the stream begins.
 *
 * SOCKS5 or HTTP, by the type of the outbound: the machines of socks.h and
 * http_connect.h, and a connected non-blocking socket.
 *
 * Errors	what handshake_run() returns
 * Ownership	everything is borrowed
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_HANDSHAKE_H
#define ERSATZ_ROUTED_RELAY_HANDSHAKE_H

#include "routed/relay/http_connect.h"
#include "routed/relay/policy.h"
#include "routed/relay/socks.h"

/* Members are private. */
struct handshake {
	bool is_http, is_nothing;
	union {
		struct socks socks;
		struct http_connect http;
	};
};

struct handshake_failure {
	enum refusal refusal;
	const char *reason; /* lives as long as the handshake */
	bool is_proxys_fault;
	bool is_answered;    /* the proxy itself said so */
	bool is_unsupported; /* and it does not know the command */
};

/*
 * -EINVAL: the name cannot be said to the proxy.  Without a target it is done
 * once the proxy would take a request.
 */
NODISCARD int handshake_start(struct handshake *handshake,
			      const struct policy_outbound *outbound,
			      const struct socks_target *target);
/* Asks for UDP; -EOPNOTSUPP: it is HTTP, which has none. */
NODISCARD int handshake_start_udp(struct handshake *handshake,
				  const struct policy_outbound *outbound);
/* Right after a start, but one without a target; HTTP has nothing to pipeline.
 */
void handshake_pipeline(struct handshake *handshake);

enum handshake_result {
	HANDSHAKE_WAITS, /* for the socket */
	HANDSHAKE_DONE,
	HANDSHAKE_FAILED,
};

/*
 * As far as it goes now; or -errno of the socket.  A socket that is known not
 * to be readable yet is not asked: its answer is an event to come.
 */
NODISCARD int handshake_run(struct handshake *handshake, int fd,
			    bool is_readable);

struct handshake_failure handshake_failure(const struct handshake *handshake);

/* Has the proxy said anything yet? */
bool handshake_is_greeted(const struct handshake *handshake);

#endif
