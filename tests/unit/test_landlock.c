// SPDX-License-Identifier: BSD-2-Clause
/*
 * A child tries all that may be taken away, once before and once after: what
 * fails after and not before, Landlock has refused.
 */
#include "common/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_landlock.XXXXXX";
static int port_of_others = -1;
static struct sockaddr_un abstract = {.sun_family = AF_UNIX};

static int make(const char *where, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", folder, where, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int write_there(const char *where)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/there", folder, where);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int remove_one(const char *where, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", folder, where, name);
	return unlink(path) < 0 ? -errno : 0;
}

static int read_there(const char *where)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/there", folder, where);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* 0 if it is executed: a child of its own. */
static int execute(void)
{
	char *const argv[] = {(char[]){"true"}, NULL};
	int status;
	pid_t child = fork();

	if (child == 0) {
		execv("/bin/true", argv);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return -WEXITSTATUS(status);
}

static int bind_tcp(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret =
		bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ? -errno : 0;

	close(fd);
	return ret;
}

static int connect_abstract(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret =
		connect(fd, (struct sockaddr *)&abstract, sizeof(abstract)) < 0
			? -errno
			: 0;

	close(fd);
	return ret;
}

/* What is not as `is_free` says; 0: all is. */
static int look(bool is_free, int version)
{
	const int refused = is_free ? 0 : -EACCES;

	if (make("elsewhere", "new") != refused)
		return 1;
	if (write_there("elsewhere") != refused)
		return 2;
	if (read_there("elsewhere") != 0)
		return 3;
	if (make("append", "new") != 0 || write_there("append") != 0)
		return 4;
	if (remove_one("append", "new") != refused)
		return 5;
	if (make("change", "new") != 0 || remove_one("change", "new") != 0)
		return 6;
	if (execute() != refused)
		return 7;
	if (version >= 4 && bind_tcp() != refused)
		return 8;
	if (version >= 6 && kill(getppid(), 0) != (is_free ? 0 : -1))
		return 9;
	if (version >= 6 && connect_abstract() != (is_free ? 0 : -EPERM))
		return 10;
	return 0;
}

static int confined(int version)
{
	char append[256], change[256];
	const struct landlock_place places[] = {
		{append, LANDLOCK_APPEND},
		{change, LANDLOCK_CHANGE},
		{"/not/there", LANDLOCK_CHANGE},
		{"/dev/null", LANDLOCK_WRITE},
	};

	snprintf(append, sizeof(append), "%s/append", folder);
	snprintf(change, sizeof(change), "%s/change", folder);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	int wrong = look(true, version);
	if (wrong)
		return 100 + wrong;
	if (landlock_enter(places, 4, false) != version)
		return 50;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return 51;
	close(null);
	return look(false, version);
}

static void what_is_not_named_is_taken_away(void **state)
{
	int version = landlock_version(), status;

	(void)state;
	if (version < 3) /* truncating a file that is there is not refused */
		skip();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(confined(version));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int listening_is_left(void)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return landlock_enter(NULL, 0, true) < 0 || bind_tcp() != 0;
}

static void who_may_listen_does(void **state)
{
	int status;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(listening_is_left());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int set_up(void **state)
{
	static const char *const names[] = {"elsewhere", "append", "change"};
	char path[256];

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (mkdir(path, 0700) < 0 || make(names[i], "there") < 0)
			return -1;
	}
	snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1,
		 "test_landlock.%d", (int)getpid());
	port_of_others = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(port_of_others, (struct sockaddr *)&abstract,
		    sizeof(abstract)) < 0 ||
	       listen(port_of_others, 8) < 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"elsewhere", "append", "change"};
	char path[256];

	(void)state;
	close(port_of_others);
	for (size_t i = 0; i < 3; i++) {
		(void)remove_one(names[i], "there");
		(void)remove_one(names[i], "new");
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		rmdir(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_named_is_taken_away),
		cmocka_unit_test(who_may_listen_does),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
