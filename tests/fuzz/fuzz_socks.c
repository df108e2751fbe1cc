// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a SOCKS server says, in pieces of any size.  The first byte chooses how
 * we began.
 */
#include "routed/relay/socks.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static int begin(struct socks *socks, uint8_t kind, struct name *name)
{
	static const struct socks_login login = {"user", "password"};
	struct socks_target target = {.endpoint = {.port = 443}};

	if (kind & 1) {
		fuzz_require(name_parse(name, "a.example.com") == 0);
		target.name = name;
	} else {
		target.endpoint.addr.family = ADDR_IPV4;
	}
	switch (kind >> 1 & 3) {
	case 0:
		return socks_start(socks, &target, NULL);
	case 1:
		return socks_start_udp(socks, &login);
	case 2:
		return socks_start_greeting(socks, NULL);
	}
	return socks_start(socks, &target, &login);
}

static void run(struct socks *socks, const uint8_t *data, size_t size)
{
	while (socks_need(socks) == SOCKS_SEND ||
	       socks_need(socks) == SOCKS_RECEIVE) {
		size_t room, length;

		if (socks_need(socks) == SOCKS_SEND) {
			fuzz_require(socks_output(socks, &length));
			fuzz_require(length > 0);
			socks_sent(socks, length > 1 && size & 1 ? 1 : length);
			continue;
		}
		uint8_t *input = socks_input(socks, &room);
		fuzz_require(room > 0 && input >= socks->in &&
			     input + room <= socks->in + sizeof(socks->in));
		length = size < room ? size : room;
		if (length > 2 && data[0] & 1)
			length = 2;
		if (length == 0) {
			socks_ended(socks);
			fuzz_require(socks_need(socks) == SOCKS_FAILED);
			break;
		}
		memcpy(input, data, length);
		data += length;
		size -= length;
		socks_received(socks, length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t kind = fuzz_byte(&data, &size);
	struct socks socks;
	struct name name;

	if (begin(&socks, kind, &name) < 0)
		return 0;
	if (kind & 8 && !(kind & 4))
		socks_pipeline(&socks);
	run(&socks, data, size);
	if (socks_need(&socks) == SOCKS_FAILED)
		fuzz_require(socks_reason(&socks));
	else
		(void)socks_bound(&socks);
	return 0;
}
