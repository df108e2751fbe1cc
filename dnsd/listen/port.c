// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/listen/port.h"

#include "common/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int port_open(const struct endpoint *endpoint, int type)
{
	const int on = 1;
	bool is_ipv6 = endpoint->addr.family == ADDR_IPV6;
	int ret = 0;
	int fd = socket(addr_af(&endpoint->addr),
			type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* Connections of the one before us may linger. */
	if (type == SOCK_STREAM)
		ret = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ret == 0 && is_ipv6)
		ret = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				 sizeof(on));
	if (ret == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int port_bind(int fd, const struct endpoint *endpoint)
{
	struct sockaddr_storage ss;
	socklen_t length = endpoint_to_sockaddr(endpoint, &ss);

	return bind(fd, (struct sockaddr *)&ss, length) ? -errno : 0;
}

static int set_shared(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

int port_open_sender(int fd, const struct endpoint *endpoint)
{
	struct sockaddr_storage ss;
	struct sockaddr *own = (struct sockaddr *)&ss;
	socklen_t length = sizeof(ss);
	int sender = port_open(endpoint, SOCK_DGRAM);
	int ret = 0;

	if (sender < 0)
		return sender;
	if (getsockname(fd, own, &length) || set_shared(fd, 1) ||
	    set_shared(sender, 1) || bind(sender, own, length) ||
	    connect(sender, own, length))
		ret = -errno;
	/* For the two alone: nobody else may come to share the port. */
	(void)set_shared(fd, 0);
	(void)set_shared(sender, 0);
	if (ret == 0)
		return sender;
	close(sender);
	return ret;
}

static const char *remedy_for(const struct endpoint *endpoint, int type,
			      int err)
{
	const uint8_t *bytes = endpoint->addr.bytes;

	switch (-err) {
	case EADDRINUSE:
		return type == SOCK_DGRAM ? "; 'ss -lunp' shows by whom"
					  : "; 'ss -ltnp' shows by whom";
	case EADDRNOTAVAIL:
		return "; no interface has it";
	case EACCES:
		return "; ports below 1024 are for root";
	case EAFNOSUPPORT:
		return "; IPv6 is off on this host";
	case EINVAL:
		if (endpoint->addr.family == ADDR_IPV6 && bytes[0] == 0xfe &&
		    (bytes[1] & 0xc0) == 0x80)
			return "; an address of one link: listen at [::], "
			       "which answers there too";
		break;
	}
	return "";
}

int port_explain(const struct endpoint *endpoint, int type, int err)
{
	char text[ENDPOINT_TEXT_SIZE];

	log_error("cannot listen at '%s' (%s): %s%s",
		  endpoint_format(endpoint, text, sizeof(text)),
		  type == SOCK_DGRAM ? "UDP" : "TCP", strerror(-err),
		  remedy_for(endpoint, type, err));
	return err;
}
