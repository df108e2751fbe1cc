// SPDX-License-Identifier: BSD-2-Clause
/* Who is at the other end, and what he may. */
#include "common/control_peer.h"

#include "common/control.h"
#include "tests/unit/control_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* libev asks here: time passes when a test says so. */
static time_t clock_ahead_s;

int clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, id, now);

	now->tv_sec += clock_ahead_s;
	return ret;
}

/* As whom we come, when a test says so. */
static uid_t uid_told;
static gid_t group_told;

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	int ret;

	if (name == SO_PEERGROUPS && group_told) {
		((gid_t *)value)[0] = 7;
		((gid_t *)value)[1] = group_told;
		*length = 2 * sizeof(gid_t);
		return 0;
	}
	ret = (int)syscall(SYS_getsockopt, fd, level, name, value, length);
	if (ret == 0 && name == SO_PEERCRED && uid_told)
		((struct ucred *)value)->uid = uid_told;
	return ret;
}

static const char *said_to(struct control_fixture *fixture, uid_t uid,
			   const char *request)
{
	const char *text;
	int fd;

	uid_told = uid;
	fd = fixture_dial(fixture);
	fixture_say(fd, request);
	fixture_turn(fixture);
	text = fixture_heard(fd);
	close(fd);
	fixture_turn(fixture);
	uid_told = 0;
	return text;
}

static void who_may_what_is_known_by_user(void **state)
{
	struct control_fixture *fixture = *state;
	const char *const change = "{\"verb\":\"change\"}\n";
	const char *const tell = "{\"verb\":\"tell\"}\n";
	const char *const no = "{\"end\":true,\"error\":\"only root may do "
			       "this\"}\n";
	const uid_t stranger = CONTROL_FIXTURE_PARTNER + 1;

	assert_string_equal(said_to(fixture, stranger, change), no);
	assert_string_equal(said_to(fixture, stranger, tell), no);
	assert_string_equal(said_to(fixture, CONTROL_FIXTURE_PARTNER, change),
			    no);
	assert_int_equal(fixture->changes, 0);
	assert_string_equal(said_to(fixture, CONTROL_FIXTURE_PARTNER, tell),
			    END);
	assert_int_equal(fixture->changes, 1);
	assert_string_equal(said_to(fixture, geteuid(), change), END);
	assert_string_equal(said_to(fixture, geteuid(), tell), END);
	assert_int_equal(fixture->changes, 3);
	assert_string_equal(said_to(fixture, stranger, "{\"verb\":\"echo\"}\n"),
			    "{\"verb\":\"echo\"}\n" END);
}

static void group_sees_what_others_do_and_changes_nothing(void **state)
{
	struct control_fixture *fixture = *state;
	const char *const see = "{\"verb\":\"see\"}\n";
	const uid_t stranger = CONTROL_FIXTURE_PARTNER + 1;

	assert_string_equal(said_to(fixture, stranger, see),
			    "{\"end\":true,\"error\":\"only root and the "
			    "group of the daemons may see this\"}\n");
	assert_int_equal(fixture->changes, 0);
	group_told = CONTROL_FIXTURE_GROUP;
	assert_string_equal(said_to(fixture, stranger, see), END);
	assert_string_equal(said_to(fixture, stranger, "{\"verb\":\"tell\"}\n"),
			    "{\"end\":true,\"error\":\"only root may do "
			    "this\"}\n");
	group_told = 0;
	assert_string_equal(said_to(fixture, CONTROL_FIXTURE_PARTNER, see),
			    END);
	assert_string_equal(said_to(fixture, geteuid(), see), END);
	assert_int_equal(fixture->changes, 3);
}

/* However many of them there are, root and the other daemon are heard. */
static void strangers_take_the_place_of_strangers_alone(void **state)
{
	struct control_fixture *fixture = *state;
	int mine = fixture_dial(fixture), fds[80];

	fixture_turn(fixture);
	uid_told = CONTROL_FIXTURE_PARTNER + 1;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = fixture_dial(fixture);
		fixture_turn(fixture);
	}
	assert_string_equal(fixture_heard(fds[0]), "EOF");
	assert_string_equal(fixture_heard(fds[ARRAY_LEN(fds) - 33]), "EOF");
	assert_string_equal(fixture_heard(fds[ARRAY_LEN(fds) - 32]), "");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fixture_say(fds[ARRAY_LEN(fds) - 1], "{\"verb\":\"later\"}\n");
		fixture_turn(fixture);
	}
	uid_told = 0;
	fixture_say(mine, "{\"verb\":\"echo\"}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(mine), "{\"verb\":\"echo\"}\n" END);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	close(mine);
}

static size_t count(const char *text, const char *part)
{
	size_t times = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		times++;
	}
	return times;
}

static void strangers_share_an_allowance(void **state)
{
	struct control_fixture *fixture = *state;
	const char *const busy = "too many requests";
	char many[30 * CONTROL_ALLOWANCE_BURST] = "";

	for (int i = 0; i < CONTROL_ALLOWANCE_BURST + 10; i++)
		strcat(many, "{\"verb\":\"refuse\"}\n");
	const char *text = said_to(fixture, CONTROL_FIXTURE_PARTNER + 1, many);
	assert_in_range(count(text, "moon"), CONTROL_ALLOWANCE_BURST,
			CONTROL_ALLOWANCE_BURST + 9);
	assert_true(count(text, busy) > 0);
	/* Root has no bound, and time brings a new allowance. */
	assert_int_equal(count(said_to(fixture, geteuid(), many), "moon"),
			 CONTROL_ALLOWANCE_BURST + 10);
	clock_ahead_s += 10;
	assert_int_equal(count(said_to(fixture, CONTROL_FIXTURE_PARTNER + 1,
				       "{\"verb\":\"refuse\"}\n"),
			       "moon"),
			 1);
	clock_ahead_s = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(who_may_what_is_known_by_user),
		CONTROL_TEST(group_sees_what_others_do_and_changes_nothing),
		CONTROL_TEST(strangers_take_the_place_of_strangers_alone),
		CONTROL_TEST(strangers_share_an_allowance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
