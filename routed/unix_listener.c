// SPDX-License-Identifier: BSD-2-Clause
#include "routed/unix_listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LISTENS 0x10000 /* __SO_ACCEPTCON of include/linux/net.h */

/* "Num RefCount Protocol Flags Type St Inode Path", the path to the end. */
uint32_t unix_listener_read(FILE *table, const char *path)
{
	char *line = NULL;
	size_t size = 0;
	uint32_t found = 0;
	ssize_t length;

	while (!found && (length = getline(&line, &size, table)) > 0) {
		unsigned flags, inode;
		int at = 0;

		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (sscanf(line, "%*[^:]: %*x %*x %x %*x %*x %u %n", &flags,
			   &inode, &at) == 2 &&
		    at > 0 && flags & LISTENS && strcmp(line + at, path) == 0)
			found = inode;
	}
	free(line);
	return found;
}

static int find(const char *path, uint32_t *inode)
{
	FILE *table = fopen("/proc/self/net/unix", "re");

	if (!table)
		return -errno;
	*inode = unix_listener_read(table, path);
	fclose(table);
	return 0;
}

int unix_listener_find(const char *path, uint32_t *inode)
{
	char *real;
	int ret = find(path, inode);

	if (ret < 0 || *inode)
		return ret;
	/* The table has the path that bind(2) was given. */
	real = realpath(path, NULL);
	if (real && strcmp(real, path) != 0)
		ret = find(real, inode);
	free(real);
	return ret;
}
