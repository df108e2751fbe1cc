// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/argument.h"

#include "common/err.h"
#include "common/rules/entry.h"
#include "common/rules/expression.h"
#include "common/rules/list.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static int wrong(const struct rule_parts *parts, const char *expected)
{
	return rule_tell_wrong(&parts->argument_place, parts->argument,
			       expected);
}

/* DOMAIN and DOMAIN-SUFFIX: a name and nothing else. */
static int add_plain_name(struct matcher *matcher,
			  const struct rule_parts *parts, uint32_t line)
{
	bool is_suffix = parts->type == RULE_DOMAIN_SUFFIX;
	const char *text = parts->argument;
	unsigned kinds = is_suffix ? NAME_SUFFIX : NAME_ITSELF;
	struct addr addr;
	int ret;

	/* Lists have "*.example.com" here, and cannot be mended by users. */
	if (is_suffix && line > 0 && strncmp(text, "*.", 2) == 0) {
		text += 2;
		kinds = NAME_BELOW;
	}
	if (strchr(text, '*') || strncmp(text, "+.", 2) == 0)
		return wrong(parts,
			     "a name without wildcards: "
			     "DOMAIN-SUFFIX,example.com is that name and all "
			     "below it");
	/* Other programs write ".example.com"; nothing else can be meant. */
	if (is_suffix && text[0] == '.' && text[1] != '\0')
		text++;
	ret = entry_add_name(matcher, text, kinds, line);
	if (ret == -EINVAL || ret == ERR_MALFORMED)
		return wrong(parts, "a domain name such as example.com");
	if (ret == 0 && addr_parse(&addr, text) == 0)
		diag_warning(PLACE_ARGS(&parts->argument_place),
			     "'%s' is an address, which no name matches; "
			     "IP-CIDR is meant?",
			     text);
	return ret;
}

static int add_name_text(struct matcher *matcher,
			 const struct rule_parts *parts, uint32_t line)
{
	bool is_glob = parts->type == RULE_DOMAIN_WILDCARD;
	int ret = entry_add_name_text(
		matcher, is_glob ? CONDITION_GLOB : CONDITION_KEYWORD,
		parts->argument, line);

	if (ret != -EINVAL)
		return ret;
	return wrong(parts, is_glob ? "a name with wildcards such as "
				      "*.example.com or ad?.example.com"
				    : "a part of a domain name such as "
				      "example");
}

static int add_regex(struct matcher *matcher, enum condition_type type,
		     const struct rule_parts *parts, uint32_t line)
{
	char why[REGEX_WHY_SIZE];
	int ret = entry_add_regex(matcher, type, parts->argument, line, why);

	if (ret != -EINVAL)
		return ret;
	diag_error(PLACE_ARGS(&parts->argument_place),
		   "'%s' is no regular expression: %s", parts->argument, why);
	return ERR_CONFIG;
}

static int add_prefix(struct matcher *matcher, const struct rule_parts *parts,
		      uint32_t line)
{
	const struct entry_use use = {line, parts->is_no_resolve,
				      parts->is_source};
	char text[PREFIX_TEXT_SIZE];
	struct prefix prefix;
	int ret = prefix_parse_masked(&prefix, parts->argument);

	if (ret < 0)
		return wrong(parts,
			     "a prefix such as 10.0.0.0/8 or 2001:db8::/32");
	if (ret > 0)
		diag_warning(PLACE_ARGS(&parts->argument_place),
			     "'%s' is taken as %s", parts->argument,
			     prefix_format(&prefix, text, sizeof(text)));
	return entry_add_prefix(matcher, &prefix, &use);
}

/* GEOIP,private and GEOIP,LAN: what no registry gives out (RFC 6890). */
static int add_private(struct matcher *matcher, const struct entry_use *use)
{
	static const char *const texts[] = {
		"0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",
		"127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
		"192.168.0.0/16", "224.0.0.0/4",    "255.255.255.255/32",
		"::/127",         "fc00::/7",       "fe80::/10",
		"ff00::/8",
	};
	size_t count = matcher->entry_count;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_LEN(texts); i++) {
		struct prefix prefix;

		ret = prefix_parse(&prefix, texts[i]);
		assert(ret == 0);
		ret = entry_add_prefix(matcher, &prefix, use);
	}
	matcher->entry_count = count + 1; /* they are one */
	return ret;
}

static int add_from_database(struct matcher *matcher, enum geoip_field field,
			     const struct rule_parts *parts,
			     const struct entry_use *use)
{
	const struct geo_target target = {
		.index = matcher_prefixes(matcher, use->is_source),
		.hit = {matcher->rule, use->line},
	};

	if (!target.index)
		return -ENOMEM;
	if (!use->is_source && !use->is_no_resolve)
		matcher->resolves = true;
	matcher->entry_count++;
	return geo_want(&matcher->load->geo, field, parts->argument, &target,
			&parts->argument_place);
}

static int add_country(struct matcher *matcher, const struct rule_parts *parts,
		       uint32_t line)
{
	const struct entry_use use = {line, parts->is_no_resolve,
				      parts->is_source};

	if (strcasecmp(parts->argument, "private") == 0 ||
	    strcasecmp(parts->argument, "lan") == 0)
		return add_private(matcher, &use);
	return add_from_database(matcher, GEOIP_COUNTRY, parts, &use);
}

static int add_asn(struct matcher *matcher, const struct rule_parts *parts,
		   uint32_t line)
{
	const struct entry_use use = {line, parts->is_no_resolve,
				      parts->is_source};
	size_t digits = strspn(parts->argument, "0123456789");

	if (digits == 0 || digits > 10 || parts->argument[digits])
		return wrong(parts, "the number of an autonomous system such "
				    "as 64496");
	return add_from_database(matcher, GEOIP_ASN, parts, &use);
}

static int add_ranges(struct matcher *matcher, enum condition_type type,
		      const struct rule_parts *parts, uint32_t line)
{
	struct condition condition;
	int ret = condition_init_ranges(&condition, type, parts->argument);

	if (ret == -ENOMEM)
		return ret;
	if (ret < 0)
		return wrong(parts,
			     type == CONDITION_UID
				     ? "user numbers such as 1000 or 1000-1999"
				     : "ports such as 443, 80/443 or "
				       "8000-9000");
	return matcher_add_condition(matcher, &condition, line);
}

static int add_network(struct matcher *matcher, const struct rule_parts *parts,
		       uint32_t line)
{
	struct condition condition;

	if (condition_init_network(&condition, parts->argument) < 0)
		return wrong(parts, "tcp or udp");
	return matcher_add_condition(matcher, &condition, line);
}

static int add_mac(struct matcher *matcher, const struct rule_parts *parts,
		   uint32_t line)
{
	struct condition condition;

	if (condition_init_mac(&condition, parts->argument) < 0)
		return wrong(parts, "the address of a network card such as "
				    "02:42:ac:11:00:02");
	return matcher_add_condition(matcher, &condition, line);
}

static int add_owner(struct matcher *matcher, enum condition_type type,
		     const struct rule_parts *parts, uint32_t line)
{
	struct condition condition;
	int ret;

	if (type == CONDITION_PROCESS_NAME && strchr(parts->argument, '/'))
		return wrong(parts, "the name of a program without a folder "
				    "(with one: PROCESS-PATH)");
	if (type == CONDITION_PROCESS_PATH && parts->argument[0] != '/')
		return wrong(parts, "the whole path of a program such as "
				    "/usr/bin/curl");
	ret = condition_init_owner_text(&condition, type, parts->argument);
	if (ret < 0)
		return ret;
	return matcher_add_condition(matcher, &condition, line);
}

static int add_any(struct matcher *matcher, uint32_t line)
{
	struct condition any;

	condition_init_any(&any);
	return matcher_add_condition(matcher, &any, line);
}

/* Those that make one condition or prefix. */
static int add_other(struct matcher *matcher, const struct rule_parts *parts,
		     uint32_t line)
{
	switch ((int)parts->type) {
	case RULE_DOMAIN_REGEX:
		return add_regex(matcher, CONDITION_REGEX, parts, line);
	case RULE_PROCESS_NAME_REGEX:
		return add_regex(matcher, CONDITION_PROCESS_NAME_REGEX, parts,
				 line);
	case RULE_PROCESS_PATH_REGEX:
		return add_regex(matcher, CONDITION_PROCESS_PATH_REGEX, parts,
				 line);
	case RULE_SRC_PORT:
		return add_ranges(matcher, CONDITION_SRC_PORT, parts, line);
	case RULE_DST_PORT:
		return add_ranges(matcher, CONDITION_DST_PORT, parts, line);
	case RULE_UID:
		return add_ranges(matcher, CONDITION_UID, parts, line);
	case RULE_PROCESS_NAME:
		return add_owner(matcher, CONDITION_PROCESS_NAME, parts, line);
	case RULE_PROCESS_PATH:
		return add_owner(matcher, CONDITION_PROCESS_PATH, parts, line);
	case RULE_CGROUP:
		return add_owner(matcher, CONDITION_CGROUP, parts, line);
	}
	assert(!"argument_add() knows the others");
	return -EINVAL;
}

int argument_add(struct matcher *matcher, const struct rule_parts *parts,
		 uint32_t line)
{
	switch (parts->type) {
	case RULE_DOMAIN:
	case RULE_DOMAIN_SUFFIX:
		return add_plain_name(matcher, parts, line);
	case RULE_DOMAIN_KEYWORD:
	case RULE_DOMAIN_WILDCARD:
		return add_name_text(matcher, parts, line);
	case RULE_IP_CIDR:
		return add_prefix(matcher, parts, line);
	case RULE_GEOIP:
		return add_country(matcher, parts, line);
	case RULE_IP_ASN:
		return add_asn(matcher, parts, line);
	case RULE_NETWORK:
		return add_network(matcher, parts, line);
	case RULE_SRC_MAC:
		return add_mac(matcher, parts, line);
	case RULE_GEOSITE:
		if (matcher->load->is_without_lists)
			return 0;
		return list_load_site(matcher, parts->argument, line,
				      &parts->argument_place);
	case RULE_SET:
		if (matcher->load->is_without_lists)
			return 0;
		return list_load_set(matcher, parts->argument,
				     parts->is_no_resolve,
				     &parts->argument_place);
	case RULE_AND:
		return expression_add(matcher, LOGIC_AND, parts, line);
	case RULE_OR:
		return expression_add(matcher, LOGIC_OR, parts, line);
	case RULE_NOT:
		return expression_add(matcher, LOGIC_NOT, parts, line);
	case RULE_MATCH:
		return add_any(matcher, line);
	case RULE_DOMAIN_REGEX:
	case RULE_SRC_PORT:
	case RULE_DST_PORT:
	case RULE_UID:
	case RULE_PROCESS_NAME:
	case RULE_PROCESS_NAME_REGEX:
	case RULE_PROCESS_PATH:
	case RULE_PROCESS_PATH_REGEX:
	case RULE_CGROUP:
	case RULE_SUB:
		break;
	}
	return add_other(matcher, parts, line);
}

int argument_add_guard(struct matcher *matcher, const struct rule_parts *parts)
{
	return expression_add_inner(matcher, parts->argument, 0,
				    &parts->argument_place);
}

int argument_tell_missing(const struct rule_parts *parts)
{
	diag_error(PLACE_ARGS(&parts->argument_place),
		   "this program was built without PCRE2, which '%s' needs, "
		   "expected DOMAIN-WILDCARD or DOMAIN-KEYWORD",
		   parts->type_word);
	return ERR_CONFIG;
}
