// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/uot.h"

#include "common/err.h"

#include <assert.h>
#include <string.h>

enum {
	TYPE_IPV4 = 0,
	TYPE_IPV6 = 1,
	TYPE_NAME = 2,
	PORT_SIZE = 2,
	LENGTH_SIZE = 2,
};

size_t uot_put_request(uint8_t out[UOT_REQUEST_MAX],
		       const struct socks_target *target)
{
	size_t length = socks_address_put(out + 1, target);

	out[0] = 0; /* not bound to that destination */
	return length > 0 ? 1 + length : 0;
}

size_t uot_put_head(uint8_t out[UOT_HEAD_MAX],
		    const struct socks_target *target, size_t length)
{
	size_t size = socks_address_put(out, target);

	assert(length <= UOT_PAYLOAD_MAX);
	if (size == 0)
		return 0;
	if (target->name)
		out[0] = TYPE_NAME;
	else
		out[0] = target->endpoint.addr.family == ADDR_IPV4 ? TYPE_IPV4
								   : TYPE_IPV6;
	out[size++] = (uint8_t)(length >> 8);
	out[size++] = (uint8_t)length;
	return size;
}

int uot_read_head(struct socks_source *source, size_t *payload,
		  const uint8_t *bytes, size_t length)
{
	size_t at = 1, size;

	memset(source, 0, sizeof(*source));
	if (length < 2)
		return 0;
	switch (bytes[0]) {
	case TYPE_IPV4:
		source->endpoint.addr.family = ADDR_IPV4;
		size = 4;
		break;
	case TYPE_IPV6:
		source->endpoint.addr.family = ADDR_IPV6;
		size = 16;
		break;
	case TYPE_NAME:
		source->text = bytes + 2;
		source->text_length = bytes[1];
		at++;
		size = bytes[1];
		break;
	default: /* a byte, no enum */
		return ERR_MALFORMED;
	}
	if (length < at + size + PORT_SIZE + LENGTH_SIZE)
		return 0;
	if (!source->text)
		memcpy(source->endpoint.addr.bytes, bytes + at, size);
	at += size;
	source->endpoint.port = (uint16_t)(bytes[at] << 8 | bytes[at + 1]);
	at += PORT_SIZE;
	*payload = (size_t)bytes[at] << 8 | bytes[at + 1];
	return (int)(at + LENGTH_SIZE);
}
