// SPDX-License-Identifier: BSD-2-Clause
/*
 * sniff.h - the name that a client says in its first bytes.
 *
 * A flow to a real address has no name of ours.  TLS says one in its
 * ClientHello (SNI), HTTP in a Host line, QUIC in the ClientHello of its
 * Initial packets.  Nothing is kept between two looks: the caller shows all
 * that has come so far, until that is enough or more than is looked at.
 *
 * A ClientHello with encrypted_client_hello says the name of whoever can
 * decrypt it, not that of the site.  Browsers send the same extension filled
 * with noise where they have no key (GREASE), made so that nobody can tell: so
 * the name beside it is never taken.
 *
 * Thread	any; the state is the caller's
 * Source	RFC 8446 4.1.2, RFC 6066 3, draft-ietf-tls-esni, RFC 9112 3.2,
 *		RFC 9000, RFC 9001, RFC 9369
 */
#ifndef ERSATZ_ROUTED_RELAY_SNIFF_SNIFF_H
#define ERSATZ_ROUTED_RELAY_SNIFF_SNIFF_H

#include "common/compiler.h"
#include "common/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is looked at of a flow at most: a ClientHello has 0.3 to 2 KiB. */
#define SNIFF_SIZE_MAX (16U << 10)

enum sniff_protocol { SNIFF_TLS = 1, SNIFF_HTTP = 2, SNIFF_QUIC = 4 };

enum sniff_result {
	SNIFF_NAMED,
	SNIFF_NAMELESS, /* and it will not say one */
	SNIFF_SHORT,    /* more bytes may tell */
};

/* The beginning of a TCP stream; `protocols` are SNIFF_TLS and SNIFF_HTTP. */
enum sniff_result sniff_stream(unsigned protocols, const uint8_t *bytes,
			       size_t length, struct name *name);

/* Does the server speak first there, by custom?  Then it is not waited for. */
bool sniff_is_hopeless(uint16_t port);

/* What a client says of the host, as text of that length; false: no name. */
NODISCARD bool sniff_take_host(const uint8_t *text, size_t length,
			       struct name *name);

#endif
