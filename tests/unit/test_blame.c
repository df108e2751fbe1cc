// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/blame.h"

#include "common/err.h"
#include "dnsd/opt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct upstream_way ways[] = {{.interface = NULL}};
static const struct upstream_conf upstream = {.ways = ways, .way_count = 1};

static struct group group_of(enum upstream_transport transport)
{
	struct group group = {.conf = &upstream, .count = 1};

	group.servers[0].transport = transport;
	assert_int_equal(
		endpoint_parse(&group.servers[0].endpoint, "192.0.2.1:53", 0),
		0);
	return group;
}

static void each_failure_has_its_code_and_sentence(void **state)
{
	static const uint8_t refused[DNS_HEADER_SIZE] = {0, 0, 0x80, 5};
	static const struct {
		struct exchange_result result;
		uint16_t ede;
		const char *why;
	} cases[] = {
		{{.status = ERR_REFUSED, .message = refused},
		 EDE_NO_REACHABLE_AUTHORITY,
		 "192.0.2.1:53 answered REFUSED"},
		{{.status = ERR_MALFORMED},
		 EDE_NETWORK_ERROR,
		 "the answer of 192.0.2.1:53 cannot be read"},
		{{.status = ERR_FOREIGN,
		  .poison = {ADDR_IPV4, {198, 18, 0, 9}}},
		 EDE_OTHER,
		 "192.0.2.1:53 answered 198.18.0.9, an address of our own "
		 "pool: does it ask us?"},
		{{.status = -EPROTO, .why = "the certificate has expired"},
		 EDE_NETWORK_ERROR,
		 "cannot ask 192.0.2.1:53: the certificate has expired"},
	};
	struct group group = group_of(UPSTREAM_UDP);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct blame blame = {.status = ERR_TIMEOUT};

		blame_failure(&blame, &group, 0, &cases[i].result);
		assert_int_equal(blame.status, cases[i].result.status);
		assert_int_equal(blame.ede, cases[i].ede);
		assert_string_equal(blame.why, cases[i].why);
	}
}

static void silence_does_not_hide_a_failure(void **state)
{
	struct blame blame = {.status = ERR_TIMEOUT};
	struct group group = group_of(UPSTREAM_TLS);

	(void)state;
	blame_silence(&blame, &group, 0);
	assert_string_equal(blame.why, "tls://192.0.2.1:53 did not answer");
	blame_failure(&blame, &group, 0,
		      &(struct exchange_result){.status = -ECONNREFUSED});
	blame_silence(&blame, &group, 0);
	assert_string_equal(
		blame.why, "cannot ask tls://192.0.2.1:53: Connection refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_has_its_code_and_sentence),
		cmocka_unit_test(silence_does_not_hide_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
