// SPDX-License-Identifier: BSD-2-Clause
#include "common/control.h"
#include "common/err.h"
#include "tests/unit/control_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
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

static void two_clients_get_each_their_own_answer(void **state)
{
	struct control_fixture *fixture = *state;
	int a = fixture_dial(fixture), b = fixture_dial(fixture);

	fixture_say(a, "{\"verb\":\"echo\",\"n\":1}\n");
	fixture_say(b, "{\"verb\":\"echo\",\"n\":2}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(a),
			    "{\"verb\":\"echo\",\"n\":1}\n" END);
	assert_string_equal(fixture_heard(b),
			    "{\"verb\":\"echo\",\"n\":2}\n" END);
	fixture_say(a, "{\"verb\":\"echo\",\"n\":3}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(a),
			    "{\"verb\":\"echo\",\"n\":3}\n" END);
	close(a);
	close(b);
}

static void requests_in_one_packet_are_answered_in_order(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);

	fixture_say(
		fd,
		"{\"verb\":\"echo\",\"n\":1}\n{\"verb\":\"refuse\"}\n{\"ver");
	fixture_turn(fixture);
	fixture_say(fd, "b\":\"echo\"}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd),
			    "{\"verb\":\"echo\",\"n\":1}\n" END
			    "{\"end\":true,\"error\":\"the moon is full\"}\n"
			    "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void client_that_shut_its_side_still_gets_the_answer(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);

	fixture_say(fd, "{\"verb\":\"echo\"}\n{\"verb\":\"echo\",\"n\":2}");
	shutdown(fd, SHUT_WR);
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd),
			    "{\"verb\":\"echo\"}\n" END
			    "{\"verb\":\"echo\",\"n\":2}\n" END "EOF");
	close(fd);
}

static void garbage_is_answered_and_the_next_request_works(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);
	static const char bytes[] = "\0\xff\xfe{]\n\n[1]\n";

	assert_int_equal(send(fd, bytes, sizeof(bytes) - 1, 0),
			 sizeof(bytes) - 1);
	fixture_say(fd, "{\"verb\":\"echo\"}\n");
	fixture_turn(fixture);
#define NO "{\"end\":true,\"error\":\"not a flat JSON object on one line\"}\n"
	assert_string_equal(fixture_heard(fd),
			    NO NO NO "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void huge_line_is_refused_and_ends_the_connection(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);
	char *line = malloc(70000);

	memset(line, 'a', 70000);
	assert_int_equal(send(fd, line, 70000, 0), 70000);
	free(line);
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd),
			    "{\"end\":true,\"error\":\"the request is longer "
			    "than 64 KiB\"}\nEOF");
	close(fd);
}

static void longest_line_is_taken(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);
	char *line = malloc(65537);

	memset(line, ' ', 65536);
	line[65536] = '\0';
	memcpy(line, "{\"verb\":\"echo\"}", 15);
	line[65535] = '\n';
	fixture_say(fd, line);
	free(line);
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd), "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void wrong_verb_names_the_known_ones(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);

	fixture_say(fd, "{\"verb\":\"eco\\u001b[2J\"}\n{\"noun\":\"x\"}\n");
	fixture_turn(fixture);
	assert_string_equal(
		fixture_heard(fd),
		"{\"end\":true,\"error\":\"unknown verb 'eco\\\\x1b[2J', "
		"expected one of: change detach echo exit flood later "
		"refuse see tell\"}\n"
		"{\"end\":true,\"error\":\"no verb, expected one of: change "
		"detach echo exit flood later refuse see tell\"}\n");
	close(fd);
}

static void client_that_never_reads_is_dropped_at_one_mib(void **state)
{
	struct control_fixture *fixture = *state;
	int slow = fixture_dial(fixture), other = fixture_dial(fixture);

	fixture->flood = 5000; /* 5 MB, far more than the socket takes */
	fixture_say(slow, "{\"verb\":\"flood\"}\n");
	fixture_say(other, "{\"verb\":\"echo\"}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(other), "{\"verb\":\"echo\"}\n" END);
	/* What had left is there, and then the end without an end line. */
	char buffer[4096];
	ssize_t n;
	while ((n = recv(slow, buffer, sizeof(buffer), 0)) > 0)
		;
	assert_true(n == 0 || errno == ECONNRESET);
	close(slow);
	close(other);
}

static void client_that_reads_gets_an_answer_below_one_mib(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);
	char buffer[65536], last = 0;
	size_t lines = 0;

	fixture->flood = 900;
	fixture_say(fd, "{\"verb\":\"flood\"}\n");
	for (int i = 0; i < 100; i++) {
		ssize_t n;

		fixture_turn(fixture);
		while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
			for (ssize_t k = 0; k < n; k++)
				lines += buffer[k] == '\n';
			last = buffer[n - 1];
		}
		assert_true(n < 0 && errno == EAGAIN);
	}
	assert_int_equal(lines, 901);
	assert_int_equal(last, '\n');
	close(fd);
}

static void client_that_stops_reading_is_dropped_after_ten_seconds(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);
	char buffer[65536];
	ssize_t n;

	fixture->flood = 900;
	fixture_say(fd, "{\"verb\":\"flood\"}\n");
	fixture_turn(fixture);
	clock_ahead_s = 5;
	fixture_turn(fixture);
	do {
		n = recv(fd, buffer, sizeof(buffer), 0);
	} while (n > 0);
	fixture_turn(fixture); /* it took some: the time starts anew */
	clock_ahead_s = 12;
	fixture_turn(fixture);
	assert_non_null(control_client_by_id(fixture->control, 1));
	clock_ahead_s = 20;
	fixture_turn(fixture);
	clock_ahead_s = 0;
	assert_null(control_client_by_id(fixture->control, 1));
	close(fd);
}

static void late_answer_reaches_the_client_by_its_number(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);

	fixture_say(fd, "{\"verb\":\"later\"}\n{\"verb\":\"echo\"}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd), "");
	assert_int_not_equal(fixture->later, 0);

	struct control_client *client =
		control_client_by_id(fixture->control, fixture->later);
	assert_non_null(client);
	control_end(client, NULL);
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd), END "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void client_that_went_away_is_no_longer_found(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);

	fixture_say(fd, "{\"verb\":\"later\"}\n");
	fixture_turn(fixture);
	close(fd);
	fixture_turn(fixture);
	/* It may only have shut one side: known until an answer fails. */
	struct control_client *client =
		control_client_by_id(fixture->control, fixture->later);
	if (client)
		control_end(client, NULL);
	fixture_turn(fixture);
	assert_null(control_client_by_id(fixture->control, fixture->later));
	assert_null(control_client_by_id(fixture->control, 0));
}

static void pending_client_may_send_more_than_the_buffer(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);
	size_t sent = 0, ends = 0;
	char buffer[4096];

	fixture_say(fd, "{\"verb\":\"later\"}\n");
	fixture_turn(fixture);
	while (send(fd, "{\"verb\":\"refuse\"}\n", 18, MSG_NOSIGNAL) == 18) {
		sent++;
		fixture_turn(fixture);
	}
	assert_true(sent * 18 > 65536);
	control_end(control_client_by_id(fixture->control, fixture->later),
		    NULL);
	for (int i = 0; i < 2000; i++) {
		ssize_t n;

		ev_run(fixture->loop, EVRUN_NOWAIT);
		while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
			for (ssize_t k = 0; k < n; k++)
				ends += buffer[k] == '\n';
		}
	}
	assert_int_equal(ends, sent + 1);
	close(fd);
}

static void detached_descriptor_belongs_to_the_caller(void **state)
{
	struct control_fixture *fixture = *state;
	int fd = fixture_dial(fixture);

	fixture_say(fd, "{\"verb\":\"echo\"}\n{\"verb\":\"detach\"}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd), "{\"verb\":\"echo\"}\n" END);
	assert_true(fixture->detached >= 0);
	assert_null(control_client_by_id(fixture->control, 1));
	fixture_say(fixture->detached, "from another process\n");
	assert_string_equal(fixture_heard(fd), "from another process\n");
	close(fixture->detached);
	assert_string_equal(fixture_heard(fd), "EOF");
	close(fd);
}

static void oldest_idle_client_makes_room_for_a_new_one(void **state)
{
	struct control_fixture *fixture = *state;
	int waiting = fixture_dial(fixture), fds[64];

	fixture_say(waiting, "{\"verb\":\"later\"}\n");
	fixture_turn(fixture);
	for (size_t i = 0; i < 64; i++) {
		fds[i] = fixture_dial(fixture);
		fixture_turn(fixture);
	}
	assert_string_equal(fixture_heard(waiting), "");
	assert_string_equal(fixture_heard(fds[0]), "EOF");
	fixture_say(fds[63], "{\"verb\":\"echo\"}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fds[63]),
			    "{\"verb\":\"echo\"}\n" END);
	for (size_t i = 0; i < 64; i++)
		close(fds[i]);
	close(waiting);
}

static void answer_on_its_way_is_not_cut_for_a_new_client(void **state)
{
	struct control_fixture *fixture = *state;
	int reading = fixture_dial(fixture), fds[64];
	char buffer[65536];
	size_t lines = 0;
	ssize_t n;

	fixture->flood = 900;
	fixture_say(reading, "{\"verb\":\"flood\"}\n");
	fixture_turn(fixture);
	for (size_t i = 0; i < 64; i++) {
		fds[i] = fixture_dial(fixture);
		fixture_turn(fixture);
	}
	for (int i = 0; i < 100; i++) {
		fixture_turn(fixture);
		while ((n = recv(reading, buffer, sizeof(buffer), 0)) > 0) {
			for (ssize_t k = 0; k < n; k++)
				lines += buffer[k] == '\n';
		}
	}
	assert_int_equal(lines, 901);
	assert_string_equal(fixture_heard(fds[0]), "EOF");
	for (size_t i = 0; i < 64; i++)
		close(fds[i]);
	close(reading);
}

static void socket_is_for_everybody_on_this_host(void **state)
{
	struct control_fixture *fixture = *state;
	struct stat st;

	assert_int_equal(lstat(fixture->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0666);
}

static void live_socket_is_not_replaced(void **state)
{
	struct control_fixture *fixture = *state;
	struct control *second = NULL;

	assert_int_equal(control_fixture_open(fixture, fixture->path, (gid_t)-1,
					      &second),
			 ERR_RUNNING);
	int fd = fixture_dial(fixture);
	fixture_say(fd, "{\"verb\":\"echo\"}\n");
	fixture_turn(fixture);
	assert_string_equal(fixture_heard(fd), "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void stale_socket_is_replaced(void **state)
{
	struct control_fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct control *second = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/old",
		 fixture->folder);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&address, sizeof(address)),
		0);
	close(fd); /* as after SIGKILL: the file stays */
	assert_int_equal(control_fixture_open(fixture, address.sun_path,
					      (gid_t)-1, &second),
			 0);
	control_close(second);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void file_that_is_no_socket_is_left_alone(void **state)
{
	struct control_fixture *fixture = *state;
	struct control *second = NULL;
	char path[64];

	snprintf(path, sizeof(path), "%s/file", fixture->folder);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(
		control_fixture_open(fixture, path, (gid_t)-1, &second),
		-EEXIST);
	assert_int_equal(unlink(path), 0);
}

static void path_that_is_too_long_is_an_error(void **state)
{
	struct control_fixture *fixture = *state;
	struct control *second = NULL;
	char path[200];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(
		control_fixture_open(fixture, path, (gid_t)-1, &second),
		-ENAMETOOLONG);
}

static void close_leaves_the_socket_of_a_successor(void **state)
{
	struct control_fixture *fixture = *state;
	struct control *second = NULL;

	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(control_fixture_open(fixture, fixture->path, (gid_t)-1,
					      &second),
			 0);
	control_close(fixture->control);
	fixture->control = second;
	assert_int_equal(access(fixture->path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(two_clients_get_each_their_own_answer),
		CONTROL_TEST(requests_in_one_packet_are_answered_in_order),
		CONTROL_TEST(client_that_shut_its_side_still_gets_the_answer),
		CONTROL_TEST(garbage_is_answered_and_the_next_request_works),
		CONTROL_TEST(huge_line_is_refused_and_ends_the_connection),
		CONTROL_TEST(longest_line_is_taken),
		CONTROL_TEST(wrong_verb_names_the_known_ones),
		CONTROL_TEST(client_that_never_reads_is_dropped_at_one_mib),
		CONTROL_TEST(client_that_reads_gets_an_answer_below_one_mib),
		CONTROL_TEST(
			client_that_stops_reading_is_dropped_after_ten_seconds),
		CONTROL_TEST(late_answer_reaches_the_client_by_its_number),
		CONTROL_TEST(client_that_went_away_is_no_longer_found),
		CONTROL_TEST(pending_client_may_send_more_than_the_buffer),
		CONTROL_TEST(detached_descriptor_belongs_to_the_caller),
		CONTROL_TEST(oldest_idle_client_makes_room_for_a_new_one),
		CONTROL_TEST(answer_on_its_way_is_not_cut_for_a_new_client),
		CONTROL_TEST(socket_is_for_everybody_on_this_host),
		CONTROL_TEST(live_socket_is_not_replaced),
		CONTROL_TEST(stale_socket_is_replaced),
		CONTROL_TEST(file_that_is_no_socket_is_left_alone),
		CONTROL_TEST(path_that_is_too_long_is_an_error),
		CONTROL_TEST(close_leaves_the_socket_of_a_successor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
