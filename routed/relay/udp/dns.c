// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/dns.h"

#include "routed/relay/udp/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	QUESTIONS = 4096, /* under way; a power of two */
	HEADER_SIZE = 12,
	ANSWER_MAX = 65535,
	ROUNDS = 64,
};

struct question {
	bool is_used;
	uint16_t id, sent_id; /* the application's, ours */
	struct endpoint client, asked;
};

struct udp_dns {
	struct udp *udp; /* borrowed */
	int fd;          /* owned, -1: none */
	struct endpoint server;
	struct poller_source source;
	uint16_t next; /* id: the low bits are the place in the table */
	struct question questions[QUESTIONS];
	uint8_t bytes[ANSWER_MAX];
};

int udp_dns_new(struct udp_dns **dns, struct udp *udp)
{
	struct udp_dns *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->udp = udp;
	new->fd = -1;
	*dns = new;
	return 0;
}

static void close_socket(struct udp_dns *dns)
{
	if (dns->fd < 0)
		return;
	poller_forget(dns->udp->parts->poller, &dns->source);
	close(dns->fd);
	dns->fd = -1;
}

void udp_dns_free(struct udp_dns *dns)
{
	if (!dns)
		return;
	close_socket(dns);
	free(dns);
}

static uint16_t get_id(const uint8_t *message)
{
	return (uint16_t)(message[0] << 8 | message[1]);
}

static void put_id(uint8_t *message, uint16_t id)
{
	message[0] = (uint8_t)(id >> 8);
	message[1] = (uint8_t)id;
}

/* Nobody listens there: all that is under way is told. */
static void refuse_all(struct udp_dns *dns)
{
	for (size_t i = 0; i < QUESTIONS; i++) {
		struct question *question = &dns->questions[i];
		uint8_t header[HEADER_SIZE] = {0};
		const struct datagram datagram = {
			.src = question->client,
			.dst = question->asked,
			.payload = header,
			.length = sizeof(header),
			.ttl = DATAGRAM_TTL,
		};

		if (!question->is_used)
			continue;
		question->is_used = false;
		put_id(header, question->id);
		udp_refuse(dns->udp, &datagram, REFUSAL_PORT);
	}
}

static void on_answer(struct udp_dns *dns, size_t length)
{
	struct udp *udp = dns->udp;
	const struct fake_pool *pool = &udp->parts->policy->config->dnsd.fake;
	uint16_t id = get_id(dns->bytes);
	struct question *question = &dns->questions[id % QUESTIONS];
	const struct datagram datagram = {
		.src = question->asked,
		.dst = question->client,
		.payload = dns->bytes,
		.length = length,
		.ttl = DATAGRAM_TTL,
	};

	if (!question->is_used || question->sent_id != id)
		return;
	question->is_used = false;
	put_id(dns->bytes, question->id);
	train_put(&udp->train, &datagram,
		  !fake_pool_has(pool, &question->client.addr));
	train_flush(&udp->train);
}

static void on_event(void *ctx, struct poller_source *source, uint32_t events)
{
	struct udp_dns *dns = CONTAINER_OF(source, struct udp_dns, source);

	(void)ctx, (void)events;
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = recv(dns->fd, dns->bytes, sizeof(dns->bytes), 0);

		if (n < 0 && errno == ECONNREFUSED)
			refuse_all(dns);
		else if (n < 0)
			return;
		else if (n >= HEADER_SIZE)
			on_answer(dns, (size_t)n);
	}
	poller_again(dns->udp->parts->poller, source);
}

/* To where dnsd listens now: a reload may have changed it. */
static int open_socket(struct udp_dns *dns)
{
	const struct endpoint server = policy_dnsd(dns->udp->parts->policy);
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(&server, &ss);
	int ret;

	if (dns->fd >= 0 && endpoint_equal(&dns->server, &server))
		return 0;
	close_socket(dns);
	dns->server = server;
	dns->fd = socket(addr_af(&server.addr),
			 SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dns->fd < 0)
		return -errno;
	dns->source.fn = on_event;
	ret = connect(dns->fd, (struct sockaddr *)&ss, size) < 0 ? -errno : 0;
	if (ret == 0)
		ret = poller_add(dns->udp->parts->poller, dns->fd,
				 &dns->source);
	if (ret < 0) {
		close(dns->fd);
		dns->fd = -1;
	}
	return ret;
}

/* The error of an earlier one is in the way of the next. */
static int send_question(const struct udp_dns *dns, const uint8_t *bytes,
			 size_t length)
{
	for (int i = 0; i < 2; i++) {
		if (send(dns->fd, bytes, length, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != ECONNREFUSED)
			break;
	}
	return -errno;
}

static void ask_one(struct udp_dns *dns, const struct datagram *datagram)
{
	uint16_t id = ++dns->next;
	struct question *question = &dns->questions[id % QUESTIONS];
	int ret = open_socket(dns);

	if (ret == 0) {
		memcpy(dns->bytes, datagram->payload, datagram->length);
		put_id(dns->bytes, id);
		ret = send_question(dns, dns->bytes, datagram->length);
	}
	if (ret < 0) {
		udp_refuse(dns->udp, datagram, REFUSAL_PORT);
		return;
	}
	dns->udp->counters.queries++;
	*question = (struct question){
		.is_used = true,
		.id = get_id(datagram->payload),
		.sent_id = id,
		.client = datagram->src,
		.asked = datagram->dst,
	};
}

void udp_dns_ask(struct udp_dns *dns, const struct datagram *datagram)
{
	size_t step = datagram->segment ? datagram->segment : datagram->length;

	for (size_t at = 0; at < datagram->length; at += step) {
		struct datagram one = *datagram;
		size_t left = datagram->length - at;

		one.payload += at;
		one.length = left < step ? left : step;
		one.segment = 0;
		if (one.length >= HEADER_SIZE)
			ask_one(dns, &one);
		else /* That is no question. */
			udp_refuse(dns->udp, &one, REFUSAL_PORT);
	}
}
