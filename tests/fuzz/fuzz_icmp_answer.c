// SPDX-License-Identifier: BSD-2-Clause
/* What a raw ICMP socket hears; the first byte chooses the family. */
#include "routed/relay/icmp/message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[ICMP_PACKET_MAX];
	const bool is_ipv6 = fuzz_byte(&data, &size) & 1;
	struct icmp_quote quote = {
		.src = {.family = is_ipv6 ? ADDR_IPV6 : ADDR_IPV4},
		.dst = {.family = is_ipv6 ? ADDR_IPV6 : ADDR_IPV4}};
	struct icmp_answer answer;

	if (icmp_read_answer(&answer, quote.src.family, data, size) < 0)
		return 0;
	if (answer.is_error) {
		fuzz_require(icmp_build_error(out, sizeof(out), &quote,
					      &quote.dst,
					      &answer) <= sizeof(out));
		return 0;
	}
	fuzz_require(answer.data >= data &&
		     answer.data + answer.length <= data + size);
	fuzz_require(icmp_build_reply(out, sizeof(out), &quote, &answer) <=
		     sizeof(out));
	return 0;
}
