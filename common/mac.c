// SPDX-License-Identifier: BSD-2-Clause
#include "common/mac.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (c >= 'A' && c <= 'F')
		c = (char)(c + ('a' - 'A'));
	at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

int mac_parse(struct mac *mac, const char *text)
{
	struct mac parsed;

	if (strlen(text) != MAC_TEXT_SIZE - 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(parsed.bytes); i++) {
		int high = digit(text[3 * i]), low = digit(text[3 * i + 1]);
		char end = text[3 * i + 2];

		if (high < 0 || low < 0 ||
		    (i + 1 < sizeof(parsed.bytes) && end != ':' && end != '-'))
			return -EINVAL;
		parsed.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*mac = parsed;
	return 0;
}

const char *mac_format(const struct mac *mac, char out[MAC_TEXT_SIZE])
{
	const uint8_t *b = mac->bytes;

	snprintf(out, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0],
		 b[1], b[2], b[3], b[4], b[5]);
	return out;
}
