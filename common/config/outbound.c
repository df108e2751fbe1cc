// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 64
#define CREDENTIAL_MAX 255 /* RFC 1929: a length is one byte */

static const struct outbound_conf built_in[OUTBOUND_FIRST] = {
	[OUTBOUND_DIRECT] = {.name = "DIRECT", .type = OUTBOUND_TYPE_DIRECT},
	[OUTBOUND_REJECT] = {.name = "REJECT", .type = OUTBOUND_TYPE_REJECT},
	[OUTBOUND_REJECT_DROP] = {.name = "REJECT-DROP",
				  .type = OUTBOUND_TYPE_REJECT_DROP},
	[OUTBOUND_PASS] = {.name = "PASS", .type = OUTBOUND_TYPE_PASS},
};

int config_check_name(const struct schema_call *call, const char *name)
{
	size_t length = strlen(name);
	bool is_fit = length > 0 && length <= NAME_MAX_BYTES &&
		      name[0] != ' ' && name[length - 1] != ' ';

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)name[i] < ' ' || name[i] == ',')
			is_fit = false;
	}
	if (is_fit)
		return 0;
	return schema_error(call,
			    "'%.200s' cannot be a name, expected 1 to %d bytes "
			    "without commas and without spaces at its ends, so "
			    "that rules can write it",
			    name, NAME_MAX_BYTES);
}

static int check_outbound_name(const struct schema_call *call, const char *name)
{
	for (size_t i = 0; i < OUTBOUND_FIRST; i++) {
		if (!strcasecmp(name, built_in[i].name))
			return schema_error(call,
					    "'%s' is the name of a built-in "
					    "outbound, expected another name",
					    name);
	}
	return config_check_name(call, name);
}

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

static int load_password(const struct schema_call *call,
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

/* Which keys belong to which type. */
static const struct belonging {
	const char *key;
	enum outbound_type type;
	bool is_required;
} belongings[] = {
	{"server", OUTBOUND_TYPE_SOCKS5, true},
	{"username", OUTBOUND_TYPE_SOCKS5, false},
	{"password-file", OUTBOUND_TYPE_SOCKS5, false},
	{"udp", OUTBOUND_TYPE_SOCKS5, false},
	{"interface", OUTBOUND_TYPE_INTERFACE, true},
};

bool config_is_part_of_socks5(const void *object)
{
	const struct outbound_conf *outbound = object;

	return outbound->type == OUTBOUND_TYPE_SOCKS5;
}

static const char *type_word(enum outbound_type type)
{
	return type == OUTBOUND_TYPE_SOCKS5 ? "socks5" : "interface";
}

static int check_belongings(const struct schema_call *call,
			    enum outbound_type type)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(belongings); i++) {
		const struct belonging *one = &belongings[i];
		const struct yaml_entry *entry =
			yaml_node_find(call->value, one->key);
		struct schema_call at = *call;

		if (!entry && one->type == type && one->is_required)
			ret = schema_error(call,
					   "'%s' has no '%s', expected one "
					   "with 'type: %s'",
					   call->path, one->key,
					   type_word(type));
		if (!entry || one->type == type)
			continue;
		at.place = entry->key;
		ret = schema_error(&at,
				   "'%s.%s' is not supported with 'type: %s', "
				   "expected it with 'type: %s' only",
				   call->path, one->key, type_word(type),
				   type_word(one->type));
	}
	return ret;
}

static int check_credentials(const struct schema_call *call,
			     struct outbound_conf *outbound)
{
	outbound->password = "";
	if (outbound->username && strlen(outbound->username) > CREDENTIAL_MAX)
		return schema_error_at(call->walk, &outbound->username,
				       "the user name is too long, expected at "
				       "most %d bytes, as SOCKS5 has no more",
				       CREDENTIAL_MAX);
	if (!outbound->password_file)
		return 0;
	if (!outbound->username)
		return schema_error_at(call->walk, &outbound->password_file,
				       "'%s' has a 'password-file' but no "
				       "'username', expected both or none",
				       call->path);
	return load_password(call, outbound);
}

int config_outbound_each(const struct schema_call *call, void *object)
{
	struct outbound_conf *outbound = object;
	int ret = check_outbound_name(call, outbound->name);

	/* A type that was not understood has been told. */
	if (!call->value || (outbound->type != OUTBOUND_TYPE_SOCKS5 &&
			     outbound->type != OUTBOUND_TYPE_INTERFACE))
		return ret;
	ret = check_belongings(call, outbound->type);
	if (ret || outbound->type != OUTBOUND_TYPE_SOCKS5)
		return ret;
	return check_credentials(call, outbound);
}

int config_outbounds_done(const struct schema_call *call, void *object)
{
	struct config *config = object;
	struct config_names *names = call->walk->context;
	size_t count = config->outbound_count - OUTBOUND_FIRST;
	const char **list;

	memcpy(config->outbounds, built_in, sizeof(built_in));
	list = arena_array(call->walk->arena, count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		list[i] = config->outbounds[OUTBOUND_FIRST + i].name;
	names->outbounds = list;
	return 0;
}
