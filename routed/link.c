// SPDX-License-Identifier: BSD-2-Clause
#include "routed/link.h"

#include "common/err.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union link_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * LINK_FDS)];
};

/* What a message of each type carries. */
struct link_form {
	size_t size; /* beyond type and id */
	int fds;
};

#define SIZE_OF(member) sizeof(((struct link_message *)NULL)->member)

/* The size of LINK_STATUS covers both directions. */
static const struct link_form forms[] = {
	[LINK_SETUP] = {SIZE_OF(setup), LINK_FDS},
	[LINK_READY] = {0, 0},
	[LINK_CONFIG] = {0, 1},
	[LINK_PING] = {0, 0},
	[LINK_PONG] = {0, 0},
	[LINK_FLOWS] = {SIZE_OF(viewer), 1},
	[LINK_STATUS] = {SIZE_OF(counters), 0},
	[LINK_OWNER] = {SIZE_OF(flow), 0},
	[LINK_OWNED] = {SIZE_OF(owner), 0},
	[LINK_UDP_SERVER] = {SIZE_OF(server), 0},
	[LINK_CLOSE] = {SIZE_OF(flow), 0},
	[LINK_ICMP] = {SIZE_OF(icmp), 1},
	[LINK_DIRECT] = {SIZE_OF(direct), 0},
	[LINK_MEMBER] = {SIZE_OF(member), 0},
	[LINK_STOP] = {0, 0},
};

static size_t size_of(uint32_t type)
{
	return offsetof(struct link_message, setup) + forms[type].size;
}

static bool is_text(const char *bytes, size_t size)
{
	return memchr(bytes, '\0', size);
}

/* What a reader may rely on without looking: text ends, types exist. */
static bool is_sound(const struct link_message *message, size_t size,
		     int fd_count)
{
	if (size < offsetof(struct link_message, setup))
		return false;
	if (message->type < LINK_SETUP || message->type > LINK_STOP)
		return false;
	if (size != size_of(message->type) ||
	    fd_count != forms[message->type].fds)
		return false;
	if (message->type == LINK_MEMBER)
		return is_text(message->member.group, LINK_NAME_SIZE) &&
		       is_text(message->member.member, LINK_NAME_SIZE) &&
		       is_text(message->member.reason, LINK_REASON_SIZE);
	if (message->type == LINK_OWNED)
		return is_text(message->owner.process,
			       sizeof(message->owner.process)) &&
		       is_text(message->owner.cgroup,
			       sizeof(message->owner.cgroup));
	if (message->type != LINK_SETUP)
		return true;
	return is_text(message->setup.config_file,
		       sizeof(message->setup.config_file)) &&
	       is_text(message->setup.state_dir,
		       sizeof(message->setup.state_dir)) &&
	       is_text(message->setup.run_dir, sizeof(message->setup.run_dir));
}

static void clear_fds(struct link_fds *fds)
{
	for (int i = 0; i < LINK_FDS; i++)
		fds->fd[i] = -1;
	fds->count = 0;
}

static void close_fds(struct link_fds *fds)
{
	for (int i = 0; i < fds->count; i++)
		close(fds->fd[i]);
	clear_fds(fds);
}

/* Everything that the kernel gave us is taken, so that nothing leaks. */
static void take_fds(struct msghdr *header, struct link_fds *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c;
	     c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		int n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (int i = 0; i < n && fds->count < LINK_FDS; i++)
			memcpy(&fds->fd[fds->count++],
			       CMSG_DATA(c) + sizeof(int) * (size_t)i,
			       sizeof(int));
	}
}

int link_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, ends) < 0)
		return -errno;
	return 0;
}

int link_send(int fd, const struct link_message *message,
	      const struct link_fds *fds)
{
	union link_control control = {0};
	/* The kernel only reads; but struct iovec has no const. */
	struct link_message copy = *message;
	struct iovec iov = {.iov_base = &copy,
			    .iov_len = size_of(message->type)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	assert(message->type >= LINK_SETUP && message->type <= LINK_STOP);
	if (fds && fds->count > 0) {
		size_t size = sizeof(int) * (size_t)fds->count;

		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), fds->fd, size);
	}
	if (sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int link_recv(int fd, struct link_message *message, struct link_fds *fds)
{
	union link_control control = {0};
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		/* Not CMSG_SPACE(): one more might fit in what that adds. */
		.msg_controllen = CMSG_LEN(sizeof(int) * LINK_FDS),
	};

	clear_fds(fds);
	memset(message, 0, sizeof(*message));
	ssize_t n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && (errno == ECONNRESET || errno == EPIPE))
		return 0;
	if (n < 0)
		return -errno;
	take_fds(&header, fds);
	if (n == 0 && fds->count == 0)
		return 0;
	if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    !is_sound(message, (size_t)n, fds->count)) {
		close_fds(fds);
		return ERR_MALFORMED;
	}
	return 1;
}
