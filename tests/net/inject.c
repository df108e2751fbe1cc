// SPDX-License-Identifier: BSD-2-Clause
/*
 * inject - makes another process make a system call, as if it were hostile.
 *
 *	inject PID NUMBER [ARGUMENT...]
 *
 * The call is made by the main thread of that process, with its user, its
 * capabilities, its filters and its descriptors; then the process goes on as
 * if nothing had been.  An ARGUMENT is a number, or bytes that the process
 * gets in its stack: x:HEX, or o:COUNT for room whose content is told.
 *
 * Prints the result, a negative errno included, and what is in the room; or
 * "killed" when the call was answered with SIGSYS.
 *
 * Exit status: 0, 1 if that cannot be done, 77 on machines it does not know.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum { ARGUMENTS = 6, SPACE = 1024, BELOW = 16384, TRIES = 1000 };

struct room {
	unsigned long at;
	size_t size;
};

static void fail(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int wait_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		fail("the process has not stopped");
	return WSTOPSIG(status) & 0x7f;
}

static void get_registers(pid_t pid, struct user_regs_struct *registers)
{
	if (ptrace(PTRACE_GETREGS, pid, NULL, registers) < 0)
		fail("cannot get registers");
}

static void set_registers(pid_t pid, const struct user_regs_struct *registers)
{
	if (ptrace(PTRACE_SETREGS, pid, NULL, registers) < 0)
		fail("cannot set registers");
}

/* Stops it where it waits: behind an instruction that makes a call. */
static void stop_in_call(pid_t pid, struct user_regs_struct *registers)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD) < 0)
		fail("cannot trace");
	for (int i = 0; i < TRIES; i++) {
		if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
			fail("cannot interrupt");
		(void)wait_stop(pid);
		get_registers(pid, registers);
		long code = ptrace(PTRACE_PEEKTEXT, pid, registers->rip - 2, 0);
		if ((code & 0xffff) == 0x050f)
			return;
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		usleep(1000);
	}
	errno = EBUSY;
	fail("it never waits");
}

static size_t read_hex(const char *text, unsigned char *bytes)
{
	size_t n = 0;
	unsigned int byte;

	for (; n < SPACE && sscanf(text, "%2x", &byte) == 1; text += 2)
		bytes[n++] = (unsigned char)byte;
	return n;
}

/* The value of an argument, whose bytes are there now. */
static unsigned long place(pid_t pid, const char *text, unsigned long at,
			   struct room *room)
{
	unsigned char bytes[SPACE] = {0};
	struct iovec local = {.iov_base = bytes, .iov_len = SPACE};
	struct iovec remote = {.iov_base = (void *)at, .iov_len = SPACE};

	if (text[0] != '\0' && text[1] == ':') {
		if (text[0] == 'x')
			(void)read_hex(text + 2, bytes);
		else
			*room = (struct room){at, strtoul(text + 2, NULL, 0)};
		if (process_vm_writev(pid, &local, 1, &remote, 1, 0) != SPACE)
			fail("cannot write its memory");
		return at;
	}
	return (unsigned long)strtoll(text, NULL, 0);
}

static void print_room(pid_t pid, const struct room *room)
{
	unsigned char bytes[SPACE];
	struct iovec local = {.iov_base = bytes, .iov_len = room->size};
	struct iovec remote = {.iov_base = (void *)room->at,
			       .iov_len = room->size};

	if (room->size == 0 || room->size > SPACE)
		return;
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0)
		fail("cannot read its memory");
	putchar(' ');
	for (size_t i = 0; i < room->size; i++)
		printf("%02x", bytes[i]);
}

static int has_pending(pid_t pid, int signal)
{
	unsigned long set = 0;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		fail("cannot look at it");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "SigPnd: %lx", &set) == 1)
			break;
	}
	fclose(file);
	return (set >> (signal - 1)) & 1;
}

/* To the end of the call; false if it has been answered with SIGSYS. */
static int go(pid_t pid)
{
	for (int i = 0; i < 2; i++) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
			fail("cannot go on");
		(void)wait_stop(pid);
	}
	if (!has_pending(pid, SIGSYS))
		return 1;
	if (ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		fail("cannot let go");
	return 0;
}

int main(int argc, char **argv)
{
	struct user_regs_struct before, during;
	unsigned long arguments[ARGUMENTS] = {0};
	struct room room = {0};

	if (argc < 3 || argc > 3 + ARGUMENTS) {
		fputs("usage: inject PID NUMBER [ARGUMENT...]\n", stderr);
		return 1;
	}
	pid_t pid = (pid_t)atoi(argv[1]);
	stop_in_call(pid, &before);
	during = before;
	for (int i = 3; i < argc; i++)
		arguments[i - 3] = place(
			pid, argv[i],
			before.rsp - BELOW + (unsigned long)(i * SPACE), &room);
	during.orig_rax = (unsigned long)-1; /* what waits is not made again */
	during.rax = strtoul(argv[2], NULL, 0);
	during.rip -= 2;
	during.rdi = arguments[0];
	during.rsi = arguments[1];
	during.rdx = arguments[2];
	during.r10 = arguments[3];
	during.r8 = arguments[4];
	during.r9 = arguments[5];
	set_registers(pid, &during);
	if (!go(pid)) {
		puts("killed");
		return 0;
	}
	get_registers(pid, &during);
	printf("%ld", (long)during.rax);
	print_room(pid, &room);
	putchar('\n');
	set_registers(pid, &before);
	if (ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		fail("cannot let go");
	return 0;
}

#else

int main(void)
{
	return 77;
}

#endif
