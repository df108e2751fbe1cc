// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/outbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	ITEMS = 128,
	ARENA_SIZE = 320 << 10,
	PARTS_MAX = 1024, /* of all messages of a call */
	TRAIN_BYTES_MAX = 64000,
	IP_AND_UDP_MAX = 48,
	RETRIES_MAX = 4,
};

struct item {
	struct udp_leg *leg; /* borrowed; NULL: done with */
	struct datagram datagram;
	struct outbox_target target;
};

/* One of sendmmsg(2): a datagram, or a train of them. */
struct message {
	const struct item *item; /* the first one's */
	size_t unit, bytes;
	unsigned segments;
	bool is_closed;
	struct sockaddr_storage to;
	_Alignas(struct cmsghdr) uint8_t control[3 * CMSG_SPACE(sizeof(int))];
};

struct outbox {
	const struct outbox_ops *ops; /* borrowed */
	void *ctx;
	unsigned item_count;
	size_t arena_used;
	struct udp_leg *leg; /* whose messages are being made */
	unsigned message_count, part_count;
	struct mmsghdr headers[ITEMS];
	struct message messages[ITEMS];
	struct iovec parts[PARTS_MAX];
	struct item items[ITEMS];
	uint8_t arena[ARENA_SIZE];
};

int outbox_new(struct outbox **outbox, const struct outbox_ops *ops, void *ctx)
{
	struct outbox *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->ops = ops;
	new->ctx = ctx;
	*outbox = new;
	return 0;
}

void outbox_free(struct outbox *outbox)
{
	free(outbox);
}

void outbox_put(struct outbox *outbox, struct udp_leg *leg,
		const struct datagram *datagram,
		const struct outbox_target *target)
{
	struct item *item;

	if (outbox->item_count == ITEMS ||
	    outbox->arena_used + datagram->length > ARENA_SIZE)
		outbox_flush(outbox);
	item = &outbox->items[outbox->item_count++];
	item->leg = leg;
	item->datagram = *datagram;
	item->datagram.payload = outbox->arena + outbox->arena_used;
	memcpy(outbox->arena + outbox->arena_used, datagram->payload,
	       datagram->length);
	outbox->arena_used += datagram->length;
	item->target.to = target->to;
	item->target.head_length = target->head_length;
	memcpy(item->target.head, target->head, target->head_length);
}

static size_t unit_of(const struct item *item)
{
	const struct datagram *datagram = &item->datagram;

	return item->target.head_length +
	       (datagram->segment ? datagram->segment : datagram->length);
}

static unsigned segments_of(const struct datagram *datagram)
{
	if (datagram->segment == 0)
		return 1;
	return (unsigned)((datagram->length + datagram->segment - 1) /
			  datagram->segment);
}

static void add_part(struct outbox *outbox, struct msghdr *msg,
		     const uint8_t *bytes, size_t length)
{
	struct iovec *part = &outbox->parts[outbox->part_count++];

	/* sendmmsg() only reads it. */
	part->iov_base = (void *)(uintptr_t)bytes;
	part->iov_len = length;
	msg->msg_iovlen++;
}

/* Each datagram of the item behind its header. */
static void add_item(struct outbox *outbox, struct message *message,
		     struct msghdr *msg, const struct item *item)
{
	const struct datagram *datagram = &item->datagram;
	size_t step = datagram->segment ? datagram->segment : datagram->length;
	size_t at = 0;

	do {
		size_t left = datagram->length - at;
		size_t length = left < step ? left : step;

		if (item->target.head_length > 0)
			add_part(outbox, msg, item->target.head,
				 item->target.head_length);
		add_part(outbox, msg, datagram->payload + at, length);
		message->bytes += item->target.head_length + length;
		message->segments++;
		at += length;
		if (length < step ||
		    item->target.head_length + length < message->unit)
			message->is_closed = true;
	} while (at < datagram->length);
}

static bool is_joining(const struct message *message, const struct item *item)
{
	const struct item *first = message->item;
	const struct datagram *a = &first->datagram, *b = &item->datagram;

	return !message->is_closed && b->length > 0 && !item->leg->has_no_gso &&
	       message->unit + IP_AND_UDP_MAX <= item->leg->mtu_bytes &&
	       unit_of(item) <= message->unit &&
	       (b->segment == 0 || unit_of(item) == message->unit) &&
	       message->segments + segments_of(b) <= DATAGRAM_SEGMENTS_MAX &&
	       message->bytes + b->length +
			       segments_of(b) * item->target.head_length <=
		       TRAIN_BYTES_MAX &&
	       a->ttl == b->ttl && a->tos == b->tos &&
	       a->is_whole == b->is_whole &&
	       endpoint_equal(&first->target.to, &item->target.to);
}

static void add_control(struct msghdr *msg, int level, int type, int value)
{
	struct cmsghdr *cmsg =
		(struct cmsghdr *)(void *)((uint8_t *)msg->msg_control +
					   msg->msg_controllen);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(cmsg), &value, sizeof(value));
	msg->msg_controllen += CMSG_SPACE(sizeof(value));
}

static void add_segment_size(struct msghdr *msg, uint16_t size)
{
	struct cmsghdr *cmsg =
		(struct cmsghdr *)(void *)((uint8_t *)msg->msg_control +
					   msg->msg_controllen);

	cmsg->cmsg_level = IPPROTO_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
	msg->msg_controllen += CMSG_SPACE(sizeof(size));
}

/* Time to live and traffic class are the application's, but to a proxy. */
static void set_control(const struct outbox *outbox, struct message *message,
			struct msghdr *msg)
{
	const struct datagram *datagram = &message->item->datagram;
	bool is_ipv6 = outbox->leg->family == ADDR_IPV6;

	memset(message->control, 0, sizeof(message->control));
	msg->msg_control = message->control;
	msg->msg_controllen = 0;
	if (message->segments > 1)
		add_segment_size(msg, (uint16_t)message->unit);
	if (outbox->leg->is_proxy)
		return;
	if (datagram->ttl != DATAGRAM_TTL)
		add_control(msg, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
			    is_ipv6 ? IPV6_HOPLIMIT : IP_TTL, datagram->ttl);
	if (datagram->tos != 0)
		add_control(msg, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
			    is_ipv6 ? IPV6_TCLASS : IP_TOS, datagram->tos);
}

/* The same bytes, a datagram a call: the way takes no trains. */
static void send_each(struct outbox *outbox, const struct message *message,
		      const struct msghdr *msg)
{
	struct udp_leg *leg = outbox->leg;
	size_t step = message->item->target.head_length > 0 ? 2 : 1;
	struct message single = *message;

	single.segments = 1;
	for (size_t i = 0; i + step <= msg->msg_iovlen; i += step) {
		struct msghdr one = *msg;

		one.msg_iov += i;
		one.msg_iovlen = step;
		set_control(outbox, &single, &one);
		if (one.msg_controllen == 0)
			one.msg_control = NULL;
		if (sendmsg(leg->fd, &one, MSG_NOSIGNAL) >= 0)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS)
			outbox->ops->on_dropped(outbox->ctx, 1);
		else
			(void)outbox->ops->on_error(outbox->ctx, leg,
						    &message->item->datagram,
						    -errno);
	}
}

static bool is_about_trains(int error)
{
	return error == EIO || error == EINVAL || error == EMSGSIZE ||
	       error == EOPNOTSUPP || error == ENOPROTOOPT;
}

static enum outbox_verdict on_failure(struct outbox *outbox, unsigned number,
				      int error)
{
	const struct message *message = &outbox->messages[number];

	if (error == EAGAIN || error == ENOBUFS) {
		outbox->ops->on_dropped(outbox->ctx, message->segments);
		return OUTBOX_NEXT;
	}
	if (message->segments > 1 && is_about_trains(error)) {
		if (error != EMSGSIZE &&
		    message->unit + IP_AND_UDP_MAX <= outbox->leg->mtu_bytes)
			outbox->leg->has_no_gso = true;
		send_each(outbox, message, &outbox->headers[number].msg_hdr);
		return OUTBOX_NEXT;
	}
	return outbox->ops->on_error(outbox->ctx, outbox->leg,
				     &message->item->datagram, -error);
}

static void transmit(struct outbox *outbox)
{
	unsigned done = 0, count = outbox->message_count;
	int retries = 0;

	for (unsigned i = 0; i < count; i++)
		set_control(outbox, &outbox->messages[i],
			    &outbox->headers[i].msg_hdr);
	outbox->message_count = outbox->part_count = 0;
	while (done < count) {
		int n = sendmmsg(outbox->leg->fd, outbox->headers + done,
				 count - done, MSG_NOSIGNAL);

		if (n > 0) {
			done += (unsigned)n;
			continue;
		}
		switch (on_failure(outbox, done, errno)) {
		case OUTBOX_AGAIN:
			/* Or it is this one's after all. */
			done += ++retries > RETRIES_MAX;
			break;
		case OUTBOX_NEXT:
			done++;
			break;
		}
	}
}

/* As the application would have it: its packets may be cut, or not. */
static void set_discover(struct udp_leg *leg, bool is_whole)
{
	bool is_ipv6 = leg->family == ADDR_IPV6;
	int wanted = is_whole ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;

	if (leg->is_proxy || leg->discover == wanted)
		return;
	leg->discover = wanted;
	/* The values of both families are the same (linux/in6.h). */
	(void)setsockopt(leg->fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
			 is_ipv6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &wanted,
			 sizeof(wanted));
}

static struct message *start_message(struct outbox *outbox,
				     const struct item *item)
{
	unsigned number = outbox->message_count++;
	struct message *message = &outbox->messages[number];
	struct msghdr *msg = &outbox->headers[number].msg_hdr;

	message->item = item;
	message->unit = unit_of(item);
	message->bytes = 0;
	message->segments = 0;
	message->is_closed = false;
	*msg = (struct msghdr){.msg_iov = &outbox->parts[outbox->part_count]};
	if (item->target.to.addr.family != ADDR_NONE) {
		msg->msg_name = &message->to;
		msg->msg_namelen =
			endpoint_to_sockaddr(&item->target.to, &message->to);
	}
	return message;
}

static void add(struct outbox *outbox, const struct item *item)
{
	unsigned parts = 2 * segments_of(&item->datagram);
	bool is_whole = item->datagram.is_whole;
	struct message *last =
		outbox->message_count > 0
			? &outbox->messages[outbox->message_count - 1]
			: NULL;

	if (last && (outbox->part_count + parts > PARTS_MAX ||
		     last->item->datagram.is_whole != is_whole)) {
		transmit(outbox);
		last = NULL;
	}
	set_discover(outbox->leg, is_whole);
	if (!last || !is_joining(last, item))
		last = start_message(outbox, item);
	add_item(outbox, last,
		 &outbox->headers[outbox->message_count - 1].msg_hdr, item);
}

/* Everything that is for the leg of the item `first`. */
static void send_leg(struct outbox *outbox, unsigned first)
{
	struct udp_leg *leg = outbox->items[first].leg;

	outbox->leg = leg;
	outbox->message_count = outbox->part_count = 0;
	for (unsigned i = first; i < outbox->item_count; i++) {
		if (outbox->items[i].leg == leg)
			add(outbox, &outbox->items[i]);
	}
	transmit(outbox);
	outbox_forget(outbox, leg);
	outbox->leg = NULL;
}

void outbox_flush(struct outbox *outbox)
{
	/* What an error brings about may want to flush, too. */
	if (outbox->leg)
		return;
	for (unsigned i = 0; i < outbox->item_count; i++) {
		if (outbox->items[i].leg)
			send_leg(outbox, i);
	}
	outbox->item_count = 0;
	outbox->arena_used = 0;
}

void outbox_forget(struct outbox *outbox, const struct udp_leg *leg)
{
	for (unsigned i = 0; i < outbox->item_count; i++) {
		if (outbox->items[i].leg == leg)
			outbox->items[i].leg = NULL;
	}
}
