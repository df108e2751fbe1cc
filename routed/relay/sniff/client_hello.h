// SPDX-License-Identifier: BSD-2-Clause
/*
 * client_hello.h - the server_name of a TLS ClientHello.
 *
 * Thread	any
 * Source	RFC 8446 4.1.2 and 5.1, RFC 6066 3
 */
#ifndef ERSATZ_ROUTED_RELAY_SNIFF_CLIENT_HELLO_H
#define ERSATZ_ROUTED_RELAY_SNIFF_CLIENT_HELLO_H

#include "routed/relay/sniff/sniff.h"

/* The beginning of a stream of TLS records. */
enum sniff_result client_hello_in_records(const uint8_t *bytes, size_t length,
					  struct name *name);

/* The beginning of a stream of handshake messages. */
enum sniff_result client_hello_name(const uint8_t *bytes, size_t length,
				    struct name *name);

#endif
