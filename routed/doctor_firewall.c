// SPDX-License-Identifier: BSD-2-Clause
/*
 * Firewalls, from what `nft list ruleset` prints.  Only what hurts is named: a
 * policy that drops what comes in is fine as long as the same table lets
 * replies through, and masquerading hurts only a host that forwards.
 */
#include "routed/doctor.h"
#include "routed/ruleset.h"

#include <string.h>

struct scan {
	struct doctor *doctor;
	const struct doctor_facts *facts;
	const char *tun;
	char dropping[RULESET_NAME_SIZE]; /* the chain of input that drops */
	bool has_replies;                 /* the table knows of connections */
	bool is_postrouting, is_tun_let_by;
};

static void tell_dropping(struct scan *scan, const struct ruleset_place *place)
{
	struct doctor_finding *finding =
		doctor_add(scan->doctor, "firewall-input", true);
	DOCTOR_SAY(finding->what,
		   "chain '%s' of nftables table '%s' drops what comes in, "
		   "replies too",
		   scan->dropping, place->table);
	DOCTOR_SAY(finding->why,
		   "the answers of every connection that we carry come in by "
		   "'%s', and those of dnsd by 'lo'",
		   scan->tun);
	DOCTOR_SAY(finding->mend,
		   "nft insert rule %s %s ct state established,related accept",
		   place->table, scan->dropping);
}

static void on_table_end(void *ctx, const struct ruleset_place *place)
{
	struct scan *scan = ctx;

	if (scan->dropping[0] && !scan->has_replies)
		tell_dropping(scan, place);
	scan->dropping[0] = '\0';
	scan->has_replies = false;
}

static bool is_limited(const char *line, const char *end)
{
	static const char *const words[] = {
		"oif", "iif", "addr", "mark", "dport", "sport", "xt ", "ct ",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *found = strstr(line, words[i]);

		if (found && found < end)
			return true;
	}
	return false;
}

static void look_at_postrouting(struct scan *scan,
				const struct ruleset_place *place,
				const char *line)
{
	const char *masquerade = strstr(line, "masquerade");
	char tun[IFNAMSIZ + 16];

	snprintf(tun, sizeof(tun), "oifname \"%s\"", scan->tun);
	if (strstr(line, tun) && strstr(line, "accept"))
		scan->is_tun_let_by = true;
	if (!masquerade || scan->is_tun_let_by || is_limited(line, masquerade))
		return;
	struct doctor_finding *finding =
		doctor_add(scan->doctor, "firewall-masquerade", true);
	DOCTOR_SAY(finding->what,
		   "chain '%s' of nftables table '%s' masquerades whatever "
		   "leaves, into '%s' too",
		   place->chain, place->table, scan->tun);
	DOCTOR_SAY(finding->why,
		   "this host forwards for others, and rules by source and "
		   "limits per source then see one address for all of them");
	DOCTOR_SAY(finding->mend,
		   "nft insert rule %s %s oifname '\"%s\"' accept",
		   place->table, place->chain, scan->tun);
}

static void on_chain(void *ctx, const struct ruleset_place *place)
{
	struct scan *scan = ctx;

	(void)place;
	scan->is_postrouting = scan->is_tun_let_by = false;
}

static void on_line(void *ctx, const struct ruleset_place *place,
		    const char *line)
{
	struct scan *scan = ctx;

	if (strstr(place->table, " " TABLE_NAME))
		return; /* ours */
	if (strstr(line, "hook input") && strstr(line, "policy drop") &&
	    strncmp(place->table, "bridge ", 7) != 0)
		memcpy(scan->dropping, place->chain, sizeof(scan->dropping));
	if (strstr(line, "type nat hook postrouting"))
		scan->is_postrouting = true;
	if (strstr(line, "ct state") || strstr(line, "conntrack"))
		scan->has_replies = true;
	if (scan->is_postrouting && scan->facts->is_forwarding)
		look_at_postrouting(scan, place, line);
}

void doctor_find_firewalls(struct doctor *doctor,
			   const struct doctor_facts *facts)
{
	const struct ruleset_reader reader = {on_table_end, on_chain, on_line};
	struct scan scan = {.doctor = doctor, .facts = facts};

	if (!facts->ruleset || !facts->config)
		return;
	scan.tun = facts->config->routed.tun;
	ruleset_read(facts->ruleset, &reader, &scan);
}
