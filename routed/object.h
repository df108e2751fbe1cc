// SPDX-License-Identifier: BSD-2-Clause
/*
 * object.h - telling routes, rules and addresses apart.
 *
 * Two objects with the same key cannot both be in the kernel (it answers
 * EEXIST); equal ones agree in everything that we set.  A route's key is
 * table, destination and metric; a rule's all but protocol and
 * suppress_prefixlength.  Pure.
 */
#ifndef ERSATZ_ROUTED_OBJECT_H
#define ERSATZ_ROUTED_OBJECT_H

#include "routed/nl_edit.h"

/* An order of the keys; 0: the same. */
int object_compare_key(const struct nl_object *a, const struct nl_object *b);

bool object_is_equal(const struct nl_object *a, const struct nl_object *b);

/* By protocol number; links and addresses have none and are not. */
bool object_is_ours(const struct nl_object *object);

#endif
