// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is written about the configuration agrees with the table that reads it:
 * the JSON schema for editors is made from the table here and compared to the
 * letter, the manual names every key with its default, the example names every
 * key and is free of mistakes.
 *
 * With ERSATZ_GOLDEN_WRITE set schema/ersatz.schema.json is written instead.
 * ERSATZ_SOURCE is the top of the tree; make sets it.
 */
#include "common/config/parts.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct json_out {
	FILE *out;
	unsigned depth;
	bool is_first; /* of the members of what was opened last */
};

static void member(struct json_out *json, const char *name)
{
	fputs(json->is_first ? "\n" : ",\n", json->out);
	json->is_first = false;
	fprintf(json->out, "%*s\"%s\": ", (int)json->depth * 2, "", name);
}

static void open_object(struct json_out *json)
{
	putc('{', json->out);
	json->depth++;
	json->is_first = true;
}

static void close_object(struct json_out *json)
{
	json->depth--;
	fprintf(json->out, "\n%*s}", (int)json->depth * 2, "");
	json->is_first = false;
}

static void text(struct json_out *json, const char *name, const char *value)
{
	member(json, name);
	putc('"', json->out);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', json->out);
		putc(*value, json->out);
	}
	putc('"', json->out);
}

static bool is_number(const struct schema_key *key)
{
	return key->type->json &&
	       !strncmp(key->type->json, "\"type\": \"integer\"", 17);
}

/* The members that say what one value of the key can be. */
static void value_members(struct json_out *json, const struct schema_key *key)
{
	const char *comma = "";

	if (!key->type->json) {
		member(json, "enum");
		putc('[', json->out);
		for (const struct schema_word *word = key->words; word->word;
		     word++) {
			if (word->later)
				continue;
			fprintf(json->out, "%s\"%s\"", comma, word->word);
			comma = ", ";
			/* What readers of YAML 1.1 make of it. */
			if (!strcmp(word->word, "off"))
				fputs(", false", json->out);
		}
		putc(']', json->out);
		return;
	}
	fprintf(json->out, "%s\n%*s%s", json->is_first ? "" : ",",
		(int)json->depth * 2, "", key->type->json);
	json->is_first = false;
	if (!is_number(key) || !key->max)
		return;
	member(json, "minimum");
	fprintf(json->out, "%" PRId64, key->min);
	member(json, "maximum");
	fprintf(json->out, "%" PRId64, key->max);
}

static void fallback_member(struct json_out *json, const struct schema_key *key)
{
	if (!key->fallback)
		return;
	if (!is_number(key)) {
		text(json, "default", key->fallback);
		return;
	}
	member(json, "default");
	fputs(key->fallback, json->out);
}

static void list_members(struct json_out *json, const struct schema_key *key)
{
	fallback_member(json, key);
	member(json, "anyOf");
	fputs("[", json->out);
	open_object(json);
	value_members(json, key);
	close_object(json);
	fputs(", ", json->out);
	open_object(json);
	text(json, "type", "array");
	if (key->items_min) {
		member(json, "minItems");
		fprintf(json->out, "%zu", key->items_min);
	}
	member(json, "items");
	open_object(json);
	value_members(json, key);
	close_object(json);
	close_object(json);
	if (!key->items_min)
		fputs(", {\"type\": \"null\"}", json->out);
	putc(']', json->out);
}

static void section_members(struct json_out *json,
			    const struct schema_key *keys);

static void key_members(struct json_out *json, const struct schema_key *key)
{
	text(json, "description", key->help);
	switch (key->kind) {
	case SCHEMA_VALUE:
		value_members(json, key);
		fallback_member(json, key);
		break;
	case SCHEMA_LIST:
		list_members(json, key);
		break;
	case SCHEMA_SECTION:
		section_members(json, key->keys);
		break;
	case SCHEMA_NAMED:
		member(json, "type");
		fputs("[\"object\", \"null\"]", json->out);
		member(json, "additionalProperties");
		open_object(json);
		section_members(json, key->keys);
		close_object(json);
		break;
	case SCHEMA_LISTS:
		member(json, "type");
		fputs("[\"object\", \"null\"]", json->out);
		member(json, "additionalProperties");
		open_object(json);
		list_members(json, key);
		close_object(json);
		break;
	case SCHEMA_LATER:
		break;
	}
}

static void section_members(struct json_out *json,
			    const struct schema_key *keys)
{
	const char *comma = "";

	member(json, "type");
	fputs("[\"object\", \"null\"]", json->out);
	member(json, "additionalProperties");
	fputs("false", json->out);
	for (const struct schema_key *key = keys; key->name; key++) {
		if (!key->is_required)
			continue;
		if (!*comma)
			member(json, "required");
		fprintf(json->out, "%s\"%s\"", *comma ? comma : "[", key->name);
		comma = ", ";
	}
	if (*comma)
		putc(']', json->out);
	member(json, "properties");
	open_object(json);
	for (const struct schema_key *key = keys; key->name; key++) {
		if (key->kind == SCHEMA_LATER)
			continue;
		member(json, key->name);
		open_object(json);
		key_members(json, key);
		close_object(json);
	}
	close_object(json);
}

static char *json_schema(void)
{
	char *whole = NULL;
	size_t size;
	struct json_out json = {.out = open_memstream(&whole, &size)};

	assert_non_null(json.out);
	open_object(&json);
	text(&json, "$schema", "http://json-schema.org/draft-07/schema#");
	text(&json, "title", "ersatz.yaml");
	section_members(&json, config_keys);
	close_object(&json);
	putc('\n', json.out);
	fclose(json.out);
	return whole;
}

static char *path_of(const char *file)
{
	const char *top = getenv("ERSATZ_SOURCE");

	assert_non_null(top);
	return config_path(top, file);
}

static char *read_whole(const char *file)
{
	char *path = path_of(file), *whole;
	struct diag diag;
	size_t length;

	diag_init(&diag);
	if (config_read(&whole, &length, path, &diag))
		fail_msg("%s", diag.lines[0]);
	diag_fini(&diag);
	free(path);
	return whole;
}

static void json_schema_is_the_table(void **state)
{
	static const char file[] = "schema/ersatz.schema.json";
	char *made = json_schema(), *kept;

	(void)state;
	if (getenv("ERSATZ_GOLDEN_WRITE")) {
		char *path = path_of(file);
		FILE *out = fopen(path, "w");

		assert_non_null(out);
		fputs(made, out);
		fclose(out);
		free(path);
	}
	kept = read_whole(file);
	assert_string_equal(made, kept);
	free(made);
	free(kept);
}

/* Calls `fn` for every key that this version has. */
static void each_key(const struct schema_key *keys,
		     void (*fn)(const struct schema_key *key,
				const char *whole),
		     const char *whole)
{
	for (const struct schema_key *key = keys; key->name; key++) {
		if (key->kind == SCHEMA_LATER)
			continue;
		fn(key, whole);
		if (key->keys)
			each_key(key->keys, fn, whole);
	}
}

static void find_item(const struct schema_key *key, const char *manual)
{
	char item[128];
	const char *at, *end, *word;

	snprintf(item, sizeof(item), "\n.It Ic %s\n", key->name);
	at = strstr(manual, item);
	if (!at)
		fail_msg("ersatz.yaml(5) has no '.It Ic %s'", key->name);
	if (!key->fallback)
		return;
	/* The default stands in the text of one of the items of that name. */
	for (; at; at = strstr(at + 1, item)) {
		end = strstr(at + strlen(item), "\n.It Ic ");
		word = strstr(at, key->fallback);
		if (word && (!end || word < end))
			return;
	}
	fail_msg("ersatz.yaml(5) does not say of '%s' that it is '%s'",
		 key->name, key->fallback);
}

static void manual_has_every_key_and_its_default(void **state)
{
	char *manual = read_whole("man/ersatz.yaml.5");

	(void)state;
	each_key(config_keys, find_item, manual);
	free(manual);
}

/* Of a part of a file the rest is some proxy; lists are the reader's own. */
static void load_example(const char *example, size_t length)
{
	static const char proxy[] =
		"outbounds: {proxy: {type: socks5, server: 127.0.0.1:1080}}\n";
	bool is_whole = memmem(example, length, "outbounds:", 10) != NULL;
	struct config *config = NULL;
	struct diag diag;
	char *whole;
	int size = asprintf(&whole, "%s%.*s", is_whole ? "" : proxy,
			    (int)length, example);

	assert_true(size > 0);
	diag_init(&diag);
	if (config_load_without_lists(&config, whole, (size_t)size, "example",
				      &diag))
		fail_msg("%s\n%s", whole, diag.lines[0]);
	config_free(config);
	diag_fini(&diag);
	free(whole);
}

static bool begins_with_key(const char *example)
{
	size_t length = strcspn(example, ":\n");

	for (const struct schema_key *key = config_keys; key->name; key++) {
		if (strlen(key->name) == length &&
		    strncmp(key->name, example, length) == 0)
			return true;
	}
	return false;
}

/* Calls `fn` for each example of the manual that is of a configuration. */
static unsigned each_example(const char *manual,
			     void (*fn)(const char *example, size_t length))
{
	static const char begin[] = "\n.Bd -literal -offset indent\n";
	unsigned count = 0;

	for (const char *at = strstr(manual, begin); at;
	     at = strstr(at, begin)) {
		const char *end;

		at += strlen(begin);
		end = strstr(at, "\n.Ed");
		assert_non_null(end);
		if (!begins_with_key(at))
			continue;
		fn(at, (size_t)(end - at) + 1);
		count++;
	}
	return count;
}

/* But for one with a file that must be there, and nobody else's. */
static void load_unless_secret(const char *example, size_t length)
{
	if (!memmem(example, length, "password-file:", 14))
		load_example(example, length);
}

static void manual_has_no_mistake_in_its_examples(void **state)
{
	char *manual = read_whole("man/ersatz.yaml.5");

	(void)state;
	assert_true(each_example(manual, load_unless_secret) >= 18);
	free(manual);
}

static char examples[65536]; /* one after the other */

static void keep_example(const char *example, size_t length)
{
	size_t used = strlen(examples);

	assert_true(used + length < sizeof(examples));
	memcpy(examples + used, example, length);
	examples[used + length] = '\0';
}

static void find_example(const struct schema_key *key, const char *all)
{
	size_t length = strlen(key->name);

	for (const char *at = strstr(all, key->name); at;
	     at = strstr(at + 1, key->name)) {
		if ((at == all || strchr(" \n{", at[-1])) && at[length] == ':')
			return;
	}
	fail_msg("ersatz.yaml(5) has no example with '%s:'", key->name);
}

static void manual_has_an_example_of_every_key(void **state)
{
	char *manual = read_whole("man/ersatz.yaml.5");

	(void)state;
	examples[0] = '\0';
	(void)each_example(manual, keep_example);
	each_key(config_keys, find_example, examples);
	free(manual);
}

static void find_key(const struct schema_key *key, const char *example)
{
	char word[128];

	snprintf(word, sizeof(word), "%s:", key->name);
	if (!strstr(example, word))
		fail_msg("the example has no '%s'", word);
}

static void example_has_every_key_and_no_mistake(void **state)
{
	char *example = read_whole("schema/ersatz.yaml.example");
	struct config *config = NULL;
	struct diag diag;

	(void)state;
	each_key(config_keys, find_key, example);
	diag_init(&diag);
	if (config_load(&config, example, strlen(example), "example", &diag) ||
	    diag.count)
		fail_msg("%s", diag.lines[0]);
	config_free(config);
	diag_fini(&diag);
	free(example);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_schema_is_the_table),
		cmocka_unit_test(manual_has_every_key_and_its_default),
		cmocka_unit_test(manual_has_no_mistake_in_its_examples),
		cmocka_unit_test(manual_has_an_example_of_every_key),
		cmocka_unit_test(example_has_every_key_and_no_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
