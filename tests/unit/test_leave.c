// SPDX-License-Identifier: BSD-2-Clause
/* (What it does to TUNs is seen in test_inner.c.) */
#include "routed/relay/leave.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static ino_t inode_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_ino;
}

/* Whichever of them was opened first. */
static void the_tun_gets_the_higher_number(void **state)
{
	int pair[2], tun, inner;
	ino_t inodes[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	tun = pair[0] < pair[1] ? pair[0] : pair[1];
	inner = pair[0] < pair[1] ? pair[1] : pair[0];
	inodes[0] = inode_of(tun);
	inodes[1] = inode_of(inner);
	for (int i = 0; i < 2; i++) {
		leave_in_order(&tun, &inner);
		assert_true(tun > inner);
		assert_int_equal(inode_of(tun), inodes[0]);
		assert_int_equal(inode_of(inner), inodes[1]);
		assert_int_equal(fcntl(tun, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(inner, F_GETFD), FD_CLOEXEC);
	}
	close(tun);
	close(inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tun_gets_the_higher_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
