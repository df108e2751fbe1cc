// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/figures.h"

#include <string.h>
#include <unistd.h>

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
	json_set_int(json, "missing", (int64_t)stats.missing);
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

static void set_watch(struct json *json, const struct watch *watch)
{
	struct watch_stats stats;

	watch_stats(watch, &stats);
	json_set_int(json, "watchers", stats.watchers);
	json_set_int(json, "watch_missed", (int64_t)stats.missed);
}

struct json *figures_json(const struct verbs *verbs)
{
	struct json *json = json_new();

	if (!json)
		return NULL;
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
	set_watch(json, verbs->watch);
	return json;
}

#define COUNTER(key, name, label, help)                        \
	{                                                      \
		key, "dnsd_" name, METRIC_COUNTER, label, help \
	}
#define GAUGE(key, name, label, help)                        \
	{                                                    \
		key, "dnsd_" name, METRIC_GAUGE, label, help \
	}

const struct metric figures_metrics[] = {
	COUNTER("queries", "queries", NULL, "Queries of clients."),
	COUNTER("udp_queries", "received", "network=\"udp\"",
		"Messages that came in."),
	COUNTER("tcp_queries", "received", "network=\"tcp\"", NULL),
	COUNTER("udp_replies", "sent", "network=\"udp\"",
		"Messages that left."),
	COUNTER("tcp_replies", "sent", "network=\"tcp\"", NULL),
	COUNTER("udp_unsent", "unsent", NULL,
		"Replies that the kernel did not take."),
	COUNTER("fake", "answers", "kind=\"fake\"",
		"How queries were answered."),
	COUNTER("nodata", "answers", "kind=\"nodata\"", NULL),
	COUNTER("rejected", "answers", "kind=\"rejected\"", NULL),
	COUNTER("reverse", "answers", "kind=\"reverse\"", NULL),
	COUNTER("missing", "answers", "kind=\"missing\"", NULL),
	COUNTER("special", "answers", "kind=\"special\"", NULL),
	COUNTER("hosts", "answers", "kind=\"hosts\"", NULL),
	COUNTER("forwarded", "answers", "kind=\"forwarded\"", NULL),
	COUNTER("malformed", "answers", "kind=\"malformed\"", NULL),
	COUNTER("refused", "answers", "kind=\"refused\"", NULL),
	COUNTER("failed", "answers", "kind=\"failed\"", NULL),
	GAUGE("names", "names", NULL, "Names that have a fake address."),
	GAUGE("slots", "slots", NULL, "Fake addresses for names in all."),
	GAUGE("slots_free", "slots_free", NULL,
	      "Of these, can be given at once."),
	COUNTER("names_new", "names_new", NULL, "Names that got an address."),
	COUNTER("recycled", "names_recycled", NULL,
		"Idle names that lost their address to others."),
	COUNTER("refused_full", "names_refused", NULL,
		"Questions refused as no address was idle."),
	COUNTER("commits", "commits", NULL, "Transactions of the map."),
	COUNTER("commits_failed", "commits_failed", NULL,
		"Transactions of the map that failed."),
	COUNTER("upstream_answered", "upstream_answered", NULL,
		"Answers of upstreams that were passed on."),
	COUNTER("upstream_failed", "upstream_failed", NULL,
		"Queries that failed for want of an upstream."),
	COUNTER("upstream_by_tcp", "upstream_by_tcp", NULL,
		"Truncated answers that were asked for again by TCP."),
	COUNTER("upstream_ignored", "upstream_ignored", NULL,
		"Answers of upstreams that nobody had asked for."),
	GAUGE("under_way", "under_way", NULL,
	      "Queries that wait for an upstream."),
	GAUGE("cache_entries", "cache_entries", NULL,
	      "Answers of upstreams that are kept."),
	GAUGE("cache_bytes", "cache_bytes", NULL, "What they take."),
	GAUGE("cache_size", "cache_size_bytes", NULL,
	      "What they may take at most."),
	COUNTER("cache_evicted", "cache_evicted", NULL,
		"Answers that made room for others."),
	COUNTER("cache_hits", "cache_lookups", "result=\"hit\"",
		"Questions that the cache was asked."),
	COUNTER("cache_stale", "cache_lookups", "result=\"stale\"", NULL),
	COUNTER("cache_misses", "cache_lookups", "result=\"miss\"", NULL),
	COUNTER("cache_prefetched", "cache_prefetched", NULL,
		"Answers that were asked for again before they ended."),
	GAUGE("tcp_open", "tcp_clients", NULL, "Clients by TCP."),
	COUNTER("tcp_evicted", "tcp_evicted", NULL,
		"Clients by TCP that were closed to make room."),
	GAUGE("rules", "rules", NULL, "Rules of the configuration."),
	{NULL, NULL, METRIC_GAUGE, NULL, NULL},
};
