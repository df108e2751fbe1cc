// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/geosite.h"

#include "common/err.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* One field of a message: a number, or bytes. */
struct field {
	uint64_t number;
	uint64_t value;
	struct geosite_bytes bytes;
	unsigned wire;
};

static int take_varint(struct geosite_bytes *bytes, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (bytes->size == 0)
			return ERR_MALFORMED;
		byte = *bytes->at++;
		bytes->size--;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return 0;
	}
	return ERR_MALFORMED;
}

static int take_bytes(struct geosite_bytes *bytes, uint64_t size,
		      struct geosite_bytes *out)
{
	if (size > bytes->size)
		return ERR_MALFORMED;
	*out = (struct geosite_bytes){bytes->at, (size_t)size};
	bytes->at += size;
	bytes->size -= (size_t)size;
	return 0;
}

/* 1 with a field, 0 at the end. */
static int take_field(struct geosite_bytes *bytes, struct field *field)
{
	uint64_t key, size = 0;
	int ret;

	*field = (struct field){0};
	if (bytes->size == 0)
		return 0;
	ret = take_varint(bytes, &key);
	if (ret < 0)
		return ret;
	field->number = key >> 3;
	field->wire = key & 7;
	switch (field->wire) {
	case WIRE_VARINT:
		ret = take_varint(bytes, &field->value);
		break;
	case WIRE_64:
		ret = take_bytes(bytes, 8, &field->bytes);
		break;
	case WIRE_32:
		ret = take_bytes(bytes, 4, &field->bytes);
		break;
	case WIRE_BYTES:
		ret = take_varint(bytes, &size);
		if (ret == 0)
			ret = take_bytes(bytes, size, &field->bytes);
		break;
	default:
		return ERR_MALFORMED;
	}
	return ret < 0 ? ret : 1;
}

static bool is_bytes(const struct field *field, uint64_t number)
{
	return field->number == number && field->wire == WIRE_BYTES;
}

int geosite_check(struct geosite_bytes file)
{
	struct field field;
	int ret;

	do
		ret = take_field(&file, &field);
	while (ret == 1);
	return ret;
}

/* The name of a list is its first field, wherever written. */
static int has_name(struct geosite_bytes list, const char *name)
{
	size_t length = strlen(name);
	struct field field;
	int ret;

	while ((ret = take_field(&list, &field)) == 1) {
		if (is_bytes(&field, 1))
			return field.bytes.size == length &&
			       strncasecmp((const char *)field.bytes.at, name,
					   length) == 0;
	}
	return ret;
}

int geosite_find(struct geosite_bytes file, const char *name,
		 struct geosite_bytes *list)
{
	struct field field;
	int ret;

	while ((ret = take_field(&file, &field)) == 1) {
		if (!is_bytes(&field, 1))
			continue;
		ret = has_name(field.bytes, name);
		if (ret < 0)
			return ret;
		if (ret == 0)
			continue;
		*list = field.bytes;
		return 0;
	}
	return ret < 0 ? ret : -ENOENT;
}

static int read_domain(struct geosite_bytes message,
		       struct geosite_domain *domain)
{
	struct field field;
	int ret;

	*domain = (struct geosite_domain){.message = message};
	while ((ret = take_field(&message, &field)) == 1) {
		if (field.number == 1 && field.wire == WIRE_VARINT) {
			if (field.value > GEOSITE_FULL)
				return ERR_MALFORMED;
			domain->type = (enum geosite_type)field.value;
		} else if (is_bytes(&field, 2)) {
			domain->value = field.bytes;
		}
	}
	return ret < 0 ? ret : 1;
}

int geosite_next(struct geosite_bytes *list, struct geosite_domain *domain)
{
	struct field field;
	int ret;

	while ((ret = take_field(list, &field)) == 1) {
		if (is_bytes(&field, 2))
			return read_domain(field.bytes, domain);
	}
	return ret;
}

bool geosite_has(const struct geosite_domain *domain, const char *attribute,
		 size_t length)
{
	struct geosite_bytes message = domain->message;
	struct field field, key;

	while (take_field(&message, &field) == 1) {
		if (!is_bytes(&field, 3))
			continue;
		while (take_field(&field.bytes, &key) == 1) {
			if (is_bytes(&key, 1) && key.bytes.size == length &&
			    strncasecmp((const char *)key.bytes.at, attribute,
					length) == 0)
				return true;
		}
	}
	return false;
}
