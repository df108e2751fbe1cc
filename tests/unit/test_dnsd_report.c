// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_report(const char *line, const char *expected)
{
	struct json *json = json_parse(line, strlen(line));
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(json);
	assert_non_null(out);
	report_status(json, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	json_free(json);
}

static void a_quiet_daemon_has_little_to_tell(void **state)
{
	(void)state;
	assert_report(
		"{\"program\":\"dnsd\",\"version\":\"0.1.0\",\"pid\":42,"
		"\"started\":\"2026-11-22T10:07:43Z\",\"config\":\"x.yaml\","
		"\"rules\":3,\"listen\":\"127.0.0.1:53\",\"slots\":131068,"
		"\"slots_free\":131068,\"queries\":0}",
		"dnsd 0.1.0, process 42, since 2026-11-22T10:07:43Z\n"
		"  config     x.yaml, 3 rules\n"
		"  listens    127.0.0.1:53\n"
		"  names      0 of 131068 addresses given, 0 since the start\n"
		"  queries    0\n"
		"  UDP        0 queries, 0 replies\n"
		"  TCP        0 queries, 0 replies\n"
		"  cache      off\n"
		"  upstreams  0 answered, 0 failed\n");
}

static void what_is_not_as_usual_is_told(void **state)
{
	(void)state;
	assert_report(
		"{\"program\":\"dnsd\",\"version\":\"0.1.0\",\"pid\":42,"
		"\"started\":\"2026-11-22T10:07:43Z\",\"config\":\"x.yaml\","
		"\"rules\":3,\"listen\":\"127.0.0.1:53\",\"slots\":12,"
		"\"slots_free\":0,\"names_new\":12,\"commits_failed\":2,"
		"\"refused_full\":5,\"full_why\":\"none was "
		"idle\",\"map_error\":\"cannot write\","
		"\"queries\":40,\"fake\":20,\"rejected\":1,\"forwarded\":6,"
		"\"malformed\":7,\"failed\":5,\"udp_queries\":30,"
		"\"udp_replies\":29,\"udp_unsent\":1,\"tcp_queries\":10,"
		"\"tcp_replies\":10,\"tcp_open\":2,\"tcp_evicted\":1,"
		"\"upstream_answered\":4,\"upstream_failed\":1,"
		"\"under_way\":1,\"upstream_ignored\":3,"
		"\"cache_size\":8388608,\"cache_bytes\":20480,"
		"\"cache_entries\":17,\"cache_hits\":20,\"cache_misses\":6,"
		"\"cache_stale\":1,\"process_uid\":998,"
		"\"process_seccomp\":true,\"process_capabilities\":"
		"\"0x0\",\"process_landlock\":7}",
		"dnsd 0.1.0, process 42, since 2026-11-22T10:07:43Z\n"
		"  config     x.yaml, 3 rules\n"
		"  listens    127.0.0.1:53\n"
		"  confined   user 998, no capability, seccomp, Landlock "
		"7\n"
		"  names      12 of 12 addresses given, 12 since the start\n"
		"  pool       is full: none was idle\n"
		"  map        5 refused as every address is given, 2 times it "
		"could not be written; last: cannot write\n"
		"  queries    40: 20 fake, 1 rejected, 6 forwarded\n"
		"  errors     7 malformed, 5 for which there was no address\n"
		"  UDP        30 queries, 29 replies, 1 that could not be "
		"sent\n"
		"  TCP        10 queries, 10 replies, 2 open now, 1 closed "
		"to make room\n"
		"  cache      17 answers in 20 of 8192 KiB, 20 hits, 6 missed, "
		"1 answered beyond their end\n"
		"  upstreams  4 answered, 1 failed, 1 waiting now, 3 late or "
		"forged answers ignored\n");
}

static void an_upstream_is_a_line(void **state)
{
	(void)state;
	assert_report("{\"upstream\":\"home\",\"servers\":\"192.0.2.1:53\"}",
		      "             home: 192.0.2.1:53\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_daemon_has_little_to_tell),
		cmocka_unit_test(what_is_not_as_usual_is_told),
		cmocka_unit_test(an_upstream_is_a_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
