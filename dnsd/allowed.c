// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/allowed.h"

#include "common/err.h"
#include "common/log.h"
#include "common/seccomp_tables.h"

/*
 * libcurl and libmicrohttpd are loaded later, and run threads; metrics may get
 * another port at a reload.
 */
void allowed_enter(void)
{
	static const struct seccomp_table *const tables[] = {
		&seccomp_base,    &seccomp_files,    &seccomp_files_change,
		&seccomp_sockets, &seccomp_internet, &seccomp_listen,
	};
	int ret = seccomp_enter(tables, ARRAY_LEN(tables));

	if (ret < 0)
		log_warning("cannot filter system calls: %s", err_text(ret));
}
