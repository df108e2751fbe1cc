// SPDX-License-Identifier: BSD-2-Clause
#include "routed/verbs.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/uplink.h"
#include "routed/explain.h"
#include "routed/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	struct json *json = figures_json(verbs, counters);

	if (!json) {
		control_end(client, "out of memory");
		return;
	}
	control_send(client, json);
	json_free(json);
	send_members(verbs, client);
	control_end(client, NULL);
}

static void send_metrics(const struct verbs *verbs,
			 struct control_client *client,
			 const struct link_counters *counters)
{
	char *text = figures_metrics(verbs, counters);
	struct json *json = text ? json_new() : NULL;

	if (json) {
		json_set_text(json, "metrics", text);
		control_send(client, json);
	}
	control_end(client, json ? NULL : "out of memory");
	json_free(json);
	free(text);
}

/* Room for one who waits, or 0. */
static uint32_t remember(struct verbs *verbs, uint64_t client,
			 verbs_tell_fn tell)
{
	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		if (verbs->pending[i].id != 0)
			continue;
		if (++verbs->last_id == 0)
			verbs->last_id = 1;
		verbs->pending[i].id = verbs->last_id;
		verbs->pending[i].client = client;
		verbs->pending[i].tell = tell;
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
		verbs->pending[index].tell(verbs, client, counters);
}

void verbs_on_counters(struct verbs *verbs, uint32_t id,
		       const struct link_counters *counters)
{
	verbs->last = *counters;
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
	verbs->last = (struct link_counters){0};
	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		if (verbs->pending[i].id != 0)
			answer(verbs, i, NULL);
	}
}

/* They come from the relay; without one there are none. */
static void ask_counters(struct verbs *verbs, struct control_client *client,
			 verbs_tell_fn tell)
{
	uint32_t id = remember(verbs, control_client_id(client), tell);

	if (id != 0 && relays_ask_counters(verbs->relays, id) == 0)
		return;
	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		if (id != 0 && verbs->pending[i].id == id)
			verbs->pending[i].id = 0;
	}
	tell(verbs, client, NULL);
}

static void verb_status(void *ctx, struct control_client *client,
			const struct json *request)
{
	(void)request;
	ask_counters(ctx, client, send_status);
}

static void verb_metrics(void *ctx, struct control_client *client,
			 const struct json *request)
{
	(void)request;
	ask_counters(ctx, client, send_metrics);
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
		.cgroup = json_get_text(request, "cgroup"),
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

/* Where they have no throws, and for what is too early for those. */
static void tell_relay(const struct verbs *verbs, const struct addr *addrs,
		       size_t count, int64_t ttl_s)
{
	struct link_direct direct = {
		.until_ms = direct_until_ms(clock_monotonic_ms(), ttl_s),
	};

	for (size_t i = 0; i < count; i++) {
		direct.addr = addrs[i];
		int ret = relays_tell_direct(verbs->relays, &direct);
		/* There may be none just now; dnsd tells again in a while. */
		if (ret < 0)
			log_debug("cannot tell the relay of an address of a "
				  "DIRECT name: %s",
				  err_text(ret));
	}
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
	tell_relay(verbs, addrs, count, ttl_s);
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
	{"metrics", CONTROL_READ, verb_metrics},
	{"flows", CONTROL_READ, verb_flows},
	{"explain", CONTROL_READ, verb_explain},
	{NULL, CONTROL_READ, NULL},
};

static char *text_of_now(void *ctx)
{
	const struct verbs *verbs = ctx;

	return figures_metrics(verbs, &verbs->last);
}

/* Nobody waits for id 0: verbs->last is what the answer is for. */
static void ask_relay(void *ctx)
{
	const struct verbs *verbs = ctx;

	if (relays_ask_counters(verbs->relays, 0) < 0)
		log_debug("no relay to ask for its counters");
}

static int open_socket(struct verbs *verbs, struct ev_loop *loop,
		       const struct identity *identity)
{
	char *path = config_path(verbs->config->run_dir, "routed.sock");
	const struct control_conf conf = {
		.path = path,
		.group = identity->gid,
		.partner = identity->uid,
		.verbs = verbs_table,
		.ctx = verbs,
	};
	int ret = path ? control_open(&verbs->control, loop, &conf) : -ENOMEM;

	if (ret < 0)
		log_error("cannot open control socket '%s': %s",
			  path ? path : "routed.sock", err_text(ret));
	free(path);
	return ret;
}

int verbs_open(struct verbs *verbs, struct ev_loop *loop,
	       const struct identity *identity)
{
	const struct outlet_conf conf = {
		.loop = loop,
		.text = text_of_now,
		.ask = ask_relay,
		.ctx = verbs,
	};
	int ret;

	outlet_init(&verbs->outlet, &conf);
	ret = verbs_follow(verbs, verbs->config);
	if (ret == 0)
		ret = open_socket(verbs, loop, identity);
	return ret;
}

int verbs_follow(struct verbs *verbs, const struct config *config)
{
	int ret = outlet_follow(&verbs->outlet, &config->routed.metrics);

	if (ret == 0)
		verbs->config = config;
	return ret;
}

void verbs_close(struct verbs *verbs)
{
	outlet_close(&verbs->outlet);
	control_close(verbs->control);
	verbs->control = NULL;
}
