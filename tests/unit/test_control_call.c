// SPDX-License-Identifier: BSD-2-Clause
/* The command line's side, from a process of its own, and who may do what. */
#include "common/control.h"
#include "common/err.h"
#include "tests/unit/control_fixture.h"

#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void on_finished(struct ev_loop *loop, ev_io *watcher, int revents)
{
	(void)revents;
	ev_io_stop(loop, watcher);
	ev_break(loop, EVBREAK_ALL);
}

/* Runs `fn` in another process while the loop serves; its exit status. */
static int beside(struct control_fixture *fixture,
		  int (*fn)(struct control_fixture *fixture))
{
	int ends[2], status;
	ev_io finished;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		_exit(fn(fixture));
	}
	close(ends[1]);
	ev_io_init(&finished, on_finished, ends[0], EV_READ);
	ev_io_start(fixture->loop, &finished);
	ev_run(fixture->loop, 0);
	ev_io_stop(fixture->loop, &finished);
	close(ends[0]);
	control_close(fixture->control);
	fixture->control = NULL;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

struct told {
	size_t lines;
	int64_t last;
};

static void on_line(void *ctx, const struct json *line)
{
	struct told *told = ctx;

	told->lines++;
	told->last = json_get_int(line, "n", -1);
}

static int call(struct control_fixture *fixture, const char *verb,
		struct told *told, char *error, size_t size)
{
	const struct control_sink sink = {30000, on_line, told, error, size};
	struct json *request = json_new();

	json_set_text(request, "verb", verb);
	json_set_int(request, "n", 42);
	int ret = control_call(fixture->path, request, &sink);
	json_free(request);
	return ret;
}

static int calls_of_a_command_line(struct control_fixture *fixture)
{
	struct told told = {0};
	char error[64] = "x";

	if (call(fixture, "echo", &told, error, sizeof(error)) != 0 ||
	    told.lines != 1 || told.last != 42 || error[0] != '\0')
		return 1;
	if (call(fixture, "flood", &told, error, sizeof(error)) != 0 ||
	    told.lines != 901)
		return 2;
	if (call(fixture, "refuse", &told, error, sizeof(error)) !=
		    ERR_REFUSED ||
	    strcmp(error, "the moon is full") != 0)
		return 3;
	if (call(fixture, "change", &told, error, sizeof(error)) != 0)
		return 5;
	if (call(fixture, "exit", &told, error, sizeof(error)) != -ECONNRESET)
		return 4;
	return 0;
}

static void command_line_gets_lines_errors_and_resets(void **state)
{
	struct control_fixture *fixture = *state;

	fixture->flood = 900;
	assert_int_equal(beside(fixture, calls_of_a_command_line), 0);
}

static int change_as_nobody(struct control_fixture *fixture)
{
	struct told told = {0};
	char error[64];

	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	if (call(fixture, "change", &told, error, sizeof(error)) !=
		    ERR_REFUSED ||
	    strcmp(error, "only root may do this") != 0)
		return 2;
	return call(fixture, "echo", &told, error, sizeof(error)) == 0 ? 0 : 3;
}

static void change_is_refused_to_others(void **state)
{
	struct control_fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(beside(fixture, change_as_nobody), 0);
	assert_int_equal(fixture->changes, 0);
}

/* The results of "echo" and "see" of a user in these groups. */
static int call_as_user(struct control_fixture *fixture, const gid_t *groups,
			size_t count, int sees)
{
	struct told told = {0};
	char error[64];

	if (setgroups(count, groups) < 0 || setgid(NOBODY) < 0 ||
	    setuid(NOBODY) < 0)
		return 1;
	if (call(fixture, "echo", &told, error, sizeof(error)) != 0)
		return 2;
	return call(fixture, "see", &told, error, sizeof(error)) == sees ? 0
									 : 3;
}

static int call_as_stranger(struct control_fixture *fixture)
{
	const gid_t other = CONTROL_FIXTURE_GROUP + 1;

	return call_as_user(fixture, &other, 1, ERR_REFUSED);
}

static int call_as_member(struct control_fixture *fixture)
{
	const gid_t groups[] = {7, CONTROL_FIXTURE_GROUP};

	return call_as_user(fixture, groups, 2, 0);
}

static void stranger_reads_and_sees_nobody(void **state)
{
	struct control_fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(beside(fixture, call_as_stranger), 0);
	assert_int_equal(fixture->changes, 0);
}

static void member_of_the_group_sees(void **state)
{
	struct control_fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(beside(fixture, call_as_member), 0);
	assert_int_equal(fixture->changes, 1);
}

static int call_with_too_much(struct control_fixture *fixture)
{
	const struct control_sink sink = {30000, NULL, NULL, (char[128]){""},
					  128};
	struct json *request = json_new();
	char text[1 << 20];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_set_text(request, "verb", text);
	int ret = control_call(fixture->path, request, &sink);
	json_free(request);
	if (ret != ERR_REFUSED)
		return 1;
	return strstr(sink.error, "longer than 64 KiB") ? 0 : 2;
}

/* The daemon hangs up in the middle of the request: why is in its answer. */
static void request_that_is_too_long_is_refused_with_the_reason(void **state)
{
	assert_int_equal(beside(*state, call_with_too_much), 0);
}

static void without_a_daemon_the_call_says_so(void **state)
{
	struct control_fixture *fixture = *state;
	struct told told = {0};
	char error[64];

	control_close(fixture->control);
	fixture->control = NULL;
	assert_int_equal(call(fixture, "echo", &told, error, sizeof(error)),
			 ERR_NOT_RUNNING);
}

static void daemon_that_says_nothing_is_a_timeout(void **state)
{
	struct control_fixture *fixture = *state;
	const struct control_sink sink = {.timeout_ms = 1};
	struct json *request = json_new();

	/* Nobody runs the loop; the kernel accepts on its behalf. */
	json_set_text(request, "verb", "echo");
	assert_int_equal(control_call(fixture->path, request, &sink),
			 ERR_TIMEOUT);
	json_free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(command_line_gets_lines_errors_and_resets),
		CONTROL_TEST(change_is_refused_to_others),
		CONTROL_TEST(stranger_reads_and_sees_nobody),
		CONTROL_TEST(member_of_the_group_sees),
		CONTROL_TEST(
			request_that_is_too_long_is_refused_with_the_reason),
		CONTROL_TEST(without_a_daemon_the_call_says_so),
		CONTROL_TEST(daemon_that_says_nothing_is_a_timeout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
