// SPDX-License-Identifier: BSD-2-Clause
#include "common/daemon.h"
#include "common/err.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MODE 0755
#define STATE_MODE 0750
#define LOCK_WAIT_MS 500

/* The first process: ends with what became of the second. */
NORETURN static void await(int fd, pid_t child)
{
	char byte;
	int status;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		_exit(WEXITSTATUS(status));
	_exit(EXIT_FAILURE);
}

int daemon_detach(struct daemon *daemon)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		int ret = -errno;

		close(ends[0]);
		close(ends[1]);
		return ret;
	}
	if (child > 0) {
		close(ends[1]);
		await(ends[0], child);
	}
	close(ends[0]);
	/* Ctrl-C at the one who waits ends the start too. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)setsid(); /* cannot fail: we lead no group */
	daemon->ready_fd = ends[1];
	return 0;
}

void daemon_ready(struct daemon *daemon)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	if (daemon->notify)
		notify_tell(daemon->notify, "READY=1");
	if (daemon->ready_fd < 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, 0);

	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			(void)dup2(null, fd);
		if (null > STDERR_FILENO)
			close(null);
	}
	/* If nobody waits any more, that is no reason to die. */
	sigaction(SIGPIPE, &ignore, &before);
	ssize_t n = write(daemon->ready_fd, "", 1);
	(void)n;
	sigaction(SIGPIPE, &before, NULL);
	close(daemon->ready_fd);
	daemon->ready_fd = -1;
}

static int open_pid_file(const char *path)
{
	const int flags =
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	struct stat st;
	int fd = open(path, flags, 0644);

	if (fd < 0)
		return -errno;
	/* A link to somebody's file must not be emptied for him. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

static pid_t read_pid(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

static int write_pid(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0)
		return -errno;
	ssize_t written = pwrite(fd, text, (size_t)n, 0);
	if (written < 0)
		return -errno;
	return written == n ? 0 : -ENOSPC;
}

/*
 * A process that was killed holds its lock until the kernel has taken its
 * memory back; who starts the next one at once should not have to know.
 */
static bool has_ended_soon(pid_t pid)
{
	struct pollfd poll_fd = {.events = POLLIN};
	bool has_ended;

	if (pid <= 0)
		return false;
	poll_fd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (poll_fd.fd < 0)
		return errno == ESRCH;
	has_ended = poll(&poll_fd, 1, LOCK_WAIT_MS) == 1;
	close(poll_fd.fd);
	return has_ended;
}

static int lock_file(int fd, pid_t *holder)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return -errno;
	*holder = read_pid(fd);
	if (has_ended_soon(*holder) && fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return ERR_RUNNING;
}

int daemon_lock(struct daemon *daemon, const char *run_dir, const char *name,
		pid_t *holder)
{
	char path[PATH_MAX];
	int fd, ret;

	ret = snprintf(path, sizeof(path), "%s/%s.pid", run_dir, name);
	if (ret < 0 || (size_t)ret >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open_pid_file(path);
	if (fd < 0)
		return fd;
	ret = lock_file(fd, holder);
	if (ret == 0)
		ret = write_pid(fd);
	if (ret < 0)
		goto close_fd;
	daemon->lock_fd = fd;
	return 0;
close_fd:
	close(fd);
	return ret;
}

void daemon_unlock(struct daemon *daemon)
{
	if (daemon->lock_fd < 0)
		return;
	/* If it cannot be emptied the lock still tells that we are gone. */
	int ret = ftruncate(daemon->lock_fd, 0);
	(void)ret;
	close(daemon->lock_fd);
	daemon->lock_fd = -1;
}

static int make_parents(const char *path)
{
	char parent[PATH_MAX];
	int n = snprintf(parent, sizeof(parent), "%s", path);

	if (n < 0 || (size_t)n >= sizeof(parent))
		return -ENAMETOOLONG;
	for (char *p = parent + 1; n > 0 && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

/* Takes the descriptor. */
static bool is_empty(int fd)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	bool is = true;

	if (!dir) {
		close(fd);
		return false;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			is = false;
	}
	closedir(dir);
	return is;
}

struct folder {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* at least */
};

/*
 * As root.  Takes only what is ours by its group, or new: a config that names
 * /tmp or /etc must not change their modes.
 */
static int mend(int fd, const struct stat *st, const struct folder *want)
{
	mode_t mode = (st->st_mode & 0755) | want->mode;

	if (st->st_uid == want->uid && st->st_gid == want->gid &&
	    (st->st_mode & 07777) == mode)
		return 0;
	if ((st->st_gid != want->gid || want->gid == 0) &&
	    !is_empty(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
		return -EPERM;
	if (fchown(fd, want->uid, want->gid) < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return 0;
}

static int make_dir(const char *path, const struct folder *want)
{
	struct stat st;
	int fd, ret;

	ret = make_parents(path);
	if (ret < 0)
		return ret;
	if (mkdir(path, want->mode & 0750) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (geteuid() != 0)
		ret = faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno
								      : 0;
	else
		ret = fstat(fd, &st) < 0 ? -errno : mend(fd, &st, want);
	close(fd);
	return ret;
}

int daemon_make_run_dir(const char *path)
{
	const struct folder want = {.mode = RUN_MODE};

	return make_dir(path, &want);
}

int daemon_make_state_dir(const char *path, uid_t uid, gid_t gid)
{
	const struct folder want = {uid, gid, STATE_MODE};

	return make_dir(path, &want);
}
