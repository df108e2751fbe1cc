// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/sighting.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/plural.h"
#include "dnsd/decide.h"
#include "dnsd/message.h"
#include "dnsd/wire.h"

#include <stdio.h>
#include <string.h>

#define HEADER_SIZE 12
#define ANSWER_SIZE 64
#define TYPE_TEXT_SIZE 16
#define TIME_SIZE 21

static void read_first_address(struct sighting *sighting,
			       const uint8_t *message, size_t length)
{
	struct wire_cursor cursor;
	struct wire_record record;

	if (wire_begin(&cursor, message, length) < 0)
		return;
	while (wire_next(&cursor, &record) == 1 &&
	       record.section == WIRE_ANSWER) {
		if (wire_address(&sighting->first, message, &record) == 0)
			return;
		sighting->first.family = ADDR_NONE;
	}
}

int sighting_read(struct sighting *sighting, const struct asker *asker,
		  const uint8_t *message, size_t length)
{
	struct wire_header header;
	size_t at = HEADER_SIZE;

	if (wire_header(&header, message, length) < 0 || header.questions != 1)
		return ERR_MALFORMED;
	if (wire_name(&sighting->question, message, length, at) < 0)
		return ERR_MALFORMED;
	/* It is not compressed: nothing is before it. */
	at += sighting->question.length;
	if (length < at + 4)
		return ERR_MALFORMED;
	sighting->type = wire_read16(message + at);
	sighting->client = asker->client;
	sighting->is_tcp = asker->is_tcp;
	sighting->rcode = header.rcode;
	sighting->answers = header.answers;
	sighting->first.family = ADDR_NONE;
	if (header.answers > 0)
		read_first_address(sighting, message, length);
	return 0;
}

static const char *rcode_word(uint8_t rcode)
{
	static const char *const words[] = {"NOERROR",  "FORMERR", "SERVFAIL",
					    "NXDOMAIN", "NOTIMP",  "REFUSED"};

	return rcode < ARRAY_LEN(words) ? words[rcode] : "error";
}

/* "198.18.0.3", "4 records", "no data", "NXDOMAIN". */
static const char *answer_text(const struct sighting *sighting,
			       char out[ANSWER_SIZE])
{
	char address[ADDR_TEXT_SIZE];

	if (sighting->rcode != DNS_RCODE_NOERROR)
		snprintf(out, ANSWER_SIZE, "%s", rcode_word(sighting->rcode));
	else if (sighting->first.family != ADDR_NONE)
		snprintf(out, ANSWER_SIZE, "%s",
			 addr_format(&sighting->first, address,
				     sizeof(address)));
	else if (sighting->answers == 0)
		snprintf(out, ANSWER_SIZE, "no data");
	else
		snprintf(out, ANSWER_SIZE, "%u record%s", sighting->answers,
			 plural(sighting->answers, "", "s"));
	return out;
}

/* The configuration may have changed since: what is shown is of now. */
static struct decision decide_again(const struct sighting *sighting,
				    const struct config *config)
{
	const struct question question = {
		.rd = true,
		.type = sighting->type,
		.klass = DNS_CLASS_IN,
		.name = sighting->question,
	};

	return decide(config, &question, &sighting->client.addr);
}

static const char *outbound_of(const struct decision *decision,
			       const struct config *config)
{
	if (decision->kind == DECISION_REVERSE)
		return NULL;
	switch (decision->verdict.kind) {
	case VERDICT_MATCH:
		return config->outbounds[decision->verdict.outbound].name;
	case VERDICT_NO_RULE:
		return config->outbounds[OUTBOUND_DIRECT].name;
	case VERDICT_NEEDS_ADDRESS:
	case VERDICT_NEEDS_FLOW:
		break;
	}
	return NULL;
}

/* The group that was asked, unless we answered alone. */
static const char *upstream_of(const struct decision *decision,
			       const struct config *config)
{
	if (decision->kind != DECISION_FORWARD &&
	    decision->kind != DECISION_RESOLVE)
		return NULL;
	return config->upstreams[decision->upstream].name;
}

void sighting_set_json(struct json *json, const struct sighting *sighting,
		       const struct config *config)
{
	struct decision decision = decide_again(sighting, config);
	const struct rule *rule = decision.verdict.rule;
	char text[NAME_TEXT_SIZE];

	json_set_time(json, "time", sighting->wall_ms);
	json_set_text(json, "client",
		      endpoint_format(&sighting->client, text, sizeof(text)));
	json_set_text(json, "network", sighting->is_tcp ? "tcp" : "udp");
	json_set_text(json, "name",
		      name_format(&sighting->question, text, sizeof(text)));
	json_set_text(json, "type",
		      message_type_text(sighting->type, text, TYPE_TEXT_SIZE));
	json_set_text(json, "rcode", rcode_word(sighting->rcode));
	json_set_text(json, "answer", answer_text(sighting, text));
	json_set_int(json, "us", sighting->duration_us);
	json_set_text(json, "verdict", decision_word(decision.kind));
	json_set_text(json, "outbound", outbound_of(&decision, config));
	json_set_text(json, "rule", rule ? rule->text : NULL);
	json_set_text(json, "file", rule ? rule->file : NULL);
	if (rule)
		json_set_int(json, "line", rule->line);
	else
		json_set_null(json, "line");
	json_set_text(json, "upstream", upstream_of(&decision, config));
}

const char *sighting_text(const struct sighting *sighting,
			  const struct config *config, char *out, size_t size)
{
	struct decision decision = decide_again(sighting, config);
	const struct rule *rule = decision.verdict.rule;
	const char *upstream = upstream_of(&decision, config);
	char client[ENDPOINT_TEXT_SIZE], name[NAME_TEXT_SIZE];
	char type[TYPE_TEXT_SIZE], answer[ANSWER_SIZE], at[TIME_SIZE];
	int used;

	used = snprintf(
		out, size, "%s %s %s %s %s: %s %s, %lld us",
		clock_rfc3339(sighting->wall_ms, at, sizeof(at)),
		endpoint_format(&sighting->client, client, sizeof(client)),
		sighting->is_tcp ? "tcp" : "udp",
		name_format(&sighting->question, name, sizeof(name)),
		message_type_text(sighting->type, type, sizeof(type)),
		decision_word(decision.kind), answer_text(sighting, answer),
		(long long)sighting->duration_us);
	if (rule && used > 0 && (size_t)used < size)
		used += snprintf(out + used, size - (size_t)used,
				 ", rule '%s' (%s:%u)", rule->text, rule->file,
				 rule->line);
	if (upstream && used > 0 && (size_t)used < size)
		snprintf(out + used, size - (size_t)used, ", upstream '%s'",
			 upstream);
	return out;
}
