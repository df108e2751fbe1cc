// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/fake_nft.h"

#include "routed/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake_nft fake_nft;

void fake_nft_reset(void)
{
	memset(&fake_nft, 0, sizeof(fake_nft));
}

void fake_nft_flush(void)
{
	fake_nft.plain.is_there = false;
}

static bool begins(const char **text, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*text, word, length) != 0)
		return false;
	*text += length;
	return true;
}

/* "ersatz" or "ersatz_live", up to `end`. */
static struct fake_table *table_at(const char **text, const char *end)
{
	char name[64];

	snprintf(name, sizeof(name), TABLE_NAME_LIVE "%s", end);
	if (begins(text, name))
		return &fake_nft.live;
	snprintf(name, sizeof(name), TABLE_NAME "%s", end);
	assert_true(begins(text, name));
	return &fake_nft.plain;
}

static int make(const char **text)
{
	struct fake_table *table = table_at(text, " {\n");
	const char *end = strstr(*text, "\n}\n");

	assert_non_null(end);
	assert_false(table->is_there && table == &fake_nft.live);
	table->is_there = true;
	snprintf(table->text, sizeof(table->text), "# handle %u\n%.*s",
		 ++fake_nft.handle, (int)(end - *text), *text);
	*text = end + strlen("\n}\n");
	return 0;
}

static int drop(const char **text)
{
	struct fake_table *table = table_at(text, "\n");

	if (!table->is_there)
		return -ENOENT;
	table->is_there = false;
	return 0;
}

static int add_element(const char **text)
{
	const struct fake_table *table = table_at(text, " ");
	size_t length = strcspn(*text, "\n");

	if (!table->is_there)
		return -ENOENT;
	snprintf(fake_nft.element, sizeof(fake_nft.element), "%.*s",
		 (int)length, *text);
	*text += length + 1;
	return 0;
}

static int obey(const char **text)
{
	if (begins(text, "add table inet ")) {
		table_at(text, "\n")->is_there = true;
		return 0;
	}
	if (begins(text, "delete table inet "))
		return drop(text);
	if (begins(text, "add element inet "))
		return add_element(text);
	assert_true(begins(text, "table inet "));
	return make(text);
}

int nft_open(struct nft **nft)
{
	*nft = (struct nft *)&fake_nft;
	return 0;
}

void nft_close(struct nft *nft)
{
	if (nft)
		fake_nft.live.is_there = false;
}

int nft_change(struct nft *nft, const char *commands, char *error)
{
	int ret = fake_nft.failure;

	(void)nft;
	if (ret == 0 && fake_nft.is_without_owner &&
	    strstr(commands, "flags owner"))
		ret = -EINVAL;
	if (ret == 0 && fake_nft.on_change)
		fake_nft.on_change();
	while (ret == 0 && *commands)
		ret = obey(&commands);
	if (ret == 0)
		fake_nft.changes++;
	else
		snprintf(error, NFT_ERROR_SIZE, "Error: %s", strerror(-ret));
	return ret;
}

int nft_show(struct nft *nft, const char *command, bool is_still, char **text,
	     char *error)
{
	const struct fake_table *table;

	(void)nft;
	(void)is_still;
	if (strncmp(command, "list counters", 13) == 0) {
		*text = strdup("counter " TABLE_COUNTER_CLOSED
			       " {\n packets 3 bytes 9\n}\n");
		return 0;
	}
	assert_true(begins(&command, "list table inet "));
	table = table_at(&command, "\n");
	if (!table->is_there) {
		strcpy(error, "Error: No such file or directory");
		return -ENOENT;
	}
	*text = strdup(table->text);
	return *text ? 0 : -ENOMEM;
}
