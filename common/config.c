// SPDX-License-Identifier: BSD-2-Clause
#include "common/config.h"

#include "common/config/parts.h"
#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 65536U

/* A config and what it is made of. */
struct owner {
	struct config config; /* the first member: config_free() casts */
	struct arena arena;
};

static struct owner *owner_new(const char *file)
{
	struct owner *owner = calloc(1, sizeof(*owner));

	if (!owner)
		return NULL;
	owner->config.file = arena_text(&owner->arena, file, strlen(file));
	if (!owner->config.file)
		goto free_owner;
	owner->config.rules = rules_new();
	if (!owner->config.rules)
		goto free_arena;
	return owner;
free_arena:
	arena_fini(&owner->arena);
free_owner:
	free(owner);
	return NULL;
}

static void owner_free(struct owner *owner)
{
	if (!owner)
		return;
	rules_free(owner->config.rules);
	arena_fini(&owner->arena);
	free(owner);
}

void config_free(struct config *config)
{
	owner_free((struct owner *)config);
}

static int read_tree(struct owner *owner, const struct yaml_node *root,
		     struct diag *diag)
{
	struct config_names names = {NULL, NULL};
	struct schema_walk walk = {
		.file = owner->config.file,
		.diag = diag,
		.arena = &owner->arena,
		.root = &owner->config,
		.context = &names,
	};
	int ret = schema_read(&walk, config_keys, root);

	if (!ret && rules_finish(owner->config.rules, diag) == -ENOMEM)
		ret = -ENOMEM;
	if (!ret)
		config_check(&walk, root);
	schema_walk_fini(&walk);
	return ret;
}

static int load_tree(struct owner *owner, const struct yaml_tree *tree,
		     struct diag *diag)
{
	const struct yaml_node *root = yaml_tree_root(tree);
	size_t errors = diag->errors, first = diag->count;
	int ret;

	if (!root) {
		diag_error(diag, owner->config.file, 0, 0,
			   "there is nothing in it, expected at least "
			   "'outbounds' and 'rules'");
		return ERR_CONFIG;
	}
	ret = read_tree(owner, root, diag);
	if (ret)
		return ret;
	diag_sort(diag, first, owner->config.file);
	if (diag->errors > errors)
		return ERR_CONFIG;
	return rules_seal(owner->config.rules);
}

/* Takes the owner. */
static int load(struct owner *owner, struct config **config, const char *text,
		size_t length, struct diag *diag)
{
	size_t errors = diag->errors;
	struct yaml_tree *tree;
	int ret =
		yaml_tree_parse(&tree, text, length, owner->config.file, diag);

	if (ret)
		goto free_owner;
	ret = load_tree(owner, tree, diag);
	yaml_tree_free(tree);
	if (!ret && diag->errors > errors)
		ret = ERR_CONFIG;
	if (ret)
		goto free_owner;
	*config = &owner->config;
	return 0;
free_owner:
	owner_free(owner);
	return ret;
}

int config_load(struct config **config, const char *text, size_t length,
		const char *file, struct diag *diag)
{
	struct owner *owner = owner_new(file);

	return owner ? load(owner, config, text, length, diag) : -ENOMEM;
}

int config_load_without_lists(struct config **config, const char *text,
			      size_t length, const char *file,
			      struct diag *diag)
{
	struct owner *owner = owner_new(file);

	if (!owner)
		return -ENOMEM;
	rules_leave_lists_out(owner->config.rules);
	return load(owner, config, text, length, diag);
}

/* Reads on to the end, or to one byte more than there may be. */
static int read_all(int fd, char **text, size_t *length)
{
	char *bytes = NULL;
	size_t used = 0, room = 0;
	ssize_t got = 1;

	while (got > 0 && used <= CONFIG_SIZE_MAX) {
		if (used == room) {
			char *more = realloc(bytes, room + READ_SIZE + 1);

			if (!more)
				goto no_memory;
			bytes = more;
			room += READ_SIZE;
		}
		got = read(fd, bytes + used, room - used);
		if (got < 0) {
			int ret = -errno;

			free(bytes);
			return ret;
		}
		used += (size_t)got;
	}
	bytes[used] = '\0';
	*text = bytes;
	*length = used;
	return 0;
no_memory:
	free(bytes);
	return -ENOMEM;
}

static int open_file(const char *file, struct diag *diag)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		diag_error(diag, file, 0, 0,
			   "no such file, expected the configuration (see "
			   "ersatz.yaml(5)), or --proxy socks5://HOST:PORT to "
			   "do without");
	else if (fd < 0)
		diag_error(diag, file, 0, 0, "cannot be opened: %s",
			   strerror(errno));
	if (fd < 0)
		return ERR_CONFIG;
	if (fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return fd;
	diag_error(diag, file, 0, 0,
		   "is a folder, expected a file such as '%s/ersatz.yaml'",
		   file);
	close(fd);
	return ERR_CONFIG;
}

int config_read(char **text, size_t *length, const char *file,
		struct diag *diag)
{
	int fd = open_file(file, diag);
	int ret;

	if (fd < 0)
		return fd;
	ret = read_all(fd, text, length);
	close(fd);
	if (ret == -ENOMEM)
		return ret;
	if (ret) {
		diag_error(diag, file, 0, 0, "cannot be read: %s",
			   strerror(-ret));
		return ERR_CONFIG;
	}
	if (*length && *length <= CONFIG_SIZE_MAX)
		return 0;
	if (*length)
		diag_error(diag, file, 0, 0,
			   "is too large, expected at most %u MiB (long lists "
			   "go into a RULE-SET)",
			   CONFIG_SIZE_MAX >> 20);
	else
		diag_error(diag, file, 0, 0,
			   "is empty, expected at least 'outbounds' and "
			   "'rules'");
	free(*text);
	*text = NULL;
	return ERR_CONFIG;
}

void config_print(const struct config *config, FILE *out)
{
	fprintf(out, "# What is in effect of %s, with all defaults.\n",
		config->file);
	schema_print(config_keys, config, out);
}

int config_outbound(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->outbound_count; i++) {
		if (!strcmp(config->outbounds[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

int config_upstream(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->upstream_count; i++) {
		if (!strcmp(config->upstreams[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

bool config_names_gateway(const struct config *config, const char *interface)
{
	for (size_t i = 0; i < config->routed.gateway_count; i++) {
		if (strcmp(config->routed.gateways[i], interface) == 0)
			return true;
	}
	return false;
}

char *config_path(const char *folder, const char *file)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, file) < 0 ? NULL : path;
}
