// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is to be told is a bit for each slot.  A request takes up to BATCH of
 * them out; if it is not answered they are put back.  One request at a time,
 * so that a slow dnsd has one of ours to read and no more.
 */
#include "routed/relay/uses.h"

#include "common/err.h"
#include "common/json.h"
#include "common/log.h"
#include "common/slots.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BATCH = 4096, /* slots to a request, which has 64 KiB at most */
	LINE_SIZE = 512,
	WORD_BITS = 64,
};

#define GATHER_S 0.5  /* what is noted in this time goes together */
#define RETRY_S 1.    /* dnsd is not there */
#define REFUSED_S 30. /* or wants none of it */
#define ROUNDS 4      /* in a guard time */
#define ROUND_MAX_S 60.

struct uses {
	struct ev_loop *loop; /* borrowed */
	struct sockaddr_un address;
	uint32_t slots;
	void (*each)(void *ctx, struct uses *uses);
	void *ctx;

	int fd;          /* owned, -1: not connected */
	bool is_waiting; /* for the answer to a request */
	bool is_round;   /* all is to be told */
	struct ev_io io;
	struct ev_timer gather; /* then what was noted is told */
	struct ev_timer round;
	struct log_limit refusals;
	size_t length;
	char line[LINE_SIZE];
	/* What the request under way tells. */
	uint32_t batch[BATCH];
	size_t batch_count;
	char text[SLOTS_TEXT_SIZE(BATCH)];
	uint64_t noted[]; /* bits */
};

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents);
static void on_gather(struct ev_loop *loop, struct ev_timer *timer,
		      int revents);
static void on_round(struct ev_loop *loop, struct ev_timer *timer, int revents);

int uses_new(struct uses **uses, struct ev_loop *loop,
	     const struct uses_conf *conf)
{
	size_t words = conf->slots / WORD_BITS + 1;
	struct uses *new;

	if (strlen(conf->path) >= sizeof(new->address.sun_path))
		return -ENAMETOOLONG;
	new = calloc(1, sizeof(*new) + words * sizeof(new->noted[0]));
	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->address.sun_family = AF_UNIX;
	memcpy(new->address.sun_path, conf->path, strlen(conf->path));
	new->slots = conf->slots;
	new->each = conf->each;
	new->ctx = conf->ctx;
	new->fd = -1;
	new->refusals.burst = 1;
	ev_timer_init(&new->gather, on_gather, 0., 0.);
	ev_timer_init(&new->round, on_round, 0., 0.);
	new->gather.data = new->round.data = new;
	uses_set_guard(new, conf->guard_ms);
	*uses = new;
	return 0;
}

static void hang_up(struct uses *uses)
{
	if (uses->fd < 0)
		return;
	ev_io_stop(uses->loop, &uses->io);
	close(uses->fd);
	uses->fd = -1;
	uses->is_waiting = false;
	uses->length = 0;
}

void uses_free(struct uses *uses)
{
	if (!uses)
		return;
	hang_up(uses);
	ev_timer_stop(uses->loop, &uses->gather);
	ev_timer_stop(uses->loop, &uses->round);
	free(uses);
}

/* The first round is at once: until then dnsd has to refuse. */
void uses_set_guard(struct uses *uses, int64_t guard_ms)
{
	double interval_s = (double)guard_ms / 1000. / ROUNDS;

	if (interval_s > ROUND_MAX_S)
		interval_s = ROUND_MAX_S;
	ev_timer_stop(uses->loop, &uses->round);
	ev_timer_set(&uses->round, 0., interval_s);
	ev_timer_start(uses->loop, &uses->round);
}

static void set_bit(struct uses *uses, uint32_t slot)
{
	uses->noted[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

static void tell_in(struct uses *uses, double seconds)
{
	if (ev_is_active(&uses->gather))
		return;
	ev_timer_set(&uses->gather, seconds, 0.);
	ev_timer_start(uses->loop, &uses->gather);
}

void uses_note(struct uses *uses, uint32_t slot)
{
	if (slot == 0 || slot >= uses->slots)
		return;
	set_bit(uses, slot);
	tell_in(uses, GATHER_S);
}

/* Out of the bits, into the batch; true: there are more. */
static bool take_batch(struct uses *uses)
{
	size_t words = uses->slots / WORD_BITS + 1;

	uses->batch_count = 0;
	for (size_t i = 0; i < words; i++) {
		while (uses->noted[i]) {
			uint32_t bit =
				(uint32_t)__builtin_ctzll(uses->noted[i]);

			if (uses->batch_count == BATCH)
				return true;
			uses->noted[i] &= uses->noted[i] - 1;
			uses->batch[uses->batch_count++] =
				(uint32_t)i * WORD_BITS + bit;
		}
	}
	return false;
}

static void put_batch_back(struct uses *uses)
{
	for (size_t i = 0; i < uses->batch_count; i++)
		set_bit(uses, uses->batch[i]);
	uses->batch_count = 0;
}

/* dnsd is not there, or not as it should be: all is to be told anew. */
static void fail(struct uses *uses, double retry_s)
{
	hang_up(uses);
	put_batch_back(uses);
	uses->is_round = true;
	tell_in(uses, retry_s);
}

static int dial(struct uses *uses)
{
	const struct sockaddr *address =
		(const struct sockaddr *)&uses->address;

	if (uses->fd >= 0)
		return 0;
	uses->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (uses->fd < 0)
		return -errno;
	ev_io_init(&uses->io, on_readable, uses->fd, EV_READ);
	uses->io.data = uses;
	if (connect(uses->fd, address, sizeof(uses->address)) < 0)
		return -errno;
	ev_io_start(uses->loop, &uses->io);
	/* Whoever answers now may be another one than before. */
	uses->is_round = true;
	uses->each(uses->ctx, uses);
	return 0;
}

/* An empty socket takes such a line whole, or is of no use. */
static int send_request(struct uses *uses, bool is_all)
{
	struct json *json = json_new();
	size_t length;
	char *line;
	ssize_t n;

	if (!json)
		return -ENOMEM;
	json_set_text(json, "verb", "hold");
	json_set_text(json, "slots",
		      slots_format(uses->batch, uses->batch_count, uses->text,
				   sizeof(uses->text)));
	json_set_bool(json, "all", is_all);
	line = json_line(json);
	json_free(json);
	if (!line)
		return -ENOMEM;
	length = strlen(line);
	line[length] = '\n'; /* in the place of the end */
	n = send(uses->fd, line, length + 1, MSG_NOSIGNAL);
	free(line);
	return n == (ssize_t)length + 1 ? 0 : -EAGAIN;
}

static void tell(struct uses *uses)
{
	bool has_more;

	if (uses->is_waiting)
		return;
	if (dial(uses) < 0) {
		fail(uses, RETRY_S);
		return;
	}
	has_more = take_batch(uses);
	if (uses->batch_count == 0 && !uses->is_round)
		return;
	if (send_request(uses, uses->is_round && !has_more) < 0) {
		fail(uses, RETRY_S);
		return;
	}
	uses->is_waiting = true;
	if (!has_more)
		uses->is_round = false;
}

static void on_gather(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)loop, (void)revents;
	tell(timer->data);
}

/* Not while dnsd is away: the next try tells all anyway. */
static void on_round(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct uses *uses = timer->data;

	(void)loop, (void)revents;
	uses->is_round = true;
	if (uses->fd >= 0)
		uses->each(uses->ctx, uses);
	tell_in(uses, 0.);
}

/* The answer is one line. */
static void on_answer(struct uses *uses, size_t length)
{
	struct json *json = json_parse(uses->line, length);
	const char *error = json ? json_get_text(json, "error") : "no JSON";

	uses->is_waiting = false;
	uses->length = 0;
	if (!error) {
		uses->batch_count = 0;
		tell(uses);
	} else {
		if (log_limit_pass(&uses->refusals))
			log_warning("cannot tell dnsd which addresses are in "
				    "use, so it will not give any to another "
				    "name: %s",
				    error);
		fail(uses, REFUSED_S);
	}
	json_free(json);
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct uses *uses = io->data;
	ssize_t n = recv(uses->fd, uses->line + uses->length,
			 sizeof(uses->line) - uses->length, 0);
	char *end;

	(void)loop, (void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(uses, RETRY_S);
		return;
	}
	uses->length += (size_t)n;
	end = memchr(uses->line, '\n', uses->length);
	if (end && uses->is_waiting)
		on_answer(uses, (size_t)(end - uses->line));
	else if (end || uses->length == sizeof(uses->line))
		fail(uses, REFUSED_S);
}
