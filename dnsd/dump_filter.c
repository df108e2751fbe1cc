// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dump_filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <time.h>

#define YEARS_MAX_S (INT64_C(100) * 366 * 86400)

int dump_filter_order(const char *word)
{
	static const char *const words[] = {
		[DUMP_BY_SLOT] = "slot",
		[DUMP_BY_NAME] = "name",
		[DUMP_BY_CREATED] = "created",
		[DUMP_BY_USED] = "used",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i]) == 0)
			return (int)i;
	}
	return -EINVAL;
}

/* "10m": its seconds. */
static int read_duration(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	int64_t number = 0;

	if (digits == 0 || digits > 10)
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (text[i] - '0');
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (text[digits] != units[i].unit || text[digits + 1])
			continue;
		*seconds = number * units[i].seconds;
		return *seconds <= YEARS_MAX_S ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int read_time(const char *text, int64_t *seconds)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = {.tm_mday = 1};
		const char *end = strptime(text, forms[i], &tm);

		if (!end || *end)
			continue;
		*seconds = timegm(&tm);
		return *seconds > 0 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int dump_filter_since(const char *text, int64_t now_ms, int64_t *since_ms)
{
	int64_t seconds;

	if (read_duration(text, &seconds) == 0) {
		*since_ms = now_ms - seconds * 1000;
		return 0;
	}
	if (read_time(text, &seconds) < 0)
		return -EINVAL;
	*since_ms = seconds * 1000;
	return 0;
}

bool dump_filter_takes(const struct dump_filter *filter,
		       const struct map_row *row, int64_t used_ms)
{
	char text[NAME_TEXT_SIZE];

	if (row->created_ms < filter->since_ms && used_ms < filter->since_ms)
		return false;
	if (!filter->glob)
		return true;
	name_format(&row->name, text, sizeof(text));
	return fnmatch(filter->glob, text, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

static int by_number(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_slot(const void *a, const void *b)
{
	const struct dump_line *x = a, *y = b;

	return by_number(x->row.slot, y->row.slot);
}

static int by_name(const void *a, const void *b)
{
	const struct dump_line *x = a, *y = b;
	char one[NAME_TEXT_SIZE], other[NAME_TEXT_SIZE];

	name_format(&x->row.name, one, sizeof(one));
	name_format(&y->row.name, other, sizeof(other));
	return strcmp(one, other);
}

static int by_created(const void *a, const void *b)
{
	const struct dump_line *x = a, *y = b;
	int order = by_number(x->row.created_ms, y->row.created_ms);

	return order ? order : by_slot(a, b);
}

static int by_used(const void *a, const void *b)
{
	const struct dump_line *x = a, *y = b;
	int order = by_number(x->used_ms, y->used_ms);

	return order ? order : by_slot(a, b);
}

dump_compare_fn dump_filter_compare(enum dump_order order)
{
	switch (order) {
	case DUMP_BY_NAME:
		return by_name;
	case DUMP_BY_CREATED:
		return by_created;
	case DUMP_BY_USED:
		return by_used;
	case DUMP_BY_SLOT:
		break;
	}
	return by_slot;
}
