// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/watch.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/plural.h"
#include "dnsd/sighting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_SIZE 4096
#define TELL_S 0.02
#define TELL_US 1000     /* of work at a time */
#define RELOAD_US 10000  /* at a reload, for what was seen before it */
#define LOG_BUFFER 65536 /* written when so much is there, or all was told */

struct watch {
	struct ev_loop *loop;        /* borrowed */
	struct server *server;       /* borrowed */
	struct control *control;     /* borrowed, of the watchers */
	const struct config *config; /* borrowed */
	struct ev_timer tell;
	uint64_t clients[WATCH_MAX]; /* control_client_id(), 0: none */
	int log_fd;                  /* owned, -1: no file */
	bool has_log;
	struct log_limit log_failures;
	struct sighting *ring; /* owned; NULL while nobody looks */
	size_t first, count;
	uint64_t missed, missed_told;
	size_t log_used;
	char log[LOG_BUFFER];
};

static void on_tell(struct ev_loop *loop, struct ev_timer *timer, int events);

int watch_new(struct watch **watch, struct ev_loop *loop, struct server *server)
{
	struct watch *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->server = server;
	new->log_fd = -1;
	new->log_failures.burst = 1;
	ev_timer_init(&new->tell, on_tell, TELL_S, 0.);
	new->tell.data = new;
	*watch = new;
	return 0;
}

static bool has_watchers(const struct watch *watch)
{
	for (size_t i = 0; i < WATCH_MAX; i++) {
		if (watch->clients[i])
			return true;
	}
	return false;
}

/* On the way of a query: one copy, and a timer that runs already. */
static void on_reply(void *ctx, const struct asker *asker,
		     const uint8_t *message, size_t length)
{
	struct watch *watch = ctx;
	struct sighting *sighting;

	if (watch->count == RING_SIZE) {
		watch->missed++;
		return;
	}
	sighting = &watch->ring[(watch->first + watch->count) % RING_SIZE];
	if (sighting_read(sighting, asker, message, length) < 0)
		return;
	/* One that was decided by a configuration that has gone since. */
	if (sighting->cause.config != watch->config)
		sighting->cause = cause_bare(sighting->cause.kind);
	sighting->wall_ms = clock_wall_ms();
	sighting->duration_us =
		asker->since_us ? clock_monotonic_us() - asker->since_us : 0;
	watch->count++;
	if (!ev_is_active(&watch->tell)) {
		ev_timer_set(&watch->tell, TELL_S, 0.);
		ev_timer_start(watch->loop, &watch->tell);
	}
}

/* The ring is there while somebody looks, and no longer. */
static int settle(struct watch *watch)
{
	bool is_wanted = watch->has_log || has_watchers(watch);

	if (is_wanted && !watch->ring) {
		watch->ring = calloc(RING_SIZE, sizeof(*watch->ring));
		if (!watch->ring)
			return -ENOMEM;
		watch->first = watch->count = 0;
		watch->missed_told = watch->missed;
		server_set_tap(watch->server, on_reply, watch);
	} else if (!is_wanted && watch->ring) {
		server_set_tap(watch->server, NULL, NULL);
		ev_timer_stop(watch->loop, &watch->tell);
		free(watch->ring);
		watch->ring = NULL;
	}
	return 0;
}

/* Those who have gone are forgotten. */
static void send_to_watchers(struct watch *watch, const struct json *json)
{
	for (size_t i = 0; i < WATCH_MAX; i++) {
		struct control_client *client;

		if (!watch->clients[i])
			continue;
		client =
			control_client_by_id(watch->control, watch->clients[i]);
		if (client)
			control_send(client, json);
		else
			watch->clients[i] = 0;
	}
}

/* A disk that is full costs lines, never a query. */
static void write_log(struct watch *watch)
{
	size_t used = watch->log_used;

	watch->log_used = 0;
	if (used == 0 || watch->log_fd < 0)
		return;
	if (write(watch->log_fd, watch->log, used) != (ssize_t)used &&
	    log_limit_pass(&watch->log_failures))
		log_error("cannot write query log '%s': %s",
			  watch->config->dnsd.query_log, strerror(errno));
}

static void log_line(struct watch *watch, const char *line)
{
	size_t length = strlen(line);

	if (watch->log_fd < 0) {
		log_notice("query %s", line);
		return;
	}
	if (watch->log_used + length + 1 > sizeof(watch->log))
		write_log(watch);
	memcpy(watch->log + watch->log_used, line, length);
	watch->log[watch->log_used + length] = '\n';
	watch->log_used += length + 1;
}

static void tell_missed(struct watch *watch)
{
	uint64_t missed = watch->missed - watch->missed_told;
	char line[64];
	struct json *json;

	if (missed == 0)
		return;
	watch->missed_told = watch->missed;
	if (watch->has_log) {
		snprintf(line, sizeof(line), "(%llu %s left out)",
			 (unsigned long long)missed,
			 plural((int64_t)missed, "query is", "queries are"));
		log_line(watch, line);
	}
	json = json_new();
	if (json) {
		json_set_int(json, "missed", (int64_t)missed);
		send_to_watchers(watch, json);
		json_free(json);
	}
}

static void tell(struct watch *watch, const struct sighting *sighting)
{
	char line[SIGHTING_TEXT_SIZE];
	struct json *json;

	if (watch->has_log)
		log_line(watch, sighting_text(sighting, line, sizeof(line)));
	if (!has_watchers(watch))
		return;
	json = json_new();
	if (!json)
		return;
	sighting_set_json(json, sighting);
	send_to_watchers(watch, json);
	json_free(json);
}

/* Of what waits, as much as the time allows. */
static void tell_some(struct watch *watch, int64_t time_us)
{
	int64_t end_us = clock_monotonic_us() + time_us;

	while (watch->count > 0 && clock_monotonic_us() < end_us) {
		tell(watch, &watch->ring[watch->first]);
		watch->first = (watch->first + 1) % RING_SIZE;
		watch->count--;
	}
}

static void on_tell(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct watch *watch = timer->data;

	(void)events;
	tell_some(watch, TELL_US);
	if (watch->count == 0)
		tell_missed(watch);
	write_log(watch);
	if (watch->count > 0) {
		ev_timer_set(timer, TELL_S, 0.);
		ev_timer_start(loop, timer);
	}
	/* It only gives up what it has, here. */
	if (settle(watch) < 0)
		return;
}

int watch_open_log(const struct config *config, int *fd)
{
	const char *path = config->dnsd.query_log;

	*fd = -1;
	if (!path || path[0] != '/')
		return 0;
	*fd = open(path,
		   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
			   O_NONBLOCK | O_NOCTTY,
		   0640);
	if (*fd >= 0)
		return 0;
	int ret = -errno;
	log_error("cannot open query log '%s': %s: the user '%s' must be able "
		  "to write it, and in a folder that had none at the start it "
		  "takes a restart of dnsd",
		  path, strerror(-ret), config->user);
	return ret;
}

/* What was seen is told while what it borrows from is there. */
static void empty_ring(struct watch *watch, int64_t time_us)
{
	tell_some(watch, time_us);
	watch->missed += watch->count;
	watch->count = 0;
	tell_missed(watch);
	write_log(watch);
}

void watch_set_config(struct watch *watch, const struct config *config,
		      int log_fd)
{
	empty_ring(watch, RELOAD_US);
	if (watch->log_fd >= 0)
		close(watch->log_fd);
	watch->config = config;
	watch->log_fd = log_fd;
	watch->has_log = config->dnsd.query_log != NULL;
	if (settle(watch) < 0)
		log_error("cannot log queries: %s", err_text(-ENOMEM));
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	empty_ring(watch, INT64_MAX / 2);
	if (watch->log_fd >= 0)
		close(watch->log_fd);
	watch->has_log = false;
	memset(watch->clients, 0, sizeof(watch->clients));
	(void)settle(watch);
	ev_timer_stop(watch->loop, &watch->tell);
	free(watch);
}

void watch_verb(struct watch *watch, struct control *control,
		struct control_client *client)
{
	watch->control = control;
	for (size_t i = 0; i < WATCH_MAX; i++) {
		/* One who has gone may not have been missed yet. */
		if (watch->clients[i] &&
		    control_client_by_id(control, watch->clients[i]))
			continue;
		watch->clients[i] = control_client_id(client);
		if (settle(watch) == 0)
			return;
		watch->clients[i] = 0;
		break;
	}
	control_end(client, "too many watch already");
}

void watch_stats(const struct watch *watch, struct watch_stats *stats)
{
	*stats = (struct watch_stats){.missed = watch->missed};
	for (size_t i = 0; i < WATCH_MAX; i++)
		stats->watchers += watch->clients[i] != 0;
}
