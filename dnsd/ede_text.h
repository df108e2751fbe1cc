// SPDX-License-Identifier: BSD-2-Clause
/*
 * ede_text.h - whose doing an answer is, as the text of an Extended DNS Error.
 *
 * Pure.  Made by hand: snprintf() costs a tenth of a whole answer.
 */
#ifndef ERSATZ_DNSD_EDE_TEXT_H
#define ERSATZ_DNSD_EDE_TEXT_H

#include "common/rules.h"

#define EDE_TEXT_SIZE 256 /* what does not fit is cut */

/* "rule 'MATCH,proxy' (ersatz.yaml:7)"; NULL when there is no rule. */
const char *ede_text_rule(const struct verdict *verdict,
			  char out[EDE_TEXT_SIZE]);

/* "upstream 'home' does not know the name". */
const char *ede_text_missing(const char *upstream, char out[EDE_TEXT_SIZE]);

#endif
