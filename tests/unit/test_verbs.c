// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control socket and the parts that the verbs tell of are fakes.
 */
#include "dnsd/verbs.h"

#include "common/err.h"
#include "dnsd/figures.h"
#include "tests/unit/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINES_MAX 5000

static struct {
	char *lines[LINES_MAX];
	size_t count;
	unsigned ends;
	char error[64];
} heard;

static int call_result;
static const char *wanted_verb;
static struct lookup_memory memory;

void control_send(struct control_client *client, const struct json *json)
{
	(void)client;
	assert_int_equal(heard.ends, 0);
	assert_true(heard.count < LINES_MAX);
	heard.lines[heard.count] = json_line(json);
	assert_non_null(heard.lines[heard.count]);
	heard.count++;
}

void control_end(struct control_client *client, const char *error)
{
	(void)client;
	heard.ends++;
	snprintf(heard.error, sizeof(heard.error), "%s", error ? error : "");
}

/* The other side: what verb_status() said comes back line by line. */
int control_call(const char *path, const struct json *request,
		 const struct control_sink *sink)
{
	assert_string_equal(path, "run/dnsd.sock");
	assert_string_equal(json_get_text(request, "verb"), wanted_verb);
	snprintf(sink->error, sink->error_size, "not for you");
	for (size_t i = 0; i < heard.count; i++) {
		struct json *json =
			json_parse(heard.lines[i], strlen(heard.lines[i]));

		assert_non_null(json);
		sink->on_line(sink->ctx, json);
		json_free(json);
	}
	return call_result;
}

void fakes_stats(const struct fakes *fakes, struct fakes_stats *stats)
{
	(void)fakes;
	*stats = (struct fakes_stats){.names = 42, .slots = 131068};
}

const char *fakes_reason(const struct fakes *fakes)
{
	(void)fakes;
	return "";
}

const char *fakes_why_full(const struct fakes *fakes, int64_t now_ms)
{
	(void)fakes;
	assert_true(now_ms > 0);
	return "none was idle";
}

/* Every second slot of the first ones was used. */
int64_t fakes_last_used_wall_ms(const struct fakes *fakes, uint32_t slot)
{
	(void)fakes;
	return slot < 100 && slot % 2 ? (int64_t)slot + 1000 : -1;
}

static struct {
	uint32_t first;
	unsigned count, all;
} held;

void fakes_hold(struct fakes *fakes, uint32_t slot, int64_t now_ms)
{
	(void)fakes;
	assert_true(now_ms > 0);
	if (held.count++ == 0)
		held.first = slot;
}

void fakes_hold_all(struct fakes *fakes, int64_t now_ms)
{
	(void)fakes;
	assert_true(now_ms > 0);
	held.all++;
}

void dispatch_stats(const struct dispatch *dispatch,
		    struct dispatch_stats *stats)
{
	(void)dispatch;
	*stats = (struct dispatch_stats){.queries = 7};
}

void server_stats(const struct server *server, struct server_stats *stats)
{
	(void)server;
	*stats = (struct server_stats){.udp_queries = 6, .tcp_queries = 1};
}

void upstreams_stats(const struct upstreams *upstreams,
		     struct upstreams_stats *stats)
{
	(void)upstreams;
	*stats = (struct upstreams_stats){.ignored = 8, .by_tcp = 9};
}

const char *upstreams_describe(const struct upstreams *upstreams, int index,
			       char *out, size_t size)
{
	(void)upstreams;
	snprintf(out, size, "192.0.2.%d:53", index + 1);
	return out;
}

void watch_stats(const struct watch *watch, struct watch_stats *stats)
{
	(void)watch;
	*stats = (struct watch_stats){.watchers = 2, .missed = 3};
}

void watch_verb(struct watch *watch, struct control *control,
		struct control_client *client)
{
	(void)watch;
	(void)control;
	control_end(client, "watched");
}

void direct_stats(const struct direct *direct, struct direct_stats *stats)
{
	(void)direct;
	*stats = (struct direct_stats){.told = 77};
}

void explainer_verb(struct explainer *explainer, struct control *control,
		    struct control_client *client, const struct json *request)
{
	(void)explainer;
	(void)control;
	(void)request;
	control_end(client, "explained");
}

void queries_verb_resolve(struct queries *queries, struct control *control,
			  struct control_client *client,
			  const struct json *request)
{
	(void)queries;
	(void)control;
	(void)request;
	control_end(client, "resolved");
}

static struct upstream_conf upstreams[] = {{.name = "home"}, {.name = "far"}};
static struct endpoint listen_at[2];

static const struct config config = {
	.file = "x.yaml",
	.run_dir = "run",
	.upstreams = upstreams,
	.upstream_count = 2,
	.dnsd = {.listen = listen_at, .listen_count = 2},
};

static int setup(void **state)
{
	(void)state;
	if (endpoint_parse(&listen_at[0], "127.0.0.1:53", 0) ||
	    endpoint_parse(&listen_at[1], "[::1]:53", 0))
		return -1;
	call_result = 0;
	wanted_verb = "status";
	memory.stats.hits = 5;
	return lookup_memory_set(&memory,
				 &(struct cache_conf){.size = 256 << 10});
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < heard.count; i++)
		free(heard.lines[i]);
	memset(&heard, 0, sizeof(heard));
	lookup_memory_fini(&memory);
	return 0;
}

static void call(const char *verb, const char *text)
{
	static const struct queries_counters counters = {.passed_on = 3};
	struct config with_pool = config;
	struct verbs verbs = {
		.config = &with_pool,
		.counters = &counters,
		.memory = &memory,
	};
	struct json *request = json_parse(text, strlen(text));

	assert_non_null(request);
	with_pool.dnsd.fake = fake_pool_default();
	with_pool.rules = rules_new();
	assert_non_null(with_pool.rules);
	for (const struct control_verb *v = verbs_table; v->name; v++) {
		if (strcmp(v->name, verb) == 0)
			v->fn(&verbs, NULL, request);
	}
	json_free(request);
	rules_free(with_pool.rules);
	assert_int_equal(heard.ends, 1);
}

static void status_tells_of_every_part(void **state)
{
	static const char *const members[] = {
		"\"program\":\"dnsd\"",  "\"config\":\"x.yaml\"",
		"\"rules\":0",           "\"listen\":\"127.0.0.1:53 [::1]:53\"",
		"\"names\":42",          "\"queries\":7",
		"\"udp_queries\":6",     "\"upstream_answered\":3",
		"\"upstream_by_tcp\":9", "\"upstream_ignored\":8",
		"\"cache_size\":262144", "\"cache_hits\":5",
	};

	(void)state;
	call("status", "{}");
	assert_int_equal(heard.count, 3);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		assert_non_null(strstr(heard.lines[0], members[i]));
	assert_non_null(strstr(heard.lines[2], "\"upstream\":\"far\""));
	assert_non_null(strstr(heard.lines[2], "192.0.2.2:53"));
	assert_string_equal(heard.error, "");
}

static void last_uses_come_in_pages(void **state)
{
	(void)state;
	call("used", "{}");
	assert_int_equal(heard.count, 1);
	assert_memory_equal(heard.lines[0], "{\"used\":\"1:1,3:1,5:1,", 21);
	assert_non_null(strstr(heard.lines[0], ",99:1\",\"next\":4096}"));
}

static void the_last_page_has_no_next(void **state)
{
	(void)state;
	call("used", "{\"from\":126976}");
	assert_int_equal(heard.count, 1);
	assert_string_equal(heard.lines[0], "{\"used\":\"\"}");
	assert_string_equal(heard.error, "");
}

static void a_page_outside_of_the_pool_is_an_error(void **state)
{
	(void)state;
	call("used", "{\"from\":131073}");
	assert_int_equal(heard.count, 0);
	assert_string_not_equal(heard.error, "");
}

static void a_negative_page_is_an_error(void **state)
{
	(void)state;
	call("used", "{\"from\":-1}");
	assert_string_not_equal(heard.error, "");
}

static void explain_and_resolve_are_handed_on(void **state)
{
	(void)state;
	call("explain", "{}");
	assert_string_equal(heard.error, "explained");
	heard.ends = 0;
	call("resolve", "{}");
	assert_string_equal(heard.error, "resolved");
}

static void put(const char *text)
{
	struct question question = dns_question(text, DNS_TYPE_A);
	static struct dns_message message;

	dns_message_begin(&message, &question, 0);
	dns_message_add_a(&message, 60, 1);
	cache_put(memory.cache, &(struct cache_key){1, &question},
		  message.bytes, message.length, 0);
}

static void flush_forgets_a_name_or_everything(void **state)
{
	(void)state;
	put("a.example");
	put("b.a.example");
	put("b.example");
	put("c.example");
	call("flush", "{\"name\":\"a..b\"}");
	assert_string_not_equal(heard.error, "");
	heard.ends = 0;
	call("flush", "{\"name\":\"a.example\"}");
	assert_string_equal(heard.lines[0], "{\"flushed\":2}");
	heard.ends = 0;
	call("flush", "{}");
	assert_string_equal(heard.lines[1], "{\"flushed\":2}");
	assert_string_equal(heard.error, "");
}

static void what_was_flushed_is_printed(void **state)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	assert_non_null(out);
	put("a.example");
	call("flush", "{}");
	wanted_verb = "flush";
	assert_int_equal(verbs_flush(&config, NULL, false, out), EXIT_SUCCESS);
	assert_int_equal(verbs_flush(&config, "a", true, out), EXIT_SUCCESS);
	fclose(out);
	assert_string_equal(text, "1 answer is forgotten\n{\"flushed\":1}\n");
	free(text);
}

static void watch_is_handed_on(void **state)
{
	(void)state;
	call("watch", "{}");
	assert_string_equal(heard.error, "watched");
}

static void metrics_are_the_numbers_of_status(void **state)
{
	(void)state;
	call("metrics", "{}");
	assert_int_equal(heard.count, 1);
	assert_non_null(strstr(heard.lines[0], "dnsd_queries_total 7\\n"));
	assert_non_null(strstr(heard.lines[0], "dnsd_names 42\\n"));
	assert_non_null(strstr(heard.lines[0], "# EOF\\n\"}"));
}

/* Each number of "status", but what the process is and may, is one of
 * "metrics". */
static void see_member(void *ctx, const char *key, const char *value)
{
	const struct metric *metric = figures_metrics;

	(void)ctx;
	if (!*value || value[strspn(value, "0123456789")] ||
	    strcmp(key, "pid") == 0 || strncmp(key, "process_", 8) == 0)
		return;
	while (metric->key && strcmp(metric->key, key) != 0)
		metric++;
	if (!metric->key)
		fail_msg("'%s' is no metric", key);
}

static void each_number_is_a_metric(void **state)
{
	struct json *json;

	(void)state;
	call("status", "{}");
	json = json_parse(heard.lines[0], strlen(heard.lines[0]));
	assert_non_null(json);
	json_each(json, see_member, NULL);
	assert_string_equal(json_get_text(json, "full_why"), "none was idle");
	json_free(json);
}

static void slots_in_use_are_noted(void **state)
{
	(void)state;
	call("hold", "{\"slots\":\"3,7-9\",\"all\":false}");
	assert_string_equal(heard.error, "");
	assert_int_equal(held.first, 3);
	assert_int_equal(held.count, 4);
	assert_int_equal(held.all, 0);
	heard.ends = 0;
	call("hold", "{\"slots\":\"\",\"all\":true}");
	assert_int_equal(held.all, 1);
	heard.ends = 0;
	call("hold", "{\"slots\":\"x\",\"all\":true}");
	assert_string_equal(heard.error,
			    "'slots' is missing or no list of slots");
	heard.ends = 0;
	call("hold", "{\"all\":true}");
	assert_string_equal(heard.error,
			    "'slots' is missing or no list of slots");
	assert_int_equal(held.all, 1);
}

/* What the command line prints of an answer; the caller frees it. */
static char *printed(bool is_json, int expected)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_int_equal(verbs_print_status(&config, is_json, out), expected);
	fclose(out);
	return text;
}

static void status_is_printed_for_people_and_programs(void **state)
{
	char *text;

	(void)state;
	call("status", "{}");
	text = printed(false, EXIT_SUCCESS);
	assert_memory_equal(text, "dnsd ", 5);
	assert_non_null(strstr(text, " home: 192.0.2.1:53\n"));
	free(text);
	text = printed(true, EXIT_SUCCESS);
	assert_memory_equal(text, heard.lines[0], strlen(heard.lines[0]));
	free(text);
}

static void no_daemon_is_a_failure(void **state)
{
	(void)state;
	call_result = ERR_NOT_RUNNING;
	free(printed(false, EXIT_FAILURE));
	call_result = ERR_REFUSED;
	free(printed(true, EXIT_FAILURE));
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_tells_of_every_part),
		TEST(last_uses_come_in_pages),
		TEST(the_last_page_has_no_next),
		TEST(a_page_outside_of_the_pool_is_an_error),
		TEST(a_negative_page_is_an_error),
		TEST(explain_and_resolve_are_handed_on),
		TEST(flush_forgets_a_name_or_everything),
		TEST(what_was_flushed_is_printed),
		TEST(watch_is_handed_on),
		TEST(metrics_are_the_numbers_of_status),
		TEST(each_number_is_a_metric),
		TEST(slots_in_use_are_noted),
		TEST(status_is_printed_for_people_and_programs),
		TEST(no_daemon_is_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
