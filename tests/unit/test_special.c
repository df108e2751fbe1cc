// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/special.h"

#include "common/compiler.h"
#include "dnsd/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TYPE_DS 43
#define ONE                                                                    \
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6." \
	"arpa"
#define NONE                                                                   \
	"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6." \
	"arpa"
#define ULA                                                                    \
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6." \
	"arpa"

static const struct special *find(const char *text, uint16_t type)
{
	struct name name;

	assert_int_equal(name_parse(&name, text), 0);
	return special_find(&name, type);
}

static void the_table_is_in_order(void **state)
{
	size_t count;
	const struct special *all = special_all(&count);

	(void)state;
	assert_true(count > 60);
	for (size_t i = 0; i < count; i++) {
		const struct special *found = find(all[i].name, DNS_TYPE_A);

		assert_int_equal(all[i].length, strlen(all[i].name));
		assert_true(i == 0 || all[i - 1].length <= all[i].length);
		assert_true(strlen(all[i].reason) > 10);
		/* Each can be found, but the two that mean some children. */
		if (all[i].to == 0)
			assert_ptr_equal(found, &all[i]);
		else
			assert_null(found);
	}
}

static void names_are_what_the_standards_say(void **state)
{
	static const struct {
		const char *name;
		enum special_kind kind;
	} names[] = {
		{"localhost", SPECIAL_LOOPBACK},
		{"a.LocalHost", SPECIAL_LOOPBACK},
		{"1.0.0.127.in-addr.arpa", SPECIAL_LOOPBACK},
		{ONE, SPECIAL_LOOPBACK},
		{NONE, SPECIAL_NOWHERE},
		{"a.invalid", SPECIAL_NOWHERE},
		{"use-application-dns.net", SPECIAL_NOWHERE},
		{"_dns.resolver.arpa", SPECIAL_EMPTY},
		{"abc.onion", SPECIAL_CARRIED},
		{"printer.local", SPECIAL_SITE},
		{"local", SPECIAL_SITE},
		{"nas.home.arpa", SPECIAL_SITE},
		{"db.corp.internal", SPECIAL_SITE},
		{"nas", SPECIAL_SITE},
		{"1.1.168.192.in-addr.arpa", SPECIAL_SITE},
		{"10.in-addr.arpa", SPECIAL_SITE},
		{"1.0.16.172.in-addr.arpa", SPECIAL_SITE},
		{"31.172.in-addr.arpa", SPECIAL_SITE},
		{"5.127.100.in-addr.arpa", SPECIAL_SITE},
		{ULA, SPECIAL_SITE},
		{"time.apple.com", SPECIAL_DIRECT},
		{"2.debian.pool.ntp.org", SPECIAL_DIRECT},
		{"ntp1.example.com", SPECIAL_DIRECT},
		{"stun3.l.example.com", SPECIAL_DIRECT},
		{"wpad.example.com", SPECIAL_DIRECT},
		{"dns.msftncsi.com", SPECIAL_DIRECT},
	};
	static const char *const others[] = {
		"example.com",
		"localhost.example.com",
		"mylocal",
		"notlocal.example",
		"15.172.in-addr.arpa",
		"32.172.in-addr.arpa",
		"172.in-addr.arpa",
		"0172.in-addr.arpa",
		"1.1.1.1.in-addr.arpa",
		"63.100.in-addr.arpa",
		"time.com",
		"times.example.com",
		"ntpx.example.com",
		"a.stun.example.com",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct special *special = find(names[i].name, DNS_TYPE_A);

		if (!special || special->kind != names[i].kind)
			fail_msg("%s", names[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		const struct special *special = find(others[i], DNS_TYPE_A);

		/* One label is enough to be of this network. */
		if (special && special->length)
			fail_msg("%s is '%s'", others[i], special->name);
	}
	assert_null(find(".", DNS_TYPE_A));
	/* Validators ask for DS of a top level. */
	assert_null(find("com", TYPE_DS));
}

static enum special_answer answer(const char *name, uint16_t type,
				  struct addr *addr)
{
	struct question question = {.type = type, .klass = DNS_CLASS_IN};
	const struct special *special = find(name, type);

	assert_non_null(special);
	assert_int_equal(name_parse(&question.name, name), 0);
	return special_answer(special, &question, addr);
}

static void this_host_has_two_addresses_and_a_name(void **state)
{
	struct addr addr;

	(void)state;
	assert_int_equal(answer("localhost", DNS_TYPE_A, &addr),
			 SPECIAL_ANSWER_ADDRESS);
	assert_int_equal(addr_to_ipv4(&addr), 0x7f000001);
	assert_int_equal(answer("x.localhost", DNS_TYPE_AAAA, &addr),
			 SPECIAL_ANSWER_ADDRESS);
	assert_true(addr.family == ADDR_IPV6 && addr_is_loopback(&addr));
	assert_int_equal(answer("localhost", DNS_TYPE_HTTPS, &addr),
			 SPECIAL_ANSWER_NODATA);
	assert_int_equal(answer("1.0.0.127.in-addr.arpa", DNS_TYPE_PTR, &addr),
			 SPECIAL_ANSWER_POINTER);
	assert_int_equal(answer(ONE, DNS_TYPE_PTR, &addr),
			 SPECIAL_ANSWER_POINTER);
	assert_int_equal(answer("2.0.0.127.in-addr.arpa", DNS_TYPE_PTR, &addr),
			 SPECIAL_ANSWER_NXDOMAIN);
	assert_int_equal(answer("127.in-addr.arpa", DNS_TYPE_SOA, &addr),
			 SPECIAL_ANSWER_NODATA);
}

static void a_zone_of_ours_exists_and_what_is_below_does_not(void **state)
{
	struct addr addr;

	(void)state;
	assert_int_equal(answer("local", DNS_TYPE_SOA, &addr),
			 SPECIAL_ANSWER_NODATA);
	assert_int_equal(answer("a.local", DNS_TYPE_A, &addr),
			 SPECIAL_ANSWER_NXDOMAIN);
	assert_int_equal(answer("a.onion", DNS_TYPE_A, &addr),
			 SPECIAL_ANSWER_NXDOMAIN);
	assert_int_equal(answer("_dns.resolver.arpa", DNS_TYPE_SVCB, &addr),
			 SPECIAL_ANSWER_NODATA);
	assert_int_equal(answer(NONE, DNS_TYPE_PTR, &addr),
			 SPECIAL_ANSWER_NXDOMAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_in_order),
		cmocka_unit_test(names_are_what_the_standards_say),
		cmocka_unit_test(this_host_has_two_addresses_and_a_name),
		cmocka_unit_test(
			a_zone_of_ours_exists_and_what_is_below_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
