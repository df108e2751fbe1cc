// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/handshake.h"

#include <errno.h>
#include <sys/socket.h>

static const struct socks_login *
login_of(const struct policy_outbound *outbound)
{
	return outbound->has_login ? &outbound->login : NULL;
}

int handshake_start(struct handshake *handshake,
		    const struct policy_outbound *outbound,
		    const struct socks_target *target)
{
	const struct socks_login *login = login_of(outbound);

	handshake->is_http = outbound->conf->type == OUTBOUND_TYPE_HTTP;
	handshake->is_nothing = handshake->is_http && !target;
	if (handshake->is_nothing)
		return 0;
	if (handshake->is_http)
		return http_connect_start(&handshake->http, target, login);
	if (!target)
		return socks_start_greeting(&handshake->socks, login);
	return socks_start(&handshake->socks, target, login);
}

int handshake_start_udp(struct handshake *handshake,
			const struct policy_outbound *outbound)
{
	if (outbound->conf->type == OUTBOUND_TYPE_HTTP)
		return -EOPNOTSUPP;
	handshake->is_http = handshake->is_nothing = false;
	return socks_start_udp(&handshake->socks, login_of(outbound));
}

void handshake_pipeline(struct handshake *handshake)
{
	if (!handshake->is_http)
		socks_pipeline(&handshake->socks);
}

static enum socks_need need_of(const struct handshake *handshake)
{
	if (handshake->is_nothing)
		return SOCKS_DONE;
	return handshake->is_http ? http_connect_need(&handshake->http)
				  : socks_need(&handshake->socks);
}

static ssize_t send_some(struct handshake *handshake, int fd)
{
	const uint8_t *output;
	size_t length;
	ssize_t n;

	output = handshake->is_http
			 ? http_connect_output(&handshake->http, &length)
			 : socks_output(&handshake->socks, &length);
	n = send(fd, output, length, MSG_NOSIGNAL);
	if (n <= 0)
		return n;
	if (handshake->is_http)
		http_connect_sent(&handshake->http, (size_t)n);
	else
		socks_sent(&handshake->socks, (size_t)n);
	return n;
}

static ssize_t receive_socks(struct socks *socks, int fd)
{
	size_t room;
	uint8_t *input = socks_input(socks, &room);
	ssize_t n = recv(fd, input, room, 0);

	if (n > 0)
		socks_received(socks, (size_t)n);
	else if (n == 0)
		socks_ended(socks);
	return n;
}

/* What follows the answer stays in the socket. */
static ssize_t receive_http(struct http_connect *http, int fd)
{
	uint8_t bytes[1024];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK);

	if (n > 0)
		return recv(fd, bytes,
			    http_connect_received(http, bytes, (size_t)n), 0);
	if (n == 0)
		http_connect_ended(http);
	return n;
}

int handshake_run(struct handshake *handshake, int fd, bool is_readable)
{
	for (;;) {
		ssize_t n = 0;

		switch (need_of(handshake)) {
		case SOCKS_SEND:
			n = send_some(handshake, fd);
			break;
		case SOCKS_RECEIVE:
			if (!is_readable)
				return HANDSHAKE_WAITS;
			n = handshake->is_http
				    ? receive_http(&handshake->http, fd)
				    : receive_socks(&handshake->socks, fd);
			break;
		case SOCKS_DONE:
			return HANDSHAKE_DONE;
		case SOCKS_FAILED:
			return HANDSHAKE_FAILED;
		}
		if (n < 0 && errno == EAGAIN)
			return HANDSHAKE_WAITS;
		if (n < 0)
			return -errno;
	}
}

struct handshake_failure handshake_failure(const struct handshake *handshake)
{
	const struct http_connect *http = &handshake->http;
	const struct socks *socks = &handshake->socks;

	if (handshake->is_http)
		return (struct handshake_failure){
			.refusal = http_connect_refusal(http),
			.reason = http_connect_reason(http),
			.is_proxys_fault = http_connect_is_proxys_fault(http),
			.is_answered = http_connect_is_answered(http),
		};
	return (struct handshake_failure){
		.refusal = socks_refusal(socks),
		.reason = socks_reason(socks),
		.is_proxys_fault = socks_is_servers_fault(socks),
		.is_answered = socks_is_answered(socks),
		.is_unsupported = socks_is_unsupported(socks),
	};
}

bool handshake_is_greeted(const struct handshake *handshake)
{
	return handshake->is_http ||
	       (!handshake->is_nothing && socks_is_greeted(&handshake->socks));
}
