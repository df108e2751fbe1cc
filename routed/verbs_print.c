// SPDX-License-Identifier: BSD-2-Clause
/* The command line's side of verbs.h. */
#include "routed/verbs.h"

#include "common/err.h"
#include "routed/explain.h"
#include "routed/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_NAME "routed.sock"
#define CALL_TIMEOUT_MS 10000 /* a relay that hangs is found after two */
#define ERROR_SIZE 512

typedef void (*line_fn)(void *ctx, const struct json *line);

static void print_json(void *ctx, const struct json *line)
{
	char *text = json_line(line);

	if (text)
		fprintf(ctx, "%s\n", text);
	free(text);
}

static void print_status(void *ctx, const struct json *line)
{
	report_status(line, ctx);
}

static void print_explanation(void *ctx, const struct json *line)
{
	report_explanation(line, ctx);
}

/* The result of control_call(); `error` has ERROR_SIZE bytes. */
static int call(const char *run_dir, const struct json *request, line_fn fn,
		void *ctx, char *error)
{
	char *path = config_path(run_dir, SOCKET_NAME);
	int ret = -ENOMEM;

	const struct control_sink sink = {
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_line = fn,
		.ctx = ctx,
		.error = error,
		.error_size = ERROR_SIZE,
	};
	error[0] = '\0';
	if (path && request)
		ret = control_call(path, request, &sink);
	if (ret < 0 && ret != ERR_REFUSED)
		snprintf(error, ERROR_SIZE, "%s", err_text(ret));
	free(path);
	return ret;
}

static int ask(const char *run_dir, const char *verb, line_fn fn, void *ctx)
{
	char error[ERROR_SIZE];
	struct json *request = json_new();

	if (request)
		json_set_text(request, "verb", verb);
	int ret = call(run_dir, request, fn, ctx, error);
	if (ret < 0)
		fprintf(stderr, "routed: cannot ask '%s/%s': %s\n", run_dir,
			SOCKET_NAME, error);
	json_free(request);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verbs_print_status(const char *run_dir, bool is_json, FILE *out)
{
	return ask(run_dir, "status", is_json ? print_json : print_status, out);
}

static void print_metrics(void *ctx, const struct json *line)
{
	const char *text = json_get_text(line, "metrics");

	fputs(text ? text : "", ctx);
}

int verbs_print_metrics(const char *run_dir, FILE *out)
{
	return ask(run_dir, "metrics", print_metrics, out);
}

struct diff_printer {
	FILE *out;
	bool is_json;
	bool differs;
};

static void print_difference(void *ctx, const struct json *line)
{
	struct diff_printer *printer = ctx;
	int64_t more = json_get_int(line, "more", 0);

	printer->differs = true;
	if (printer->is_json)
		print_json(printer->out, line);
	else if (more)
		fprintf(printer->out, "and %lld more\n", (long long)more);
	else
		fprintf(printer->out, "%s: %s\n",
			json_get_text(line, "verdict"),
			json_get_text(line, "object"));
}

int verbs_print_diff(const char *run_dir, bool is_json, FILE *out)
{
	struct diff_printer printer = {.out = out, .is_json = is_json};
	int status = ask(run_dir, "diff", print_difference, &printer);

	return printer.differs ? EXIT_FAILURE : status;
}

static void add_flow(void *ctx, const struct json *line)
{
	report_flows_add(ctx, line);
}

int verbs_print_flows(const char *run_dir, bool is_json, FILE *out)
{
	struct report_flows flows;

	if (is_json)
		return ask(run_dir, "flows", print_json, out);
	int ret = report_flows_init(&flows);
	if (ret < 0) {
		fprintf(stderr, "routed: cannot list flows: %s\n",
			err_text(ret));
		return EXIT_FAILURE;
	}
	int status = ask(run_dir, "flows", add_flow, &flows);
	if (status == EXIT_SUCCESS && flows.count == 0 && geteuid() != 0)
		fputs("no flows that this user may see: those of others are "
		      "for root and the group of the daemons\n",
		      out);
	else if (status == EXIT_SUCCESS)
		report_flows_print(&flows, out);
	report_flows_fini(&flows);
	return status;
}

static void ignore_line(void *ctx, const struct json *line)
{
	(void)ctx, (void)line;
}

static int explain_failure(int ret, const char *why, char *error,
			   size_t error_size)
{
	snprintf(error, error_size, "%s", ret < 0 ? why : "");
	return ret;
}

int verbs_ask_flows(const char *run_dir,
		    void (*fn)(void *ctx, const struct json *line), void *ctx,
		    char *error, size_t error_size)
{
	char why[ERROR_SIZE];
	struct json *request = json_new();

	if (request)
		json_set_text(request, "verb", "flows");
	int ret = call(run_dir, request, fn, ctx, why);
	json_free(request);
	return explain_failure(ret, why, error, error_size);
}

int verbs_close_flow(const char *run_dir, const struct verbs_flow *flow,
		     char *error, size_t error_size)
{
	char why[ERROR_SIZE];
	struct json *request = json_new();

	if (request) {
		json_set_text(request, "verb", "close");
		json_set_text(request, "network", flow->network);
		json_set_text(request, "src", flow->src);
		json_set_text(request, "dst", flow->dst);
	}
	int ret = call(run_dir, request, ignore_line, NULL, why);
	json_free(request);
	return explain_failure(ret, why, error, error_size);
}

struct search {
	const char *id;
	size_t count;
	struct json *found; /* owned; the first one */
};

static void look_at_flow(void *ctx, const struct json *line)
{
	struct search *search = ctx;
	const char *id = json_get_text(line, "id");

	if (!id || strncmp(id, search->id, strlen(search->id)) != 0)
		return;
	if (search->count++ == 0)
		search->found = json_clone(line);
}

/* NULL, or what is wrong. */
static const char *find_flow(const char *run_dir, struct search *search,
			     char error[ERROR_SIZE])
{
	int ret = verbs_ask_flows(run_dir, look_at_flow, search, error,
				  ERROR_SIZE);

	if (ret < 0)
		return error;
	if (search->count == 0 || search->id[0] == '\0')
		return "there is no such flow";
	if (search->count > 1)
		return "several flows begin so";
	return search->found ? NULL : "out of memory";
}

static void print_closed(const struct json *flow, FILE *out)
{
	const char *name = json_get_text(flow, "name");

	fprintf(out, "closed %s %s to %s%s%s%s\n",
		json_get_text(flow, "network"), json_get_text(flow, "src"),
		json_get_text(flow, "dst"), name ? " (" : "", name ? name : "",
		name ? ")" : "");
}

int verbs_print_close(const char *run_dir, const char *id, bool is_json,
		      FILE *out)
{
	struct search search = {.id = id};
	char error[ERROR_SIZE];
	const char *why = find_flow(run_dir, &search, error);

	if (!why) {
		const struct verbs_flow flow = {
			.network = json_get_text(search.found, "network"),
			.src = json_get_text(search.found, "src"),
			.dst = json_get_text(search.found, "dst")};

		if (verbs_close_flow(run_dir, &flow, error, sizeof(error)) < 0)
			why = error;
	}
	if (why)
		fprintf(stderr, "routed: cannot close '%s': %s\n", id, why);
	else if (is_json)
		print_json(out, search.found);
	else
		print_closed(search.found, out);
	json_free(search.found);
	return why ? EXIT_FAILURE : EXIT_SUCCESS;
}

static const char *ask_state(struct nl_state *state)
{
	struct nl_reader *reader;
	int ret = nl_reader_open(&reader);

	if (ret == 0) {
		ret = nl_reader_dump(reader, state);
		nl_reader_close(reader);
	}
	return ret < 0 ? err_text(ret) : NULL;
}

/* The same as the daemon would say, but for what it has learnt. */
static int explain_here(const struct options *options,
			const struct config *config, FILE *out)
{
	struct nl_state state = {0};
	struct json *json = NULL;
	struct explanation *explanation = calloc(1, sizeof(*explanation));
	const char *why = explanation ? ask_state(&state) : "out of memory";

	if (!why &&
	    explain_find(explanation, config, &state, &options->query) < 0)
		why = "neither an address nor a name";
	if (!why)
		json = explain_json(explanation);
	if (json)
		(options->settings.is_json ? print_json
					   : print_explanation)(out, json);
	else
		fprintf(stderr, "routed: cannot explain '%s': %s\n",
			options->query.target, why ? why : "out of memory");
	nl_state_free(&state);
	free(explanation);
	const int status = json ? EXIT_SUCCESS : EXIT_FAILURE;
	json_free(json);
	return status;
}

static void set_query(struct json *request, const struct explain_query *query)
{
	char from[ADDR_TEXT_SIZE];

	json_set_text(request, "target", query->target);
	json_set_int(request, "port", query->port);
	json_set_text(request, "network",
		      query->network == NETWORK_UDP ? "udp" : "tcp");
	if (query->from.family != ADDR_NONE)
		json_set_text(request, "from",
			      addr_format(&query->from, from, sizeof(from)));
	if (query->has_uid)
		json_set_int(request, "uid", query->uid);
	if (query->cgroup)
		json_set_text(request, "cgroup", query->cgroup);
	if (query->iif[0] != '\0')
		json_set_text(request, "iif", query->iif);
}

int verbs_print_explanation(const char *run_dir, const struct options *options,
			    const struct config *config, FILE *out)
{
	char error[ERROR_SIZE];
	struct json *request = json_new();

	if (request) {
		json_set_text(request, "verb", "explain");
		set_query(request, &options->query);
	}
	int ret =
		call(run_dir, request,
		     options->settings.is_json ? print_json : print_explanation,
		     out, error);
	json_free(request);
	if (ret == 0)
		return EXIT_SUCCESS;
	if (ret != ERR_REFUSED && config)
		return explain_here(options, config, out);
	fprintf(stderr, "routed: cannot explain '%s': %s\n",
		options->query.target, error);
	return EXIT_FAILURE;
}
