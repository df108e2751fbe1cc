// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets out of the TUN, several of an input, each behind two bytes of its
 * length: IP with its options and extension headers, fragments that are put
 * together, TCP, UDP, ICMP, and what we answer to an echo.
 */
#include "routed/relay/icmp/message.h"
#include "routed/relay/packet.h"
#include "routed/relay/pieces.h"
#include "routed/relay/udp/datagram.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_echo(const struct packet *packet)
{
	static uint8_t out[ICMP_PACKET_MAX];
	struct icmp_quote quote;
	struct icmp_echo echo;
	struct packet again;

	if (icmp_read_echo(packet, &echo) < 0)
		return;
	fuzz_require(echo.data >= packet->bytes &&
		     echo.data + echo.length <= packet->bytes + packet->length);
	icmp_quote_set(&quote, packet, &echo);
	struct icmp_answer answer = {.id = echo.id,
				     .seq = echo.seq,
				     .data = echo.data,
				     .length = echo.length,
				     .ttl = 64};
	size_t length = icmp_build_reply(out, sizeof(out), &quote, &answer);
	fuzz_require(length <= sizeof(out));
	if (length > 0)
		fuzz_require(packet_parse(&again, out, length) == 0 &&
			     addr_equal(&again.dst.addr, &packet->src.addr));
	answer = (struct icmp_answer){.is_error = true, .type = 11};
	length = icmp_build_error(out, sizeof(out), &quote, &packet->dst.addr,
				  &answer);
	fuzz_require(length <= sizeof(out));
	(void)icmp_build_request(out, sizeof(out), packet->src.addr.family,
				 &echo);
}

static void check_packet(struct pieces *pieces, const uint8_t *bytes,
			 size_t length)
{
	struct datagram datagram;
	struct packet packet, whole;

	(void)packet_is_plain_tcp(bytes, length);
	if (packet_parse(&packet, bytes, length) < 0)
		return;
	fuzz_require(packet.length <= length &&
		     packet.header_length <= packet.length);
	(void)packet_is_opening(&packet);
	if (packet.is_fragment) {
		if (!pieces_add(pieces, &packet, 1000, &whole))
			return;
		packet = whole;
	}
	if (datagram_read(&datagram, &packet, NULL) == 0)
		fuzz_require(datagram.payload >= packet.bytes &&
			     datagram.payload + datagram.length <=
				     packet.bytes + packet.length);
	check_echo(&packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pieces *pieces;

	fuzz_require(pieces_new(&pieces, 4) == 0);
	while (size >= 2) {
		size_t length = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		/* A copy of that size, so that its end is seen. */
		uint8_t *bytes = malloc(length ? length : 1);
		fuzz_require(bytes);
		memcpy(bytes, data, length);
		check_packet(pieces, bytes, length);
		free(bytes);
		data += length;
		size -= length;
	}
	pieces_free(pieces);
	return 0;
}
