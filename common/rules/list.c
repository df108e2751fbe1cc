// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/list.h"

#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLANKS " \t\r\n"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct list {
	struct matcher *matcher;
	struct rule_place place; /* of the line being read */
	bool is_no_resolve;
	unsigned faults;
	/* Types that are not supported, and where the first one was. */
	unsigned left_out, left_out_line;
	char left_out_word[32];
};

/* What begins after a blank with "#" or "//" says nothing. */
static void cut_comment(char *text)
{
	for (char *c = text; *c; c++) {
		bool is_start = c == text || c[-1] == ' ' || c[-1] == '\t';

		if (is_start && (*c == '#' || (*c == '/' && c[1] == '/'))) {
			*c = '\0';
			return;
		}
	}
}

/* Cuts the ends off; returns the column of what is left. */
static unsigned trim(char **text)
{
	size_t before = strspn(*text, BLANKS), length;

	*text += before;
	length = strlen(*text);
	while (length > 0 && strchr(BLANKS, (*text)[length - 1]))
		length--;
	(*text)[length] = '\0';
	return (unsigned)before + 1;
}

static void leave_out(struct list *list, const char *word)
{
	if (list->left_out++ > 0)
		return;
	list->left_out_line = list->place.line;
	snprintf(list->left_out_word, sizeof(list->left_out_word), "%s", word);
}

static int add_classical(struct list *list, char *text)
{
	struct rule_parts parts;
	struct matcher_entry entry;
	int ret = rule_parse_list_line(&parts, text, &list->place);

	if (ret == -EOPNOTSUPP) {
		leave_out(list, parts.type_word);
		return 0;
	}
	if (ret < 0)
		return ret;
	entry = (struct matcher_entry){
		.type = parts.type,
		.argument = parts.argument,
		.line = list->place.line,
		.is_no_resolve = parts.is_no_resolve || list->is_no_resolve,
	};
	return matcher_add(list->matcher, &entry, &parts.argument_place);
}

static int add_line(struct list *list, char *text)
{
	struct matcher_entry entry = {
		.line = list->place.line,
		.is_no_resolve = list->is_no_resolve,
	};

	cut_comment(text);
	list->place.column = trim(&text);
	if (text[0] == '\0')
		return 0;
	if (strchr(text, ','))
		return add_classical(list, text);
	entry.argument = text;
	return matcher_add_word(list->matcher, &entry, &list->place);
}

/* Forms that are not text lists, told once and not line by line. */
static int check_form(const struct list *list, const char *text, size_t length)
{
	const char *what = NULL;

	if (memchr(text, '\0', length))
		what = "is not text";
	else if (strncmp(text, "payload:", 8) == 0)
		what = "is a list in YAML";
	else if (length > RULE_TEXT_MAX)
		what = "has a line that is too long";
	if (!what)
		return 0;
	diag_error(list->place.diag, list->place.file, list->place.line, 0,
		   "list %s, expected a text file with one entry a line", what);
	return ERR_CONFIG;
}

static size_t mark_length(const char *text)
{
	size_t length = strlen(BYTE_ORDER_MARK);

	return strncmp(text, BYTE_ORDER_MARK, length) == 0 ? length : 0;
}

/* Returns an error only if there is no point in reading on. */
static int read_lines(struct list *list, FILE *file)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t length;
	int ret = 0;

	while (ret == 0 && (length = getline(&text, &size, file)) >= 0) {
		size_t mark = list->place.line++ == 0 ? mark_length(text) : 0;

		ret = check_form(list, text + mark, (size_t)length - mark);
		if (ret < 0)
			break;
		ret = add_line(list, text + mark);
		if (ret == ERR_CONFIG && ++list->faults < LIST_ERRORS_MAX)
			ret = 0;
	}
	if (ret == 0 && !feof(file))
		ret = ferror(file) ? -EIO : -ENOMEM;
	free(text);
	return ret;
}

static void tell_left_out(const struct list *list)
{
	if (list->left_out == 0)
		return;
	diag_warning(list->place.diag, list->place.file, list->left_out_line, 0,
		     "%u entries of types that this version does not support "
		     "are left out, the first is '%s'",
		     list->left_out, list->left_out_word);
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
static const char *check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a plain file";
	return st.st_size > LIST_SIZE_MAX ? "larger than 256 MiB" : NULL;
}

static int open_list(FILE **file, const char *path,
		     const struct rule_place *place)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *why;

	if (fd < 0)
		return tell_unreadable(place, path, strerror(errno));
	why = check_file(fd);
	if (why) {
		close(fd);
		return tell_unreadable(place, path, why);
	}
	*file = fdopen(fd, "r");
	if (*file)
		return 0;
	close(fd);
	return -ENOMEM;
}

int list_load(struct matcher *matcher, const char *path, bool is_no_resolve,
	      const struct rule_place *place)
{
	struct list list = {
		.matcher = matcher,
		.place = {.diag = place->diag, .file = path},
		.is_no_resolve = is_no_resolve,
	};
	FILE *file;
	int ret = open_list(&file, path, place);

	if (ret < 0)
		return ret;
	ret = read_lines(&list, file);
	fclose(file);
	if (ret == -EIO)
		ret = tell_unreadable(place, path, strerror(EIO));
	tell_left_out(&list);
	return ret == 0 && list.faults > 0 ? ERR_CONFIG : ret;
}
