// SPDX-License-Identifier: BSD-2-Clause
#include "routed/unix_listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static uint32_t read_text(const char *text, const char *path)
{
	char copy[1024];
	FILE *in;
	uint32_t inode;

	snprintf(copy, sizeof(copy), "%s", text);
	in = fmemopen(copy, strlen(copy), "r");
	assert_non_null(in);
	inode = unix_listener_read(in, path);
	fclose(in);
	return inode;
}

static void only_a_listener_of_that_very_path_counts(void **state)
{
	static const char table[] =
		"Num       RefCount Protocol Flags    Type St Inode Path\n"
		"0000000000000000: 00000003 00000000 00000000 0001 03 11 "
		"/run/a\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 12 "
		"/run/a\n"
		"ffff888000000000: 00000002 00000000 00010000 0001 01 13 "
		"/run/a b\n"
		"0000000000000000: 00000003 00000000 00000000 0001 03 14\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 15 "
		"/run/b\n";

	(void)state;
	assert_int_equal(read_text(table, "/run/a"), 12);
	assert_int_equal(read_text(table, "/run/a b"), 13);
	assert_int_equal(read_text(table, "/run/b"), 15);
	assert_int_equal(read_text(table, "/run"), 0);
	assert_int_equal(read_text("\n:\nx: y\n", "/run"), 0);
}

static void a_real_one_is_found_through_a_link_too(void **state)
{
	char folder[] = "/tmp/test-unix-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat file;
	char link[64];
	uint32_t inode;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
		 folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(symlink(address.sun_path, link), 0);
	assert_int_equal(unix_listener_find(link, &inode), 0);
	assert_int_equal(inode, 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(fstat(fd, &file), 0);
	assert_int_equal(unix_listener_find(address.sun_path, &inode), 0);
	assert_int_equal(inode, file.st_ino);
	assert_int_equal(unix_listener_find(link, &inode), 0);
	assert_int_equal(inode, file.st_ino);
	close(fd);
	assert_int_equal(unix_listener_find(link, &inode), 0);
	assert_int_equal(inode, 0);
	unlink(link);
	unlink(address.sun_path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_listener_of_that_very_path_counts),
		cmocka_unit_test(a_real_one_is_found_through_a_link_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
