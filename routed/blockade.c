// SPDX-License-Identifier: BSD-2-Clause
#include "routed/blockade.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 512

struct scan {
	struct blockade *list;
	size_t count;
	const char *tun, *interface;
	char table[BLOCKADE_NAME_SIZE], chain[BLOCKADE_NAME_SIZE];
	char blocking[BLOCKADE_NAME_SIZE]; /* chain of this table */
	bool is_forward;                   /* this chain is at the hook */
	bool is_open, is_docker, is_ufw;   /* this table */
};

/* What stands between a word and " {". */
static void take_name(char *out, const char *line, const char *word)
{
	const char *name = line + strlen(word);
	size_t length = strcspn(name, "{");

	while (length && name[length - 1] == ' ')
		length--;
	snprintf(out, BLOCKADE_NAME_SIZE, "%.*s", (int)length, name);
}

static void tell_mend(const struct scan *scan, struct blockade *one)
{
	const char *in = scan->interface, *tun = scan->tun;
	char *out = one->mend;
	const size_t size = sizeof(one->mend);
	const char *ip =
		strncmp(scan->table, "ip6 ", 4) == 0 ? "ip6tables" : "iptables";

	if (scan->is_ufw)
		snprintf(out, size,
			 "ufw route allow in on %s out on %s && ufw route "
			 "allow in on %s out on %s",
			 in, tun, tun, in);
	else if (scan->is_docker)
		snprintf(out, size,
			 "%s -I DOCKER-USER -i %s -o %s -j ACCEPT && %s -I "
			 "DOCKER-USER -i %s -o %s -j ACCEPT",
			 ip, in, tun, ip, tun, in);
	else if (strcmp(scan->table, "inet firewalld") == 0)
		snprintf(out, size,
			 "firewall-cmd --permanent --new-policy ersatz; "
			 "firewall-cmd --permanent --policy ersatz "
			 "--set-target ACCEPT --add-ingress-zone ANY "
			 "--add-egress-zone trusted; firewall-cmd --permanent "
			 "--zone trusted --add-interface %s; firewall-cmd "
			 "--reload",
			 tun);
	else
		snprintf(out, size,
			 "nft insert rule %s %s iifname %s oifname %s accept; "
			 "nft insert rule %s %s iifname %s oifname %s accept",
			 scan->table, one->chain, in, tun, scan->table,
			 one->chain, tun, in);
}

static void end_table(struct scan *scan)
{
	if (scan->blocking[0] && !scan->is_open && scan->count < BLOCKADE_MAX) {
		struct blockade *one = &scan->list[scan->count++];

		memcpy(one->table, scan->table, sizeof(one->table));
		memcpy(one->chain, scan->blocking, sizeof(one->chain));
		tell_mend(scan, one);
	}
	scan->blocking[0] = '\0';
	scan->is_open = scan->is_docker = scan->is_ufw = false;
}

static bool has_link(const char *line, const char *word, const char *name)
{
	char text[IFNAMSIZ + 16];

	snprintf(text, sizeof(text), "%s \"%s\"", word, name);
	return strstr(line, text);
}

/* What that interface sends, to the TUN or wherever. */
static bool is_opening(const struct scan *scan, const char *line)
{
	return strstr(line, "accept") &&
	       (has_link(line, "oifname", scan->tun) ||
		(has_link(line, "iifname", scan->interface) &&
		 !strstr(line, "oifname") && !strstr(line, "addr")));
}

/* A rule without a condition. */
static bool is_end(const char *line)
{
	return strncmp(line, "drop", 4) == 0 ||
			       strncmp(line, "reject", 6) == 0 ||
			       strncmp(line, "counter packets", 15) == 0
		       ? strstr(line, "drop") || strstr(line, "reject")
		       : false;
}

static void look_at(struct scan *scan, const char *line)
{
	if (strncmp(line, "table ", 6) == 0) {
		end_table(scan);
		take_name(scan->table, line, "table ");
		return;
	}
	if (strncmp(line, "chain ", 6) == 0) {
		take_name(scan->chain, line, "chain ");
		scan->is_forward = false;
		scan->is_docker |= strcmp(scan->chain, "DOCKER-USER") == 0;
		scan->is_ufw |= strncmp(scan->chain, "ufw", 3) == 0;
		return;
	}
	if (strstr(line, "hook forward"))
		scan->is_forward = true;
	if (scan->is_forward && (strstr(line, "policy drop") || is_end(line)) &&
	    strncmp(scan->table, "bridge ", 7) != 0)
		memcpy(scan->blocking, scan->chain, sizeof(scan->blocking));
	scan->is_open |= is_opening(scan, line);
}

size_t blockade_find(struct blockade list[BLOCKADE_MAX], const char *ruleset,
		     const char *tun, const char *interface)
{
	struct scan scan = {.list = list, .tun = tun, .interface = interface};
	const char *rest = ruleset;
	char line[LINE_SIZE];

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
	return scan.count;
}
