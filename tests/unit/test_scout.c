// SPDX-License-Identifier: BSD-2-Clause
/* The proxy is played by the test; the probes and their times are real. */
#include "routed/relay/scout.h"

#include "common/clock.h"
#include "routed/link.h"
#include "routed/relay/choice.h"
#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

/* What the parent was told last of that member. */
static struct link_member told(const char *name)
{
	static struct link_member proxy, gone;
	struct link_message message;
	struct link_fds fds;

	while (link_recv(fixture.link, &message, &fds) == 1) {
		if (message.type != LINK_MEMBER)
			continue;
		if (strcmp(message.member.member, "proxy") == 0)
			proxy = message.member;
		else
			gone = message.member;
	}
	return strcmp(name, "proxy") == 0 ? proxy : gone;
}

static void use_group(void)
{
	choice_note_use(fixture.parts.policy, OUT_AUTO, clock_monotonic_ms());
	scout_follow(fixture.parts.scout);
}

static void answer_probe(const char *reply, size_t length)
{
	int fd = relay_fixture_accept(fixture.proxy);

	relay_fixture_expect(fd, "\5\1\0", 3);
	relay_fixture_say(fd, "\5\0", 2);
	relay_fixture_expect(fd, "\5\1\0\1\300\0\2\11\0\120", 10);
	relay_fixture_say(fd, reply, length);
	close(fd);
}

static void probes_show_who_works(void **state)
{
	(void)state;
	use_group();
	assert_string_equal(told("proxy").group, "auto");
	assert_int_equal(told("proxy").state, LINK_MEMBER_UNKNOWN);
	answer_probe("\5\0\0\1\0\0\0\0\0\0", 10);
	RUN_UNTIL(told("proxy").state == LINK_MEMBER_UP);
	assert_true(told("proxy").latency_us >= 0);
	assert_true(told("proxy").is_first);
	RUN_UNTIL(told("gone").state == LINK_MEMBER_DOWN);
	assert_string_equal(told("gone").reason, "Connection refused");
	/* And again, after the interval. */
	answer_probe("\5\1\0\1\0\0\0\0\0\0", 10);
	RUN_UNTIL(told("proxy").state == LINK_MEMBER_DOWN);
	assert_string_equal(told("proxy").reason, "general failure");
	answer_probe("\5\0\0\1\0\0\0\0\0\0", 10);
	RUN_UNTIL(told("proxy").state == LINK_MEMBER_UP);
}

static void a_group_that_is_not_used_is_left_in_peace(void **state)
{
	(void)state;
	scout_follow(fixture.parts.scout);
	for (int64_t end = clock_monotonic_ms() + 250;
	     clock_monotonic_ms() < end;)
		relay_fixture_run();
	assert_true(accept4(fixture.proxy, NULL, NULL, SOCK_NONBLOCK) < 0);
	/* The control. */
	use_group();
	close(relay_fixture_accept(fixture.proxy));
}

static enum policy_pipelining try_server(const char *reply, size_t length)
{
	struct policy *policy = fixture.parts.policy;
	struct policy_outbound *proxy = &policy->outbounds[OUT_PROXY];
	int fd;

	proxy->pipelining = POLICY_PIPELINING_UNKNOWN;
	scout_on_connected(fixture.parts.scout, policy, OUT_PROXY);
	assert_int_equal(proxy->pipelining, POLICY_PIPELINING_TRIED);
	/* One is enough. */
	scout_on_connected(fixture.parts.scout, policy, OUT_PROXY);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0\5\1\0\1\177\0\0\1\0\0", 13);
	relay_fixture_say(fd, reply, length);
	close(fd);
	RUN_UNTIL(proxy->pipelining != POLICY_PIPELINING_TRIED);
	return proxy->pipelining;
}

static void a_trial_shows_what_a_server_takes(void **state)
{
	(void)state;
	assert_int_equal(try_server("\5\0\5\5\0\1\0\0\0\0\0\0", 12),
			 POLICY_PIPELINING_TAKEN);
	assert_int_equal(try_server("\5\0\5\0\0\1\0\0\0\0\0\0", 12),
			 POLICY_PIPELINING_TAKEN);
	assert_int_equal(try_server("\5\0", 2), POLICY_PIPELINING_REFUSED);
	assert_int_equal(try_server("\5\377", 2), POLICY_PIPELINING_REFUSED);
	assert_int_equal(try_server("HT", 2), POLICY_PIPELINING_REFUSED);
}

static void http_is_not_tried(void **state)
{
	struct policy *policy = fixture.parts.policy;

	(void)state;
	policy->outbounds[OUT_WEB].pipelining = POLICY_PIPELINING_UNKNOWN;
	scout_on_connected(fixture.parts.scout, policy, OUT_WEB);
	assert_int_equal(policy->outbounds[OUT_WEB].pipelining,
			 POLICY_PIPELINING_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(probes_show_who_works),
		TEST(a_group_that_is_not_used_is_left_in_peace),
		TEST(a_trial_shows_what_a_server_takes),
		TEST(http_is_not_tried),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
