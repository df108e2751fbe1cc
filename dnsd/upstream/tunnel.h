// SPDX-License-Identifier: BSD-2-Clause
/*
 * tunnel.h - TLS, HTTP/2 and proxies for upstreams; the boundary of libcurl.
 *
 * Two things are had here: a request to a DoH server, and a pipe of bytes to
 * a server, in TLS or not, whose far end is reached directly or through a
 * proxy.  The certificate must be valid and name the host.
 *
 * libcurl may still be loading (libcurl.h): calls wait for it.  Connections are
 *made, and their memory is taken, by libcurl; nothing is allocated here for a
 *query on a connection that stands.
 *
 * Every socket is bound as uplink.h says, to the interface of the upstream,
 * and gives up after some seconds without an acknowledgement.  Names are never
 * resolved: the address comes with the host, or the proxy gets the name.
 *
 * Errors	-errno; -EPROTO with a text of libcurl's; -ELIBACC when it
 *		cannot be loaded
 * Ownership	one struct tunnel for each way to a group of servers, whose
 *		connections it has
 * Thread	the thread of the loop
 * Source	RFC 8484 (DoH), RFC 7858 (DoT), libcurl-multi(3)
 */
#ifndef ERSATZ_DNSD_UPSTREAM_TUNNEL_H
#define ERSATZ_DNSD_UPSTREAM_TUNNEL_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/uplink.h"
#include "dnsd/upstream/libcurl.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TUNNEL_ASKS 128 /* requests under way, of one group */

struct tunnel;
struct tunnel_call; /* one request, or one pipe */

struct tunnel_conf {
	struct ev_loop *loop;             /* borrowed, as all of these */
	const struct uplink_watch *watch; /* that sockets are bound by */
	const struct upstream_conf *upstream;
	const struct upstream_way *way; /* of it */
	const struct libcurl *libcurl;
};

struct tunnel_result {
	int status; /* 0 or an error */
	const char *why;
	bool is_lost; /* the connection ended, as servers end one that idles */
	const uint8_t *body; /* of a request, with 0 */
	size_t length;
};

/* At most once for each call, never from within the function that made it. */
typedef void (*tunnel_done_fn)(void *ctx, const struct tunnel_result *result);

NODISCARD int tunnel_new(struct tunnel **tunnel,
			 const struct tunnel_conf *conf);
/* Ends what is under way without a call of its function. */
void tunnel_free(struct tunnel *tunnel);

/* libcurl is loaded, or cannot be: calls that waited for it go on. */
void tunnel_go_on(struct tunnel *tunnel);

/* The network is another one: new calls make new connections. */
void tunnel_reset(struct tunnel *tunnel);

/*
 * Asks a DoH server; the result comes when it is there.  The server is
 * borrowed as long as the call lives.  -EBUSY: too many are under way.
 * tunnel_call_free() ends it early, and frees it afterwards.
 */
NODISCARD int tunnel_ask(struct tunnel *tunnel, struct tunnel_call **call,
			 const struct upstream_server_conf *server,
			 const uint8_t *query, size_t length);

/* Opens a pipe to a server, in TLS if its transport is; done when it is open.
 */
NODISCARD int tunnel_open(struct tunnel *tunnel, struct tunnel_call **call,
			  const struct upstream_server_conf *server);

/* Who is called, before the loop goes on. */
void tunnel_call_set(struct tunnel_call *call, tunnel_done_fn fn, void *ctx);

/* Of a pipe that is open; bytes, 0: closed by the far end, -EAGAIN, -errno. */
int tunnel_call_fd(const struct tunnel_call *call);
ssize_t tunnel_call_send(struct tunnel_call *call, const uint8_t *bytes,
			 size_t length);
ssize_t tunnel_call_recv(struct tunnel_call *call, uint8_t *bytes, size_t size);

void tunnel_call_free(struct tunnel_call *call);

#endif
