// SPDX-License-Identifier: BSD-2-Clause
/*
 * mmdb_fixture.h - small databases in MaxMind's format, for tests.
 *
 * Source	MaxMind DB file format, version 2.0
 */
#ifndef ERSATZ_TESTS_MMDB_FIXTURE_H
#define ERSATZ_TESTS_MMDB_FIXTURE_H

#include <stddef.h>

enum mmdb_data {
	MMDB_COUNTRY, /* {"country": {"iso_code": value}} */
	MMDB_WORD,    /* value */
	MMDB_WORDS,   /* [value, "extra"] */
	MMDB_ASN,     /* {"autonomous_system_number": value} */
	/* As other vendors lay it out, and some of MaxMind's with more in it.
	 */
	MMDB_COUNTRY_FULL, /* continent, country {iso_code, names}, registered
			    */
	MMDB_COUNTRY_TEXT, /* {"country": value, "country_name": ...} */
	MMDB_LITE,         /* "country" is a long name, "country_code" value */
	MMDB_ASN_TEXT,     /* {"asn": value, "domain": ...}, value "AS64496" */
	MMDB_ASN_16,       /* as MMDB_ASN, in two bytes */
};

struct mmdb_row {
	const char *prefix;
	enum mmdb_data data;
	const char *value;
};

/* Prefixes must be apart.  `bits`: 32, or 128 with IPv4 inside. */
void mmdb_write(const char *file, unsigned bits, const struct mmdb_row *rows,
		size_t count);

#endif
