// SPDX-License-Identifier: BSD-2-Clause
/*
 * schema_type.h - the types of values that every table can use.
 *
 * Each comment names the target that a type writes.
 */
#ifndef ERSATZ_COMMON_CONFIG_SCHEMA_TYPE_H
#define ERSATZ_COMMON_CONFIG_SCHEMA_TYPE_H

#include "common/addr.h"
#include "common/config/schema.h"

/* const char *: any text but the empty one; a copy in the arena. */
extern const struct schema_type schema_text;
/* const char *: an absolute path. */
extern const struct schema_type schema_path;
/* const char *: the name of a network interface, which need not exist. */
extern const struct schema_type schema_interface;

/* int (an enum): the value of a word of key->words. */
extern const struct schema_type schema_word;
/* bool: the value of a word of key->words. */
extern const struct schema_type schema_flag;
/* Nothing: the word of key->words is what this version does anyway. */
extern const struct schema_type schema_fixed;

/* uint32_t: key->min to key->max. */
extern const struct schema_type schema_number;
/* uint16_t: 1 to 65535. */
extern const struct schema_type schema_port;
/* int64_t, milliseconds: key->min to key->max. */
extern const struct schema_type schema_duration;
/* uint32_t, seconds: the same with "s" or without a unit. */
extern const struct schema_type schema_seconds;

/* size_t, bytes: key->min to key->max, or 0, written as "off". */
extern const struct schema_type schema_size;

/* struct prefix: of either family. */
extern const struct schema_type schema_prefix;
/* struct endpoint: key->port is taken where there is none. */
extern const struct schema_type schema_endpoint;

/* Reads a decimal number of digits only; -EINVAL, -ERANGE above `max`. */
NODISCARD int schema_parse_number(const char *text, uint64_t max,
				  uint64_t *number);

/* The two above for types that are made of others. */
NODISCARD int schema_parse_prefix(const struct schema_call *call,
				  struct prefix *prefix, const char *text);
NODISCARD int schema_parse_endpoint(const struct schema_call *call,
				    struct endpoint *endpoint, const char *text,
				    uint16_t default_port);

#endif
