// SPDX-License-Identifier: BSD-2-Clause
#include "routed/resolvconf.h"

#include "common/config.h"
#include "routed/saved_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DNS_PORT 53
#define NAMESERVERS_MAX 3 /* MAXNS of resolv.h */

/* The end of our file: what was there before. */
#define ORIGINAL "# The original, should that be gone: "
#define QUOTE "#|"
#define NO_NEWLINE "#|without a newline at the end\n"

struct addr_list {
	struct addr addrs[NAMESERVERS_MAX];
	size_t count;
};

static struct addr dialled_addr(const struct addr *addr)
{
	struct addr loopback = {.family = addr->family};

	if (!addr_is_unspecified(addr))
		return *addr;
	if (addr->family == ADDR_IPV4)
		return addr_ipv4(0x7f000001);
	loopback.bytes[15] = 1;
	return loopback;
}

static int choose_nameservers(struct addr_list *list,
			      const struct endpoint *servers, size_t count)
{
	list->count = 0;
	for (size_t i = 0; i < count && list->count < NAMESERVERS_MAX; i++) {
		if (servers[i].port == DNS_PORT)
			list->addrs[list->count++] =
				dialled_addr(&servers[i].addr);
	}
	return list->count ? 0 : -ENOENT;
}

/* The next line of `text`, its newline included; length 0 at the end. */
static size_t line_length(const char *text, size_t left)
{
	const char *end = left ? memchr(text, '\n', left) : NULL;

	return end ? (size_t)(end - text) + 1 : left;
}

static bool is_kept(const char *line, size_t length)
{
	static const char *const words[] = {"search", "domain", "options"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t size = strlen(words[i]);

		if (length > size && memcmp(line, words[i], size) == 0 &&
		    (line[size] == ' ' || line[size] == '\t'))
			return true;
	}
	return false;
}

static void put_kept(FILE *out, const struct saved_file *before)
{
	size_t length;

	for (size_t i = 0; i < before->length; i += length) {
		const char *line = before->text + i;

		length = line_length(line, before->length - i);
		if (!is_kept(line, length))
			continue;
		fwrite(line, 1, length, out);
		if (line[length - 1] != '\n')
			fputc('\n', out);
	}
}

static void put_original(FILE *out, const struct saved_file *before)
{
	size_t length;

	fputs(ORIGINAL, out);
	saved_file_print_kind(before, out);
	for (size_t i = 0; i < before->length; i += length) {
		const char *line = before->text + i;

		length = line_length(line, before->length - i);
		fprintf(out, QUOTE " ");
		fwrite(line, 1, length, out);
		if (line[length - 1] != '\n')
			fputs("\n" NO_NEWLINE, out);
	}
}

static int compose(char **text, size_t *length, const struct resolvconf *conf,
		   const struct addr_list *list,
		   const struct saved_file *before)
{
	FILE *out = open_memstream(text, length);
	char addr[ADDR_TEXT_SIZE];

	if (!out)
		return -ENOMEM;
	fprintf(out, RESOLVCONF_MARK "%s/" RESOLVCONF_BEFORE "\n",
		conf->run_dir);
	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "nameserver %s\n",
			addr_format(&list->addrs[i], addr, sizeof(addr)));
	put_kept(out, before);
	put_original(out, before);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* Takes the quoted lines out of our own file. */
static int unquote(struct saved_file *before, const char *text, size_t left)
{
	char *out = malloc(left + 1);
	size_t length;

	if (!out)
		return -ENOMEM;
	before->text = out;
	before->length = 0;
	for (; left; text += length, left -= length) {
		const size_t quote = strlen(QUOTE " ");

		length = line_length(text, left);
		if (length == strlen(NO_NEWLINE) && before->length &&
		    memcmp(text, NO_NEWLINE, length) == 0) {
			before->length--;
			continue;
		}
		if (length < quote || memcmp(text, QUOTE " ", quote) != 0)
			return -EBADMSG;
		memcpy(out + before->length, text + quote, length - quote);
		before->length += length - quote;
	}
	return 0;
}

static int read_embedded(struct saved_file *before,
			 const struct saved_file *ours)
{
	const char *text = ours->text;
	size_t left = ours->length;
	size_t length = 0;

	memset(before, 0, sizeof(*before));
	for (; left; text += length, left -= length) {
		length = line_length(text, left);
		if (length <= strlen(ORIGINAL) ||
		    memcmp(text, ORIGINAL, strlen(ORIGINAL)) != 0)
			continue;
		if (saved_file_parse_kind(before, text + strlen(ORIGINAL),
					  length - strlen(ORIGINAL)) < 0)
			return -EBADMSG;
		return unquote(before, text + length, left - length);
	}
	return -EBADMSG;
}

static bool has_mark(const struct saved_file *file)
{
	return file->length > strlen(RESOLVCONF_MARK) &&
	       memcmp(file->text, RESOLVCONF_MARK, strlen(RESOLVCONF_MARK)) ==
		       0;
}

bool resolvconf_is_ours(const struct resolvconf *conf)
{
	struct saved_file now;
	bool is_ours;

	if (saved_file_read(&now, conf->path) < 0)
		return false;
	is_ours = has_mark(&now);
	saved_file_fini(&now);
	return is_ours;
}

/*
 * What was there before us: bytes as saved in the run folder, if they are
 * there still; mode, owner and time as embedded.
 */
static int find_before(struct saved_file *before, const struct resolvconf *conf,
		       const struct saved_file *ours)
{
	struct saved_file saved;
	int ret = read_embedded(before, ours);

	if (saved_file_load(&saved, conf->run_dir, RESOLVCONF_BEFORE,
			    RESOLVCONF_LINK) < 0)
		return ret;
	if (ret == 0 && before->kind == SAVED_FILE) {
		saved.mode = before->mode;
		saved.uid = before->uid;
		saved.gid = before->gid;
		saved.mtime = before->mtime;
	}
	saved_file_fini(before);
	*before = saved;
	return 0;
}

static int take(const struct resolvconf *conf, const struct addr_list *list,
		const struct saved_file *before)
{
	struct saved_file ours = {
		.kind = SAVED_FILE,
		.mode = 0644,
		.uid = geteuid(),
		.gid = getegid(),
	};
	int ret = saved_file_store(before, conf->run_dir, RESOLVCONF_BEFORE,
				   RESOLVCONF_LINK);

	if (ret < 0)
		return ret;
	ret = compose(&ours.text, &ours.length, conf, list, before);
	if (ret == 0)
		ret = saved_file_put(&ours, conf->path);
	free(ours.text);
	return ret;
}

int resolvconf_take(const struct resolvconf *conf,
		    const struct endpoint *servers, size_t count)
{
	struct addr_list list;
	struct saved_file now;
	struct saved_file before;
	int ret = choose_nameservers(&list, servers, count);

	if (ret < 0)
		return ret;
	ret = saved_file_read(&now, conf->path);
	if (ret < 0)
		return ret;
	if (has_mark(&now)) {
		ret = find_before(&before, conf, &now);
		if (ret == 0)
			ret = take(conf, &list, &before);
		saved_file_fini(&before);
	} else {
		ret = take(conf, &list, &now);
		if (ret < 0)
			saved_file_forget(conf->run_dir, RESOLVCONF_BEFORE,
					  RESOLVCONF_LINK);
	}
	saved_file_fini(&now);
	return ret;
}

int resolvconf_give_back(const struct resolvconf *conf)
{
	struct saved_file now;
	struct saved_file before = {.kind = SAVED_NONE};
	int ret = saved_file_read(&now, conf->path);

	if (ret < 0)
		return ret;
	if (has_mark(&now)) {
		ret = find_before(&before, conf, &now);
		if (ret == 0)
			ret = saved_file_put(&before, conf->path);
		if (ret == 0)
			ret = 1;
	}
	saved_file_fini(&before);
	saved_file_fini(&now);
	if (ret >= 0)
		saved_file_forget(conf->run_dir, RESOLVCONF_BEFORE,
				  RESOLVCONF_LINK);
	return ret;
}
