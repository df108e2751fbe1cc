// SPDX-License-Identifier: BSD-2-Clause
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json *parse(const char *text)
{
	return json_parse(text, strlen(text));
}

static void assert_line(struct json *json, const char *expected)
{
	char *line = json_line(json);

	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
}

static void members_stay_in_the_order_they_were_set(void **state)
{
	struct json *json = json_new();

	(void)state;
	assert_non_null(json);
	json_set_text(json, "name", "example.com");
	json_set_int(json, "slot", 4711);
	json_set_bool(json, "fake", true);
	json_set_null(json, "rule");
	json_set_time(json, "created", 0);
	json_set_text(json, "about", NULL);
	assert_line(json,
		    "{\"name\":\"example.com\",\"slot\":4711,"
		    "\"fake\":true,\"rule\":null,"
		    "\"created\":\"1970-01-01T00:00:00Z\",\"about\":null}");
	json_free(json);
}

static void negative_time_is_null(void **state)
{
	struct json *json = json_new();

	(void)state;
	json_set_time(json, "t", -1);
	assert_line(json, "{\"t\":null}");
	json_free(json);
}

static void text_that_is_not_utf8_is_escaped(void **state)
{
	struct json *json = json_new();

	(void)state;
	json_set_text(json, "a", "caf\xc3\xa9");
	json_set_text(json, "b", "caf\xe9\\");
	assert_line(json, "{\"a\":\"caf\xc3\xa9\","
			  "\"b\":\"caf\\\\xe9\\\\x5c\"}");
	json_free(json);
}

static void newline_in_text_does_not_end_the_line(void **state)
{
	struct json *json = json_new();

	(void)state;
	json_set_text(json, "a", "x\ny\x1b[31m");
	assert_line(json, "{\"a\":\"x\\ny\\u001B[31m\"}");
	json_free(json);
}

static void what_is_printed_parses_to_the_same(void **state)
{
	const char *text = "{\"a\":\"b\",\"n\":-9223372036854775808,"
			   "\"t\":true,\"f\":false,\"z\":null}";
	struct json *json = parse(text);

	(void)state;
	assert_non_null(json);
	assert_string_equal(json_get_text(json, "a"), "b");
	assert_int_equal(json_get_int(json, "n", 0), INT64_MIN);
	assert_true(json_get_bool(json, "t", false));
	assert_false(json_get_bool(json, "f", true));
	assert_line(json, text);
	json_free(json);
}

static void missing_or_other_type_gives_the_default(void **state)
{
	struct json *json = parse("{\"a\":\"1\",\"n\":1,\"z\":null}");

	(void)state;
	assert_non_null(json);
	assert_null(json_get_text(json, "n"));
	assert_null(json_get_text(json, "z"));
	assert_null(json_get_text(json, "none"));
	assert_int_equal(json_get_int(json, "a", 7), 7);
	assert_int_equal(json_get_int(json, "none", 7), 7);
	assert_true(json_get_bool(json, "n", true));
	json_free(json);
}

static void only_a_flat_object_is_taken(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"1",
		"\"a\"",
		"[]",
		"[{\"a\":1}]",
		"{\"a\":{}}",
		"{\"a\":[]}",
		"{\"a\":1.5}",
		"{\"a\":1",
		"{\"a\":1}{\"b\":2}",
		"{\"a\":1} x",
		"{\"a\":1,\"a\":2}",
		"{\"a\":99999999999999999999}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\xff\"}",
		"{a:1}",
		"GET / HTTP/1.1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(parse(bad[i]));
	assert_null(json_parse("{\"a\":1\0}", 8));

	struct json *json = parse(" {} \r");
	assert_non_null(json);
	json_free(json);
}

static void deep_nesting_is_refused(void **state)
{
	size_t depth = 60000;
	char *text = malloc(depth + 6);

	(void)state;
	assert_non_null(text);
	memcpy(text, "{\"a\":", 5);
	memset(text + 5, '[', depth);
	assert_null(json_parse(text, depth + 5));
	free(text);
}

static void append(void *ctx, const char *key, const char *value)
{
	char *out = ctx;

	sprintf(out + strlen(out), "%s=%s ", key, value);
}

static void each_member_is_told_as_text(void **state)
{
	char out[128] = "";
	struct json *json =
		parse("{\"s\":\"x\",\"n\":-5,\"t\":true,\"z\":null}");

	(void)state;
	assert_non_null(json);
	json_each(json, append, out);
	assert_string_equal(out, "s=x n=-5 t=true z=- ");
	json_free(json);
}

static void null_object_can_be_freed(void **state)
{
	(void)state;
	json_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stay_in_the_order_they_were_set),
		cmocka_unit_test(negative_time_is_null),
		cmocka_unit_test(text_that_is_not_utf8_is_escaped),
		cmocka_unit_test(newline_in_text_does_not_end_the_line),
		cmocka_unit_test(what_is_printed_parses_to_the_same),
		cmocka_unit_test(missing_or_other_type_gives_the_default),
		cmocka_unit_test(only_a_flat_object_is_taken),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(each_member_is_told_as_text),
		cmocka_unit_test(null_object_can_be_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
