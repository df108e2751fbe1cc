// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/socks_address.h"

#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name name;
static uint8_t bytes[SOCKS_UDP_HEAD_MAX];

static struct socks_target to(const char *endpoint, const char *text)
{
	struct socks_target target = {.name = text ? &name : NULL};

	assert_int_equal(endpoint_parse(&target.endpoint, endpoint, 0), 0);
	if (text)
		assert_int_equal(name_parse(&name, text), 0);
	return target;
}

static void a_header_is_what_the_rfc_says(void **state)
{
	static const uint8_t ipv4[] = {0, 0, 0, 1, 192, 0, 2, 7, 0x1f, 0x90};
	static const uint8_t named[] = "\0\0\0\3\7a.b.org\0\65";
	struct socks_target target = to("192.0.2.7:8080", NULL);

	(void)state;
	assert_int_equal(socks_udp_put(bytes, &target), sizeof(ipv4));
	assert_memory_equal(bytes, ipv4, sizeof(ipv4));
	target = to("198.18.0.9:53", "a.b.org");
	assert_int_equal(socks_udp_put(bytes, &target), sizeof(named) - 1);
	assert_memory_equal(bytes, named, sizeof(named) - 1);
}

static void what_is_put_is_read_again(void **state)
{
	static const char *const texts[] = {"192.0.2.7:1", "[2001:db8::7]:443",
					    "255.255.255.255:65535"};
	struct socks_source source;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct socks_target target = to(texts[i], NULL);
		size_t length = socks_udp_put(bytes, &target);

		assert_int_equal(socks_udp_read(&source, bytes, length),
				 length);
		assert_true(endpoint_equal(&source.endpoint, &target.endpoint));
		assert_null(source.text);
	}
}

static void a_name_is_read_as_text(void **state)
{
	struct socks_target target = to("198.18.0.9:53", "a.b.org");
	size_t length = socks_udp_put(bytes, &target);
	struct socks_source source;

	(void)state;
	assert_int_equal(socks_udp_read(&source, bytes, length), length);
	assert_int_equal(source.text_length, 7);
	assert_memory_equal(source.text, "a.b.org", 7);
	assert_int_equal(source.endpoint.port, 53);
	assert_int_equal(source.endpoint.addr.family, ADDR_NONE);
}

static void a_header_that_is_cut_is_none(void **state)
{
	static const char *const names[] = {NULL, "a.b.org"};
	static const char *const ends[] = {"192.0.2.7:1", "[2001:db8::7]:443"};
	struct socks_source source;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct socks_target target = to(ends[i / 2], names[i % 2]);
		size_t length = socks_udp_put(bytes, &target);

		for (size_t cut = 0; cut < length; cut++) {
			/* So that a sanitizer sees what is read beyond. */
			uint8_t *copy = malloc(cut + 1);

			memcpy(copy, bytes, cut);
			assert_int_equal(socks_udp_read(&source, copy, cut),
					 ERR_MALFORMED);
			free(copy);
		}
	}
}

static void fragments_and_unknown_types_are_refused(void **state)
{
	struct socks_target target = to("192.0.2.7:8080", NULL);
	size_t length = socks_udp_put(bytes, &target);
	struct socks_source source;

	(void)state;
	assert_int_equal(socks_udp_read(&source, bytes, length), length);
	bytes[2] = 1;
	assert_int_equal(socks_udp_read(&source, bytes, length), ERR_MALFORMED);
	bytes[2] = 0;
	bytes[3] = 2;
	assert_int_equal(socks_udp_read(&source, bytes, length), ERR_MALFORMED);
}

static void any_bytes_are_survived(void **state)
{
	uint32_t random = 7;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct socks_source source;
		uint8_t *copy;
		size_t length;
		int ret;

		random = random * 1664525 + 1013904223;
		length = random >> 24 & 0x1f;
		copy = malloc(length + 1);
		for (size_t at = 0; at < length; at++)
			copy[at] = (uint8_t)(at < 3 ? 0 : random >> at % 4 * 8);
		if (length > 3)
			copy[3] = (uint8_t)(random >> 20 & 7);
		ret = socks_udp_read(&source, copy, length);
		assert_true(ret < 0 || (size_t)ret <= length);
		if (source.text && ret >= 0)
			assert_true(source.text + source.text_length <=
				    copy + length);
		free(copy);
	}
}

static void a_name_without_text_is_not_sent(void **state)
{
	static const char *const texts[] = {".", "a\\.b.org", "a\\032b.org"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct socks_target target = to("198.18.0.9:53", texts[i]);

		assert_int_equal(socks_udp_put(bytes, &target), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_what_the_rfc_says),
		cmocka_unit_test(what_is_put_is_read_again),
		cmocka_unit_test(a_name_is_read_as_text),
		cmocka_unit_test(a_header_that_is_cut_is_none),
		cmocka_unit_test(fragments_and_unknown_types_are_refused),
		cmocka_unit_test(a_name_without_text_is_not_sent),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
