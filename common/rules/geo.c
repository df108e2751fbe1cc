// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/geo.h"

#include "common/err.h"
#include "common/rules/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct geo_want {
	enum geoip_field field;
	char value[GEOIP_VALUE_SIZE];
	struct geo_target target;
	char *file; /* owned; of the place */
	struct rule_place place;
	bool is_granted;
};

void geo_fini(struct geo *geo)
{
	for (size_t i = 0; i < geo->count; i++)
		free(geo->wants[i].file);
	free(geo->wants);
	free(geo->site);
	*geo = (struct geo){0};
}

static const char *file_of(const struct geo *geo, enum geoip_field field)
{
	return field == GEOIP_ASN ? geo->files.asn : geo->files.country;
}

static const char *word_of(enum geoip_field field)
{
	return field == GEOIP_ASN ? "asn" : "country";
}

static int make_room(struct geo *geo)
{
	size_t room = geo->room ? geo->room * 2 : 8;
	struct geo_want *wants;

	if (geo->count < geo->room)
		return 0;
	wants = reallocarray(geo->wants, room, sizeof(*wants));
	if (!wants)
		return -ENOMEM;
	geo->wants = wants;
	geo->room = room;
	return 0;
}

int geo_want(struct geo *geo, enum geoip_field field, const char *value,
	     const struct geo_target *target, const struct rule_place *place)
{
	struct geo_want *want;

	if (strlen(value) >= GEOIP_VALUE_SIZE)
		return rule_tell_wrong(place, value, "a code such as CN");
	if (!file_of(geo, field)) {
		diag_error(PLACE_ARGS(place),
			   "'%s' is looked up in a database, but none is set, "
			   "expected 'geo: {%s: FILE.mmdb}'",
			   value, word_of(field));
		return ERR_CONFIG;
	}
	if (make_room(geo) < 0)
		return -ENOMEM;
	want = &geo->wants[geo->count];
	*want = (struct geo_want){
		.field = field,
		.target = *target,
		.file = strdup(place->file),
		.place = *place,
	};
	if (!want->file)
		return -ENOMEM;
	strcpy(want->value, value);
	want->place.file = want->file;
	geo->count++;
	return 0;
}

/* The walk over one database. */
struct walk {
	struct geo *geo;
	enum geoip_field field;
	size_t count; /* of prefixes that somebody wants */
};

static int on_prefix(void *ctx, const struct prefix *prefix, const char *value)
{
	struct walk *walk = ctx;
	struct geo *geo = walk->geo;
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < geo->count; i++) {
		struct geo_want *want = &geo->wants[i];

		if (want->field != walk->field ||
		    strcasecmp(want->value, value) != 0)
			continue;
		want->is_granted = true;
		walk->count++;
		ret = prefix_index_add(want->target.index, prefix,
				       want->target.hit);
	}
	return ret;
}

/* Told once, at the first rule that asks for the database. */
static int tell_unreadable(const struct geo_want *want, struct diag *diag,
			   const char *file, int ret)
{
	struct rule_place place = want->place;

	place.diag = diag;
	if (ret == -EOPNOTSUPP)
		diag_error(PLACE_ARGS(&place),
			   "this program was built without libmaxminddb, "
			   "expected a RULE-SET of prefixes");
	else
		diag_error(PLACE_ARGS(&place),
			   "cannot read '%s': %s, expected a database in "
			   "MaxMind's format that our user can read",
			   file,
			   ret == ERR_MALFORMED ? "no such database"
						: err_text(ret));
	return ERR_CONFIG;
}

static int read_database(struct geo *geo, enum geoip_field field,
			 struct sources *sources, struct diag *diag)
{
	const char *file = file_of(geo, field);
	struct walk walk = {geo, field, 0};
	const struct geo_want *first = NULL;
	int ret;

	for (size_t i = geo->count; i-- > 0;) {
		if (geo->wants[i].field == field)
			first = &geo->wants[i];
	}
	if (!first)
		return 0;
	ret = geoip_each(file, field, on_prefix, &walk);
	if (ret == -ENOMEM)
		return ret;
	if (ret < 0)
		return tell_unreadable(first, diag, file, ret);
	ret = sources_add(sources, file, "database", 0);
	if (ret < 0)
		return ret;
	sources->at[ret].entries = walk.count;
	return 0;
}

int geo_read(struct geo *geo, struct sources *sources, struct diag *diag)
{
	int ret = read_database(geo, GEOIP_COUNTRY, sources, diag);
	int other = ret;

	if (ret != -ENOMEM)
		other = read_database(geo, GEOIP_ASN, sources, diag);

	if (ret == 0)
		ret = other;
	for (size_t i = 0; ret == 0 && i < geo->count; i++) {
		struct geo_want *want = &geo->wants[i];

		want->place.diag = diag;
		if (!want->is_granted)
			diag_warning(PLACE_ARGS(&want->place),
				     "'%s' has nothing for '%s': the rule "
				     "matches no address",
				     file_of(geo, want->field), want->value);
	}
	return ret;
}
