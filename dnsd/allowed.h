// SPDX-License-Identifier: BSD-2-Clause
/*
 * allowed.h - what dnsd may call, see common/seccomp.h.
 *
 * A kernel without filters is no reason not to start: that is a warning.
 */
#ifndef ERSATZ_DNSD_ALLOWED_H
#define ERSATZ_DNSD_ALLOWED_H

/* From now on this process may call nothing else. */
void allowed_enter(void);

#endif
