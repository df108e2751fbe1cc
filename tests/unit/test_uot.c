// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/uot.h"

#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name name;
static uint8_t bytes[UOT_HEAD_MAX];

static struct socks_target to(const char *endpoint, const char *text)
{
	struct socks_target target = {.name = text ? &name : NULL};

	assert_int_equal(endpoint_parse(&target.endpoint, endpoint, 0), 0);
	if (text)
		assert_int_equal(name_parse(&name, text), 0);
	return target;
}

/* A request has the types of SOCKS; datagrams have types of their own. */
static void the_two_kinds_of_addresses_differ(void **state)
{
	static const struct {
		const char *endpoint, *name;
		uint8_t in_request, in_head;
	} cases[] = {
		{"192.0.2.7:53", NULL, 1, 0},
		{"[2001:db8::7]:53", NULL, 4, 1},
		{"198.18.0.9:53", "a.b.org", 3, 2},
	};
	uint8_t request[UOT_REQUEST_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct socks_target target =
			to(cases[i].endpoint, cases[i].name);
		size_t length = uot_put_request(request, &target);
		size_t head = uot_put_head(bytes, &target, 0x1234);

		/* One byte before the one, the length behind the other. */
		assert_int_equal(head, length - 1 + 2);
		assert_int_equal(request[0], 0);
		assert_int_equal(request[1], cases[i].in_request);
		assert_int_equal(bytes[0], cases[i].in_head);
		assert_memory_equal(request + 2, bytes + 1, length - 2);
		assert_memory_equal(bytes + head - 2, "\x12\x34", 2);
	}
}

static void what_is_put_is_read_again_and_no_byte_sooner(void **state)
{
	static const struct {
		const char *endpoint, *name;
	} cases[] = {
		{"192.0.2.7:1", NULL},
		{"[2001:db8::7]:65535", NULL},
		{"198.18.0.9:53", "a.b.org"},
	};
	struct socks_source source;
	size_t payload;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct socks_target target =
			to(cases[i].endpoint, cases[i].name);
		size_t head = uot_put_head(bytes, &target, UOT_PAYLOAD_MAX);

		for (size_t have = 0; have < head; have++)
			assert_int_equal(
				uot_read_head(&source, &payload, bytes, have),
				0);
		assert_int_equal(uot_read_head(&source, &payload, bytes, head),
				 head);
		assert_int_equal(payload, UOT_PAYLOAD_MAX);
		assert_int_equal(source.endpoint.port, target.endpoint.port);
		if (cases[i].name) {
			assert_int_equal(source.text_length, 7);
			assert_memory_equal(source.text, cases[i].name, 7);
		} else {
			assert_null(source.text);
			assert_true(endpoint_equal(&source.endpoint,
						   &target.endpoint));
		}
	}
}

static void nonsense_is_found(void **state)
{
	struct socks_source source;
	size_t payload;

	(void)state;
	for (int type = 3; type < 256; type++) {
		bytes[0] = (uint8_t)type;
		assert_int_equal(uot_read_head(&source, &payload, bytes, 2),
				 ERR_MALFORMED);
	}
}

static void a_name_that_cannot_be_said_is_not_written(void **state)
{
	struct socks_target target = to("198.18.0.9:53", "a\\.b.org");

	(void)state;
	assert_int_equal(uot_put_head(bytes, &target, 1), 0);
	assert_int_equal(uot_put_request(bytes, &target), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_two_kinds_of_addresses_differ),
		cmocka_unit_test(what_is_put_is_read_again_and_no_byte_sooner),
		cmocka_unit_test(nonsense_is_found),
		cmocka_unit_test(a_name_that_cannot_be_said_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
