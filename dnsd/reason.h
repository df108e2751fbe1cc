// SPDX-License-Identifier: BSD-2-Clause
/*
 * reason.h - why a question is answered as it is, in one plain sentence.
 *
 * Pure: what --explain says first.
 */
#ifndef ERSATZ_DNSD_REASON_H
#define ERSATZ_DNSD_REASON_H

#include "common/config.h"
#include "dnsd/decide.h"
#include "dnsd/question.h"

#include <stddef.h>

#define REASON_SIZE 4096

struct reason {
	const struct config *config;
	const struct question *question;
	const struct decision *decision;
	bool is_asked;        /* an upstream was, or would be */
	const char *where;    /* it is written there; NULL: nowhere */
	const char *answer;   /* as text; NULL: there is none (yet) */
	const char *failure;  /* why the upstream gave none, or NULL */
	bool is_missing;      /* a name that would be faked does not exist */
	bool is_late;         /* ... which is found after the first answer */
	const char *why_full; /* it would get no fake address; NULL: it would */
	bool has_client;      /* it is told as for one who asks */
};

const char *reason_text(const struct reason *reason, char *out, size_t size);

#endif
