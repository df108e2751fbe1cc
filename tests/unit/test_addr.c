// SPDX-License-Identifier: BSD-2-Clause
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return addr;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse(&prefix, text), 0);
	return prefix;
}

static void address_text_comes_back_as_it_was(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0", "192.0.2.1",    "255.255.255.255",
		"::",      "2001:db8::1",  "fe80::1:2:3:4",
		"::1",     "2001:2::ffff",
	};
	char out[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct addr addr = addr_of(texts[i]);

		assert_string_equal(addr_format(&addr, out, sizeof(out)),
				    texts[i]);
	}
}

static void text_that_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"",         "1.2.3",    "1.2.3.4.5",  "256.1.1.1",  "01.2.3.4",
		" 1.2.3.4", "1.2.3.4 ", "::g",        "fe80::1%lo", "[::1]",
		"example",  "1:2:3",    "1.2.3.4/32",
	};
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(addr_parse(&addr, texts[i]), -EINVAL);
}

static void unset_address_prints_and_measures(void **state)
{
	struct addr none = {0};
	char out[ADDR_TEXT_SIZE];

	(void)state;
	assert_string_equal(addr_format(&none, out, sizeof(out)), "-");
	assert_int_equal(addr_size(&none), 0);
	assert_int_equal(addr_af(&none), AF_UNSPEC);
	assert_false(addr_is_unspecified(&none));
}

static void ipv4_number_is_in_host_order(void **state)
{
	struct addr addr = addr_ipv4(0xc6120001);

	(void)state;
	assert_memory_equal(addr.bytes, "\xc6\x12\x00\x01", 4);
	assert_int_equal(addr_to_ipv4(&addr), 0xc6120001);
	assert_int_equal(addr_bits(&addr), 32);
}

static void special_addresses_are_known(void **state)
{
	struct addr addr;

	(void)state;
	addr = addr_of("127.255.0.1");
	assert_true(addr_is_loopback(&addr));
	addr = addr_of("::1");
	assert_true(addr_is_loopback(&addr));
	addr = addr_of("::2");
	assert_false(addr_is_loopback(&addr));
	addr = addr_of("128.0.0.1");
	assert_false(addr_is_loopback(&addr));
	addr = addr_of("0.0.0.0");
	assert_true(addr_is_unspecified(&addr));
	addr = addr_of("::");
	assert_true(addr_is_unspecified(&addr));
}

static void far_is_what_another_host_beyond_the_link_can_have(void **state)
{
	static const char *const far[] = {
		"1.0.0.0",    "10.1.2.3",     "192.0.2.1",   "223.255.255.255",
		"198.18.0.3", "128.0.0.1",    "2001:db8::1", "fd00::1",
		"1::",        "64:ff9b::102", "2001:2::3",
	};
	static const char *const near[] = {
		"0.0.0.0",    "0.1.2.3",
		"127.0.0.53", "169.254.1.1",
		"224.0.0.1",  "239.255.255.255",
		"240.0.0.1",  "255.255.255.255",
		"::",         "::1",
		"::2",        "::192.0.2.1",
		"fe80::1",    "::ffff:192.0.2.1",
		"febf::1",    "ff02::1",
	};
	const struct addr none = {0};
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		addr = addr_of(far[i]);
		assert_true(addr_is_far(&addr));
	}
	for (size_t i = 0; i < ARRAY_LEN(near); i++) {
		addr = addr_of(near[i]);
		assert_false(addr_is_far(&addr));
	}
	assert_false(addr_is_far(&none));
}

static void addresses_are_ordered_by_family_then_bytes(void **state)
{
	struct addr a = addr_of("255.0.0.0"), b = addr_of("::"),
		    c = addr_of("::1");

	(void)state;
	assert_true(addr_compare(&a, &b) < 0);
	assert_true(addr_compare(&b, &c) < 0);
	assert_true(addr_equal(&c, &c));
	assert_false(addr_equal(&b, &c));
}

static void prefix_text_comes_back_as_it_was(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0/0", "10.0.0.0/8",  "198.18.0.0/15", "1.2.3.4/32",
		"::/0",      "2001:2::/48", "fe80::/10",     "::1/128",
		"8000::/1",  "128.0.0.0/1",
	};
	char out[PREFIX_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct prefix prefix = prefix_of(texts[i]);

		assert_string_equal(prefix_format(&prefix, out, sizeof(out)),
				    texts[i]);
	}
}

static void address_without_length_is_a_host(void **state)
{
	(void)state;
	assert_int_equal(prefix_of("192.0.2.1").length, 32);
	assert_int_equal(prefix_of("2001:db8::1").length, 128);
}

static void text_that_is_no_prefix_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.1/8",
		"::1/64",
		"::/129",
		"10.0.0.0/-1",
		"10.0.0.0/08",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		"/8",
		"::/0/0",
	};
	struct prefix prefix;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(prefix_parse(&prefix, texts[i]), -EINVAL);
}

static void masked_prefix_tells_that_host_bits_were_set(void **state)
{
	struct prefix prefix;
	char out[PREFIX_TEXT_SIZE];

	(void)state;
	assert_int_equal(prefix_parse_masked(&prefix, "10.1.2.3/8"), 1);
	assert_string_equal(prefix_format(&prefix, out, sizeof(out)),
			    "10.0.0.0/8");
	assert_int_equal(prefix_parse_masked(&prefix, "10.0.0.0/8"), 0);
	assert_int_equal(prefix_parse_masked(&prefix, "10.0.0.0/x"), -EINVAL);
}

static void prefix_has_its_first_and_last_address_only(void **state)
{
	static const struct {
		const char *prefix, *before, *first, *last, *after;
	} rows[] = {
		{"198.18.0.0/15", "198.17.255.255", "198.18.0.0",
		 "198.19.255.255", "198.20.0.0"},
		{"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255",
		 "11.0.0.0"},
		{"192.0.2.1/32", "192.0.2.0", "192.0.2.1", "192.0.2.1",
		 "192.0.2.2"},
		{"2001:2::/48", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff",
		 "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "2001:2:1::"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix prefix = prefix_of(rows[i].prefix);
		struct addr before = addr_of(rows[i].before);
		struct addr first = addr_of(rows[i].first);
		struct addr last = addr_of(rows[i].last);
		struct addr after = addr_of(rows[i].after);

		assert_false(prefix_has(&prefix, &before));
		assert_true(prefix_has(&prefix, &first));
		assert_true(prefix_has(&prefix, &last));
		assert_false(prefix_has(&prefix, &after));
	}
}

static void prefix_of_everything_has_its_own_family_only(void **state)
{
	struct prefix all4 = prefix_of("0.0.0.0/0"), all6 = prefix_of("::/0");
	struct addr ipv4 = addr_of("192.0.2.1"), ipv6 = addr_of("::1");
	struct addr none = {0};

	(void)state;
	assert_true(prefix_has(&all4, &ipv4));
	assert_true(prefix_has(&all6, &ipv6));
	assert_false(prefix_has(&all4, &ipv6));
	assert_false(prefix_has(&all6, &ipv4));
	assert_false(prefix_has(&all4, &none));
}

static void wider_prefix_covers_and_narrower_does_not(void **state)
{
	struct prefix wide = prefix_of("10.0.0.0/8"),
		      narrow = prefix_of("10.1.0.0/16"),
		      other = prefix_of("11.1.0.0/16");

	(void)state;
	assert_true(prefix_covers(&wide, &wide));
	assert_true(prefix_covers(&wide, &narrow));
	assert_false(prefix_covers(&narrow, &wide));
	assert_false(prefix_covers(&wide, &other));
}

static void mask_clears_host_bits(void **state)
{
	struct prefix prefix = {addr_of("192.0.2.255"), 25};
	struct prefix host = {addr_of("::ffff"), 128};
	char out[PREFIX_TEXT_SIZE];

	(void)state;
	prefix_mask(&prefix);
	assert_string_equal(prefix_format(&prefix, out, sizeof(out)),
			    "192.0.2.128/25");
	prefix_mask(&host);
	assert_string_equal(prefix_format(&host, out, sizeof(out)),
			    "::ffff/128");
}

static void endpoint_text_is_read(void **state)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		const char *canonical;
	} rows[] = {
		{"192.0.2.1:53", 0, "192.0.2.1:53"},
		{"192.0.2.1", 53, "192.0.2.1:53"},
		{"192.0.2.1:5353", 53, "192.0.2.1:5353"},
		{"[2001:db8::1]:53", 0, "[2001:db8::1]:53"},
		{"[2001:db8::1]", 53, "[2001:db8::1]:53"},
		{"2001:db8::1", 53, "[2001:db8::1]:53"},
		{"[::]:65535", 0, "[::]:65535"},
	};
	char out[ENDPOINT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct endpoint endpoint;

		assert_int_equal(endpoint_parse(&endpoint, rows[i].text,
						rows[i].default_port),
				 0);
		assert_string_equal(
			endpoint_format(&endpoint, out, sizeof(out)),
			rows[i].canonical);
	}
}

static void text_that_is_no_endpoint_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:+5",
		"[192.0.2.1]:53",
		"[::1]53",
		"[::1",
		"[::1]:",
		"2001:db8::1",
		"localhost:53",
		":53",
		"[]:53",
	};
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(endpoint_parse(&endpoint, texts[i], 0),
				 -EINVAL);
}

static void endpoint_survives_the_way_through_a_sockaddr(void **state)
{
	static const char *const texts[] = {"192.0.2.1:53", "[2001:db8::1]:9"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct endpoint before, after;
		struct sockaddr_storage ss;
		socklen_t length;

		assert_int_equal(endpoint_parse(&before, texts[i], 0), 0);
		length = endpoint_to_sockaddr(&before, &ss);
		assert_int_equal(length, i == 0 ? sizeof(struct sockaddr_in)
						: sizeof(struct sockaddr_in6));
		assert_int_equal(endpoint_from_sockaddr(
					 &after, (const struct sockaddr *)&ss),
				 0);
		assert_true(endpoint_equal(&before, &after));
	}
}

static void mapped_sockaddr_becomes_ipv4(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(53)};
	struct endpoint endpoint;
	char out[ENDPOINT_TEXT_SIZE];

	(void)state;
	assert_int_equal(
		inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
	assert_int_equal(endpoint_from_sockaddr(&endpoint,
						(const struct sockaddr *)&in6),
			 0);
	assert_string_equal(endpoint_format(&endpoint, out, sizeof(out)),
			    "192.0.2.1:53");
}

static void sockaddr_of_another_family_is_refused(void **state)
{
	struct sockaddr sa = {.sa_family = AF_UNIX};
	struct endpoint endpoint;

	(void)state;
	assert_int_equal(endpoint_from_sockaddr(&endpoint, &sa), -EAFNOSUPPORT);
}

static void private_addresses_are_told_from_public_ones(void **state)
{
	static const char *const private[] = {
		"10.1.2.3",   "172.16.0.1", "172.31.255.255", "192.168.7.1",
		"127.0.0.53", "100.64.0.1", "169.254.1.1",    "::1",
		"fc00::1",    "fdff::1",    "fe80::1",
	};
	static const char *const public[] = {
		"9.9.9.9",     "172.15.0.1",  "172.32.0.1",  "100.63.0.1",
		"100.128.0.1", "192.169.0.1", "2620:fe::fe", "fec0::1",
	};
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(private); i++) {
		assert_int_equal(addr_parse(&addr, private[i]), 0);
		assert_true(addr_is_private(&addr));
	}
	for (size_t i = 0; i < ARRAY_LEN(public); i++) {
		assert_int_equal(addr_parse(&addr, public[i]), 0);
		assert_false(addr_is_private(&addr));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_text_comes_back_as_it_was),
		cmocka_unit_test(text_that_is_no_address_is_refused),
		cmocka_unit_test(unset_address_prints_and_measures),
		cmocka_unit_test(ipv4_number_is_in_host_order),
		cmocka_unit_test(special_addresses_are_known),
		cmocka_unit_test(
			far_is_what_another_host_beyond_the_link_can_have),
		cmocka_unit_test(addresses_are_ordered_by_family_then_bytes),
		cmocka_unit_test(prefix_text_comes_back_as_it_was),
		cmocka_unit_test(address_without_length_is_a_host),
		cmocka_unit_test(text_that_is_no_prefix_is_refused),
		cmocka_unit_test(masked_prefix_tells_that_host_bits_were_set),
		cmocka_unit_test(prefix_has_its_first_and_last_address_only),
		cmocka_unit_test(prefix_of_everything_has_its_own_family_only),
		cmocka_unit_test(wider_prefix_covers_and_narrower_does_not),
		cmocka_unit_test(mask_clears_host_bits),
		cmocka_unit_test(endpoint_text_is_read),
		cmocka_unit_test(text_that_is_no_endpoint_is_refused),
		cmocka_unit_test(endpoint_survives_the_way_through_a_sockaddr),
		cmocka_unit_test(mapped_sockaddr_becomes_ipv4),
		cmocka_unit_test(sockaddr_of_another_family_is_refused),
		cmocka_unit_test(private_addresses_are_told_from_public_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
