// SPDX-License-Identifier: BSD-2-Clause
/*
 * fake_nft.h - nft.h with tables of paper behind it, in the place of the real
 * one at link time.
 *
 * It knows what firewall.c says: lists of tables, additions and deletions of
 * whole ones, and elements that are added.
 */
#ifndef ERSATZ_TESTS_FAKE_NFT_H
#define ERSATZ_TESTS_FAKE_NFT_H

#include "routed/nft.h"

#include <stdbool.h>

#define FAKE_NFT_TEXT 65536

struct fake_table {
	bool is_there;
	char text[FAKE_NFT_TEXT]; /* between the braces */
};

struct fake_nft {
	struct fake_table plain, live;
	unsigned changes;      /* that came out */
	unsigned handle;       /* of the next table */
	int failure;           /* of each change; 0: none */
	bool is_without_owner; /* an old kernel */
	char element[256];     /* that was added last */
	/* Called before each change that comes out. */
	void (*on_change)(void);
};

extern struct fake_nft fake_nft;

void fake_nft_reset(void);

/* `nft flush ruleset` of another program. */
void fake_nft_flush(void);

#endif
