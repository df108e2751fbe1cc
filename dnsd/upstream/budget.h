// SPDX-License-Identifier: BSD-2-Clause
/*
 * budget.h - how many questions may be under way at a time.
 */
#ifndef ERSATZ_DNSD_UPSTREAM_BUDGET_H
#define ERSATZ_DNSD_UPSTREAM_BUDGET_H

#include <stddef.h>

/* As many as descriptors allow, should each have so many open. */
size_t budget_asks(size_t descriptors_each);

#endif
