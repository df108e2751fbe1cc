// SPDX-License-Identifier: BSD-2-Clause
/* The command line's side of verbs.h. */
#include "routed/verbs.h"

#include "common/err.h"
#include "routed/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static void print_member(void *ctx, const char *key, const char *value)
{
	if (value[0])
		fprintf(ctx, "%-16s%s\n", key, value);
}

static void print_members(void *ctx, const struct json *line)
{
	json_each(line, print_member, ctx);
}

static void print_evidence(void *ctx, const char *key, const char *value)
{
	if (strcmp(key, "reason") != 0)
		print_member(ctx, key, value);
}

/* The sentence, then what it rests on. */
static void print_explanation(void *ctx, const struct json *line)
{
	const char *reason = json_get_text(line, "reason");

	fprintf(ctx, "%s\n\n", reason ? reason : "");
	json_each(line, print_evidence, ctx);
}

/* The result of control_call(); `error` has ERROR_SIZE bytes. */
static int call(const char *run_dir, const struct json *request, line_fn fn,
		FILE *out, char *error)
{
	char *path = config_path(run_dir, SOCKET_NAME);
	int ret = -ENOMEM;

	const struct control_sink sink = {
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_line = fn,
		.ctx = out,
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

static int print_verb(const char *run_dir, const char *verb, line_fn fn,
		      FILE *out)
{
	char error[ERROR_SIZE];
	struct json *request = json_new();

	if (request)
		json_set_text(request, "verb", verb);
	int ret = call(run_dir, request, fn, out, error);
	if (ret < 0)
		fprintf(stderr, "routed: cannot ask '%s/%s': %s\n", run_dir,
			SOCKET_NAME, error);
	json_free(request);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verbs_print_status(const char *run_dir, bool is_json, FILE *out)
{
	return print_verb(run_dir, "status",
			  is_json ? print_json : print_members, out);
}

static const char *text_of(const struct json *line, const char *key)
{
	const char *text = json_get_text(line, key);

	return text ? text : "-";
}

/* A line that a person reads: who, to what, by what, how much. */
static void print_flow(void *ctx, const struct json *line)
{
	const char *name = json_get_text(line, "name");

	fprintf(ctx, "%-22s -> %s%s%s%s by %s, %s, up %lld, down %lld\n",
		text_of(line, "src"), name ? name : "", name ? " (" : "",
		text_of(line, "dst"), name ? ")" : "",
		text_of(line, "outbound"), text_of(line, "state"),
		(long long)json_get_int(line, "up", 0),
		(long long)json_get_int(line, "down", 0));
}

int verbs_print_flows(const char *run_dir, bool is_json, FILE *out)
{
	return print_verb(run_dir, "flows", is_json ? print_json : print_flow,
			  out);
}

/* The same as the daemon would say, but for what it has learnt. */
static int explain_here(const struct options *options,
			const struct config *config, FILE *out)
{
	int status = EXIT_FAILURE;
	struct json *json = NULL;
	struct explanation *explanation = calloc(1, sizeof(*explanation));

	if (explanation && explain_find(explanation, config, options->target,
					options->port, options->network) == 0)
		json = explain_json(explanation);
	if (json) {
		(options->is_json ? print_json : print_explanation)(out, json);
		status = EXIT_SUCCESS;
	} else {
		fprintf(stderr,
			"routed: cannot explain '%s': neither an address nor "
			"a name\n",
			options->target);
	}
	json_free(json);
	free(explanation);
	return status;
}

int verbs_print_explanation(const char *run_dir, const struct options *options,
			    const struct config *config, FILE *out)
{
	char error[ERROR_SIZE];
	struct json *request = json_new();

	if (request) {
		json_set_text(request, "verb", "explain");
		json_set_text(request, "target", options->target);
		json_set_int(request, "port", options->port);
		json_set_text(request, "network",
			      options->network == NETWORK_UDP ? "udp" : "tcp");
	}
	int ret = call(run_dir, request,
		       options->is_json ? print_json : print_explanation, out,
		       error);
	json_free(request);
	if (ret == 0)
		return EXIT_SUCCESS;
	if (ret != ERR_REFUSED && config)
		return explain_here(options, config, out);
	fprintf(stderr, "routed: cannot explain '%s': %s\n", options->target,
		error);
	return EXIT_FAILURE;
}
