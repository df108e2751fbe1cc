// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/socks.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	SOCKS_VERSION = 5,
	LOGIN_VERSION = 1, /* RFC 1929 */
	METHOD_NONE = 0,
	METHOD_LOGIN = 2,
	METHOD_NO_ACCEPTABLE = 0xff,
	COMMAND_CONNECT = 1,
	COMMAND_UDP_ASSOCIATE = 3,
	REPLY_UNSUPPORTED = 7,
	TYPE_IPV4 = 1,
	TYPE_NAME = 3,
	TYPE_IPV6 = 4,
	TEXT_MAX = 255,
	/* version, reply, reserved, type, and one byte of the address */
	HEAD_SIZE = 5,
};

/* RFC 1928, section 6. */
static const struct {
	enum refusal refusal;
	const char *text;
} replies[] = {
	[1] = {REFUSAL_HOST, "general failure"},
	[2] = {REFUSAL_PROHIBITED, "not allowed by its rules"},
	[3] = {REFUSAL_NET, "network unreachable"},
	[4] = {REFUSAL_HOST, "host unreachable"},
	[5] = {REFUSAL_RESET, "connection refused"},
	[6] = {REFUSAL_HOST, "time to live expired"},
	[7] = {REFUSAL_PROHIBITED, "command not supported"},
	[8] = {REFUSAL_HOST, "address type not supported"},
};

static void fail(struct socks *socks, enum refusal refusal, const char *reason)
{
	socks->phase = SOCKS_END;
	socks->refusal = refusal;
	socks->reason = reason;
	socks->is_servers_fault = true;
	socks->in_length = socks->in_wanted = 0;
	socks->out_length = socks->out_sent = 0;
}

static void fail_by_reply(struct socks *socks, uint8_t reply)
{
	if (reply < ARRAY_LEN(replies))
		fail(socks, replies[reply].refusal, replies[reply].text);
	else
		fail(socks, REFUSAL_HOST, "an unknown reply");
	socks->is_servers_fault = false;
	socks->is_unsupported = reply == REPLY_UNSUPPORTED;
}

static void put(struct socks *socks, const void *bytes, size_t length)
{
	assert(socks->out_length + length <= sizeof(socks->out));
	memcpy(socks->out + socks->out_length, bytes, length);
	socks->out_length = (uint16_t)(socks->out_length + length);
}

static void put_byte(struct socks *socks, size_t value)
{
	uint8_t byte = (uint8_t)value;

	put(socks, &byte, 1);
}

static void put_text(struct socks *socks, const char *text)
{
	put_byte(socks, strlen(text));
	put(socks, text, strlen(text));
}

static int start(struct socks *socks, uint8_t command,
		 const struct socks_login *login)
{
	if (login &&
	    (login->username[0] == '\0' || strlen(login->username) > TEXT_MAX ||
	     strlen(login->password) > TEXT_MAX))
		return -EINVAL;

	socks->login = login;
	socks->command = command;
	socks->phase = SOCKS_GREETING;
	socks->refusal = REFUSAL_HOST;
	socks->reason = NULL;
	socks->is_servers_fault = false;
	socks->is_unsupported = false;
	socks->is_pipelined = socks->is_greeting_only = false;
	socks->is_answered = false;
	socks->out_length = socks->out_sent = 0;
	socks->in_length = socks->in_wanted = 0;
	put_byte(socks, SOCKS_VERSION);
	put_byte(socks, login ? 2 : 1);
	put_byte(socks, METHOD_NONE);
	if (login)
		put_byte(socks, METHOD_LOGIN);
	return 0;
}

int socks_start(struct socks *socks, const struct socks_target *target,
		const struct socks_login *login)
{
	if (target->name && !socks_address_is_sendable(target->name))
		return -EINVAL;
	socks->target = *target;
	return start(socks, COMMAND_CONNECT, login);
}

int socks_start_udp(struct socks *socks, const struct socks_login *login)
{
	socks->target =
		(struct socks_target){.endpoint.addr.family = ADDR_IPV4};
	return start(socks, COMMAND_UDP_ASSOCIATE, login);
}

int socks_start_greeting(struct socks *socks, const struct socks_login *login)
{
	int ret = start(socks, COMMAND_CONNECT, login);

	socks->is_greeting_only = true;
	return ret;
}

static void start_sending(struct socks *socks, enum socks_phase phase)
{
	socks->phase = phase;
	socks->out_length = socks->out_sent = 0;
}

static void start_receiving(struct socks *socks, enum socks_phase phase,
			    size_t wanted)
{
	socks->phase = phase;
	socks->in_length = 0;
	socks->in_wanted = (uint16_t)wanted;
}

static void put_login(struct socks *socks)
{
	put_byte(socks, LOGIN_VERSION);
	put_text(socks, socks->login->username);
	put_text(socks, socks->login->password);
}

static void put_request(struct socks *socks)
{
	uint8_t address[SOCKS_ADDRESS_MAX];

	put_byte(socks, SOCKS_VERSION);
	put_byte(socks, socks->command);
	put_byte(socks, 0);
	put(socks, address, socks_address_put(address, &socks->target));
}

void socks_pipeline(struct socks *socks)
{
	assert(socks->phase == SOCKS_GREETING && !socks->is_greeting_only);
	socks->is_pipelined = true;
	socks->out_length = 0;
	put_byte(socks, SOCKS_VERSION);
	put_byte(socks, 1);
	put_byte(socks, socks->login ? METHOD_LOGIN : METHOD_NONE);
	if (socks->login)
		put_login(socks);
	put_request(socks);
}

/* What follows the greeting: to be sent, or on its way already. */
static void start_login(struct socks *socks)
{
	if (socks->is_pipelined) {
		start_receiving(socks, SOCKS_LOGIN_ANSWER, 2);
		return;
	}
	start_sending(socks, SOCKS_LOGIN);
	put_login(socks);
}

static void start_request(struct socks *socks)
{
	if (socks->is_greeting_only) {
		socks->phase = SOCKS_END;
		return;
	}
	if (socks->is_pipelined) {
		start_receiving(socks, SOCKS_REPLY_HEAD, HEAD_SIZE);
		return;
	}
	start_sending(socks, SOCKS_REQUEST);
	put_request(socks);
}

enum socks_need socks_need(const struct socks *socks)
{
	switch (socks->phase) {
	case SOCKS_GREETING:
	case SOCKS_LOGIN:
	case SOCKS_REQUEST:
		return SOCKS_SEND;
	case SOCKS_METHOD:
	case SOCKS_LOGIN_ANSWER:
	case SOCKS_REPLY_HEAD:
	case SOCKS_REPLY_REST:
		return SOCKS_RECEIVE;
	case SOCKS_END:
		break;
	}
	return socks->reason ? SOCKS_FAILED : SOCKS_DONE;
}

const uint8_t *socks_output(const struct socks *socks, size_t *length)
{
	*length = (size_t)socks->out_length - socks->out_sent;
	return socks->out + socks->out_sent;
}

void socks_sent(struct socks *socks, size_t length)
{
	assert(socks_need(socks) == SOCKS_SEND);
	assert(length <= (size_t)socks->out_length - socks->out_sent);
	socks->out_sent = (uint16_t)(socks->out_sent + length);
	if (socks->out_sent < socks->out_length)
		return;
	if (socks->phase == SOCKS_GREETING)
		start_receiving(socks, SOCKS_METHOD, 2);
	else if (socks->phase == SOCKS_LOGIN)
		start_receiving(socks, SOCKS_LOGIN_ANSWER, 2);
	else
		start_receiving(socks, SOCKS_REPLY_HEAD, HEAD_SIZE);
}

uint8_t *socks_input(struct socks *socks, size_t *room)
{
	*room = (size_t)socks->in_wanted - socks->in_length;
	return socks->in + socks->in_length;
}

static void on_method(struct socks *socks)
{
	if (socks->in[0] != SOCKS_VERSION)
		fail(socks, REFUSAL_NET, "the server speaks no SOCKS5");
	else if (socks->in[1] == METHOD_NONE &&
		 !(socks->is_pipelined && socks->login))
		start_request(socks);
	else if (socks->in[1] == METHOD_LOGIN && socks->login)
		start_login(socks);
	else if (socks->in[1] == METHOD_NO_ACCEPTABLE)
		fail(socks, REFUSAL_PROHIBITED,
		     "the server wants another way to log in");
	else
		fail(socks, REFUSAL_NET,
		     "the server chose a method that was not offered");
}

static void on_login_answer(struct socks *socks)
{
	/* Some servers say 5 here; only the status means something. */
	if (socks->in[1] == 0)
		start_request(socks);
	else
		fail(socks, REFUSAL_PROHIBITED,
		     "the server refuses username or password");
}

static void on_reply_head(struct socks *socks)
{
	size_t address;

	if (socks->in[0] != SOCKS_VERSION) {
		fail(socks, REFUSAL_NET, "the reply is not of SOCKS5");
		return;
	}
	socks->is_answered = true;
	if (socks->in[1] != 0) {
		fail_by_reply(socks, socks->in[1]);
		return;
	}
	switch (socks->in[3]) {
	case TYPE_IPV4:
		address = 4;
		break;
	case TYPE_IPV6:
		address = 16;
		break;
	case TYPE_NAME:
		address = 1U + socks->in[4];
		break;
	default: /* a byte, no enum */
		fail(socks, REFUSAL_NET, "the reply has an unknown address");
		return;
	}
	/* One byte of the address has come with the head; the port follows. */
	socks->type = socks->in[3];
	socks->first = socks->in[4];
	start_receiving(socks, SOCKS_REPLY_REST, address - 1 + 2);
}

void socks_received(struct socks *socks, size_t length)
{
	assert(socks_need(socks) == SOCKS_RECEIVE);
	assert(length <= (size_t)socks->in_wanted - socks->in_length);
	socks->in_length = (uint16_t)(socks->in_length + length);
	if (socks->in_length < socks->in_wanted)
		return;
	if (socks->phase == SOCKS_METHOD)
		on_method(socks);
	else if (socks->phase == SOCKS_LOGIN_ANSWER)
		on_login_answer(socks);
	else if (socks->phase == SOCKS_REPLY_HEAD)
		on_reply_head(socks);
	else
		socks->phase = SOCKS_END;
}

/* Many servers do that to say that the destination is out of reach. */
static void hang_up(struct socks *socks)
{
	if (socks->phase < SOCKS_REQUEST) {
		fail(socks, REFUSAL_NET, "the server hung up");
		return;
	}
	fail(socks, REFUSAL_HOST, "the server hung up on the request");
	socks->is_servers_fault = false;
	socks->is_unsupported = true;
}

void socks_ended(struct socks *socks)
{
	/* A short refusal is one all the same. */
	if (socks->phase == SOCKS_REPLY_HEAD && socks->in_length >= 2 &&
	    socks->in[0] == SOCKS_VERSION && socks->in[1] != 0) {
		socks->is_answered = true;
		fail_by_reply(socks, socks->in[1]);
	} else {
		hang_up(socks);
	}
}

enum refusal socks_refusal(const struct socks *socks)
{
	return socks->refusal;
}

const char *socks_reason(const struct socks *socks)
{
	return socks->reason ? socks->reason : "no failure";
}

bool socks_is_servers_fault(const struct socks *socks)
{
	return socks->is_servers_fault;
}

bool socks_is_unsupported(const struct socks *socks)
{
	return socks->is_unsupported;
}

struct endpoint socks_bound(const struct socks *socks)
{
	struct endpoint bound = {.port = 0};
	const uint8_t *rest = socks->in; /* without the head */
	uint8_t first = socks->first;

	if (socks->type != TYPE_NAME) {
		bound.addr.family =
			socks->type == TYPE_IPV4 ? ADDR_IPV4 : ADDR_IPV6;
		bound.addr.bytes[0] = first;
		memcpy(bound.addr.bytes + 1, rest, addr_size(&bound.addr) - 1);
	}
	rest += socks->in_length - 2;
	bound.port = (uint16_t)(rest[0] << 8 | rest[1]);
	return bound;
}

bool socks_is_greeted(const struct socks *socks)
{
	return socks->phase > SOCKS_METHOD;
}

bool socks_is_answered(const struct socks *socks)
{
	return socks->is_answered;
}
