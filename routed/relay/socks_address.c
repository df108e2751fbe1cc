// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/socks_address.h"

#include "common/err.h"

#include <string.h>

enum {
	TYPE_IPV4 = 1,
	TYPE_NAME = 3,
	TYPE_IPV6 = 4,
	UDP_BEFORE = 3, /* reserved, reserved, fragment */
	PORT_SIZE = 2,
};

bool socks_address_is_sendable(const struct name *name)
{
	/* The root has no text. */
	if (name->length < 3)
		return false;
	for (size_t at = 0; name->wire[at]; at += name->wire[at] + 1U) {
		for (size_t i = 1; i <= name->wire[at]; i++) {
			uint8_t byte = name->wire[at + i];

			if (byte <= ' ' || byte == '.' || byte >= 0x7f)
				return false;
		}
	}
	return true;
}

static size_t put_name(uint8_t *out, const struct name *name)
{
	size_t length = 0;

	out[length++] = (uint8_t)(name->length - 2);
	for (size_t at = 0; name->wire[at]; at += name->wire[at] + 1U) {
		if (at > 0)
			out[length++] = '.';
		memcpy(out + length, name->wire + at + 1, name->wire[at]);
		length += name->wire[at];
	}
	return length;
}

size_t socks_address_put(uint8_t out[SOCKS_ADDRESS_MAX],
			 const struct socks_target *target)
{
	const struct addr *addr = &target->endpoint.addr;
	size_t length = 1;

	if (target->name && !socks_address_is_sendable(target->name))
		return 0;
	if (target->name) {
		out[0] = TYPE_NAME;
		length += put_name(out + 1, target->name);
	} else {
		out[0] = addr->family == ADDR_IPV4 ? TYPE_IPV4 : TYPE_IPV6;
		memcpy(out + 1, addr->bytes, addr_size(addr));
		length += addr_size(addr);
	}
	out[length++] = (uint8_t)(target->endpoint.port >> 8);
	out[length++] = (uint8_t)target->endpoint.port;
	return length;
}

size_t socks_udp_put(uint8_t out[SOCKS_UDP_HEAD_MAX],
		     const struct socks_target *target)
{
	size_t length = socks_address_put(out + UDP_BEFORE, target);

	if (length == 0)
		return 0;
	memset(out, 0, UDP_BEFORE);
	return UDP_BEFORE + length;
}

static int read_name(struct socks_source *source, const uint8_t *at,
		     size_t left)
{
	if (left < 1 || left < 1U + at[0] + PORT_SIZE)
		return ERR_MALFORMED;
	source->text = at + 1;
	source->text_length = at[0];
	return 1 + at[0];
}

static int read_addr(struct socks_source *source, enum addr_family family,
		     const uint8_t *at, size_t left)
{
	size_t size = family == ADDR_IPV4 ? 4 : 16;

	if (left < size + PORT_SIZE)
		return ERR_MALFORMED;
	source->endpoint.addr.family = (uint8_t)family;
	memcpy(source->endpoint.addr.bytes, at, size);
	return (int)size;
}

int socks_udp_read(struct socks_source *source, const uint8_t *bytes,
		   size_t length)
{
	const uint8_t *at = bytes + UDP_BEFORE + 1;
	size_t left = length - (UDP_BEFORE + 1);
	int size;

	memset(source, 0, sizeof(*source));
	/* Fragments: an implementation that has none drops them. */
	if (length <= UDP_BEFORE + 1 || bytes[2] != 0)
		return ERR_MALFORMED;
	switch (bytes[UDP_BEFORE]) {
	case TYPE_IPV4:
		size = read_addr(source, ADDR_IPV4, at, left);
		break;
	case TYPE_IPV6:
		size = read_addr(source, ADDR_IPV6, at, left);
		break;
	case TYPE_NAME:
		size = read_name(source, at, left);
		break;
	default: /* a byte, no enum */
		return ERR_MALFORMED;
	}
	if (size < 0)
		return size;
	source->endpoint.port = (uint16_t)(at[size] << 8 | at[size + 1]);
	return UDP_BEFORE + 1 + size + PORT_SIZE;
}
