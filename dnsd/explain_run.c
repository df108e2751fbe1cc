// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command line's side: the lines come from the daemon, or, when there is
 * none, from an explainer of our own with upstreams, loop and map reader.
 */
#include "common/err.h"
#include "common/fake.h"
#include "common/log.h"
#include "common/map.h"
#include "common/plural.h"
#include "dnsd/explain_sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CALL_GRACE_MS 2000

/* What was told, in the order in which it is printed. */
struct view {
	bool is_json;
	FILE *summary, *steps;
	char *summary_text, *steps_text; /* owned */
	size_t summary_size, steps_size;
	bool has_rules, is_special;
	char error[512];
};

static int view_open(struct view *view, bool is_json)
{
	*view = (struct view){.is_json = is_json};
	view->summary =
		open_memstream(&view->summary_text, &view->summary_size);
	if (!view->summary)
		return -errno;
	view->steps = open_memstream(&view->steps_text, &view->steps_size);
	if (view->steps)
		return 0;
	int ret = -errno;
	fclose(view->summary);
	free(view->summary_text);
	return ret;
}

static void view_close(struct view *view, FILE *out)
{
	fclose(view->summary);
	fclose(view->steps);
	fputs(view->summary_text, out);
	if (view->has_rules)
		fputs(view->is_special
			      ? "\nThe rules, of which none decides here:\n"
			      : "\nThe rules, as they were looked at:\n",
		      out);
	fputs(view->steps_text, out);
	free(view->summary_text);
	free(view->steps_text);
}

static void view_step(struct view *view, const char *step,
		      const struct json *line)
{
	view->has_rules = true;
	if (strcmp(step, "omitted") == 0) {
		int64_t count = json_get_int(line, "count", 0);

		fprintf(view->steps, "  %-10s  (%lld more %s)\n", "no",
			(long long)count, plural(count, "rule", "rules"));
		return;
	}
	const char *says = json_get_text(line, "says");
	const char *rule = json_get_text(line, "rule");
	const char *file = json_get_text(line, "file");
	fprintf(view->steps, "  %-10s  %s  (%s:%lld)\n", says ? says : "",
		rule ? rule : "", file ? file : "",
		(long long)json_get_int(line, "line", 0));
}

static void print_place(FILE *out, const struct json *line, const char *word,
			const char *file_key, const char *line_key)
{
	const char *file = json_get_text(line, file_key);
	if (file)
		fprintf(out, "  %-10s %s:%lld\n", word, file,
			(long long)json_get_int(line, line_key, 0));
}

static void print_text(FILE *out, const struct json *line, const char *word,
		       const char *key)
{
	const char *text = json_get_text(line, key);
	if (text)
		fprintf(out, "  %-10s %s\n", word, text);
}

/* "kept for 12 s, 288 s left" */
static void print_cache(FILE *out, const struct json *line)
{
	const char *word = json_get_text(line, "cache");
	long long age_s = (long long)json_get_int(line, "cache_age_s", 0);
	long long left_s = (long long)json_get_int(line, "cache_left_s", 0);

	if (!word)
		return;
	fprintf(out, "  %-10s ", "cache");
	if (strcmp(word, "fresh") == 0)
		fprintf(out, "kept for %lld s, %lld s left\n", age_s, left_s);
	else if (strcmp(word, "stale") == 0)
		fprintf(out, "ended %lld s ago, given if nobody answers\n",
			-left_s);
	else if (strcmp(word, "cut") == 0)
		fprintf(out, "a name above it does not exist (RFC 8020)\n");
	else if (strcmp(word, "failure") == 0)
		fprintf(out, "failed a moment ago, not asked again yet\n");
	else
		fprintf(out, "has no answer, the upstream was asked\n");
}

/* "12 of 131068 addresses are given" */
static void print_room(FILE *out, const struct json *line)
{
	long long slots = (long long)json_get_int(line, "slots", 0);
	long long free = (long long)json_get_int(line, "slots_free", 0);

	if (slots > 0)
		fprintf(out, "  %-10s %lld of %lld addresses are given\n",
			"pool", slots - free, slots);
}

static void view_summary(struct view *view, const struct json *line)
{
	FILE *out = view->summary;
	if (view->is_json) {
		char *text = json_line(line);
		fprintf(out, "%s\n", text ? text : "");
		free(text);
		return;
	}

	const char *reason = json_get_text(line, "reason");
	view->is_special = json_get_text(line, "special") != NULL;
	fprintf(out, "%s\n\n", reason ? reason : "");
	print_text(out, line, "name", "name");
	print_text(out, line, "type", "type");
	print_text(out, line, "outbound", "outbound");
	print_text(out, line, "special", "special");
	print_text(out, line, "written in", "hosts");
	print_text(out, line, "rule", "rule");
	print_place(out, line, "in", "file", "line");
	print_place(out, line, "list", "list_file", "list_line");
	print_text(out, line, "upstream", "upstream");
	print_text(out, line, "servers", "servers");
	print_cache(out, line);
	print_text(out, line, "resolved", "resolved");
	print_text(out, line, "answer", "answer");
	int64_t slot = json_get_int(line, "slot", -1);
	if (slot >= 0)
		fprintf(out, "  %-10s %lld\n", "slot", (long long)slot);
	print_text(out, line, "fake IPv4", "fake_ipv4");
	print_text(out, line, "fake IPv6", "fake_ipv6");
	print_room(out, line);
}

static void on_line(void *ctx, const struct json *line)
{
	struct view *view = ctx;
	const char *step = json_get_text(line, "step");

	if (!step)
		view_summary(view, line);
	else if (!view->is_json)
		view_step(view, step, line);
}

/* 0, or ERR_NOT_RUNNING and the like when the daemon did not tell. */
static int ask_daemon(const struct config *config,
		      const struct explain_request *asked, struct view *view)
{
	char *path = config_path(config->run_dir, "dnsd.sock");
	struct json *request = json_new();
	const struct control_sink sink = {
		/* Two upstreams may have to be waited for. */
		.timeout_ms =
			(int)(2 * config->dnsd.timeout_ms) + CALL_GRACE_MS,
		.on_line = on_line,
		.ctx = view,
		.error = view->error,
		.error_size = sizeof(view->error),
	};
	int ret = -ENOMEM;

	if (path && request) {
		json_set_text(request, "verb", "explain");
		json_set_text(request, "name", asked->name);
		json_set_text(request, "type", asked->type);
		if (asked->from)
			json_set_text(request, "from", asked->from);
		ret = control_call(path, request, &sink);
	}
	json_free(request);
	free(path);
	return ret;
}

/* Where the explainer of our own looks and speaks. */
struct own {
	const struct config *config;
	struct ev_loop *loop;
	struct view *view;
	struct map_reader *map; /* NULL: there is none */
	bool is_done;
};

static int64_t slot_of(void *ctx, const struct name *name)
{
	const struct own *own = ctx;
	struct map_row row;
	if (!own->map || map_reader_by_name(own->map, name, &row) != 1)
		return -ENOENT;
	return row.slot;
}

static int see_row(void *ctx, const struct map_row *row)
{
	uint32_t *end = ctx;

	if (row->slot >= *end)
		*end = row->slot + 1;
	return 0;
}

/* As dnsd would find it if it were started now. */
static void room(void *ctx, struct explain_room *room)
{
	const struct own *own = ctx;
	const struct fake_pool *pool = &own->config->dnsd.fake;
	uint32_t end = 0, size = fake_pool_size(pool);

	*room = (struct explain_room){0};
	if (own->map && map_reader_each(own->map, see_row, &end) < 0)
		return;
	for (uint32_t slot = 0; slot < size; slot++) {
		bool is_reserved = fake_slot_is_reserved(pool, slot);

		room->slots += !is_reserved;
		room->free += !is_reserved && slot >= end;
	}
	if (room->free == 0)
		room->why_full = "none counts as idle after a start";
}

static int name_of(void *ctx, uint32_t slot, struct name *name)
{
	const struct own *own = ctx;
	struct map_row row;
	if (!own->map || map_reader_by_slot(own->map, slot, &row) != 1)
		return -ENOENT;
	*name = row.name;
	return 0;
}

static void own_line(const struct explain_sink *sink, const struct json *line)
{
	struct own *own = sink->ctx;
	on_line(own->view, line);
}

static void own_end(const struct explain_sink *sink, const char *error)
{
	struct own *own = sink->ctx;
	(void)error;
	own->is_done = true;
	ev_break(own->loop, EVBREAK_ALL);
}

static int open_map(struct own *own)
{
	char reason[MAP_REASON_SIZE];
	char *path = config_path(own->config->state_dir, "map.db");
	if (!path)
		return -ENOMEM;
	int ret = map_reader_open(&own->map, path, reason);
	if (ret < 0) {
		own->map = NULL;
		if (ret != -ENOENT)
			log_warning("%s", reason);
	}
	free(path);
	return 0;
}

static int explain_with(struct own *own, const struct explain_subject *subject)
{
	const struct config *config = own->config;
	const struct upstreams_conf upstreams_conf = upstreams_conf_of(config);
	struct explain_conf conf = {
		.config = config,
		.slot_of = slot_of,
		.name_of = name_of,
		.room = room,
		.ctx = own,
	};
	struct explain_sink sink = {
		.line = own_line, .end = own_end, .ctx = own};
	struct explainer *explainer;
	struct hosts *hosts;

	int ret = hosts_new(&hosts);
	if (ret < 0)
		return ret;
	conf.hosts = hosts;
	ret = upstreams_new(&conf.upstreams, own->loop, &upstreams_conf);
	if (ret < 0)
		goto free_hosts;
	ret = explainer_new(&explainer, &conf);
	if (ret < 0)
		goto free_upstreams;
	ret = hosts_load(hosts, config);
	if (ret < 0)
		log_warning("cannot read '%s': %s", config->dnsd.hosts_file,
			    err_text(ret));
	ret = explain_begin(explainer, subject, &sink);
	if (ret == 0 && !own->is_done)
		ev_run(own->loop, 0);
	upstreams_free(conf.upstreams);
	explainer_free(explainer);
	hosts_free(hosts);
	return ret;

free_upstreams:
	upstreams_free(conf.upstreams);
free_hosts:
	hosts_free(hosts);
	return ret;
}

static int explain_alone(const struct config *config,
			 const struct explain_subject *subject,
			 struct view *view)
{
	struct own own = {.config = config, .view = view};
	own.loop = ev_loop_new(EVFLAG_AUTO);
	if (!own.loop)
		return -ENOMEM;
	int ret = open_map(&own);
	if (ret == 0)
		ret = explain_with(&own, subject);
	map_reader_close(own.map);
	ev_loop_destroy(own.loop);
	return ret;
}

int explain_run(const struct config *config,
		const struct explain_request *request, FILE *out)
{
	struct explain_subject subject;
	struct view view;
	const char *why = explain_subject_read(&subject, request->name,
					       request->type, request->from);

	if (why) {
		log_error("cannot explain '%s' %s: %s", request->name,
			  request->type, why);
		return EXIT_FAILURE;
	}
	int ret = view_open(&view, request->is_json);
	if (ret < 0)
		goto failed;
	ret = ask_daemon(config, request, &view);
	if (ret == ERR_NOT_RUNNING || ret == -EACCES || ret == -EPERM) {
		bool is_running = ret != ERR_NOT_RUNNING;
		ret = explain_alone(config, &subject, &view);
		fprintf(view.steps, "%s",
			request->is_json ? ""
			: is_running
				? "\nThe daemon may be asked by root and the "
				  "group 'ersatz' only: told from "
				  "configuration and map.\n"
				: "\nNo daemon runs: told from configuration "
				  "and map.\n");
	}
	view_close(&view, out);
	if (ret == 0)
		return fflush(out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
failed:
	log_error("cannot explain '%s': %s", request->name,
		  ret == ERR_REFUSED ? view.error : err_text(ret));
	return EXIT_FAILURE;
}
