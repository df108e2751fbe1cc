// SPDX-License-Identifier: BSD-2-Clause
/*
 * memory_file.h - a text as a descriptor that can be handed on.
 *
 * Sealed: who gets it can read it and change nothing, so that the next one
 * reads the same.
 *
 * Errors	-errno
 * Source	memfd_create(2)
 */
#ifndef ERSATZ_ROUTED_MEMORY_FILE_H
#define ERSATZ_ROUTED_MEMORY_FILE_H

#include "common/compiler.h"

#include <stddef.h>

/* Returns the descriptor, the caller's. */
NODISCARD int memory_file_make(const char *text, size_t length);

#endif
