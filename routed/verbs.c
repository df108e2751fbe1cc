// SPDX-License-Identifier: BSD-2-Clause
#include "routed/verbs.h"

#include "common/err.h"
#include "common/log.h"
#include "common/uplink.h"
#include "routed/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

static void set_host(struct json *json, const struct verbs *verbs)
{
	const struct host_status status = host_status(verbs->host);

	bool is_all = verbs->config->routed.capture == ROUTED_CAPTURE_ALL;

	json_set_bool(json, "captured", status.is_captured);
	json_set_text(json, "capture", is_all ? "all" : "fake");
	json_set_bool(json, "resolver", status.has_resolver);
	json_set_text(json, "tun", verbs->config->routed.tun);
	set_uplink(json, verbs, "uplink_ipv4", ADDR_IPV4);
	set_uplink(json, verbs, "uplink_ipv6", ADDR_IPV6);
	json_set_int(json, "objects", (int64_t)status.objects);
	json_set_int(json, "repairs", (int64_t)status.repairs);
	json_set_int(json, "foreign", (int64_t)status.foreign);
	json_set_bool(json, "closed", status.is_closed);
	set_refused(json, verbs);
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
	};

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		json_set_int(json, members[i].key, (int64_t)members[i].value);
}

static void send_members(const struct verbs *verbs,
			 struct control_client *client)
{
	const struct link_member *member;

	for (size_t i = 0;
	     (member = members_at(&verbs->members, verbs->config, i)); i++) {
		struct json *json = members_json(member, verbs->config);

		if (json)
			control_send(client, json);
		json_free(json);
	}
}

static void send_status(const struct verbs *verbs,
			struct control_client *client,
			const struct link_counters *counters)
{
	const struct link_counters none = {0};
	struct json *json = json_new();

	if (!json) {
		control_end(client, "out of memory");
		return;
	}
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
	json_set_text(json, "steering", inner_steering(verbs->inner));
	set_carrier(json, verbs->inner);
	set_counters(json, counters ? counters : &none);
	control_send(client, json);
	json_free(json);
	send_members(verbs, client);
	control_end(client, NULL);
}

/* Room for one who waits, or NULL. */
static uint32_t remember(struct verbs *verbs, uint64_t client)
{
	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		if (verbs->pending[i].id != 0)
			continue;
		if (++verbs->last_id == 0)
			verbs->last_id = 1;
		verbs->pending[i].id = verbs->last_id;
		verbs->pending[i].client = client;
		return verbs->last_id;
	}
	return 0;
}

static void answer(struct verbs *verbs, size_t index,
		   const struct link_counters *counters)
{
	struct control_client *client = NULL;

	/* The relay may answer while we stop, when nobody is left to tell. */
	if (verbs->control)
		client = control_client_by_id(verbs->control,
					      verbs->pending[index].client);
	verbs->pending[index].id = 0;
	if (client)
		send_status(verbs, client, counters);
}

void verbs_on_counters(struct verbs *verbs, uint32_t id,
		       const struct link_counters *counters)
{
	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		if (id != 0 && verbs->pending[i].id == id)
			answer(verbs, i, counters);
	}
}

void verbs_on_member(struct verbs *verbs, const struct link_member *member)
{
	members_note(&verbs->members, verbs->config, member);
}

void verbs_on_relay_lost(struct verbs *verbs)
{
	members_clear(&verbs->members);
	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		if (verbs->pending[i].id != 0)
			answer(verbs, i, NULL);
	}
}

static void verb_status(void *ctx, struct control_client *client,
			const struct json *request)
{
	struct verbs *verbs = ctx;

	(void)request;
	uint32_t id = remember(verbs, control_client_id(client));
	if (id != 0 && relays_ask_counters(verbs->relays, id) == 0)
		return;
	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		if (id != 0 && verbs->pending[i].id == id)
			verbs->pending[i].id = 0;
	}
	send_status(verbs, client, NULL);
}

static void verb_flows(void *ctx, struct control_client *client,
		       const struct json *request)
{
	struct verbs *verbs = ctx;
	const struct control_peer *peer = control_client_peer(client);
	const struct link_viewer viewer = {
		.sees_all = peer->access >= CONTROL_WATCH,
		.uid = peer->uid,
	};

	(void)request;
	if (!relays_is_ready(verbs->relays)) {
		control_end(client, "there is no relay now");
		return;
	}
	int fd = control_detach(client);
	if (fd < 0) {
		control_end(client, "an earlier answer has not left yet");
		return;
	}
	/* If it fails the client finds its connection closed. */
	int ret = relays_send_flows(verbs->relays, fd, &viewer);
	if (ret < 0)
		log_debug("cannot hand a client to the relay: %s",
			  err_text(ret));
	close(fd);
}

/* Whether there is such a flow is the relay's to know. */
static void verb_close(void *ctx, struct control_client *client,
		       const struct json *request)
{
	const struct verbs *verbs = ctx;
	const char *src = json_get_text(request, "src");
	const char *dst = json_get_text(request, "dst");
	const char *network = json_get_text(request, "network");
	struct link_flow flow = {.network = NETWORK_TCP};
	int ret;

	if (network && strcmp(network, "udp") == 0)
		flow.network = NETWORK_UDP;
	if (!src || !dst || endpoint_parse(&flow.src, src, 0) < 0 ||
	    endpoint_parse(&flow.dst, dst, 0) < 0) {
		control_end(client, "'src' or 'dst' is no address with a port");
		return;
	}
	ret = relays_close_flow(verbs->relays, &flow);
	control_end(client, ret < 0 ? "there is no relay now" : NULL);
}

/* NULL, or what is wrong. */
static const char *read_query(const struct json *request,
			      struct explain_query *query)
{
	const char *from = json_get_text(request, "from");
	const char *iif = json_get_text(request, "iif");
	const char *word = json_get_text(request, "network");
	int64_t port = json_get_int(request, "port", 0);
	int64_t uid = json_get_int(request, "uid", -1);

	*query = (struct explain_query){
		.target = json_get_text(request, "target"),
		.port = (uint16_t)port,
		.uid = (uint32_t)uid,
		.has_uid = uid >= 0,
	};
	if (!query->target)
		return "'target' is missing";
	if (port < 0 || port > UINT16_MAX)
		return "'port' is no port";
	if (uid >= UINT32_MAX)
		return "'uid' is no user";
	if (from && addr_parse(&query->from, from) < 0)
		return "'from' is no address";
	if (iif && strlen(iif) >= sizeof(query->iif))
		return "'iif' is no interface";
	if (iif)
		memcpy(query->iif, iif, strlen(iif) + 1);
	if (port > 0)
		query->network = word && strcmp(word, "udp") == 0 ? NETWORK_UDP
								  : NETWORK_TCP;
	return NULL;
}

static void verb_explain(void *ctx, struct control_client *client,
			 const struct json *request)
{
	const struct verbs *verbs = ctx;
	struct explain_query query;
	const char *why = read_query(request, &query);
	struct explanation *explanation;

	if (why) {
		control_end(client, why);
		return;
	}
	explanation = calloc(1, sizeof(*explanation));
	if (!explanation) {
		control_end(client, "out of memory");
		return;
	}
	explanation->members = &verbs->members;
	if (explain_find(explanation, verbs->config, host_state(verbs->host),
			 &query) < 0) {
		control_end(client, "'target' is neither address nor name");
	} else {
		struct json *json = explain_json(explanation);
		if (json)
			control_send(client, json);
		control_end(client, json ? NULL : "out of memory");
		json_free(json);
	}
	free(explanation);
}

/*
 * Reads addresses with a space between each two.  NULL, or what is wrong:
 * nothing is done then, as who sends such a thing is not dnsd.
 */
static const char *read_directs(const struct verbs *verbs, const char *text,
				struct addr addrs[HOST_DIRECTS_MAX],
				size_t *count)
{
	const struct fake_pool *pool = &verbs->config->dnsd.fake;

	for (*count = 0; *text != '\0'; (*count)++) {
		size_t length = strcspn(text, " ");
		char word[ADDR_TEXT_SIZE];

		if (*count == HOST_DIRECTS_MAX)
			return "'addresses' has too many of them";
		if (length >= sizeof(word))
			return "'addresses' has what is none";
		memcpy(word, text, length);
		word[length] = '\0';
		if (addr_parse(&addrs[*count], word) < 0)
			return "'addresses' has what is none";
		if (!direct_is_fit(pool, &addrs[*count]))
			return "'addresses' has one that is never thrown";
		text += length;
		text += strspn(text, " ");
	}
	return *count ? NULL : "'addresses' has none";
}

static void verb_direct(void *ctx, struct control_client *client,
			const struct json *request)
{
	const struct verbs *verbs = ctx;
	const char *text = json_get_text(request, "addresses");
	int64_t ttl_s = json_get_int(request, "ttl", -1);
	struct addr addrs[HOST_DIRECTS_MAX];
	size_t count;
	const char *why;
	int ret;

	if (!text || ttl_s < 0) {
		control_end(client, "'addresses' or 'ttl' is missing");
		return;
	}
	why = read_directs(verbs, text, addrs, &count);
	if (why) {
		control_end(client, why);
		return;
	}
	ret = host_add_directs(verbs->host, addrs, count, ttl_s);
	control_end(client, ret < 0 ? err_text(ret) : NULL);
}

static void send_difference(const struct verbs *verbs,
			    struct control_client *client,
			    const struct reconcile_entry *entry)
{
	static const char *const words[] = {
		[RECONCILE_SEEN] = "seen",
		[RECONCILE_ADDED] = "missing",
		[RECONCILE_REMOVED] = "surplus",
		[RECONCILE_FOREIGN] = "foreign",
	};
	const struct plan_names names = {
		.state = host_state(verbs->host),
		.tun = verbs->config->routed.tun,
	};
	struct json *json = json_new();
	char text[PLAN_PRINT_SIZE];

	if (!json)
		return;
	json_set_text(json, "verdict", words[entry->verdict]);
	json_set_text(json, "object",
		      plan_print_object(&entry->object, false, &names, text,
					sizeof(text)));
	control_send(client, json);
	json_free(json);
}

static void send_more(struct control_client *client, size_t count)
{
	struct json *json = json_new();

	if (!json)
		return;
	json_set_int(json, "more", (int64_t)count);
	control_send(client, json);
	json_free(json);
}

static void verb_diff(void *ctx, struct control_client *client,
		      const struct json *request)
{
	const struct verbs *verbs = ctx;
	char why[HOST_WHY_SIZE];
	struct reconcile diff;
	size_t count = 0;
	int ret = host_diff(verbs->host, &diff, why);

	(void)request;
	if (ret < 0) {
		control_end(client, why);
		return;
	}
	for (size_t i = 0; i < diff.count; i++) {
		if (diff.entries[i].verdict != RECONCILE_SEEN &&
		    count++ < VERBS_DIFFS_MAX)
			send_difference(verbs, client, &diff.entries[i]);
	}
	if (count > VERBS_DIFFS_MAX)
		send_more(client, count - VERBS_DIFFS_MAX);
	reconcile_fini(&diff);
	control_end(client, NULL);
}

const struct control_verb verbs_table[] = {
	{"close", CONTROL_CHANGE, verb_close},
	{"direct", CONTROL_PARTNER, verb_direct},
	{"diff", CONTROL_READ, verb_diff},
	{"status", CONTROL_READ, verb_status},
	{"flows", CONTROL_READ, verb_flows},
	{"explain", CONTROL_READ, verb_explain},
	{NULL, CONTROL_READ, NULL},
};
