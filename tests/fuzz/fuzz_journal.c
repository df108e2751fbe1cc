// SPDX-License-Identifier: BSD-2-Clause
/* What an earlier routed left in the run folder. */
#include "routed/journal.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void on_tun(void *ctx, const char *name, int ifindex)
{
	(void)ctx;
	(void)ifindex;
	fuzz_require(strlen(name) < IFNAMSIZ);
}

static void on_table(void *ctx, bool is_removal)
{
	(void)ctx;
	(void)is_removal;
}

static void on_change(void *ctx, const struct nl_change *change)
{
	const struct nl_object *object = &change->object;

	(void)ctx;
	fuzz_require(object->kind <= NL_OBJECT_RULE);
	if (object->kind == NL_OBJECT_RULE)
		fuzz_require(strnlen(object->rule.iif, IFNAMSIZ) < IFNAMSIZ &&
			     strnlen(object->rule.oif, IFNAMSIZ) < IFNAMSIZ);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct journal_reader reader = {on_tun, on_table, on_change};

	fuzz_folder_file(JOURNAL_FILE, data, size);
	fuzz_require(journal_read(fuzz_folder(), &reader, NULL) <= 0);
	return 0;
}
