// SPDX-License-Identifier: BSD-2-Clause
/*
 * A table is built by adding pairs of name and address.  Names lie one behind
 * the other, each with its length in front; addresses of an entry are a chain.
 * Two tables of numbers lead there, from the hash of a name and from that of
 * an address; both are made when all is known.
 */
#include "dnsd/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define ENTRIES_MAX (UINT32_C(1) << 24)

struct entry {
	uint32_t name;        /* offset in the arena */
	uint32_t first, last; /* of its addresses */
	uint32_t line;
	uint8_t match; /* HOST_ */
	bool is_file;
};

struct link {
	struct addr addr;
	uint32_t next, entry;
};

struct table {
	struct entry *entries;
	struct link *links;
	uint8_t *arena;
	uint32_t *by_name, *by_addr; /* mask + 1 each; NONE: empty */
	uint32_t entry_count, link_count;
	size_t entry_room, link_room, arena_used, arena_room;
	uint32_t name_mask, addr_mask;
	bool has_patterns;
	char *config_file, *hosts_file; /* as the user named them */
};

struct hosts {
	struct table *table; /* owned; NULL: empty */
};

static void table_free(struct table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table->links);
	free(table->arena);
	free(table->by_name);
	free(table->by_addr);
	free(table->config_file);
	free(table->hosts_file);
	free(table);
}

/* Room for `more` at the end of an array; *array moves. */
static int reserve(void **array, size_t *room, size_t used, size_t size)
{
	size_t wanted = *room ? *room * 2 : 256;
	void *bigger;

	if (used < *room)
		return 0;
	bigger = realloc(*array, wanted * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*room = wanted;
	return 0;
}

static const uint8_t *name_at(const struct table *table,
			      const struct entry *entry)
{
	return table->arena + entry->name;
}

static bool is_named(const struct table *table, const struct entry *entry,
		     const uint8_t *wire, size_t length)
{
	const uint8_t *name = name_at(table, entry);

	return name[0] == length && memcmp(name + 1, wire, length) == 0;
}

/*
 * The place of the first entry of that name that has one of the ways to match,
 * or all of them and no other; or the empty one behind.
 */
static uint32_t probe_name(const struct table *table, const uint8_t *wire,
			   size_t length, uint8_t match, bool is_same)
{
	uint32_t at = (uint32_t)name_hash(wire, length) & table->name_mask;

	for (;; at = (at + 1) & table->name_mask) {
		const struct entry *entry;

		if (table->by_name[at] == NONE)
			return at;
		entry = &table->entries[table->by_name[at]];
		if ((is_same ? entry->match == match : entry->match & match) &&
		    is_named(table, entry, wire, length))
			return at;
	}
}

static uint32_t probe_addr(const struct table *table, const struct addr *addr)
{
	uint32_t at = (uint32_t)name_hash(addr->bytes, sizeof(addr->bytes)) &
		      table->addr_mask;

	while (table->by_addr[at] != NONE &&
	       !addr_equal(&table->links[table->by_addr[at]].addr, addr))
		at = (at + 1) & table->addr_mask;
	return at;
}

/* Places for twice as many, so that half of them are empty. */
static uint32_t *places_new(size_t count, uint32_t *mask)
{
	size_t places = 16;
	uint32_t *made;

	while (places < count * 2)
		places *= 2;
	made = malloc(places * sizeof(*made));
	if (!made)
		return NULL;
	memset(made, 0xff, places * sizeof(*made));
	*mask = (uint32_t)places - 1;
	return made;
}

static int grow_places(struct table *table)
{
	if (table->by_name && table->entry_count * 2 <= table->name_mask)
		return 0;
	free(table->by_name);
	table->by_name =
		places_new((size_t)table->entry_count * 2, &table->name_mask);
	if (!table->by_name)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->entry_count; i++) {
		const struct entry *entry = &table->entries[i];
		const uint8_t *name = name_at(table, entry);
		uint32_t at = (uint32_t)name_hash(name + 1, name[0]) &
			      table->name_mask;

		while (table->by_name[at] != NONE)
			at = (at + 1) & table->name_mask;
		table->by_name[at] = i;
	}
	return 0;
}

/* What is written down in one place: a name, an address, where. */
struct pair {
	const struct name *name;
	const struct addr *addr;
	uint8_t match;
	bool is_file;
	uint32_t line;
};

static int copy_name(struct table *table, const struct name *name,
		     uint32_t *offset)
{
	void *arena = table->arena;

	while (table->arena_room < table->arena_used + 1U + name->length) {
		int ret = reserve(&arena, &table->arena_room, table->arena_room,
				  1);

		if (ret < 0)
			return ret;
		table->arena = arena;
	}
	*offset = (uint32_t)table->arena_used;
	table->arena[table->arena_used] = name->length;
	memcpy(table->arena + table->arena_used + 1, name->wire, name->length);
	table->arena_used += 1U + name->length;
	return 0;
}

/* The number of the pair's entry, a new one if need be. */
static int64_t take_entry(struct table *table, const struct pair *pair)
{
	void *entries = table->entries;
	struct entry *entry;
	uint32_t at;
	int ret = grow_places(table);

	if (ret < 0)
		return ret;
	at = probe_name(table, pair->name->wire, pair->name->length,
			pair->match, true);
	if (table->by_name[at] != NONE)
		return table->by_name[at];
	if (table->entry_count == ENTRIES_MAX)
		return -EFBIG;
	ret = reserve(&entries, &table->entry_room, table->entry_count,
		      sizeof(*entry));
	if (ret < 0)
		return ret;
	table->entries = entries;
	entry = &table->entries[table->entry_count];
	*entry = (struct entry){.first = NONE,
				.last = NONE,
				.line = pair->line,
				.match = pair->match,
				.is_file = pair->is_file};
	ret = copy_name(table, pair->name, &entry->name);
	if (ret < 0)
		return ret;
	table->has_patterns |= pair->match != HOST_ITSELF;
	table->by_name[at] = table->entry_count;
	return table->entry_count++;
}

static int add(struct table *table, const struct pair *pair)
{
	int64_t number = take_entry(table, pair);
	void *links = table->links;
	struct entry *entry;
	int ret;

	if (number < 0)
		return (int)number;
	/* The configuration was first, and hides the file. */
	if (table->entries[number].is_file != pair->is_file)
		return 0;
	ret = reserve(&links, &table->link_room, table->link_count,
		      sizeof(*table->links));
	if (ret < 0)
		return ret;
	table->links = links;
	table->links[table->link_count] = (struct link){
		*pair->addr, .next = NONE, .entry = (uint32_t)number};
	entry = &table->entries[number];
	if (entry->first == NONE)
		entry->first = table->link_count;
	else
		table->links[entry->last].next = table->link_count;
	entry->last = table->link_count++;
	return 0;
}

static int add_config(struct table *table, const struct config *config)
{
	int ret = 0;

	for (const struct host_conf *host = config->hosts; host;
	     host = host->next) {
		for (const struct host_addr *one = host->addrs; one && !ret;
		     one = one->next) {
			const struct pair pair = {&host->name, &one->addr,
						  host->match, false,
						  host->line};

			ret = add(table, &pair);
		}
	}
	return ret;
}

/* "192.0.2.1 name alias # comment" */
static int add_line(struct table *table, char *text, uint32_t line)
{
	char *rest = text, *word;
	struct addr addr;
	struct name name;
	int ret = 0;

	text[strcspn(text, "#\n")] = '\0';
	word = strsep(&rest, " \t\r");
	if (!word || addr_parse(&addr, word) < 0)
		return 0;
	while (!ret && (word = strsep(&rest, " \t\r"))) {
		const struct pair pair = {&name, &addr, HOST_ITSELF, true,
					  line};

		if (*word && name_parse(&name, word) == 0)
			ret = add(table, &pair);
	}
	return ret;
}

static int add_file(struct table *table, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	uint32_t line = 0;
	int ret = 0;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (!ret && getline(&text, &size, file) >= 0)
		ret = add_line(table, text, ++line);
	if (!ret && ferror(file))
		ret = -EIO;
	free(text);
	fclose(file);
	return ret;
}

/* From addresses to the first name each; patterns are no names. */
static int index_addresses(struct table *table)
{
	table->by_addr = places_new(table->link_count, &table->addr_mask);
	if (!table->by_addr)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->link_count; i++) {
		const struct link *link = &table->links[i];
		uint32_t at = probe_addr(table, &link->addr);

		if (table->by_addr[at] == NONE &&
		    table->entries[link->entry].match & HOST_ITSELF)
			table->by_addr[at] = i;
	}
	return 0;
}

static int table_fill(struct table *table, const struct config *config)
{
	const char *path = config->dnsd.hosts_file;
	int ret = grow_places(table);

	table->config_file = strdup(config->file);
	table->hosts_file = strdup(path ? path : "");
	if (!table->config_file || !table->hosts_file)
		return -ENOMEM;
	if (ret == 0)
		ret = add_config(table, config);
	if (ret == 0 && path)
		ret = add_file(table, path);
	return ret < 0 ? ret : index_addresses(table);
}

int hosts_new(struct hosts **hosts)
{
	*hosts = calloc(1, sizeof(**hosts));
	return *hosts ? 0 : -ENOMEM;
}

void hosts_free(struct hosts *hosts)
{
	if (!hosts)
		return;
	table_free(hosts->table);
	free(hosts);
}

int hosts_load(struct hosts *hosts, const struct config *config)
{
	struct table *table = calloc(1, sizeof(*table));
	int ret;

	if (!table)
		return -ENOMEM;
	ret = table_fill(table, config);
	if (ret < 0) {
		table_free(table);
		return ret;
	}
	table_free(hosts->table);
	hosts->table = table;
	return 0;
}

int64_t hosts_find(const struct hosts *hosts, const struct name *name)
{
	const struct table *table = hosts ? hosts->table : NULL;
	const uint8_t *end = name->wire + name->length;
	uint8_t match = HOST_ITSELF;

	if (!table || table->entry_count == 0)
		return -ENOENT;
	for (const uint8_t *at = name->wire; at < end; at += 1U + *at) {
		uint32_t found = table->by_name[probe_name(
			table, at, (size_t)(end - at), match, false)];

		if (found != NONE)
			return found;
		if (!table->has_patterns || *at == 0)
			break;
		match = at == name->wire ? HOST_CHILD | HOST_BELOW : HOST_BELOW;
	}
	return -ENOENT;
}

size_t hosts_addresses(const struct hosts *hosts, int64_t entry,
		       enum addr_family family, struct addr *addrs, size_t max)
{
	const struct table *table = hosts->table;
	size_t count = 0;

	for (uint32_t i = table->entries[entry].first; i != NONE && count < max;
	     i = table->links[i].next) {
		if (table->links[i].addr.family == family)
			addrs[count++] = table->links[i].addr;
	}
	return count;
}

/* "localhost" and what is below it (RFC 6761, 6.3). */
static bool is_localhost(const uint8_t *name)
{
	static const uint8_t wire[] = "\x09localhost";

	return name[0] >= sizeof(wire) &&
	       memcmp(name + 1 + name[0] - sizeof(wire), wire, sizeof(wire)) ==
		       0;
}

size_t hosts_for_others(const struct hosts *hosts, int64_t entry,
			struct addr *addrs, size_t count)
{
	const struct table *table = hosts->table;
	const struct entry *one = &table->entries[entry];
	size_t kept = 0;

	if (!one->is_file || is_localhost(name_at(table, one)))
		return count;
	for (size_t i = 0; i < count; i++) {
		if (!addr_is_loopback(&addrs[i]))
			addrs[kept++] = addrs[i];
	}
	return kept;
}

int64_t hosts_name(const struct hosts *hosts, const struct addr *addr,
		   struct name *name)
{
	const struct table *table = hosts ? hosts->table : NULL;
	const struct entry *entry;
	const uint8_t *found;
	uint32_t link;

	if (!table || table->link_count == 0)
		return -ENOENT;
	link = table->by_addr[probe_addr(table, addr)];
	if (link == NONE)
		return -ENOENT;
	entry = &table->entries[table->links[link].entry];
	found = name_at(table, entry);
	name->length = found[0];
	memcpy(name->wire, found + 1, found[0]);
	return table->links[link].entry;
}

const char *hosts_where(const struct hosts *hosts, int64_t entry, char *out,
			size_t size)
{
	const struct table *table = hosts->table;
	const struct entry *one = &table->entries[entry];

	snprintf(out, size, "%s:%u",
		 one->is_file ? table->hosts_file : table->config_file,
		 one->line);
	return out;
}

uint32_t hosts_line(const struct hosts *hosts, int64_t entry, bool *is_file)
{
	const struct entry *one = &hosts->table->entries[entry];

	*is_file = one->is_file;
	return one->line;
}

size_t hosts_count(const struct hosts *hosts)
{
	return hosts && hosts->table ? hosts->table->entry_count : 0;
}
