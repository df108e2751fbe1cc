// SPDX-License-Identifier: BSD-2-Clause
#include "common/seccomp.h"

int seccomp_enter(const struct seccomp_table *const tables[], size_t count)
{
	(void)tables, (void)count;
	return 0;
}
