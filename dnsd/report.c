// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/report.h"

#include "common/compiler.h"
#include "common/confinement.h"
#include "common/plural.h"

#include <stdbool.h>
#include <stddef.h>

#define KEY "  %-10s "

/* A number and the words behind it. */
struct part {
	const char *key;
	const char *words;
};

static const char *text_of(const struct json *line, const char *key)
{
	const char *text = json_get_text(line, key);

	return text ? text : "";
}

static long long int_of(const struct json *line, const char *key)
{
	return json_get_int(line, key, 0);
}

/* "7 fake, 1 rejected": the numbers that are not nought, behind `before`. */
static bool print_parts(const struct json *line, const struct part *parts,
			const char *before, FILE *out)
{
	bool is_first = true;

	for (; parts->key; parts++) {
		long long number = int_of(line, parts->key);

		if (!number)
			continue;
		fprintf(out, "%s%lld %s", is_first ? before : ", ", number,
			parts->words);
		is_first = false;
	}
	return !is_first;
}

static void print_queries(const struct json *line, FILE *out)
{
	static const struct part answers[] = {
		{"fake", "fake"},
		{"nodata", "empty"},
		{"missing", "not there"},
		{"rejected", "rejected"},
		{"reverse", "reverse"},
		{"special", "special"},
		{"hosts", "hosts"},
		{"forwarded", "forwarded"},
		{NULL, NULL},
	};
	static const struct part errors[] = {
		{"malformed", "malformed"},
		{"refused", "of a kind that is refused"},
		{"failed", "for which there was no address"},
		{NULL, NULL},
	};
	char before[32];

	fprintf(out, KEY "%lld", "queries", int_of(line, "queries"));
	(void)print_parts(line, answers, ": ", out);
	fputc('\n', out);
	snprintf(before, sizeof(before), KEY, "errors");
	if (print_parts(line, errors, before, out))
		fputc('\n', out);
}

static void print_map(const struct json *line, FILE *out)
{
	static const struct part errors[] = {
		{"refused_full", "refused as every address is given"},
		{"commits_failed", "times it could not be written"},
		{NULL, NULL},
	};
	static const struct part idle[] = {
		{"recycled", "taken back from idle names"},
		{NULL, NULL},
	};
	const char *reason = text_of(line, "map_error");
	const char *why = text_of(line, "full_why");
	char before[32];

	fprintf(out, KEY "%lld of %lld addresses given, %lld since the start",
		"names", int_of(line, "slots") - int_of(line, "slots_free"),
		int_of(line, "slots"), int_of(line, "names_new"));
	(void)print_parts(line, idle, ", ", out);
	fputc('\n', out);
	if (*why)
		fprintf(out, KEY "is full: %s\n", "pool", why);
	snprintf(before, sizeof(before), KEY, "map");
	if (print_parts(line, errors, before, out))
		fprintf(out, "%s%s\n", *reason ? "; last: " : "", reason);
}

static void print_messages(const struct json *line, const char *network,
			   const char *queries_key, const char *replies_key,
			   FILE *out)
{
	long long queries = int_of(line, queries_key);
	long long replies = int_of(line, replies_key);

	fprintf(out, KEY "%lld %s, %lld %s", network, queries,
		plural(queries, "query", "queries"), replies,
		plural(replies, "reply", "replies"));
}

static void print_clients(const struct json *line, FILE *out)
{
	static const struct part lost[] = {
		{"udp_unsent", "that could not be sent"},
		{NULL, NULL},
	};
	static const struct part clients[] = {
		{"tcp_open", "open now"},
		{"tcp_evicted", "closed to make room"},
		{NULL, NULL},
	};

	print_messages(line, "UDP", "udp_queries", "udp_replies", out);
	(void)print_parts(line, lost, ", ", out);
	fputc('\n', out);
	print_messages(line, "TCP", "tcp_queries", "tcp_replies", out);
	(void)print_parts(line, clients, ", ", out);
	fputc('\n', out);
}

static void print_upstreams(const struct json *line, FILE *out)
{
	static const struct part more[] = {
		{"upstream_full", "of them as too many waited"},
		{"under_way", "waiting now"},
		{"upstream_shared", "joined an equal one"},
		{"upstream_spared", "not asked again, having just failed"},
		{"upstream_by_tcp", "truncated, asked again by TCP"},
		{"upstream_ignored", "late or forged answers ignored"},
		{NULL, NULL},
	};

	fprintf(out, KEY "%lld answered, %lld failed", "upstreams",
		int_of(line, "upstream_answered"),
		int_of(line, "upstream_failed"));
	(void)print_parts(line, more, ", ", out);
	fputc('\n', out);
}

static void print_cache(const struct json *line, FILE *out)
{
	static const struct part more[] = {
		{"cache_misses", "missed"},
		{"cache_stale", "answered beyond their end"},
		{"cache_prefetched", "asked for again in time"},
		{"cache_evicted", "made room"},
		{NULL, NULL},
	};

	long long entries = int_of(line, "cache_entries");
	long long hits = int_of(line, "cache_hits");

	if (!int_of(line, "cache_size")) {
		fprintf(out, KEY "off\n", "cache");
		return;
	}
	fprintf(out, KEY "%lld %s in %lld of %lld KiB, %lld %s", "cache",
		entries, plural(entries, "answer", "answers"),
		int_of(line, "cache_bytes") / 1024,
		int_of(line, "cache_size") / 1024, hits,
		plural(hits, "hit", "hits"));
	(void)print_parts(line, more, ", ", out);
	fputc('\n', out);
}

static void print_confinement(const struct json *line, FILE *out)
{
	if (!json_get_text(line, "process_capabilities"))
		return;
	fprintf(out, KEY, "confined");
	(void)confinement_print(line, "process", out);
}

void report_status(const struct json *line, FILE *out)
{
	const char *upstream = json_get_text(line, "upstream");

	if (upstream) {
		fprintf(out, KEY "%s: %s\n", "", upstream,
			text_of(line, "servers"));
		return;
	}
	fprintf(out, "%s %s, process %lld, since %s\n",
		text_of(line, "program"), text_of(line, "version"),
		int_of(line, "pid"), text_of(line, "started"));
	fprintf(out, KEY "%s, %lld %s\n", "config", text_of(line, "config"),
		int_of(line, "rules"),
		plural(int_of(line, "rules"), "rule", "rules"));
	fprintf(out, KEY "%s\n", "listens", text_of(line, "listen"));
	print_confinement(line, out);
	print_map(line, out);
	print_queries(line, out);
	print_clients(line, out);
	print_cache(line, out);
	/* Its servers come after it, a line each. */
	print_upstreams(line, out);
}
