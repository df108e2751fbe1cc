// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/opt.h"

#include "dnsd/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT "\1\2\3\4\5\6\7\x8"
#define SERVER "ABCDEFGHIJKLMNOP"
#define NSID "\0\3\0\0"
#define SUBNET "\0\x8\0\7\0\1\x18\0\xc0\0\2"

static int options(struct question *question, const char *bytes, size_t length)
{
	const struct opt_fixed opt = {.size = 4096};

	*question = (struct question){.udp_size = DNS_UDP_SIZE};
	return opt_read(question, &opt, (const uint8_t *)bytes, length);
}

#define READ(question, bytes) options(question, bytes, sizeof(bytes) - 1)

static void options_that_mean_something_are_found(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(READ(&q, NSID "\0\xa\0\x8" CLIENT SUBNET "\0\xb\0\0"),
			 0);
	assert_true(q.has_edns && q.has_cookie && q.wants_keepalive);
	assert_memory_equal(q.cookie, CLIENT, 8);
	assert_int_equal(q.udp_size, DNS_EDNS_SIZE);
	assert_int_equal(READ(&q, NSID), 0);
	assert_false(q.has_cookie || q.wants_keepalive);
}

static void a_cookie_has_one_half_or_two(void **state)
{
	static const uint8_t many[64];
	const struct opt_fixed opt = {.size = 512};

	(void)state;
	for (uint8_t length = 0; length < 60; length++) {
		uint8_t bytes[64] = {0, 10, 0, length};
		struct question q = {.udp_size = DNS_UDP_SIZE};
		bool is_right = length == 8 || (length >= 16 && length <= 40);

		memcpy(bytes + 4, many, length);
		assert_int_equal(opt_read(&q, &opt, bytes, 4U + length),
				 is_right ? 0 : DNS_RCODE_FORMERR);
		assert_int_equal(q.has_cookie, is_right);
		assert_true(q.has_edns);
	}
}

static void options_that_are_cut_are_formerr(void **state)
{
	static const char whole[] = "\0\xa\0\x8" CLIENT;
	struct question q;

	(void)state;
	for (size_t length = 1; length < sizeof(whole) - 1; length++)
		assert_int_equal(options(&q, whole, length), DNS_RCODE_FORMERR);
}

static void options_of_a_later_version_are_not_read(void **state)
{
	const struct opt_fixed opt = {.size = 512, .flags = 1 << 16};
	struct question q = {.udp_size = DNS_UDP_SIZE};

	(void)state;
	assert_int_equal(opt_read(&q, &opt, (const uint8_t *)"\1", 1), 0);
	assert_int_equal(q.edns_version, 1);
}

static size_t write(uint8_t *out, size_t size, const struct question *question,
		    const struct ede *ede)
{
	struct writer writer = writer_of(out, size);

	opt_write(&writer, question, DNS_RCODE_BADVERS, ede);
	return writer.has_failed ? 0 : writer_length(&writer);
}

static void a_reply_says_what_was_asked_and_no_more(void **state)
{
	static const uint8_t full[] =
		"\0\0\x29\x04\xd0\1\0\x80\0\0\x2b"
		"\0\xa\0\x18" CLIENT SERVER "\0\xb\0\2\0\x64"
		"\0\xf\0\5\0\4why";
	const struct ede ede = {EDE_FORGED, "why"};
	struct question q = {.do_bit = true, .keepalive_ds = 100};
	uint8_t out[100];

	(void)state;
	memcpy(q.cookie, CLIENT SERVER, sizeof(q.cookie));
	assert_int_equal(write(out, sizeof(out), &q, &ede), 0);
	assert_int_equal(opt_size(&q), 0);
	q.has_edns = true;
	assert_int_equal(write(out, sizeof(out), &q, NULL), 11);
	assert_int_equal(opt_size(&q), 11);
	q.has_cookie = q.wants_keepalive = true;
	assert_int_equal(opt_size(&q), 11 + 28 + 6);
	assert_int_equal(write(out, sizeof(out), &q, &ede), sizeof(full) - 1);
	assert_memory_equal(out, full, sizeof(full) - 1);
	/* Of an EDE what fits, also nothing. */
	assert_int_equal(write(out, 11 + 28 + 6 + 7, &q, &ede),
			 11 + 28 + 6 + 7);
	assert_int_equal(write(out, 11 + 28 + 6 + 5, &q, &ede), 11 + 28 + 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_mean_something_are_found),
		cmocka_unit_test(a_cookie_has_one_half_or_two),
		cmocka_unit_test(options_that_are_cut_are_formerr),
		cmocka_unit_test(options_of_a_later_version_are_not_read),
		cmocka_unit_test(a_reply_says_what_was_asked_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
