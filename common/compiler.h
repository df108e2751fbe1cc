// SPDX-License-Identifier: BSD-2-Clause
/*
 * compiler.h - the few attributes that we use, by name.
 */
#ifndef ERSATZ_COMMON_COMPILER_H
#define ERSATZ_COMMON_COMPILER_H

#include <stddef.h>

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The object of `type` whose `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
