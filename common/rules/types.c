// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/types.h"

#include "common/diag.h"

#include <stddef.h>
#include <strings.h>

#define PLAIN RULE_FORM_PLAIN

/* clang-format off */
static const struct rule_word words[] = {
	{"DOMAIN", RULE_DOMAIN, PLAIN, 0, "www.example.com"},
	{"DOMAIN-SUFFIX", RULE_DOMAIN_SUFFIX, PLAIN, 0, "example.com"},
	{"DOMAIN-KEYWORD", RULE_DOMAIN_KEYWORD, PLAIN, 0, "example"},
	{"DOMAIN-WILDCARD", RULE_DOMAIN_WILDCARD, PLAIN, 0, "*.example.com"},
	{"DOMAIN-REGEX", RULE_DOMAIN_REGEX, RULE_FORM_REGEX, 0,
	 "^ad[0-9]+\\.example\\.com$"},
	{"GEOSITE", RULE_GEOSITE, PLAIN, 0, "cn"},
	{"GEOIP", RULE_GEOIP, PLAIN, 0, "CN"},
	{"SRC-GEOIP", RULE_GEOIP, PLAIN, 1, "CN"},
	{"IP-ASN", RULE_IP_ASN, PLAIN, 0, "64496"},
	{"SRC-IP-ASN", RULE_IP_ASN, PLAIN, 1, "64496"},
	{"IP-CIDR", RULE_IP_CIDR, PLAIN, 0, "10.0.0.0/8"},
	{"IP-CIDR6", RULE_IP_CIDR, PLAIN, 0, "2001:db8::/32"},
	{"SRC-IP-CIDR", RULE_IP_CIDR, PLAIN, 1, "192.168.1.7/32"},
	{"SRC-IP-CIDR6", RULE_IP_CIDR, PLAIN, 1, "2001:db8::7/128"},
	{"SRC-MAC", RULE_SRC_MAC, PLAIN, 0, "02:42:ac:11:00:02"},
	{"SRC-PORT", RULE_SRC_PORT, PLAIN, 0, "5000-5100"},
	{"DST-PORT", RULE_DST_PORT, PLAIN, 0, "443"},
	{"NETWORK", RULE_NETWORK, PLAIN, 0, "udp"},
	{"UID", RULE_UID, PLAIN, 0, "1000"},
	{"PROCESS-NAME", RULE_PROCESS_NAME, PLAIN, 0, "curl"},
	{"PROCESS-NAME-REGEX", RULE_PROCESS_NAME_REGEX, RULE_FORM_REGEX, 0,
	 "^curl"},
	{"PROCESS-PATH", RULE_PROCESS_PATH, PLAIN, 0, "/usr/bin/curl"},
	{"PROCESS-PATH-REGEX", RULE_PROCESS_PATH_REGEX, RULE_FORM_REGEX, 0,
	 "^/usr/bin/"},
	{"CGROUP", RULE_CGROUP, PLAIN, 0, "/system.slice/ssh.service"},
	{"RULE-SET", RULE_SET, PLAIN, 0, "lists/direct.txt"},
	{"AND", RULE_AND, RULE_FORM_PARENS, 0,
	 "((DOMAIN-SUFFIX,example.com),(NETWORK,udp))"},
	{"OR", RULE_OR, RULE_FORM_PARENS, 0,
	 "((DST-PORT,53),(DST-PORT,853))"},
	{"NOT", RULE_NOT, RULE_FORM_PARENS, 0, "((DOMAIN-SUFFIX,example.com))"},
	{"SUB-RULE", RULE_SUB, RULE_FORM_PARENS, 0, "(NETWORK,udp)"},
	{"MATCH", RULE_MATCH, RULE_FORM_NONE, 0, NULL},
};
/* clang-format on */

#define NO_INBOUND "SRC-IP-CIDR, UID or DST-PORT (there are no inbounds here)"

/* What Clash and its successors have beyond these. */
static const struct {
	const char *word, *instead;
} refused[] = {
	{"DSCP", "NETWORK or DST-PORT"},
	{"IN-NAME", NO_INBOUND},
	{"IN-PORT", NO_INBOUND},
	{"IN-TYPE", NO_INBOUND},
	{"IN-USER", NO_INBOUND},
	{"IP-SUFFIX", "IP-CIDR"},
	{"IPSET", "RULE-SET with a list of prefixes"},
	{"PROCESS-NAME-WILDCARD", "PROCESS-NAME-REGEX"},
	{"PROCESS-PATH-WILDCARD", "PROCESS-PATH-REGEX"},
	{"SCHEDULE", "a timer that reloads with other rules"},
	{"SCRIPT", "AND, OR and NOT"},
	{"SRC-IP-SUFFIX", "SRC-IP-CIDR"},
	{"URL-REGEX", "DOMAIN-REGEX (nobody here sees URLs)"},
	{"USER-AGENT", "PROCESS-NAME (nobody here sees HTTP)"},
};

/* What other programs call the same. */
static const struct {
	const char *word, *ours;
} foreign[] = {
	{"DEST-PORT", "DST-PORT"},
	{"FINAL", "MATCH"},
	{"HOST", "DOMAIN"},
	{"HOST-KEYWORD", "DOMAIN-KEYWORD"},
	{"HOST-SUFFIX", "DOMAIN-SUFFIX"},
	{"HOST-WILDCARD", "DOMAIN-WILDCARD"},
	{"DOMAIN-SET", "RULE-SET"},
	{"IP6-CIDR", "IP-CIDR6"},
	{"PROTOCOL", "NETWORK"},
	{"SRC-IP", "SRC-IP-CIDR"},
};

const struct rule_word *rule_word_find(const char *word, const char **instead)
{
	*instead = NULL;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(word, words[i].word) == 0)
			return &words[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (strcasecmp(word, refused[i].word) == 0)
			*instead = refused[i].instead;
	}
	return NULL;
}

const char *rule_word_nearest(const char *word)
{
	const char *texts[ARRAY_LEN(words) + 1];

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		if (strcasecmp(word, foreign[i].word) == 0)
			return foreign[i].ours;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		texts[i] = words[i].word;
	texts[ARRAY_LEN(words)] = NULL;
	return diag_nearest(word, texts);
}
