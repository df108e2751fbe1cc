// SPDX-License-Identifier: BSD-2-Clause
/*
 * ede_text.h - whose doing an answer is, as the text of an Extended DNS Error.
 *
 * Pure.  Made by hand: snprintf() costs a tenth of a whole answer.
 */
#ifndef ERSATZ_DNSD_EDE_TEXT_H
#define ERSATZ_DNSD_EDE_TEXT_H

#include "dnsd/cause.h"

#define EDE_TEXT_SIZE 512 /* what does not fit is cut */

/*
 * "rule 'MATCH,proxy' (ersatz.yaml:7)"; of one with a list, where in the list
 * the name stands as well: "rule 'RULE-SET,ads.txt,REJECT' (ersatz.yaml:7,
 * /etc/ersatz/ads.txt:812)".  Without a rule, what is special about the name,
 * or where it is written down: "/etc/hosts:7".  NULL when nothing decided.
 */
const char *ede_text(const struct cause *cause, char out[EDE_TEXT_SIZE]);

/* The same behind a sentence: "..., rule 'MATCH,proxy' (ersatz.yaml:7)". */
const char *ede_text_why(const char *why, const struct cause *cause,
			 char out[EDE_TEXT_SIZE]);

/* "upstream 'home' does not know the name (dnsd.fake.verify), rule ...". */
const char *ede_text_missing(const char *upstream, const struct cause *cause,
			     char out[EDE_TEXT_SIZE]);

#endif
