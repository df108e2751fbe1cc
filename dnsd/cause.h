// SPDX-License-Identifier: BSD-2-Clause
/*
 * cause.h - what decided an answer.
 *
 * Goes with the one who asks (server.h) from the decision to the reply that
 * leaves, so that whoever tells of the reply, its Extended DNS Error, the query
 * log or --watch, tells what has decided it and need not ask the rules again.
 *
 * Pure.  All pointers but `special` point into the configuration: whoever
 * keeps a cause longer than a turn of the loop compares `config`.
 */
#ifndef ERSATZ_DNSD_CAUSE_H
#define ERSATZ_DNSD_CAUSE_H

#include "common/config.h"

#include <stdbool.h>
#include <stdint.h>

struct decision;
struct hosts;
struct rule;
struct special;

enum cause_kind {
	CAUSE_NONE,    /* nobody has decided yet */
	CAUSE_FAKE,    /* this and the next nine: as enum decision_kind */
	CAUSE_NODATA,  /* of decide.h */
	CAUSE_REJECT,  /* */
	CAUSE_REVERSE, /* */
	CAUSE_FORWARD, /* */
	CAUSE_RESOLVE, /* the upstream answered, and the rule has none */
	CAUSE_SPECIAL, /* */
	CAUSE_SITE,    /* */
	CAUSE_HOSTS,   /* */
	CAUSE_MISSING, /* dnsd.fake.verify: there is no such name */
	CAUSE_FULL,    /* no fake address was left */
	CAUSE_BROKEN,  /* the map could not be written */
	CAUSE_REFUSED, /* NOTIMP, REFUSED, BADVERS */
	CAUSE_MALFORMED,
	CAUSE_LOOP,   /* a question of our own came back */
	CAUSE_COOKIE, /* there was no question, only a cookie */
};

struct cause {
	const struct config *config;   /* whose the pointers are; borrowed */
	const struct rule *rule;       /* that decided; NULL: none did */
	const struct special *special; /* what decided instead; NULL: nothing */
	/* Where it stands: in a list of that rule, or among written hosts. */
	const char *file;
	uint32_t line;
	int32_t outbound; /* negative: none, or not known yet */
	int32_t upstream; /* that has a say in it; negative: none has */
	uint8_t kind;     /* enum cause_kind */
	bool is_written;  /* `file` is that of hosts: the name exists */
};

/* `hosts` is what the decision was made with. */
struct cause cause_of(const struct decision *decision,
		      const struct config *config, const struct hosts *hosts);

/* One of which nothing but that is known. */
struct cause cause_bare(enum cause_kind kind);

/*
 * "fake", "forward" and the like, as decision_word(); "missing", "full",
 * "broken", "refused", "malformed", "loop", "cookie"; NULL with CAUSE_NONE.
 */
const char *cause_word(const struct cause *cause);

#endif
