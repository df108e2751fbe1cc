// SPDX-License-Identifier: BSD-2-Clause
/*
 * A build without libmaxminddb.
 */
#include "common/rules/geoip.h"

#include <errno.h>

int geoip_each(const char *file, enum geoip_field field, geoip_fn fn, void *ctx)
{
	(void)file;
	(void)field;
	(void)fn;
	(void)ctx;
	return -EOPNOTSUPP;
}
