// SPDX-License-Identifier: BSD-2-Clause
/*
 * heard.h - what the network said of a socket's packets.
 *
 * With IP_RECVERR (IPV6_RECVERR) the kernel keeps ICMP errors in the socket's
 * error queue, with the router that they came from.
 *
 * Source	ip(7), ipv6(7), recv(2) on MSG_ERRQUEUE
 */
#ifndef ERSATZ_ROUTED_RELAY_HEARD_H
#define ERSATZ_ROUTED_RELAY_HEARD_H

#include "routed/relay/unreachable.h"

#include <sys/socket.h>

/* Of a message out of the queue; false: it has no such error. */
bool heard_read(const struct msghdr *msg, bool is_ipv6,
		struct unreachable_error *error);

/* The last ICMP error about a stream; false: there was none. */
bool heard_of_stream(int fd, bool is_ipv6, struct unreachable_error *error);

/* From now on, or not any more. */
void heard_listen(int fd, bool is_ipv6, bool is_on);

#endif
