// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/verbs.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/slots.h"
#include "dnsd/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_NAME "dnsd.sock"
#define USED_MAX 4096 /* slots to a request: a quarter of what may wait */
#define CALL_TIMEOUT_MS 5000
#define DESCRIPTION_MAX 512

static void set_listen(struct json *json, const struct dnsd_conf *conf)
{
	char text[DESCRIPTION_MAX] = "", one[ENDPOINT_TEXT_SIZE];
	size_t used = 0;

	for (size_t i = 0; i < conf->listen_count; i++) {
		endpoint_format(&conf->listen[i], one, sizeof(one));
		if (used + strlen(one) + 2 > sizeof(text))
			break;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%s", i ? " " : "", one);
	}
	json_set_text(json, "listen", text);
}

static void set_fakes(struct json *json, const struct fakes *fakes)
{
	struct fakes_stats stats;

	fakes_stats(fakes, &stats);
	json_set_int(json, "names", stats.names);
	json_set_int(json, "slots", stats.slots);
	json_set_int(json, "slots_free", stats.free);
	json_set_int(json, "names_new", (int64_t)stats.taken);
	json_set_int(json, "commits", (int64_t)stats.commits);
	json_set_int(json, "commits_failed", (int64_t)stats.failed);
	json_set_int(json, "refused_full", (int64_t)stats.full);
	json_set_int(json, "recycled", (int64_t)stats.recycled);
	json_set_bool(json, "flows_told", stats.held_ms >= 0);
	json_set_text(json, "map_error", fakes_reason(fakes));
}

static void set_dispatch(struct json *json, const struct dispatch *dispatch)
{
	struct dispatch_stats stats;

	dispatch_stats(dispatch, &stats);
	json_set_int(json, "queries", (int64_t)stats.queries);
	json_set_int(json, "fake", (int64_t)stats.fake);
	json_set_int(json, "nodata", (int64_t)stats.nodata);
	json_set_int(json, "rejected", (int64_t)stats.rejected);
	json_set_int(json, "reverse", (int64_t)stats.reverse);
	json_set_int(json, "special", (int64_t)stats.special);
	json_set_int(json, "hosts", (int64_t)stats.hosts);
	json_set_int(json, "forwarded", (int64_t)stats.forwarded);
	json_set_int(json, "resolved_first", (int64_t)stats.resolved);
	json_set_int(json, "malformed", (int64_t)stats.malformed);
	json_set_int(json, "refused", (int64_t)stats.refused);
	json_set_int(json, "failed", (int64_t)stats.failed);
}

static void set_server(struct json *json, const struct server *server)
{
	struct server_stats stats;

	server_stats(server, &stats);
	json_set_int(json, "udp_queries", (int64_t)stats.udp_queries);
	json_set_int(json, "udp_replies", (int64_t)stats.udp_replies);
	json_set_int(json, "udp_unsent", (int64_t)stats.udp_unsent);
	json_set_int(json, "tcp_queries", (int64_t)stats.tcp_queries);
	json_set_int(json, "tcp_replies", (int64_t)stats.tcp_replies);
	json_set_int(json, "tcp_clients", (int64_t)stats.tcp_clients);
	json_set_int(json, "tcp_evicted", (int64_t)stats.tcp_evicted);
	json_set_int(json, "tcp_open", stats.tcp_open);
}

static void set_queries(struct json *json, const struct verbs *verbs)
{
	const struct queries_counters *counters = verbs->counters;
	struct upstreams_stats stats;

	upstreams_stats(verbs->upstreams, &stats);
	json_set_int(json, "upstream_answered", (int64_t)counters->passed_on);
	json_set_int(json, "upstream_failed", (int64_t)counters->failed);
	json_set_int(json, "upstream_full", (int64_t)counters->full);
	json_set_int(json, "upstream_by_tcp", (int64_t)stats.by_tcp);
	json_set_int(json, "upstream_ignored", (int64_t)stats.ignored);
	json_set_int(json, "under_way", (int64_t)counters->under_way);
}

static void set_cache(struct json *json, const struct lookup_memory *memory)
{
	const struct lookups_stats *lookups = &memory->stats;
	struct cache_stats stats;

	cache_stats(memory->cache, &stats);
	json_set_int(json, "cache_size", (int64_t)stats.size);
	json_set_int(json, "cache_bytes", (int64_t)stats.bytes);
	json_set_int(json, "cache_entries", (int64_t)stats.entries);
	json_set_int(json, "cache_evicted", (int64_t)stats.evicted);
	json_set_int(json, "cache_hits", (int64_t)lookups->hits);
	json_set_int(json, "cache_stale", (int64_t)lookups->stale);
	json_set_int(json, "cache_misses", (int64_t)lookups->misses);
	json_set_int(json, "cache_prefetched", (int64_t)lookups->prefetched);
	json_set_int(json, "upstream_shared", (int64_t)lookups->shared);
	json_set_int(json, "upstream_spared", (int64_t)lookups->refused);
}

static void set_direct(struct json *json, const struct direct *direct)
{
	struct direct_stats stats;

	direct_stats(direct, &stats);
	json_set_int(json, "direct_told", (int64_t)stats.told);
	json_set_int(json, "direct_refused", (int64_t)stats.refused);
	json_set_int(json, "direct_late", (int64_t)stats.late);
	json_set_int(json, "direct_alone", (int64_t)stats.alone);
}

static void send_upstreams(const struct verbs *verbs,
			   struct control_client *client)
{
	char text[DESCRIPTION_MAX];

	for (size_t i = 0; i < verbs->config->upstream_count; i++) {
		struct json *json = json_new();

		if (!json)
			return;
		json_set_text(json, "upstream",
			      verbs->config->upstreams[i].name);
		json_set_text(json, "servers",
			      upstreams_describe(verbs->upstreams, (int)i, text,
						 sizeof(text)));
		control_send(client, json);
		json_free(json);
	}
}

static void verb_status(void *ctx, struct control_client *client,
			const struct json *request)
{
	const struct verbs *verbs = ctx;
	struct json *json = json_new();

	(void)request;
	if (!json) {
		control_end(client, "out of memory");
		return;
	}
	json_set_text(json, "program", "dnsd");
	json_set_text(json, "version", PACKAGE_VERSION);
	json_set_int(json, "pid", getpid());
	json_set_time(json, "started", verbs->started_ms);
	json_set_text(json, "config", verbs->config->file);
	json_set_int(json, "rules", (int64_t)rules_count(verbs->config->rules));
	set_listen(json, &verbs->config->dnsd);
	set_fakes(json, verbs->fakes);
	set_dispatch(json, verbs->dispatch);
	set_server(json, verbs->server);
	set_queries(json, verbs);
	set_cache(json, verbs->memory);
	set_direct(json, verbs->direct);
	control_send(client, json);
	json_free(json);
	send_upstreams(verbs, client);
	control_end(client, NULL);
}

static void send_used(struct control_client *client, uint32_t slot,
		      int64_t used_ms)
{
	struct json *json = json_new();

	if (!json)
		return;
	json_set_int(json, "slot", slot);
	json_set_int(json, "used", used_ms);
	control_send(client, json);
	json_free(json);
}

static void send_next(struct control_client *client, int64_t next)
{
	struct json *json = json_new();

	if (!json)
		return;
	json_set_int(json, "next", next);
	control_send(client, json);
	json_free(json);
}

static void verb_used(void *ctx, struct control_client *client,
		      const struct json *request)
{
	const struct verbs *verbs = ctx;
	int64_t slots = fake_pool_size(&verbs->config->dnsd.fake);
	int64_t from = json_get_int(request, "from", 0);
	int64_t end;

	if (from < 0 || from > slots) {
		control_end(client, "'from' is not a slot");
		return;
	}
	end = from + USED_MAX < slots ? from + USED_MAX : slots;
	for (int64_t slot = from; slot < end; slot++) {
		int64_t used_ms =
			fakes_last_used_wall_ms(verbs->fakes, (uint32_t)slot);

		if (used_ms >= 0)
			send_used(client, (uint32_t)slot, used_ms);
	}
	if (end < slots)
		send_next(client, end);
	control_end(client, NULL);
}

/* What is known to fail may be asked again, too. */
static void verb_flush(void *ctx, struct control_client *client,
		       const struct json *request)
{
	const struct verbs *verbs = ctx;
	const char *text = json_get_text(request, "name");
	struct json *json;
	struct name name;

	if (text && name_parse(&name, text) < 0) {
		control_end(client, "'name' is no domain name");
		return;
	}
	failures_clear(&verbs->memory->failures);
	json = json_new();
	if (json) {
		json_set_int(json, "flushed",
			     (int64_t)cache_flush(verbs->memory->cache,
						  text ? &name : NULL));
		control_send(client, json);
	}
	json_free(json);
	control_end(client, NULL);
}

static void hold_slot(void *ctx, uint32_t slot)
{
	const struct verbs *verbs = ctx;

	fakes_hold(verbs->fakes, slot, clock_boottime_ms());
}

static void verb_hold(void *ctx, struct control_client *client,
		      const struct json *request)
{
	struct verbs *verbs = ctx;
	const char *slots = json_get_text(request, "slots");
	uint32_t end = fake_pool_size(&verbs->config->dnsd.fake);

	if (!slots || slots_each(slots, end, hold_slot, verbs) < 0) {
		control_end(client, "'slots' is missing or no list of slots");
		return;
	}
	if (json_get_bool(request, "all", false))
		fakes_hold_all(verbs->fakes, clock_boottime_ms());
	control_end(client, NULL);
}

static void verb_explain(void *ctx, struct control_client *client,
			 const struct json *request)
{
	const struct verbs *verbs = ctx;

	explainer_verb(verbs->explainer, verbs->control, client, request);
}

static void verb_resolve(void *ctx, struct control_client *client,
			 const struct json *request)
{
	const struct verbs *verbs = ctx;

	queries_verb_resolve(verbs->queries, verbs->control, client, request);
}

const struct control_verb verbs_table[] = {
	{"status", CONTROL_READ, verb_status},
	{"used", CONTROL_READ, verb_used},
	{"flush", CONTROL_CHANGE, verb_flush},
	{"hold", CONTROL_PARTNER, verb_hold},
	{"explain", CONTROL_READ, verb_explain},
	{"resolve", CONTROL_READ, verb_resolve},
	{NULL, CONTROL_READ, NULL},
};

static void print_line(void *ctx, const struct json *line)
{
	report_status(line, ctx);
}

static void print_json(void *ctx, const struct json *line)
{
	char *text = json_line(line);

	if (text)
		fprintf(ctx, "%s\n", text);
	free(text);
}

/* Sends the request, which it frees, to the daemon, and prints its lines. */
static int call(const struct config *config, struct json *request,
		const struct control_sink *sink)
{
	char *path = config_path(config->run_dir, SOCKET_NAME);
	int ret = path && request ? control_call(path, request, sink) : -ENOMEM;

	if (ret < 0)
		fprintf(stderr, "dnsd: cannot ask '%s': %s\n",
			path ? path : SOCKET_NAME,
			ret == ERR_REFUSED ? sink->error : err_text(ret));
	json_free(request);
	free(path);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static struct json *request_of(const char *verb)
{
	struct json *request = json_new();

	if (request)
		json_set_text(request, "verb", verb);
	return request;
}

int verbs_print_status(const struct config *config, bool is_json, FILE *out)
{
	char error[DESCRIPTION_MAX] = "";
	const struct control_sink sink = {
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_line = is_json ? print_json : print_line,
		.ctx = out,
		.error = error,
		.error_size = sizeof(error),
	};

	return call(config, request_of("status"), &sink);
}

static void print_flushed(void *ctx, const struct json *line)
{
	fprintf(ctx, "%lld answers are forgotten\n",
		(long long)json_get_int(line, "flushed", 0));
}

int verbs_flush(const struct config *config, const char *name, bool is_json,
		FILE *out)
{
	char error[DESCRIPTION_MAX] = "";
	const struct control_sink sink = {
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_line = is_json ? print_json : print_flushed,
		.ctx = out,
		.error = error,
		.error_size = sizeof(error),
	};
	struct json *request = request_of("flush");

	if (request && name)
		json_set_text(request, "name", name);
	return call(config, request, &sink);
}
