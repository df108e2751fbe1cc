// SPDX-License-Identifier: BSD-2-Clause
#include "common/err.h"
#include "routed/relay/heard.h"
#include "routed/relay/udp/parts.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	QUOTED_MAX = 512, /* of the payload: what an ICMP error has room for */
	ERRORS_MAX = 64,  /* at a time */
	BYTES_MAX = 2048,
};

enum refusal udp_refusal_of(int error)
{
	switch (-error) {
	case ENETUNREACH:
	case ENETDOWN:
	case ENODEV:
		return REFUSAL_NET;
	case EACCES:
	case EPERM:
		return REFUSAL_PROHIBITED;
	case ECONNREFUSED:
		return REFUSAL_PORT;
	default: /* the rest of errno.h */
		return REFUSAL_HOST;
	}
}

/* The packet as the application sent it, as far as an error quotes it. */
static bool remake(const struct datagram *datagram,
		   uint8_t bytes[DATAGRAM_HEAD_MAX + QUOTED_MAX],
		   struct packet *packet)
{
	struct datagram quoted = *datagram;
	size_t size;

	if (quoted.length > QUOTED_MAX)
		quoted.length = QUOTED_MAX;
	quoted.segment = 0;
	size = datagram_put_head(bytes, &quoted, 0);
	if (quoted.length > 0)
		memcpy(bytes + size, quoted.payload, quoted.length);
	return packet_parse(packet, bytes + CARRIER_HEADER_SIZE,
			    size - CARRIER_HEADER_SIZE + quoted.length) == 0;
}

void udp_refuse(struct udp *udp, const struct datagram *datagram,
		enum refusal refusal)
{
	uint8_t bytes[DATAGRAM_HEAD_MAX + QUOTED_MAX];
	struct packet packet;

	udp->counters.refused++;
	if (remake(datagram, bytes, &packet))
		carrier_refuse(udp->parts->carrier, &packet, refusal);
}

static void pass_on(struct udp *udp, const struct datagram *datagram,
		    const struct unreachable_error *error)
{
	uint8_t bytes[DATAGRAM_HEAD_MAX + QUOTED_MAX];
	struct packet packet;

	if (remake(datagram, bytes, &packet))
		carrier_pass_on(udp->parts->carrier, &packet, error);
}

/* Who asked, and whom; the bytes that came back are payload. */
static void tell(struct udp *udp, struct udp_leg *leg,
		 const struct endpoint *real, struct datagram *datagram,
		 struct unreachable_error *error)
{
	const struct udp_peer *peer = udp_peer_by_real(udp->table, leg, real);

	datagram->src = leg->client;
	datagram->dst = peer ? udp_peer_tuple(udp->table, peer)->dst : *real;
	datagram->ttl = DATAGRAM_TTL;
	if (datagram->dst.addr.family != leg->client.addr.family)
		return;
	/* Who was asked speaks by the address that the application knows. */
	if (addr_equal(&error->from, &real->addr))
		error->from = datagram->dst.addr;
	pass_on(udp, datagram, error);
}

unsigned udp_hear(struct udp *udp, struct udp_leg *leg)
{
	unsigned heard = 0;

	/* An association's socket has no queue: its error is in the way. */
	while (!leg->is_proxy && leg->fd >= 0 && heard < ERRORS_MAX) {
		_Alignas(struct cmsghdr) uint8_t control[256];
		uint8_t bytes[BYTES_MAX];
		struct sockaddr_storage to = {.ss_family = AF_UNSPEC};
		struct iovec iov = {bytes, sizeof(bytes)};
		struct msghdr msg = {.msg_name = &to,
				     .msg_namelen = sizeof(to),
				     .msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};
		struct datagram datagram = {.payload = bytes};
		struct unreachable_error error;
		struct endpoint real;
		ssize_t n = recvmsg(leg->fd, &msg, MSG_ERRQUEUE);

		if (n < 0)
			break;
		heard++;
		datagram.length = (size_t)n;
		if (endpoint_from_sockaddr(&real, (struct sockaddr *)&to) ==
			    0 &&
		    heard_read(&msg, leg->family == ADDR_IPV6, &error))
			tell(udp, leg, &real, &datagram, &error);
	}
	return heard;
}

void udp_hear_proxy(struct udp *udp, const struct udp_leg *leg)
{
	/* Of several it could be any. */
	if (leg->peers && !leg->peers->next)
		udp_refuse_peer(udp, leg->peers, REFUSAL_PORT);
}

void udp_refuse_peer(struct udp *udp, const struct udp_peer *peer,
		     enum refusal refusal)
{
	const struct tuple *tuple = udp_peer_tuple(udp->table, peer);
	const struct datagram datagram = {
		.src = tuple->src, .dst = tuple->dst, .ttl = DATAGRAM_TTL};

	udp_refuse(udp, &datagram, refusal);
}
