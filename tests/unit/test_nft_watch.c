// SPDX-License-Identifier: BSD-2-Clause
/*
 * With the real kernel, in a network namespace of this process alone; without
 * the privilege to make one there is nothing to test.
 */
#include "routed/nft_watch.h"

#include "routed/nft.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct ev_loop *loop;
	struct nft_watch *watch;
	unsigned calls;
};

static void on_change(void *ctx)
{
	struct fixture *f = ctx;

	f->calls++;
}

static int setup(void **state)
{
	static struct fixture f;

	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	f.loop = ev_loop_new(0);
	if (!f.loop || nft_watch_open(&f.watch, f.loop, on_change, &f) < 0)
		return -1;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	nft_watch_close(f->watch);
	ev_loop_destroy(f->loop);
	return 0;
}

static pid_t change_by_another_process(void)
{
	char error[NFT_ERROR_SIZE];
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(nft_run("add table inet theirs\n", error, sizeof(error)) <
		      0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return pid;
}

static void changes_of_others_are_told_and_our_own_are_not(void **state)
{
	struct fixture *f = *state;
	char error[NFT_ERROR_SIZE] = "";
	uint32_t changer;
	pid_t pid;

	if (!f)
		skip();
	pid = change_by_another_process();
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->calls, 1);
	assert_string_equal(nft_watch_changer(f->watch, &changer),
			    "test_nft_watch");
	/* In a process namespace of our own the kernel's number is another. */
	if (changer != (uint32_t)pid)
		skip();
	assert_int_equal(nft_run("add table inet ours\n", error, sizeof(error)),
			 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			changes_of_others_are_told_and_our_own_are_not),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
