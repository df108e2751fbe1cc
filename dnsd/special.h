// SPDX-License-Identifier: BSD-2-Clause
/*
 * special.h - names that mean something other than their rules say.
 *
 * Two lists in one.  Names that are special to everybody: this host, names
 * that no DNS has, names of this network, which a public resolver must never
 * hear.  And the built-in list of names that break when they are faked, each
 * with its reason.  Pure; nothing is allocated.
 *
 * Source	RFC 6761, 6762 (local), 6303 and 7793 (reverse zones), 7686
 *		(onion), 8375 (home.arpa), 9462 (resolver.arpa), 9476 (alt)
 */
#ifndef ERSATZ_DNSD_SPECIAL_H
#define ERSATZ_DNSD_SPECIAL_H

#include "common/addr.h"
#include "dnsd/question.h"

enum special_kind {
	SPECIAL_LOOPBACK, /* this host */
	SPECIAL_NOWHERE,  /* NXDOMAIN, whatever the rules say */
	SPECIAL_EMPTY,    /* a zone of our own without data */
	SPECIAL_CARRIED,  /* NXDOMAIN unless a rule carries it (onion) */
	SPECIAL_SITE,     /* of this network: never to a public resolver */
	SPECIAL_DIRECT,   /* breaks when it is faked */
};

struct special {
	const char *name; /* of the zone, or what is looked at */
	uint8_t length;   /* of that text */
	enum special_kind kind;
	const char *reason; /* "'local' is for mDNS (RFC 6762)" */
	uint8_t from, to;   /* not 0: only below children of these numbers */
};

/* The longest entry that the name is or lies under; NULL: it is not special. */
const struct special *special_find(const struct name *name, uint16_t type);

enum special_answer {
	SPECIAL_ANSWER_ADDRESS, /* `addr` */
	SPECIAL_ANSWER_POINTER, /* localhost */
	SPECIAL_ANSWER_NODATA,
	SPECIAL_ANSWER_NXDOMAIN,
};

/* What we answer ourselves; SPECIAL_SITE: if nobody can be asked. */
enum special_answer special_answer(const struct special *special,
				   const struct question *question,
				   struct addr *addr);

/* All of them, for tests: in the order of their length. */
const struct special *special_all(size_t *count);

#endif
