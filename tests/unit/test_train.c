// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/train.h"

#include "tests/unit/relay_fixture.h"

#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

static uint8_t payload[4096], frame[8192];
static struct train train;

static struct datagram datagram_of(const char *src, size_t at, size_t length)
{
	struct datagram datagram = {
		.payload = payload + at, .length = length, .ttl = 64};
	bool is_ipv6 = src[0] == '[';

	assert_int_equal(endpoint_parse(&datagram.src, src, 0), 0);
	assert_int_equal(
		endpoint_parse(&datagram.dst,
			       is_ipv6 ? "[2001:2::1]:99" : "198.18.0.1:99", 0),
		0);
	return datagram;
}

static void begin(void)
{
	train = (struct train){.carrier = fixture.parts.carrier};
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + i / 256);
}

/* The next frame: its header, and what follows the UDP header. */
static struct virtio_net_hdr expect(size_t length, size_t at)
{
	struct virtio_net_hdr header;
	ssize_t n = read(fixture.host, frame, sizeof(frame));

	assert_true(n > CARRIER_HEADER_SIZE + 28);
	memcpy(&header, frame, CARRIER_HEADER_SIZE);
	assert_int_equal(n - CARRIER_HEADER_SIZE - header.hdr_len, length);
	assert_memory_equal(frame + n - length, payload + at, length);
	return header;
}

static void datagrams_of_one_size_are_one_frame(void **state)
{
	struct virtio_net_hdr header;

	(void)state;
	begin();
	for (size_t i = 0; i < 4; i++) {
		/* The last one is shorter, and ends the train. */
		struct datagram one =
			datagram_of("192.0.2.1:53", i * 100, i < 3 ? 100 : 40);

		train_put(&train, &one, false);
	}
	struct datagram next = datagram_of("192.0.2.1:53", 500, 40);
	train_put(&train, &next, false);
	train_flush(&train);
	header = expect(340, 0);
	assert_int_equal(header.gso_type, 5);
	assert_int_equal(header.gso_size, 100);
	header = expect(40, 500);
	assert_int_equal(header.gso_type, 0);
	assert_true(relay_fixture_is_quiet(fixture.host));
}

static void others_are_frames_of_their_own(void **state)
{
	struct datagram larger, other, marked, one;

	(void)state;
	begin();
	one = datagram_of("192.0.2.1:53", 0, 100);
	other = datagram_of("192.0.2.2:53", 0, 100);
	larger = datagram_of("192.0.2.2:53", 0, 101);
	marked = datagram_of("192.0.2.2:53", 0, 101);
	marked.tos = 1;
	train_put(&train, &one, false);
	train_put(&train, &other, false);
	train_put(&train, &larger, false);
	train_put(&train, &marked, false);
	train_flush(&train);
	for (int i = 0; i < 4; i++)
		assert_int_equal(expect(i < 2 ? 100 : 101, 0).gso_type, 0);
}

static void an_old_kernel_gets_them_one_by_one(void **state)
{
	(void)state;
	begin();
	train.has_no_segments = true;
	for (size_t i = 0; i < 3; i++) {
		struct datagram one = datagram_of("192.0.2.1:53", i * 100, 100);

		train_put(&train, &one, false);
	}
	train_flush(&train);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(expect(100, i * 100).gso_type, 0);
}

static void hosts_behind_us_get_fragments_of_ipv6(void **state)
{
	struct datagram large;
	struct packet packet;
	size_t at = 0;

	(void)state;
	begin();
	large = datagram_of("[2001:db8::1]:53", 0, 3000);
	train_put(&train, &large, true);
	for (int i = 0; i < 3; i++) {
		ssize_t n = read(fixture.host, frame, sizeof(frame));
		size_t skip = i == 0 ? 8 : 0;

		assert_int_equal(packet_parse(&packet,
					      frame + CARRIER_HEADER_SIZE,
					      (size_t)n - CARRIER_HEADER_SIZE),
				 0);
		assert_true(packet.is_fragment && packet.length <= 1280);
		assert_int_equal(packet.piece.has_more, i < 2);
		size_t length = packet.length - packet.header_length - skip;
		assert_memory_equal(packet.bytes + packet.header_length + skip,
				    payload + at, length);
		at += length;
	}
	assert_int_equal(at, 3000);
	/* On this host there is room. */
	train_put(&train, &large, false);
	train_flush(&train);
	assert_int_equal(expect(3000, 0).gso_type, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams_of_one_size_are_one_frame),
		TEST(others_are_frames_of_their_own),
		TEST(an_old_kernel_gets_them_one_by_one),
		TEST(hosts_behind_us_get_fragments_of_ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
