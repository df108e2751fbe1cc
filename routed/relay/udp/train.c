// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/train.h"

#include <errno.h>
#include <string.h>

enum {
	TRAIN_BYTES_MAX = 64000,
	/* More than one of these would hardly fit. */
	UNIT_MAX = 16000,
	UDP_SIZE = 8,
};

/* writev(2) only reads it. */
static void *bytes_of(const uint8_t *bytes)
{
	return (void *)(uintptr_t)bytes;
}

static int write_one(struct train *train, const struct datagram *datagram)
{
	uint8_t head[DATAGRAM_HEAD_MAX];
	const struct iovec parts[2] = {
		{head, datagram_put_head(head, datagram, ++train->id)},
		{bytes_of(datagram->payload), datagram->length},
	};

	return carrier_reply_parts(train->carrier, parts, 2);
}

static void write_each(struct train *train)
{
	struct datagram one = train->datagram;

	one.segment = 0;
	for (unsigned i = 1; i <= train->count; i++) {
		one.payload = train->parts[i].iov_base;
		one.length = train->parts[i].iov_len;
		if (write_one(train, &one) < 0)
			carrier_drop(train->carrier);
	}
}

void train_flush(struct train *train)
{
	uint8_t head[DATAGRAM_HEAD_MAX];
	int ret = -EINVAL;

	if (train->count == 0)
		return;
	train->datagram.segment =
		train->count > 1 ? (uint16_t)train->parts[1].iov_len : 0;
	if (train->count == 1 || !train->has_no_segments) {
		train->parts[0].iov_base = head;
		train->parts[0].iov_len =
			datagram_put_head(head, &train->datagram, ++train->id);
		ret = carrier_reply_parts(train->carrier, train->parts,
					  1 + (int)train->count);
	}
	if (ret < 0 && train->count > 1) {
		train->has_no_segments = true;
		write_each(train);
	} else if (ret < 0) {
		carrier_drop(train->carrier);
	}
	train->count = 0;
}

static bool is_joining(const struct train *train,
		       const struct datagram *datagram)
{
	return train->count > 0 && train->count < DATAGRAM_SEGMENTS_MAX &&
	       !train->is_closed && !train->has_no_segments &&
	       datagram->length > 0 &&
	       datagram->length <= train->parts[1].iov_len &&
	       train->datagram.length + datagram->length <= TRAIN_BYTES_MAX &&
	       datagram->tos == train->datagram.tos &&
	       endpoint_equal(&datagram->src, &train->datagram.src) &&
	       endpoint_equal(&datagram->dst, &train->datagram.dst);
}

static void write_in_pieces(struct train *train,
			    const struct datagram *datagram)
{
	uint8_t head[DATAGRAM_HEAD_MAX], udp[UDP_SIZE];
	size_t total = UDP_SIZE + datagram->length;
	uint32_t id = (uint32_t)++train->id << 16 | datagram->src.port;

	datagram_put_udp(udp, datagram);
	for (size_t at = 0; at < total; at += DATAGRAM_PIECE) {
		size_t length = total - at < DATAGRAM_PIECE ? total - at
							    : DATAGRAM_PIECE;
		size_t first = at == 0 ? UDP_SIZE : 0;
		const struct iovec parts[3] = {
			{head, datagram_put_piece(head, datagram, at, id)},
			{udp, first},
			{bytes_of(datagram->payload +
				  (at == 0 ? 0 : at - UDP_SIZE)),
			 length - first},
		};

		if (carrier_reply_parts(train->carrier, parts, 3) < 0)
			carrier_drop(train->carrier);
	}
}

void train_put(struct train *train, const struct datagram *datagram,
	       bool is_far)
{
	if (is_far && datagram->src.addr.family == ADDR_IPV6 &&
	    UDP_SIZE + datagram->length > DATAGRAM_PIECE) {
		train_flush(train);
		write_in_pieces(train, datagram);
		return;
	}
	if (!is_joining(train, datagram)) {
		train_flush(train);
		train->datagram = *datagram;
		train->datagram.length = 0;
		train->is_closed = datagram->length > UNIT_MAX;
	}
	train->count++;
	train->parts[train->count].iov_base = bytes_of(datagram->payload);
	train->parts[train->count].iov_len = datagram->length;
	train->datagram.length += datagram->length;
	if (datagram->length < train->parts[1].iov_len)
		train->is_closed = true;
}
