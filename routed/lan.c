// SPDX-License-Identifier: BSD-2-Clause
#include "routed/lan.h"

#include "common/err.h"
#include "routed/blockade.h"
#include "routed/forwarding.h"
#include "routed/side.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST "list table inet " SIDE_TABLE "\n"
#define DELETE "delete table inet " SIDE_TABLE "\n"
#define COUNTERS "list counters table inet " SIDE_TABLE "\n"

void lan_init(struct lan *lan, const char *run_dir)
{
	memset(lan, 0, sizeof(*lan));
	lan->sysctls.run_dir = run_dir;
	lan->failures.burst = 3;
}

void lan_set_run_dir(struct lan *lan, const char *run_dir)
{
	lan->sysctls.run_dir = run_dir;
}

static void forget(struct lan *lan)
{
	free(lan->text);
	free(lan->listing);
	lan->text = lan->listing = NULL;
}

void lan_fini(struct lan *lan)
{
	forget(lan);
	nft_close(lan->nft);
	nl_elements_close(lan->elements);
	sysctls_fini(&lan->sysctls);
	lan->nft = NULL;
}

static int tell(int ret, const char *what, const char *error, char *why)
{
	snprintf(why, LAN_WHY_SIZE,
		 "cannot %s the nftables table for devices behind this host: "
		 "%s",
		 what, error[0] ? error : err_text(ret));
	return ret;
}

/* The listing, or NULL where there is no such table. */
static int list(struct lan *lan, char **text, char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	int ret = lan->nft ? 0 : nft_open(&lan->nft);

	*text = NULL;
	if (ret == 0)
		ret = nft_show(lan->nft, LIST, true, text, error);
	if (ret == 0 || ret == -ENOENT)
		return 0;
	return tell(ret, "read", error, why);
}

static bool is_ours(const char *listing)
{
	return strstr(listing, "comment \"" SIDE_COMMENT "\"");
}

/* 1: there is one, and it is ours. */
static int look(struct lan *lan, char *why)
{
	char *text;
	int ret = list(lan, &text, why);

	if (ret < 0 || !text)
		return ret;
	ret = is_ours(text) ? 1 : ERR_FOREIGN;
	if (ret < 0)
		snprintf(why, LAN_WHY_SIZE,
			 "another program has the nftables table "
			 "'inet " SIDE_TABLE "', which is not ours: see 'nft "
			 "list table inet " SIDE_TABLE "'");
	free(text);
	return ret;
}

static void put_elements(FILE *out, const struct lan_table *table,
			 uint8_t family)
{
	const char *before = "add element inet " SIDE_TABLE " " SIDE_SET;
	char text[ADDR_TEXT_SIZE];
	bool is_first = true;

	for (size_t i = 0; i < table->direct_count; i++) {
		const struct addr *addr = &table->directs[i].addr;

		if (addr->family != family)
			continue;
		if (is_first)
			fprintf(out, "%s%d { ", before, family);
		fprintf(out, "%s%s", is_first ? "" : ", ",
			addr_format(addr, text, sizeof(text)));
		is_first = false;
	}
	if (!is_first)
		fputs(" }\n", out);
}

/* NULL: no memory. */
static char *replacement(const struct lan_table *table)
{
	char *commands = NULL;
	size_t length;
	FILE *out = open_memstream(&commands, &length);

	if (!out)
		return NULL;
	fprintf(out,
		"add table inet " SIDE_TABLE "\n" DELETE
		"table inet " SIDE_TABLE " {\n%s}\n",
		table->text);
	put_elements(out, table, ADDR_IPV4);
	put_elements(out, table, ADDR_IPV6);
	if (fclose(out) == 0)
		return commands;
	free(commands);
	return NULL;
}

static int replace(struct lan *lan, const struct lan_table *table, char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	char *commands = replacement(table);
	int ret = commands ? nft_change(lan->nft, commands, error) : -ENOMEM;

	free(commands);
	if (ret < 0)
		return tell(ret, "make", error, why);
	forget(lan);
	lan->has_told_loop = false; /* nor has the kernel, of this one */
	lan->text = strdup(table->text);
	return lan->text ? list(lan, &lan->listing, why) : -ENOMEM;
}

static int has_changed(struct lan *lan, char *why)
{
	char *now;
	int ret = list(lan, &now, why);

	if (ret < 0)
		return ret;
	ret = !now || !lan->listing || strcmp(now, lan->listing) != 0;
	free(now);
	return ret;
}

static int put(struct lan *lan, const struct lan_table *table, char *why)
{
	const bool is_same = lan->text && strcmp(lan->text, table->text) == 0;
	int ret = 0;

	if (is_same && lan->is_unlike)
		ret = 1;
	else if (is_same && table->is_dirty)
		ret = has_changed(lan, why);
	if (ret < 0 || (is_same && ret == 0))
		return ret;
	lan->before = lan_counters(lan);
	ret = look(lan, why);
	if (ret >= 0)
		ret = replace(lan, table, why);
	lan->is_unlike = ret < 0;
	return ret < 0 ? ret : 1;
}

/* The kernel has told of the first packet, by an event of nftables. */
static void tell_loop(struct lan *lan)
{
	uint64_t loops = lan->has_told_loop ? 0 : lan_counters(lan).loops;

	if (!loops)
		return;
	lan->has_told_loop = true;
	log_warning("packets of this host came back to it, and are dropped: a "
		    "router sends to us what we send to it, as its default "
		    "route, or another one, leads here; 'routed --doctor' has "
		    "the number");
}

int lan_put(struct lan *lan, const struct lan_table *table, char *why)
{
	const bool has_leftover = !lan->has_begun;

	lan->has_begun = true;
	if (table->is_dirty)
		tell_loop(lan);
	if (table->text)
		return put(lan, table, why);
	return lan->text || has_leftover ? lan_remove(lan, why) : 0;
}

int lan_change_directs(struct lan *lan, const struct addr *removed,
		       size_t removed_count, const struct addr *added,
		       size_t added_count)
{
	const struct nl_elements_change change = {
		.table = SIDE_TABLE,
		.sets = {SIDE_SET "4", SIDE_SET "6"},
		.removed = removed,
		.removed_count = removed_count,
		.added = added,
		.added_count = added_count,
	};
	int ret = 0;

	if (!lan->text)
		return 0;
	if (!lan->elements)
		ret = nl_elements_open(&lan->elements);
	if (ret == 0)
		ret = nl_elements_apply(lan->elements, &change);
	/* The next lan_put() makes it anew. */
	if (ret < 0)
		lan->is_unlike = true;
	return ret;
}

static void tell_blockade(const struct blockade *one, const char *tun,
			  const char *interface)
{
	log_warning("chain '%s' of nftables table '%s' lets nothing through "
		    "from '%s' to '%s': devices there are not served; do: %s",
		    one->chain, one->table, interface, tun, one->mend);
}

static void look_for_blockades(struct lan *lan, const struct config *config,
			       const struct plan_facts *facts)
{
	struct blockade list[BLOCKADE_MAX];
	char error[NFT_ERROR_SIZE], *ruleset;

	if (nft_show(lan->nft, "list ruleset\n", true, &ruleset, error) < 0)
		return;
	for (size_t i = 0; i < facts->gateway_count; i++) {
		const char *name = facts->gateways[i];
		size_t count = 0;

		if (config_names_gateway(config, name))
			count = blockade_find(list, ruleset, config->routed.tun,
					      name);
		for (size_t b = 0; b < count; b++)
			tell_blockade(&list[b], config->routed.tun, name);
	}
	free(ruleset);
}

void lan_open(struct lan *lan, const struct config *config,
	      const struct nl_state *found, const struct plan_facts *facts)
{
	struct forwarding forwarding;

	if (forwarding_plan(&forwarding, config, found, facts) == 0)
		forwarding_apply(&forwarding, &lan->sysctls, &lan->failures);
	forwarding_fini(&forwarding);
	if (lan->text && !lan->has_looked)
		look_for_blockades(lan, config, facts);
	lan->has_looked = lan->text;
}

void lan_close(struct lan *lan)
{
	/* What could not be put back has been logged. */
	if (lan->sysctls.count && sysctls_restore(&lan->sysctls) < 0)
		log_debug("not all settings are as they were");
}

int lan_remove(struct lan *lan, char *why)
{
	char error[NFT_ERROR_SIZE] = "";
	int ret;

	lan->before = lan_counters(lan);
	ret = look(lan, why);
	forget(lan);
	if (ret <= 0)
		return ret;
	ret = nft_change(lan->nft, DELETE, error);
	return ret < 0 ? tell(ret, "remove", error, why) : 1;
}

void lan_forget_leftover(struct lan *lan)
{
	char why[LAN_WHY_SIZE];

	if (!lan->has_begun && lan_remove(lan, why) < 0)
		log_debug("%s", why);
}

int lan_recover(const char *run_dir, bool keeps_table, char *why)
{
	struct lan lan;
	int settings = 0, table = 0;

	lan_init(&lan, run_dir);
	if (run_dir)
		settings = sysctls_recover(run_dir);
	if (settings < 0)
		snprintf(why, LAN_WHY_SIZE, "cannot put settings back: %s",
			 err_text(settings));
	if (!keeps_table)
		table = lan_remove(&lan, why);
	/* Nor is a table of somebody else something of ours. */
	if (table == ERR_FOREIGN)
		table = 0;
	lan_fini(&lan);
	return settings < 0 ? settings : table < 0 ? table : settings || table;
}

static void parse(struct lan_counters *counters, const char *text)
{
	const struct {
		const char *head;
		uint64_t *value;
	} members[] = {
		{"counter " SIDE_COUNTER_LOOP " {", &counters->loops},
		{"counter " SIDE_COUNTER_STRANDED " {", &counters->stranded},
	};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const char *at = strstr(text, members[i].head);
		uint64_t packets;

		if (at && sscanf(at + strlen(members[i].head),
				 " packets %" SCNu64, &packets) == 1)
			*members[i].value += packets;
	}
}

struct lan_counters lan_counters(struct lan *lan)
{
	struct lan_counters counters = lan->before;
	char error[NFT_ERROR_SIZE];
	char *text;

	if (!lan->listing ||
	    nft_show(lan->nft, COUNTERS, false, &text, error) < 0)
		return counters;
	parse(&counters, text);
	free(text);
	return counters;
}
