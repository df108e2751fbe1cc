// SPDX-License-Identifier: BSD-2-Clause
/*
 * The arguments are such that nothing happens to a machine where the call is
 * allowed, not even for root: a null pointer, a descriptor or a number that
 * there is not.
 */
#include "tests/unit/forbidden_fixture.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define VIOLATION 159
#define WENT_ON 7
#define NOWHERE (-1L)

#define CALL(name, ...)                                  \
	static long make_##name(void)                    \
	{                                                \
		return syscall(SYS_##name, __VA_ARGS__); \
	}

CALL(execve, NULL, NULL, NULL)
CALL(execveat, NOWHERE, NULL, NULL, NULL, 0)
CALL(ptrace, NOWHERE, NOWHERE, NULL, NULL)
CALL(process_vm_readv, NOWHERE, NULL, 0, NULL, 0, 0)
CALL(process_vm_writev, NOWHERE, NULL, 0, NULL, 0, 0)
CALL(pidfd_open, NOWHERE, 0)
CALL(pidfd_getfd, NOWHERE, NOWHERE, 0)
CALL(mount, NULL, NULL, NULL, 0, NULL)
CALL(umount2, NULL, 0)
CALL(pivot_root, NULL, NULL)
CALL(chroot, NULL)
CALL(setns, NOWHERE, 0)
CALL(unshare, 0)
CALL(bpf, NOWHERE, NULL, 0)
CALL(perf_event_open, NULL, 0, NOWHERE, NOWHERE, 0)
CALL(io_uring_setup, 0, NULL)
CALL(userfaultfd, NOWHERE)
CALL(keyctl, NOWHERE, 0, 0, 0, 0)
CALL(add_key, NULL, NULL, NULL, 0, 0)
CALL(request_key, NULL, NULL, NULL, 0)
CALL(init_module, NULL, 0, NULL)
CALL(finit_module, NOWHERE, NULL, 0)
CALL(delete_module, NULL, 0)
CALL(kexec_load, 0, NOWHERE, NULL, 0)
CALL(reboot, 0, 0, 0, NULL)
CALL(clock_settime, NOWHERE, NULL)
CALL(swapon, NULL, 0)
CALL(acct, "")
CALL(open_by_handle_at, NOWHERE, NULL, 0)
CALL(mknodat, NOWHERE, NULL, 0, 0)
CALL(setuid, getuid())
CALL(setgroups, NOWHERE, NULL)
CALL(capset, NULL, NULL)
CALL(personality, 0xffffffff)
CALL(sethostname, NULL, NOWHERE)

/* A process of its own, which ends at once. */
static long make_clone(void)
{
	long child = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);

	if (child == 0)
		_exit(0);
	return child;
}

/* No harm: SIGCONT to one who runs. */
static long make_kill(void)
{
	return kill(getppid(), SIGCONT);
}

static long make_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* Types a letter at a terminal: so a program reaches the shell around it. */
static long make_ioctl(void)
{
	return ioctl(-1, TIOCSTI, "x");
}

/* The kernel looks at the lower half. */
static long make_long_ioctl(void)
{
	return syscall(SYS_ioctl, NOWHERE, (1L << 32) | TIOCSTI, "x");
}

static long make_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0);
}

static long make_crypto_socket(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static long make_audit_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
}

static long make_header_option(void)
{
	const int on = 1;

	return setsockopt(-1, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on));
}

static long make_header_option6(void)
{
	const int on = 1;

	return setsockopt(-1, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on));
}

#define ROW(name)                         \
	{                                 \
#name, make_##name, false \
	}
#define ROW_OF_SANITIZERS(name)          \
	{                                \
#name, make_##name, true \
	}

const struct forbidden_call forbidden_calls[] = {
	ROW(execve),
	ROW(execveat),
	ROW_OF_SANITIZERS(ptrace),
	ROW_OF_SANITIZERS(process_vm_readv),
	ROW(process_vm_writev),
	ROW(pidfd_open),
	ROW(pidfd_getfd),
	ROW(mount),
	ROW(umount2),
	ROW(pivot_root),
	ROW(chroot),
	ROW(setns),
	ROW(unshare),
	ROW(bpf),
	ROW(perf_event_open),
	ROW(io_uring_setup),
	ROW(userfaultfd),
	ROW(keyctl),
	ROW(add_key),
	ROW(request_key),
	ROW(init_module),
	ROW(finit_module),
	ROW(delete_module),
	ROW(kexec_load),
	ROW(reboot),
	ROW(clock_settime),
	ROW(swapon),
	ROW(acct),
	ROW(open_by_handle_at),
	ROW(mknodat),
	ROW(setuid),
	ROW(setgroups),
	ROW(capset),
	ROW_OF_SANITIZERS(personality),
	ROW(sethostname),
	ROW_OF_SANITIZERS(clone),
	ROW_OF_SANITIZERS(kill),
	ROW_OF_SANITIZERS(prctl),
	ROW_OF_SANITIZERS(ioctl),
	{"ioctl", make_long_ioctl, true},
	{"socket", make_packet_socket, false},
	{"socket", make_crypto_socket, false},
	{"socket", make_audit_socket, false},
	{"setsockopt", make_header_option, false},
	{"setsockopt", make_header_option6, false},
	{NULL, NULL, false},
};

static void be_child(int out, long (*make)(void), void (*enter)(void))
{
	dup2(out, STDERR_FILENO);
	if (enter)
		enter();
	(void)make();
	_exit(WENT_ON);
}

/* How it ended, as wait(2) has it, and what it said. */
static int run(long (*make)(void), void (*enter)(void), char *said, size_t size)
{
	size_t used = 0;
	ssize_t n;
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		be_child(ends[1], make, enter);
	close(ends[1]);
	while ((n = read(ends[0], said + used, size - 1 - used)) > 0)
		used += (size_t)n;
	said[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

bool forbidden_kills(const struct forbidden_call *call, void (*enter)(void))
{
	char said[4096], quoted[64];
	int status = run(call->make, enter, said, sizeof(said));

	if (WIFEXITED(status) && WEXITSTATUS(status) == WENT_ON)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != VIOLATION)
		fail_msg("%s: status %d, '%s'", call->name, status, said);
	snprintf(quoted, sizeof(quoted), "'%s'", call->name);
	if (!strstr(said, quoted) || !strchr(said, '\n'))
		fail_msg("%s: said '%s'", call->name, said);
	return true;
}

void forbidden_all_kill(const struct forbidden_call *calls, void (*enter)(void))
{
	for (; calls->name; calls++) {
#ifdef __SANITIZE_ADDRESS__
		if (calls->is_sanitizers)
			continue;
#endif
		if (forbidden_kills(calls, NULL))
			fail_msg("%s kills by itself", calls->name);
		if (!forbidden_kills(calls, enter))
			fail_msg("%s is allowed", calls->name);
	}
}

static void *set_flag(void *flag)
{
	*(bool *)flag = true;
	return NULL;
}

/* What is wrong, or 0. */
static long live(void)
{
	bool has_run = false;
	pthread_t thread;
	char *large = malloc(1 << 24);

	if (!large || pthread_create(&thread, NULL, set_flag, &has_run) != 0)
		_exit(1);
	memset(large, 1, 1 << 24);
	large = realloc(large, 1 << 25);
	free(large);
	pthread_join(thread, NULL);
	FILE *file = fopen("/proc/self/status", "re");
	if (!has_run || !file)
		_exit(2);
	fclose(file);
	if (socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ||
	    socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0) < 0 ||
	    socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) < 0)
		_exit(3);
	/* There is one, but a filter cannot look into what it is told. */
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		_exit(4);
	return 0;
}

static long end_badly(void)
{
	abort();
}

void forbidden_usual_is_allowed(void (*enter)(void))
{
	char said[4096];
	int status = run(live, enter, said, sizeof(said));

	if (!WIFEXITED(status) || WEXITSTATUS(status) != WENT_ON)
		fail_msg("status %d, '%s'", status, said);
	status = run(end_badly, enter, said, sizeof(said));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
