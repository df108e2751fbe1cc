// SPDX-License-Identifier: BSD-2-Clause
#include "routed/blockade.h"

#include "routed/ruleset.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

struct scan {
	struct blockade *list;
	size_t count;
	const char *tun, *interface;
	const char *table;
	char blocking[BLOCKADE_NAME_SIZE]; /* chain of this table */
	bool is_forward;                   /* this chain is at the hook */
	bool is_open, is_docker, is_ufw;   /* this table */
};

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

static void on_table_end(void *ctx, const struct ruleset_place *place)
{
	struct scan *scan = ctx;

	scan->table = place->table;
	if (scan->blocking[0] && !scan->is_open && scan->count < BLOCKADE_MAX) {
		struct blockade *one = &scan->list[scan->count++];

		memcpy(one->table, place->table, sizeof(one->table));
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

static void on_chain(void *ctx, const struct ruleset_place *place)
{
	struct scan *scan = ctx;

	scan->is_forward = false;
	scan->is_docker |= strcmp(place->chain, "DOCKER-USER") == 0;
	scan->is_ufw |= strncmp(place->chain, "ufw", 3) == 0;
}

static void on_line(void *ctx, const struct ruleset_place *place,
		    const char *line)
{
	struct scan *scan = ctx;

	if (strstr(line, "hook forward"))
		scan->is_forward = true;
	if (scan->is_forward && (strstr(line, "policy drop") || is_end(line)) &&
	    strncmp(place->table, "bridge ", 7) != 0)
		memcpy(scan->blocking, place->chain, sizeof(scan->blocking));
	scan->is_open |= is_opening(scan, line);
}

size_t blockade_find(struct blockade list[BLOCKADE_MAX], const char *ruleset,
		     const char *tun, const char *interface)
{
	const struct ruleset_reader reader = {on_table_end, on_chain, on_line};
	struct scan scan = {.list = list, .tun = tun, .interface = interface};

	ruleset_read(ruleset, &reader, &scan);
	return scan.count;
}
