// SPDX-License-Identifier: BSD-2-Clause
#include "routed/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT_FD 3

struct trial {
	int fd; /* owned; a struct result comes out of it */
};

struct result {
	int value;
	char what[TRIAL_WHAT_SIZE];
};

NORETURN static void run(int fd, trial_fn fn, const void *ctx)
{
	struct result result = {.value = 0};
	const char *what = "";

	if (fd != RESULT_FD && dup2(fd, RESULT_FD) < 0)
		_exit(EXIT_FAILURE);
	if (close_range(RESULT_FD + 1, ~0U, 0) < 0)
		_exit(EXIT_FAILURE);
	result.value = fn(ctx, &what);
	snprintf(result.what, sizeof(result.what), "%s", what);
	ssize_t n = write(RESULT_FD, &result, sizeof(result));
	_exit(n == sizeof(result) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* The one between us ends at once: so init is the parent. */
static int start(int fd, trial_fn fn, const void *ctx)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			run(fd, fn, ctx);
		_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return status == EXIT_SUCCESS ? 0 : -EAGAIN;
}

int trial_start(struct trial **trial, trial_fn fn, const void *ctx)
{
	struct trial *new = calloc(1, sizeof(*new));
	int ends[2], ret;

	if (!new)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		ret = -errno;
		goto free_trial;
	}
	ret = start(ends[1], fn, ctx);
	close(ends[1]);
	if (ret < 0)
		goto close_read;
	new->fd = ends[0];
	*trial = new;
	return 0;

close_read:
	close(ends[0]);
free_trial:
	free(new);
	return ret;
}

int trial_result(struct trial *trial, char what[TRIAL_WHAT_SIZE])
{
	struct result result;
	ssize_t n;

	do {
		n = read(trial->fd, &result, sizeof(result));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(result)) {
		snprintf(what, TRIAL_WHAT_SIZE, "the trial has no result");
		return n < 0 ? -errno : -EIO;
	}
	snprintf(what, TRIAL_WHAT_SIZE, "%s", result.what);
	return result.value;
}

void trial_free(struct trial *trial)
{
	if (!trial)
		return;
	close(trial->fd);
	free(trial);
}
