// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/resolvconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLANKS " \t\r"

static void add_server(struct resolvconf *conf, const char *line, size_t length)
{
	static const char keyword[] = "nameserver";
	char text[ADDR_TEXT_SIZE];

	if (length < sizeof(keyword) ||
	    memcmp(line, keyword, sizeof(keyword) - 1) != 0 ||
	    !strchr(BLANKS, line[sizeof(keyword) - 1]))
		return;
	const char *end = line + length;
	line += sizeof(keyword);
	while (line < end && strchr(BLANKS, *line))
		line++;

	size_t size = 0;
	while (line + size < end && !strchr(BLANKS, line[size]))
		size++;
	if (size >= sizeof(text))
		return;
	memcpy(text, line, size);
	text[size] = '\0';

	struct addr addr;
	if (conf->count == RESOLVCONF_SERVERS || addr_parse(&addr, text) < 0)
		return;
	for (size_t i = 0; i < conf->count; i++) {
		if (addr_equal(&conf->servers[i], &addr))
			return;
	}
	conf->servers[conf->count++] = addr;
}

int resolvconf_parse(struct resolvconf *conf, const char *text, size_t length)
{
	const size_t marker = strlen(RESOLVCONF_MARKER);
	bool is_ours = length >= marker &&
		       memcmp(text, RESOLVCONF_MARKER, marker) == 0;

	conf->count = 0;
	const char *end = text + length;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		/* strchr() below finds a NUL in every set of characters. */
		if (!memchr(text, '\0', (size_t)(stop - text)))
			add_server(conf, text, (size_t)(stop - text));
		text = stop + 1;
	}
	return is_ours;
}

void resolvconf_init(struct resolvconf *conf, const char *path,
		     const char *before, const struct fake_pool *pool)
{
	*conf = (struct resolvconf){
		.path = path ? path : RESOLVCONF_FILE,
		.before = before,
		.resolved = RESOLVCONF_RESOLVED,
		.pool = pool,
		/* No file has this size: the first look is a change. */
		.stamps = {{.size = -1}, {.size = -1}, {.size = -1}},
	};
}

static bool has_changed(struct resolvconf_stamp *stamp, const char *path)
{
	struct stat st;
	struct resolvconf_stamp now = {0};

	if (stat(path, &st) == 0) {
		now.dev = st.st_dev;
		now.ino = st.st_ino;
		now.size = st.st_size;
		now.mtime = st.st_mtim;
	}
	bool is_same = now.dev == stamp->dev && now.ino == stamp->ino &&
		       now.size == stamp->size &&
		       now.mtime.tv_sec == stamp->mtime.tv_sec &&
		       now.mtime.tv_nsec == stamp->mtime.tv_nsec;
	*stamp = now;
	return !is_same;
}

static int parse_file(struct resolvconf *conf, const char *path)
{
	conf->count = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	char text[RESOLVCONF_SIZE_MAX];
	ssize_t length = read(fd, text, sizeof(text));
	int ret = length < 0 ? -errno
			     : resolvconf_parse(conf, text, (size_t)length);
	close(fd);
	return ret;
}

/* 127.0.0.53, and 127.0.0.54, which passes everything on. */
static bool is_stub(const struct addr *addr)
{
	const uint32_t ipv4 =
		addr->family == ADDR_IPV4 ? addr_to_ipv4(addr) : 0;

	return ipv4 == 0x7f000035 || ipv4 == 0x7f000036;
}

static bool has_stub_alone(const struct resolvconf *conf)
{
	for (size_t i = 0; i < conf->count; i++) {
		if (!is_stub(&conf->servers[i]))
			return false;
	}
	return conf->count > 0;
}

/* Takes those of our pool out; were there any? */
static bool leave_out_pool(struct resolvconf *conf)
{
	size_t kept = 0, count = conf->count;

	for (size_t i = 0; conf->pool && i < count; i++) {
		if (!fake_pool_has(conf->pool, &conf->servers[i]))
			conf->servers[kept++] = conf->servers[i];
	}
	if (conf->pool)
		conf->count = kept;
	return conf->count < count;
}

/* A file that is not there says nothing. */
static void look_behind_stub(struct resolvconf *conf)
{
	struct resolvconf behind = {.pool = conf->pool};

	if (!has_stub_alone(conf) || parse_file(&behind, conf->resolved) < 0 ||
	    !leave_out_pool(&behind))
		return;
	memcpy(conf->servers, behind.servers, sizeof(conf->servers));
	conf->count = behind.count;
}

int resolvconf_refresh(struct resolvconf *conf)
{
	bool is_changed = has_changed(&conf->stamps[0], conf->path);
	is_changed |= has_changed(&conf->stamps[1], conf->before);
	is_changed |= has_changed(&conf->stamps[2], conf->resolved);
	if (!is_changed)
		return 0;

	int ret = parse_file(conf, conf->path);
	if (ret == 1)
		ret = parse_file(conf, conf->before);
	if (ret >= 0)
		look_behind_stub(conf);
	return ret < 0 ? ret : 1;
}
