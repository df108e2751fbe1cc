// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dump_form.h"

#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIME_WIDTH 20 /* 2026-11-22T08:43:00Z */
#define TIME_SIZE (TIME_WIDTH + 1)

int dump_form_of(const char *word)
{
	static const char *const words[] = {
		[DUMP_TABLE] = "table",
		[DUMP_JSON] = "json",
		[DUMP_CSV] = "csv",
		[DUMP_HOSTS] = "hosts",
	};
	if (!word)
		return DUMP_TABLE;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i]) == 0)
			return (int)i;
	}
	return -EINVAL;
}

/* A row as text. */
struct texts {
	char name[NAME_TEXT_SIZE];
	char ipv4[ADDR_TEXT_SIZE];
	char ipv6[ADDR_TEXT_SIZE]; /* "" when IPv6 is off */
	char created[TIME_SIZE];
	char used[TIME_SIZE]; /* "" when not known */
};

static void make_texts(const struct dump_writer *writer,
		       const struct map_row *row, int64_t used_ms,
		       struct texts *texts)
{
	struct addr ipv4 = fake_ipv4(&writer->pool, row->slot);

	name_format(&row->name, texts->name, sizeof(texts->name));
	addr_format(&ipv4, texts->ipv4, sizeof(texts->ipv4));
	texts->ipv6[0] = '\0';
	if (writer->has_ipv6) {
		struct addr ipv6 = fake_ipv6(&writer->pool, row->slot);
		addr_format(&ipv6, texts->ipv6, sizeof(texts->ipv6));
	}
	clock_rfc3339(row->created_ms, texts->created, sizeof(texts->created));
	texts->used[0] = '\0';
	if (used_ms >= 0)
		clock_rfc3339(used_ms, texts->used, sizeof(texts->used));
}

/*
 * The longest text of an address lies at no slot in particular: the last is
 * as long as any in IPv6; in IPv4 each byte may have three digits.
 */
static void set_widths(struct dump_writer *writer)
{
	char text[ADDR_TEXT_SIZE];
	uint32_t last = fake_pool_size(&writer->pool) - 1;

	writer->slot_width = snprintf(text, sizeof(text), "%u", last);
	if (writer->slot_width < (int)strlen("SLOT"))
		writer->slot_width = (int)strlen("SLOT");
	writer->ipv4_width = (int)strlen("255.255.255.255");
	if (!writer->has_ipv6)
		return;
	struct addr ipv6 = fake_ipv6(&writer->pool, last);
	addr_format(&ipv6, text, sizeof(text));
	writer->ipv6_width = (int)strlen(text);
}

static void write_columns(const struct dump_writer *writer, const char *slot,
			  const struct texts *texts)
{
	fprintf(writer->out, "%*s  %-*s  ", writer->slot_width, slot,
		writer->ipv4_width, texts->ipv4);
	if (writer->has_ipv6)
		fprintf(writer->out, "%-*s  ", writer->ipv6_width, texts->ipv6);
	fprintf(writer->out, "%-*s  %-*s  %s\n", TIME_WIDTH, texts->created,
		TIME_WIDTH, *texts->used ? texts->used : "-", texts->name);
}

void dump_write_head(struct dump_writer *writer, enum dump_form form,
		     const struct fake_pool *pool, FILE *out)
{
	static const struct texts head = {.name = "NAME",
					  .ipv4 = "IPV4",
					  .ipv6 = "IPV6",
					  .created = "CREATED",
					  .used = "LAST USED"};

	*writer = (struct dump_writer){.form = form, .pool = *pool, .out = out};
	writer->has_ipv6 = pool->ipv6.addr.family != ADDR_NONE;
	set_widths(writer);
	switch (form) {
	case DUMP_TABLE:
		write_columns(writer, "SLOT", &head);
		return;
	case DUMP_CSV:
		fputs("slot,name,ipv4,ipv6,created,last_used\r\n", out);
		return;
	case DUMP_HOSTS:
		fputs("# fake addresses of dnsd, good only on a host that "
		      "routed serves\n",
		      out);
		return;
	case DUMP_JSON:
		return;
	}
}

/*
 * RFC 4180, 2: quoted where needed, a quote doubled.  A name that a
 * spreadsheet would take for a formula begins with the number of its first
 * byte, which is the same name (RFC 1035 5.1).
 */
static void write_field(FILE *out, const char *text)
{
	bool is_quoted = strpbrk(text, ",\"\r\n") != NULL;

	if (is_quoted)
		fputc('"', out);
	if (*text == '=' || *text == '+' || *text == '-')
		fprintf(out, "\\%03u", (unsigned)*text++);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	if (is_quoted)
		fputc('"', out);
}

static void write_csv(const struct dump_writer *writer,
		      const struct map_row *row, const struct texts *texts)
{
	fprintf(writer->out, "%u,", row->slot);
	write_field(writer->out, texts->name);
	fprintf(writer->out, ",%s,%s,%s,%s\r\n", texts->ipv4, texts->ipv6,
		texts->created, texts->used);
}

/*
 * The text of a name is visible ASCII (name.h), so that two characters need an
 * escape.  By way of json.h a row takes four times as long.  "" is null.
 */
static void write_string(FILE *out, const char *text)
{
	if (!*text) {
		fputs("null", out);
		return;
	}
	fputc_unlocked('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc_unlocked('\\', out);
		fputc_unlocked(*text, out);
	}
	fputc_unlocked('"', out);
}

static void write_json(const struct dump_writer *writer,
		       const struct map_row *row, const struct texts *texts)
{
	fprintf(writer->out, "{\"slot\":%u,\"name\":", row->slot);
	write_string(writer->out, texts->name);
	fputs(",\"ipv4\":", writer->out);
	write_string(writer->out, texts->ipv4);
	fputs(",\"ipv6\":", writer->out);
	write_string(writer->out, texts->ipv6);
	fputs(",\"created\":", writer->out);
	write_string(writer->out, texts->created);
	fputs(",\"last_used\":", writer->out);
	write_string(writer->out, texts->used);
	fputs("}\n", writer->out);
}

bool dump_is_host(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-_.";
	/* The root is ".", and "1.2.3.4" would be read as an address. */
	return name[strspn(name, allowed)] == '\0' && name[0] != '.' &&
	       name[0] != '-' && name[strspn(name, "0123456789.")] != '\0';
}

static void write_host(struct dump_writer *writer, const struct texts *texts)
{
	if (!dump_is_host(texts->name)) {
		writer->left_out++;
		return;
	}
	fprintf(writer->out, "%s\t%s\n", texts->ipv4, texts->name);
	if (writer->has_ipv6)
		fprintf(writer->out, "%s\t%s\n", texts->ipv6, texts->name);
}

int dump_write_row(struct dump_writer *writer, const struct map_row *row,
		   int64_t used_ms)
{
	struct texts texts;
	char slot[16];

	make_texts(writer, row, used_ms, &texts);
	writer->rows++;
	switch (writer->form) {
	case DUMP_TABLE:
		snprintf(slot, sizeof(slot), "%u", row->slot);
		write_columns(writer, slot, &texts);
		break;
	case DUMP_JSON:
		write_json(writer, row, &texts);
		break;
	case DUMP_CSV:
		write_csv(writer, row, &texts);
		break;
	case DUMP_HOSTS:
		write_host(writer, &texts);
		break;
	}
	return ferror(writer->out) ? -EIO : 0;
}

void dump_write_tail(struct dump_writer *writer)
{
	if (writer->form == DUMP_HOSTS && writer->left_out)
		fprintf(writer->out,
			"# left out, as they cannot stand here: %zu\n",
			writer->left_out);
}
