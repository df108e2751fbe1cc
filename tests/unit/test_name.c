// SPDX-License-Identifier: BSD-2-Clause
#include "common/name.h"

#include "common/addr.h"
#include "common/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LABEL_OF_63 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct name name_of(const char *text)
{
	struct name name;

	assert_int_equal(name_parse(&name, text), 0);
	return name;
}

static void text_becomes_lower_case_wire_form(void **state)
{
	struct name name = name_of("WWW.Example.com");

	(void)state;
	assert_int_equal(name.length, 17);
	assert_memory_equal(name.wire, "\3www\7example\3com", 17);
}

static void trailing_dot_changes_nothing(void **state)
{
	struct name with = name_of("example.com."),
		    without = name_of("example.com");

	(void)state;
	assert_true(name_equal(&with, &without));
}

static void root_is_a_dot(void **state)
{
	struct name root = name_of(".");
	char out[NAME_TEXT_SIZE];

	(void)state;
	assert_int_equal(root.length, 1);
	assert_string_equal(name_format(&root, out, sizeof(out)), ".");
}

static void odd_bytes_are_escaped_and_read_back(void **state)
{
	static const struct {
		const char *text, *canonical;
	} rows[] = {
		{"a\\.b.c", "a\\.b.c"},
		{"a\\046b.c", "a\\.b.c"},
		{"\\000\\255", "\\000\\255"},
		{"a@b", "a\\@b"},
		{"x\\032y", "x\\032y"},
		{"_dns-sd._udp.example", "_dns-sd._udp.example"},
		{"\\A", "a"},
		{"*.example", "*.example"},
	};
	char out[NAME_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct name name = name_of(rows[i].text), again;

		name_format(&name, out, sizeof(out));
		assert_string_equal(out, rows[i].canonical);
		again = name_of(out);
		assert_true(name_equal(&name, &again));
	}
}

static void text_that_is_no_name_is_refused(void **state)
{
	static const char *const texts[] = {
		"",    ".a",    "a..b",  "..", "a b",  "a\tb",          "a\\",
		"\\1", "\\12x", "\\256", "a ", "a\\ ", LABEL_OF_63 "a",
	};
	struct name name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(name_parse(&name, texts[i]), -EINVAL);
}

static void unicode_is_told_from_other_mistakes(void **state)
{
	struct name name;

	(void)state;
	assert_int_equal(name_parse(&name, "b\xc3\xbc"
					   "cher.example"),
			 ERR_MALFORMED);
}

static void longest_name_fits_and_one_more_byte_does_not(void **state)
{
	static const char fits[] =
		LABEL_OF_63 "." LABEL_OF_63 "." LABEL_OF_63
			    ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaa";
	char longer[sizeof(fits) + 1];
	struct name name = name_of(fits);

	(void)state;
	assert_int_equal(name.length, NAME_WIRE_MAX);
	memcpy(longer, fits, sizeof(fits) - 1);
	memcpy(longer + sizeof(fits) - 1, "a", 2);
	assert_int_equal(name_parse(&name, longer), -EINVAL);
	memcpy(longer + sizeof(fits) - 3, ".a", 3);
	assert_int_equal(name_parse(&name, longer), 0);
	assert_int_equal(name.length, NAME_WIRE_MAX);
}

static void worst_name_fits_the_text_size(void **state)
{
	uint8_t wire[NAME_WIRE_MAX];
	struct name name, again;
	char out[NAME_TEXT_SIZE];

	(void)state;
	memset(wire, 0xff, sizeof(wire));
	wire[0] = wire[64] = wire[128] = 63;
	wire[192] = 61;
	wire[254] = 0;
	assert_int_equal(name_from_wire(&name, wire, sizeof(wire)), 255);
	name_format(&name, out, sizeof(out));
	assert_int_equal(strlen(out), 250 * 4 + 3);
	again = name_of(out);
	assert_true(name_equal(&name, &again));
}

static void text_is_cut_to_the_room_there_is(void **state)
{
	struct name name = name_of("a\\200.example");
	char out[6];

	(void)state;
	assert_string_equal(name_format(&name, out, sizeof(out)), "a\\200");
	assert_string_equal(name_format(&name, out, 5), "a");
}

static void wire_form_is_lower_cased_and_measured(void **state)
{
	static const uint8_t wire[] = "\3WwW\2Ex\0rest";
	struct name name, expected = name_of("www.ex");

	(void)state;
	assert_int_equal(name_from_wire(&name, wire, sizeof(wire)), 8);
	assert_true(name_equal(&name, &expected));
}

static void wire_form_that_lies_is_refused(void **state)
{
	static const struct {
		const char *wire;
		size_t size;
	} rows[] = {
		{"", 0},
		{"\1", 1},
		{"\1a", 2},
		{"\3ab\0", 4},
		{"\xc0\x0c", 2},
		{"\1a\xc0\x0c", 4},
		{"\x40xxxxxxx", 8},
	};
	struct name name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(name_from_wire(&name,
						(const uint8_t *)rows[i].wire,
						rows[i].size),
				 ERR_MALFORMED);
}

static void wire_form_of_256_bytes_is_refused(void **state)
{
	uint8_t wire[257];
	struct name name;

	(void)state;
	for (size_t i = 0; i < sizeof(wire); i++)
		wire[i] = i % 2 == 0 ? 1 : 'a';
	wire[254] = 0;
	assert_int_equal(name_from_wire(&name, wire, sizeof(wire)), 255);
	wire[254] = 1;
	wire[256] = 0;
	assert_int_equal(name_from_wire(&name, wire, sizeof(wire)),
			 ERR_MALFORMED);
}

/* Whatever the bytes are: refused, or text that reads back to the same. */
static void random_wire_forms_round_trip(void **state)
{
	char out[NAME_TEXT_SIZE];

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		uint8_t wire[64];
		struct name name, again;
		int ret;

		for (size_t i = 0; i < sizeof(wire); i++)
			wire[i] = (uint8_t)(rand() >> 7);
		for (size_t i = 0; i < sizeof(wire); i += 1U + wire[i])
			wire[i] %= 9;
		ret = name_from_wire(&name, wire, sizeof(wire));
		if (ret < 0)
			continue;
		again = name_of(name_format(&name, out, sizeof(out)));
		assert_true(name_equal(&name, &again));
	}
}

static void suffix_ends_at_a_label(void **state)
{
	static const struct {
		const char *name, *suffix;
		bool is_under;
	} rows[] = {
		{"example.com", "example.com", true},
		{"www.example.com", "example.com", true},
		{"www.example.com", ".", true},
		{"badexample.com", "example.com", false},
		{"example.com", "www.example.com", false},
		{"example.com.evil", "example.com", false},
		{".", ".", true},
		/* The label's bytes look like the length and text of two. */
		{"a\\003com", "com", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct name name = name_of(rows[i].name),
			    suffix = name_of(rows[i].suffix);

		assert_int_equal(name_is_under(&name, &suffix),
				 rows[i].is_under);
	}
}

static void hash_follows_the_bytes(void **state)
{
	uint8_t bytes[33] = {0};
	uint64_t seen[33];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		seen[i] = name_hash(bytes, i);
		assert_true(name_hash(bytes, i) == seen[i]);
		for (size_t k = 0; k < i; k++)
			assert_true(seen[k] != seen[i]);
	}
	bytes[32] = 1;
	assert_true(name_hash(bytes, 33) != name_hash(bytes, 32));
}

static void reverse_name_tells_its_address(void **state)
{
	static const struct {
		const char *name, *addr;
	} rows[] = {
		{"4.3.2.1.in-addr.arpa", "1.2.3.4"},
		{"0.0.18.198.IN-ADDR.ARPA.", "198.18.0.0"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0"
		 ".0.2.ip6.arpa",
		 "2001:db8::1"},
		{"f.E.d.c.b.a.9.8.7.6.5.4.3.2.1.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0"
		 ".0.2.ip6.arpa",
		 "2001:2::123:4567:89ab:cdef"},
	};
	char out[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct name name = name_of(rows[i].name);
		struct addr addr;

		assert_int_equal(name_to_reverse_addr(&name, &addr), 0);
		assert_string_equal(addr_format(&addr, out, sizeof(out)),
				    rows[i].addr);
	}
}

static void other_names_have_no_reverse_address(void **state)
{
	static const char *const texts[] = {
		".",
		"example.com",
		"in-addr.arpa",
		"3.2.1.in-addr.arpa",
		"5.4.3.2.1.in-addr.arpa",
		"256.3.2.1.in-addr.arpa",
		"04.3.2.1.in-addr.arpa",
		"x.3.2.1.in-addr.arpa",
		"1000.3.2.1.in-addr.arpa",
		"ip6.arpa",
		"1.ip6.arpa",
		"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0"
		".0.2.ip6.arpa",
		"10.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0"
		".2.0ip6.arpa",
		"0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0"
		".0.2.ip6.arpa",
		"4.3.2.1.in-addr.arpa.example",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct name name = name_of(texts[i]);
		struct addr addr;

		assert_int_equal(name_to_reverse_addr(&name, &addr), -EINVAL);
	}
}

/* What it takes is what the long way makes of the same characters. */
static void the_quick_way_reads_what_the_long_way_reads(void **state)
{
	static const char bytes[] = "abzAZ09-_..\\ \n/\xc3:*";
	char text[300];
	unsigned taken_all = 0;

	(void)state;
	srand(3);
	for (int round = 0; round < 20000; round++) {
		struct name quick, slow;
		size_t length = (size_t)rand() % (round % 50 ? 12 : 290);
		size_t range = round % 3 ? sizeof(bytes) - 1 : 11, taken;

		for (size_t i = 0; i < length; i++)
			text[i] = bytes[(size_t)rand() % range];
		text[length] = '\0';
		taken = name_parse_plain(&quick, text);
		assert_true(taken <= length);
		if (taken == 0)
			continue;
		taken_all += text[taken] == '\0';
		text[taken] = '\0';
		assert_int_equal(name_parse(&slow, text), 0);
		assert_true(name_equal(&quick, &slow));
	}
	assert_true(taken_all > 1000);
}

static void the_quick_way_ends_where_a_name_does(void **state)
{
	static const struct {
		const char *text;
		size_t taken;
	} rows[] = {
		{"WWW.Example.com", 15},
		{"a.example^$all", 9},
		{"a_b-c.example\r", 13},
		{"example.com. ", 0},
		{"", 0},
		{".com", 0},
		{"a..com", 0},
		{"*.com", 0},
		{LABEL_OF_63, 63},
		{LABEL_OF_63 "a", 0},
	};
	char text[256];
	struct name name;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(name_parse_plain(&name, rows[i].text),
				 rows[i].taken);
	/* 253 characters are the longest name there is. */
	for (size_t i = 0; i < 254; i++)
		text[i] = i % 2 ? '.' : 'a';
	text[253] = '\0';
	assert_int_equal(name_parse_plain(&name, text), 253);
	strcpy(text + 252, "aa");
	assert_int_equal(name_parse_plain(&name, text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_lower_case_wire_form),
		cmocka_unit_test(trailing_dot_changes_nothing),
		cmocka_unit_test(root_is_a_dot),
		cmocka_unit_test(odd_bytes_are_escaped_and_read_back),
		cmocka_unit_test(text_that_is_no_name_is_refused),
		cmocka_unit_test(unicode_is_told_from_other_mistakes),
		cmocka_unit_test(longest_name_fits_and_one_more_byte_does_not),
		cmocka_unit_test(worst_name_fits_the_text_size),
		cmocka_unit_test(text_is_cut_to_the_room_there_is),
		cmocka_unit_test(wire_form_is_lower_cased_and_measured),
		cmocka_unit_test(wire_form_that_lies_is_refused),
		cmocka_unit_test(wire_form_of_256_bytes_is_refused),
		cmocka_unit_test(random_wire_forms_round_trip),
		cmocka_unit_test(suffix_ends_at_a_label),
		cmocka_unit_test(hash_follows_the_bytes),
		cmocka_unit_test(reverse_name_tells_its_address),
		cmocka_unit_test(other_names_have_no_reverse_address),
		cmocka_unit_test(the_quick_way_reads_what_the_long_way_reads),
		cmocka_unit_test(the_quick_way_ends_where_a_name_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
