// SPDX-License-Identifier: BSD-2-Clause
/*
 * fixture_rules.h - rules out of lines of text, for tests.
 *
 * Outbounds are "proxy" (4), "backup" (5) and "campus" (6); upstreams "home"
 * (0) and "clean" (1).
 */
#ifndef ERSATZ_TESTS_FIXTURE_RULES_H
#define ERSATZ_TESTS_FIXTURE_RULES_H

#include "common/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PROXY = OUTBOUND_FIRST, BACKUP, CAMPUS };
enum { HOME, CLEAN };

static const struct rules_names fixture_names = {
	.outbounds = (const char *const[]){"proxy", "backup", "campus", NULL},
	.upstreams = (const char *const[]){"home", "clean", NULL},
};

/* Adds the lines of `text` as those of a file; faults go to `diag`. */
static inline struct rules *rules_of_file(const char *file, const char *text,
					  struct diag *diag)
{
	struct rules *rules = rules_new();
	struct rule_place place = {diag, file, 0, 3, NULL};
	char line[512];

	assert_non_null(rules);
	diag_init(diag);
	while (*text) {
		size_t length = strcspn(text, "\n");

		assert_true(length < sizeof(line));
		memcpy(line, text, length);
		line[length] = '\0';
		text += length + (text[length] == '\n');
		place.line++;
		if (rules_add(rules, line, &fixture_names, &place) < 0)
			assert_true(diag->errors > 0);
	}
	return rules;
}

/* The same for rules without a fault, ready to be asked. */
static inline struct rules *rules_of(const char *text)
{
	struct diag diag;
	struct rules *rules = rules_of_file("rules.yaml", text, &diag);

	if (diag.count > 0)
		diag_print(&diag, stderr);
	assert_int_equal(diag.errors, 0);
	diag_fini(&diag);
	assert_int_equal(rules_seal(rules), 0);
	return rules;
}

static inline struct name name_of(const char *text)
{
	struct name name;

	assert_int_equal(name_parse(&name, text), 0);
	return name;
}

/* What dnsd asks first: only the name is known. */
static inline struct verdict ask_name(const struct rules *rules,
				      const char *text)
{
	struct name name = name_of(text);
	struct facts facts = {.name = &name};

	return rules_decide(rules, &facts);
}

/* What it asks once the name is resolved; the name may be NULL. */
static inline struct verdict ask_address(const struct rules *rules,
					 const char *text, const char *address)
{
	struct name name = name_of(text ? text : ".");
	struct facts facts = {.name = text ? &name : NULL};

	assert_int_equal(addr_parse(&facts.dst, address), 0);
	return rules_decide(rules, &facts);
}

/* What the relay asks; name and address may be NULL. */
static inline struct verdict ask_flow(const struct rules *rules,
				      const char *text, const char *address,
				      enum network network, uint16_t port)
{
	struct name name = name_of(text ? text : ".");
	struct facts facts = {
		.name = text ? &name : NULL,
		.network = network,
		.dst_port = port,
		.is_final = true,
	};

	if (address)
		assert_int_equal(addr_parse(&facts.dst, address), 0);
	return rules_decide(rules, &facts);
}

/* A folder of its own for list files. */
struct folder {
	char path[64];
};

static inline void folder_open(struct folder *folder)
{
	strcpy(folder->path, "/tmp/ersatz-rules-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
}

static inline const char *folder_file(const struct folder *folder,
				      const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder->path, file);
	return path;
}

static inline void folder_write(const struct folder *folder, const char *file,
				const void *bytes, size_t length)
{
	FILE *out = fopen(folder_file(folder, file), "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
}

/* The files must have been told to it, NULL at the end. */
static inline void folder_close(const struct folder *folder, ...)
{
	const char *file;
	va_list files;

	va_start(files, folder);
	while ((file = va_arg(files, const char *)))
		assert_int_equal(unlink(folder_file(folder, file)), 0);
	va_end(files);
	assert_int_equal(rmdir(folder->path), 0);
}

#endif
