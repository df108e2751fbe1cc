// SPDX-License-Identifier: BSD-2-Clause
#include "routed/flow_owner.h"

#include "routed/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_TEXT_SIZE 4096

/* "0::/path\n", or "1:name=systemd:/path\n" where there is only version 1. */
static const char *path_of_line(const char *line)
{
	static const char *const heads[] = {"0::", ":name=systemd:"};

	if (strncmp(line, heads[0], strlen(heads[0])) == 0)
		return line + strlen(heads[0]);
	line += strspn(line, "0123456789");
	if (strncmp(line, heads[1], strlen(heads[1])) == 0)
		return line + strlen(heads[1]);
	return NULL;
}

bool flow_owner_parse_cgroup(const char *text, char *out, size_t size)
{
	bool is_found = false;

	out[0] = '\0';
	while (*text != '\0') {
		const char *end = strchrnul(text, '\n');
		const char *path = path_of_line(text);
		bool is_second = text[0] == '0';

		if (path && (is_second || !is_found)) {
			size_t length = (size_t)(end - path);

			if (length >= size)
				return false;
			memcpy(out, path, length);
			out[length] = '\0';
			is_found = true;
			if (is_second)
				return true;
		}
		text = *end == '\0' ? end : end + 1;
	}
	return is_found;
}

void flow_owner_read_cgroup(pid_t pid, char *out, size_t size)
{
	char path[64], text[CGROUP_TEXT_SIZE];
	int fd;
	ssize_t n;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	if (!flow_owner_parse_cgroup(text, out, size))
		out[0] = '\0';
}

static bool is_sound(const struct link_flow *flow)
{
	return flow->src.addr.family == flow->dst.addr.family &&
	       (flow->src.addr.family == ADDR_IPV4 ||
		flow->src.addr.family == ADDR_IPV6) &&
	       (flow->network == NETWORK_TCP || flow->network == NETWORK_UDP);
}

int flow_owner_find(struct sockdiag *diag, const struct link_flow *flow,
		    struct sockdiag_socket *socket)
{
	if (!is_sound(flow))
		return -EINVAL;
	return sockdiag_find(diag, (enum network)flow->network, &flow->src,
			     &flow->dst, socket);
}

void flow_owner_describe(const struct sockdiag_socket *socket,
			 bool wants_process, struct link_owner *owner)
{
	struct owner process;

	owner->process[0] = owner->cgroup[0] = '\0';
	owner->is_known = 1;
	owner->uid = socket->uid;
	if (!wants_process || socket->inode == 0 ||
	    owner_find(&process, socket->inode) < 0)
		return;
	/* A path that does not fit is unknown, never another one. */
	if (strlen(process.exe) < sizeof(owner->process))
		memcpy(owner->process, process.exe, strlen(process.exe) + 1);
	flow_owner_read_cgroup(process.pid, owner->cgroup,
			       sizeof(owner->cgroup));
}
