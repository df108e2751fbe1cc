// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/parse.h"

#include "common/err.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MAX 8 /* type, argument, outbound and five options */
#define BLANKS " \t\r\n"

static const struct {
	const char *word;
	int outbound;
} built_in[] = {
	{"DIRECT", OUTBOUND_DIRECT},
	{"REJECT", OUTBOUND_REJECT},
	{"REJECT-DROP", OUTBOUND_REJECT_DROP},
	{"PASS", OUTBOUND_PASS},
	/* Of Surge: never upgraded to a drop, which is not done here anyway; */
	{"REJECT-NO-DROP", OUTBOUND_REJECT},
	/* HTTP is told more there. */
	{"REJECT-TINYGIF", OUTBOUND_REJECT},
};

struct field {
	char *text;
	struct rule_place place;
};

struct fields {
	char *text; /* whose fields these are */
	const struct rule_place *place;
	const struct rule_word *type; /* of the first; NULL: none of ours */
	const char *instead;          /* of rule_word_find() */
	struct field at[FIELDS_MAX];
	size_t count;
	bool is_cut;  /* there were more */
	bool is_open; /* a parenthesis is not closed, or there is none */
};

int rule_tell_wrong(const struct rule_place *place, const char *text,
		    const char *expected)
{
	diag_error(PLACE_ARGS(place), "'%s' is wrong, expected %s", text,
		   expected);
	return ERR_CONFIG;
}

/* Columns are counted in bytes that begin a character. */
struct rule_place rule_place_at(const struct rule_place *place,
				const char *text, const char *at)
{
	struct rule_place found = *place;

	if (place->column == 0)
		return found;
	for (; text < at; text++)
		found.column += ((uint8_t)*text & 0xc0) != 0x80;
	return found;
}

/* The text up to `end`, without the blanks around it. */
static void add_field(struct fields *fields, char *start, char *end)
{
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
	field->place = rule_place_at(fields->place, fields->text, start);
	field->text = start;
	*end = '\0';
}

/* One field after each comma, from `start` on. */
static void add_fields(struct fields *fields, char *start)
{
	for (;;) {
		char *end = start + strcspn(start, ",");
		bool is_last = *end == '\0';

		add_field(fields, start, end);
		if (is_last)
			return;
		start = end + 1;
	}
}

/* Behind the parenthesis that closes the one at `start`; NULL: none does. */
static char *end_of_parens(char *start)
{
	int depth = 0;

	for (char *c = start; *c; c++) {
		if (*c == '\\' && c[1])
			c++;
		else if (*c == '(')
			depth++;
		else if (*c == ')' && --depth == 0)
			return c + 1;
	}
	return NULL;
}

static void add_parens(struct fields *fields, char *start)
{
	char *end;

	start += strspn(start, BLANKS);
	end = *start == '(' ? end_of_parens(start) : NULL;
	if (!end || !strchr(BLANKS ",", end[strspn(end, BLANKS)])) {
		fields->is_open = true;
		add_fields(fields, start);
		return;
	}
	if (end[strspn(end, BLANKS)] == '\0') {
		add_field(fields, start, end + strspn(end, BLANKS));
		return;
	}
	end += strspn(end, BLANKS);
	add_field(fields, start, end);
	add_fields(fields, end + 1);
}

static bool is_option(const char *text)
{
	text += strspn(text, BLANKS);
	return text[0] == '\0' || text[0] == ',' ||
	       strncasecmp(text, "no-resolve", 10) == 0 ||
	       strncasecmp(text, "upstream=", 9) == 0 ||
	       strcasecmp(text, "src") == 0;
}

/* The outbound is the last field that is no option; the rest is one. */
static void add_regex(struct fields *fields, char *start, bool has_outbound)
{
	char *comma = strrchr(start, ',');

	if (!has_outbound || !comma) {
		add_field(fields, start, start + strlen(start));
		return;
	}
	while (comma > start && is_option(comma + 1)) {
		char *earlier = memrchr(start, ',', (size_t)(comma - start));

		if (!earlier)
			break;
		comma = earlier;
	}
	add_field(fields, start, comma);
	add_fields(fields, comma + 1);
}

static void split(struct fields *fields, char *text,
		  const struct rule_place *place, bool has_outbound)
{
	char *comma = text + strcspn(text, ",");
	bool is_last = *comma == '\0';
	enum rule_form form = RULE_FORM_PLAIN;

	*fields = (struct fields){.text = text, .place = place};
	add_field(fields, text, comma);
	fields->type = rule_word_find(fields->at[0].text, &fields->instead);
	if (is_last)
		return;
	if (fields->type)
		form = fields->type->form;
	switch (form) {
	case RULE_FORM_NONE:
	case RULE_FORM_PLAIN:
		add_fields(fields, comma + 1);
		break;
	case RULE_FORM_REGEX:
		add_regex(fields, comma + 1, has_outbound);
		break;
	case RULE_FORM_PARENS:
		add_parens(fields, comma + 1);
		break;
	}
}

static int tell_unknown_type(const struct field *field)
{
	const char *nearest = rule_word_nearest(field->text);

	if (field->text[0] == '\0')
		diag_error(PLACE_ARGS(&field->place),
			   "rule has no type, expected " RULE_WORDS);
	else if (nearest)
		diag_error(PLACE_ARGS(&field->place),
			   "unknown rule type '%s', did you mean '%s'?",
			   field->text, nearest);
	else
		diag_error(PLACE_ARGS(&field->place),
			   "unknown rule type '%s', expected " RULE_WORDS,
			   field->text);
	return ERR_CONFIG;
}

/* Fills in what both kinds of text have: type and argument. */
static int parse_head(struct rule_parts *parts, const struct fields *fields)
{
	const struct field *head = &fields->at[0], *argument = &fields->at[1];
	const struct rule_word *type = fields->type;

	*parts = (struct rule_parts){
		.type_word = head->text,
		.upstream = UPSTREAM_DEFAULT,
	};
	if (!type)
		return fields->instead ? -EOPNOTSUPP : tell_unknown_type(head);
	parts->type = type->type;
	parts->is_source = type->is_source;
	parts->argument = head->text + strlen(head->text);
	parts->argument_place = head->place;
	if (type->form == RULE_FORM_NONE)
		return 0;
	if (fields->count < 2 || argument->text[0] == '\0') {
		diag_error(PLACE_ARGS(&head->place),
			   "'%s' has no argument, expected one such as %s,%s",
			   parts->type_word, type->word, type->example);
		return ERR_CONFIG;
	}
	parts->argument = argument->text;
	parts->argument_place = argument->place;
	if (!fields->is_open)
		return 0;
	diag_error(PLACE_ARGS(&argument->place),
		   "the parentheses of '%s' are not in pairs, expected "
		   "%s,%s",
		   parts->type_word, type->word, type->example);
	return ERR_CONFIG;
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

	if (parts->type == RULE_SUB) {
		parts->sub_rule = field->text;
		return 0;
	}
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

	if (nearest)
		diag_error(PLACE_ARGS(&field->place),
			   "unknown option '%s', did you mean '%s'?",
			   field->text, nearest);
	else
		diag_error(PLACE_ARGS(&field->place),
			   "unknown option '%s', expected no-resolve, src or "
			   "upstream=NAME",
			   field->text);
	return ERR_CONFIG;
}

static bool is_of_addresses(enum rule_type type)
{
	return type == RULE_IP_CIDR || type == RULE_IP_ASN ||
	       type == RULE_GEOIP;
}

static int parse_source(struct rule_parts *parts, const struct field *field)
{
	if (is_of_addresses(parts->type)) {
		parts->is_source = true;
		return 0;
	}
	diag_error(PLACE_ARGS(&field->place),
		   "option 'src' does not go with '%s', expected it behind "
		   "IP-CIDR, IP-ASN or GEOIP",
		   parts->type_word);
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
	if (strcasecmp(field->text, "src") == 0)
		return parse_source(parts, field);
	if (strncasecmp(field->text, "upstream=", 9) == 0)
		return parse_upstream(parts, field, names);
	return tell_unknown_option(field);
}

static int tell_no_outbound(const struct rule_parts *parts,
			    const struct fields *fields)
{
	if (parts->type == RULE_SUB)
		diag_error(PLACE_ARGS(&fields->at[0].place),
			   "'%s' names no rules, expected %s,(condition),NAME "
			   "with one of 'sub-rules:'",
			   parts->type_word, parts->type_word);
	else
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

	split(&fields, text, place, true);
	worst = parse_head(parts, &fields);
	if (worst == -EOPNOTSUPP) {
		diag_error(PLACE_ARGS(&fields.at[0].place),
			   "rule type '%s' cannot be served here, expected %s",
			   parts->type_word, fields.instead);
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
			   "no-resolve, src and upstream=NAME");
		worst = ERR_CONFIG;
	}
	return worst;
}

int rule_parse_part(struct rule_parts *parts, char *text,
		    const struct rule_place *place)
{
	struct fields fields;
	int ret;

	split(&fields, text, place, false);
	ret = parse_head(parts, &fields);
	if (ret < 0)
		return ret;
	if (parts->type == RULE_MATCH || parts->type == RULE_SUB) {
		diag_error(PLACE_ARGS(place),
			   "'%s' cannot stand here, only in 'rules:' and "
			   "'sub-rules:'",
			   parts->type_word);
		return ERR_CONFIG;
	}
	/* Other options are left alone, as by Clash: lists are shared. */
	for (size_t i = 2; i < fields.count; i++) {
		if (strcasecmp(fields.at[i].text, "no-resolve") == 0)
			parts->is_no_resolve = true;
		else if (strcasecmp(fields.at[i].text, "src") == 0)
			parts->is_source |= is_of_addresses(parts->type);
	}
	return 0;
}
