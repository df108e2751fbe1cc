// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/reason.h"

#include "common/compiler.h"
#include "dnsd/message.h"
#include "dnsd/wire.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TYPE_TEXT_SIZE 16

/* "the rule 'MATCH,proxy' (ersatz.yaml:14)", and where in a list it stands. */
static void write_rule(const struct verdict *verdict, FILE *out)
{
	fprintf(out, "the rule '%s' (%s:%u", verdict->rule->text,
		verdict->rule->file, verdict->rule->line);
	if (verdict->list_file)
		fprintf(out, ", %s:%u", verdict->list_file, verdict->list_line);
	fputs(")", out);
}

/* By the types of the rule; which of a list asks for it is not known. */
static const char *what_is_needed(const char *rule)
{
	static const struct {
		const char *type, *what;
	} all[] = {
		{"-PORT,", "such as its port"},
		{"SRC-", "such as where it comes from"},
		{"NETWORK,", "such as TCP or UDP"},
		{"UID,", "such as whose program makes it"},
		{"PROCESS-", "such as which program makes it"},
		{"CGROUP,", "such as which service makes it"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (strstr(rule, all[i].type))
			return all[i].what;
	}
	return "such as its port or its program";
}

/* What the rules say of the name, whatever was asked about it. */
static void write_verdict(const struct reason *reason, const char *name,
			  FILE *out)
{
	const struct verdict *verdict = &reason->decision->verdict;
	const struct config *config = reason->config;

	switch (verdict->kind) {
	case VERDICT_MATCH:
		if (verdict->outbound == OUTBOUND_DIRECT)
			fprintf(out, "%s is not carried, because ", name);
		else
			fprintf(out, "%s goes to %s, because ", name,
				config->outbounds[verdict->outbound].name);
		write_rule(verdict, out);
		fputs(" matches", out);
		return;
	case VERDICT_NEEDS_FLOW:
		fprintf(out, "%s is carried, because ", name);
		write_rule(verdict, out);
		fprintf(out, " needs what only the connection tells, %s",
			what_is_needed(verdict->rule->text));
		return;
	case VERDICT_NEEDS_ADDRESS:
		fprintf(out, "%s has no outbound yet, because ", name);
		write_rule(verdict, out);
		fputs(" needs its address", out);
		return;
	case VERDICT_NO_RULE:
		fprintf(out, "%s is not carried, because no rule matches it",
			name);
		return;
	}
}

/* Who asks may matter, and nobody was named. */
static void write_verdict_for(const struct reason *reason, const char *name,
			      FILE *out)
{
	write_verdict(reason, name, out);
	if (reason->decision->verdict.is_personal && !reason->has_client)
		fputs(" (from one client it may be otherwise: see --from)",
		      out);
}

static void write_upstream(const struct reason *reason, FILE *out)
{
	const struct config *config = reason->config;
	const char *name = config->upstreams[reason->decision->upstream].name;

	if (reason->answer)
		fprintf(out, "upstream '%s' answers %s", name, reason->answer);
	else
		fprintf(out, "upstream '%s' answers it", name);
}

static void write_fake(const struct reason *reason, FILE *out)
{
	if (reason->is_missing)
		fputs("the answer is NXDOMAIN, because the upstream does not "
		      "know the name (dnsd.fake.verify)",
		      out);
	else if (reason->why_full)
		fprintf(out,
			"it gets no fake address, because all are given, and "
			"%s",
			reason->why_full);
	else if (reason->answer)
		fprintf(out, "it is answered with the fake address %s",
			reason->answer);
	else
		fputs("it gets a fake address when it is first asked", out);
	if (reason->is_late && !reason->why_full)
		fputs(", and NXDOMAIN from then on, because the upstream does "
		      "not know the name (dnsd.fake.verify)",
		      out);
}

static void write_reverse(const struct reason *reason, FILE *out)
{
	struct addr addr = {.family = ADDR_NONE};
	char text[ADDR_TEXT_SIZE] = "";

	if (name_to_reverse_addr(&reason->question->name, &addr) == 0)
		addr_format(&addr, text, sizeof(text));
	if (reason->answer)
		fprintf(out, "%s is the fake address of %s", text,
			reason->answer);
	else
		fprintf(out,
			"%s is an address of the fake pool that no name "
			"has",
			text);
}

static bool is_upstreams(enum decision_kind kind)
{
	return kind == DECISION_FORWARD || kind == DECISION_RESOLVE ||
	       kind == DECISION_SITE;
}

/* What the name is, whatever the rules say. */
static void write_special(const struct reason *reason, const char *name,
			  FILE *out)
{
	const struct special *special = reason->decision->special;

	if (special->kind == SPECIAL_DIRECT)
		fprintf(out,
			"%s is not carried, because '%s' is on the built-in "
			"list: %s",
			name, special->name, special->reason);
	else
		fprintf(out, "%s is special: %s", name, special->reason);
}

/* To be asked, a name of this network needs an upstream in it. */
static void write_site(const struct reason *reason, FILE *out)
{
	const char *answer = reason->answer ? reason->answer : "NXDOMAIN";

	if (reason->is_asked)
		write_upstream(reason, out);
	else
		fprintf(out,
			"no upstream is one of this network, and a public one "
			"is not asked, so the answer is %s",
			answer);
}

static const char *why_empty(const struct question *question)
{
	bool is_address =
		question->type == DNS_TYPE_A || question->type == DNS_TYPE_AAAA;

	if (!is_address)
		return "nobody is asked about such a name";
	return question->name.length == 1 ? "the root is no host"
					  : "the IPv6 pool is off";
}

/* What is answered to this question. */
static void write_answer(const struct reason *reason, FILE *out)
{
	char type[TYPE_TEXT_SIZE];
	const struct verdict *verdict = &reason->decision->verdict;

	message_type_text(reason->question->type, type, sizeof(type));
	if (reason->failure && is_upstreams(reason->decision->kind)) {
		fprintf(out, ", but its %s cannot be answered: %s", type,
			reason->failure);
		return;
	}
	fputs(": ", out);
	switch (reason->decision->kind) {
	case DECISION_FAKE:
		write_fake(reason, out);
		return;
	case DECISION_NODATA:
		if (reason->question->type == DNS_TYPE_ANY) {
			fputs("the answer for ANY is HINFO, because its data "
			      "would lead past us",
			      out);
			return;
		}
		fprintf(out, "the answer for %s is empty, because %s", type,
			why_empty(reason->question));
		return;
	case DECISION_REJECT:
		fputs("the answer is NXDOMAIN", out);
		return;
	case DECISION_FORWARD:
		if (reason->decision->special) {
			write_upstream(reason, out);
			return;
		}
		if (reason->where)
			fprintf(out,
				"it exists, as its addresses are written down "
				"in %s, and for %s ",
				reason->where, type);
		else if (verdict->kind == VERDICT_NEEDS_FLOW ||
			 verdict->kind == VERDICT_NEEDS_ADDRESS ||
			 (verdict->kind == VERDICT_MATCH &&
			  verdict->outbound != OUTBOUND_DIRECT))
			fprintf(out, "only addresses are faked, for %s ", type);
		write_upstream(reason, out);
		return;
	case DECISION_RESOLVE:
		write_upstream(reason, out);
		return;
	case DECISION_HOSTS:
	case DECISION_SPECIAL:
		fprintf(out, "the answer is %s", reason->answer);
		return;
	case DECISION_SITE:
		write_site(reason, out);
		return;
	case DECISION_REVERSE:
		return;
	}
}

const char *reason_text(const struct reason *reason, char *out, size_t size)
{
	char name[NAME_TEXT_SIZE];

	name_format(&reason->question->name, name, sizeof(name));
	out[0] = '\0';
	FILE *stream = fmemopen(out, size, "w");
	if (!stream)
		return out;
	if (reason->decision->kind == DECISION_REVERSE) {
		write_reverse(reason, stream);
	} else {
		if (reason->decision->kind == DECISION_HOSTS)
			fprintf(stream, "%s is written down in %s", name,
				reason->where);
		else if (reason->decision->special)
			write_special(reason, name, stream);
		else
			write_verdict_for(reason, name, stream);
		write_answer(reason, stream);
	}
	/* Some sentences of ours are a question in the end. */
	fflush(stream);
	if (*out && out[strlen(out) - 1] != '?')
		fputs(".", stream);
	fclose(stream);
	out[size - 1] = '\0';
	return out;
}
