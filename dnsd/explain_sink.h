// SPDX-License-Identifier: BSD-2-Clause
/*
 * explain_sink.h - where the lines of an explanation go: to a client of the
 * control socket, or straight to the one who prints them.
 */
#ifndef ERSATZ_DNSD_EXPLAIN_SINK_H
#define ERSATZ_DNSD_EXPLAIN_SINK_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/json.h"
#include "common/name.h"
#include "dnsd/explain.h"

#include <stdint.h>

/* Kept by value; each explanation ends with one call of `end`. */
struct explain_sink {
	void (*line)(const struct explain_sink *sink, const struct json *line);
	void (*end)(const struct explain_sink *sink, const char *error);
	void *ctx;   /* borrowed */
	uint64_t id; /* of a control client */
};

/* What would be asked, and by whom. */
struct explain_subject {
	struct name name;
	uint16_t type;
	struct addr from; /* family ADDR_NONE: nobody in particular */
};

/*
 * Reads it from text (`type` and `from` may be NULL), or gives the sentence
 * that says why not.
 */
const char *explain_subject_read(struct explain_subject *subject,
				 const char *name, const char *type,
				 const char *from);

/*
 * Explains; the end may come before this returns.  -EBUSY, and no call of
 * `end`, when too many are under way.
 */
NODISCARD int explain_begin(struct explainer *explainer,
			    const struct explain_subject *subject,
			    const struct explain_sink *sink);

#endif
