// SPDX-License-Identifier: BSD-2-Clause
/* The command line's side of "watch". */
#include "common/err.h"
#include "common/plural.h"
#include "dnsd/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

struct printing {
	FILE *out; /* borrowed */
	bool is_json;
};

static const char *text_of(const struct json *line, const char *key)
{
	const char *text = json_get_text(line, key);

	return text ? text : "-";
}

/* The rule and where it stands, or what decided in its place. */
static void print_why(const struct json *line, FILE *out)
{
	const char *rule = json_get_text(line, "rule");
	const char *list = json_get_text(line, "list_file");
	const char *special = json_get_text(line, "special");
	const char *hosts = json_get_text(line, "hosts");

	if (rule) {
		fprintf(out, "  %s (%s:%lld", rule, text_of(line, "file"),
			(long long)json_get_int(line, "line", 0));
		if (list)
			fprintf(out, ", %s:%lld", list,
				(long long)json_get_int(line, "list_line", 0));
		fputc(')', out);
	}
	if (special)
		fprintf(out, "  %s", special);
	if (hosts)
		fprintf(out, "  %s", hosts);
}

/* Text was escaped before it was sent. */
static void print_query(const struct json *line, FILE *out)
{
	const char *upstream = json_get_text(line, "upstream");

	fprintf(out, "%s  %-21s %s %-5s %s -> %s  %lld us  %s",
		text_of(line, "time"), text_of(line, "client"),
		text_of(line, "network"), text_of(line, "type"),
		text_of(line, "name"), text_of(line, "answer"),
		(long long)json_get_int(line, "us", 0),
		text_of(line, "verdict"));
	print_why(line, out);
	if (upstream)
		fprintf(out, "  upstream %s", upstream);
	fputc('\n', out);
}

static void on_line(void *ctx, const struct json *line)
{
	const struct printing *printing = ctx;
	int64_t missed = json_get_int(line, "missed", 0);

	if (printing->is_json) {
		char *text = json_line(line);

		if (text)
			fprintf(printing->out, "%s\n", text);
		free(text);
	} else if (missed > 0) {
		fprintf(printing->out, "(%lld %s left out)\n",
			(long long)missed,
			plural(missed, "query is", "queries are"));
	} else {
		print_query(line, printing->out);
	}
	/* Whoever pipes it wants each line now. */
	fflush(printing->out);
}

int watch_run(const struct config *config, bool is_json, FILE *out)
{
	struct printing printing = {.out = out, .is_json = is_json};
	char *path = config_path(config->run_dir, "dnsd.sock");
	struct json *request = json_new();
	char error[256] = "";
	const struct control_sink sink = {
		.timeout_ms = INT_MAX,
		.on_line = on_line,
		.ctx = &printing,
		.error = error,
		.error_size = sizeof(error),
	};
	int ret = -ENOMEM;

	if (path && request) {
		json_set_text(request, "verb", "watch");
		ret = control_call(path, request, &sink);
	}
	if (ret < 0)
		fprintf(stderr, "dnsd: cannot watch '%s': %s\n",
			path ? path : "dnsd.sock",
			ret == ERR_REFUSED ? error : err_text(ret));
	json_free(request);
	free(path);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
