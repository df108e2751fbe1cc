// SPDX-License-Identifier: BSD-2-Clause
/*
 * Both sides speak fixed records over a SOCK_SEQPACKET pair.  The parent asks
 * and never waits for an answer: what became of a request comes as an event.
 * The spawner blocks in poll() on the pair and on SIGCHLD; it is so small
 * that it needs no loop of libev's.
 */
#include "routed/spawner.h"

#include "common/log.h"
#include "routed/allowed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_WANTED (1U << 20) /* fs.nr_open of an untouched kernel */

enum op {
	OP_SPAWN = 1, /* with the relay's end of the link */
	OP_KILL,
	OP_STARTED, /* value: process id */
	OP_DIED,    /* value: status */
};

struct record {
	uint32_t op;
	uint32_t id;
	int32_t value;
};

union record_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

struct spawner {
	int fd; /* owned */
	pid_t pid;
	struct ev_loop *loop; /* borrowed; NULL until spawner_watch() */
	struct ev_io io;
	const struct spawner_events *events; /* borrowed */
	void *ctx;
};

/* The spawner's own side. */
struct nursery {
	int fd;        /* owned; the pair */
	int signal_fd; /* owned */
	struct {
		uint32_t id;
		pid_t pid; /* 0: free */
	} relays[SPAWNER_RELAYS_MAX];
};

static int record_send(int fd, const struct record *record, int fd_beside)
{
	union record_control control = {0};
	struct record copy = *record;
	struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd_beside >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd_beside, sizeof(int));
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* 1 and a record, 0 at the end of the pair or for what is none, -errno. */
static int record_recv(int fd, struct record *record, int *fd_beside)
{
	union record_control control = {0};
	struct iovec iov = {.iov_base = record, .iov_len = sizeof(*record)};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		/* CMSG_SPACE() has room for a second one. */
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};

	*fd_beside = -1;
	ssize_t n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd_beside, CMSG_DATA(c), sizeof(int));
	return n == sizeof(*record);
}

/* In the child that will be the relay. */
NORETURN static void become_relay(int link_fd)
{
	char name[] = SPAWNER_RELAY_NAME;
	char *const argv[] = {name, NULL};
	sigset_t none;
	pid_t parent = getppid();

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	/* dup2() clears close-on-exec, but not onto itself. */
	if (link_fd == SPAWNER_LINK_FD)
		fcntl(link_fd, F_SETFD, 0);
	else if (dup2(link_fd, SPAWNER_LINK_FD) < 0)
		_exit(EXIT_FAILURE);
	close_range(SPAWNER_LINK_FD + 1, ~0U, 0);
	execv("/proc/self/exe", argv);
	log_error("cannot execute the relay: %s", strerror(errno));
	_exit(EXIT_FAILURE);
}

static void report(const struct nursery *nursery, enum op op, uint32_t id,
		   int value)
{
	const struct record record = {.op = op, .id = id, .value = value};

	/* If the parent is gone there is nobody to tell. */
	if (record_send(nursery->fd, &record, -1) < 0)
		return;
}

static void spawn(struct nursery *nursery, uint32_t id, int link_fd)
{
	for (size_t i = 0; i < SPAWNER_RELAYS_MAX; i++) {
		if (nursery->relays[i].pid != 0)
			continue;
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0)
			become_relay(link_fd);
		nursery->relays[i].pid = pid;
		nursery->relays[i].id = id;
		report(nursery, OP_STARTED, id, pid);
		return;
	}
	report(nursery, OP_DIED, id, -1);
}

static void kill_one(const struct nursery *nursery, uint32_t id)
{
	for (size_t i = 0; i < SPAWNER_RELAYS_MAX; i++) {
		if (nursery->relays[i].pid != 0 && nursery->relays[i].id == id)
			kill(nursery->relays[i].pid, SIGKILL);
	}
}

static void reap(struct nursery *nursery)
{
	struct signalfd_siginfo info;
	pid_t pid;
	int status;

	if (read(nursery->signal_fd, &info, sizeof(info)) < 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < SPAWNER_RELAYS_MAX; i++) {
			if (nursery->relays[i].pid != pid)
				continue;
			nursery->relays[i].pid = 0;
			report(nursery, OP_DIED, nursery->relays[i].id, status);
		}
	}
}

/* False at the end of the pair. */
static bool obey(struct nursery *nursery)
{
	struct record record;
	int link_fd;
	int ret = record_recv(nursery->fd, &record, &link_fd);

	if (ret == -EINTR || ret == -EAGAIN)
		return true;
	if (ret <= 0)
		return false;
	if (record.op == OP_SPAWN && link_fd >= 0)
		spawn(nursery, record.id, link_fd);
	else if (record.op == OP_KILL)
		kill_one(nursery, record.id);
	if (link_fd >= 0)
		close(link_fd);
	return true;
}

/*
 * Two descriptors a flow; a hard limit is raised while that is allowed.  In
 * the parent's place the limit would be inherited by nobody who needs it.
 */
static void raise_file_limit(void)
{
	struct rlimit limit = {FILES_WANTED, FILES_WANTED};

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_debug("cannot raise the limit of open files: %s",
			  strerror(errno));
}

/* Nothing is inherited but 0 to 2 and the pair, and those not when quiet. */
static int shed_descriptors(int fd, bool is_quiet)
{
	if (fd != SPAWNER_LINK_FD && dup2(fd, SPAWNER_LINK_FD) < 0)
		return -errno;
	fcntl(SPAWNER_LINK_FD, F_SETFD, FD_CLOEXEC);
	if (close_range(SPAWNER_LINK_FD + 1, ~0U, 0) < 0)
		return -errno;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int i = 0; is_quiet && i <= STDERR_FILENO; i++) {
		if (dup2(null, i) < 0)
			return -errno;
	}
	close(null);
	return SPAWNER_LINK_FD;
}

static int nursery_init(struct nursery *nursery, int fd, bool is_quiet,
			const struct identity *identity, pid_t parent)
{
	sigset_t set;

	memset(nursery, 0, sizeof(*nursery));
	/* A terminal's SIGINT is for the parent, which then stops us. */
	setsid();
	prctl(PR_SET_NAME, "ersatz-spawner");
	nursery->fd = shed_descriptors(fd, is_quiet);
	if (nursery->fd < 0)
		return nursery->fd;
	raise_file_limit();
	int ret = privilege_drop_all(identity);
	if (ret < 0)
		return ret;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (getppid() != parent)
		return -ESRCH;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	nursery->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (nursery->signal_fd < 0)
		return -errno;
	allowed_enter(ALLOWED_SPAWNER);
	return 0;
}

/* They would die with us, but who waits for us waits for their TUNs. */
static void end_relays(const struct nursery *nursery)
{
	for (size_t i = 0; i < SPAWNER_RELAYS_MAX; i++) {
		if (nursery->relays[i].pid != 0)
			kill(nursery->relays[i].pid, SIGKILL);
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
}

NORETURN static void spawner_main(int fd, bool is_quiet,
				  const struct identity *identity, pid_t parent)
{
	struct nursery nursery;
	bool goes_on = true;
	int ret = nursery_init(&nursery, fd, is_quiet, identity, parent);

	if (ret < 0) {
		log_error("cannot start the spawner: %s", strerror(-ret));
		_exit(EXIT_FAILURE);
	}
	while (goes_on) {
		struct pollfd fds[] = {
			{.fd = nursery.fd, .events = POLLIN},
			{.fd = nursery.signal_fd, .events = POLLIN},
		};
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			reap(&nursery);
		if (fds[0].revents)
			goes_on = obey(&nursery);
	}
	end_relays(&nursery);
	_exit(EXIT_SUCCESS);
}

int spawner_start(struct spawner **out, const struct identity *identity,
		  bool is_quiet)
{
	int ends[2], ret = -ENOMEM;
	pid_t parent = getpid();
	struct spawner *spawner = calloc(1, sizeof(*spawner));
	if (!spawner)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		ret = -errno;
		goto free_spawner;
	}
	spawner->pid = fork();
	if (spawner->pid < 0) {
		ret = -errno;
		goto close_ends;
	}
	if (spawner->pid == 0)
		spawner_main(ends[1], is_quiet, identity, parent);
	close(ends[1]);
	spawner->fd = ends[0];
	*out = spawner;
	return 0;

close_ends:
	close(ends[0]);
	close(ends[1]);
free_spawner:
	free(spawner);
	return ret;
}

static void on_report(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct spawner *spawner = io->data;
	struct record record;
	int fd_beside;

	(void)revents;
	int ret = record_recv(spawner->fd, &record, &fd_beside);
	if (fd_beside >= 0)
		close(fd_beside);
	if (ret == -EINTR || ret == -EAGAIN)
		return;
	if (ret <= 0) {
		ev_io_stop(loop, io);
		spawner->events->on_lost(spawner->ctx);
	} else if (record.op == OP_STARTED) {
		spawner->events->on_started(spawner->ctx, record.id,
					    record.value);
	} else if (record.op == OP_DIED) {
		spawner->events->on_death(spawner->ctx, record.id,
					  record.value);
	}
}

int spawner_watch(struct spawner *spawner, struct ev_loop *loop,
		  const struct spawner_events *events, void *ctx)
{
	if (fcntl(spawner->fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	spawner->events = events;
	spawner->ctx = ctx;
	spawner->loop = loop;
	ev_io_init(&spawner->io, on_report, spawner->fd, EV_READ);
	spawner->io.data = spawner;
	ev_io_start(loop, &spawner->io);
	return 0;
}

int spawner_spawn(struct spawner *spawner, uint32_t id, int link_fd)
{
	const struct record record = {.op = OP_SPAWN, .id = id};

	return record_send(spawner->fd, &record, link_fd);
}

int spawner_kill(struct spawner *spawner, uint32_t id)
{
	const struct record record = {.op = OP_KILL, .id = id};

	return record_send(spawner->fd, &record, -1);
}

void spawner_stop(struct spawner *spawner)
{
	if (!spawner)
		return;
	if (spawner->loop)
		ev_io_stop(spawner->loop, &spawner->io);
	close(spawner->fd);
	/* The default loop may have reaped it already. */
	while (waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(spawner);
}

bool spawner_is_relay(const char *argv0)
{
	return argv0 && strcmp(argv0, SPAWNER_RELAY_NAME) == 0;
}
