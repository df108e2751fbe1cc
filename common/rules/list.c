// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/list.h"

#include "common/err.h"
#include "common/rules/adblock.h"
#include "common/rules/list_line.h"
#include "common/rules/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* The whole of a file, and a zero behind it. */
struct bytes {
	char *at; /* owned */
	size_t size;
};

uint32_t list_line(const struct list *list)
{
	return list->before + list->place.line;
}

int list_leave_out(struct list *list, const char *word)
{
	if (list->left_out++ > 0)
		return 0;
	list->left_out_line = list->place.line;
	snprintf(list->left_out_word, sizeof(list->left_out_word), "%s", word);
	return 0;
}

void list_tell_left_out(const struct list *list)
{
	if (list->left_out == 0)
		return;
	diag_warning(list->place.diag, list->place.file, list->left_out_line, 0,
		     "%u entries that cannot be served here are left out, the "
		     "first is '%s'",
		     list->left_out, list->left_out_word);
}

/* Forms that are no list at all, told once and not line by line. */
static int check_line(const struct list *list, const char *text, size_t length)
{
	const char *what = NULL;

	if (memchr(text, '\0', length))
		what = "is not text";
	else if (length > RULE_TEXT_MAX)
		what = "has a line that is too long";
	if (!what)
		return 0;
	diag_error(list->place.diag, list->place.file, list->place.line, 0,
		   "list %s, expected a text file with one entry a line, or "
		   "YAML with a payload",
		   what);
	return ERR_CONFIG;
}

static int add_line(struct list *list, char *text)
{
	const char *start = text;

	text = form_trim(list->form, text);
	if (text[0] == '\0')
		return 0;
	list->place.column = 1;
	list->place = rule_place_at(&list->place, start, text);
	return list_line_add(list, text);
}

/* A line that is a name and nothing else, and the way to the next; or 0. */
static int read_plain(struct list *list, char **text)
{
	struct name name;
	unsigned kinds;
	size_t taken = list_line_plain(list, *text, &name, &kinds);
	char *end = *text + taken;
	int ret;

	end += *end == '\r';
	if (taken == 0 || *end != '\n')
		return 0;
	ret = matcher_add_name(list->matcher, &name, kinds, list_line(list));
	*text = end + 1;
	return ret < 0 ? ret : 1;
}

/* Returns an error only if there is no point in reading on. */
static int read_lines(struct list *list, struct bytes *bytes)
{
	char *text = bytes->at, *end = bytes->at + bytes->size;
	int ret = 0;

	while (ret >= 0 && text < end) {
		char *newline, *stop;

		list->place.line++;
		ret = read_plain(list, &text);
		if (ret != 0)
			continue;
		newline = memchr(text, '\n', (size_t)(end - text));
		stop = newline ? newline : end;
		ret = check_line(list, text, (size_t)(stop - text));
		if (ret < 0)
			break;
		*stop = '\0';
		ret = add_line(list, text);
		if (ret == ERR_CONFIG && ++list->faults < LIST_ERRORS_MAX)
			ret = 0;
		text = stop + 1;
	}
	return ret < 0 ? ret : 0;
}

/* The daemons read it once as root, and at a reload as somebody else. */
static int tell_unreadable(const struct rule_place *place, const char *path,
			   const char *why)
{
	diag_error(PLACE_ARGS(place),
		   "cannot read list '%s': %s, expected a text file with one "
		   "entry a line that our user can read",
		   path, why);
	return ERR_CONFIG;
}

/* Only a plain file: anything else might never end. */
static const char *check_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a plain file";
	return st->st_size > LIST_SIZE_MAX ? "larger than 256 MiB" : NULL;
}

/* A file that grows meanwhile ends where it ended at first. */
static const char *read_all(int fd, size_t size, struct bytes *bytes)
{
	bytes->at = malloc(size + 1);
	if (!bytes->at)
		return strerror(ENOMEM);
	while (bytes->size < size) {
		ssize_t got =
			read(fd, bytes->at + bytes->size, size - bytes->size);

		if (got < 0 && errno != EINTR)
			return strerror(errno);
		if (got == 0)
			break;
		bytes->size += got > 0 ? (size_t)got : 0;
	}
	bytes->at[bytes->size] = '\0';
	return NULL;
}

static int read_file(struct bytes *bytes, const char *path,
		     const struct rule_place *place)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *why;
	struct stat st;

	if (fd < 0)
		return tell_unreadable(place, path, strerror(errno));
	if (fstat(fd, &st) < 0)
		why = strerror(errno);
	else
		why = check_file(&st);
	if (!why)
		why = read_all(fd, (size_t)st.st_size, bytes);
	close(fd);
	return why ? tell_unreadable(place, path, why) : 0;
}

static size_t count_lines(const struct bytes *bytes)
{
	const char *at = bytes->at, *end = bytes->at + bytes->size;
	size_t count = 1;

	for (; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		count++;
	return count;
}

/* Prefixes are the only entries of one kind that are no names. */
static int read_entries(struct list *list, struct bytes *bytes, bool is_yaml)
{
	int ret = 0;

	if (list->form != FORM_IPCIDR)
		ret = matcher_expect(list->matcher, count_lines(bytes));
	if (ret < 0)
		return ret;
	return is_yaml ? payload_read(list, bytes->at, bytes->size)
		       : read_lines(list, bytes);
}

/*
 * A list with exceptions matches what is in the one part and not in the other,
 * so it cannot share the index of all rules.
 */
static int read_with_exceptions(struct list *list, struct bytes *bytes)
{
	struct matcher *whole = list->matcher;
	struct matcher *entries = matcher_new(whole->load);
	struct matcher *except = matcher_new(whole->load);
	struct logic *both = logic_new(LOGIC_AND), *not = logic_new(LOGIC_NOT);
	struct matcher *negated = matcher_new(whole->load);
	struct condition condition;
	int ret = -ENOMEM;

	if (!entries || !except || !negated || !both || !not ) {
		matcher_free(entries);
		matcher_free(except);
		matcher_free(negated);
		logic_free(both);
		logic_free(not );
		return -ENOMEM;
	}
	list->matcher = entries;
	list->except = except;
	ret = read_entries(list, bytes, false);
	list->matcher = whole;
	list->except = NULL;
	whole->entry_count += entries->entry_count;

	/* From here on each belongs to the next. */
	if (logic_add(not, except) < 0)
		ret = -ENOMEM;
	condition_init_logic(&condition, not );
	if (matcher_add_condition(negated, &condition, 0) < 0 ||
	    logic_add(both, entries) < 0 || logic_add(both, negated) < 0)
		ret = -ENOMEM;
	condition_init_logic(&condition, both);
	if (matcher_add_condition(whole, &condition, 0) < 0)
		ret = -ENOMEM;
	whole->entry_count--;
	return ret;
}

/* What servers send when there is no list; some forms would pass over it. */
static int tell_page(const struct list *list)
{
	diag_error(list->place.diag, list->path, 1, 0,
		   "is a page of HTML or XML, expected a list");
	return ERR_CONFIG;
}

static int read_list(struct list *list, struct bytes *bytes)
{
	struct sources *sources = list->matcher->load->sources;
	bool is_yaml = form_is_yaml(bytes->at, bytes->size);
	size_t before = list->matcher->entry_count;
	int ret, at;

	if (form_is_page(bytes->at, bytes->size))
		return tell_page(list);
	if (list->form == FORM_AUTO)
		list->form = is_yaml ? FORM_TEXT
				     : form_recognise(bytes->at, bytes->size);
	at = sources_add(sources, list->path, form_text(list->form, is_yaml),
			 count_lines(bytes));
	if (at < 0)
		return at;
	sources->at[at].is_inner = list->depth > 0;
	list->before = sources->at[at].before;
	list->place.file = list->path;
	if (list->form == FORM_ADBLOCK &&
	    adblock_has_exceptions(bytes->at, bytes->size))
		ret = read_with_exceptions(list, bytes);
	else
		ret = read_entries(list, bytes, is_yaml);
	sources->at[at].entries = list->matcher->entry_count - before;
	list_tell_left_out(list);
	return ret == 0 && list->faults > 0 ? ERR_CONFIG : ret;
}

int list_load(struct list *list, const struct rule_place *place)
{
	struct bytes file = {NULL, 0}, text;
	size_t mark = strlen(BYTE_ORDER_MARK);
	int ret;

	list->place.diag = place->diag;
	ret = read_file(&file, list->path, place);
	text = file;
	if (ret == 0 && file.size >= mark &&
	    memcmp(file.at, BYTE_ORDER_MARK, mark) == 0) {
		text.at += mark;
		text.size -= mark;
	}
	if (ret == 0)
		ret = read_list(list, &text);
	free(file.at);
	return ret;
}
