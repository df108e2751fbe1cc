// SPDX-License-Identifier: BSD-2-Clause
#include "common/seccomp.h"

#include "common/log.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_SIZE 64
#define NUMBERS 1024 /* of calls that have a name in the log */
#define SYSTEM_CALL_VIOLATION (128 + SIGSYS)

/*
 * A signal handler has no argument of ours and must not allocate: so the names
 * are found before.  Written once, before the filter is there.
 */
static char *names[NUMBERS];

static void find_names(void)
{
	for (int i = 0; i < NUMBERS; i++) {
		if (!names[i])
			names[i] = seccomp_syscall_resolve_num_arch(
				SCMP_ARCH_NATIVE, i);
	}
}

NORETURN static void on_violation(int number, siginfo_t *info, void *context)
{
	int call = info->si_syscall;
	const char *name = call >= 0 && call < NUMBERS ? names[call] : NULL;
	const char *const parts[] = {
		"end this process: it made the system call '",
		name ? name : "without a name",
		"', which it never needs (seccomp); please report this",
		NULL,
	};

	(void)number;
	(void)context;
	log_from_signal(parts);
	_exit(SYSTEM_CALL_VIOLATION);
}

static int catch_violations(void)
{
	struct sigaction action = {
		.sa_sigaction = on_violation,
		.sa_flags = SA_SIGINFO,
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	if (sigaction(SIGSYS, &action, NULL) < 0 ||
	    sigprocmask(SIG_UNBLOCK, &set, NULL) < 0)
		return -errno;
	return 0;
}

/* What this machine does not have cannot be called: that is no error. */
static int allow(scmp_filter_ctx filter, const char *call,
		 const struct scmp_arg_cmp *arguments, unsigned int count)
{
	int number = seccomp_syscall_resolve_name(call);
	int ret;

	if (number == __NR_SCMP_ERROR)
		return 0;
	ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count,
				     arguments);
	return ret == -EEXIST || ret == -EDOM ? 0 : ret;
}

static int allow_names(scmp_filter_ctx filter, const char *calls)
{
	char name[NAME_SIZE];
	int ret = 0;

	while (ret == 0 && *calls) {
		size_t length = strcspn(calls, " ");

		if (length >= sizeof(name))
			return -EINVAL;
		memcpy(name, calls, length);
		name[length] = '\0';
		calls += length + strspn(calls + length, " ");
		ret = allow(filter, name, NULL, 0);
	}
	return ret;
}

static int allow_form(scmp_filter_ctx filter, const struct seccomp_form *form)
{
	struct scmp_arg_cmp arguments[ARRAY_LEN(form->when)];
	unsigned int count = 0;

	for (size_t i = 0; i < ARRAY_LEN(form->when); i++) {
		const struct seccomp_argument *when = &form->when[i];
		uint64_t value = when->value;

		if (!when->mask)
			continue;
		if (value == SECCOMP_OWN_PID)
			value = (uint64_t)getpid();
		arguments[count++] = (struct scmp_arg_cmp){
			.arg = when->number,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = when->mask,
			.datum_b = value & when->mask,
		};
	}
	return allow(filter, form->call, arguments, count);
}

static int allow_table(scmp_filter_ctx filter,
		       const struct seccomp_table *table)
{
	int ret = allow_names(filter, table->calls);

	for (size_t i = 0; ret == 0 && i < table->form_count; i++)
		ret = allow_form(filter, &table->forms[i]);
	return ret;
}

/*
 * glibc asks for clone3 first, whose flags are out of a filter's reach, and
 * takes clone when there is none.
 */
static int prepare(scmp_filter_ctx filter)
{
	int ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
				   SCMP_SYS(clone3), 0);

	if (ret == 0)
		ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A tree, not a list: kernels before 5.11 walk it at each call. */
	if (ret == 0)
		ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return ret;
}

int seccomp_enter(const struct seccomp_table *const tables[], size_t count)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int ret;

	if (!filter)
		return -ENOMEM;
	ret = prepare(filter);
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = allow_table(filter, tables[i]);
	if (ret < 0)
		goto release_filter;
	find_names();
	ret = catch_violations();
	if (ret == 0)
		ret = seccomp_load(filter);

release_filter:
	seccomp_release(filter);
	return ret;
}
