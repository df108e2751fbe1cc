// SPDX-License-Identifier: BSD-2-Clause
/*
 * The vectors are those of RFC 9018, appendix A, and of the paper on SipHash.
 */
#include "dnsd/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct vector {
	const char *address;
	uint32_t now_s;
	const char *secret;
	const char *cookie; /* both halves */
};

static const struct vector vectors[] = {
	{"198.51.100.100", 1559731985,
	 "\xe5\xe9\x73\xe5\xa6\xb2\xa4\x3f\x48\xe7\xdc\x84\x9e\x37\xbf\xcf",
	 "\x24\x64\xc4\xab\xcf\x10\xc9\x57"
	 "\x01\x00\x00\x00\x5c\xf7\x9f\x11\x1f\x81\x30\xc3\xee\xe2\x94\x80"},
	{"203.0.113.203", 1559734700,
	 "\xe5\xe9\x73\xe5\xa6\xb2\xa4\x3f\x48\xe7\xdc\x84\x9e\x37\xbf\xcf",
	 "\xfc\x93\xfc\x62\x80\x7d\xdb\x86"
	 "\x01\x00\x00\x00\x5c\xf7\xa9\xac\xf7\x3a\x78\x10\xac\xa2\x38\x1e"},
	{"2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
	 "\x44\x55\x36\xbc\xd2\x51\x32\x98\x07\x5a\x5d\x37\x96\x63\xc9\x62",
	 "\x22\x68\x1a\xb9\x7d\x52\xc2\x98"
	 "\x01\x00\x00\x00\x5c\xf7\xc6\x09\xa6\xbb\x79\xd1\x66\x25\x50\x7a"},
};

static void cookies_are_those_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *vector = &vectors[i];
		uint8_t cookie[DNS_COOKIE_SIZE];
		struct addr client;

		assert_int_equal(addr_parse(&client, vector->address), 0);
		memset(cookie, 0xaa, sizeof(cookie));
		memcpy(cookie, vector->cookie, DNS_COOKIE_CLIENT_SIZE);
		cookie_make(cookie, &client, vector->now_s,
			    (const uint8_t *)vector->secret);
		assert_memory_equal(cookie, vector->cookie, sizeof(cookie));
	}
}

static void siphash_is_that_of_the_paper(void **state)
{
	uint8_t key[SIPHASH_KEY_SIZE], bytes[15];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_true(siphash(key, bytes, sizeof(bytes), 2, 4) ==
		    0xa129ca6149be45e5ULL);
}

static void another_client_or_secret_has_another_cookie(void **state)
{
	uint8_t first[DNS_COOKIE_SIZE] = {1}, second[DNS_COOKIE_SIZE] = {1};
	uint8_t third[DNS_COOKIE_SIZE] = {1};
	const uint8_t secret[SIPHASH_KEY_SIZE] = {7};
	const uint8_t other[SIPHASH_KEY_SIZE] = {8};
	const struct addr here = addr_ipv4(0x0a000001);
	const struct addr there = addr_ipv4(0x0a000002);

	(void)state;
	cookie_make(first, &here, 1, secret);
	cookie_make(second, &there, 1, secret);
	cookie_make(third, &here, 1, other);
	assert_memory_not_equal(first, second, sizeof(first));
	assert_memory_not_equal(first, third, sizeof(first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_those_of_the_rfc),
		cmocka_unit_test(siphash_is_that_of_the_paper),
		cmocka_unit_test(another_client_or_secret_has_another_cookie),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
