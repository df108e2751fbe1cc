// SPDX-License-Identifier: BSD-2-Clause
/*
 * mac.h - the address of a network card.
 */
#ifndef ERSATZ_COMMON_MAC_H
#define ERSATZ_COMMON_MAC_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdint.h>

#define MAC_TEXT_SIZE 18

struct mac {
	uint8_t bytes[6];
};

/* "02:42:ac:11:00:02" or with dashes; -EINVAL for anything else. */
NODISCARD int mac_parse(struct mac *mac, const char *text);

/* With colons, in lower case; returns `out`. */
const char *mac_format(const struct mac *mac, char out[MAC_TEXT_SIZE]);

#endif
