// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/mmdb_fixture.h"

#include "common/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES_MAX 4096
#define SEPARATOR 16

enum type { TEXT = 2, UINT16 = 5, UINT32 = 6, MAP = 7, UINT64 = 9, ARRAY = 11 };

struct bytes {
	uint8_t at[65536];
	size_t used;
};

struct writer {
	int64_t nodes[NODES_MAX][2]; /* 0: none; > 0: node; < 0: -1 - offset */
	uint32_t node_count;
	struct bytes data;
};

static void put(struct bytes *bytes, uint8_t byte)
{
	assert_true(bytes->used < sizeof(bytes->at));
	bytes->at[bytes->used++] = byte;
}

static void put_head(struct bytes *bytes, enum type type, size_t size)
{
	assert_true(size < 29);
	if (type > 7) {
		put(bytes, (uint8_t)size);
		put(bytes, (uint8_t)(type - 7));
	} else {
		put(bytes, (uint8_t)((unsigned)type << 5 | size));
	}
}

static void put_text(struct bytes *bytes, const char *text)
{
	put_head(bytes, TEXT, strlen(text));
	for (; *text; text++)
		put(bytes, (uint8_t)*text);
}

static void put_number(struct bytes *bytes, enum type type, uint32_t number)
{
	put_head(bytes, type, type == UINT16 ? 2 : 4);
	for (int shift = type == UINT16 ? 8 : 24; shift >= 0; shift -= 8)
		put(bytes, (uint8_t)(number >> shift));
}

static void put_pair(struct bytes *bytes, const char *key, const char *value)
{
	put_text(bytes, key);
	put_text(bytes, value);
}

static void put_named(struct bytes *bytes, const char *key, const char *code)
{
	put_text(bytes, key);
	put_head(bytes, MAP, 3);
	put_text(bytes, "geoname_id");
	put_number(bytes, UINT32, 1814991);
	put_pair(bytes, "iso_code", code);
	put_text(bytes, "names");
	put_head(bytes, MAP, 1);
	put_pair(bytes, "en", "Nowhere");
}

static void put_country(struct bytes *bytes, const struct mmdb_row *row)
{
	if (row->data == MMDB_COUNTRY_FULL) {
		put_head(bytes, MAP, 3);
		put_text(bytes, "continent");
		put_head(bytes, MAP, 1);
		put_pair(bytes, "code", "AS");
		put_named(bytes, "country", row->value);
		put_named(bytes, "registered_country", "ZZ");
		return;
	}
	put_head(bytes, MAP, 3);
	put_pair(bytes, "continent", "AS");
	if (row->data == MMDB_COUNTRY_TEXT) {
		put_pair(bytes, "country", row->value);
		put_pair(bytes, "country_name", "Nowhere");
	} else {
		put_pair(bytes, "country", "Nowhere");
		put_pair(bytes, "country_code", row->value);
	}
}

static void put_data(struct bytes *bytes, const struct mmdb_row *row)
{
	switch (row->data) {
	case MMDB_COUNTRY:
		put_head(bytes, MAP, 1);
		put_text(bytes, "country");
		put_head(bytes, MAP, 1);
		put_text(bytes, "iso_code");
		put_text(bytes, row->value);
		break;
	case MMDB_WORD:
		put_text(bytes, row->value);
		break;
	case MMDB_WORDS:
		put_head(bytes, ARRAY, 2);
		put_text(bytes, row->value);
		put_text(bytes, "extra");
		break;
	case MMDB_ASN:
		put_head(bytes, MAP, 1);
		put_text(bytes, "autonomous_system_number");
		put_number(bytes, UINT32,
			   (uint32_t)strtoul(row->value, NULL, 10));
		break;
	case MMDB_ASN_16:
		put_head(bytes, MAP, 1);
		put_text(bytes, "autonomous_system_number");
		put_number(bytes, UINT16,
			   (uint32_t)strtoul(row->value, NULL, 10));
		break;
	case MMDB_ASN_TEXT:
		put_head(bytes, MAP, 2);
		put_pair(bytes, "asn", row->value);
		put_pair(bytes, "domain", "example.com");
		break;
	case MMDB_COUNTRY_FULL:
	case MMDB_COUNTRY_TEXT:
	case MMDB_LITE:
		put_country(bytes, row);
		break;
	}
}

static void add_row(struct writer *writer, unsigned bits,
		    const struct mmdb_row *row)
{
	uint8_t path[16] = {0};
	struct prefix prefix;
	unsigned length, node = 0;

	assert_int_equal(prefix_parse(&prefix, row->prefix), 0);
	length = prefix.length;
	if (prefix.addr.family == ADDR_IPV4 && bits == 128) {
		memcpy(path + 12, prefix.addr.bytes, 4);
		length += 96;
	} else {
		memcpy(path, prefix.addr.bytes, sizeof(path));
	}
	for (unsigned i = 0; i < length; i++) {
		unsigned side = path[i / 8] >> (7 - i % 8) & 1;

		if (i + 1 == length) {
			writer->nodes[node][side] =
				-1 - (int64_t)writer->data.used;
			break;
		}
		if (writer->nodes[node][side] == 0) {
			assert_true(writer->node_count < NODES_MAX);
			writer->nodes[node][side] = writer->node_count++;
		}
		assert_true(writer->nodes[node][side] > 0);
		node = (unsigned)writer->nodes[node][side];
	}
	put_data(&writer->data, row);
}

static void put_record(FILE *out, const struct writer *writer, int64_t value)
{
	uint32_t record = writer->node_count;

	if (value > 0)
		record = (uint32_t)value;
	else if (value < 0)
		record += SEPARATOR + (uint32_t)(-1 - value);
	for (int shift = 16; shift >= 0; shift -= 8)
		putc((int)(record >> shift & 0xff), out);
}

static void put_metadata(struct bytes *bytes, const struct writer *writer,
			 unsigned bits)
{
	put_head(bytes, MAP, 9);
	put_text(bytes, "node_count");
	put_number(bytes, UINT32, writer->node_count);
	put_text(bytes, "record_size");
	put_number(bytes, UINT16, 24);
	put_text(bytes, "ip_version");
	put_number(bytes, UINT16, bits == 32 ? 4 : 6);
	put_text(bytes, "database_type");
	put_text(bytes, "Test");
	put_text(bytes, "languages");
	put_head(bytes, ARRAY, 0);
	put_text(bytes, "binary_format_major_version");
	put_number(bytes, UINT16, 2);
	put_text(bytes, "binary_format_minor_version");
	put_number(bytes, UINT16, 0);
	put_text(bytes, "build_epoch");
	put_number(bytes, UINT64, 1700000000);
	put_text(bytes, "description");
	put_head(bytes, MAP, 0);
}

/* Where databases have IPv4 again: in mapped and 6to4 addresses. */
static void add_aliases(struct writer *writer)
{
	unsigned node = 0, alias = 0;

	for (unsigned i = 0; i < 96 && writer->nodes[node][0] > 0; i++)
		node = (unsigned)writer->nodes[node][0];
	for (unsigned i = 0; i < 16; i++) {
		unsigned side = 0x2002U >> (15 - i) & 1;
		int64_t *next = &writer->nodes[alias][side];

		if (i == 15)
			*next = node;
		else if (*next == 0)
			*next = writer->node_count++;
		assert_true(*next > 0);
		alias = (unsigned)*next;
	}
}

void mmdb_write(const char *file, unsigned bits, const struct mmdb_row *rows,
		size_t count)
{
	static const uint8_t marker[] = "\xab\xcd\xefMaxMind.com";
	struct writer *writer = calloc(1, sizeof(*writer));
	struct bytes *metadata = calloc(1, sizeof(*metadata));
	FILE *out = fopen(file, "w");

	assert_non_null(writer);
	assert_non_null(metadata);
	assert_non_null(out);
	writer->node_count = 1;
	for (size_t i = 0; i < count; i++)
		add_row(writer, bits, &rows[i]);
	if (bits == 128)
		add_aliases(writer);
	for (uint32_t i = 0; i < writer->node_count; i++) {
		put_record(out, writer, writer->nodes[i][0]);
		put_record(out, writer, writer->nodes[i][1]);
	}
	for (int i = 0; i < SEPARATOR; i++)
		putc(0, out);
	fwrite(writer->data.at, 1, writer->data.used, out);
	put_metadata(metadata, writer, bits);
	fwrite(marker, 1, sizeof(marker) - 1, out);
	fwrite(metadata->at, 1, metadata->used, out);
	assert_int_equal(fclose(out), 0);
	free(metadata);
	free(writer);
}
