// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/datagram.h"

#include "common/err.h"
#include "tests/unit/relay_packets.h"

#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { CHECKSUM4_AT = 26, CHECKSUM6_AT = 46 };

static uint8_t bytes[PACKETS_SIZE + 64];
static struct packet packet;
static struct datagram datagram;
static struct virtio_net_hdr header;

static int read_it(size_t length)
{
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	return datagram_read(&datagram, &packet, (const uint8_t *)&header);
}

static void a_datagram_is_read(void **state)
{
	size_t length = packets_udp4(bytes, 20);

	(void)state;
	memset(&header, 0, sizeof(header));
	bytes[1] = 0x2e;
	bytes[8] = 9;
	assert_int_equal(read_it(length), 0);
	assert_int_equal(datagram.length, 20);
	assert_ptr_equal(datagram.payload, bytes + 28);
	assert_int_equal(datagram.src.port, 40000);
	assert_int_equal(datagram.ttl, 9);
	assert_int_equal(datagram.tos, 0x2e);
	assert_int_equal(datagram.segment, 0);
	assert_true(datagram.is_whole);
	bytes[6] = 0;
	assert_int_equal(read_it(length), 0);
	assert_false(datagram.is_whole);
}

static void traffic_class_and_hop_limit_are_ipv6s(void **state)
{
	size_t length = packets_udp6(bytes, 20);

	(void)state;
	header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	bytes[0] = 0x62;
	bytes[1] = 0xe0;
	bytes[7] = 9;
	assert_int_equal(read_it(length), 0);
	assert_int_equal(datagram.ttl, 9);
	assert_int_equal(datagram.tos, 0x2e);
}

static void a_length_that_lies_is_refused(void **state)
{
	size_t length = packets_udp4(bytes, 20);

	(void)state;
	memset(&header, 0, sizeof(header));
	bytes[25] = 29;
	assert_int_equal(read_it(length), ERR_MALFORMED);
	bytes[25] = 7;
	assert_int_equal(read_it(length), ERR_MALFORMED);
	bytes[25] = 8; /* padding behind it is none of its bytes */
	assert_int_equal(read_it(length), 0);
	assert_int_equal(datagram.length, 0);
}

static void a_wrong_checksum_is_seen_where_there_is_one(void **state)
{
	size_t length = packets_udp6(bytes, 21);
	uint16_t sum;

	(void)state;
	memset(&header, 0, sizeof(header));
	/* None at all: forbidden in IPv6, usual in IPv4. */
	assert_int_equal(read_it(length), ERR_MALFORMED);
	assert_int_equal(read_it(packets_udp4(bytes, 21)), 0);

	packets_udp6(bytes, 21);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	sum = packets_transport_checksum(&packet);
	bytes[CHECKSUM6_AT] = (uint8_t)(sum >> 8);
	bytes[CHECKSUM6_AT + 1] = (uint8_t)sum;
	assert_int_equal(read_it(length), 0);
	bytes[50] ^= 1;
	assert_int_equal(read_it(length), ERR_MALFORMED);
	header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	assert_int_equal(read_it(length), 0);
}

static void a_train_is_known_by_its_header(void **state)
{
	size_t length = packets_udp4(bytes, 1000);

	(void)state;
	header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .gso_type = 5,
					 .gso_size = 300};
	assert_int_equal(read_it(length), 0);
	assert_int_equal(datagram.segment, 300);
	header.gso_size = 1000;
	assert_int_equal(read_it(length), 0);
	assert_int_equal(datagram.segment, 0);
}

static void put_and_read_again(const char *src, const char *dst, size_t length)
{
	static uint8_t payload[PACKETS_SIZE];
	struct datagram put = {
		.payload = payload, .length = length, .ttl = 64, .tos = 0x28};
	size_t size;

	for (size_t i = 0; i < length; i++)
		payload[i] = (uint8_t)(i * 31);
	assert_int_equal(endpoint_parse(&put.src, src, 0), 0);
	assert_int_equal(endpoint_parse(&put.dst, dst, 0), 0);
	size = datagram_put_head(bytes, &put, 77);
	memcpy(&header, bytes, sizeof(header));
	memcpy(bytes + size, payload, length);
	memmove(bytes, bytes + CARRIER_HEADER_SIZE,
		size + length - CARRIER_HEADER_SIZE);
	size -= CARRIER_HEADER_SIZE;
	assert_int_equal(read_it(size + length), 0);
	assert_true(endpoint_equal(&datagram.src, &put.src));
	assert_true(endpoint_equal(&datagram.dst, &put.dst));
	assert_int_equal(datagram.length, length);
	assert_int_equal(datagram.tos, 0x28);
	assert_memory_equal(datagram.payload, payload, length);
	if (put.src.addr.family == ADDR_IPV4)
		assert_int_equal(packets_checksum(bytes, 20), 0);

	/* The kernel adds the bytes from checksum_start on, and inverts. */
	assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	uint16_t sum = packets_checksum(bytes + header.csum_start,
					size + length - header.csum_start);
	uint8_t *at = bytes + header.csum_start + header.csum_offset;
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
	assert_int_equal(packets_transport_checksum(&packet), 0);
}

static void what_is_put_is_read_again_and_sums_up(void **state)
{
	(void)state;
	for (size_t length = 0; length < 1400; length += 199) {
		put_and_read_again("192.0.2.1:53", "198.18.0.1:4000", length);
		put_and_read_again("[2001:db8::1]:53", "[2001:2::1]:4000",
				   length);
	}
}

static void fragments_are_those_of_the_datagram(void **state)
{
	static uint8_t payload[PACKETS_SIZE], flat[PACKETS_SIZE + 64];
	struct datagram put = {.payload = payload, .length = 2000, .ttl = 64};
	uint8_t udp[8], head[DATAGRAM_HEAD_MAX];
	struct packet piece;
	size_t at = 0;

	(void)state;
	assert_int_equal(endpoint_parse(&put.src, "[2001:db8::1]:53", 0), 0);
	assert_int_equal(endpoint_parse(&put.dst, "[2001:2::1]:99", 0), 0);
	datagram_put_udp(udp, &put);
	while (at < 2008) {
		size_t size = datagram_put_piece(head, &put, at, 0x12345678);
		size_t length =
			2008 - at < DATAGRAM_PIECE ? 2008 - at : DATAGRAM_PIECE;

		assert_true(size + length - CARRIER_HEADER_SIZE <= 1280);
		memcpy(flat, head + CARRIER_HEADER_SIZE,
		       size - CARRIER_HEADER_SIZE);
		assert_int_equal(
			packet_parse(&piece, flat,
				     size - CARRIER_HEADER_SIZE + length),
			0);
		assert_true(piece.is_fragment);
		assert_int_equal(piece.protocol, PACKET_UDP);
		assert_int_equal(piece.piece.id, 0x12345678);
		assert_int_equal(piece.piece.offset, at);
		assert_int_equal(piece.piece.has_more, at + length < 2008);
		at += length;
	}
	memcpy(bytes, head + CARRIER_HEADER_SIZE, 40);
	bytes[4] = 2008 >> 8;
	bytes[5] = 2008 & 0xff;
	bytes[6] = PACKET_UDP;
	memcpy(bytes + 40, udp, 8);
	memcpy(bytes + 48, payload, 2000);
	memset(&header, 0, sizeof(header));
	assert_int_equal(read_it(2048), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_read),
		cmocka_unit_test(traffic_class_and_hop_limit_are_ipv6s),
		cmocka_unit_test(a_length_that_lies_is_refused),
		cmocka_unit_test(a_wrong_checksum_is_seen_where_there_is_one),
		cmocka_unit_test(a_train_is_known_by_its_header),
		cmocka_unit_test(what_is_put_is_read_again_and_sums_up),
		cmocka_unit_test(fragments_are_those_of_the_datagram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
