// SPDX-License-Identifier: BSD-2-Clause
/*
 * geosite.h - the lists of names in a geosite.dat.
 *
 * A message of Protocol Buffers: GeoSiteList { repeated GeoSite entry = 1 },
 * GeoSite { string country_code = 1; repeated Domain domain = 2 }, Domain {
 * Type type = 1; string value = 2; repeated Attribute attribute = 3 },
 * Attribute { string key = 1; ... }.  Decoded in place, nothing is allocated,
 * and no length is believed beyond the bytes that are there.
 *
 * Errors	ERR_MALFORMED; -ENOENT
 * Source	v2fly, app/router/routercommon/common.proto; Protocol Buffers
 *		encoding
 * Ownership	everything points into the caller's bytes
 */
#ifndef ERSATZ_COMMON_RULES_GEOSITE_H
#define ERSATZ_COMMON_RULES_GEOSITE_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geosite_bytes {
	const uint8_t *at;
	size_t size;
};

enum geosite_type {
	GEOSITE_KEYWORD = 0,
	GEOSITE_REGEX = 1,
	GEOSITE_SUFFIX = 2,
	GEOSITE_FULL = 3,
};

struct geosite_domain {
	enum geosite_type type;
	struct geosite_bytes value;
	struct geosite_bytes message; /* for its attributes */
};

/* Are there whole lists up to its end?  ERR_MALFORMED: it may be cut short. */
NODISCARD int geosite_check(struct geosite_bytes file);

/* The list of that name, without regard to case. */
NODISCARD int geosite_find(struct geosite_bytes file, const char *name,
			   struct geosite_bytes *list);

/* Takes the next domain off the list: 1, or 0 at its end. */
NODISCARD int geosite_next(struct geosite_bytes *list,
			   struct geosite_domain *domain);

bool geosite_has(const struct geosite_domain *domain, const char *attribute,
		 size_t length);

#endif
