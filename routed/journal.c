// SPDX-License-Identifier: BSD-2-Clause
#include "routed/journal.h"

#include "common/config.h"
#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "ersatz-journal 1\n"
#define LINE_SIZE 512
#define TABLE_ADD "table add\n"
#define TABLE_DEL "table del\n"

/* What a member is, and so how it is written. */
enum field_type {
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_INT,
	FIELD_BOOL,
	FIELD_ADDR,
	FIELD_PREFIX,
	FIELD_NAME,
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset; /* in struct nl_object */
};

#define FIELD(kind, member, type)                                              \
	{                                                                      \
#member, FIELD_##type, offsetof(struct nl_object, kind.member) \
	}

static const struct field link_fields[] = {
	{"ifindex", FIELD_INT, offsetof(struct nl_object, ifindex)},
};

static const struct field ifaddr_fields[] = {
	FIELD(ifaddr, ifindex, INT),
	FIELD(ifaddr, prefix, PREFIX),
	FIELD(ifaddr, addr, ADDR),
	FIELD(ifaddr, scope, U8),
};

static const struct field route_fields[] = {
	FIELD(route, family, U8),      FIELD(route, type, U8),
	FIELD(route, scope, U8),       FIELD(route, protocol, U8),
	FIELD(route, table, U32),      FIELD(route, dst, PREFIX),
	FIELD(route, gateway, ADDR),   FIELD(route, prefsrc, ADDR),
	FIELD(route, oif, INT),        FIELD(route, metric, U32),
	FIELD(route, mtu, U32),        FIELD(route, is_cubic, BOOL),
	FIELD(route, is_onlink, BOOL),
};

static const struct field rule_fields[] = {
	FIELD(rule, family, U8),        FIELD(rule, action, U8),
	FIELD(rule, protocol, U8),      FIELD(rule, ip_protocol, U8),
	FIELD(rule, priority, U32),     FIELD(rule, table, U32),
	FIELD(rule, src, PREFIX),       FIELD(rule, dst, PREFIX),
	FIELD(rule, iif, NAME),         FIELD(rule, oif, NAME),
	FIELD(rule, mark, U32),         FIELD(rule, mark_mask, U32),
	FIELD(rule, sport_first, U16),  FIELD(rule, sport_last, U16),
	FIELD(rule, dport_first, U16),  FIELD(rule, dport_last, U16),
	FIELD(rule, uid_first, U32),    FIELD(rule, uid_last, U32),
	FIELD(rule, has_uid, BOOL),     FIELD(rule, suppress_prefixlength, INT),
	FIELD(rule, is_inverted, BOOL),
};

static const struct {
	const char *word;
	const struct field *fields;
	size_t count;
} kinds[] = {
	[NL_OBJECT_LINK_UP] = {"link", link_fields, ARRAY_LEN(link_fields)},
	[NL_OBJECT_IFADDR] = {"addr", ifaddr_fields, ARRAY_LEN(ifaddr_fields)},
	[NL_OBJECT_ROUTE] = {"route", route_fields, ARRAY_LEN(route_fields)},
	[NL_OBJECT_RULE] = {"rule", rule_fields, ARRAY_LEN(rule_fields)},
};

struct journal {
	char *path; /* owned */
	int fd;     /* owned */
	size_t length;
	char tun[64];      /* its line; "": none yet */
	const char *table; /* its last line; "": none yet */
};

static void print_number(FILE *out, const struct field *field, int64_t value)
{
	if (value)
		fprintf(out, " %s=%lld", field->key, (long long)value);
}

static void print_addr(FILE *out, const struct field *field,
		       const struct addr *addr, int length)
{
	char text[ADDR_TEXT_SIZE];

	if (addr->family == ADDR_NONE)
		return;
	fprintf(out, " %s=%s", field->key,
		addr_format(addr, text, sizeof(text)));
	if (length >= 0)
		fprintf(out, "/%d", length);
}

/* Members that are zero are not written: zero is what the reader starts at. */
static void print_field(FILE *out, const struct field *field,
			const struct nl_object *object)
{
	const void *member = (const char *)object + field->offset;
	const struct prefix *prefix = member;
	uint16_t u16;
	uint32_t u32;

	switch (field->type) {
	case FIELD_U8:
	case FIELD_BOOL:
		print_number(out, field, *(const uint8_t *)member);
		break;
	case FIELD_U16:
		memcpy(&u16, member, sizeof(u16));
		print_number(out, field, u16);
		break;
	case FIELD_U32:
		memcpy(&u32, member, sizeof(u32));
		print_number(out, field, u32);
		break;
	case FIELD_INT:
		memcpy(&u32, member, sizeof(u32));
		print_number(out, field, (int32_t)u32);
		break;
	case FIELD_ADDR:
		print_addr(out, field, member, -1);
		break;
	case FIELD_PREFIX:
		print_addr(out, field, &prefix->addr, prefix->length);
		break;
	case FIELD_NAME:
		if (*(const char *)member)
			fprintf(out, " %s=%s", field->key,
				(const char *)member);
		break;
	}
}

static void print_change(FILE *out, const struct nl_change *change)
{
	const struct nl_object *object = &change->object;

	fprintf(out, "%s %s", change->is_removal ? "del" : "add",
		kinds[object->kind].word);
	for (size_t i = 0; i < kinds[object->kind].count; i++)
		print_field(out, &kinds[object->kind].fields[i], object);
	fputc('\n', out);
}

static int parse_number(int64_t *value, const char *text, int64_t max)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if (errno || end == text || *end || *value > max ||
	    *value < -(int64_t)max)
		return ERR_MALFORMED;
	return 0;
}

static int parse_unsigned(void *member, const char *text, size_t size)
{
	const int64_t max = size == 4   ? UINT32_MAX
			    : size == 2 ? UINT16_MAX
					: UINT8_MAX;
	int64_t value;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	int ret = parse_number(&value, text, max);

	if (ret < 0 || value < 0)
		return ERR_MALFORMED;
	u8 = (uint8_t)value;
	u16 = (uint16_t)value;
	u32 = (uint32_t)value;
	memcpy(member,
	       size == 4   ? (void *)&u32
	       : size == 2 ? (void *)&u16
			   : (void *)&u8,
	       size);
	return 0;
}

static int parse_int(void *member, const char *text)
{
	int64_t value;
	int32_t number;
	int ret = parse_number(&value, text, INT32_MAX);

	number = (int32_t)value;
	if (ret == 0)
		memcpy(member, &number, sizeof(number));
	return ret;
}

static int parse_name(char *member, const char *text)
{
	size_t length = strlen(text);

	if (length >= IFNAMSIZ)
		return ERR_MALFORMED;
	memcpy(member, text, length + 1);
	return 0;
}

static int parse_field(const struct field *field, struct nl_object *object,
		       const char *text)
{
	void *member = (char *)object + field->offset;

	switch (field->type) {
	case FIELD_BOOL:
		if (strcmp(text, "1") != 0)
			return ERR_MALFORMED;
		*(bool *)member = true;
		return 0;
	case FIELD_U8:
		return parse_unsigned(member, text, 1);
	case FIELD_U16:
		return parse_unsigned(member, text, 2);
	case FIELD_U32:
		return parse_unsigned(member, text, 4);
	case FIELD_INT:
		return parse_int(member, text);
	case FIELD_ADDR:
		return addr_parse(member, text) < 0 ? ERR_MALFORMED : 0;
	case FIELD_PREFIX:
		return prefix_parse(member, text) < 0 ? ERR_MALFORMED : 0;
	case FIELD_NAME:
		return parse_name(member, text);
	}
	return ERR_MALFORMED;
}

/* "key=value" into the object. */
static int parse_word(struct nl_object *object, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return ERR_MALFORMED;
	*value++ = '\0';
	for (size_t i = 0; i < kinds[object->kind].count; i++) {
		const struct field *field = &kinds[object->kind].fields[i];

		if (strcmp(field->key, word) == 0)
			return parse_field(field, object, value);
	}
	return ERR_MALFORMED;
}

static int parse_kind(struct nl_object *object, const char *word)
{
	for (size_t i = 0; word && i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].word, word) == 0) {
			object->kind = (enum nl_object_kind)i;
			return 0;
		}
	}
	return ERR_MALFORMED;
}

/* Cuts `line` up. */
static int parse_change(struct nl_change *change, char *line)
{
	char *rest = NULL;
	char *word = strtok_r(line, " ", &rest);
	int ret;

	memset(change, 0, sizeof(*change));
	if (!word || (strcmp(word, "add") != 0 && strcmp(word, "del") != 0))
		return ERR_MALFORMED;
	change->is_removal = word[0] == 'd';
	ret = parse_kind(&change->object, strtok_r(NULL, " ", &rest));
	while (ret == 0 && (word = strtok_r(NULL, " ", &rest)))
		ret = parse_word(&change->object, word);
	return ret;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

static int append(struct journal *journal, const char *text, size_t length)
{
	int ret = write_all(journal->fd, text, length);

	if (ret == 0)
		journal->length += length;
	/* Half a batch must not stand before the next one. */
	else if (ftruncate(journal->fd, (off_t)journal->length) < 0)
		return -errno;
	return ret;
}

static int start_anew(struct journal *journal)
{
	int ret;

	if (ftruncate(journal->fd, 0) < 0)
		return -errno;
	journal->length = 0;
	ret = append(journal, HEADER, strlen(HEADER));
	if (ret == 0)
		ret = append(journal, journal->tun, strlen(journal->tun));
	if (ret == 0)
		ret = append(journal, journal->table, strlen(journal->table));
	return ret;
}

int journal_open(struct journal **journal, const char *run_dir)
{
	struct journal *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->table = "";
	new->path = config_path(run_dir, JOURNAL_FILE);
	if (!new->path)
		goto free_journal;
	new->fd = open(new->path,
		       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		       0600);
	if (new->fd < 0) {
		ret = -errno;
		goto free_path;
	}
	ret = start_anew(new);
	if (ret < 0)
		goto remove_file;
	*journal = new;
	return 0;

remove_file:
	unlink(new->path);
	close(new->fd);
free_path:
	free(new->path);
free_journal:
	free(new);
	return ret;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	close(journal->fd);
	free(journal->path);
	free(journal);
}

int journal_tun(struct journal *journal, const char *name, int ifindex)
{
	snprintf(journal->tun, sizeof(journal->tun), "tun %s %d\n", name,
		 ifindex);
	return append(journal, journal->tun, strlen(journal->tun));
}

int journal_table(struct journal *journal, bool is_removal)
{
	journal->table = is_removal ? TABLE_DEL : TABLE_ADD;
	return append(journal, journal->table, strlen(journal->table));
}

int journal_batch(struct journal *journal, const struct nl_change *changes,
		  size_t count)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int ret = 0;

	if (!out)
		return -ENOMEM;
	fputs("batch\n", out);
	for (size_t i = 0; i < count; i++)
		print_change(out, &changes[i]);
	fputs("end\n", out);
	if (fclose(out) != 0)
		ret = -ENOMEM;
	if (ret == 0 && journal->length + length > JOURNAL_BYTES_MAX)
		ret = start_anew(journal);
	if (ret == 0)
		ret = append(journal, text, length);
	free(text);
	return ret;
}

/* The changes of a batch wait here for its end. */
struct pending {
	struct nl_change changes[NL_EDIT_BATCH_MAX];
	size_t count;
	bool is_open;
};

static int read_tun(char *line, const struct journal_reader *reader, void *ctx)
{
	char *rest = NULL;
	const char *name;
	const char *number;
	int64_t ifindex;

	strtok_r(line, " ", &rest);
	name = strtok_r(NULL, " ", &rest);
	number = strtok_r(NULL, " ", &rest);
	if (!name || strlen(name) >= IFNAMSIZ || !number ||
	    parse_number(&ifindex, number, INT32_MAX) < 0)
		return ERR_MALFORMED;
	if (reader->on_tun)
		reader->on_tun(ctx, name, (int)ifindex);
	return 0;
}

static int read_line(char *line, struct pending *pending,
		     const struct journal_reader *reader, void *ctx)
{
	if (strcmp(line, "batch") == 0) {
		pending->is_open = true;
		pending->count = 0;
		return 0;
	}
	if (strncmp(line, "tun ", 4) == 0)
		return read_tun(line, reader, ctx);
	if (strcmp(line, "table add") == 0 || strcmp(line, "table del") == 0) {
		if (reader->on_table)
			reader->on_table(ctx, line[6] == 'd');
		return 0;
	}
	if (!pending->is_open)
		return ERR_MALFORMED;
	if (strcmp(line, "end") != 0) {
		if (pending->count == NL_EDIT_BATCH_MAX)
			return ERR_MALFORMED;
		return parse_change(&pending->changes[pending->count++], line);
	}
	for (size_t i = 0; reader->on_change && i < pending->count; i++)
		reader->on_change(ctx, &pending->changes[i]);
	pending->is_open = false;
	return 0;
}

static int read_file(FILE *file, const struct journal_reader *reader, void *ctx)
{
	struct pending pending = {0};
	char line[LINE_SIZE];
	int ret = 0;

	if (!fgets(line, sizeof(line), file) || strcmp(line, HEADER) != 0)
		return ERR_MALFORMED;
	while (ret == 0 && fgets(line, sizeof(line), file)) {
		char *end = strchr(line, '\n');

		/* The last write was cut short: nothing of it was made. */
		if (!end)
			return feof(file) ? 0 : ERR_MALFORMED;
		*end = '\0';
		ret = read_line(line, &pending, reader, ctx);
	}
	return ret;
}

int journal_read(const char *run_dir, const struct journal_reader *reader,
		 void *ctx)
{
	char *path = config_path(run_dir, JOURNAL_FILE);
	FILE *file;
	int ret;

	if (!path)
		return -ENOMEM;
	file = fopen(path, "re");
	ret = file ? 0 : -errno;
	free(path);
	if (!file)
		return ret;
	ret = read_file(file, reader, ctx);
	fclose(file);
	return ret;
}

int journal_remove(const char *run_dir)
{
	char *path = config_path(run_dir, JOURNAL_FILE);
	int ret = 0;

	if (!path)
		return -ENOMEM;
	if (unlink(path) < 0 && errno != ENOENT)
		ret = -errno;
	free(path);
	return ret;
}
