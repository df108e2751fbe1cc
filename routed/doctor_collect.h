// SPDX-License-Identifier: BSD-2-Clause
/*
 * doctor_collect.h - looks for what doctor.h judges; changes nothing.
 *
 * Privilege	none; without CAP_NET_ADMIN nftables, and without
 *		CAP_SYS_PTRACE the names of other users' programs, stay unknown
 * Errors	-errno: the routing state cannot be read
 */
#ifndef ERSATZ_ROUTED_DOCTOR_COLLECT_H
#define ERSATZ_ROUTED_DOCTOR_COLLECT_H

#include "routed/doctor.h"

struct doctor_conf {
	const struct config *config; /* NULL: broken or missing */
	const char *config_file;
	const char *run_dir;
};

/* Looks, and judges. */
NODISCARD int doctor_collect(struct doctor *doctor,
			     const struct doctor_conf *conf);

#endif
