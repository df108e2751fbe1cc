// SPDX-License-Identifier: BSD-2-Clause
#include "routed/owner.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int open_socket(uint32_t *inode)
{
	struct stat st;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*inode = (uint32_t)st.st_ino;
	return fd;
}

/* A child that has the socket while this process has it no more. */
static pid_t give_away(int fd)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ready[0]);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(fd);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void own_socket_is_found_with_program_and_user(void **state)
{
	struct owner owner;
	char exe[PATH_MAX] = "";
	uint32_t inode;
	int fd = open_socket(&inode);

	(void)state;
	assert_int_equal(owner_find(&owner, inode), 0);
	assert_int_equal(owner.pid, getpid());
	assert_int_equal(owner.uid, geteuid());
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_string_equal(owner.exe, exe);
	assert_true(owner_program_has(exe, geteuid(), inode));
	assert_false(owner_program_has(exe, geteuid() + 1, inode));
	assert_false(owner_program_has("/bin/sh", geteuid(), inode));
	close(fd);
}

static void socket_of_nobody_is_no_entry(void **state)
{
	struct owner owner;
	uint32_t inode;

	(void)state;
	close(open_socket(&inode));
	assert_int_equal(owner_find(&owner, inode), -ENOENT);
	assert_false(owner_family_has(getpid(), inode));
}

static void socket_of_a_descendant_belongs_to_the_family(void **state)
{
	uint32_t inode;
	int fd = open_socket(&inode);
	pid_t child = give_away(fd);

	(void)state;
	assert_true(owner_family_has(getpid(), inode));
	assert_true(owner_family_has(child, inode));
	end_child(child);
}

static void socket_of_a_parent_is_not_its_childs(void **state)
{
	uint32_t inode;
	int before = open_socket(&inode);
	close(before);
	pid_t child = give_away(open_socket(&inode));
	uint32_t mine;
	int fd = open_socket(&mine);

	(void)state;
	assert_true(owner_family_has(getpid(), mine));
	assert_false(owner_family_has(child, mine));
	close(fd);
	end_child(child);
}

static void first_of_those_who_share_a_socket_is_the_owner(void **state)
{
	struct owner owner;
	uint32_t inode;
	int fd = open_socket(&inode);
	pid_t child = give_away(dup(fd));

	(void)state;
	/* The parent's number is the lower one until they begin anew. */
	assert_int_equal(owner_find(&owner, inode), 0);
	assert_int_equal(owner.pid, child < getpid() ? child : getpid());
	close(fd);
	assert_int_equal(owner_find(&owner, inode), 0);
	assert_int_equal(owner.pid, child);
	end_child(child);
}

static void inodes_of_a_family_are_all_there(void **state)
{
	static uint32_t inodes[OWNER_INODES_MAX];
	uint32_t mine, childs;
	bool has_mine = false, has_childs = false;
	int fd = open_socket(&mine);
	pid_t child = give_away(open_socket(&childs));
	int n = owner_inodes(getpid(), inodes, OWNER_INODES_MAX);

	(void)state;
	assert_true(n >= 2);
	for (int i = 0; i < n; i++) {
		has_mine |= inodes[i] == mine;
		has_childs |= inodes[i] == childs;
	}
	assert_true(has_mine);
	assert_true(has_childs);
	assert_int_equal(owner_inodes(getpid(), inodes, 1), 1);
	close(fd);
	end_child(child);
}

static void process_that_is_gone_is_no_process(void **state)
{
	struct owner owner;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(owner_read(&owner, pid), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_socket_is_found_with_program_and_user),
		cmocka_unit_test(socket_of_nobody_is_no_entry),
		cmocka_unit_test(socket_of_a_descendant_belongs_to_the_family),
		cmocka_unit_test(socket_of_a_parent_is_not_its_childs),
		cmocka_unit_test(
			first_of_those_who_share_a_socket_is_the_owner),
		cmocka_unit_test(inodes_of_a_family_are_all_there),
		cmocka_unit_test(process_that_is_gone_is_no_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
