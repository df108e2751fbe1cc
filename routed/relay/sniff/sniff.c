// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sniff/sniff.h"

#include "common/addr.h"
#include "routed/relay/sniff/client_hello.h"
#include "routed/relay/sniff/http_host.h"

#include <string.h>

bool sniff_is_hopeless(uint16_t port)
{
	/* FTP, SSH, SMTP, POP3, NNTP, IMAP, MySQL, VNC */
	static const uint16_t ports[] = {21,  22,  25,   110, 119,
					 143, 587, 3306, 5900};

	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		if (ports[i] == port)
			return true;
	}
	return false;
}

bool sniff_take_host(const uint8_t *text, size_t length, struct name *name)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-._";
	char host[NAME_WIRE_MAX + 1];
	struct addr addr;

	if (length == 0 || length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (strspn(host, characters) != length)
		return false;
	if (addr_parse(&addr, host) == 0 || name_parse(name, host) < 0)
		return false;
	return name->length > 1; /* the root is nobody */
}

enum sniff_result sniff_stream(unsigned protocols, const uint8_t *bytes,
			       size_t length, struct name *name)
{
	enum sniff_result result = SNIFF_NAMELESS;

	if (length == 0)
		return SNIFF_SHORT;
	if (protocols & SNIFF_TLS)
		result = client_hello_in_records(bytes, length, name);
	if (result == SNIFF_NAMELESS && (protocols & SNIFF_HTTP))
		result = http_host(bytes, length, name);
	if (result == SNIFF_SHORT && length >= SNIFF_SIZE_MAX)
		return SNIFF_NAMELESS;
	return result;
}
