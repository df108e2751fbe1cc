// SPDX-License-Identifier: BSD-2-Clause
#include "routed/figures.h"

#include "common/confinement.h"
#include "common/landlock.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/uplink.h"
#include "routed/gateway.h"

#include <stdio.h>
#include <unistd.h>

static void set_uplink(struct json *json, const struct verbs *verbs,
		       const char *key, uint8_t family)
{
	struct uplink uplink;
	int ret = uplink_find(host_state(verbs->host), family,
			      verbs->config->routed.uplink, &uplink);

	json_set_text(json, key, ret == 0 ? uplink.name : NULL);
}

static void set_refused(struct json *json, const struct verbs *verbs)
{
	const struct firewall_counters refused = host_refused(verbs->host);

	json_set_int(json, "refused_pool_out", (int64_t)refused.pool_out);
	json_set_int(json, "refused_pool_in", (int64_t)refused.pool_in);
	json_set_int(json, "refused_closed", (int64_t)refused.closed);
}

static void set_gateways(struct json *json, const struct verbs *verbs)
{
	const struct lan_counters counters = host_lan(verbs->host);
	struct gateways gateways;
	char names[512] = "";
	size_t length = 0;

	if (gateways_find(&gateways, verbs->config, host_state(verbs->host)) <
	    0)
		return;
	for (size_t i = 0; i < gateways.count && length < sizeof(names); i++)
		length += (size_t)snprintf(names + length,
					   sizeof(names) - length, "%s%s",
					   i ? " " : "", gateways.names[i]);
	json_set_text(json, "gateways", names);
	json_set_int(json, "gateway_loops", (int64_t)counters.loops);
	json_set_int(json, "gateway_stranded", (int64_t)counters.stranded);
	gateways_fini(&gateways);
}

static void set_host(struct json *json, const struct verbs *verbs)
{
	const struct host_status status = host_status(verbs->host);

	bool is_all = verbs->config->routed.capture == ROUTED_CAPTURE_ALL;

	json_set_bool(json, "captured", status.is_captured);
	json_set_text(json, "capture", is_all ? "all" : "fake");
	json_set_bool(json, "resolver", status.has_resolver);
	json_set_bool(json, "resolved", status.is_resolved_told);
	json_set_text(json, "tun", verbs->config->routed.tun);
	set_uplink(json, verbs, "uplink_ipv4", ADDR_IPV4);
	set_uplink(json, verbs, "uplink_ipv6", ADDR_IPV6);
	json_set_int(json, "objects", (int64_t)status.objects);
	json_set_int(json, "repairs", (int64_t)status.repairs);
	json_set_int(json, "foreign", (int64_t)status.foreign);
	json_set_text(json, "rival", status.rival[0] ? status.rival : NULL);
	json_set_bool(json, "closed", status.is_closed);
	set_refused(json, verbs);
	set_gateways(json, verbs);
	json_set_int(json, "directs", (int64_t)status.directs.count);
	json_set_int(json, "directs_asked", (int64_t)status.directs.asked);
	json_set_int(json, "directs_evicted", (int64_t)status.directs.evicted);
}

static void set_carrier(struct json *json, const struct inner *inner)
{
	const struct nl_device_packets carried = inner_carried(inner);

	json_set_text(json, "carrier", inner_carrier(inner));
	json_set_text(json, "carrier_why", inner_carrier_why(inner));
	json_set_int(json, "carried_in", (int64_t)carried.in);
	json_set_int(json, "carried_out", (int64_t)carried.out);
	json_set_int(json, "syns_dropped", (int64_t)inner_dropped(inner));
}

static void set_counters(struct json *json, const struct link_counters *c)
{
	const struct {
		const char *key;
		uint64_t value;
	} members[] = {
		{"flows_now", c->flows_now},
		{"flows_ever", c->flows_ever},
		{"flows_refused", c->flows_refused},
		{"flows_held", c->flows_held},
		{"flows_refused_rule", c->refused[LINK_REFUSED_RULE]},
		{"flows_refused_unknown", c->refused[LINK_REFUSED_UNKNOWN]},
		{"flows_refused_full", c->refused[LINK_REFUSED_FULL]},
		{"flows_refused_quota", c->refused[LINK_REFUSED_QUOTA]},
		{"flows_refused_outbound", c->refused[LINK_REFUSED_OUTBOUND]},
		{"flows_refused_destination",
		 c->refused[LINK_REFUSED_DESTINATION]},
		{"flows_refused_closed", c->refused[LINK_REFUSED_CLOSED]},
		{"sniffed", c->sniffed},
		{"sniffed_nothing", c->sniffed_nothing},
		{"own_flows", c->own_flows},
		{"echoes_answered", c->echoes_answered},
		{"echoes_refused", c->echoes_refused},
		{"loops", c->loops},
		{"bytes_up", c->bytes_up},
		{"bytes_down", c->bytes_down},
		{"packets_in", c->packets_in},
		{"packets_out", c->packets_out},
		{"packets_dropped", c->packets_dropped},
		{"udp_flows_now", c->udp_flows_now},
		{"udp_flows_ever", c->udp_flows_ever},
		{"udp_refused", c->udp_refused},
		{"udp_packets_up", c->udp_packets_up},
		{"udp_packets_down", c->udp_packets_down},
		{"udp_bytes_up", c->udp_bytes_up},
		{"udp_bytes_down", c->udp_bytes_down},
		{"udp_dropped", c->udp_dropped},
		{"dns_queries", c->dns_queries},
		{"relay_memory", c->memory},
	};

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		json_set_int(json, members[i].key, (int64_t)members[i].value);
}

static void set_limits(struct json *json, const struct routed_conf *conf)
{
	json_set_int(json, "flows_max", conf->flows_max);
	json_set_int(json, "flows_per_source", conf->flows_per_source);
	json_set_int(json, "udp_flows_max", conf->udp.flows);
}

struct json *figures_json(const struct verbs *verbs,
			  const struct link_counters *counters)
{
	const struct link_counters none = {0};
	struct json *json = json_new();

	if (!json)
		return NULL;
	json_set_text(json, "program", "routed");
	json_set_text(json, "version", PACKAGE_VERSION);
	json_set_int(json, "pid", getpid());
	json_set_time(json, "started", verbs->started_ms);
	json_set_text(json, "config", verbs->config->file);
	json_set_int(json, "rules", (int64_t)rules_count(verbs->config->rules));
	set_host(json, verbs);
	json_set_int(json, "relay_pid", relays_pid(verbs->relays));
	json_set_int(json, "relay_deaths",
		     (int64_t)relays_deaths(verbs->relays));
	json_set_int(json, "memory", (int64_t)memory_in_use());
	json_set_text(json, "steering", inner_steering(verbs->inner));
	set_carrier(json, verbs->inner);
	set_counters(json, counters ? counters : &none);
	set_limits(json, &verbs->config->routed);
	confinement_set(json, "process", getpid(), 0);
	confinement_set(json, "relay", relays_pid(verbs->relays),
			landlock_version());
	return json;
}

#define COUNTER(key, name, label, help)                          \
	{                                                        \
		key, "routed_" name, METRIC_COUNTER, label, help \
	}
#define GAUGE(key, name, label, help)                          \
	{                                                      \
		key, "routed_" name, METRIC_GAUGE, label, help \
	}

static const struct metric table[] = {
	GAUGE("flows_now", "flows", "network=\"tcp\"",
	      "Flows that are carried now."),
	GAUGE("udp_flows_now", "flows", "network=\"udp\"", NULL),
	GAUGE("flows_held", "flows_held", NULL,
	      "Of those of TCP, are not open yet."),
	GAUGE("flows_max", "flows_limit", "network=\"tcp\"",
	      "Flows that there may be."),
	GAUGE("udp_flows_max", "flows_limit", "network=\"udp\"", NULL),
	GAUGE("flows_per_source", "flows_per_source_limit", NULL,
	      "Flows of TCP that one device behind this host may have."),
	COUNTER("flows_ever", "flows_begun", "network=\"tcp\"",
		"Flows that were begun."),
	COUNTER("udp_flows_ever", "flows_begun", "network=\"udp\"", NULL),
	COUNTER("flows_refused_rule", "refused", "reason=\"rule\"",
		"Connections of TCP that were refused."),
	COUNTER("flows_refused_unknown", "refused",
		"reason=\"unknown_address\"", NULL),
	COUNTER("flows_refused_full", "refused", "reason=\"full\"", NULL),
	COUNTER("flows_refused_quota", "refused", "reason=\"quota\"", NULL),
	COUNTER("flows_refused_outbound", "refused", "reason=\"outbound\"",
		NULL),
	COUNTER("flows_refused_destination", "refused",
		"reason=\"destination\"", NULL),
	COUNTER("flows_refused_closed", "refused", "reason=\"closed\"", NULL),
	COUNTER("udp_refused", "udp_refused", NULL,
		"Sockets of UDP that were refused."),
	COUNTER("bytes_up", "bytes", "network=\"tcp\",direction=\"up\"",
		"Bytes that were carried; up is away from the application."),
	COUNTER("bytes_down", "bytes", "network=\"tcp\",direction=\"down\"",
		NULL),
	COUNTER("udp_bytes_up", "bytes", "network=\"udp\",direction=\"up\"",
		NULL),
	COUNTER("udp_bytes_down", "bytes", "network=\"udp\",direction=\"down\"",
		NULL),
	COUNTER("udp_packets_up", "udp_packets", "direction=\"up\"",
		"Datagrams that were carried."),
	COUNTER("udp_packets_down", "udp_packets", "direction=\"down\"", NULL),
	COUNTER("udp_dropped", "udp_dropped", NULL,
		"Datagrams that found no room."),
	COUNTER("packets_in", "packets", "direction=\"in\"",
		"Packets between TUN and relay in user space."),
	COUNTER("packets_out", "packets", "direction=\"out\"", NULL),
	COUNTER("syns_dropped", "syns_dropped", NULL,
		"SYNs of floods that the kernel dropped."),
	COUNTER("packets_dropped", "packets_dropped", NULL,
		"Packets that nothing could be done with."),
	COUNTER("sniffed", "sniffed", "result=\"name\"",
		"Flows whose name was looked for."),
	COUNTER("sniffed_nothing", "sniffed", "result=\"none\"", NULL),
	COUNTER("own_flows", "own_flows", NULL,
		"Flows of outbounds' own servers, sent directly."),
	COUNTER("echoes_answered", "echoes", "result=\"answered\"", "Pings."),
	COUNTER("echoes_refused", "echoes", "result=\"refused\"", NULL),
	COUNTER("dns_queries", "dns_queries", NULL,
		"Questions that entered the TUN and went to dnsd."),
	COUNTER("loops", "loops", NULL,
		"Packets of our own that came back, which must not be."),
	COUNTER("repairs", "repairs", NULL,
		"Objects of ours that others removed and that were put back."),
	GAUGE("objects", "objects", NULL, "Rules, routes and addresses."),
	GAUGE("directs", "directs", NULL,
	      "Addresses of DIRECT names that go past the TUN."),
	COUNTER("refused_pool_out", "firewall_refused", "kind=\"pool_out\"",
		"Packets that nftables rejected for us."),
	COUNTER("refused_pool_in", "firewall_refused", "kind=\"pool_in\"",
		NULL),
	COUNTER("refused_closed", "firewall_refused", "kind=\"closed\"", NULL),
	COUNTER("gateway_loops", "firewall_refused", "kind=\"loop\"", NULL),
	COUNTER("gateway_stranded", "firewall_refused", "kind=\"stranded\"",
		NULL),
	COUNTER("relay_deaths", "relay_deaths", NULL, "Relays that died."),
	GAUGE("rules", "rules", NULL, "Rules of the configuration."),
	GAUGE("memory", "memory_bytes", "process=\"routed\"",
	      "Bytes of the heap that are in use."),
	GAUGE("relay_memory", "memory_bytes", "process=\"relay\"", NULL),
	{NULL, NULL, METRIC_GAUGE, NULL, NULL},
};

char *figures_metrics(const struct verbs *verbs,
		      const struct link_counters *counters)
{
	static const char *const steps[LINK_STEPS] = {
		[LINK_STEP_MAP] = "step=\"map\"",
		[LINK_STEP_RULES] = "step=\"rules\"",
		[LINK_STEP_OWNER] = "step=\"owner\"",
		[LINK_STEP_CONNECT] = "step=\"connect\"",
		[LINK_STEP_HANDSHAKE] = "step=\"handshake\"",
		[LINK_STEP_ACCEPT] = "step=\"accept\"",
	};
	struct metrics_histogram histograms[LINK_STEPS + 1] = {{.name = NULL}};
	struct json *json = figures_json(verbs, counters);
	char *text;

	if (!json)
		return NULL;
	for (size_t i = 0; counters && i < LINK_STEPS; i++)
		histograms[i] = (struct metrics_histogram){
			.name = "routed_setup_seconds",
			.label = steps[i],
			.help = "What the steps of setting up a flow of TCP "
				"took, where they were needed.",
			.bounds_us = histogram_bounds_us,
			.counts = counters->setup[i].counts,
			.buckets = HISTOGRAM_BUCKETS,
			.sum_us = counters->setup[i].sum_us,
		};
	text = metrics_text(table, json, histograms);
	json_free(json);
	return text;
}
