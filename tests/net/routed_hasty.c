// SPDX-License-Identifier: BSD-2-Clause
/*
 * routed_hasty - routed for which the addresses of DIRECT names go 55 seconds
 * sooner, so that a test need not wait a minute for it.
 *
 * It is routed with one function wrapped.
 */
#include "routed/direct.h"

#define SOONER_MS 55000

int64_t __real_direct_until_ms(int64_t now_ms, int64_t ttl_s);
int64_t __wrap_direct_until_ms(int64_t now_ms, int64_t ttl_s);

int64_t __wrap_direct_until_ms(int64_t now_ms, int64_t ttl_s)
{
	return __real_direct_until_ms(now_ms, ttl_s) - SOONER_MS;
}
