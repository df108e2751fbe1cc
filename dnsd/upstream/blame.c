// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/blame.h"

#include "common/err.h"
#include "dnsd/opt.h"
#include "dnsd/upstream/packet.h"

#include <errno.h>
#include <stdio.h>

static void set(struct blame *blame, int status, uint16_t ede)
{
	blame->status = status;
	blame->ede = ede;
}

void blame_failure(struct blame *blame, const struct group *group, size_t index,
		   const struct exchange_result *result)
{
	char text[GROUP_SERVER_TEXT_SIZE];
	char word[ADDR_TEXT_SIZE];

	group_server_text(group->conf, &group->servers[index], text,
			  sizeof(text));
	switch (result->status) {
	case ERR_REFUSED:
		set(blame, ERR_REFUSED, EDE_NO_REACHABLE_AUTHORITY);
		snprintf(blame->why, sizeof(blame->why), "%s answered %s", text,
			 packet_rcode(result->message, word, sizeof(word)));
		break;
	case ERR_MALFORMED:
		set(blame, ERR_MALFORMED, EDE_NETWORK_ERROR);
		snprintf(blame->why, sizeof(blame->why),
			 "the answer of %s cannot be read", text);
		break;
	case ERR_FOREIGN:
		set(blame, ERR_FOREIGN, EDE_OTHER);
		snprintf(blame->why, sizeof(blame->why),
			 "%s answered %s, an address of our own pool: does it "
			 "ask us?",
			 text,
			 addr_format(&result->poison, word, sizeof(word)));
		break;
	default:
		set(blame, result->status, EDE_NETWORK_ERROR);
		snprintf(blame->why, sizeof(blame->why), "cannot ask %s: %s",
			 text,
			 result->why && *result->why
				 ? result->why
				 : err_text(result->status));
	}
}

void blame_silence(struct blame *blame, const struct group *group, size_t index)
{
	char text[GROUP_SERVER_TEXT_SIZE];

	if (blame->status != ERR_TIMEOUT)
		return;
	snprintf(blame->why, sizeof(blame->why), "%s did not answer",
		 group_server_text(group->conf, &group->servers[index], text,
				   sizeof(text)));
}

bool blame_is_servers(int status)
{
	return status != -ENETUNREACH && status != -ENETRESET &&
	       status != -ECANCELED && status != -ELIBACC;
}
