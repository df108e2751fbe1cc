// SPDX-License-Identifier: BSD-2-Clause
#include "routed/firewall.h"

#include "common/err.h"
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_PLAIN "list table inet " TABLE_NAME "\n"
#define DELETE_PLAIN "delete table inet " TABLE_NAME "\n"
#define DELETE_LIVE "delete table inet " TABLE_NAME_LIVE "\n"

static void forget(struct firewall *firewall)
{
	free(firewall->text);
	free(firewall->listing);
	firewall->text = firewall->listing = NULL;
	firewall->has_live = false;
}

void firewall_fini(struct firewall *firewall)
{
	forget(firewall);
	nft_close(firewall->nft);
	firewall->nft = NULL;
}

static int tell(int ret, const char *what, const char *error, char *why)
{
	snprintf(why, FIREWALL_WHY_SIZE, "cannot %s the nftables table: %s",
		 what, error[0] ? error : err_text(ret));
	return ret;
}

static int open_nft(struct firewall *firewall, char *why)
{
	int ret = firewall->nft ? 0 : nft_open(&firewall->nft);

	return ret < 0 ? tell(ret, "get at", "", why) : 0;
}

/*
 * The listing, or NULL where there is no such table.  Of the other one there is
 * none: nobody but us can change it, and for a table with an owner libnftables
 * looks through the descriptors of every process for the name of the program.
 */
static int list(struct firewall *firewall, char **text, char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	int ret = nft_show(firewall->nft, LIST_PLAIN, true, text, error);

	if (ret == 0)
		return 0;
	*text = NULL;
	return ret == -ENOENT ? 0 : tell(ret, "read", error, why);
}

static enum firewall_kind kind_of(const char *listing)
{
	static const struct {
		const char *comment;
		enum firewall_kind kind;
	} kinds[] = {
		{"comment \"" TABLE_COMMENT_OPEN "\"", FIREWALL_OPEN},
		{"comment \"" TABLE_COMMENT_CLOSED "\"", FIREWALL_CLOSED},
		{"comment \"" TABLE_COMMENT_GUARD "\"", FIREWALL_GUARD},
	};

	if (!listing)
		return FIREWALL_NONE;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strstr(listing, kinds[i].comment))
			return kinds[i].kind;
	}
	return FIREWALL_FOREIGN;
}

int firewall_look(struct firewall *firewall, enum firewall_kind *kind,
		  char *why)
{
	char *text;
	int ret = open_nft(firewall, why);

	if (ret == 0)
		ret = list(firewall, &text, why);
	if (ret < 0)
		return ret;
	*kind = kind_of(text);
	free(text);
	return 0;
}

/* The commands that replace one of the two; NULL: no memory. */
static char *replacement(const char *name, const char *before,
			 const char *flags, const char *text)
{
	char *commands;

	if (asprintf(&commands, "%stable inet %s {\n%s%s}\n", before, name,
		     flags, text) < 0)
		return NULL;
	return commands;
}

static int change(struct firewall *firewall, char *commands, char *error)
{
	int ret =
		commands ? nft_change(firewall->nft, commands, error) : -ENOMEM;

	free(commands);
	return ret;
}

/* What it adds is only for the moment of a foreign flush: it may fail. */
static void put_live(struct firewall *firewall, const char *text)
{
	const bool is_there = firewall->has_live;
	char error[NFT_ERROR_SIZE] = "";
	int ret;

	if (firewall->is_without_owner)
		return;
	ret = change(firewall,
		     replacement(TABLE_NAME_LIVE, is_there ? DELETE_LIVE : "",
				 "\tflags owner\n", text),
		     error);
	if (ret < 0) {
		firewall->is_without_owner = !is_there;
		log_info("no table that others cannot remove: %s",
			 error[0] ? error : err_text(ret));
		return;
	}
	firewall->has_live = true;
}

static int put_plain(struct firewall *firewall, const char *text, char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	int ret = change(firewall,
			 replacement(TABLE_NAME,
				     "add table inet " TABLE_NAME
				     "\n" DELETE_PLAIN,
				     "", text),
			 error);

	if (ret < 0)
		return tell(ret, "make", error, why);
	free(firewall->listing);
	firewall->listing = NULL;
	return list(firewall, &firewall->listing, why);
}

int firewall_put(struct firewall *firewall, const char *text, char *why)
{
	struct firewall_counters now = firewall_counters(firewall);
	enum firewall_kind kind;
	char *copy;
	int ret = firewall_look(firewall, &kind, why);

	if (ret < 0)
		return ret;
	if (kind == FIREWALL_FOREIGN) {
		snprintf(why, FIREWALL_WHY_SIZE,
			 "another program has the nftables table "
			 "'inet " TABLE_NAME
			 "', which is not ours: see 'nft list table "
			 "inet " TABLE_NAME "'");
		return ERR_FOREIGN;
	}
	copy = strdup(text);
	if (!copy)
		return tell(-ENOMEM, "make", "", why);
	ret = put_plain(firewall, text, why);
	if (ret == 0)
		put_live(firewall, text);
	free(firewall->text);
	firewall->text = copy;
	firewall->before = now;
	return ret;
}

int firewall_has_changed(struct firewall *firewall, char *why)
{
	char *now;
	int ret;

	if (!firewall->listing)
		return 0;
	ret = list(firewall, &now, why);
	if (ret < 0)
		return ret;
	ret = !now || strcmp(now, firewall->listing) != 0;
	free(now);
	return ret;
}

int firewall_add_direct(struct firewall *firewall, const struct prefix *prefix,
			char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	char command[TABLE_COMMAND_SIZE];
	int ret;

	if (!firewall->listing)
		return 0;
	table_add_direct(prefix, TABLE_NAME, command);
	ret = nft_change(firewall->nft, command, error);
	if (ret == 0 && firewall->has_live) {
		table_add_direct(prefix, TABLE_NAME_LIVE, command);
		ret = nft_change(firewall->nft, command, error);
	}
	return ret < 0 ? tell(ret, "add to", error, why) : 0;
}

static int put_guard(struct firewall *firewall, const char *guard, char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	int ret = change(firewall,
			 replacement(TABLE_NAME,
				     "add table inet " TABLE_NAME
				     "\n" DELETE_PLAIN,
				     "", guard),
			 error);

	return ret < 0 ? tell(ret, "make a guard of", error, why) : 1;
}

int firewall_remove(struct firewall *firewall, const char *guard, char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	enum firewall_kind kind;
	int ret = firewall_look(firewall, &kind, why);

	if (ret < 0)
		return ret;
	if (guard && kind != FIREWALL_FOREIGN) {
		ret = put_guard(firewall, guard, why);
	} else if (kind != FIREWALL_NONE && kind != FIREWALL_FOREIGN) {
		ret = nft_change(firewall->nft, DELETE_PLAIN, error);
		ret = ret < 0 ? tell(ret, "remove", error, why) : 1;
	}
	if (firewall->has_live &&
	    nft_change(firewall->nft, DELETE_LIVE, error) < 0)
		log_debug("the live table goes with us: %s", error);
	forget(firewall);
	return ret;
}

void firewall_parse_counters(struct firewall_counters *counters,
			     const char *text)
{
	const struct {
		const char *head;
		uint64_t *value;
	} members[] = {
		{"counter " TABLE_COUNTER_POOL_OUT " {", &counters->pool_out},
		{"counter " TABLE_COUNTER_POOL_IN " {", &counters->pool_in},
		{"counter " TABLE_COUNTER_CLOSED " {", &counters->closed},
	};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const char *at = strstr(text, members[i].head);
		uint64_t packets;

		if (at && sscanf(at + strlen(members[i].head),
				 " packets %" SCNu64, &packets) == 1)
			*members[i].value += packets;
	}
}

static void add_counters(struct firewall *firewall, const char *command,
			 struct firewall_counters *counters)
{
	char error[NFT_ERROR_SIZE];
	char *text;

	if (nft_show(firewall->nft, command, false, &text, error) < 0)
		return;
	firewall_parse_counters(counters, text);
	free(text);
}

struct firewall_counters firewall_counters(struct firewall *firewall)
{
	struct firewall_counters counters = firewall->before;

	if (firewall->listing)
		add_counters(firewall,
			     "list counters table inet " TABLE_NAME "\n",
			     &counters);
	if (firewall->has_live)
		add_counters(firewall,
			     "list counters table inet " TABLE_NAME_LIVE "\n",
			     &counters);
	return counters;
}
