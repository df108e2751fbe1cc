// SPDX-License-Identifier: BSD-2-Clause
/*
 * form.h - in which of the usual forms a list is written.
 *
 *	text	names with Clash's wildcards, prefixes, and TYPE,argument,
 *		mixed
 *	domain, ipcidr, classical
 *		the same, but one kind only: Clash's behaviours
 *	dnsmasq	server=/example.com/192.0.2.1, address=/example.com/
 *	hosts	0.0.0.0 www.example.com
 *	adblock	||example.com^, @@||good.example.com^
 *	v2fly	domain:example.com @cn, full:..., include:other
 *
 * Each but dnsmasq, hosts, adblock and v2fly can also be the payload of a YAML
 * file; that is found by itself.
 */
#ifndef ERSATZ_COMMON_RULES_FORM_H
#define ERSATZ_COMMON_RULES_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum form {
	FORM_AUTO, /* to be recognised */
	FORM_TEXT,
	FORM_DOMAIN,
	FORM_IPCIDR,
	FORM_CLASSICAL,
	FORM_DNSMASQ,
	FORM_HOSTS,
	FORM_ADBLOCK,
	FORM_V2FLY,
	FORM_YAML, /* text, and YAML around it: what it is is seen anyway */
};

/* By the first line that only one of the forms has; FORM_TEXT if none has. */
enum form form_recognise(const char *text, size_t length);

/* Is it YAML with a payload, or what else begins like that? */
bool form_is_yaml(const char *text, size_t length);

/* No list: a page of a web server in its place. */
bool form_is_page(const char *text, size_t length);

/* A line that names domains; others of its configuration do not. */
bool form_is_dnsmasq(const char *line);

/* "dnsmasq list", "domain list in YAML". */
const char *form_text(enum form form, bool is_yaml);

/* Comments and blanks do not count in this form: cuts them off. */
char *form_trim(enum form form, char *text);

#endif
