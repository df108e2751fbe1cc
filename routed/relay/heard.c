// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/heard.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>

/* Errors about one stream: it has sent nothing but SYNs. */
#define ERRORS_MAX 16

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_FRAGMENTATION_NEEDED = 4, /* its code */
	ICMPV6_TOO_BIG = 2,
};

/* What the kernel itself says: too large for the link, or no way. */
static bool is_local(struct unreachable_error *error,
		     const struct sock_extended_err *heard, bool is_ipv6)
{
	if (heard->ee_errno != EMSGSIZE)
		return false;
	error->type = is_ipv6 ? ICMPV6_TOO_BIG : ICMP_UNREACHABLE;
	error->code = is_ipv6 ? 0 : ICMP_FRAGMENTATION_NEEDED;
	error->rest = heard->ee_info;
	return true;
}

bool heard_read(const struct msghdr *msg, bool is_ipv6,
		struct unreachable_error *error)
{
	struct sock_extended_err heard = {.ee_origin = SO_EE_ORIGIN_NONE};
	struct endpoint from = {.port = 0};
	/* SO_EE_OFFENDER: the address lies behind it. */
	struct {
		struct sock_extended_err error;
		struct sockaddr_in6 offender;
	} space = {.offender.sin6_family = AF_UNSPEC};
	struct msghdr *mutable = (struct msghdr *)(uintptr_t)msg;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
	     cmsg = CMSG_NXTHDR(mutable, cmsg)) {
		size_t size = cmsg->cmsg_len - CMSG_LEN(0);

		if ((cmsg->cmsg_level != IPPROTO_IP ||
		     cmsg->cmsg_type != IP_RECVERR) &&
		    (cmsg->cmsg_level != IPPROTO_IPV6 ||
		     cmsg->cmsg_type != IPV6_RECVERR))
			continue;
		memcpy(&space, CMSG_DATA(cmsg),
		       size < sizeof(space) ? size : sizeof(space));
		heard = space.error;
	}
	memset(error, 0, sizeof(*error));
	if (heard.ee_origin == SO_EE_ORIGIN_LOCAL)
		return is_local(error, &heard, is_ipv6);
	if (heard.ee_origin != SO_EE_ORIGIN_ICMP &&
	    heard.ee_origin != SO_EE_ORIGIN_ICMP6)
		return false;
	if (endpoint_from_sockaddr(&from, (struct sockaddr *)&space.offender) ==
	    0)
		error->from = from.addr;
	error->type = heard.ee_type;
	error->code = heard.ee_code;
	error->rest = heard.ee_info;
	return true;
}

bool heard_of_stream(int fd, bool is_ipv6, struct unreachable_error *error)
{
	bool is_heard = false;

	for (int i = 0; i < ERRORS_MAX; i++) {
		_Alignas(struct cmsghdr) uint8_t control[256];
		struct unreachable_error last;
		struct msghdr msg = {.msg_control = control,
				     .msg_controllen = sizeof(control)};

		if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		/* What this host itself says, no router does. */
		if (!heard_read(&msg, is_ipv6, &last) ||
		    last.from.family == ADDR_NONE)
			continue;
		*error = last;
		is_heard = true;
	}
	return is_heard;
}

void heard_listen(int fd, bool is_ipv6, bool is_on)
{
	const int on = is_on;

	/* Without it the application hears less. */
	(void)setsockopt(fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
			 is_ipv6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on));
}
