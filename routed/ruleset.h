// SPDX-License-Identifier: BSD-2-Clause
/*
 * ruleset.h - going through what `nft list ruleset` prints, line by line.
 *
 * Which table and which chain a line is in; what a line says is for the one
 * who asks.  Pure.
 */
#ifndef ERSATZ_ROUTED_RULESET_H
#define ERSATZ_ROUTED_RULESET_H

#define RULESET_LINE_SIZE 512 /* longer ones are cut */
#define RULESET_NAME_SIZE 128

struct ruleset_place {
	char table[RULESET_NAME_SIZE]; /* "inet filter" */
	char chain[RULESET_NAME_SIZE]; /* "": none yet */
};

/* Any may be NULL. */
struct ruleset_reader {
	/* A table has ended, `place` is still in it. */
	void (*on_table_end)(void *ctx, const struct ruleset_place *place);
	void (*on_chain)(void *ctx, const struct ruleset_place *place);
	/* Any other line that is not empty, without what it is indented by. */
	void (*on_line)(void *ctx, const struct ruleset_place *place,
			const char *line);
};

void ruleset_read(const char *ruleset, const struct ruleset_reader *reader,
		  void *ctx);

#endif
