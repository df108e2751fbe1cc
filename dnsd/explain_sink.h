// SPDX-License-Identifier: BSD-2-Clause
/*
 * explain_sink.h - where the lines of an explanation go: to a client of the
 * control socket, or straight to the one who prints them.
 */
#ifndef ERSATZ_DNSD_EXPLAIN_SINK_H
#define ERSATZ_DNSD_EXPLAIN_SINK_H

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

/*
 * Explains; the end may come before this returns.  -EBUSY, and no call of
 * `end`, when too many are under way.
 */
NODISCARD int explain_begin(struct explainer *explainer,
			    const struct name *name, uint16_t type,
			    const struct explain_sink *sink);

#endif
