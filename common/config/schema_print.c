// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/schema.h"

#include "common/utf8.h"

#include <string.h>

#define PLAIN                                                                 \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@" \
	"%+-"

static const char plain[] = PLAIN;
/* What is no bracket's part can have commas. */
static const char plain_item[] = PLAIN ",";

struct print {
	const void *root;
	FILE *out;
};

static void print_keys(const struct print *print, const struct schema_key *keys,
		       const void *object, unsigned depth);

static const void *member(const void *object, size_t at)
{
	return (const char *)object + at;
}

/* Quotes are never wrong, but nobody wants to read them everywhere. */
static bool is_plain(const char *text, const char *characters)
{
	size_t length = strlen(text);

	if (!length || text[strspn(text, characters)] || !strcmp(text, "null"))
		return false;
	return !strchr(":@%-,", text[0]) && text[length - 1] != ':';
}

static void print_quoted(const char *text, FILE *out)
{
	size_t length = strlen(text);

	putc('"', out);
	while (length) {
		uint32_t code = 0;
		int taken = utf8_decode(text, length, &code);

		if (taken < 1) /* not from a YAML text */
			taken = 1;
		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (int)code);
		else if (code < ' ' || (code >= 0x7f && code < 0xa0) ||
			 code == 0x2028 || code == 0x2029 || code == 0xfeff)
			fprintf(out, "\\u%04x", code);
		else
			fwrite(text, 1, (size_t)taken, out);
		text += taken;
		length -= (size_t)taken;
	}
	putc('"', out);
}

void schema_print_text(const char *text, FILE *out)
{
	if (is_plain(text, plain))
		fputs(text, out);
	else
		print_quoted(text, out);
}

void schema_print_item(const char *text, FILE *out)
{
	fputs("  - ", out);
	if (is_plain(text, plain_item))
		fputs(text, out);
	else
		print_quoted(text, out);
	putc('\n', out);
}

static void indent(FILE *out, unsigned depth)
{
	fprintf(out, "%*s", (int)depth * 2, "");
}

static void print_value(const struct print *print, const struct schema_key *key,
			const void *object, unsigned depth)
{
	char buffer[SCHEMA_TEXT_SIZE];
	const char *text;

	if (!key->type->format || !key->type->size)
		return;
	text = key->type->format(key, print->root, member(object, key->at),
				 buffer);
	if (!text)
		return;
	indent(print->out, depth);
	fprintf(print->out, "%s: ", key->name);
	schema_print_text(text, print->out);
	putc('\n', print->out);
}

static void print_list(const struct print *print, const struct schema_key *key,
		       const void *object, unsigned depth)
{
	char buffer[SCHEMA_TEXT_SIZE];
	const char *items;
	size_t count;

	if (key->print) {
		key->print(print->root, print->out);
		return;
	}
	memcpy(&items, member(object, key->at), sizeof(items));
	memcpy(&count, member(object, key->count_at), sizeof(count));
	indent(print->out, depth);
	fprintf(print->out, "%s: [", key->name);
	for (size_t i = 0; i < count; i++) {
		const void *item = items + i * key->type->size;

		fputs(i ? ", " : "", print->out);
		schema_print_text(
			key->type->format(key, print->root, item, buffer),
			print->out);
	}
	fputs("]\n", print->out);
}

static void print_named(const struct print *print, const struct schema_key *key,
			const void *object, unsigned depth)
{
	const char *items, *name;
	size_t count;

	memcpy(&items, member(object, key->at), sizeof(items));
	memcpy(&count, member(object, key->count_at), sizeof(count));
	indent(print->out, depth);
	fprintf(print->out, "%s:%s\n", key->name,
		count > key->first ? "" : " {}");
	for (size_t i = key->first; i < count; i++) {
		const char *item = items + i * key->item_size;

		memcpy(&name, item, sizeof(name));
		indent(print->out, depth + 1);
		schema_print_text(name, print->out);
		fputs(":\n", print->out);
		print_keys(print, key->keys, item, depth + 2);
	}
}

static void print_keys(const struct print *print, const struct schema_key *keys,
		       const void *object, unsigned depth)
{
	for (const struct schema_key *key = keys; key->name; key++) {
		if (key->is_part && !key->is_part(object))
			continue;
		switch (key->kind) {
		case SCHEMA_VALUE:
			print_value(print, key, object, depth);
			break;
		case SCHEMA_LIST:
			print_list(print, key, object, depth);
			break;
		case SCHEMA_SECTION:
			indent(print->out, depth);
			fprintf(print->out, "%s:\n", key->name);
			print_keys(print, key->keys, object, depth + 1);
			break;
		case SCHEMA_NAMED:
			print_named(print, key, object, depth);
			break;
		case SCHEMA_LISTS:
			key->print(print->root, print->out);
			break;
		case SCHEMA_LATER:
			break;
		}
	}
}

void schema_print(const struct schema_key *keys, const void *root, FILE *out)
{
	struct print print = {root, out};

	print_keys(&print, keys, root, 0);
}
