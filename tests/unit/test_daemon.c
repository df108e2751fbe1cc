// SPDX-License-Identifier: BSD-2-Clause
#include "common/daemon.h"
#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

static int setup(void **state)
{
	char *folder = strdup("/tmp/test_daemon.XXXXXX");

	*state = folder;
	return folder && mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	int ret = system(command);
	free(*state);
	return ret;
}

static const char *in(void **state, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", (char *)*state, name);
	return path;
}

/* What the shell sees: the status of the first process, and its stderr. */
static int run(void (*fn)(int pipe_end), char *text, size_t size)
{
	int ends[2], status;
	size_t used = 0;
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		dup2(ends[1], STDERR_FILENO);
		fn(ends[1]);
		_exit(99);
	}
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	while ((n = read(ends[0], text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(ends[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void say(int fd, const char *text)
{
	ssize_t n = write(fd, text, strlen(text));
	(void)n;
}

static void become_ready(int fd)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};

	if (daemon_detach(&daemon) < 0)
		_exit(98);
	say(STDERR_FILENO, "starting;");
	daemon_ready(&daemon);
	say(STDERR_FILENO, "not seen;");
	say(fd, getsid(0) == getpid() ? "own session" : "same session");
	daemon_ready(&daemon); /* again: nothing */
	_exit(7);
}

static void first_process_exits_zero_when_the_second_is_ready(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(run(become_ready, text, sizeof(text)), 0);
	assert_string_equal(text, "starting;own session");
}

static void fail_with_three(int fd)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};

	(void)fd;
	if (daemon_detach(&daemon) < 0)
		_exit(98);
	say(STDERR_FILENO, "cannot start");
	_exit(3);
}

static void error_of_the_start_is_seen_and_its_status_kept(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(run(fail_with_three, text, sizeof(text)), 3);
	assert_string_equal(text, "cannot start");
}

static void end_with_zero(int fd)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};

	(void)fd;
	if (daemon_detach(&daemon) < 0)
		_exit(98);
	_exit(0);
}

static void die_by_signal(int fd)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};

	(void)fd;
	if (daemon_detach(&daemon) < 0)
		_exit(98);
	kill(getpid(), SIGKILL);
}

static void end_before_ready_is_never_success(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(run(end_with_zero, text, sizeof(text)), 1);
	assert_int_equal(run(die_by_signal, text, sizeof(text)), 1);
}

static void ready_without_a_waiter(int fd)
{
	int ends[2];

	if (pipe(ends) < 0)
		_exit(97);
	close(ends[0]);
	struct daemon daemon = {.lock_fd = -1, .ready_fd = ends[1]};
	daemon_ready(&daemon);
	say(fd, "alive");
	_exit(0);
}

static void ready_survives_that_nobody_waits(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(run(ready_without_a_waiter, text, sizeof(text)), 0);
	assert_string_equal(text, "alive");
}

static void foreground_is_ready_without_a_word(void **state)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};

	(void)state;
	daemon_ready(&daemon);
	assert_true(fcntl(STDERR_FILENO, F_GETFD) >= 0);
}

static void second_instance_learns_who_holds_the_lock(void **state)
{
	struct daemon first = {.lock_fd = -1, .ready_fd = -1},
		      second = {.lock_fd = -1, .ready_fd = -1};
	pid_t holder = 0;

	assert_int_equal(daemon_lock(&first, *state, "dnsd", &holder), 0);
	assert_int_equal(daemon_lock(&second, *state, "dnsd", &holder),
			 ERR_RUNNING);
	assert_int_equal(holder, getpid());
	assert_int_equal(second.lock_fd, -1);
	/* Another name is another lock. */
	assert_int_equal(daemon_lock(&second, *state, "routed", &holder), 0);
	daemon_unlock(&second);
	daemon_unlock(&first);
	assert_int_equal(daemon_lock(&second, *state, "dnsd", &holder), 0);
	daemon_unlock(&second);
	daemon_unlock(&second);
}

static pid_t start_holder(const char *run_dir)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	int ready[2];
	pid_t child, holder;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (daemon_lock(&daemon, run_dir, "dnsd", &holder) < 0 ||
		    write(ready[1], "", 1) != 1)
			_exit(EXIT_FAILURE);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

/* A process that was sent SIGKILL has the lock for a moment more. */
static void killed_instance_is_waited_for(void **state)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	pid_t holder;

	for (int i = 0; i < 20; i++) {
		pid_t child = start_holder(*state);

		kill(child, SIGKILL);
		assert_int_equal(daemon_lock(&daemon, *state, "dnsd", &holder),
				 0);
		daemon_unlock(&daemon);
		waitpid(child, NULL, 0);
	}
}

static void unlock_empties_the_file_but_leaves_it(void **state)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	struct stat st;
	pid_t holder;

	assert_int_equal(daemon_lock(&daemon, *state, "dnsd", &holder), 0);
	assert_int_equal(stat(in(state, "dnsd.pid"), &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	daemon_unlock(&daemon);
	assert_int_equal(stat(in(state, "dnsd.pid"), &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void lock_of_one_who_was_killed_is_free(void **state)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	pid_t holder = 0;
	int status;

	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (daemon_lock(&daemon, *state, "dnsd", &holder) == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(daemon_lock(&daemon, *state, "dnsd", &holder), 0);
	daemon_unlock(&daemon);
}

static void link_in_place_of_the_file_is_refused(void **state)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	char victim[PATH_MAX];
	struct stat st;
	pid_t holder;

	strcpy(victim, in(state, "victim"));
	int fd = open(victim, O_CREAT | O_WRONLY, 0600);
	say(fd, "precious");
	close(fd);
	assert_int_equal(symlink(victim, in(state, "dnsd.pid")), 0);
	assert_int_equal(daemon_lock(&daemon, *state, "dnsd", &holder), -ELOOP);
	assert_int_equal(unlink(in(state, "dnsd.pid")), 0);
	assert_int_equal(link(victim, in(state, "dnsd.pid")), 0);
	assert_int_equal(daemon_lock(&daemon, *state, "dnsd", &holder), -EPERM);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 8);
}

static void missing_run_folder_is_an_error(void **state)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	pid_t holder;

	assert_int_equal(
		daemon_lock(&daemon, in(state, "none"), "dnsd", &holder),
		-ENOENT);
}

static void assert_folder(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void folders_are_made_with_their_parents(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(daemon_make_run_dir(in(state, "a/b/run")), 0);
	assert_folder(in(state, "a/b/run"), 0, 0, 0755);
	assert_folder(in(state, "a/b"), 0, 0, 0755);
	assert_int_equal(
		daemon_make_state_dir(in(state, "a/lib"), NOBODY, NOBODY), 0);
	assert_folder(in(state, "a/lib"), NOBODY, NOBODY, 0750);
	/* Again: as it is. */
	assert_int_equal(daemon_make_run_dir(in(state, "a/b/run")), 0);
	assert_folder(in(state, "a/b/run"), 0, 0, 0755);
}

static void empty_or_own_folder_is_mended(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in(state, "run"), 0700), 0);
	assert_int_equal(daemon_make_run_dir(in(state, "run")), 0);
	assert_folder(in(state, "run"), 0, 0, 0755);
	/* Ours, with the wrong owner and too open; others may still read. */
	assert_int_equal(mkdir(in(state, "lib"), 0755), 0);
	assert_int_equal(mkdir(in(state, "lib/x"), 0755), 0);
	assert_int_equal(chown(in(state, "lib"), 0, NOBODY), 0);
	assert_int_equal(chmod(in(state, "lib"), 0777), 0);
	assert_int_equal(
		daemon_make_state_dir(in(state, "lib"), NOBODY, NOBODY), 0);
	assert_folder(in(state, "lib"), NOBODY, NOBODY, 0755);
}

static void folder_of_somebody_else_is_left_alone(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in(state, "etc"), 0700), 0);
	assert_int_equal(mkdir(in(state, "etc/passwd"), 0755), 0);
	assert_int_equal(daemon_make_run_dir(in(state, "etc")), -EPERM);
	assert_int_equal(
		daemon_make_state_dir(in(state, "etc"), NOBODY, NOBODY),
		-EPERM);
	assert_folder(in(state, "etc"), 0, 0, 0700);
}

/* Root's daemon believes what lies in it. */
static void run_folder_that_others_can_write_is_refused(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
	} theirs[] = {
		{0, NOBODY, 01775},
		{0, 0, 0777},
		{0, 0, 01777},
		{NOBODY, 0, 0755},
	};

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in(state, "run"), 0755), 0);
	assert_int_equal(mkdir(in(state, "run/journal"), 0755), 0);
	assert_int_equal(chown(in(state, "run"), 0, 0), 0);
	assert_int_equal(daemon_make_run_dir(in(state, "run")), 0);
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
		assert_int_equal(
			chown(in(state, "run"), theirs[i].uid, theirs[i].gid),
			0);
		assert_int_equal(chmod(in(state, "run"), theirs[i].mode), 0);
		assert_int_equal(daemon_make_run_dir(in(state, "run")), -EPERM);
		assert_folder(in(state, "run"), theirs[i].uid, theirs[i].gid,
			      theirs[i].mode);
	}
}

/* As root: what others may write cannot be what nobody else may write. */
static void run_folder_with_a_lock_is_no_state_folder(void **state)
{
	struct daemon daemon = {.lock_fd = -1, .ready_fd = -1};
	pid_t holder;

	if (geteuid() != 0)
		skip();
	assert_int_equal(daemon_make_run_dir(in(state, "both")), 0);
	assert_int_equal(
		daemon_lock(&daemon, in(state, "both"), "dnsd", &holder), 0);
	assert_int_equal(
		daemon_make_state_dir(in(state, "both"), NOBODY, NOBODY),
		-EPERM);
	daemon_unlock(&daemon);
}

static void link_to_a_folder_is_followed(void **state)
{
	if (geteuid() != 0)
		skip();
	/* State on another disk. */
	assert_int_equal(mkdir(in(state, "real"), 0700), 0);
	assert_int_equal(symlink("real", in(state, "link")), 0);
	assert_int_equal(
		daemon_make_state_dir(in(state, "link"), NOBODY, NOBODY), 0);
	assert_folder(in(state, "real"), NOBODY, NOBODY, 0750);
}

static void file_in_place_of_a_folder_is_an_error(void **state)
{
	int fd = open(in(state, "file"), O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(daemon_make_run_dir(in(state, "file")), -ENOTDIR);
	assert_int_equal(daemon_make_run_dir(in(state, "file/sub")), -ENOTDIR);
}

static void plain_user_needs_a_folder_that_he_can_write(void **state)
{
	int status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(*state, 0755), 0);
	assert_int_equal(mkdir(in(state, "his"), 0700), 0);
	assert_int_equal(chown(in(state, "his"), NOBODY, NOBODY), 0);
	assert_int_equal(mkdir(in(state, "roots"), 0755), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(1);
		if (daemon_make_run_dir(in(state, "his")) != 0)
			_exit(2);
		if (daemon_make_run_dir(in(state, "his/own")) != 0)
			_exit(3);
		if (daemon_make_run_dir(in(state, "roots")) != -EACCES)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define FOLDER_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			first_process_exits_zero_when_the_second_is_ready),
		cmocka_unit_test(
			error_of_the_start_is_seen_and_its_status_kept),
		cmocka_unit_test(end_before_ready_is_never_success),
		cmocka_unit_test(ready_survives_that_nobody_waits),
		cmocka_unit_test(foreground_is_ready_without_a_word),
		FOLDER_TEST(second_instance_learns_who_holds_the_lock),
		FOLDER_TEST(unlock_empties_the_file_but_leaves_it),
		FOLDER_TEST(lock_of_one_who_was_killed_is_free),
		FOLDER_TEST(killed_instance_is_waited_for),
		FOLDER_TEST(link_in_place_of_the_file_is_refused),
		FOLDER_TEST(missing_run_folder_is_an_error),
		FOLDER_TEST(folders_are_made_with_their_parents),
		FOLDER_TEST(empty_or_own_folder_is_mended),
		FOLDER_TEST(folder_of_somebody_else_is_left_alone),
		FOLDER_TEST(run_folder_that_others_can_write_is_refused),
		FOLDER_TEST(run_folder_with_a_lock_is_no_state_folder),
		FOLDER_TEST(link_to_a_folder_is_followed),
		FOLDER_TEST(file_in_place_of_a_folder_is_an_error),
		FOLDER_TEST(plain_user_needs_a_folder_that_he_can_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
