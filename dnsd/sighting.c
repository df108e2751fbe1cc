// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/sighting.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/plural.h"
#include "dnsd/ede_text.h"
#include "dnsd/message.h"
#include "dnsd/special.h"
#include "dnsd/wire.h"

#include <stdio.h>
#include <string.h>

#define HEADER_SIZE 12
#define ANSWER_SIZE 64
#define TYPE_TEXT_SIZE 16
#define TIME_SIZE 21

/* What a reply has beside its question: the first address, and OPT. */
static void read_records(struct sighting *sighting, const uint8_t *message,
			 size_t length)
{
	struct wire_cursor cursor;
	struct wire_record record;

	if (wire_begin(&cursor, message, length) < 0)
		return;
	while (wire_next(&cursor, &record) == 1) {
		if (record.type == DNS_TYPE_OPT)
			sighting->rcode |= (uint16_t)(record.ttl >> 24 << 4);
		if (record.section != WIRE_ANSWER ||
		    sighting->first.family != ADDR_NONE)
			continue;
		if (wire_address(&sighting->first, message, &record) < 0)
			sighting->first.family = ADDR_NONE;
	}
}

/* A message that could not be read has none. */
static int read_question(struct sighting *sighting, const uint8_t *message,
			 size_t length)
{
	size_t at = HEADER_SIZE;

	if (wire_name(&sighting->question, message, length, at) < 0)
		return ERR_MALFORMED;
	/* It is not compressed: nothing is before it. */
	at += sighting->question.length;
	if (length < at + 4)
		return ERR_MALFORMED;
	sighting->type = wire_read16(message + at);
	sighting->has_question = true;
	return 0;
}

int sighting_read(struct sighting *sighting, const struct asker *asker,
		  const uint8_t *message, size_t length)
{
	struct wire_header header;

	if (wire_header(&header, message, length) < 0 || header.questions > 1)
		return ERR_MALFORMED;
	sighting->has_question = false;
	if (header.questions == 1 &&
	    read_question(sighting, message, length) < 0)
		return ERR_MALFORMED;
	sighting->client = asker->client;
	sighting->is_tcp = asker->is_tcp;
	sighting->is_cut = header.flags & DNS_FLAG_TC;
	sighting->rcode = header.rcode;
	sighting->answers = header.answers;
	sighting->first.family = ADDR_NONE;
	sighting->cause = asker->cause;
	read_records(sighting, message, length);
	return 0;
}

static const char *rcode_word(uint16_t rcode)
{
	static const char *const words[] = {"NOERROR",  "FORMERR", "SERVFAIL",
					    "NXDOMAIN", "NOTIMP",  "REFUSED"};

	if (rcode == DNS_RCODE_BADVERS)
		return "BADVERS";
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
	else if (sighting->answers > 0)
		snprintf(out, ANSWER_SIZE, "%u record%s", sighting->answers,
			 plural(sighting->answers, "", "s"));
	else
		snprintf(out, ANSWER_SIZE, "%s",
			 sighting->is_cut ? "too long for UDP" : "no data");
	return out;
}

static const char *outbound_of(const struct cause *cause)
{
	if (!cause->config || cause->outbound < 0)
		return NULL;
	return cause->config->outbounds[cause->outbound].name;
}

/* The group that was asked, unless we answered alone. */
static const char *upstream_of(const struct cause *cause)
{
	if (!cause->config || cause->upstream < 0)
		return NULL;
	return cause->config->upstreams[cause->upstream].name;
}

static void set_place(struct json *json, const char *file_key,
		      const char *line_key, const char *file, uint32_t line)
{
	json_set_text(json, file_key, file);
	if (file)
		json_set_int(json, line_key, line);
	else
		json_set_null(json, line_key);
}

static void set_cause(struct json *json, const struct cause *cause)
{
	const struct rule *rule = cause->rule;
	const struct special *special = cause->special;
	char where[EDE_TEXT_SIZE];
	const struct cause place = {.file = cause->file, .line = cause->line};

	json_set_text(json, "verdict", cause_word(cause));
	json_set_text(json, "outbound", outbound_of(cause));
	json_set_text(json, "rule", rule ? rule->text : NULL);
	set_place(json, "file", "line", rule ? rule->file : NULL,
		  rule ? rule->line : 0);
	set_place(json, "list_file", "list_line",
		  cause->is_written ? NULL : cause->file, cause->line);
	json_set_text(json, "special", special ? special->reason : NULL);
	json_set_text(json, "hosts",
		      cause->is_written ? ede_text(&place, where) : NULL);
	json_set_text(json, "upstream", upstream_of(cause));
}

void sighting_set_json(struct json *json, const struct sighting *sighting)
{
	char text[NAME_TEXT_SIZE];
	bool has_question = sighting->has_question;

	json_set_time(json, "time", sighting->wall_ms);
	json_set_text(json, "client",
		      endpoint_format(&sighting->client, text, sizeof(text)));
	json_set_text(json, "network", sighting->is_tcp ? "tcp" : "udp");
	json_set_text(json, "name",
		      has_question ? name_format(&sighting->question, text,
						 sizeof(text))
				   : NULL);
	json_set_text(json, "type",
		      has_question ? message_type_text(sighting->type, text,
						       TYPE_TEXT_SIZE)
				   : NULL);
	json_set_text(json, "rcode", rcode_word(sighting->rcode));
	json_set_text(json, "answer", answer_text(sighting, text));
	json_set_int(json, "us", sighting->duration_us);
	set_cause(json, &sighting->cause);
}

/* "example.com A", or "-". */
static const char *question_text(const struct sighting *sighting, char *out,
				 size_t size)
{
	char type[TYPE_TEXT_SIZE];
	size_t used;

	if (!sighting->has_question)
		return "-";
	name_format(&sighting->question, out, size);
	used = strlen(out);
	snprintf(out + used, size - used, " %s",
		 message_type_text(sighting->type, type, sizeof(type)));
	return out;
}

const char *sighting_text(const struct sighting *sighting, char *out,
			  size_t size)
{
	const struct cause *cause = &sighting->cause;
	const char *word = cause_word(cause);
	const char *upstream = upstream_of(cause);
	char client[ENDPOINT_TEXT_SIZE], at[TIME_SIZE], why[EDE_TEXT_SIZE];
	char question[NAME_TEXT_SIZE + TYPE_TEXT_SIZE], answer[ANSWER_SIZE];
	int used;

	used = snprintf(
		out, size, "%s %s %s %s: %s %s, %lld us",
		clock_rfc3339(sighting->wall_ms, at, sizeof(at)),
		endpoint_format(&sighting->client, client, sizeof(client)),
		sighting->is_tcp ? "tcp" : "udp",
		question_text(sighting, question, sizeof(question)),
		word ? word : "-", answer_text(sighting, answer),
		(long long)sighting->duration_us);
	if (ede_text(cause, why) && used > 0 && (size_t)used < size)
		used += snprintf(out + used, size - (size_t)used, ", %s", why);
	if (upstream && used > 0 && (size_t)used < size)
		snprintf(out + used, size - (size_t)used, ", upstream '%s'",
			 upstream);
	return out;
}
