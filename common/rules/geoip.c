// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tree of a database has one node a bit.  Many leaves share one record, so
 * what a record says is read once and kept under its offset; but not of more
 * records than there can be countries, as those of operators are too many.
 */
#include "common/rules/geoip.h"

#include "common/err.h"

#include <errno.h>
#include <maxminddb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 2048 /* that are kept */
#define IPV4_AT 96U      /* bits before IPv4 in a database of both families */

struct record {
	uint64_t offset;
	size_t count;
	char values[GEOIP_VALUES_MAX][GEOIP_VALUE_SIZE];
};

struct walk {
	MMDB_s db;
	enum geoip_field field;
	struct record **records; /* owned, each of them; by offset */
	size_t count;
	struct record last; /* that was not kept */
	geoip_fn fn;
	void *ctx;
	unsigned bits;
	uint8_t path[16];
};

static void keep_text(struct record *record, const MMDB_entry_data_s *data)
{
	if (record->count == GEOIP_VALUES_MAX || !data->has_data ||
	    data->type != MMDB_DATA_TYPE_UTF8_STRING ||
	    data->data_size >= GEOIP_VALUE_SIZE)
		return;
	memcpy(record->values[record->count], data->utf8_string,
	       data->data_size);
	record->values[record->count++][data->data_size] = '\0';
}

/* A database of words has a word, or a list of them, in place of a map. */
static void read_words(struct record *record, MMDB_entry_s *entry)
{
	const char *const whole[] = {NULL};
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, whole) != MMDB_SUCCESS)
		return;
	if (data.type != MMDB_DATA_TYPE_ARRAY) {
		keep_text(record, &data);
		return;
	}
	for (unsigned i = 0; i < GEOIP_VALUES_MAX; i++) {
		char index[16];
		const char *const path[] = {index, NULL};

		snprintf(index, sizeof(index), "%u", i);
		if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS)
			return;
		keep_text(record, &data);
	}
}

static void read_country(struct record *record, MMDB_entry_s *entry)
{
	static const char *const paths[][3] = {
		{"country", "iso_code", NULL},
		{"country_code", NULL, NULL},
		{"country", NULL, NULL},
	};
	MMDB_entry_data_s data;

	for (size_t i = 0; i < ARRAY_LEN(paths) && record->count == 0; i++) {
		if (MMDB_aget_value(entry, &data, paths[i]) == MMDB_SUCCESS)
			keep_text(record, &data);
	}
	if (record->count == 0)
		read_words(record, entry);
}

static void read_asn(struct record *record, MMDB_entry_s *entry)
{
	static const char *const number[] = {"autonomous_system_number", NULL};
	static const char *const text[] = {"asn", NULL};
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, number) == MMDB_SUCCESS &&
	    data.has_data &&
	    (data.type == MMDB_DATA_TYPE_UINT32 ||
	     data.type == MMDB_DATA_TYPE_UINT16)) {
		snprintf(record->values[record->count++], GEOIP_VALUE_SIZE,
			 "%u",
			 data.type == MMDB_DATA_TYPE_UINT32 ? data.uint32
							    : data.uint16);
		return;
	}
	if (MMDB_aget_value(entry, &data, text) != MMDB_SUCCESS)
		return;
	keep_text(record, &data);
	/* "AS64496" */
	if (record->count > 0 && strncmp(record->values[0], "AS", 2) == 0)
		memmove(record->values[0], record->values[0] + 2,
			GEOIP_VALUE_SIZE - 2);
}

/* Where the record of that offset is, or would be. */
static size_t place_of(const struct walk *walk, uint64_t offset)
{
	size_t low = 0, high = walk->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (walk->records[middle]->offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void read_record(const struct walk *walk, struct record *record,
			const MMDB_entry_s *entry)
{
	MMDB_entry_s copy = *entry;

	record->offset = entry->offset;
	record->count = 0;
	switch (walk->field) {
	case GEOIP_COUNTRY:
		read_country(record, &copy);
		break;
	case GEOIP_ASN:
		read_asn(record, &copy);
		break;
	}
}

static const struct record *find_record(struct walk *walk,
					const MMDB_entry_s *entry)
{
	size_t at = place_of(walk, entry->offset);
	struct record *record;

	if (at < walk->count && walk->records[at]->offset == entry->offset)
		return walk->records[at];
	if (walk->count == RECORDS_MAX) {
		read_record(walk, &walk->last, entry);
		return &walk->last;
	}
	record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	read_record(walk, record, entry);
	memmove(walk->records + at + 1, walk->records + at,
		(walk->count - at) * sizeof(struct record *));
	walk->records[at] = record;
	walk->count++;
	return record;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static struct prefix prefix_of(const struct walk *walk, unsigned depth)
{
	struct prefix prefix = {.length = (uint8_t)depth};

	prefix.addr.family = ADDR_IPV6;
	if (walk->bits == 32) {
		prefix.addr.family = ADDR_IPV4;
		memcpy(prefix.addr.bytes, walk->path, 4);
	} else if (depth >= IPV4_AT && is_zero(walk->path, IPV4_AT / 8)) {
		prefix.addr.family = ADDR_IPV4;
		prefix.length = (uint8_t)(depth - IPV4_AT);
		memcpy(prefix.addr.bytes, walk->path + IPV4_AT / 8, 4);
	} else {
		memcpy(prefix.addr.bytes, walk->path, sizeof(walk->path));
	}
	return prefix;
}

static int take_leaf(struct walk *walk, unsigned depth,
		     const MMDB_entry_s *entry)
{
	const struct record *record = find_record(walk, entry);
	struct prefix prefix = prefix_of(walk, depth);
	int ret = 0;

	if (!record)
		return -ENOMEM;
	for (size_t i = 0; ret >= 0 && i < record->count; i++)
		ret = walk->fn(walk->ctx, &prefix, record->values[i]);
	return ret < 0 ? ret : 0;
}

/* IPv4 is there again as mapped, 6to4 and Teredo addresses: an alias. */
static bool is_alias(const struct walk *walk, unsigned depth, uint64_t node)
{
	return walk->bits == 128 && depth > 0 &&
	       node == walk->db.ipv4_start_node.node_value &&
	       !(depth == IPV4_AT && is_zero(walk->path, IPV4_AT / 8));
}

static int take_node(struct walk *walk, unsigned depth, uint64_t node);

/* What lies to one side of a node: `depth` counts its bit. */
static int take_side(struct walk *walk, unsigned depth, uint64_t record,
		     uint8_t type, const MMDB_entry_s *entry)
{
	switch (type) {
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		if (depth >= walk->bits)
			return ERR_MALFORMED;
		if (is_alias(walk, depth, record))
			return 0;
		return take_node(walk, depth, record);
	case MMDB_RECORD_TYPE_DATA:
		return take_leaf(walk, depth, entry);
	case MMDB_RECORD_TYPE_EMPTY:
		return 0;
	default: /* a byte, no enum */
		return ERR_MALFORMED;
	}
}

/* As deep as an address has bits. */
static int take_node(struct walk *walk, unsigned depth, uint64_t node)
{
	uint8_t *byte = &walk->path[depth / 8];
	uint8_t bit = (uint8_t)(0x80U >> depth % 8);
	MMDB_search_node_s sides;
	int ret;

	if (MMDB_read_node(&walk->db, (uint32_t)node, &sides) != MMDB_SUCCESS)
		return ERR_MALFORMED;
	ret = take_side(walk, depth + 1, sides.left_record,
			sides.left_record_type, &sides.left_record_entry);
	if (ret < 0)
		return ret;
	*byte |= bit;
	ret = take_side(walk, depth + 1, sides.right_record,
			sides.right_record_type, &sides.right_record_entry);
	*byte &= (uint8_t)~bit;
	return ret;
}

static void free_records(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		free(walk->records[i]);
	free(walk->records);
}

int geoip_each(const char *file, enum geoip_field field, geoip_fn fn, void *ctx)
{
	struct walk walk = {.field = field, .fn = fn, .ctx = ctx};
	int ret = MMDB_open(file, MMDB_MODE_MMAP, &walk.db);

	if (ret == MMDB_FILE_OPEN_ERROR)
		return errno ? -errno : -EIO;
	if (ret == MMDB_OUT_OF_MEMORY_ERROR)
		return -ENOMEM;
	if (ret != MMDB_SUCCESS)
		return ERR_MALFORMED;
	walk.bits = walk.db.metadata.ip_version == 4 ? 32 : 128;
	walk.records = calloc(RECORDS_MAX, sizeof(struct record *));
	ret = walk.records ? take_node(&walk, 0, 0) : -ENOMEM;
	free_records(&walk);
	MMDB_close(&walk.db);
	return ret;
}
