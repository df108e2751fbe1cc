// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/dispatch_fixture.h"

#include "common/rules.h"
#include "dnsd/direct.h"
#include "dnsd/query.h"
#include "dnsd/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct verdict said;
struct sent sent;
struct handed handed;
struct verdict rules_decide(const struct rules *rules,
			    const struct facts *facts)
{
	(void)rules;
	(void)facts;
	return said;
}

static void send_message(int how, const struct asker *asker,
			 const uint8_t *message, size_t length)
{
	assert_true(sent.may_be_many || sent.how == NOTHING);
	assert_true(length <= sizeof(sent.message));
	sent.how = how;
	sent.asker = *asker;
	sent.length = length;
	memcpy(sent.message, message, length);
}

void server_reply(struct server *server, const struct asker *asker,
		  const uint8_t *message, size_t length)
{
	(void)server;
	send_message(REPLY, asker, message, length);
}

void server_promise(struct server *server, const struct asker *asker,
		    const uint8_t *message, size_t length)
{
	(void)server;
	send_message(PROMISE, asker, message, length);
}

uint16_t server_keepalive_ds(const struct server *server)
{
	(void)server;
	return 100;
}

bool has_news;
unsigned told;

bool news_read(struct news *news, const struct news_source *source,
	       const uint8_t *message, size_t length)
{
	(void)message;
	(void)length;
	assert_non_null(source->config);
	assert_int_equal(source->question->type, DNS_TYPE_A);
	assert_int_equal(addr_to_ipv4(source->client), 0x7f000001);
	news->count = has_news;
	news->is_personal = false;
	return has_news;
}

void direct_tell(struct direct *direct, const struct news *news,
		 const struct asker *asker, const uint8_t *message,
		 size_t length)
{
	(void)direct;
	(void)asker;
	(void)message;
	assert_int_equal(news->count, 1);
	assert_int_equal(length, 4);
	told++;
}

void queries_forward(struct queries *queries, const struct asker *asker,
		     const struct question *question, int upstream)
{
	(void)queries, (void)asker, (void)question;
	handed.how = FORWARD;
	handed.upstream = upstream;
}

void queries_expect(const struct queries *queries,
		    const struct question *question, int upstream,
		    unsigned step)
{
	(void)queries, (void)question, (void)upstream;
	assert_true(step < 2);
}

void queries_carried(struct queries *queries, const struct asker *asker,
		     const struct question *question, int upstream)
{
	(void)queries, (void)asker, (void)question;
	handed.how = CARRIED;
	handed.upstream = upstream;
}

enum query_existence queries_verify(struct queries *queries,
				    const struct asker *asker,
				    const struct question *question,
				    int upstream, enum query_care care)
{
	(void)queries, (void)asker, (void)question, (void)upstream, (void)care;
	return QUERY_EXISTS;
}

bool has_home;

int queries_home(const struct queries *queries, int upstream)
{
	(void)queries;
	return has_home ? upstream : -ENOENT;
}

void queries_decide(struct queries *queries, const struct asker *asker,
		    const struct question *question, int upstream)
{
	(void)queries, (void)asker, (void)question;
	handed.how = DECIDE;
	handed.upstream = upstream;
}

bool queries_take_canary(struct queries *queries,
			 const struct question *question)
{
	(void)queries;
	(void)question;
	return false;
}

bool direct_may_pass(struct direct *direct, const struct cache_note *note,
		     int64_t now_ms)
{
	(void)direct, (void)now_ms;
	return note->epoch == 1;
}

void direct_note_silent(const struct direct *direct, struct cache_note *note)
{
	(void)direct;
	note->epoch = 1;
}

void direct_note(const struct direct *direct, const struct news *news,
		 struct cache_note *note, int64_t now_ms)
{
	(void)direct, (void)news, (void)now_ms;
	note->is_alone = true;
}

void direct_forget(struct direct *direct)
{
	(void)direct;
}
