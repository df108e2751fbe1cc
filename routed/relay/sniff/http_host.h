// SPDX-License-Identifier: BSD-2-Clause
/*
 * http_host.h - the Host of an HTTP/1 request.
 *
 * Thread	any
 * Source	RFC 9112 3 and 5, RFC 9110 7.2
 */
#ifndef ERSATZ_ROUTED_RELAY_SNIFF_HTTP_HOST_H
#define ERSATZ_ROUTED_RELAY_SNIFF_HTTP_HOST_H

#include "routed/relay/sniff/sniff.h"

/* The beginning of a stream. */
enum sniff_result http_host(const uint8_t *bytes, size_t length,
			    struct name *name);

#endif
