// SPDX-License-Identifier: BSD-2-Clause
/* The other end of dnsd's control socket is played by the test. */
#include "routed/relay/resolver.h"

#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	char folder[32];
	char path[64];
	struct ev_loop *loop;
	struct resolver *resolver;
	int listener;
} t;

struct result {
	int calls;
	struct resolver_answer answer;
};

static void on_done(void *ctx, const struct resolver_answer *answer)
{
	struct result *result = ctx;

	result->calls++;
	result->answer = *answer;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	strcpy(t.folder, "test-resolver-XXXXXX");
	assert_non_null(mkdtemp(t.folder));
	snprintf(t.path, sizeof(t.path), "%s/dnsd.sock", t.folder);
	t.loop = ev_loop_new(EVFLAG_AUTO);
	t.listener = listen_at(t.path);
	return resolver_new(&t.resolver, t.loop, t.path, 20);
}

static int teardown(void **state)
{
	(void)state;
	resolver_free(t.resolver);
	ev_loop_destroy(t.loop);
	if (t.listener >= 0)
		close(t.listener);
	unlink(t.path);
	rmdir(t.folder);
	return 0;
}

static int try_to_ask(const char *text, struct result *result,
		      struct resolver_lookup **lookup)
{
	struct name name;
	const struct resolver_question question = {
		.name = &name,
		.family = ADDR_IPV4,
		.fn = on_done,
		.ctx = result,
	};

	assert_int_equal(name_parse(&name, text), 0);
	return resolver_ask(t.resolver, &question, lookup);
}

static struct resolver_lookup *ask(const char *text, struct result *result)
{
	struct resolver_lookup *lookup;

	*result = (struct result){0};
	assert_int_equal(try_to_ask(text, result, &lookup), 0);
	return lookup;
}

static int accept_channel(void)
{
	int fd = accept(t.listener, NULL, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void expect_request(int fd, const char *text)
{
	char line[256] = {0};

	assert_true(read(fd, line, sizeof(line) - 1) > 0);
	assert_string_equal(line, text);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void run(void)
{
	for (int i = 0; i < 5; i++)
		ev_run(t.loop, EVRUN_NOWAIT);
}

static void asks_and_hands_on_the_addresses(void **state)
{
	struct result result;
	struct addr addr;
	int fd;

	(void)state;
	ask("example.com", &result);
	fd = accept_channel();
	expect_request(fd, "{\"verb\":\"resolve\",\"name\":\"example.com\","
			   "\"family\":4}\n");
	say(fd, "{\"address\":\"192.0.2.1\"}\n{\"addr");
	run();
	assert_int_equal(result.calls, 0);
	say(fd, "ess\":\"192.0.2.2\"}\n{\"end\":true}\n");
	run();
	assert_int_equal(result.calls, 1);
	assert_int_equal(result.answer.status, 0);
	assert_int_equal(result.answer.count, 2);
	assert_int_equal(addr_parse(&addr, "192.0.2.2"), 0);
	assert_true(addr_equal(&result.answer.addrs[1], &addr));
	close(fd);
}

static void a_channel_is_used_again(void **state)
{
	struct result result;
	int fd;

	(void)state;
	ask("a.test", &result);
	fd = accept_channel();
	for (int i = 0; i < 3; i++) {
		expect_request(fd, "{\"verb\":\"resolve\",\"name\":\"a.test\","
				   "\"family\":4}\n");
		say(fd, "{\"address\":\"192.0.2.1\"}\n{\"end\":true}\n");
		run();
		assert_int_equal(result.calls, 1);
		ask("a.test", &result);
	}
	close(fd);
	run();
}

static void a_dnsd_that_came_back_is_asked_anew(void **state)
{
	struct result result;
	int fd;

	(void)state;
	ask("a.test", &result);
	fd = accept_channel();
	say(fd, "{\"address\":\"192.0.2.1\"}\n{\"end\":true}\n");
	run();
	ask("a.test", &result);
	close(fd);
	run();
	assert_int_equal(result.calls, 0);
	fd = accept_channel();
	say(fd, "{\"address\":\"192.0.2.9\"}\n{\"end\":true}\n");
	run();
	assert_int_equal(result.calls, 1);
	assert_int_equal(result.answer.status, 0);
	close(fd);
}

static void no_dnsd_is_told_at_once(void **state)
{
	struct resolver_lookup *lookup;

	(void)state;
	close(t.listener);
	t.listener = -1;
	assert_int_equal(try_to_ask("a.test", NULL, &lookup), ERR_NOT_RUNNING);
}

static void an_error_of_dnsd_is_a_refusal(void **state)
{
	static const char *const answers[] = {
		"{\"end\":true,\"error\":\"no such name\"}\n",
		"{\"end\":true}\n",
	};
	struct result result;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		int fd;

		ask("a.test", &result);
		if (i == 0)
			fd = accept_channel();
		say(fd, answers[i]);
		run();
		assert_int_equal(result.calls, 1);
		assert_int_equal(result.answer.status, ERR_REFUSED);
	}
}

static void garbage_ends_the_lookup(void **state)
{
	static const char *const answers[] = {
		"no json\n",
		"{\"address\":\"example.com\"}\n",
		"{\"address\":7}\n",
		"[]\n",
	};
	struct result result;
	static char line[5000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		int fd;

		ask("a.test", &result);
		fd = accept_channel();
		say(fd, answers[i]);
		run();
		assert_int_equal(result.calls, 1);
		assert_int_equal(result.answer.status, ERR_MALFORMED);
		close(fd);
	}
	ask("a.test", &result);
	int fd = accept_channel();
	memset(line, ' ', sizeof(line) - 1);
	say(fd, line);
	run();
	assert_int_equal(result.answer.status, ERR_MALFORMED);
	close(fd);
}

static void what_follows_an_answer_is_not_the_next_one(void **state)
{
	struct result result;
	struct addr addr;
	int first, second;

	(void)state;
	ask("example.com", &result);
	first = accept_channel();
	say(first, "{\"address\":\"192.0.2.1\"}\n{\"end\":true}\n"
		   "{\"address\":\"192.0.2.66\"}\n{\"end\":true}\n");
	run();
	assert_int_equal(result.calls, 1);
	ask("example.org", &result);
	second = accept_channel();
	say(second, "{\"address\":\"192.0.2.2\"}\n{\"end\":true}\n");
	run();
	assert_int_equal(result.calls, 1);
	assert_int_equal(result.answer.count, 1);
	assert_int_equal(addr_parse(&addr, "192.0.2.2"), 0);
	assert_true(addr_equal(&result.answer.addrs[0], &addr));
	close(first);
	close(second);
}

static void those_who_wait_come_in_order(void **state)
{
	struct result results[20];
	struct resolver_lookup *lookups[20], *more;
	int fds[8];

	(void)state;
	for (int i = 0; i < 20; i++)
		lookups[i] = ask("a.test", &results[i]);
	assert_int_equal(try_to_ask("a.test", NULL, &more), ERR_FULL);
	for (int i = 0; i < 8; i++)
		fds[i] = accept_channel();
	/* One that waits and one that is being asked give up. */
	resolver_stop(lookups[9]);
	resolver_stop(lookups[7]);
	close(fds[7]);
	fds[7] = accept_channel();
	for (int i = 0; i < 7; i++)
		say(fds[i], "{\"address\":\"192.0.2.1\"}\n{\"end\":true}\n");
	run();
	for (int i = 0; i < 7; i++)
		assert_int_equal(results[i].calls, 1);
	for (int i = 0; i < 8; i++)
		say(fds[i], "{\"address\":\"192.0.2.2\"}\n{\"end\":true}\n");
	run();
	for (int i = 0; i < 20; i++)
		assert_int_equal(results[i].calls, i != 7 && i != 9 && i < 17);
	for (int i = 17; i < 20; i++)
		resolver_stop(lookups[i]);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asks_and_hands_on_the_addresses),
		TEST(a_channel_is_used_again),
		TEST(a_dnsd_that_came_back_is_asked_anew),
		TEST(no_dnsd_is_told_at_once),
		TEST(an_error_of_dnsd_is_a_refusal),
		TEST(garbage_ends_the_lookup),
		TEST(what_follows_an_answer_is_not_the_next_one),
		TEST(those_who_wait_come_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
