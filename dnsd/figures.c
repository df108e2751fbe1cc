// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/figures.h"
#include "common/confinement.h"

#include "common/clock.h"
#include "common/compiler.h"

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

/* Beside each other, so that one sees what there is. */
struct number {
	const char *key;
	uint64_t value;
};

static void set_numbers(struct json *json, const struct number *numbers,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_set_int(json, numbers[i].key, (int64_t)numbers[i].value);
}

static void set_fakes(struct json *json, const struct fakes *fakes)
{
	const char *reason = fakes_reason(fakes);
	struct fakes_stats stats;

	fakes_stats(fakes, &stats);
	const struct number numbers[] = {
		{"names", stats.names},       {"slots", stats.slots},
		{"slots_free", stats.free},   {"names_new", stats.taken},
		{"commits", stats.commits},   {"commits_failed", stats.failed},
		{"refused_full", stats.full}, {"recycled", stats.recycled},
	};

	set_numbers(json, numbers, ARRAY_LEN(numbers));
	json_set_bool(json, "flows_told", stats.held_ms >= 0);
	json_set_text(json, "full_why",
		      fakes_why_full(fakes, clock_boottime_ms()));
	json_set_text(json, "map_error", *reason ? reason : NULL);
}

static void set_dispatch(struct json *json, const struct dispatch *dispatch)
{
	struct dispatch_stats stats;

	dispatch_stats(dispatch, &stats);
	const struct number numbers[] = {
		{"queries", stats.queries},
		{"fake", stats.fake},
		{"nodata", stats.nodata},
		{"rejected", stats.rejected},
		{"reverse", stats.reverse},
		{"missing", stats.missing},
		{"special", stats.special},
		{"hosts", stats.hosts},
		{"forwarded", stats.forwarded},
		{"resolved_first", stats.resolved},
		{"malformed", stats.malformed},
		{"refused", stats.refused},
		{"failed", stats.failed},
	};

	set_numbers(json, numbers, ARRAY_LEN(numbers));
}

static void set_server(struct json *json, const struct server *server)
{
	struct server_stats stats;

	server_stats(server, &stats);
	const struct number numbers[] = {
		{"udp_queries", stats.udp_queries},
		{"udp_replies", stats.udp_replies},
		{"udp_unsent", stats.udp_unsent},
		{"tcp_queries", stats.tcp_queries},
		{"tcp_replies", stats.tcp_replies},
		{"tcp_clients", stats.tcp_clients},
		{"tcp_evicted", stats.tcp_evicted},
		{"tcp_open", stats.tcp_open},
	};

	set_numbers(json, numbers, ARRAY_LEN(numbers));
}

static void set_queries(struct json *json, const struct verbs *verbs)
{
	const struct queries_counters *counters = verbs->counters;
	struct upstreams_stats stats;

	upstreams_stats(verbs->upstreams, &stats);
	const struct number numbers[] = {
		{"upstream_answered", counters->passed_on},
		{"upstream_failed", counters->failed},
		{"upstream_full", counters->full},
		{"upstream_by_tcp", stats.by_tcp},
		{"upstream_ignored", stats.ignored},
		{"under_way", counters->under_way},
	};

	set_numbers(json, numbers, ARRAY_LEN(numbers));
}

static void set_cache(struct json *json, const struct lookup_memory *memory)
{
	const struct lookups_stats *lookups = &memory->stats;
	struct cache_stats stats;

	cache_stats(memory->cache, &stats);
	const struct number numbers[] = {
		{"cache_size", stats.size},
		{"cache_bytes", stats.bytes},
		{"cache_entries", stats.entries},
		{"cache_evicted", stats.evicted},
		{"cache_hits", lookups->hits},
		{"cache_stale", lookups->stale},
		{"cache_misses", lookups->misses},
		{"cache_prefetched", lookups->prefetched},
		{"upstream_shared", lookups->shared},
		{"upstream_spared", lookups->refused},
	};

	set_numbers(json, numbers, ARRAY_LEN(numbers));
}

static void set_direct(struct json *json, const struct direct *direct)
{
	struct direct_stats stats;

	direct_stats(direct, &stats);
	const struct number numbers[] = {
		{"direct_told", stats.told},
		{"direct_refused", stats.refused},
		{"direct_late", stats.late},
		{"direct_alone", stats.alone},
	};

	set_numbers(json, numbers, ARRAY_LEN(numbers));
}

static void set_watch(struct json *json, const struct watch *watch)
{
	struct watch_stats stats;

	watch_stats(watch, &stats);
	const struct number numbers[] = {
		{"watchers", stats.watchers},
		{"watch_missed", stats.missed},
	};

	set_numbers(json, numbers, ARRAY_LEN(numbers));
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
	confinement_set(json, "process", getpid(), verbs->landlock);
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
	COUNTER("resolved_first", "resolved_first", NULL,
		"Of those forwarded, resolved as a rule wanted the address."),
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
	COUNTER("upstream_full", "upstream_full", NULL,
		"Of these, as too many were under way."),
	COUNTER("upstream_shared", "upstream_shared", NULL,
		"Queries that waited for the answer to an equal one."),
	COUNTER("upstream_spared", "upstream_spared", NULL,
		"Queries that were not asked as the name had just failed."),
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
	COUNTER("tcp_clients", "tcp_accepted", NULL,
		"Clients by TCP that came."),
	COUNTER("tcp_evicted", "tcp_evicted", NULL,
		"Clients by TCP that were closed to make room."),
	COUNTER("direct_told", "direct", "result=\"told\"",
		"Real addresses that routed was to make a way for."),
	COUNTER("direct_refused", "direct", "result=\"refused\"", NULL),
	COUNTER("direct_late", "direct", "result=\"late\"", NULL),
	COUNTER("direct_alone", "direct", "result=\"alone\"", NULL),
	GAUGE("watchers", "watchers", NULL, "Who looks on."),
	COUNTER("watch_missed", "watch_missed", NULL,
		"Queries that were told to nobody for want of room."),
	GAUGE("rules", "rules", NULL, "Rules of the configuration."),
	{NULL, NULL, METRIC_GAUGE, NULL, NULL},
};
