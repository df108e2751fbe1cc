// SPDX-License-Identifier: BSD-2-Clause
/*
 * ldns brings libcrypto along: 2 MB of memory and some milliseconds of a
 * start, for what only --explain, --watch and the query log need.  So it is
 * loaded by the first of them.
 */
#include "dnsd/message.h"

#include "common/compiler.h"

#include <dlfcn.h>
#include <errno.h>
#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIBRARY "libldns.so.3"
#define ELLIPSIS "..."

/* What we call; each as the header declares it. */
struct library {
	void *handle; /* stays to the end; NULL: not loaded */
	__typeof__(&ldns_get_rr_type_by_name) get_rr_type_by_name;
	__typeof__(&ldns_rr_type2str) rr_type2str;
	__typeof__(&ldns_rdf2str) rdf2str;
	__typeof__(&ldns_wire2pkt) wire2pkt;
	__typeof__(&ldns_pkt_answer) pkt_answer;
	__typeof__(&ldns_rr_list_rr_count) rr_list_rr_count;
	__typeof__(&ldns_rr_list_rr) rr_list_rr;
	__typeof__(&ldns_rr_get_type) rr_get_type;
	__typeof__(&ldns_rr_rd_count) rr_rd_count;
	__typeof__(&ldns_rr_rdf) rr_rdf;
	__typeof__(&ldns_pkt_get_rcode) pkt_get_rcode;
	__typeof__(&ldns_pkt_rcode2str) pkt_rcode2str;
	__typeof__(&ldns_pkt_free) pkt_free;
};

static bool load(struct library *library)
{
	const struct {
		const char *name;
		void **target;
	} symbols[] = {
		{"ldns_get_rr_type_by_name",
		 (void **)&library->get_rr_type_by_name},
		{"ldns_rr_type2str", (void **)&library->rr_type2str},
		{"ldns_rdf2str", (void **)&library->rdf2str},
		{"ldns_wire2pkt", (void **)&library->wire2pkt},
		{"ldns_pkt_answer", (void **)&library->pkt_answer},
		{"ldns_rr_list_rr_count", (void **)&library->rr_list_rr_count},
		{"ldns_rr_list_rr", (void **)&library->rr_list_rr},
		{"ldns_rr_get_type", (void **)&library->rr_get_type},
		{"ldns_rr_rd_count", (void **)&library->rr_rd_count},
		{"ldns_rr_rdf", (void **)&library->rr_rdf},
		{"ldns_pkt_get_rcode", (void **)&library->pkt_get_rcode},
		{"ldns_pkt_rcode2str", (void **)&library->pkt_rcode2str},
		{"ldns_pkt_free", (void **)&library->pkt_free},
	};
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		*symbols[i].target = dlsym(handle, symbols[i].name);
		if (!*symbols[i].target) {
			dlclose(handle);
			return false;
		}
	}
	library->handle = handle;
	return true;
}

/* NULL: it is not there. */
static const struct library *ldns_get(void)
{
	static struct library library;

	return library.handle || load(&library) ? &library : NULL;
}

int message_type_of(const char *text)
{
	const struct library *ldns = ldns_get();
	int type = 0;

	if (ldns)
		type = (int)ldns->get_rr_type_by_name(text);
	else if (strcasecmp(text, "A") == 0)
		type = LDNS_RR_TYPE_A;
	else if (strcasecmp(text, "AAAA") == 0)
		type = LDNS_RR_TYPE_AAAA;
	return type > 0 && type <= UINT16_MAX ? type : -EINVAL;
}

const char *message_type_text(uint16_t type, char *out, size_t size)
{
	const struct library *ldns = ldns_get();
	char *text = ldns ? ldns->rr_type2str((ldns_rr_type)type) : NULL;

	if (text)
		snprintf(out, size, "%s", text);
	else
		snprintf(out, size, "TYPE%u", type);
	free(text);
	return out;
}

/* Appends if it fits with room for an ellipsis; else closes the text. */
static bool append(char *out, size_t size, const char *text)
{
	size_t at = strlen(out);
	if (at + strlen(text) + sizeof(ELLIPSIS) <= size) {
		strcpy(out + at, text);
		return true;
	}
	if (at + sizeof(ELLIPSIS) <= size)
		strcpy(out + at, ELLIPSIS);
	return false;
}

static bool append_record(const struct library *ldns, char *out, size_t size,
			  const ldns_rr *rr)
{
	ldns_rr_type type = ldns->rr_get_type(rr);
	char *name = ldns->rr_type2str(type);
	bool is_address = type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA;
	bool fits = !*out || append(out, size, ", ");

	if (fits && !is_address && name)
		fits = append(out, size, name);
	for (size_t i = 0; fits && i < ldns->rr_rd_count(rr); i++) {
		char *data = ldns->rdf2str(ldns->rr_rdf(rr, i));
		size_t length = data ? strlen(data) : 0;
		/* Names without the final dot, as everywhere here. */
		if (length > 1 && data[length - 1] == '.')
			data[length - 1] = '\0';
		if (i > 0 || !is_address)
			fits = append(out, size, " ");
		fits = fits && append(out, size, data ? data : "?");
		free(data);
	}
	free(name);
	return fits;
}

const char *message_answer_text(const uint8_t *message, size_t length,
				char *out, size_t size)
{
	const struct library *ldns = ldns_get();
	ldns_pkt *pkt;

	out[0] = '\0';
	if (!ldns) {
		snprintf(out, size,
			 "an answer (without " LIBRARY " it cannot be shown)");
		return out;
	}
	if (ldns->wire2pkt(&pkt, message, length) != LDNS_STATUS_OK) {
		snprintf(out, size, "an answer that cannot be read");
		return out;
	}
	const ldns_rr_list *answer = ldns->pkt_answer(pkt);
	for (size_t i = 0; i < ldns->rr_list_rr_count(answer); i++) {
		const ldns_rr *rr = ldns->rr_list_rr(answer, i);
		if (ldns->rr_get_type(rr) == LDNS_RR_TYPE_RRSIG)
			continue;
		if (!append_record(ldns, out, size, rr))
			break;
	}
	ldns_pkt_rcode rcode = ldns->pkt_get_rcode(pkt);
	if (rcode != LDNS_RCODE_NOERROR) {
		char *text = ldns->pkt_rcode2str(rcode);
		snprintf(out, size, "%s", text ? text : "an error");
		free(text);
	} else if (!*out) {
		snprintf(out, size, "no data");
	}
	ldns->pkt_free(pkt);
	return out;
}
