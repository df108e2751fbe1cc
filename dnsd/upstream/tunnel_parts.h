// SPDX-License-Identifier: BSD-2-Clause
/*
 * tunnel_parts.h - what the files of tunnel.h share, and nobody else needs.
 *
 * tunnel.c	calls, and libcurl in our loop
 * tunnel_setup.c	what libcurl is told of a call
 */
#ifndef ERSATZ_DNSD_UPSTREAM_TUNNEL_PARTS_H
#define ERSATZ_DNSD_UPSTREAM_TUNNEL_PARTS_H

#include "dnsd/upstream/libcurl_api.h"
#include "dnsd/upstream/tunnel.h"

#define BODY_MAX 65535
#define QUERY_MAX 512

enum tunnel_kind { CALL_FREE, CALL_ASK, CALL_OPEN };

struct tunnel_call {
	struct tunnel *tunnel; /* borrowed */
	CURL *easy; /* owned; kept for the next one by those of DoH */
	enum tunnel_kind kind;
	struct tunnel_call *next; /* the next one that waits for libcurl */
	bool is_waiting;
	const struct upstream_server_conf *server; /* borrowed */
	struct curl_slist *connect_to;             /* owned */
	tunnel_done_fn fn;
	void *ctx;
	uint8_t *body; /* owned, BODY_MAX bytes; of DoH */
	size_t length;
	size_t query_length;
	uint8_t query[QUERY_MAX];
	char error[CURL_ERROR_SIZE];
};

struct tunnel {
	struct tunnel_conf conf;
	const struct libcurl_api *api; /* borrowed; NULL: not loaded yet */
	CURLM *multi;                  /* owned; with `api` */
	struct tunnel_call *waiting;   /* in the order of asking */
	struct ev_timer timer;
	struct curl_slist *headers; /* owned */
	bool is_fresh;              /* the next one makes a new connection */
	struct tunnel_call asks[TUNNEL_ASKS]; /* owned */
};

/* All options of its handle. */
NODISCARD int tunnel_call_set_up(struct tunnel_call *call);

#endif
