// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/message.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "..."

int message_type_of(const char *text)
{
	int type = (int)ldns_get_rr_type_by_name(text);
	return type > 0 && type <= UINT16_MAX ? type : -EINVAL;
}

const char *message_type_text(uint16_t type, char *out, size_t size)
{
	char *text = ldns_rr_type2str((ldns_rr_type)type);
	snprintf(out, size, "%s", text ? text : "");
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

static bool append_record(char *out, size_t size, const ldns_rr *rr)
{
	ldns_rr_type type = ldns_rr_get_type(rr);
	char *name = ldns_rr_type2str(type);
	bool is_address = type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA;
	bool fits = !*out || append(out, size, ", ");

	if (fits && !is_address && name)
		fits = append(out, size, name);
	for (size_t i = 0; fits && i < ldns_rr_rd_count(rr); i++) {
		char *data = ldns_rdf2str(ldns_rr_rdf(rr, i));
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
	ldns_pkt *pkt;

	out[0] = '\0';
	if (ldns_wire2pkt(&pkt, message, length) != LDNS_STATUS_OK) {
		snprintf(out, size, "an answer that cannot be read");
		return out;
	}
	const ldns_rr_list *answer = ldns_pkt_answer(pkt);
	for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(answer, i);
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG)
			continue;
		if (!append_record(out, size, rr))
			break;
	}
	ldns_pkt_rcode rcode = ldns_pkt_get_rcode(pkt);
	if (rcode != LDNS_RCODE_NOERROR) {
		char *text = ldns_pkt_rcode2str(rcode);
		snprintf(out, size, "%s", text ? text : "an error");
		free(text);
	} else if (!*out) {
		snprintf(out, size, "no data");
	}
	ldns_pkt_free(pkt);
	return out;
}
