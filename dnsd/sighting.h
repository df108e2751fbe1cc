// SPDX-License-Identifier: BSD-2-Clause
/*
 * sighting.h - one query and how it was answered, for who looks on.
 *
 * Read from the reply that leaves, so that what is shown is what the client
 * got; and from what came with it of why (cause.h), so that what is shown is
 * what has decided.
 *
 * Errors	ERR_MALFORMED: a reply that cannot be shown
 * Thread	pure
 */
#ifndef ERSATZ_DNSD_SIGHTING_H
#define ERSATZ_DNSD_SIGHTING_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/json.h"
#include "dnsd/server.h"

#define SIGHTING_TEXT_SIZE 2048

struct sighting {
	int64_t wall_ms;     /* when the reply left */
	int64_t duration_us; /* since the query came in */
	struct endpoint client;
	bool is_tcp;
	bool has_question; /* or none that could be read */
	bool is_cut;       /* TC: nothing but the beginning */
	uint16_t type;
	uint16_t rcode;       /* that of EDNS too */
	uint16_t answers;     /* records */
	struct addr first;    /* the first address; ADDR_NONE: none */
	struct name question; /* lower case */
	struct cause cause;   /* borrows from its configuration */
};

/* Leaves out the two times. */
NODISCARD int sighting_read(struct sighting *sighting,
			    const struct asker *asker, const uint8_t *message,
			    size_t length);

/*
 * Members time, client, network, name, type, rcode, answer, us, verdict,
 * outbound, rule, file, line, list_file, list_line, special, hosts, upstream;
 * what there is not is null.
 */
void sighting_set_json(struct json *json, const struct sighting *sighting);

/* The same as a line of text, without its end; the line of the query log. */
const char *sighting_text(const struct sighting *sighting, char *out,
			  size_t size);

#endif
