// SPDX-License-Identifier: BSD-2-Clause
/*
 * addr.h - addresses, prefixes and endpoints of both families.
 *
 * One small value type instead of sockaddr unions: compared, hashed and
 * printed everywhere, turned into a sockaddr only where a system call is.
 * IPv4-mapped IPv6 addresses are made IPv4 by endpoint_from_sockaddr().
 *
 * Units	ports in host byte order; bytes in network order
 * Errors	-EINVAL for text that is none
 */
#ifndef ERSATZ_COMMON_ADDR_H
#define ERSATZ_COMMON_ADDR_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum addr_family {
	ADDR_NONE = 0,
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6,
};

/* Unused bytes are zero, so that memcmp() compares. */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t bytes[16];
};

struct prefix {
	struct addr addr; /* host bits are zero */
	uint8_t length;
};

struct endpoint {
	struct addr addr;
	uint16_t port;
};

#define ADDR_TEXT_SIZE 46     /* INET6_ADDRSTRLEN */
#define PREFIX_TEXT_SIZE 50   /* + "/128" */
#define ENDPOINT_TEXT_SIZE 56 /* "[addr]:65535" */

struct addr addr_ipv4(uint32_t host_order);
uint32_t addr_to_ipv4(const struct addr *addr); /* host byte order */

bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *addr);
bool addr_is_unspecified(const struct addr *addr);
/*
 * Can another host have it, beyond the own link?  Unicast, and neither
 * loopback, link-local, unspecified nor IPv4 in the clothes of IPv6 (RFC
 * 6890); private ones can.
 */
bool addr_is_far(const struct addr *addr);

/*
 * Does it belong to a private network, a link or this host, so that nobody
 * outside is reached by it?  RFC 1918, 6598, 3927, 4193, 4291.
 */
bool addr_is_private(const struct addr *addr);

/* AF_INET or AF_INET6; 4 or 16; 32 or 128. */
int addr_af(const struct addr *addr);
size_t addr_size(const struct addr *addr);
unsigned addr_bits(const struct addr *addr);

/* Numeric text only; "fe80::1%eth0" is refused. */
NODISCARD int addr_parse(struct addr *addr, const char *text);
const char *addr_format(const struct addr *addr, char *out, size_t size);

/* "10.0.0.0/8"; host bits that are set are -EINVAL; no "/n" is a host. */
NODISCARD int prefix_parse(struct prefix *prefix, const char *text);
/* Clears host bits that are set; the result is then 1 instead of 0. */
NODISCARD int prefix_parse_masked(struct prefix *prefix, const char *text);
const char *prefix_format(const struct prefix *prefix, char *out, size_t size);
bool prefix_has(const struct prefix *prefix, const struct addr *addr);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
/* Clears the host bits. */
void prefix_mask(struct prefix *prefix);

/*
 * "192.0.2.1:53", "[2001:db8::1]:53"; without a port `default_port` is taken
 * (0: a port is required); a bare IPv6 address needs no brackets then.
 */
NODISCARD int endpoint_parse(struct endpoint *endpoint, const char *text,
			     uint16_t default_port);
const char *endpoint_format(const struct endpoint *endpoint, char *out,
			    size_t size);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* Fills `ss` and returns its length. */
socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint,
			       struct sockaddr_storage *ss);
/* -EAFNOSUPPORT for anything but AF_INET and AF_INET6. */
NODISCARD int endpoint_from_sockaddr(struct endpoint *endpoint,
				     const struct sockaddr *sa);

#endif
