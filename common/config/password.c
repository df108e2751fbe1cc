// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREDENTIAL_MAX 255 /* RFC 1929: a length is one byte */

const char *config_path_beside(const struct schema_walk *walk, const char *path)
{
	const char *slash = strrchr(walk->file, '/');
	size_t folder = slash ? (size_t)(slash - walk->file) + 1 : 0;
	char *whole;

	if (path[0] == '/' || !folder)
		return path;
	whole = arena_alloc(walk->arena, folder + strlen(path) + 1);
	if (!whole)
		return NULL;
	memcpy(whole, walk->file, folder);
	strcpy(whole + folder, path);
	return whole;
}

struct password {
	const struct schema_walk *walk;
	struct outbound_conf *outbound;
	const char *path, *user;
};

#define tell(password, ...)               \
	schema_error_at((password)->walk, \
			&(password)->outbound->password_file, __VA_ARGS__)

static int tell_unreadable(const struct password *password, const char *why)
{
	return tell(password,
		    "cannot read password file '%s': %s, expected it to be "
		    "readable by user '%s': chgrp %s '%s'; chmod 640 '%s'",
		    password->path, why, password->user, password->user,
		    password->path, password->path);
}

/*
 * Root reads everything, but the relay and, after its start, dnsd read this
 * file again as somebody else: better to hear of it now.
 */
static int check_mode(const struct password *password, const struct stat *st)
{
	const struct passwd *user;

	if (!S_ISREG(st->st_mode))
		return tell(password,
			    "password file '%s' is not a file, expected one "
			    "with the password in its one line",
			    password->path);
	if (st->st_mode & S_IROTH) {
		schema_warning_at(
			password->walk, &password->outbound->password_file,
			"password file '%s' can be read by everybody, "
			"expected: chgrp %s '%s'; chmod 640 '%s'",
			password->path, password->user, password->path,
			password->path);
		return 0;
	}
	user = geteuid() == 0 ? getpwnam(password->user) : NULL;
	if (!user || user->pw_uid == 0)
		return 0;
	if (st->st_uid == user->pw_uid && st->st_mode & S_IRUSR)
		return 0;
	if (st->st_gid == user->pw_gid && st->st_mode & S_IRGRP)
		return 0;
	return tell_unreadable(password, "it is for root only");
}

/* One line; a line end is no part of it. */
static int take_line(const struct password *password, char *text, size_t length)
{
	const char *copy;

	text[length] = '\0';
	if (length && text[length - 1] == '\n')
		text[--length] = '\0';
	if (length && text[length - 1] == '\r')
		text[--length] = '\0';
	if (!length || strlen(text) != length || strpbrk(text, "\r\n"))
		return tell(password,
			    "password file '%s' %s, expected the password in "
			    "one line",
			    password->path,
			    length ? "has several lines or a NUL" : "is empty");
	if (length > CREDENTIAL_MAX)
		return tell(password,
			    "the password in '%s' is too long, expected at "
			    "most %d bytes, as SOCKS5 has no more",
			    password->path, CREDENTIAL_MAX);
	copy = arena_text(password->walk->arena, text, length);
	if (!copy)
		return -ENOMEM;
	password->outbound->password = copy;
	return 0;
}

static int read_password(const struct password *password, int fd)
{
	char text[2 * CREDENTIAL_MAX + 1];
	struct stat st;
	ssize_t length;
	int ret;

	if (fstat(fd, &st))
		return tell_unreadable(password, strerror(errno));
	ret = check_mode(password, &st);
	if (ret)
		return ret;
	length = read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return tell_unreadable(password, strerror(errno));
	ret = take_line(password, text, (size_t)length);
	explicit_bzero(text, sizeof(text));
	return ret;
}

int config_load_password(const struct schema_call *call,
			 struct outbound_conf *outbound)
{
	const struct config *config = call->walk->root;
	struct password password = {
		.walk = call->walk, .outbound = outbound, .user = config->user};
	int fd, ret;

	password.path = config_path_beside(call->walk, outbound->password_file);
	if (!password.path)
		return -ENOMEM;
	fd = open(password.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return tell(&password,
			    "there is no password file '%s', expected one of "
			    "group '%s' and mode 640, with the password in "
			    "its one line",
			    password.path, password.user);
	if (fd < 0)
		return tell_unreadable(&password, strerror(errno));
	ret = read_password(&password, fd);
	close(fd);
	return ret;
}
