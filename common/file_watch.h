// SPDX-License-Identifier: BSD-2-Clause
/*
 * file_watch.h - tells when one of some files is another than before.
 *
 * Whoever writes a file may replace it, which is the way that leaves no half
 * of it to read, or write over it.  So the folders are watched, with
 * inotify(7), and it is told once, a moment after the last change: a program
 * that fetches ten lists makes one call, and a file that is being written is
 * read when it is there.
 *
 * What a symbolic link leads to is watched too.
 *
 * Errors	-errno
 * Ownership	file_watch_new() gives to the caller; paths are copied
 * Thread	the thread of the loop
 * Source	inotify(7)
 */
#ifndef ERSATZ_COMMON_FILE_WATCH_H
#define ERSATZ_COMMON_FILE_WATCH_H

#include "common/compiler.h"

#include <ev.h>
#include <stddef.h>

struct file_watch;

typedef void (*file_watch_fn)(void *ctx);

/* Nothing is watched yet. */
NODISCARD int file_watch_new(struct file_watch **watch, struct ev_loop *loop,
			     file_watch_fn fn, void *ctx);
void file_watch_free(struct file_watch *watch);

/*
 * Drops all that was watched.  A change that is under way is told all the
 * same.
 */
void file_watch_clear(struct file_watch *watch);

/*
 * Watches a file, which need not exist; its folder must.  The same file twice
 * is once.
 */
NODISCARD int file_watch_add(struct file_watch *watch, const char *path,
			     size_t length);

#endif
