// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/cause.h"

#include "common/compiler.h"
#include "dnsd/decide.h"
#include "dnsd/hosts.h"

#include <stddef.h>

static const uint8_t kinds[] = {
	[DECISION_FAKE] = CAUSE_FAKE,       [DECISION_NODATA] = CAUSE_NODATA,
	[DECISION_REJECT] = CAUSE_REJECT,   [DECISION_REVERSE] = CAUSE_REVERSE,
	[DECISION_FORWARD] = CAUSE_FORWARD, [DECISION_RESOLVE] = CAUSE_RESOLVE,
	[DECISION_SPECIAL] = CAUSE_SPECIAL, [DECISION_SITE] = CAUSE_SITE,
	[DECISION_HOSTS] = CAUSE_HOSTS,
};

static int32_t outbound_of(const struct decision *decision)
{
	switch (decision->kind) {
	case DECISION_REVERSE:
	case DECISION_SPECIAL:
	case DECISION_HOSTS:
		return -1;
	case DECISION_FAKE:
	case DECISION_NODATA:
	case DECISION_REJECT:
	case DECISION_FORWARD:
	case DECISION_RESOLVE:
	case DECISION_SITE:
		break;
	}
	if (decision->special || decision->verdict.kind == VERDICT_NO_RULE)
		return OUTBOUND_DIRECT;
	return decision->verdict.kind == VERDICT_MATCH
		       ? decision->verdict.outbound
		       : -1;
}

struct cause cause_of(const struct decision *decision,
		      const struct config *config, const struct hosts *hosts)
{
	const struct verdict *verdict = &decision->verdict;
	struct cause cause = {
		.config = config,
		.special = decision->special,
		.outbound = outbound_of(decision),
		.upstream = decision->kind == DECISION_FORWARD ||
					    decision->kind == DECISION_RESOLVE
				    ? decision->upstream
				    : -1,
		.kind = kinds[decision->kind],
	};
	bool is_file;

	if (!decision->special) {
		cause.rule = verdict->rule;
		cause.file = verdict->list_file;
		cause.line = verdict->list_line;
	}
	if (decision->host >= 0) {
		cause.line = hosts_line(hosts, decision->host, &is_file);
		cause.file = is_file ? config->dnsd.hosts_file : config->file;
		cause.is_written = true;
	}
	return cause;
}

struct cause cause_bare(enum cause_kind kind)
{
	return (struct cause){.outbound = -1, .upstream = -1, .kind = kind};
}

const char *cause_word(const struct cause *cause)
{
	static const char *const words[] = {
		[CAUSE_NONE] = NULL,
		[CAUSE_FAKE] = "fake",
		[CAUSE_NODATA] = "nodata",
		[CAUSE_REJECT] = "reject",
		[CAUSE_REVERSE] = "reverse",
		[CAUSE_FORWARD] = "forward",
		[CAUSE_RESOLVE] = "resolve",
		[CAUSE_SPECIAL] = "special",
		[CAUSE_SITE] = "site",
		[CAUSE_HOSTS] = "hosts",
		[CAUSE_MISSING] = "missing",
		[CAUSE_FULL] = "full",
		[CAUSE_BROKEN] = "broken",
		[CAUSE_REFUSED] = "refused",
		[CAUSE_MALFORMED] = "malformed",
		[CAUSE_LOOP] = "loop",
		[CAUSE_COOKIE] = "cookie",
	};

	return cause->kind < ARRAY_LEN(words) ? words[cause->kind] : NULL;
}
