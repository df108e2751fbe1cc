// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dump_form.h"

#include "common/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 2026-11-22T08:43:00Z */
#define CREATED_MS INT64_C(1795336980000)

struct row {
	uint32_t slot;
	const char *name;
	int64_t used_ms;
};

static char *dump(enum dump_form form, const struct fake_pool *pool,
		  const struct row *rows)
{
	struct dump_writer writer;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	dump_write_head(&writer, form, pool, out);
	for (; rows->name; rows++) {
		struct map_row row = {.slot = rows->slot,
				      .created_ms = CREATED_MS};
		assert_int_equal(name_parse(&row.name, rows->name), 0);
		assert_int_equal(dump_write_row(&writer, &row, rows->used_ms),
				 0);
	}
	dump_write_tail(&writer);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_dump(enum dump_form form, const struct fake_pool *pool,
			const struct row *rows, const char *wanted)
{
	char *text = dump(form, pool, rows);
	assert_string_equal(text, wanted);
	free(text);
}

static const struct row two[] = {
	{4, "example.com", CREATED_MS},
	{4711, "a-much-longer-name.example.net", -1},
	{0, NULL, 0},
};

static void a_table_has_its_columns_under_each_other(void **state)
{
	(void)state;
	struct fake_pool pool = fake_pool_default();
	assert_dump(DUMP_TABLE, &pool, two,
		    "  SLOT  IPV4             IPV6            CREATED          "
		    "     LAST USED             NAME\n"
		    "     4  198.18.0.4       2001:2::4       "
		    "2026-11-22T08:43:00Z  2026-11-22T08:43:00Z  example.com\n"
		    "  4711  198.18.18.103    2001:2::1267    "
		    "2026-11-22T08:43:00Z  -                     "
		    "a-much-longer-name.example.net\n");
}

static void a_table_without_ipv6_leaves_its_column_out(void **state)
{
	(void)state;
	struct fake_pool pool = fake_pool_default();
	pool.ipv6 = (struct prefix){.length = 0};
	char *text = dump(DUMP_TABLE, &pool, two);
	assert_null(strstr(text, "IPV6"));
	assert_non_null(strstr(text, "198.18.0.4       2026"));
	free(text);
}

static void json_has_the_fields_of_the_contract(void **state)
{
	(void)state;
	struct fake_pool pool = fake_pool_default();
	assert_dump(DUMP_JSON, &pool, two,
		    "{\"slot\":4,\"name\":\"example.com\","
		    "\"ipv4\":\"198.18.0.4\",\"ipv6\":\"2001:2::4\","
		    "\"created\":\"2026-11-22T08:43:00Z\","
		    "\"last_used\":\"2026-11-22T08:43:00Z\"}\n"
		    "{\"slot\":4711,"
		    "\"name\":\"a-much-longer-name.example.net\","
		    "\"ipv4\":\"198.18.18.103\",\"ipv6\":\"2001:2::1267\","
		    "\"created\":\"2026-11-22T08:43:00Z\","
		    "\"last_used\":null}\n");
}

static void csv_quotes_what_needs_it(void **state)
{
	static const struct row rows[] = {{4, "a,b.example", -1},
					  {5, "a\\\"b.example", -1},
					  {0, NULL, 0}};
	(void)state;
	struct fake_pool pool = fake_pool_default();
	assert_dump(DUMP_CSV, &pool, rows,
		    "slot,name,ipv4,ipv6,created,last_used\r\n"
		    "4,\"a,b.example\",198.18.0.4,2001:2::4,"
		    "2026-11-22T08:43:00Z,\r\n"
		    "5,\"a\\\"\"b.example\",198.18.0.5,2001:2::5,"
		    "2026-11-22T08:43:00Z,\r\n");
}

/* The same names, as RFC 1035 writes them. */
static void csv_has_nothing_that_looks_like_a_formula(void **state)
{
	static const struct row rows[] = {{4, "=cmd|x!a1.example", -1},
					  {5, "+1.example", -1},
					  {6, "-a,b.example", -1},
					  {0, NULL, 0}};
	(void)state;
	struct fake_pool pool = fake_pool_default();
	pool.ipv6.addr.family = ADDR_NONE;
	assert_dump(DUMP_CSV, &pool, rows,
		    "slot,name,ipv4,ipv6,created,last_used\r\n"
		    "4,\\061cmd|x!a1.example,198.18.0.4,,"
		    "2026-11-22T08:43:00Z,\r\n"
		    "5,\\0431.example,198.18.0.5,,2026-11-22T08:43:00Z,\r\n"
		    "6,\"\\045a,b.example\",198.18.0.6,,"
		    "2026-11-22T08:43:00Z,\r\n");
}

static void json_is_json_whatever_the_name(void **state)
{
	static const struct row rows[] = {
		{4, "a\\\"\\\\\\000\\255b.example", -1}, {0, NULL, 0}};
	(void)state;
	struct fake_pool pool = fake_pool_default();
	char *text = dump(DUMP_JSON, &pool, rows);
	struct json *json = json_parse(text, strlen(text) - 1);
	assert_non_null(json);
	assert_string_equal(json_get_text(json, "name"), rows[0].name);
	json_free(json);
	free(text);
}

static void hosts_has_only_names_that_may_stand_there(void **state)
{
	static const struct row rows[] = {{4, "example.com", -1},
					  {5, "a\\032b.example", -1},
					  {6, "_dmarc.example", -1},
					  {7, "1.2.3.4", -1},
					  {0, NULL, 0}};
	(void)state;
	struct fake_pool pool = fake_pool_default();
	char *text = dump(DUMP_HOSTS, &pool, rows);
	char *lines = strchr(text, '\n');
	assert_int_equal(text[0], '#');
	assert_non_null(lines);
	assert_string_equal(lines + 1,
			    "198.18.0.4\texample.com\n"
			    "2001:2::4\texample.com\n"
			    "198.18.0.6\t_dmarc.example\n"
			    "2001:2::6\t_dmarc.example\n"
			    "# left out, as they cannot stand here: 2\n");
	free(text);
}

static void no_byte_of_a_name_breaks_a_line(void **state)
{
	(void)state;
	struct fake_pool pool = fake_pool_default();
	for (int form = DUMP_TABLE; form <= DUMP_HOSTS; form++) {
		struct dump_writer writer;
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		struct map_row row = {.slot = 4};
		assert_non_null(out);
		dump_write_head(&writer, (enum dump_form)form, &pool, out);
		fflush(out);
		size_t head = size;
		/* One label of each byte that there is, 60 at a time. */
		for (unsigned first = 0; first < 256; first += 60) {
			row.name.length = 62;
			row.name.wire[0] = 60;
			for (unsigned i = 0; i < 60; i++)
				row.name.wire[1 + i] = (uint8_t)(first + i);
			row.name.wire[61] = 0;
			assert_int_equal(dump_write_row(&writer, &row, -1), 0);
		}
		assert_int_equal(fclose(out), 0);
		size_t lines = 0;
		for (size_t i = head; i < size; i++) {
			lines += text[i] == '\n';
			assert_true(text[i] == '\n' || text[i] == '\r' ||
				    text[i] == '\t' ||
				    (text[i] >= ' ' && text[i] <= '~'));
		}
		assert_int_equal(lines, form == DUMP_HOSTS ? 0 : 5);
		free(text);
	}
}

static void a_stream_that_failed_is_told(void **state)
{
	(void)state;
	struct fake_pool pool = fake_pool_default();
	struct dump_writer writer;
	struct map_row row = {.slot = 4};
	FILE *out = fopen("/dev/full", "w");
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(name_parse(&row.name, "example.com"), 0);
	dump_write_head(&writer, DUMP_CSV, &pool, out);
	assert_int_equal(dump_write_row(&writer, &row, -1), -EIO);
	fclose(out);
}

static void forms_have_words(void **state)
{
	(void)state;
	assert_int_equal(dump_form_of(NULL), DUMP_TABLE);
	assert_int_equal(dump_form_of("table"), DUMP_TABLE);
	assert_int_equal(dump_form_of("hosts"), DUMP_HOSTS);
	assert_int_equal(dump_form_of("xml"), -EINVAL);
	assert_int_equal(dump_form_of(""), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_its_columns_under_each_other),
		cmocka_unit_test(a_table_without_ipv6_leaves_its_column_out),
		cmocka_unit_test(json_has_the_fields_of_the_contract),
		cmocka_unit_test(csv_quotes_what_needs_it),
		cmocka_unit_test(csv_has_nothing_that_looks_like_a_formula),
		cmocka_unit_test(json_is_json_whatever_the_name),
		cmocka_unit_test(hosts_has_only_names_that_may_stand_there),
		cmocka_unit_test(no_byte_of_a_name_breaks_a_line),
		cmocka_unit_test(a_stream_that_failed_is_told),
		cmocka_unit_test(forms_have_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
