// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/verbs.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/plural.h"
#include "common/slots.h"
#include "dnsd/figures.h"
#include "dnsd/report.h"
#include "dnsd/used.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_NAME "dnsd.sock"
#define USED_MAX 4096 /* slots to a request: half a millisecond of work */
#define CALL_TIMEOUT_MS 5000
#define DESCRIPTION_MAX 512

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
	struct json *json = figures_json(verbs);

	(void)request;
	if (!json) {
		control_end(client, "out of memory");
		return;
	}
	control_send(client, json);
	json_free(json);
	send_upstreams(verbs, client);
	control_end(client, NULL);
}

static void verb_metrics(void *ctx, struct control_client *client,
			 const struct json *request)
{
	struct json *json = json_new();
	char *text = verbs_metrics(ctx);

	(void)request;
	if (json && text) {
		json_set_text(json, "metrics", text);
		control_send(client, json);
	}
	control_end(client, json && text ? NULL : "out of memory");
	free(text);
	json_free(json);
}

static int64_t when_used(void *ctx, uint32_t slot)
{
	const struct verbs *verbs = ctx;

	return fakes_last_used_wall_ms(verbs->fakes, slot);
}

static void verb_used(void *ctx, struct control_client *client,
		      const struct json *request)
{
	struct verbs *verbs = ctx;
	const struct used_source source = {.when = when_used, .ctx = verbs};
	int64_t slots = fake_pool_size(&verbs->config->dnsd.fake);
	int64_t from = json_get_int(request, "from", 0);
	int64_t end;
	struct json *json;
	char *text;

	if (from < 0 || from > slots) {
		control_end(client, "'from' is not a slot");
		return;
	}
	end = from + USED_MAX < slots ? from + USED_MAX : slots;
	json = json_new();
	text = malloc(USED_TEXT_SIZE(USED_MAX));
	if (json && text) {
		json_set_text(json, "used",
			      used_format(&source, (uint32_t)from,
					  (uint32_t)end, text,
					  USED_TEXT_SIZE(USED_MAX)));
		if (end < slots)
			json_set_int(json, "next", end);
		control_send(client, json);
	}
	control_end(client, json && text ? NULL : "out of memory");
	free(text);
	json_free(json);
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

static void verb_watch(void *ctx, struct control_client *client,
		       const struct json *request)
{
	const struct verbs *verbs = ctx;

	(void)request;
	watch_verb(verbs->watch, verbs->control, client);
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
	{"metrics", CONTROL_READ, verb_metrics},
	{"watch", CONTROL_WATCH, verb_watch},
	{"used", CONTROL_WATCH, verb_used},
	{"flush", CONTROL_CHANGE, verb_flush},
	{"hold", CONTROL_PARTNER, verb_hold},
	{"explain", CONTROL_READ, verb_explain},
	{"resolve", CONTROL_PARTNER, verb_resolve},
	{NULL, CONTROL_READ, NULL},
};

char *verbs_metrics(void *ctx)
{
	struct json *json = figures_json(ctx);
	char *text = json ? metrics_text(figures_metrics, json, NULL) : NULL;

	json_free(json);
	return text;
}

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

static void print_metrics(void *ctx, const struct json *line)
{
	const char *text = json_get_text(line, "metrics");

	fputs(text ? text : "", ctx);
}

/* Asks the daemon the verb; what it says goes to `on_line`. */
static int print(const struct config *config, const char *verb,
		 void (*on_line)(void *ctx, const struct json *line), FILE *out)
{
	char error[DESCRIPTION_MAX] = "";
	const struct control_sink sink = {
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_line = on_line,
		.ctx = out,
		.error = error,
		.error_size = sizeof(error),
	};

	return call(config, request_of(verb), &sink);
}

static void print_flushed(void *ctx, const struct json *line)
{
	int64_t count = json_get_int(line, "flushed", 0);

	fprintf(ctx, "%lld %s forgotten\n", (long long)count,
		plural(count, "answer is", "answers are"));
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

int verbs_print_status(const struct config *config, bool is_json, FILE *out)
{
	return print(config, "status", is_json ? print_json : print_line, out);
}

int verbs_print_metrics(const struct config *config, FILE *out)
{
	return print(config, "metrics", print_metrics, out);
}
