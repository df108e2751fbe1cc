// SPDX-License-Identifier: BSD-2-Clause
/*
 * Firewalls, from what `nft list ruleset` prints.  Only what hurts is named: a
 * policy that drops what comes in is fine as long as the same table lets
 * replies through, and masquerading hurts only a host that forwards.
 */
#include "routed/doctor.h"

#include <string.h>

#define NAME_SIZE 128

struct scan {
	struct doctor *doctor;
	const struct doctor_facts *facts;
	const char *tun;
	char table[NAME_SIZE]; /* "inet filter" */
	char chain[NAME_SIZE];
	char dropping[NAME_SIZE]; /* the chain of input that drops */
	bool has_replies;         /* the table knows of connections */
	bool is_ours;
	bool is_postrouting, is_tun_let_by;
};

/* What stands between a word and " {". */
static void take_name(char *out, const char *line, const char *word)
{
	const char *name = line + strlen(word);
	size_t length = strcspn(name, "{");

	while (length && name[length - 1] == ' ')
		length--;
	snprintf(out, NAME_SIZE, "%.*s", (int)length, name);
}

static void end_table(struct scan *scan)
{
	if (!scan->dropping[0] || scan->has_replies)
		return;
	struct doctor_finding *finding =
		doctor_add(scan->doctor, "firewall-input", true);
	DOCTOR_SAY(finding->what,
		   "chain '%s' of nftables table '%s' drops what comes in, "
		   "replies too",
		   scan->dropping, scan->table);
	DOCTOR_SAY(finding->why,
		   "the answers of every connection that we carry come in by "
		   "'%s', and those of dnsd by 'lo'",
		   scan->tun);
	DOCTOR_SAY(finding->mend,
		   "nft insert rule %s %s ct state established,related accept",
		   scan->table, scan->dropping);
	scan->dropping[0] = '\0';
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

static void look_at_postrouting(struct scan *scan, const char *line)
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
		   scan->chain, scan->table, scan->tun);
	DOCTOR_SAY(finding->why,
		   "this host forwards for others, and rules by source and "
		   "limits per source then see one address for all of them");
	DOCTOR_SAY(finding->mend,
		   "nft insert rule %s %s oifname '\"%s\"' accept", scan->table,
		   scan->chain, scan->tun);
}

static void look_at(struct scan *scan, const char *line)
{
	if (strncmp(line, "table ", 6) == 0) {
		end_table(scan);
		take_name(scan->table, line, "table ");
		scan->has_replies = false;
		scan->dropping[0] = '\0';
		scan->is_ours = strstr(scan->table, " " TABLE_NAME) != NULL;
		return;
	}
	if (scan->is_ours)
		return;
	if (strncmp(line, "chain ", 6) == 0) {
		take_name(scan->chain, line, "chain ");
		scan->is_postrouting = scan->is_tun_let_by = false;
		return;
	}
	if (strstr(line, "hook input") && strstr(line, "policy drop") &&
	    strncmp(scan->table, "bridge ", 7) != 0)
		snprintf(scan->dropping, NAME_SIZE, "%s", scan->chain);
	if (strstr(line, "type nat hook postrouting"))
		scan->is_postrouting = true;
	if (strstr(line, "ct state") || strstr(line, "conntrack"))
		scan->has_replies = true;
	if (scan->is_postrouting && scan->facts->is_forwarding)
		look_at_postrouting(scan, line);
}

void doctor_find_firewalls(struct doctor *doctor,
			   const struct doctor_facts *facts)
{
	struct scan scan = {.doctor = doctor, .facts = facts};
	const char *rest = facts->ruleset;
	char line[DOCTOR_TEXT_SIZE];

	if (!rest || !facts->config)
		return;
	scan.tun = facts->config->routed.tun;
	while (*rest) {
		size_t length = strcspn(rest, "\n");
		size_t indent = strspn(rest, "\t ");

		if (indent < length) {
			snprintf(line, sizeof(line), "%.*s",
				 (int)(length - indent), rest + indent);
			look_at(&scan, line);
		}
		rest += length + (rest[length] == '\n');
	}
	end_table(&scan);
}
