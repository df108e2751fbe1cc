// SPDX-License-Identifier: BSD-2-Clause
/*
 * geoip.h - which prefixes are in which country or of which network operator;
 * the boundary of libmaxminddb.
 *
 * A database is walked once, while rules are read, and closed again: what
 * rules want of it goes into their prefix indexes.  So a decision costs no
 * look-up in it, nothing is mapped that somebody might cut short, and the
 * prefixes of a country can be told to the kernel.
 *
 * Without libmaxminddb (configure says so) every file is -EOPNOTSUPP.
 *
 * Errors	-errno; -EOPNOTSUPP; ERR_MALFORMED for what is no database;
 *		what `fn` says
 * Source	MaxMind DB file format, version 2.0
 */
#ifndef ERSATZ_COMMON_RULES_GEOIP_H
#define ERSATZ_COMMON_RULES_GEOIP_H

#include "common/addr.h"
#include "common/compiler.h"

enum geoip_field {
	GEOIP_COUNTRY, /* "CN"; also databases of nothing but such words */
	GEOIP_ASN,     /* "64496" */
};

#define GEOIP_VALUE_SIZE 32
#define GEOIP_VALUES_MAX 16 /* of one prefix, in databases of words */

/*
 * Calls `fn` for each prefix and value; ends with what it returns if that is
 * negative.
 */
typedef int (*geoip_fn)(void *ctx, const struct prefix *prefix,
			const char *value);
NODISCARD int geoip_each(const char *file, enum geoip_field field, geoip_fn fn,
			 void *ctx);

#endif
