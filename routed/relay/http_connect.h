// SPDX-License-Identifier: BSD-2-Clause
/*
 * http_connect.h - the client's side of a proxy's HTTP CONNECT.
 *
 * A pure state machine, used as socks.h is.  What it is shown of the answer
 * may reach into the stream behind; it says how much of it was the answer's,
 * and only that may be taken out of the socket.  A name goes to the proxy as
 * a name.
 *
 *	http_connect_start(...);
 *	while ((need = http_connect_need(h)) is SOCKS_SEND or SOCKS_RECEIVE)
 *		send http_connect_output(), then http_connect_sent(); or
 *		peek, http_connect_received(), take out what that returned
 *
 * Errors	-EINVAL from http_connect_start(); else SOCKS_FAILED with a
 *		refusal for the application and a reason for the log
 * Ownership	the reason lives as long as the machine
 * Source	RFC 9110 9.3.6, RFC 9112, RFC 7617 (Basic); what went wrong
 *		behind the proxy: RFC 9209, and squid's X-Squid-Error
 */
#ifndef ERSATZ_ROUTED_RELAY_HTTP_CONNECT_H
#define ERSATZ_ROUTED_RELAY_HTTP_CONNECT_H

#include "routed/relay/socks.h"

/* Two texts of 253 + 6, a login of 511 in Base64, and what stands between. */
#define HTTP_CONNECT_OUTPUT_MAX 1536
/* An answer that is longer is none. */
#define HTTP_CONNECT_ANSWER_MAX 16384

/* Members are private. */
struct http_connect {
	enum socks_need need;
	enum refusal refusal;
	bool is_proxys_fault, is_answered, has_login;
	bool has_detail; /* refusal and reason are those of a header */
	uint16_t status; /* 0: its line has not come yet */
	uint16_t out_length, out_sent;
	uint16_t received;
	uint16_t line_length; /* of the line that is coming, cut */
	char line[128];
	char reason[64];
	char out[HTTP_CONNECT_OUTPUT_MAX];
};

/* -EINVAL: the name or the login cannot be sent. */
NODISCARD int http_connect_start(struct http_connect *http,
				 const struct socks_target *target,
				 const struct socks_login *login);

enum socks_need http_connect_need(const struct http_connect *http);

const uint8_t *http_connect_output(const struct http_connect *http,
				   size_t *length);
void http_connect_sent(struct http_connect *http, size_t length);

/* How many of these bytes belong to the answer; at least one. */
size_t http_connect_received(struct http_connect *http, const uint8_t *bytes,
			     size_t length);
/* The proxy ended the connection instead: SOCKS_FAILED. */
void http_connect_ended(struct http_connect *http);

/* After SOCKS_FAILED. */
enum refusal http_connect_refusal(const struct http_connect *http);
const char *http_connect_reason(const struct http_connect *http);
bool http_connect_is_proxys_fault(const struct http_connect *http);
/* The proxy itself said so, with a status. */
bool http_connect_is_answered(const struct http_connect *http);

#endif
