// SPDX-License-Identifier: BSD-2-Clause
#include "common/readable.h"

#include "common/err.h"
#include "common/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is to be read; the paths are owned. */
struct files {
	char **paths;
	size_t count, room;
};

/* What the child says of one. */
struct finding {
	size_t at;
	int error;
};

static void files_fini(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
}

static int add(struct files *files, const char *path, size_t length)
{
	char **more;

	if (files->count == files->room) {
		size_t room = files->room ? files->room * 2 : 16;

		more = reallocarray(files->paths, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		files->paths = more;
		files->room = room;
	}
	files->paths[files->count] = strndup(path, length);
	if (!files->paths[files->count])
		return -ENOMEM;
	files->count++;
	return 0;
}

static int find_files(struct files *files, const struct config *config)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < rules_file_count(config->rules); i++) {
		struct rules_file file = rules_file_at(config->rules, i);

		ret = add(files, file.file, file.path_length);
	}
	for (size_t i = 0; !ret && i < config->upstream_count; i++) {
		const char *path = config->upstreams[i].ca_file;

		if (path)
			ret = add(files, path, strlen(path));
	}
	return ret;
}

/* The child: everything that it cannot open goes into the pipe. */
static void try_all(const struct files *files, const struct identity *identity,
		    int out)
{
	if (setgroups(0, NULL) < 0 ||
	    setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
	    setresuid(identity->uid, identity->uid, identity->uid) < 0)
		_exit(EXIT_FAILURE);
	for (size_t i = 0; i < files->count; i++) {
		int fd = open(files->paths[i],
			      O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		struct finding finding = {i, errno};

		if (fd >= 0)
			close(fd);
		else if (write(out, &finding, sizeof(finding)) !=
			 sizeof(finding))
			_exit(EXIT_FAILURE);
	}
	_exit(EXIT_SUCCESS);
}

static int take_findings(const struct config *config, const struct files *files,
			 int in, struct diag *diag)
{
	struct finding finding;
	int ret = 0;

	while (read(in, &finding, sizeof(finding)) == sizeof(finding)) {
		diag_error(diag, files->paths[finding.at], 0, 0,
			   "user '%s' cannot read it: %s, expected a file that "
			   "can be read without being root, as the relay does "
			   "and dnsd at a reload",
			   config->user, strerror(finding.error));
		ret = ERR_CONFIG;
	}
	return ret;
}

static int try_as(const struct config *config, const struct files *files,
		  const struct identity *identity, struct diag *diag)
{
	int pipe_fds[2], ret;
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		try_all(files, identity, pipe_fds[1]);
	ret = child < 0 ? -errno : 0;
	close(pipe_fds[1]);
	if (ret == 0)
		ret = take_findings(config, files, pipe_fds[0], diag);
	close(pipe_fds[0]);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	return ret;
}

int readable_check(const struct config *config, struct diag *diag)
{
	struct files files = {.count = 0};
	struct identity identity;
	int ret;

	if (geteuid() != 0)
		return 0;
	ret = identity_find(&identity, config->user);
	if (ret == 0)
		ret = find_files(&files, config);
	if (ret == 0)
		ret = try_as(config, &files, &identity, diag);
	files_fini(&files);
	return ret;
}
