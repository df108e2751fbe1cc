// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/leave.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void leave_in_order(int *tun_fd, int *inner_tun_fd)
{
	const int low = *tun_fd, high = *inner_tun_fd;
	int copy;

	if (low > high)
		return;
	copy = fcntl(low, F_DUPFD_CLOEXEC, high);
	/* Without it everything works, and some resets are lost. */
	if (copy < 0)
		return;
	if (dup3(high, low, O_CLOEXEC) == low &&
	    dup3(copy, high, O_CLOEXEC) == high) {
		*tun_fd = high;
		*inner_tun_fd = low;
	}
	close(copy);
}

void leave_tun(int tun_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	(void)dup3(null, tun_fd, O_CLOEXEC);
	close(null);
}

/* What was asked meanwhile is not answered any more. */
static void wait_for_end(int link_fd)
{
	struct pollfd link = {.fd = link_fd, .events = POLLIN};
	char byte;
	ssize_t n;

	do {
		/* The parent has a limit to its patience. */
		(void)poll(&link, 1, -1);
		n = recv(link_fd, &byte, sizeof(byte), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
}

void leave_together(int link_fd, int inner_tun_fd)
{
	if (ioctl(inner_tun_fd, TUNSETPERSIST, 1) < 0)
		log_debug("cannot leave the inner TUN to its namespace: %s",
			  strerror(errno));
	wait_for_end(link_fd);
}
