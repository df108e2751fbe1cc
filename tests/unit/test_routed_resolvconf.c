// SPDX-License-Identifier: BSD-2-Clause
#include "routed/resolvconf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BEFORE                                                       \
	"# by hand\nsearch example.com lan\nnameserver 192.0.2.53\n" \
	"options edns0 trust-ad\n"

struct fixture {
	char folder[40];
	char path[64], run[64], before[96], link[96], target[64];
	struct resolvconf conf;
	char text[2048]; /* of the last read */
};

static const struct endpoint servers[] = {
	{{ADDR_IPV4, {127, 0, 0, 1}}, 5353},
	{{ADDR_IPV4, {127, 0, 0, 1}}, 53},
	{{ADDR_IPV6, {0}}, 53},
};

static const char *read_file(struct fixture *f, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t length;

	if (!file)
		return "(none)";
	length = fread(f->text, 1, sizeof(f->text) - 1, file);
	f->text[length] = '\0';
	fclose(file);
	return f->text;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/test_resolvconf.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/resolv.conf", f->folder);
	snprintf(f->target, sizeof(f->target), "%s/stub", f->folder);
	snprintf(f->run, sizeof(f->run), "%s/run", f->folder);
	snprintf(f->before, sizeof(f->before), "%s/" RESOLVCONF_BEFORE, f->run);
	snprintf(f->link, sizeof(f->link), "%s/" RESOLVCONF_LINK, f->run);
	assert_int_equal(mkdir(f->run, 0755), 0);
	f->conf.path = f->path;
	f->conf.run_dir = f->run;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->before);
	unlink(f->link);
	unlink(f->path);
	unlink(f->target);
	assert_int_equal(rmdir(f->run), 0);
	/* Nothing of ours may be left beside it. */
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static int take(struct fixture *f)
{
	return resolvconf_take(&f->conf, servers, 3);
}

static void file_is_ours_and_then_as_before(void **state)
{
	struct fixture *f = *state;
	struct stat was, is;
	char start[256];

	write_file(f->path, BEFORE);
	assert_int_equal(chmod(f->path, 0640), 0);
	assert_int_equal(stat(f->path, &was), 0);
	assert_int_equal(take(f), 0);
	assert_true(resolvconf_is_ours(&f->conf));
	snprintf(start, sizeof(start),
		 "# Written by routed (ersatz); the original is %s\n"
		 "nameserver 127.0.0.1\nnameserver ::1\n"
		 "search example.com lan\noptions edns0 trust-ad\n",
		 f->before);
	assert_memory_equal(read_file(f, f->path), start, strlen(start));
	assert_int_equal(stat(f->path, &is), 0);
	assert_int_equal(is.st_mode & 07777, 0644);
	assert_string_equal(read_file(f, f->before), BEFORE);
	assert_int_equal(resolvconf_give_back(&f->conf), 1);
	assert_string_equal(read_file(f, f->path), BEFORE);
	assert_int_equal(stat(f->path, &is), 0);
	assert_int_equal(is.st_mode, was.st_mode);
	assert_int_equal(is.st_uid, was.st_uid);
	assert_int_equal(is.st_gid, was.st_gid);
	assert_int_equal(is.st_mtim.tv_sec, was.st_mtim.tv_sec);
	assert_int_equal(is.st_mtim.tv_nsec, was.st_mtim.tv_nsec);
	assert_int_equal(access(f->before, F_OK), -1);
	assert_int_equal(resolvconf_give_back(&f->conf), 0);
}

static void link_is_a_link_again(void **state)
{
	struct fixture *f = *state;
	char target[64] = "";
	struct stat st;

	write_file(f->target, BEFORE);
	assert_int_equal(symlink("stub", f->path), 0);
	assert_int_equal(take(f), 0);
	assert_int_equal(lstat(f->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_string_equal(read_file(f, f->target), BEFORE);
	assert_string_equal(read_file(f, f->before), BEFORE);
	assert_int_equal(resolvconf_give_back(&f->conf), 1);
	assert_int_equal(readlink(f->path, target, sizeof(target) - 1), 4);
	assert_string_equal(target, "stub");
}

static void link_into_nothing_and_nothing_at_all(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(symlink("nowhere", f->path), 0);
	assert_int_equal(take(f), 0);
	assert_int_equal(resolvconf_give_back(&f->conf), 1);
	assert_int_equal(lstat(f->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(f->path);
	assert_int_equal(take(f), 0);
	assert_true(resolvconf_is_ours(&f->conf));
	assert_int_equal(resolvconf_give_back(&f->conf), 1);
	assert_int_equal(lstat(f->path, &st), -1);
}

static void what_others_wrote_since_stays(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, BEFORE);
	assert_int_equal(take(f), 0);
	write_file(f->path, "nameserver 9.9.9.9\n");
	assert_int_equal(resolvconf_give_back(&f->conf), 0);
	assert_string_equal(read_file(f, f->path), "nameserver 9.9.9.9\n");
	assert_int_equal(access(f->before, F_OK), -1);
}

static void taken_twice_still_knows_the_original(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, BEFORE);
	assert_int_equal(take(f), 0);
	assert_int_equal(resolvconf_take(&f->conf, servers + 2, 1), 0);
	assert_non_null(strstr(read_file(f, f->path), "nameserver ::1\n"));
	assert_null(strstr(f->text, "nameserver 127.0.0.1\n"));
	assert_string_equal(read_file(f, f->before), BEFORE);
	assert_int_equal(resolvconf_give_back(&f->conf), 1);
	assert_string_equal(read_file(f, f->path), BEFORE);
}

/* After a power cut the run folder is empty and our file is still there. */
static void original_is_in_the_file_too(void **state)
{
	static const char *const originals[] = {
		BEFORE,
		"",
		"\n",
		"nameserver 192.0.2.1",
		"a\n\n\nb",
		"#| odd\n#|\n# The original, should that be gone: none\n",
	};
	struct fixture *f = *state;
	struct stat was, is;

	for (size_t i = 0; i < ARRAY_LEN(originals); i++) {
		write_file(f->path, originals[i]);
		assert_int_equal(chmod(f->path, 0600), 0);
		assert_int_equal(stat(f->path, &was), 0);
		assert_int_equal(take(f), 0);
		assert_int_equal(unlink(f->before), 0);
		/* A second start, and dnsd needs it there again. */
		assert_int_equal(take(f), 0);
		assert_string_equal(read_file(f, f->before), originals[i]);
		assert_int_equal(unlink(f->before), 0);
		assert_int_equal(resolvconf_give_back(&f->conf), 1);
		assert_string_equal(read_file(f, f->path), originals[i]);
		assert_int_equal(stat(f->path, &is), 0);
		assert_int_equal(is.st_mode, was.st_mode);
		assert_int_equal(is.st_mtim.tv_nsec, was.st_mtim.tv_nsec);
	}
	unlink(f->path);
	assert_int_equal(symlink("stub", f->path), 0);
	assert_int_equal(take(f), 0);
	assert_int_equal(unlink(f->before), 0);
	assert_int_equal(unlink(f->link), 0);
	assert_int_equal(resolvconf_give_back(&f->conf), 1);
	assert_int_equal(lstat(f->path, &is), 0);
	assert_true(S_ISLNK(is.st_mode));
}

static void file_of_ours_that_was_cut_is_not_guessed(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, RESOLVCONF_MARK "/nowhere\nnameserver ::1\n");
	assert_int_equal(resolvconf_give_back(&f->conf), -EBADMSG);
	assert_true(resolvconf_is_ours(&f->conf));
}

static void port_other_than_53_is_no_nameserver(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, BEFORE);
	assert_int_equal(resolvconf_take(&f->conf, servers, 1), -ENOENT);
	assert_string_equal(read_file(f, f->path), BEFORE);
}

static void huge_file_is_left_alone(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "x");
	assert_int_equal(truncate(f->path, RESOLVCONF_BYTES_MAX + 1), 0);
	assert_int_equal(take(f), -EFBIG);
	assert_int_equal(access(f->before, F_OK), -1);
}

/* As "ip netns exec" and containers do it. */
static int take_mounted(struct fixture *f)
{
	int ret;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(f->target, f->path, NULL, MS_BIND, NULL) < 0)
		return 77;
	ret = take(f);
	if (ret < 0 || !resolvconf_is_ours(&f->conf))
		return 1;
	if (resolvconf_give_back(&f->conf) != 1)
		return 2;
	return strcmp(read_file(f, f->path), BEFORE) ? 3 : 0;
}

/* As an administrator does who wants it left alone. */
static int take_mounted_read_only(struct fixture *f)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(f->target, f->path, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, f->path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		return 77;
	return take(f) == -EROFS ? 0 : 1;
}

static void file_that_cannot_be_taken_leaves_nothing_saved(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	write_file(f->path, "");
	write_file(f->target, BEFORE);
	pid = fork();
	if (pid == 0)
		_exit(take_mounted_read_only(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	assert_string_equal(read_file(f, f->target), BEFORE);
	assert_int_equal(access(f->before, F_OK), -1);
}

static void mounted_file_is_written_in_place(void **state)
{
	struct fixture *f = *state;
	struct stat was, is;
	int status;
	pid_t pid;

	write_file(f->path, "");
	write_file(f->target, BEFORE);
	assert_int_equal(stat(f->target, &was), 0);
	pid = fork();
	if (pid == 0)
		_exit(take_mounted(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	assert_string_equal(read_file(f, f->target), BEFORE);
	assert_int_equal(stat(f->target, &is), 0);
	assert_int_equal(is.st_ino, was.st_ino);
	assert_int_equal(is.st_mtim.tv_nsec, was.st_mtim.tv_nsec);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(file_is_ours_and_then_as_before),
		CLAIM(link_is_a_link_again),
		CLAIM(link_into_nothing_and_nothing_at_all),
		CLAIM(what_others_wrote_since_stays),
		CLAIM(taken_twice_still_knows_the_original),
		CLAIM(original_is_in_the_file_too),
		CLAIM(file_of_ours_that_was_cut_is_not_guessed),
		CLAIM(port_other_than_53_is_no_nameserver),
		CLAIM(huge_file_is_left_alone),
		CLAIM(file_that_cannot_be_taken_leaves_nothing_saved),
		CLAIM(mounted_file_is_written_in_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
