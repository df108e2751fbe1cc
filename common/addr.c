// SPDX-License-Identifier: BSD-2-Clause
#include "common/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct addr addr_ipv4(uint32_t host_order)
{
	struct addr addr = {.family = ADDR_IPV4};
	uint32_t wire = htonl(host_order);

	memcpy(addr.bytes, &wire, sizeof(wire));
	return addr;
}

uint32_t addr_to_ipv4(const struct addr *addr)
{
	uint32_t wire;

	assert(addr->family == ADDR_IPV4);
	memcpy(&wire, addr->bytes, sizeof(wire));
	return ntohl(wire);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool addr_is_loopback(const struct addr *addr)
{
	static const uint8_t ipv6[16] = {[15] = 1};

	if (addr->family == ADDR_IPV4)
		return addr->bytes[0] == 127;
	return addr->family == ADDR_IPV6 &&
	       memcmp(addr->bytes, ipv6, sizeof(ipv6)) == 0;
}

bool addr_is_unspecified(const struct addr *addr)
{
	static const uint8_t zero[16];

	return addr->family != ADDR_NONE &&
	       memcmp(addr->bytes, zero, sizeof(zero)) == 0;
}

bool addr_is_far(const struct addr *addr)
{
	static const struct prefix near[] = {
		{{ADDR_IPV4, {0}}, 8},
		{{ADDR_IPV4, {127}}, 8},
		{{ADDR_IPV4, {169, 254}}, 16},
		{{ADDR_IPV4, {224}}, 3}, /* multicast, reserved, broadcast */
		{{ADDR_IPV6, {0}}, 96},  /* ::, ::1 and ::192.0.2.1 */
		{{ADDR_IPV6, {[10] = 0xff, 0xff}}, 96},
		{{ADDR_IPV6, {0xfe, 0x80}}, 10},
		{{ADDR_IPV6, {0xff}}, 8},
	};

	for (size_t i = 0; i < ARRAY_LEN(near); i++) {
		if (prefix_has(&near[i], addr))
			return false;
	}
	return addr->family != ADDR_NONE;
}

bool addr_is_private(const struct addr *addr)
{
	const uint8_t *b = addr->bytes;

	if (addr_is_loopback(addr))
		return true;
	if (addr->family == ADDR_IPV6)
		return (b[0] & 0xfe) == 0xfc ||
		       (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
	return addr->family == ADDR_IPV4 &&
	       (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
		(b[0] == 192 && b[1] == 168) || (b[0] == 169 && b[1] == 254) ||
		(b[0] == 100 && (b[1] & 0xc0) == 64));
}

int addr_af(const struct addr *addr)
{
	if (addr->family == ADDR_NONE)
		return AF_UNSPEC;
	return addr->family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

size_t addr_size(const struct addr *addr)
{
	if (addr->family == ADDR_NONE)
		return 0;
	return addr->family == ADDR_IPV4 ? 4 : 16;
}

unsigned addr_bits(const struct addr *addr)
{
	return (unsigned)addr_size(addr) * 8;
}

int addr_parse(struct addr *addr, const char *text)
{
	struct addr parsed = {.family = ADDR_IPV4};

	if (strchr(text, ':'))
		parsed.family = ADDR_IPV6;
	if (inet_pton(addr_af(&parsed), text, parsed.bytes) != 1)
		return -EINVAL;
	*addr = parsed;
	return 0;
}

const char *addr_format(const struct addr *addr, char *out, size_t size)
{
	if (addr->family == ADDR_NONE ||
	    !inet_ntop(addr_af(addr), addr->bytes, out, (socklen_t)size))
		snprintf(out, size, "-");
	return out;
}

/* Digits only, no sign, no blanks, no leading zero; -EINVAL above `max`. */
static int parse_number(const char *text, unsigned max)
{
	unsigned value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > max)
			return -EINVAL;
	}
	return (int)value;
}

void prefix_mask(struct prefix *prefix)
{
	size_t whole = prefix->length / 8;
	unsigned rest = prefix->length % 8;

	if (whole >= sizeof(prefix->addr.bytes))
		return;
	prefix->addr.bytes[whole] &= (uint8_t)(0xff00 >> rest);
	memset(prefix->addr.bytes + whole + 1, 0,
	       sizeof(prefix->addr.bytes) - whole - 1);
}

int prefix_parse_masked(struct prefix *prefix, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	char address[ADDR_TEXT_SIZE];
	struct prefix parsed, masked;
	int ret;

	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	ret = addr_parse(&parsed.addr, address);
	if (ret < 0)
		return ret;
	ret = (int)addr_bits(&parsed.addr);
	if (slash)
		ret = parse_number(slash + 1, (unsigned)ret);
	if (ret < 0)
		return ret;
	parsed.length = (uint8_t)ret;
	masked = parsed;
	prefix_mask(&masked);
	*prefix = masked;
	return addr_equal(&masked.addr, &parsed.addr) ? 0 : 1;
}

int prefix_parse(struct prefix *prefix, const char *text)
{
	struct prefix parsed;
	int ret = prefix_parse_masked(&parsed, text);

	if (ret < 0)
		return ret;
	if (ret > 0)
		return -EINVAL;
	*prefix = parsed;
	return 0;
}

const char *prefix_format(const struct prefix *prefix, char *out, size_t size)
{
	char address[ADDR_TEXT_SIZE];

	addr_format(&prefix->addr, address, sizeof(address));
	snprintf(out, size, "%s/%u", address, prefix->length);
	return out;
}

bool prefix_has(const struct prefix *prefix, const struct addr *addr)
{
	struct prefix host = {.addr = *addr};

	host.length = (uint8_t)addr_bits(addr);
	return prefix_covers(prefix, &host);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	const uint8_t *a = outer->addr.bytes, *b = inner->addr.bytes;
	size_t whole = outer->length / 8;
	unsigned rest = outer->length % 8;

	if (outer->addr.family != inner->addr.family ||
	    outer->addr.family == ADDR_NONE || outer->length > inner->length)
		return false;
	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/*
 * Splits "host:port", "[host]:port" and, where a port need not be there,
 * "host" into its two parts.  `port` is NULL when there is none.
 */
static int split_endpoint(char *text, char **host, char **port)
{
	char *colon = strchr(text, ':'), *bracket;

	*host = text;
	*port = NULL;
	if (text[0] == '[') {
		bracket = strchr(text, ']');
		if (!bracket || (bracket[1] != ':' && bracket[1] != '\0'))
			return -EINVAL;
		if (!memchr(text, ':', (size_t)(bracket - text)))
			return -EINVAL; /* only IPv6 has brackets */
		*host = text + 1;
		*port = bracket[1] ? bracket + 2 : NULL;
		*bracket = '\0';
	} else if (colon && !strchr(colon + 1, ':')) {
		*port = colon + 1;
		*colon = '\0';
	}
	return 0;
}

int endpoint_parse(struct endpoint *endpoint, const char *text,
		   uint16_t default_port)
{
	char copy[ENDPOINT_TEXT_SIZE], *host, *port;
	struct endpoint parsed = {.port = default_port};
	size_t length = strlen(text);
	int ret;

	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, length + 1);
	ret = split_endpoint(copy, &host, &port);
	if (ret < 0)
		return ret;
	if (port) {
		ret = parse_number(port, UINT16_MAX);
		if (ret < 0)
			return ret;
		parsed.port = (uint16_t)ret;
	}
	if (parsed.port == 0)
		return -EINVAL;
	ret = addr_parse(&parsed.addr, host);
	if (ret < 0)
		return ret;
	*endpoint = parsed;
	return 0;
}

const char *endpoint_format(const struct endpoint *endpoint, char *out,
			    size_t size)
{
	bool is_ipv6 = endpoint->addr.family == ADDR_IPV6;
	char address[ADDR_TEXT_SIZE];

	addr_format(&endpoint->addr, address, sizeof(address));
	snprintf(out, size, is_ipv6 ? "[%s]:%u" : "%s:%u", address,
		 endpoint->port);
	return out;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint,
			       struct sockaddr_storage *ss)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	assert(endpoint->addr.family != ADDR_NONE);
	memset(ss, 0, sizeof(*ss));
	if (endpoint->addr.family == ADDR_IPV4) {
		in.sin_port = htons(endpoint->port);
		memcpy(&in.sin_addr, endpoint->addr.bytes, 4);
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	in6.sin6_port = htons(endpoint->port);
	memcpy(&in6.sin6_addr, endpoint->addr.bytes, 16);
	memcpy(ss, &in6, sizeof(in6));
	return sizeof(in6);
}

int endpoint_from_sockaddr(struct endpoint *endpoint, const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*endpoint = (struct endpoint){0};
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		endpoint->port = ntohs(in.sin_port);
		endpoint->addr.family = ADDR_IPV4;
		memcpy(endpoint->addr.bytes, &in.sin_addr, 4);
		return 0;
	}
	if (sa->sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(&in6, sa, sizeof(in6));
	endpoint->port = ntohs(in6.sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		endpoint->addr.family = ADDR_IPV4;
		memcpy(endpoint->addr.bytes, in6.sin6_addr.s6_addr + 12, 4);
		return 0;
	}
	endpoint->addr.family = ADDR_IPV6;
	memcpy(endpoint->addr.bytes, &in6.sin6_addr, 16);
	return 0;
}
