// SPDX-License-Identifier: BSD-2-Clause
/*
 * geo.h - what rules want of geographic files: GEOIP, IP-ASN and GEOSITE.
 *
 * Wishes for prefixes are kept until all rules are there; then each database
 * is walked once for all of them.  geosite.dat is held until then.
 *
 * Errors	ERR_CONFIG: the diag got an error; -ENOMEM
 * Ownership	the owner embeds the struct, zeroed; geo_fini() frees
 */
#ifndef ERSATZ_COMMON_RULES_GEO_H
#define ERSATZ_COMMON_RULES_GEO_H

#include "common/compiler.h"
#include "common/rules.h"
#include "common/rules/geoip.h"
#include "common/rules/hit.h"
#include "common/rules/prefix_index.h"
#include "common/rules/sources.h"

#include <stddef.h>

struct geo_want;

struct geo {
	struct rules_geo files; /* borrowed texts; NULL: not set */
	struct geo_want *wants; /* owned */
	size_t count, room;
	char *site; /* owned; the bytes of geosite.dat; NULL: not read */
	size_t site_size;
};

void geo_fini(struct geo *geo);

/* Where prefixes are to go; the index lives until geo_read(). */
struct geo_target {
	struct prefix_index *index;
	struct rule_hit hit;
};

/* The target is to have the prefixes with that value. */
NODISCARD int geo_want(struct geo *geo, enum geoip_field field,
		       const char *value, const struct geo_target *target,
		       const struct rule_place *place);

/*
 * Grants every wish; `diag` gets what is wrong, and the databases that were
 * read are added to the sources.
 */
NODISCARD int geo_read(struct geo *geo, struct sources *sources,
		       struct diag *diag);

#endif
