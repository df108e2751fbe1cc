// SPDX-License-Identifier: BSD-2-Clause
/*
 * dump_form.h - one row of the map in each of the four forms.
 *
 * Writes to a stdio stream and nothing else; errors are left in the stream.
 */
#ifndef ERSATZ_DNSD_DUMP_FORM_H
#define ERSATZ_DNSD_DUMP_FORM_H

#include "common/compiler.h"
#include "common/fake.h"
#include "common/map.h"
#include "dnsd/dump.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct dump_writer {
	enum dump_form form;
	struct fake_pool pool;
	FILE *out; /* borrowed */
	bool has_ipv6;
	int slot_width, ipv4_width, ipv6_width; /* of the table */
	size_t rows, left_out;
};

void dump_write_head(struct dump_writer *writer, enum dump_form form,
		     const struct fake_pool *pool, FILE *out);

/* `used_ms` is wall clock, -1: not known.  -EIO when the stream has failed. */
NODISCARD int dump_write_row(struct dump_writer *writer,
			     const struct map_row *row, int64_t used_ms);

void dump_write_tail(struct dump_writer *writer);

/* May the text of a name stand in hosts(5)?  Letters, digits, ".", "-", "_". */
bool dump_is_host(const char *name);

#endif
