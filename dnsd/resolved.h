// SPDX-License-Identifier: BSD-2-Clause
/*
 * resolved.h - what it means for the rules that a name was resolved.
 *
 * Both the query that is answered and --explain ask this, so that they cannot
 * differ.  Pure.
 */
#ifndef ERSATZ_DNSD_RESOLVED_H
#define ERSATZ_DNSD_RESOLVED_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/rules.h"
#include "dnsd/question.h"
#include "dnsd/upstream/upstream.h"

enum resolved_kind {
	RESOLVED_ADDRESS,  /* decide with it */
	RESOLVED_NODATA,   /* the name has none of this type: say so */
	RESOLVED_UNKNOWN,  /* NXDOMAIN or no answer: a proxy may know better */
	RESOLVED_CANCELED, /* it could not be asked at all, or dnsd stops */
	RESOLVED_MALFORMED,
};

/*
 * `facts` has the name and who asks; dst is set with RESOLVED_ADDRESS, and
 * is_final with RESOLVED_UNKNOWN, since a rule that needs the address will
 * then never match.
 */
enum resolved_kind resolved_read(struct facts *facts,
				 const struct question *question,
				 const struct upstream_result *result);

#endif
