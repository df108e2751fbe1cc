// SPDX-License-Identifier: BSD-2-Clause
#include "common/clock.h"
#include "routed/relay/udp/parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BATCH = 16,
	ROUNDS = 4,
	/* A train, or the largest datagram with the largest header. */
	BUFFER_SIZE = (64 << 10) + SOCKS_UDP_HEAD_MAX,
	CONTROL_SIZE = 2 * CMSG_SPACE(sizeof(int)),
};

struct letter {
	struct sockaddr_storage from;
	struct iovec iov;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
	uint8_t bytes[BUFFER_SIZE];
};

struct inbox {
	struct mmsghdr headers[BATCH];
	struct letter letters[BATCH];
};

int inbox_new(struct inbox **inbox)
{
	struct inbox *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	for (int i = 0; i < BATCH; i++) {
		new->letters[i].iov.iov_base = new->letters[i].bytes;
		new->letters[i].iov.iov_len = BUFFER_SIZE;
	}
	*inbox = new;
	return 0;
}

void inbox_free(struct inbox *inbox)
{
	free(inbox);
}

static void prepare(struct inbox *inbox)
{
	for (int i = 0; i < BATCH; i++) {
		struct letter *letter = &inbox->letters[i];

		inbox->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &letter->from,
			.msg_namelen = sizeof(letter->from),
			.msg_iov = &letter->iov,
			.msg_iovlen = 1,
			.msg_control = letter->control,
			.msg_controllen = CONTROL_SIZE,
		};
	}
}

struct marks {
	size_t segment; /* 0: one datagram */
	uint8_t tos;
};

static void read_marks(struct marks *marks, struct msghdr *msg)
{
	memset(marks, 0, sizeof(*marks));
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		int value = 0;

		/* IP_TOS comes as a byte, the others as int. */
		memcpy(&value, CMSG_DATA(cmsg),
		       cmsg->cmsg_len == CMSG_LEN(1) ? 1 : sizeof(value));
		if (cmsg->cmsg_level == IPPROTO_UDP &&
		    cmsg->cmsg_type == UDP_GRO)
			marks->segment = (size_t)value;
		else if (cmsg->cmsg_level == IPPROTO_IP ||
			 cmsg->cmsg_level == IPPROTO_IPV6)
			marks->tos = (uint8_t)value;
	}
}

/* A name that a proxy gives as the source: whose is it? */
static struct udp_peer *find_by_name(struct udp *udp, struct udp_leg *leg,
				     const struct socks_source *source)
{
	char text[UINT8_MAX + 1];
	struct name wanted, name;

	memcpy(text, source->text, source->text_length);
	text[source->text_length] = '\0';
	if (name_parse(&wanted, text) < 0)
		return NULL;
	for (struct udp_peer *peer = leg->peers; peer; peer = peer->next) {
		if (peer->slot > 0 &&
		    udp_peer_tuple(udp->table, peer)->dst.port ==
			    source->endpoint.port &&
		    decider_name(udp->parts->decider, peer->slot, &name) &&
		    name_equal(&name, &wanted))
			return peer;
	}
	return NULL;
}

/*
 * An address that nobody knows: it is the answer to the name that was asked
 * at that port last.
 */
static struct udp_peer *learn(struct udp *udp, struct udp_leg *leg,
			      const struct endpoint *real)
{
	struct udp_peer *found = NULL;

	if (leg->asked_count == 0)
		return NULL;
	for (struct udp_peer *peer = leg->peers; peer; peer = peer->next) {
		if (!peer->is_asked ||
		    udp_peer_tuple(udp->table, peer)->dst.port != real->port)
			continue;
		if (!found || peer->asked_ms > found->asked_ms)
			found = peer;
	}
	if (!found)
		return NULL;
	udp_peer_set_real(udp->table, found, real);
	/* Whoever waited for a turn to be asked has it now. */
	for (struct udp_peer *peer = leg->peers; peer; peer = peer->next) {
		if (peer->held.count > 0)
			udp_wake(udp, peer);
	}
	return found;
}

static struct udp_peer *find_peer(struct udp *udp, struct udp_leg *leg,
				  struct socks_source *source)
{
	char text[UINT8_MAX + 1];
	struct udp_peer *peer;

	if (source->text) {
		peer = find_by_name(udp, leg, source);
		if (peer)
			return peer;
		/* Some write addresses as text. */
		memcpy(text, source->text, source->text_length);
		text[source->text_length] = '\0';
		if (addr_parse(&source->endpoint.addr, text) < 0)
			return NULL;
	}
	peer = udp_peer_by_real(udp->table, leg, &source->endpoint);
	if (!peer && leg->is_proxy)
		peer = learn(udp, leg, &source->endpoint);
	return peer;
}

void inbox_deliver(struct udp *udp, struct udp_leg *leg,
		   struct socks_source *source, struct datagram *datagram)
{
	struct udp_peer *peer = find_peer(udp, leg, source);
	bool is_far = !fake_pool_has(&udp->parts->policy->config->dnsd.fake,
				     &leg->client.addr);

	datagram->src =
		peer ? udp_peer_tuple(udp->table, peer)->dst : source->endpoint;
	datagram->dst = leg->client;
	datagram->ttl = DATAGRAM_TTL;
	if (datagram->src.addr.family != leg->client.addr.family ||
	    datagram->length > DATAGRAM_PAYLOAD_MAX) {
		udp->counters.dropped++;
		return;
	}
	if (peer) {
		peer->down += datagram->length;
		peer->last_ms = udp->now_ms;
	}
	udp->counters.packets_down++;
	udp->counters.bytes_down += datagram->length;
	train_put(&udp->train, datagram, is_far);
}

static void take_apart(struct udp *udp, struct udp_leg *leg,
		       struct letter *letter, size_t length)
{
	struct msghdr *msg =
		&udp->inbox->headers[letter - udp->inbox->letters].msg_hdr;
	struct socks_source source = {.text = NULL};
	struct marks marks;
	size_t at = 0;

	read_marks(&marks, msg);
	if (!leg->is_proxy &&
	    endpoint_from_sockaddr(&source.endpoint,
				   (struct sockaddr *)&letter->from) < 0)
		return;
	do {
		size_t size = marks.segment && marks.segment < length - at
				      ? marks.segment
				      : length - at;
		struct datagram datagram = {.payload = letter->bytes + at,
					    .length = size,
					    .tos = marks.tos};
		int head = 0;

		at += size;
		if (leg->is_proxy)
			head = socks_udp_read(&source, datagram.payload, size);
		if (head < 0) {
			udp->counters.dropped++;
			continue;
		}
		datagram.payload += head;
		datagram.length -= (size_t)head;
		inbox_deliver(udp, leg, &source, &datagram);
	} while (at < length);
}

/* Is there no use in an association's socket any more? */
static bool is_lost(struct udp *udp, struct udp_leg *leg, int error)
{
	if (!leg->is_proxy)
		return false;
	if (error == EAGAIN || error == EINTR)
		return false;
	if (error == ECONNREFUSED) {
		udp_hear_proxy(udp, leg);
		return false;
	}
	udp_leg_shut(udp, leg);
	return true;
}

bool inbox_read(struct udp *udp, struct udp_leg *leg)
{
	struct inbox *inbox = udp->inbox;

	for (int round = 0; round < ROUNDS; round++) {
		int count;

		prepare(inbox);
		count = recvmmsg(leg->fd, inbox->headers, BATCH, 0, NULL);
		if (count < 0 && is_lost(udp, leg, errno))
			return false;
		/* An error of the way is told by the queue; others follow. */
		if (count < 0 && errno != EAGAIN && errno != EINTR)
			continue;
		for (int i = 0; i < count; i++)
			take_apart(udp, leg, &inbox->letters[i],
				   inbox->headers[i].msg_len);
		train_flush(&udp->train);
		if (leg->fd < 0)
			return false;
		if (count > 0)
			leg->last_ms = udp->now_ms;
		if (count < BATCH)
			return false;
	}
	return true;
}
