// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/pieces.h"

#include "tests/unit/relay_packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 8

static struct pieces *pieces;
static uint8_t payload[65535 + 64];
static struct packet whole;

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + i / 256);
	return pieces_new(&pieces, CAPACITY);
}

static int teardown(void **state)
{
	(void)state;
	pieces_free(pieces);
	return 0;
}

struct part {
	uint16_t id;
	size_t at, length;
	bool has_more;
};

/* One fragment of the payload, which begins with a UDP header. */
static bool give(bool is_ipv6, const struct part *part, int64_t now_ms)
{
	uint8_t bytes[PACKETS_SIZE];
	size_t length = is_ipv6 ? packets_udp6(bytes, part->length - 8)
				: packets_udp4(bytes, part->length - 8);
	uint16_t fragment;
	struct packet packet;

	if (is_ipv6) {
		fragment = (uint16_t)(part->at | part->has_more);
		length = packets_piece6(bytes, length, fragment);
		bytes[46] = (uint8_t)(part->id >> 8);
		bytes[47] = (uint8_t)part->id;
	} else {
		fragment = (uint16_t)(part->at / 8 |
				      (part->has_more ? 0x2000 : 0));
		bytes[4] = (uint8_t)(part->id >> 8);
		bytes[5] = (uint8_t)part->id;
		bytes[6] = (uint8_t)(fragment >> 8);
		bytes[7] = (uint8_t)fragment;
	}
	memcpy(bytes + length - part->length, payload + part->at, part->length);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	return pieces_add(pieces, &packet, now_ms, &whole);
}

static void expect_whole(size_t total)
{
	assert_int_equal(whole.length - whole.header_length, total);
	assert_memory_equal(whole.bytes + whole.header_length, payload, total);
	assert_false(whole.is_fragment);
	assert_int_equal(whole.protocol, PACKET_UDP);
	assert_int_equal(pieces_count(pieces), 0);
}

/* In this order: 0 first, or last first, or the odd ones first. */
static void in_order(bool is_ipv6, size_t total, int order)
{
	const size_t size = 1480;
	size_t count = (total + size - 1) / size;
	bool is_whole = false;

	for (size_t i = 0; i < count; i++) {
		size_t n = order == 0      ? i
			   : order == 1    ? count - 1 - i
			   : i < count / 2 ? i * 2 + 1
					   : (i - count / 2) * 2;
		const struct part part = {
			.id = 7,
			.at = n * size,
			.length = n + 1 < count ? size : total - n * size,
			.has_more = n + 1 < count,
		};

		assert_false(is_whole);
		is_whole = give(is_ipv6, &part, 0);
	}
	assert_true(is_whole);
	expect_whole(total);
}

static void pieces_of_any_order_become_whole(void **state)
{
	static const size_t totals[] = {1481 + 8, 2960, 9000, 65515};

	(void)state;
	/* A UDP header that packet_parse() takes. */
	for (size_t i = 0; i < ARRAY_LEN(totals) * 6; i++)
		in_order(i % 2, totals[i / 6], (int)(i / 2 % 3));
}

static void two_under_way_are_not_mixed(void **state)
{
	const struct part a1 = {1, 0, 800, true}, a2 = {1, 800, 100, false};
	const struct part b1 = {2, 0, 800, true};

	(void)state;
	assert_false(give(false, &a1, 0));
	assert_false(give(false, &b1, 0));
	assert_true(give(false, &a2, 0));
	assert_int_equal(pieces_count(pieces), 1);
}

static void a_copy_is_left_out(void **state)
{
	const struct part one = {1, 0, 800, true}, two = {1, 800, 100, false};

	(void)state;
	assert_false(give(true, &one, 0));
	assert_false(give(true, &one, 0));
	assert_true(give(true, &two, 0));
	expect_whole(900);
}

static void an_overlap_voids_the_whole(void **state)
{
	const struct part one = {1, 0, 800, true}, over = {1, 792, 16, true};
	const struct part two = {1, 800, 100, false};

	(void)state;
	assert_false(give(false, &one, 0));
	assert_false(give(false, &over, 0));
	assert_int_equal(pieces_count(pieces), 0);
	assert_false(give(false, &two, 0));
}

static void what_cannot_be_is_void(void **state)
{
	const struct part odd = {1, 0, 801, true};
	const struct part end = {1, 800, 100, false},
			  beyond = {1, 904, 8, true};
	const struct part second_end = {1, 1600, 100, false};

	(void)state;
	assert_false(give(false, &odd, 0));
	assert_int_equal(pieces_count(pieces), 0);
	assert_false(give(false, &end, 0));
	assert_false(give(false, &beyond, 0));
	assert_int_equal(pieces_count(pieces), 0);
	assert_false(give(false, &end, 0));
	assert_false(give(false, &second_end, 0));
	assert_int_equal(pieces_count(pieces), 0);
}

static void a_datagram_beyond_all_sizes_is_void(void **state)
{
	const struct part last = {1, 65528, 16, false};

	(void)state;
	assert_false(give(false, &last, 0));
	assert_int_equal(pieces_count(pieces), 0);
}

static void late_pieces_find_nothing(void **state)
{
	const struct part one = {1, 0, 800, true}, two = {1, 800, 100, false};

	(void)state;
	assert_false(give(false, &one, 0));
	assert_false(give(false, &two, PIECES_TIME_MS));
	assert_int_equal(pieces_count(pieces), 1);
	/* The control: in time. */
	assert_true(give(false, &one, PIECES_TIME_MS + 1));
}

static void a_flood_takes_its_own_places(void **state)
{
	const struct part six1 = {1, 0, 800, true}, six2 = {1, 800, 80, false};
	const struct part four2 = {100, 800, 80, false};

	(void)state;
	assert_false(give(true, &six1, 0));
	for (uint16_t i = 0; i < 100; i++) {
		const struct part flood = {(uint16_t)(i + 1), 0, 800, true};

		assert_false(give(false, &flood, 1 + i));
	}
	assert_int_equal(pieces_count(pieces), CAPACITY);
	assert_true(give(true, &six2, 200));
	assert_true(give(false, &four2, 200));
}

/* Whatever comes, nothing is read or written beyond what is there. */
static void any_pieces_are_survived(void **state)
{
	uint32_t random = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct part part = {.id = 0};
		int64_t now_ms = i / 50 * 1000;

		random = random * 1664525 + 1013904223;
		part.id = (uint16_t)(random >> 30);
		part.at = (random >> 8 & 0x1fff) * 8;
		part.length = 8 + (random >> 4 & 0x3f8);
		part.has_more = random >> 28 & 1;
		if (part.at + part.length > sizeof(payload))
			part.at = 0;
		if (give(random >> 29 & 1, &part, now_ms))
			assert_true(whole.length <= 65535 + 40);
		assert_true(pieces_count(pieces) <= CAPACITY);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(pieces_of_any_order_become_whole),
		TEST(two_under_way_are_not_mixed),
		TEST(a_copy_is_left_out),
		TEST(an_overlap_voids_the_whole),
		TEST(what_cannot_be_is_void),
		TEST(a_datagram_beyond_all_sizes_is_void),
		TEST(late_pieces_find_nothing),
		TEST(a_flood_takes_its_own_places),
		TEST(any_pieces_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
