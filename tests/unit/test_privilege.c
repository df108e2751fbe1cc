// SPDX-License-Identifier: BSD-2-Clause
#include "common/privilege.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KEPT                                                         \
	(UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_NET_RAW | \
	 UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_READ_SEARCH)

static char logged[512]; /* the last error */

void __wrap_log_error(const char *fmt, ...);
void __wrap_log_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
}

/* What looking for a user ends with; 0: as the system says. */
static int look_up;

int __real_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
		      size_t size, struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
		      size_t size, struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
		      size_t size, struct passwd **found)
{
	*found = NULL;
	return look_up ? look_up
		       : __real_getpwnam_r(name, entry, buffer, size, found);
}

/* The number behind "CapEff:" in /proc/self/status. */
static uint64_t status_of(const char *key, int base)
{
	FILE *file = fopen("/proc/self/status", "re");
	uint64_t value = UINT64_MAX;
	char line[256];

	if (!file)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key), NULL, base);
	}
	fclose(file);
	return value;
}

/* Privilege does not come back, so each test is a process of its own. */
static int apart(int (*fn)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(fn());
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void user_is_found_by_name(void **state)
{
	struct identity identity = {1, 1};

	(void)state;
	assert_int_equal(identity_find(&identity, "root"), 0);
	assert_int_equal(identity.uid, 0);
	assert_int_equal(identity.gid, 0);
}

static void missing_user_is_told_with_the_command_that_makes_it(void **state)
{
	static const int ways[] = {0, ENOENT, ESRCH};
	struct identity identity;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		look_up = ways[i];
		assert_int_equal(identity_find(&identity, "no-such-user"),
				 -ENOENT);
		assert_non_null(strstr(logged, "useradd"));
		assert_non_null(strstr(logged, "no-such-user"));
		logged[0] = '\0';
	}
	look_up = 0;
}

static void users_that_cannot_be_looked_for_are_told_too(void **state)
{
	struct identity identity;

	(void)state;
	look_up = EIO;
	assert_int_equal(identity_find(&identity, "no-such-user"), -EIO);
	look_up = 0;
	assert_non_null(strstr(logged, "nsswitch.conf"));
}

static int drop_all(void)
{
	static const char *const sets[] = {
		"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
	struct identity nobody;

	if (identity_find(&nobody, "nobody") < 0)
		return 1;
	if (privilege_drop_all(&nobody) < 0)
		return 2;
	for (int i = 0; i < 5; i++) {
		if (status_of(sets[i], 16) != 0)
			return 10 + i;
	}
	if (status_of("NoNewPrivs:", 10) != 1)
		return 3;
	uid_t r, e, s;
	if (getresuid(&r, &e, &s) < 0 || r != nobody.uid || e != nobody.uid ||
	    s != nobody.uid)
		return 4;
	if (getresgid(&r, &e, &s) < 0 || r != nobody.gid || e != nobody.gid ||
	    s != nobody.gid)
		return 5;
	if (getgroups(0, NULL) != 0)
		return 6;
	if (setuid(0) == 0 || setgid(0) == 0)
		return 7;
	/* A second time, as anybody: nothing left to lose. */
	return privilege_drop_all(&nobody) == 0 ? 0 : 8;
}

static void nothing_is_left_after_dropping_all(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(apart(drop_all), 0);
}

static int drop_all_as_user(void)
{
	struct identity nobody;

	if (identity_find(&nobody, "nobody") < 0)
		return 1;
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setgid(nobody.gid) < 0 ||
	     setuid(nobody.uid) < 0))
		return 2;
	if (privilege_drop_all(&nobody) < 0)
		return 3;
	if (status_of("CapEff:", 16) != 0 || status_of("CapPrm:", 16) != 0)
		return 4;
	return status_of("NoNewPrivs:", 10) == 1 ? 0 : 5;
}

static void plain_user_can_drop_too(void **state)
{
	(void)state;
	assert_int_equal(apart(drop_all_as_user), 0);
}

static int keep_network(void)
{
	const gid_t group = 65534;
	gid_t groups[2];

	if (privilege_keep_network(group) < 0)
		return 1;
	if (status_of("CapEff:", 16) != KEPT ||
	    status_of("CapPrm:", 16) != KEPT)
		return 2;
	if (status_of("CapBnd:", 16) != KEPT)
		return 3;
	if (status_of("CapInh:", 16) != 0 || status_of("CapAmb:", 16) != 0)
		return 4;
	if (status_of("NoNewPrivs:", 10) != 1)
		return 5;
	if (geteuid() != 0 || getgroups(2, groups) != 1 || groups[0] != group)
		return 6;
	/* Used, and lost: a raw socket; another user. */
	int fd = socket(AF_INET, SOCK_RAW, 1);
	if (fd < 0)
		return 7;
	close(fd);
	return setuid(1) < 0 && errno == EPERM ? 0 : 8;
}

static void parent_keeps_the_three_and_no_more(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(apart(keep_network), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_is_found_by_name),
		cmocka_unit_test(
			missing_user_is_told_with_the_command_that_makes_it),
		cmocka_unit_test(users_that_cannot_be_looked_for_are_told_too),
		cmocka_unit_test(nothing_is_left_after_dropping_all),
		cmocka_unit_test(plain_user_can_drop_too),
		cmocka_unit_test(parent_keeps_the_three_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
