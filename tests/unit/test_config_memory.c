// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every allocation of a load fails once: the answer is -ENOMEM each time, and
 * with a sanitizer nothing is lost.
 */
#include "common/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] =
	"user: nobody\n"
	"outbounds:\n"
	"  p: {type: socks5, server: 127.0.0.1:1080, username: u}\n"
	"  vpn: {type: interface, interface: wg0}\n"
	"  h: {type: http, server: \"unix:/run/h\"}\n"
	"  g: {type: latency, members: [p, f],\n"
	"      probe: {destination: \"a.example:80\"}}\n"
	"  f: {type: fallback, members: [h, DIRECT]}\n"
	"upstreams:\n"
	"  a: {servers: [system, 9.9.9.9, 149.112.112.112], via: vpn}\n"
	"rules:\n"
	"  - DOMAIN,a.example,PASS\n"
	"  - DOMAIN-SUFFIX,b.example,p,upstream=a\n"
	"  - DOMAIN-KEYWORD,word,DIRECT\n"
	"  - IP-CIDR,10.0.0.0/8,DIRECT,no-resolve\n"
	"  - DST-PORT,22/80-90,vpn\n"
	"  - NETWORK,udp,REJECT\n"
	"  - MATCH,p\n"
	"dnsd: {listen: [\"::1\", 127.0.0.1:5353]}\n"
	"routed: {exempt: {uid: [1-2, nobody], mark: 7, address: \"::1\"}}\n";

static long left = -1; /* allocations that succeed; -1: all */

static int may_allocate(void)
{
	if (left < 0)
		return 1;
	return left-- > 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return may_allocate() ? __real_realloc(old, size) : NULL;
}

void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return may_allocate() ? __real_reallocarray(old, count, size) : NULL;
}

char *__real_strdup(const char *old);
char *__wrap_strdup(const char *old);
char *__wrap_strdup(const char *old)
{
	return may_allocate() ? __real_strdup(old) : NULL;
}

static void each_allocation_that_fails_is_told(void **state)
{
	long count = 0;
	int ret;

	(void)state;
	do {
		struct config *config = NULL;
		struct diag diag;

		diag_init(&diag);
		left = count++;
		ret = config_load(&config, text, sizeof(text) - 1, "f", &diag);
		left = -1;
		if (ret)
			assert_int_equal(ret, -ENOMEM);
		else
			config_free(config);
		diag_fini(&diag);
	} while (ret);
	assert_true(count > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_that_fails_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
