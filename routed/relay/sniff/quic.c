// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sniff/quic.h"

#include "common/cursor.h"
#include "routed/relay/sniff/client_hello.h"
#include "routed/relay/sniff/quic_seal.h"

#include <string.h>

enum {
	FORM_LONG = 0x80,
	CONNECTION_ID_MAX = 20,
	FRAME_PADDING = 0,
	FRAME_PING = 1,
	FRAME_ACK = 2,
	FRAME_ACK_ECN = 3,
	FRAME_CRYPTO = 6,
};

/* A packet with a long header, as far as it stands in clear. */
struct long_packet {
	uint32_t version;
	unsigned type; /* two bits, whose meaning is the version's */
	const uint8_t *target;
	size_t target_length;
	size_t number_at; /* from its first byte */
	size_t length;    /* all of it */
};

void quic_hello_init(struct quic_hello *hello)
{
	memset(hello->has, 0, sizeof(hello->has));
}

/* RFC 9000, 16. */
static uint64_t read_number(struct reader *reader)
{
	uint8_t first = reader_u8(reader);
	uint64_t number = first & 0x3f;

	for (unsigned more = (1U << (first >> 6)) - 1; more > 0; more--)
		number = number << 8 | reader_u8(reader);
	return number;
}

static bool is_initial(const struct long_packet *packet)
{
	return packet->type == (packet->version == QUIC_VERSION_2 ? 1 : 0);
}

static bool has_no_number(const struct long_packet *packet)
{
	return packet->type == (packet->version == QUIC_VERSION_2 ? 0 : 3);
}

/* Of a datagram from `bytes` on; false: there is no such packet. */
static bool read_packet(struct long_packet *packet, const uint8_t *bytes,
			size_t size)
{
	struct reader reader = reader_of(bytes, size);
	uint8_t first = reader_u8(&reader);
	uint64_t length;

	packet->version = reader_u32(&reader);
	packet->type = first >> 4 & 3U;
	if (!(first & FORM_LONG) || (packet->version != QUIC_VERSION_1 &&
				     packet->version != QUIC_VERSION_2))
		return false;
	packet->target_length = reader_u8(&reader);
	packet->target = reader_bytes(&reader, packet->target_length);
	(void)reader_bytes(&reader, reader_u8(&reader)); /* of the source */
	if (has_no_number(packet)) /* a Retry, which is the server's */
		return false;
	if (is_initial(packet)) {
		length = read_number(&reader); /* of the token */
		if (length > reader_left(&reader))
			return false;
		(void)reader_bytes(&reader, length);
	}
	length = read_number(&reader);
	if (reader.has_failed || packet->target_length > CONNECTION_ID_MAX ||
	    length > reader_left(&reader))
		return false;
	packet->number_at = (size_t)(reader.at - bytes);
	packet->length = packet->number_at + length;
	return true;
}

/* What lies beyond the size that is looked at is not kept. */
static void keep(struct quic_hello *hello, uint64_t offset,
		 const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && offset + i < SNIFF_SIZE_MAX; i++) {
		size_t at = offset + i;

		hello->stream[at] = bytes[i];
		hello->has[at / 8] |= (uint8_t)(1U << at % 8);
	}
}

static void skip_ack(struct reader *reader, bool has_ecn)
{
	uint64_t ranges, numbers;

	(void)read_number(reader); /* the largest */
	(void)read_number(reader); /* the delay */
	ranges = read_number(reader);
	(void)read_number(reader); /* the first range */
	if (ranges > reader_left(reader)) {
		reader->has_failed = true;
		return;
	}
	numbers = 2 * ranges + (has_ecn ? 3 : 0);
	while (numbers-- > 0 && !reader->has_failed)
		(void)read_number(reader);
}

static void keep_crypto(struct quic_hello *hello, struct reader *reader)
{
	uint64_t offset = read_number(reader), length = read_number(reader);
	const uint8_t *bytes;

	if (length > reader_left(reader)) {
		reader->has_failed = true;
		return;
	}
	bytes = reader_bytes(reader, length);
	if (bytes)
		keep(hello, offset, bytes, length);
}

/* What may stand in an Initial; anything else ends it. */
static void read_frames(struct quic_hello *hello, struct reader reader)
{
	while (!reader.has_failed && reader_left(&reader) > 0) {
		uint64_t type = read_number(&reader);

		if (type == FRAME_CRYPTO)
			keep_crypto(hello, &reader);
		else if (type == FRAME_ACK || type == FRAME_ACK_ECN)
			skip_ack(&reader, type == FRAME_ACK_ECN);
		else if (type != FRAME_PADDING && type != FRAME_PING)
			return;
	}
}

static bool open_packet(struct quic_hello *hello, const uint8_t *bytes,
			const struct long_packet *packet)
{
	struct quic_sealed sealed = {
		.version = packet->version,
		.target = packet->target,
		.target_length = packet->target_length,
		.bytes = hello->packet,
		.length = packet->length,
		.number_at = packet->number_at,
	};
	const uint8_t *frames;
	size_t length;

	memcpy(hello->packet, bytes, packet->length);
	frames = quic_seal_open(&sealed, &length);
	if (frames)
		read_frames(hello, reader_of(frames, length));
	return frames != NULL;
}

bool quic_hello_add(struct quic_hello *hello, const uint8_t *datagram,
		    size_t length)
{
	struct long_packet packet;
	bool is_opened = false;

	if (length > QUIC_DATAGRAM_MAX)
		return false;
	/* Several packets may share a datagram. */
	while (length > 0 && read_packet(&packet, datagram, length)) {
		if (is_initial(&packet))
			is_opened |= open_packet(hello, datagram, &packet);
		datagram += packet.length;
		length -= packet.length;
	}
	return is_opened;
}

enum sniff_result quic_hello_name(const struct quic_hello *hello,
				  struct name *name)
{
	size_t length = 0;

	while (length < SNIFF_SIZE_MAX &&
	       hello->has[length / 8] & 1U << length % 8)
		length++;
	return client_hello_name(hello->stream, length, name);
}
