// SPDX-License-Identifier: BSD-2-Clause
/*
 * sighting.h - one query and how it was answered, for who looks on.
 *
 * Read from the reply that leaves, so that what is shown is what the client
 * got.  Why it was so is found out when it is shown, by asking the rules
 * again, and not on the way of the query.
 *
 * Errors	ERR_MALFORMED: a reply without a question that can be shown
 * Thread	pure but for what decide() reads
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
	uint16_t type;
	uint8_t rcode;        /* of the header */
	uint16_t answers;     /* records */
	struct addr first;    /* the first address; ADDR_NONE: none */
	struct name question; /* lower case */
};

/* Leaves out the two times. */
NODISCARD int sighting_read(struct sighting *sighting,
			    const struct asker *asker, const uint8_t *message,
			    size_t length);

/*
 * Members time, client, network, name, type, rcode, answer, us, verdict,
 * outbound, rule, file, line, upstream; what there is not is null.
 */
void sighting_set_json(struct json *json, const struct sighting *sighting,
		       const struct config *config);

/* The same as a line of text, without its end; the line of the query log. */
const char *sighting_text(const struct sighting *sighting,
			  const struct config *config, char *out, size_t size);

#endif
