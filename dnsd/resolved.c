// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/resolved.h"

#include "dnsd/wire.h"

#include <errno.h>

enum resolved_kind resolved_read(struct facts *facts,
				 const struct question *question,
				 const struct upstream_result *result)
{
	struct wire_header header = {.rcode = DNS_RCODE_NXDOMAIN};

	if (result->status == -ECANCELED)
		return RESOLVED_CANCELED;
	if (result->status == 0 &&
	    wire_header(&header, result->message, result->length) < 0)
		return RESOLVED_MALFORMED;
	if (header.rcode != DNS_RCODE_NOERROR) {
		facts->is_final = true;
		return RESOLVED_UNKNOWN;
	}
	int count = wire_addresses(result->message, result->length, question,
				   &facts->dst, 1);
	if (count < 0)
		return RESOLVED_MALFORMED;
	return count ? RESOLVED_ADDRESS : RESOLVED_NODATA;
}
