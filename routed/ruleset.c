// SPDX-License-Identifier: BSD-2-Clause
#include "routed/ruleset.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TABLE "table "
#define CHAIN "chain "

/* If the line begins with that word: what stands between it and " {". */
static bool take_name(char *out, const char *line, const char *word)
{
	const char *name = line + strlen(word);
	size_t length;

	if (strncmp(line, word, strlen(word)) != 0)
		return false;
	length = strcspn(name, "{");
	while (length && name[length - 1] == ' ')
		length--;
	snprintf(out, RULESET_NAME_SIZE, "%.*s", (int)length, name);
	return true;
}

static void end_table(const struct ruleset_place *place,
		      const struct ruleset_reader *reader, void *ctx)
{
	if (place->table[0] && reader->on_table_end)
		reader->on_table_end(ctx, place);
}

static void take_line(struct ruleset_place *place, const char *line,
		      const struct ruleset_reader *reader, void *ctx)
{
	if (strncmp(line, TABLE, strlen(TABLE)) == 0) {
		end_table(place, reader, ctx);
		(void)take_name(place->table, line, TABLE);
		place->chain[0] = '\0';
	} else if (take_name(place->chain, line, CHAIN)) {
		if (reader->on_chain)
			reader->on_chain(ctx, place);
	} else if (reader->on_line) {
		reader->on_line(ctx, place, line);
	}
}

void ruleset_read(const char *ruleset, const struct ruleset_reader *reader,
		  void *ctx)
{
	struct ruleset_place place = {.table = ""};
	const char *rest = ruleset;
	char line[RULESET_LINE_SIZE];

	while (*rest) {
		size_t length = strcspn(rest, "\n");
		size_t indent = strspn(rest, "\t ");

		if (indent < length) {
			snprintf(line, sizeof(line), "%.*s",
				 (int)(length - indent), rest + indent);
			take_line(&place, line, reader, ctx);
		}
		rest += length + (rest[length] == '\n');
	}
	end_table(&place, reader, ctx);
}
