// SPDX-License-Identifier: BSD-2-Clause
/*
 * fake_edit.h - nl_edit.h with a kernel of paper behind it, in the place of
 * the real one at link time.
 */
#ifndef ERSATZ_TESTS_FAKE_EDIT_H
#define ERSATZ_TESTS_FAKE_EDIT_H

#include "tests/unit/fib_model.h"

struct nl_edit {
	struct fib_model *model; /* borrowed */
	size_t calls;            /* batches so far */
	size_t changes;          /* that came out */
	/* The change that fails, counted from 1 on; 0: none. */
	size_t fails_at;
	int failure;
	/* Whom lookups are led to instead; 0: nobody interferes. */
	int rival_link;
	/* Where the journal is to be by then; asserted if set. */
	size_t (*journalled)(void);
};

/* What nl_edit_open() gives from now on. */
void fake_edit_set(struct nl_edit *edit);

#endif
