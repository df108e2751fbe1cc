// SPDX-License-Identifier: BSD-2-Clause
/*
 * socks.h - the client's side of SOCKS5: CONNECT and UDP ASSOCIATE.
 *
 * A pure state machine: it says what to send and how many bytes may be read
 * next, and never takes a byte that belongs to the stream behind the reply.
 * A name goes to the server as a name.
 *
 *	socks_start(...);
 *	while ((need = socks_need(s)) is SOCKS_SEND or SOCKS_RECEIVE)
 *		send socks_output(), then socks_sent(); or
 *		receive to socks_input(), then socks_received()
 *
 * Pipelined, everything is sent at once, and the only method offered is the
 * one that will be used: a round trip less, or two with a login, with servers
 * that take it.  Others lose what comes behind the greeting.
 *
 * Errors	-EINVAL from socks_start(); else SOCKS_FAILED with a refusal
 *		for the application and a reason for the log
 * Ownership	name and login are borrowed until the end
 * Source	RFC 1928, RFC 1929
 */
#ifndef ERSATZ_ROUTED_RELAY_SOCKS_H
#define ERSATZ_ROUTED_RELAY_SOCKS_H

#include "routed/relay/socks_address.h"
#include "routed/relay/unreachable.h"

struct socks_login {
	const char *username; /* 1 to 255 bytes */
	const char *password; /* 0 to 255 bytes */
};

enum socks_need {
	SOCKS_SEND,
	SOCKS_RECEIVE,
	SOCKS_DONE,
	SOCKS_FAILED,
};

enum socks_phase {
	SOCKS_GREETING,
	SOCKS_METHOD,
	SOCKS_LOGIN,
	SOCKS_LOGIN_ANSWER,
	SOCKS_REQUEST,
	SOCKS_REPLY_HEAD,
	SOCKS_REPLY_REST,
	SOCKS_END,
};

/* Greeting; version, 2 lengths, 2 texts of 255; a request. */
#define SOCKS_OUTPUT_MAX (4 + 513 + 3 + SOCKS_ADDRESS_MAX)
#define SOCKS_INPUT_MAX 262 /* a reply with a name of 255 */

/* Members are private. */
struct socks {
	const struct socks_login *login; /* borrowed, NULL: none */
	struct socks_target target;
	uint8_t command;
	enum socks_phase phase;
	enum refusal refusal;
	const char *reason; /* NULL: no failure */
	bool is_servers_fault;
	bool is_unsupported; /* the command, as far as one can tell */
	bool is_pipelined, is_greeting_only;
	bool is_answered;    /* there was a reply to the request */
	uint8_t type, first; /* of the reply's address */
	uint16_t out_length, out_sent;
	uint16_t in_length, in_wanted;
	uint8_t out[SOCKS_OUTPUT_MAX];
	uint8_t in[SOCKS_INPUT_MAX];
};

/* -EINVAL: the name has a label that cannot be sent, the login is too long. */
NODISCARD int socks_start(struct socks *socks,
			  const struct socks_target *target,
			  const struct socks_login *login);

/* Done once the server would take a request. */
NODISCARD int socks_start_greeting(struct socks *socks,
				   const struct socks_login *login);

/* Right after one of the other starts. */
void socks_pipeline(struct socks *socks);

/*
 * Asks for UDP instead; the association lasts as long as the connection.
 * Who will send is not told: behind a NAT nobody knows.
 */
NODISCARD int socks_start_udp(struct socks *socks,
			      const struct socks_login *login);

enum socks_need socks_need(const struct socks *socks);

/* What is still to be sent now. */
const uint8_t *socks_output(const struct socks *socks, size_t *length);
void socks_sent(struct socks *socks, size_t length);

/* Where to receive, and at most how much; then how much it was. */
uint8_t *socks_input(struct socks *socks, size_t *room);
void socks_received(struct socks *socks, size_t length);
/* The server ended the connection instead: SOCKS_FAILED. */
void socks_ended(struct socks *socks);

/*
 * After SOCKS_DONE of an association: where datagrams go.  An address without
 * a family, or the unspecified one, stands for the server's own.
 */
struct endpoint socks_bound(const struct socks *socks);

/* After SOCKS_FAILED. */
enum refusal socks_refusal(const struct socks *socks);
const char *socks_reason(const struct socks *socks);
/* It is the server or our login that is wrong, not the destination. */
bool socks_is_servers_fault(const struct socks *socks);
/* The server does not know the command: no use to ask again soon. */
bool socks_is_unsupported(const struct socks *socks);

/* Has the server said anything; has it replied to the request? */
bool socks_is_greeted(const struct socks *socks);
bool socks_is_answered(const struct socks *socks);

#endif
