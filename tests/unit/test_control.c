// SPDX-License-Identifier: BSD-2-Clause
#include "common/control.h"
#include "common/err.h"

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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

/* libev asks here: time passes when a test says so. */
static time_t clock_ahead_s;

int clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, id, now);

	now->tv_sec += clock_ahead_s;
	return ret;
}

/* A server in a folder of its own, with a verb for each way to answer. */
struct bench {
	struct ev_loop *loop;
	struct control *control;
	char folder[32];
	char path[64];
	uint64_t later; /* who waits for an answer */
	int detached;   /* what control_detach() gave */
	int changes;    /* calls of the verb that changes */
	int flood;      /* lines that "flood" sent */
	ev_io finished; /* the other process is done */
};

static void on_echo(void *ctx, struct control_client *client,
		    const struct json *request)
{
	(void)ctx;
	control_send(client, request);
	control_end(client, NULL);
}

static void on_later(void *ctx, struct control_client *client,
		     const struct json *request)
{
	struct bench *bench = ctx;

	(void)request;
	bench->later = control_client_id(client);
}

static void on_change(void *ctx, struct control_client *client,
		      const struct json *request)
{
	struct bench *bench = ctx;

	(void)request;
	bench->changes++;
	control_end(client, NULL);
}

static void on_detach(void *ctx, struct control_client *client,
		      const struct json *request)
{
	struct bench *bench = ctx;

	(void)request;
	bench->detached = control_detach(client);
}

static void on_flood(void *ctx, struct control_client *client,
		     const struct json *request)
{
	struct bench *bench = ctx;
	struct json *line = json_new();
	char text[1001];

	(void)request;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_set_text(line, "x", text);
	for (int i = 0; i < bench->flood; i++)
		control_send(client, line);
	json_free(line);
	control_end(client, NULL);
}

static void on_refuse(void *ctx, struct control_client *client,
		      const struct json *request)
{
	(void)ctx;
	(void)request;
	control_end(client, "the moon is full");
}

static void on_exit_now(void *ctx, struct control_client *client,
			const struct json *request)
{
	(void)client;
	(void)request;
	ev_break(((struct bench *)ctx)->loop, EVBREAK_ALL);
}

static const struct control_verb verbs[] = {
	{"change", CONTROL_CHANGE, on_change},
	{"detach", CONTROL_READ, on_detach},
	{"echo", CONTROL_READ, on_echo},
	{"exit", CONTROL_READ, on_exit_now},
	{"flood", CONTROL_READ, on_flood},
	{"later", CONTROL_READ, on_later},
	{"refuse", CONTROL_READ, on_refuse},
	{NULL, CONTROL_READ, NULL},
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench)
		return -1;
	strcpy(bench->folder, "/tmp/test_control.XXXXXX");
	if (!mkdtemp(bench->folder) || chmod(bench->folder, 0755) < 0)
		return -1;
	snprintf(bench->path, sizeof(bench->path), "%s/sock", bench->folder);
	bench->detached = -1;
	clock_ahead_s = 0;
	bench->loop = ev_loop_new(EVFLAG_AUTO);
	if (!bench->loop || control_open(&bench->control, bench->loop,
					 bench->path, (gid_t)-1, verbs, bench))
		return -1;
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	control_close(bench->control);
	ev_loop_destroy(bench->loop);
	if (rmdir(bench->folder) < 0)
		return -1;
	free(bench);
	return 0;
}

/* A Unix socket delivers at once, so a few turns do all there is to do. */
static void turn(struct bench *bench)
{
	for (int i = 0; i < 20; i++)
		ev_run(bench->loop, EVRUN_NOWAIT);
}

static int dial(const struct bench *bench)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, bench->path, sizeof(bench->path));
	assert_int_equal(
		connect(fd, (const struct sockaddr *)&address, sizeof(address)),
		0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

/* Everything that has come, as text; "EOF" behind it when that came too. */
static const char *heard(int fd)
{
	static char text[8192];
	size_t used = 0;
	ssize_t n;

	while ((n = recv(fd, text + used, sizeof(text) - 8 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	if (n == 0 || (n < 0 && errno != EAGAIN))
		strcat(text, "EOF");
	return text;
}

#define END "{\"end\":true}\n"

static void two_clients_get_each_their_own_answer(void **state)
{
	struct bench *bench = *state;
	int a = dial(bench), b = dial(bench);

	say(a, "{\"verb\":\"echo\",\"n\":1}\n");
	say(b, "{\"verb\":\"echo\",\"n\":2}\n");
	turn(bench);
	assert_string_equal(heard(a), "{\"verb\":\"echo\",\"n\":1}\n" END);
	assert_string_equal(heard(b), "{\"verb\":\"echo\",\"n\":2}\n" END);
	say(a, "{\"verb\":\"echo\",\"n\":3}\n");
	turn(bench);
	assert_string_equal(heard(a), "{\"verb\":\"echo\",\"n\":3}\n" END);
	close(a);
	close(b);
}

static void requests_in_one_packet_are_answered_in_order(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);

	say(fd, "{\"verb\":\"echo\",\"n\":1}\n{\"verb\":\"refuse\"}\n{\"ver");
	turn(bench);
	say(fd, "b\":\"echo\"}\n");
	turn(bench);
	assert_string_equal(heard(fd),
			    "{\"verb\":\"echo\",\"n\":1}\n" END
			    "{\"end\":true,\"error\":\"the moon is full\"}\n"
			    "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void client_that_shut_its_side_still_gets_the_answer(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);

	say(fd, "{\"verb\":\"echo\"}\n{\"verb\":\"echo\",\"n\":2}");
	shutdown(fd, SHUT_WR);
	turn(bench);
	assert_string_equal(heard(fd),
			    "{\"verb\":\"echo\"}\n" END
			    "{\"verb\":\"echo\",\"n\":2}\n" END "EOF");
	close(fd);
}

static void garbage_is_answered_and_the_next_request_works(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);
	static const char bytes[] = "\0\xff\xfe{]\n\n[1]\n";

	assert_int_equal(send(fd, bytes, sizeof(bytes) - 1, 0),
			 sizeof(bytes) - 1);
	say(fd, "{\"verb\":\"echo\"}\n");
	turn(bench);
#define NO "{\"end\":true,\"error\":\"not a flat JSON object on one line\"}\n"
	assert_string_equal(heard(fd), NO NO NO "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void huge_line_is_refused_and_ends_the_connection(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);
	char *line = malloc(70000);

	memset(line, 'a', 70000);
	assert_int_equal(send(fd, line, 70000, 0), 70000);
	free(line);
	turn(bench);
	assert_string_equal(heard(fd),
			    "{\"end\":true,\"error\":\"the request is longer "
			    "than 64 KiB\"}\nEOF");
	close(fd);
}

static void longest_line_is_taken(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);
	char *line = malloc(65537);

	memset(line, ' ', 65536);
	line[65536] = '\0';
	memcpy(line, "{\"verb\":\"echo\"}", 15);
	line[65535] = '\n';
	say(fd, line);
	free(line);
	turn(bench);
	assert_string_equal(heard(fd), "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void wrong_verb_names_the_known_ones(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);

	say(fd, "{\"verb\":\"eco\\u001b[2J\"}\n{\"noun\":\"x\"}\n");
	turn(bench);
	assert_string_equal(
		heard(fd),
		"{\"end\":true,\"error\":\"unknown verb 'eco\\\\x1b[2J', "
		"expected one of: change detach echo exit flood later "
		"refuse\"}\n"
		"{\"end\":true,\"error\":\"no verb, expected one of: change "
		"detach echo exit flood later refuse\"}\n");
	close(fd);
}

static void client_that_never_reads_is_dropped_at_one_mib(void **state)
{
	struct bench *bench = *state;
	int slow = dial(bench), other = dial(bench);

	bench->flood = 5000; /* 5 MB, far more than the socket takes */
	say(slow, "{\"verb\":\"flood\"}\n");
	say(other, "{\"verb\":\"echo\"}\n");
	turn(bench);
	assert_string_equal(heard(other), "{\"verb\":\"echo\"}\n" END);
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
	struct bench *bench = *state;
	int fd = dial(bench);
	char buffer[65536], last = 0;
	size_t lines = 0;

	bench->flood = 900;
	say(fd, "{\"verb\":\"flood\"}\n");
	for (int i = 0; i < 100; i++) {
		ssize_t n;

		turn(bench);
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
	struct bench *bench = *state;
	int fd = dial(bench);
	char buffer[65536];
	ssize_t n;

	bench->flood = 900;
	say(fd, "{\"verb\":\"flood\"}\n");
	turn(bench);
	clock_ahead_s = 9;
	turn(bench);
	do {
		n = recv(fd, buffer, sizeof(buffer), 0);
	} while (n > 0);
	turn(bench); /* it took some: the time starts anew */
	clock_ahead_s = 18;
	turn(bench);
	assert_non_null(control_client_by_id(bench->control, 1));
	clock_ahead_s = 20;
	turn(bench);
	assert_null(control_client_by_id(bench->control, 1));
	close(fd);
}

static void late_answer_reaches_the_client_by_its_number(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);

	say(fd, "{\"verb\":\"later\"}\n{\"verb\":\"echo\"}\n");
	turn(bench);
	assert_string_equal(heard(fd), "");
	assert_int_not_equal(bench->later, 0);

	struct control_client *client =
		control_client_by_id(bench->control, bench->later);
	assert_non_null(client);
	control_end(client, NULL);
	turn(bench);
	assert_string_equal(heard(fd), END "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void client_that_went_away_is_no_longer_found(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);

	say(fd, "{\"verb\":\"later\"}\n");
	turn(bench);
	close(fd);
	turn(bench);
	/* It may only have shut one side: known until an answer fails. */
	struct control_client *client =
		control_client_by_id(bench->control, bench->later);
	if (client)
		control_end(client, NULL);
	turn(bench);
	assert_null(control_client_by_id(bench->control, bench->later));
	assert_null(control_client_by_id(bench->control, 0));
}

static void pending_client_may_send_more_than_the_buffer(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);
	size_t sent = 0, ends = 0;
	char buffer[4096];

	say(fd, "{\"verb\":\"later\"}\n");
	turn(bench);
	while (send(fd, "{\"verb\":\"refuse\"}\n", 18, MSG_NOSIGNAL) == 18) {
		sent++;
		turn(bench);
	}
	assert_true(sent * 18 > 65536);
	control_end(control_client_by_id(bench->control, bench->later), NULL);
	for (int i = 0; i < 2000; i++) {
		ssize_t n;

		ev_run(bench->loop, EVRUN_NOWAIT);
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
	struct bench *bench = *state;
	int fd = dial(bench);

	say(fd, "{\"verb\":\"echo\"}\n{\"verb\":\"detach\"}\n");
	turn(bench);
	assert_string_equal(heard(fd), "{\"verb\":\"echo\"}\n" END);
	assert_true(bench->detached >= 0);
	assert_null(control_client_by_id(bench->control, 1));
	say(bench->detached, "from another process\n");
	assert_string_equal(heard(fd), "from another process\n");
	close(bench->detached);
	assert_string_equal(heard(fd), "EOF");
	close(fd);
}

static void oldest_idle_client_makes_room_for_a_new_one(void **state)
{
	struct bench *bench = *state;
	int waiting = dial(bench), fds[64];

	say(waiting, "{\"verb\":\"later\"}\n");
	turn(bench);
	for (size_t i = 0; i < 64; i++) {
		fds[i] = dial(bench);
		turn(bench);
	}
	assert_string_equal(heard(waiting), "");
	assert_string_equal(heard(fds[0]), "EOF");
	say(fds[63], "{\"verb\":\"echo\"}\n");
	turn(bench);
	assert_string_equal(heard(fds[63]), "{\"verb\":\"echo\"}\n" END);
	for (size_t i = 0; i < 64; i++)
		close(fds[i]);
	close(waiting);
}

static void socket_is_for_owner_and_group_only(void **state)
{
	struct bench *bench = *state;
	struct stat st;

	assert_int_equal(lstat(bench->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void live_socket_is_not_replaced(void **state)
{
	struct bench *bench = *state;
	struct control *second = NULL;

	assert_int_equal(control_open(&second, bench->loop, bench->path,
				      (gid_t)-1, verbs, bench),
			 ERR_RUNNING);
	int fd = dial(bench);
	say(fd, "{\"verb\":\"echo\"}\n");
	turn(bench);
	assert_string_equal(heard(fd), "{\"verb\":\"echo\"}\n" END);
	close(fd);
}

static void stale_socket_is_replaced(void **state)
{
	struct bench *bench = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct control *second = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/old",
		 bench->folder);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&address, sizeof(address)),
		0);
	close(fd); /* as after SIGKILL: the file stays */
	assert_int_equal(control_open(&second, bench->loop, address.sun_path,
				      (gid_t)-1, verbs, bench),
			 0);
	control_close(second);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void file_that_is_no_socket_is_left_alone(void **state)
{
	struct bench *bench = *state;
	struct control *second = NULL;
	char path[64];

	snprintf(path, sizeof(path), "%s/file", bench->folder);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(control_open(&second, bench->loop, path, (gid_t)-1,
				      verbs, bench),
			 -EEXIST);
	assert_int_equal(unlink(path), 0);
}

static void path_that_is_too_long_is_an_error(void **state)
{
	struct bench *bench = *state;
	struct control *second = NULL;
	char path[200];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_open(&second, bench->loop, path, (gid_t)-1,
				      verbs, bench),
			 -ENAMETOOLONG);
}

static void close_leaves_the_socket_of_a_successor(void **state)
{
	struct bench *bench = *state;
	struct control *second = NULL;

	assert_int_equal(unlink(bench->path), 0);
	assert_int_equal(control_open(&second, bench->loop, bench->path,
				      (gid_t)-1, verbs, bench),
			 0);
	control_close(bench->control);
	bench->control = second;
	assert_int_equal(access(bench->path, F_OK), 0);
}

static void on_finished(struct ev_loop *loop, ev_io *watcher, int revents)
{
	(void)revents;
	ev_io_stop(loop, watcher);
	ev_break(loop, EVBREAK_ALL);
}

/* Runs `fn` in another process while the loop serves; its exit status. */
static int beside(struct bench *bench, int (*fn)(struct bench *bench))
{
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		_exit(fn(bench));
	}
	close(ends[1]);
	ev_io_init(&bench->finished, on_finished, ends[0], EV_READ);
	ev_io_start(bench->loop, &bench->finished);
	ev_run(bench->loop, 0);
	ev_io_stop(bench->loop, &bench->finished);
	close(ends[0]);
	control_close(bench->control);
	bench->control = NULL;
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

static int call(struct bench *bench, const char *verb, struct told *told,
		char *error, size_t size)
{
	struct json *request = json_new();

	json_set_text(request, "verb", verb);
	json_set_int(request, "n", 42);
	int ret = control_call(bench->path, request, 30000, on_line, told,
			       error, size);
	json_free(request);
	return ret;
}

static int calls_of_a_command_line(struct bench *bench)
{
	struct told told = {0};
	char error[64] = "x";

	if (call(bench, "echo", &told, error, sizeof(error)) != 0 ||
	    told.lines != 1 || told.last != 42 || error[0] != '\0')
		return 1;
	if (call(bench, "flood", &told, error, sizeof(error)) != 0 ||
	    told.lines != 901)
		return 2;
	if (call(bench, "refuse", &told, error, sizeof(error)) != ERR_REFUSED ||
	    strcmp(error, "the moon is full") != 0)
		return 3;
	if (call(bench, "exit", &told, error, sizeof(error)) != -ECONNRESET)
		return 4;
	return 0;
}

static void command_line_gets_lines_errors_and_resets(void **state)
{
	struct bench *bench = *state;

	bench->flood = 900;
	assert_int_equal(beside(bench, calls_of_a_command_line), 0);
}

static int change_as_nobody(struct bench *bench)
{
	struct told told = {0};
	char error[64];

	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	if (call(bench, "change", &told, error, sizeof(error)) != ERR_REFUSED ||
	    strcmp(error, "only root may do this") != 0)
		return 2;
	return call(bench, "echo", &told, error, sizeof(error)) == 0 ? 0 : 3;
}

static void change_is_for_root_and_the_owner(void **state)
{
	struct bench *bench = *state;
	int fd = dial(bench);

	say(fd, "{\"verb\":\"change\"}\n");
	turn(bench);
	assert_string_equal(heard(fd), END);
	assert_int_equal(bench->changes, 1);
	close(fd);
	if (geteuid() != 0)
		skip();
	/* In reach of everybody here, so that only the verb's own check is
	 * left. */
	assert_int_equal(chmod(bench->path, 0666), 0);
	assert_int_equal(beside(bench, change_as_nobody), 0);
	assert_int_equal(bench->changes, 1);
}

static int call_as_stranger(struct bench *bench)
{
	struct told told = {0};
	char error[64];

	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	return call(bench, "echo", &told, error, sizeof(error)) == -EACCES ? 0
									   : 2;
}

static void stranger_cannot_connect(void **state)
{
	struct bench *bench = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(beside(bench, call_as_stranger), 0);
}

static int call_as_group(struct bench *bench)
{
	struct told told = {0};
	char error[64];

	if (setgid(NOBODY) < 0 || setuid(NOBODY - 1) < 0)
		return 1;
	return call(bench, "echo", &told, error, sizeof(error)) == 0 ? 0 : 2;
}

static void group_can_connect(void **state)
{
	struct bench *bench = *state;

	if (geteuid() != 0)
		skip();
	control_close(bench->control);
	assert_int_equal(control_open(&bench->control, bench->loop, bench->path,
				      NOBODY, verbs, bench),
			 0);
	assert_int_equal(beside(bench, call_as_group), 0);
}

static void without_a_daemon_the_call_says_so(void **state)
{
	struct bench *bench = *state;
	struct told told = {0};
	char error[64];

	control_close(bench->control);
	bench->control = NULL;
	assert_int_equal(call(bench, "echo", &told, error, sizeof(error)),
			 ERR_NOT_RUNNING);
}

static void daemon_that_says_nothing_is_a_timeout(void **state)
{
	struct bench *bench = *state;
	struct json *request = json_new();
	struct told told = {0};
	char error[64];

	/* Nobody runs the loop; the kernel accepts on its behalf. */
	json_set_text(request, "verb", "echo");
	assert_int_equal(control_call(bench->path, request, 1, on_line, &told,
				      error, sizeof(error)),
			 ERR_TIMEOUT);
	json_free(request);
}

#define BENCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(two_clients_get_each_their_own_answer),
		BENCH_TEST(requests_in_one_packet_are_answered_in_order),
		BENCH_TEST(client_that_shut_its_side_still_gets_the_answer),
		BENCH_TEST(garbage_is_answered_and_the_next_request_works),
		BENCH_TEST(huge_line_is_refused_and_ends_the_connection),
		BENCH_TEST(longest_line_is_taken),
		BENCH_TEST(wrong_verb_names_the_known_ones),
		BENCH_TEST(client_that_never_reads_is_dropped_at_one_mib),
		BENCH_TEST(client_that_reads_gets_an_answer_below_one_mib),
		BENCH_TEST(
			client_that_stops_reading_is_dropped_after_ten_seconds),
		BENCH_TEST(late_answer_reaches_the_client_by_its_number),
		BENCH_TEST(client_that_went_away_is_no_longer_found),
		BENCH_TEST(pending_client_may_send_more_than_the_buffer),
		BENCH_TEST(detached_descriptor_belongs_to_the_caller),
		BENCH_TEST(oldest_idle_client_makes_room_for_a_new_one),
		BENCH_TEST(socket_is_for_owner_and_group_only),
		BENCH_TEST(live_socket_is_not_replaced),
		BENCH_TEST(stale_socket_is_replaced),
		BENCH_TEST(file_that_is_no_socket_is_left_alone),
		BENCH_TEST(path_that_is_too_long_is_an_error),
		BENCH_TEST(close_leaves_the_socket_of_a_successor),
		BENCH_TEST(command_line_gets_lines_errors_and_resets),
		BENCH_TEST(change_is_for_root_and_the_owner),
		BENCH_TEST(stranger_cannot_connect),
		BENCH_TEST(group_can_connect),
		BENCH_TEST(without_a_daemon_the_call_says_so),
		BENCH_TEST(daemon_that_says_nothing_is_a_timeout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
