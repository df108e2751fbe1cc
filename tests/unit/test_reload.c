// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is read stands in a gate until the loop opens it: were the loop to
 * wait for the reading, neither would ever go on.
 */
#include "common/reload.h"

#include "common/aside.h"
#include "common/err.h"
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define GOOD                                                           \
	"outbounds: {p: {type: socks5, server: \"127.0.0.1:1080\"}}\n" \
	"rules: [\"MATCH,p\"]\n"
#define GOOD_2 "log: debug\n" GOOD
#define BAD "rules: [\"MATCH,nowhere\"]\n"

struct stage {
	struct ev_loop *loop;
	struct ev_idle idle;
	int gate[2];
	atomic_uint reads; /* begun */
	unsigned uses, turns;
	int verdict; /* of use */
	char file[64];
	struct settings settings;
	struct settings_source source;
	struct reload reload;
	struct config *config; /* the last one used */
	bool is_done, is_masked;
	int priority;
};

static void open_gate(const struct stage *stage)
{
	assert_int_equal(write(stage->gate[1], "", 1), 1);
}

static void pass_gate(struct stage *stage)
{
	char byte;

	stage->reads++;
	if (read(stage->gate[0], &byte, 1) != 1)
		abort();
}

static int load(void *ctx, struct config **config,
		const struct settings_source *source, struct diag *diag)
{
	struct stage *stage = ctx;

	pass_gate(stage);
	return settings_load(&stage->settings, config, source, diag);
}

static int use(void *ctx, struct config *config,
	       const struct settings_source *source)
{
	struct stage *stage = ctx;

	assert_non_null(source->text);
	stage->uses++;
	ev_break(stage->loop, EVBREAK_ALL);
	if (stage->verdict < 0) {
		config_free(config);
		return stage->verdict;
	}
	config_free(stage->config);
	stage->config = config;
	return 0;
}

static void write_file(const struct stage *stage, const char *text)
{
	FILE *out = fopen(stage->file, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct reload_conf conf = {.load = load, .use = use, .ctx = stage};
	struct diag diag;

	assert_non_null(stage);
	*state = stage;
	assert_int_equal(pipe(stage->gate), 0);
	strcpy(stage->file, "/tmp/ersatz-reload-XXXXXX");
	close(mkstemp(stage->file));
	write_file(stage, GOOD);
	stage->settings.config_file = stage->file;
	stage->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(stage->loop);
	diag_init(&diag);
	assert_int_equal(settings_read(&stage->settings, &stage->source, &diag),
			 0);
	diag_fini(&diag);
	conf.loop = stage->loop;
	conf.settings = &stage->settings;
	conf.source = &stage->source;
	reload_init(&stage->reload, &conf);
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;

	reload_fini(&stage->reload);
	config_free(stage->config);
	free(stage->source.text);
	unlink(stage->file);
	close(stage->gate[0]);
	close(stage->gate[1]);
	ev_loop_destroy(stage->loop);
	free(stage);
	return 0;
}

/* Turns the loop until `count` readings have begun. */
static void until_reading(struct stage *stage, unsigned count)
{
	while (stage->reads < count)
		ev_run(stage->loop, EVRUN_NOWAIT);
}

static void until_uses(struct stage *stage, unsigned count)
{
	while (stage->uses < count)
		ev_run(stage->loop, EVRUN_ONCE);
}

static void the_loop_turns_while_lists_are_read(void **state)
{
	struct stage *stage = *state;

	reload_lists(&stage->reload);
	until_reading(stage, 1);
	for (int turn = 0; turn < 100; turn++)
		ev_run(stage->loop, EVRUN_NOWAIT);
	assert_int_equal(stage->uses, 0);
	open_gate(stage);
	until_uses(stage, 1);
	assert_non_null(stage->config);
}

static void what_is_asked_meanwhile_is_done_once_more(void **state)
{
	struct stage *stage = *state;

	reload_lists(&stage->reload);
	until_reading(stage, 1);
	write_file(stage, GOOD_2);
	reload_file(&stage->reload);
	reload_lists(&stage->reload);
	reload_lists(&stage->reload);
	open_gate(stage);
	until_reading(stage, 2);
	assert_int_equal(stage->uses, 1);
	assert_string_equal(stage->source.text, GOOD); /* the lists alone */
	open_gate(stage);
	until_uses(stage, 2);
	assert_string_equal(stage->source.text, GOOD_2);
	for (int turn = 0; turn < 100; turn++)
		ev_run(stage->loop, EVRUN_NOWAIT);
	assert_int_equal(stage->reads, 2);
}

static void what_is_broken_is_not_used(void **state)
{
	struct stage *stage = *state;

	write_file(stage, BAD);
	reload_file(&stage->reload);
	open_gate(stage);
	until_reading(stage, 1);
	/* Lists go with the configuration in effect, which is not that one. */
	reload_lists(&stage->reload);
	open_gate(stage);
	until_uses(stage, 1);
	assert_int_equal(stage->reads, 2);
	assert_string_equal(stage->source.text, GOOD);
}

static void a_file_that_is_gone_is_not_used(void **state)
{
	struct stage *stage = *state;

	unlink(stage->file);
	reload_file(&stage->reload);
	reload_lists(&stage->reload);
	open_gate(stage);
	until_uses(stage, 1);
	assert_int_equal(stage->reads, 1);
	assert_string_equal(stage->source.text, GOOD);
}

static void what_is_refused_leaves_the_source(void **state)
{
	struct stage *stage = *state;

	write_file(stage, GOOD_2);
	stage->verdict = ERR_CONFIG;
	reload_file(&stage->reload);
	open_gate(stage);
	until_uses(stage, 1);
	assert_string_equal(stage->source.text, GOOD);
	stage->verdict = 0;
	reload_file(&stage->reload);
	open_gate(stage);
	until_uses(stage, 2);
	assert_string_equal(stage->source.text, GOOD_2);
}

static void the_end_waits_for_what_is_read(void **state)
{
	struct stage *stage = *state;

	reload_file(&stage->reload);
	until_reading(stage, 1);
	open_gate(stage);
	reload_fini(&stage->reload);
	assert_int_equal(stage->uses, 0);
}

static void look_around(void *ctx)
{
	struct stage *stage = ctx;
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	stage->is_masked = sigismember(&set, SIGTERM) == 1 &&
			   sigismember(&set, SIGHUP) == 1;
	stage->priority = getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void on_done(void *ctx)
{
	((struct stage *)ctx)->is_done = true;
}

static void work_aside_yields_and_takes_no_signal(void **state)
{
	struct stage *stage = *state;
	int own = getpriority(PRIO_PROCESS, 0);
	struct aside *aside;

	assert_int_equal(
		aside_start(&aside, stage->loop, look_around, on_done, stage),
		0);
	while (!stage->is_done)
		ev_run(stage->loop, EVRUN_ONCE);
	aside_free(aside);
	assert_true(stage->is_masked);
	assert_true(stage->priority > own || own == 19);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), own);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_loop_turns_while_lists_are_read),
		TEST(what_is_asked_meanwhile_is_done_once_more),
		TEST(what_is_broken_is_not_used),
		TEST(a_file_that_is_gone_is_not_used),
		TEST(what_is_refused_leaves_the_source),
		TEST(the_end_waits_for_what_is_read),
		TEST(work_aside_yields_and_takes_no_signal),
	};

	log_open("test", LOG_LEVEL_ERROR, LOG_TARGET_STDERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
