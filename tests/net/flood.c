// SPDX-License-Identifier: BSD-2-Clause
/*
 * flood COUNTER ADDR PORT DEVICE [ADDR PORT DEVICE ...] - UDP as fast as it
 * goes, to each target in turn, until it is killed.
 *
 * The sockets are not connected, so each packet is routed anew; DEVICE binds
 * to an interface, "-" to none.  COUNTER is a file whose first eight bytes are
 * how many packets were tried; what is refused counts too.
 */
#include "common/addr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST 16
#define TARGETS_MAX 16

struct target {
	int fd;
	struct sockaddr_storage to;
	socklen_t size;
	struct mmsghdr messages[BURST];
	struct iovec part;
};

static char payload[18];

static int open_target(struct target *target, const char *addr,
		       const char *port, const char *device)
{
	struct endpoint endpoint = {.port = (uint16_t)atoi(port)};

	if (addr_parse(&endpoint.addr, addr) < 0)
		return -EINVAL;
	target->size = endpoint_to_sockaddr(&endpoint, &target->to);
	target->fd = socket(target->to.ss_family,
			    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (target->fd < 0)
		return -errno;
	if (strcmp(device, "-") != 0 &&
	    setsockopt(target->fd, SOL_SOCKET, SO_BINDTODEVICE, device,
		       (socklen_t)strlen(device)) < 0)
		return -errno;
	target->part = (struct iovec){payload, sizeof(payload)};
	for (int i = 0; i < BURST; i++) {
		struct msghdr *head = &target->messages[i].msg_hdr;

		head->msg_name = &target->to;
		head->msg_namelen = target->size;
		head->msg_iov = &target->part;
		head->msg_iovlen = 1;
	}
	return 0;
}

/* sendmmsg() stops at the first that is refused: it counts, and is passed. */
static void burst(struct target *target, volatile uint64_t *counter)
{
	for (int sent = 0; sent < BURST;) {
		int ret = sendmmsg(target->fd, target->messages + sent,
				   (unsigned)(BURST - sent), 0);

		sent += ret > 0 ? ret : 1;
	}
	*counter += BURST;
}

int main(int argc, char **argv)
{
	static struct target targets[TARGETS_MAX];
	volatile uint64_t *counter;
	int count = 0;
	int fd;

	if (argc < 5)
		return EXIT_FAILURE;
	fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, sizeof(*counter)) < 0)
		return EXIT_FAILURE;
	counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (counter == MAP_FAILED)
		return EXIT_FAILURE;
	for (int i = 2; i + 2 < argc && count < TARGETS_MAX; i += 3) {
		int ret = open_target(&targets[count++], argv[i], argv[i + 1],
				      argv[i + 2]);
		if (ret < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-ret));
			return EXIT_FAILURE;
		}
	}
	for (;;) {
		for (int i = 0; i < count; i++)
			burst(&targets[i], counter);
	}
}
