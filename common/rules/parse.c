// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/parse.h"

#include "common/err.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MAX 8 /* type, argument, outbound and five options */
#define BLANKS " \t\r\n"

static const struct rule_word {
	const char *word;
	enum rule_type type;
	const char *example; /* of an argument; NULL: there is none */
} types[] = {
	{"DOMAIN", RULE_DOMAIN, "www.example.com"},
	{"DOMAIN-SUFFIX", RULE_DOMAIN_SUFFIX, "example.com"},
	{"DOMAIN-KEYWORD", RULE_DOMAIN_KEYWORD, "example"},
	{"IP-CIDR", RULE_IP_CIDR, "10.0.0.0/8"},
	{"IP-CIDR6", RULE_IP_CIDR, "2001:db8::/32"},
	{"DST-PORT", RULE_DST_PORT, "443"},
	{"NETWORK", RULE_NETWORK, "udp"},
	{"RULE-SET", RULE_SET, "lists/direct.txt"},
	{"MATCH", RULE_MATCH, NULL},
};

#define TYPE_WORDS                                                   \
	"DOMAIN, DOMAIN-SUFFIX, DOMAIN-KEYWORD, IP-CIDR, IP-CIDR6, " \
	"DST-PORT, NETWORK, RULE-SET or MATCH"

/* What Clash and its successors have beyond these. */
static const char *const other_types[] = {
	"AND",
	"DOMAIN-REGEX",
	"DOMAIN-WILDCARD",
	"DSCP",
	"GEOIP",
	"GEOSITE",
	"IN-NAME",
	"IN-PORT",
	"IN-TYPE",
	"IN-USER",
	"IP-ASN",
	"IP-SUFFIX",
	"IPSET",
	"NOT",
	"OR",
	"PROCESS-NAME",
	"PROCESS-NAME-REGEX",
	"PROCESS-NAME-WILDCARD",
	"PROCESS-PATH",
	"PROCESS-PATH-REGEX",
	"PROCESS-PATH-WILDCARD",
	"SCHEDULE",
	"SCRIPT",
	"SRC-GEOIP",
	"SRC-IP-ASN",
	"SRC-IP-CIDR",
	"SRC-IP-SUFFIX",
	"SRC-MAC",
	"SRC-PORT",
	"SUB-RULE",
	"UID",
	"URL-REGEX",
	"USER-AGENT",
	NULL,
};

/* What other programs call the same. */
static const struct {
	const char *word, *ours;
} foreign_types[] = {
	{"DEST-PORT", "DST-PORT"},
	{"FINAL", "MATCH"},
	{"HOST", "DOMAIN"},
	{"HOST-KEYWORD", "DOMAIN-KEYWORD"},
	{"HOST-SUFFIX", "DOMAIN-SUFFIX"},
	{"IP6-CIDR", "IP-CIDR6"},
	{"PROTOCOL", "NETWORK"},
};

static const struct {
	const char *word;
	int outbound;
} built_in[] = {
	{"DIRECT", OUTBOUND_DIRECT},
	{"REJECT", OUTBOUND_REJECT},
	{"REJECT-DROP", OUTBOUND_REJECT_DROP},
	{"PASS", OUTBOUND_PASS},
};

struct field {
	char *text;
	struct rule_place place;
};

struct fields {
	struct field at[FIELDS_MAX];
	size_t count;
	bool is_cut; /* there were more */
};

/* Bytes that begin a character: columns are counted in these. */
static unsigned characters(const char *from, const char *to)
{
	unsigned count = 0;

	for (; from < to; from++)
		count += ((uint8_t)*from & 0xc0) != 0x80;
	return count;
}

static void split(struct fields *fields, char *text,
		  const struct rule_place *place)
{
	char *start = text;

	*fields = (struct fields){0};
	for (;;) {
		size_t length = strcspn(start, ",");
		char *end = start + length, *next = end + 1;
		bool is_last = *end == '\0';
		struct field *field;

		if (fields->count == FIELDS_MAX) {
			fields->is_cut = true;
			return;
		}
		start += strspn(start, BLANKS);
		if (start > end)
			start = end;
		while (end > start && strchr(BLANKS, end[-1]))
			end--;
		field = &fields->at[fields->count++];
		field->place = *place;
		if (place->column)
			field->place.column += characters(text, start);
		field->text = start;
		*end = '\0';
		if (is_last)
			return;
		start = next;
	}
}

/* The index of the type, -EOPNOTSUPP for one of Clash's others, or -ENOENT. */
static int find_type(const char *word)
{
	for (int i = 0; i < (int)ARRAY_LEN(types); i++) {
		if (strcasecmp(word, types[i].word) == 0)
			return i;
	}
	for (size_t i = 0; other_types[i]; i++) {
		if (strcasecmp(word, other_types[i]) == 0)
			return -EOPNOTSUPP;
	}
	return -ENOENT;
}

static const char *nearest_type(const char *word)
{
	const char *words[ARRAY_LEN(types) + 1];

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		words[i] = types[i].word;
	words[ARRAY_LEN(types)] = NULL;
	for (size_t i = 0; i < ARRAY_LEN(foreign_types); i++) {
		if (strcasecmp(word, foreign_types[i].word) == 0)
			return foreign_types[i].ours;
	}
	return diag_nearest(word, words);
}

static int tell_unknown_type(const struct field *field)
{
	const char *nearest = nearest_type(field->text);

	if (field->text[0] == '\0')
		diag_error(PLACE_ARGS(&field->place),
			   "rule has no type, expected " TYPE_WORDS);
	else if (nearest)
		diag_error(PLACE_ARGS(&field->place),
			   "unknown rule type '%s', did you mean '%s'?",
			   field->text, nearest);
	else
		diag_error(PLACE_ARGS(&field->place),
			   "unknown rule type '%s', expected " TYPE_WORDS,
			   field->text);
	return ERR_CONFIG;
}

/* Fills in what both kinds of text have: type and argument. */
static int parse_head(struct rule_parts *parts, const struct fields *fields)
{
	const struct field *argument = &fields->at[1];
	int found = find_type(fields->at[0].text);
	const struct rule_word *type;

	*parts = (struct rule_parts){
		.type_word = fields->at[0].text,
		.upstream = UPSTREAM_DEFAULT,
	};
	if (found == -ENOENT)
		return tell_unknown_type(&fields->at[0]);
	if (found < 0)
		return found;
	type = &types[found];
	parts->type = type->type;
	parts->argument = fields->at[0].text + strlen(fields->at[0].text);
	parts->argument_place = fields->at[0].place;
	if (!type->example)
		return 0;
	if (fields->count < 2 || argument->text[0] == '\0') {
		diag_error(PLACE_ARGS(&fields->at[0].place),
			   "'%s' has no argument, expected one such as %s,%s",
			   parts->type_word, type->word, type->example);
		return ERR_CONFIG;
	}
	parts->argument = argument->text;
	parts->argument_place = argument->place;
	return 0;
}

/* The index of a word, or -ENOENT. */
static int find_word(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++) {
		if (strcmp(word, words[i]) == 0)
			return i;
	}
	return -ENOENT;
}

static const char *nearest_outbound(const char *word,
				    const char *const *outbounds)
{
	const char *words[ARRAY_LEN(built_in) + 1];
	const char *nearest = diag_nearest(word, outbounds);

	if (nearest)
		return nearest;
	for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
		words[i] = built_in[i].word;
	words[ARRAY_LEN(built_in)] = NULL;
	return diag_nearest(word, words);
}

static int parse_outbound(struct rule_parts *parts, const struct field *field,
			  const struct rules_names *names)
{
	int found = find_word(field->text, names->outbounds);
	const char *nearest;

	if (found >= 0) {
		parts->outbound = OUTBOUND_FIRST + found;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(built_in); i++) {
		if (strcmp(field->text, built_in[i].word) != 0)
			continue;
		parts->outbound = built_in[i].outbound;
		return 0;
	}
	nearest = nearest_outbound(field->text, names->outbounds);
	if (nearest)
		diag_error(PLACE_ARGS(&field->place),
			   "unknown outbound '%s', did you mean '%s'?",
			   field->text, nearest);
	else
		diag_error(PLACE_ARGS(&field->place),
			   "unknown outbound '%s', expected one of "
			   "'outbounds:' or DIRECT, REJECT, REJECT-DROP, PASS",
			   field->text);
	return ERR_CONFIG;
}

static int parse_upstream(struct rule_parts *parts, const struct field *field,
			  const struct rules_names *names)
{
	const char *word = strchr(field->text, '=') + 1;
	int found = find_word(word, names->upstreams);
	const char *nearest;

	if (found >= 0) {
		parts->upstream = found;
		return 0;
	}
	nearest = diag_nearest(word, names->upstreams);
	if (nearest)
		diag_error(PLACE_ARGS(&field->place),
			   "unknown upstream '%s', did you mean '%s'?", word,
			   nearest);
	else
		diag_error(PLACE_ARGS(&field->place),
			   "unknown upstream '%s', expected one of "
			   "'upstreams:'",
			   word);
	return ERR_CONFIG;
}

static int tell_unknown_option(const struct field *field)
{
	static const char *const words[] = {"no-resolve", "upstream=", NULL};
	const char *nearest = diag_nearest(field->text, words);

	if (strcasecmp(field->text, "src") == 0)
		diag_error(PLACE_ARGS(&field->place),
			   "option 'src' is not supported by this version, "
			   "expected a destination without it");
	else if (nearest)
		diag_error(PLACE_ARGS(&field->place),
			   "unknown option '%s', did you mean '%s'?",
			   field->text, nearest);
	else
		diag_error(PLACE_ARGS(&field->place),
			   "unknown option '%s', expected no-resolve or "
			   "upstream=NAME",
			   field->text);
	return ERR_CONFIG;
}

/* An empty option is what a comma at the end leaves. */
static int parse_option(struct rule_parts *parts, const struct field *field,
			const struct rules_names *names)
{
	if (field->text[0] == '\0')
		return 0;
	if (strcasecmp(field->text, "no-resolve") == 0) {
		parts->is_no_resolve = true;
		return 0;
	}
	if (strncasecmp(field->text, "upstream=", 9) == 0)
		return parse_upstream(parts, field, names);
	return tell_unknown_option(field);
}

static int tell_no_outbound(const struct rule_parts *parts,
			    const struct fields *fields)
{
	diag_error(PLACE_ARGS(&fields->at[0].place),
		   "rule has no outbound, expected %s,%sOUTBOUND",
		   parts->type_word,
		   parts->type == RULE_MATCH ? "" : "argument,");
	return ERR_CONFIG;
}

int rule_parse(struct rule_parts *parts, char *text,
	       const struct rules_names *names, const struct rule_place *place)
{
	struct fields fields;
	size_t next;
	int ret, worst;

	split(&fields, text, place);
	worst = parse_head(parts, &fields);
	if (worst == -EOPNOTSUPP) {
		diag_error(PLACE_ARGS(&fields.at[0].place),
			   "rule type '%s' is not supported by this version, "
			   "expected " TYPE_WORDS,
			   parts->type_word);
		return ERR_CONFIG;
	}
	if (worst < 0)
		return worst;
	next = parts->type == RULE_MATCH ? 1 : 2;
	if (next >= fields.count || fields.at[next].text[0] == '\0')
		return tell_no_outbound(parts, &fields);
	worst = parse_outbound(parts, &fields.at[next], names);
	while (++next < fields.count) {
		ret = parse_option(parts, &fields.at[next], names);
		if (ret < 0)
			worst = ret;
	}
	if (fields.is_cut) {
		diag_error(PLACE_ARGS(place),
			   "rule has too many options, expected at most "
			   "no-resolve and upstream=NAME");
		worst = ERR_CONFIG;
	}
	return worst;
}

int rule_parse_list_line(struct rule_parts *parts, char *text,
			 const struct rule_place *place)
{
	struct fields fields;
	int ret;

	split(&fields, text, place);
	ret = parse_head(parts, &fields);
	if (ret < 0)
		return ret;
	if (parts->type == RULE_MATCH || parts->type == RULE_SET) {
		diag_error(PLACE_ARGS(place),
			   "'%s' cannot stand in a list, only in 'rules:'",
			   parts->type_word);
		return ERR_CONFIG;
	}
	/* Other options are left alone, as by Clash: lists are shared. */
	for (size_t i = 2; i < fields.count; i++) {
		if (strcasecmp(fields.at[i].text, "no-resolve") == 0)
			parts->is_no_resolve = true;
	}
	return 0;
}
