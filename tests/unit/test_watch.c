// SPDX-License-Identifier: BSD-2-Clause
/*
 * The socket of the watchers and the server that is tapped are played by the
 * test; the ring, the timer, the log and the words are real.
 */
#include "dnsd/watch.h"

#include "dnsd/sighting.h"
#include "dnsd/special.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RING 4096

static struct {
	struct ev_loop *loop;
	struct watch *watch;
	struct config *config;
	server_tap_fn tap;
	void *ctx;
	uint64_t present; /* clients that are there: a bit each */
	unsigned lines, ends;
	char last[1024];
	char log[64];
} t;

void server_set_tap(struct server *server, server_tap_fn fn, void *ctx)
{
	(void)server;
	t.tap = fn;
	t.ctx = ctx;
}

/* A client is its number. */
uint64_t control_client_id(const struct control_client *client)
{
	return (uint64_t)(uintptr_t)client;
}

struct control_client *control_client_by_id(struct control *control,
					    uint64_t id)
{
	(void)control;
	return t.present & UINT64_C(1) << id ? (void *)(uintptr_t)id : NULL;
}

void control_send(struct control_client *client, const struct json *json)
{
	char *line = json_line(json);

	(void)client;
	t.lines++;
	snprintf(t.last, sizeof(t.last), "%s", line);
	free(line);
}

void control_end(struct control_client *client, const char *error)
{
	(void)client;
	assert_string_equal(error, "too many watch already");
	t.ends++;
}

static struct config *load(const char *more)
{
	struct config *config;
	struct diag diag;
	char text[512];

	snprintf(text, sizeof(text),
		 "outbounds: {a: {type: socks5, server: '192.0.2.1:1080'}}\n"
		 "rules: ['DOMAIN,direct.example,DIRECT', 'MATCH,a']\n%s",
		 more);
	diag_init(&diag);
	assert_int_equal(
		config_load(&config, text, strlen(text), "x.yaml", &diag), 0);
	diag_fini(&diag);
	return config;
}

static void use(const char *more)
{
	struct config *old = t.config;
	int fd;

	t.config = load(more);
	assert_int_equal(watch_open_log(t.config, &fd), 0);
	watch_set_config(t.watch, t.config, fd);
	config_free(old);
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.loop = ev_loop_new(EVFLAG_AUTO);
	assert_int_equal(watch_new(&t.watch, t.loop, NULL), 0);
	snprintf(t.log, sizeof(t.log), "/tmp/test-watch-%d.log", (int)getpid());
	use("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watch_free(t.watch);
	config_free(t.config);
	ev_loop_destroy(t.loop);
	unlink(t.log);
	return 0;
}

static void join(uint64_t id)
{
	t.present |= UINT64_C(1) << id;
	watch_verb(t.watch, NULL, (void *)(uintptr_t)id);
}

/* "direct.example A" is answered with 192.0.2.7; it came in just now. */
static const uint8_t reply[] =
	"\x12\x34\x81\x80\0\1\0\1\0\0\0\0\6DiRect\7example\0\0\1\0\1"
	"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\7";

/* As the first rule has decided, of this configuration. */
static struct cause cause_by_rule(void)
{
	return (struct cause){
		.config = t.config,
		.rule = rules_at(t.config->rules, 0),
		.outbound = OUTBOUND_DIRECT,
		.upstream = 0,
		.kind = CAUSE_FORWARD,
	};
}

static void see(const struct cause *cause, const uint8_t *message,
		size_t length)
{
	const struct asker asker = {
		.client = {.addr = addr_ipv4(0xc0000209), .port = 4000},
		.since_us = 1,
		.cause = *cause,
	};

	t.tap(t.ctx, &asker, message, length);
}

static void see_reply(void)
{
	const struct cause cause = cause_by_rule();

	see(&cause, reply, sizeof(reply) - 1);
}

/* Until all that was seen is told. */
static void run(void)
{
	ev_run(t.loop, 0);
}

static void nobody_looks_and_it_costs_nothing(void **state)
{
	(void)state;
	assert_null(t.tap);
}

static void a_watcher_is_told_of_each_reply(void **state)
{
	struct json *json;

	(void)state;
	join(1);
	assert_non_null(t.tap);
	see_reply();
	assert_int_equal(t.lines, 0);
	run();
	assert_int_equal(t.lines, 1);
	json = json_parse(t.last, strlen(t.last));
	assert_string_equal(json_get_text(json, "client"), "192.0.2.9:4000");
	assert_string_equal(json_get_text(json, "name"), "direct.example");
	assert_string_equal(json_get_text(json, "type"), "A");
	assert_string_equal(json_get_text(json, "answer"), "192.0.2.7");
	assert_string_equal(json_get_text(json, "verdict"), "forward");
	assert_string_equal(json_get_text(json, "outbound"), "DIRECT");
	assert_string_equal(json_get_text(json, "rule"),
			    "DOMAIN,direct.example,DIRECT");
	assert_int_equal(json_get_int(json, "line", 0), 2);
	assert_string_equal(json_get_text(json, "upstream"), "system");
	assert_true(json_get_int(json, "us", 0) > 0);
	json_free(json);
	/* Whoever has gone is not told, and then nobody looks. */
	t.present = 0;
	see_reply();
	run();
	assert_int_equal(t.lines, 1);
	assert_null(t.tap);
}

/* The last line that was told; to be freed. */
static struct json *last_line(void)
{
	struct json *json = json_parse(t.last, strlen(t.last));

	assert_non_null(json);
	return json;
}

static void assert_member(const struct json *json, const char *key,
			  const char *text)
{
	const char *got = json_get_text(json, key);

	if (!text)
		assert_null(got);
	else
		assert_string_equal(got, text);
}

/* Not what the rules say of the name, which is DIRECT. */
static void what_decided_is_told_and_nothing_else(void **state)
{
	static const struct special special = {.reason = "it is this host"};
	static const struct {
		enum cause_kind kind;
		const char *word;
	} bare[] = {
		{CAUSE_REFUSED, "refused"}, {CAUSE_MALFORMED, "malformed"},
		{CAUSE_LOOP, "loop"},       {CAUSE_REVERSE, "reverse"},
		{CAUSE_NONE, NULL},
	};
	struct cause cause;
	struct json *json;

	(void)state;
	join(1);
	for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
		cause = cause_bare(bare[i].kind);
		see(&cause, reply, sizeof(reply) - 1);
		run();
		json = last_line();
		assert_member(json, "verdict", bare[i].word);
		assert_member(json, "outbound", NULL);
		assert_member(json, "rule", NULL);
		assert_member(json, "upstream", NULL);
		json_free(json);
	}
	cause = cause_bare(CAUSE_HOSTS);
	cause.config = t.config;
	cause.file = "/etc/hosts";
	cause.line = 7;
	cause.is_written = true;
	see(&cause, reply, sizeof(reply) - 1);
	run();
	json = last_line();
	assert_member(json, "hosts", "/etc/hosts:7");
	assert_member(json, "list_file", NULL);
	json_free(json);
	cause = cause_bare(CAUSE_SPECIAL);
	cause.config = t.config;
	cause.special = &special;
	see(&cause, reply, sizeof(reply) - 1);
	run();
	json = last_line();
	assert_member(json, "special", "it is this host");
	json_free(json);
	cause = cause_by_rule();
	cause.file = "/etc/list.txt";
	cause.line = 9;
	see(&cause, reply, sizeof(reply) - 1);
	run();
	json = last_line();
	assert_member(json, "list_file", "/etc/list.txt");
	assert_int_equal(json_get_int(json, "list_line", 0), 9);
	assert_member(json, "hosts", NULL);
	json_free(json);
}

/* BADVERS is in OPT; what has no question is a query as well. */
static void replies_without_a_question_and_of_edns_are_told(void **state)
{
	static const uint8_t badvers[] =
		"\0\1\x81\x80\0\1\0\0\0\0\0\1\1a\0\0\1\0\1"
		"\0\0\x29\4\xd0\1\0\0\0\0\0";
	static const uint8_t formerr[] = "\0\1\x81\x81\0\0\0\0\0\0\0\0";
	static const uint8_t cut[] =
		"\0\1\x83\x80\0\1\0\0\0\0\0\0\1a\0\0\x10\0\1";
	struct cause cause = cause_bare(CAUSE_REFUSED);
	struct json *json;

	(void)state;
	join(1);
	see(&cause, badvers, sizeof(badvers) - 1);
	run();
	json = last_line();
	assert_member(json, "rcode", "BADVERS");
	assert_member(json, "answer", "BADVERS");
	json_free(json);
	cause.kind = CAUSE_MALFORMED;
	see(&cause, formerr, sizeof(formerr) - 1);
	run();
	json = last_line();
	assert_member(json, "rcode", "FORMERR");
	assert_member(json, "name", NULL);
	assert_member(json, "type", NULL);
	assert_int_equal(json_get_bool(json, "name", true), true);
	json_free(json);
	cause.kind = CAUSE_FORWARD;
	see(&cause, cut, sizeof(cut) - 1);
	run();
	json = last_line();
	assert_member(json, "answer", "too long for UDP");
	json_free(json);
}

/* It is freed then; the sanitizer sees who looks into it. */
static void a_reload_does_not_take_away_what_was_seen(void **state)
{
	struct cause old = cause_by_rule();
	struct json *json;

	(void)state;
	join(1);
	see_reply();
	use("dnsd: {timeout: 3s}\n");
	assert_int_equal(t.lines, 1);
	json = last_line();
	assert_member(json, "rule", "DOMAIN,direct.example,DIRECT");
	json_free(json);
	/* One that comes late, from before. */
	see(&old, reply, sizeof(reply) - 1);
	run();
	json = last_line();
	assert_member(json, "verdict", "forward");
	assert_member(json, "rule", NULL);
	assert_member(json, "upstream", NULL);
	json_free(json);
}

static void a_ninth_watcher_is_refused(void **state)
{
	struct watch_stats stats;

	(void)state;
	for (uint64_t id = 1; id <= WATCH_MAX; id++)
		join(id);
	assert_int_equal(t.ends, 0);
	join(WATCH_MAX + 1);
	assert_int_equal(t.ends, 1);
	watch_stats(t.watch, &stats);
	assert_int_equal(stats.watchers, WATCH_MAX);
	t.present &= ~UINT64_C(2);
	join(WATCH_MAX + 2);
	assert_int_equal(t.ends, 1);
}

/* A flood is told in part, and how much of it was not. */
static void a_full_ring_leaves_out_and_says_so(void **state)
{
	struct watch_stats stats;
	struct json *json;

	(void)state;
	join(1);
	for (int i = 0; i < RING + 100; i++)
		see_reply();
	run();
	assert_int_equal(t.lines, RING + 1);
	json = json_parse(t.last, strlen(t.last));
	assert_int_equal(json_get_int(json, "missed", 0), 100);
	json_free(json);
	watch_stats(t.watch, &stats);
	assert_int_equal(stats.missed, 100);
}

static size_t lines_of(const char *path, char *last, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t count = 0;

	if (!file)
		return 0;
	while (fgets(last, (int)size, file))
		count++;
	fclose(file);
	return count;
}

static void the_log_has_a_line_a_query_and_is_opened_anew(void **state)
{
	char text[256], old[128], line[1024];

	(void)state;
	snprintf(text, sizeof(text), "dnsd: {query-log: %s}\n", t.log);
	use(text);
	assert_non_null(t.tap);
	for (int i = 0; i < 1000; i++)
		see_reply();
	run();
	assert_int_equal(lines_of(t.log, line, sizeof(line)), 1000);
	assert_non_null(strstr(line, " 192.0.2.9:4000 udp direct.example A: "
				     "forward 192.0.2.7, "));
	assert_non_null(strstr(line, " us, rule 'DOMAIN,direct.example,DIRECT' "
				     "(x.yaml:2), upstream 'system'\n"));
	snprintf(old, sizeof(old), "%s.1", t.log);
	assert_int_equal(rename(t.log, old), 0);
	use(text);
	see_reply();
	run();
	assert_int_equal(lines_of(t.log, line, sizeof(line)), 1);
	assert_int_equal(lines_of(old, line, sizeof(line)), 1000);
	unlink(old);
	use("");
	assert_null(t.tap);
}

static void a_log_that_cannot_be_opened_is_an_error(void **state)
{
	struct config *config = load("dnsd: {query-log: /nowhere/q.log}\n");
	int fd = 7;

	(void)state;
	assert_true(watch_open_log(config, &fd) < 0);
	assert_int_equal(fd, -1);
	config_free(config);
}

static void what_is_no_reply_is_not_shown(void **state)
{
	static const struct asker asker = {.is_tcp = true};
	struct sighting sighting;

	(void)state;
	/* A header alone would be one, but it counts a question. */
	for (size_t length = 0; length < 32; length++)
		assert_true(sighting_read(&sighting, &asker, reply, length) <
			    0);
	assert_int_equal(sighting_read(&sighting, &asker, reply, 32), 0);
	assert_int_equal(sighting.first.family, ADDR_NONE);
	assert_int_equal(
		sighting_read(&sighting, &asker, reply, sizeof(reply) - 1), 0);
	assert_int_equal(sighting.first.family, ADDR_IPV4);
	assert_true(sighting.is_tcp);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_looks_and_it_costs_nothing),
		TEST(a_watcher_is_told_of_each_reply),
		TEST(what_decided_is_told_and_nothing_else),
		TEST(replies_without_a_question_and_of_edns_are_told),
		TEST(a_reload_does_not_take_away_what_was_seen),
		TEST(a_ninth_watcher_is_refused),
		TEST(a_full_ring_leaves_out_and_says_so),
		TEST(the_log_has_a_line_a_query_and_is_opened_anew),
		TEST(a_log_that_cannot_be_opened_is_an_error),
		TEST(what_is_no_reply_is_not_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
