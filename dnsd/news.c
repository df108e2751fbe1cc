// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/news.h"

#include "dnsd/decide.h"
#include "dnsd/wire.h"

/* An application keeps an address for as long as this, at most. */
static uint32_t longest_ttl(const uint8_t *message, size_t length,
			    uint16_t type)
{
	struct wire_cursor cursor;
	struct wire_record record;
	uint32_t longest = 0;

	if (wire_begin(&cursor, message, length) < 0)
		return 0;
	while (wire_next(&cursor, &record) > 0 &&
	       record.section == WIRE_ANSWER) {
		if (record.type == type && record.ttl <= INT32_MAX &&
		    record.ttl > longest)
			longest = record.ttl;
	}
	return longest;
}

bool news_read(struct news *news, const struct news_source *source,
	       const uint8_t *message, size_t length)
{
	const struct question *question = source->question;
	struct addr addrs[NEWS_ADDRS_MAX];
	int count;

	news->count = 0;
	news->is_personal = false;
	if (source->config->routed.capture != ROUTED_CAPTURE_ALL ||
	    question->klass != DNS_CLASS_IN ||
	    (question->type != DNS_TYPE_A && question->type != DNS_TYPE_AAAA))
		return false;
	count = wire_addresses(message, length, question, addrs,
			       NEWS_ADDRS_MAX);
	for (int i = 0; i < count; i++) {
		if (decide_goes_past(source->config, &question->name,
				     source->client, &addrs[i],
				     &news->is_personal))
			news->addrs[news->count++] = addrs[i];
	}
	if (news->count == 0)
		return false;
	news->ttl_s = longest_ttl(message, length, question->type);
	return true;
}
