// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/options.h"

#include "common/clock.h"
#include "common/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT 53

/* Long options without a letter, beside those of settings.h. */
enum {
	OPTION_LISTEN = SETTINGS_OWN,
	OPTION_CHECK,
	OPTION_PRINT_CONFIG,
	OPTION_DUMP_MAP,
	OPTION_EXPLAIN,
	OPTION_STATUS,
	OPTION_FLUSH,
	OPTION_METRICS,
	OPTION_WATCH,
	OPTION_NAME,
	OPTION_SINCE,
	OPTION_SORT,
	OPTION_FROM,
};

static const struct option long_options[] = {
	SETTINGS_OPTIONS,
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
	{"dump-map", optional_argument, NULL, OPTION_DUMP_MAP},
	{"explain", required_argument, NULL, OPTION_EXPLAIN},
	{"status", no_argument, NULL, OPTION_STATUS},
	{"flush", no_argument, NULL, OPTION_FLUSH},
	{"metrics", no_argument, NULL, OPTION_METRICS},
	{"watch", no_argument, NULL, OPTION_WATCH},
	{"name", required_argument, NULL, OPTION_NAME},
	{"since", required_argument, NULL, OPTION_SINCE},
	{"sort", required_argument, NULL, OPTION_SORT},
	{"from", required_argument, NULL, OPTION_FROM},
	{NULL, 0, NULL, 0},
};

/* It fits a screen of 24 lines of 80 columns; a test sees to that. */
void options_help(FILE *out)
{
	static const char *const lines[] = {
		"usage: dnsd [OPTION...]",
		"Answers DNS: names that a rule sends through an outbound get "
		"a fake address.",
		"  -f                     stay in the foreground, log to "
		"stderr",
		"  -c FILE                the configuration "
		"(" CONFIG_DEFAULT_FILE ")",
		"  --proxy URL            no file: all through "
		"socks5://, http:// or unix:",
		"  --password-file FILE   the password of USER",
		"  --listen ADDRESS       instead of dnsd.listen; may be "
		"repeated",
		"  --state DIR, --run DIR where the map is, and where control "
		"socket and lock are",
		"instead of running:",
		"  --check                check the configuration, tell every "
		"error",
		"  --print-config         print what is in effect, as a "
		"configuration",
		"  --dump-map[=FORM]      print the map: table, json, csv, "
		"hosts",
		"    --name GLOB          ... these names of it",
		"    --since TIME         ... made or used since then: 10m, "
		"2h, "
		"2026-11-22",
		"    --sort KEY           ... by slot, name, created or used",
		"  --explain NAME [TYPE]  why NAME is answered as it is",
		"    --from ADDRESS       ... to this client",
		"  --status               what the running daemon does",
		"  --metrics              the same for Prometheus",
		"  --watch                each query as it is answered",
		"  --flush [NAME]         forget answers that are kept, all or "
		"of NAME and below",
		"  --json                 with these: one object a line",
		"  --version, --help",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		fprintf(out, "%s\n", lines[i]);
}

/* Two actions at once are nobody's wish. */
static int set_action(struct options *options, enum options_action action,
		      const char *option)
{
	if (options->action != ACTION_RUN && options->action != action)
		return settings_complain(&options->settings,
					 "only one action at a time, not also",
					 option);
	options->action = action;
	return 0;
}

static int add_listen(struct options *options, const char *text)
{
	struct endpoint *endpoint = &options->listen[options->listen_count];

	if (options->listen_count == OPTIONS_LISTEN_MAX)
		return settings_complain(
			&options->settings,
			"too many addresses to listen at:", text);
	if (endpoint_parse(endpoint, text, DNS_PORT) < 0)
		return settings_complain(&options->settings,
					 "no address to listen at:", text);
	options->listen_count++;
	return 0;
}

static int set_dump_form(struct options *options, const char *word)
{
	int form = dump_form_of(word);

	if (form < 0)
		return settings_complain(
			&options->settings,
			"the map is printed as table, json, csv or "
			"hosts, not as",
			word);
	options->dump.form = (enum dump_form)form;
	return set_action(options, ACTION_DUMP_MAP, "--dump-map");
}

static int set_since(struct options *options, const char *text)
{
	if (dump_filter_since(text, clock_wall_ms(),
			      &options->dump.filter.since_ms) < 0)
		return settings_complain(
			&options->settings,
			"no time such as 10m, 2h, 3d, 2026-11-22 or "
			"2026-11-22T08:43:00Z:",
			text);
	return 0;
}

static int set_order(struct options *options, const char *word)
{
	int order = dump_filter_order(word);

	if (order < 0)
		return settings_complain(
			&options->settings,
			"the map is sorted by slot, name, created or used, "
			"not by",
			word);
	options->dump.filter.order = (enum dump_order)order;
	return 0;
}

static int set_from(struct options *options, const char *text)
{
	struct addr addr;

	if (addr_parse(&addr, text) < 0)
		return settings_complain(&options->settings,
					 "no address of a client:", text);
	options->from = text;
	return 0;
}

/* What goes with an action: 1 when it was one of these. */
static int take_detail(struct options *options, int option)
{
	int ret;

	switch (option) {
	case OPTION_LISTEN:
		ret = add_listen(options, optarg);
		break;
	case OPTION_NAME:
		options->dump.filter.glob = optarg;
		return 1;
	case OPTION_SINCE:
		ret = set_since(options, optarg);
		break;
	case OPTION_SORT:
		ret = set_order(options, optarg);
		break;
	case OPTION_FROM:
		ret = set_from(options, optarg);
		break;
	default: /* not an enum: getopt_long() gives numbers */
		return 0;
	}
	return ret < 0 ? ret : 1;
}

static int take_action(struct options *options, int option)
{
	switch (option) {
	case OPTION_CHECK:
		return set_action(options, ACTION_CHECK, "--check");
	case OPTION_PRINT_CONFIG:
		return set_action(options, ACTION_PRINT_CONFIG,
				  "--print-config");
	case OPTION_DUMP_MAP:
		return set_dump_form(options, optarg);
	case OPTION_EXPLAIN:
		options->name = optarg;
		return set_action(options, ACTION_EXPLAIN, "--explain");
	case OPTION_STATUS:
		return set_action(options, ACTION_STATUS, "--status");
	case OPTION_FLUSH:
		return set_action(options, ACTION_FLUSH, "--flush");
	case OPTION_METRICS:
		return set_action(options, ACTION_METRICS, "--metrics");
	case OPTION_WATCH:
		return set_action(options, ACTION_WATCH, "--watch");
	case SETTINGS_VERSION:
		return set_action(options, ACTION_VERSION, "--version");
	case 'h':
		return set_action(options, ACTION_HELP, "--help");
	}
	return -EINVAL;
}

static int take_option(struct options *options, int option)
{
	int ret;

	if (settings_take(&options->settings, option))
		return 0;
	ret = take_detail(options, option);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	return take_action(options, option);
}

static bool has_json(enum options_action action)
{
	return action == ACTION_DUMP_MAP || action == ACTION_EXPLAIN ||
	       action == ACTION_STATUS || action == ACTION_WATCH ||
	       action == ACTION_FLUSH;
}

/* The others ask the daemon, or the map. */
static bool needs_lists(enum options_action action)
{
	return action == ACTION_RUN || action == ACTION_CHECK ||
	       action == ACTION_PRINT_CONFIG || action == ACTION_EXPLAIN;
}

/* Details that no action asked for would be left out without a word. */
static int check_details(struct options *options)
{
	const struct dump_filter *filter = &options->dump.filter;

	if (options->action != ACTION_DUMP_MAP &&
	    (filter->glob || filter->since_ms || filter->order))
		return settings_complain(&options->settings,
					 "--dump-map is missing before",
					 "--name, --since or --sort");
	if (options->action != ACTION_EXPLAIN && options->from)
		return settings_complain(&options->settings,
					 "--explain is missing before",
					 "--from");
	if (options->settings.is_json && !has_json(options->action))
		return settings_complain(&options->settings,
					 "--dump-map, --explain, --status, "
					 "--flush or --watch is missing before",
					 "--json");
	return 0;
}

int options_parse(struct options *options, int argc, char **argv)
{
	int option;

	*options = (struct options){
		.action = ACTION_RUN,
		.settings = {.program = "dnsd"},
	};
	optind = 0;
	while ((option = getopt_long(argc, argv, SETTINGS_LETTERS, long_options,
				     NULL)) != -1) {
		int ret;

		if (option == '?' || option == ':')
			return settings_complain_option(&options->settings,
							option, argv);
		ret = take_option(options, option);
		if (ret < 0)
			return ret;
	}
	if (options->action == ACTION_EXPLAIN && optind < argc)
		options->type = argv[optind++];
	if (options->action == ACTION_FLUSH && optind < argc)
		options->name = argv[optind++];
	if (optind < argc)
		return settings_complain(&options->settings,
					 "unexpected argument", argv[optind]);
	if (check_details(options) < 0)
		return -EINVAL;
	options->settings.has_no_lists = !needs_lists(options->action);
	if (options->settings.is_json && options->action == ACTION_DUMP_MAP)
		options->dump.form = DUMP_JSON;
	return settings_check(&options->settings);
}

int options_load_config(const struct options *options, struct config **config,
			struct diag *diag)
{
	struct settings_source source;
	int ret = settings_read(&options->settings, &source, diag);

	if (ret < 0)
		return ret;
	ret = options_load_source(options, config, &source, diag);
	free(source.text);
	return ret;
}

int options_load_source(const struct options *options, struct config **config,
			const struct settings_source *source, struct diag *diag)
{
	int ret = settings_load(&options->settings, config, source, diag);

	if (ret < 0 || options->listen_count == 0)
		return ret;
	/* Only looked at; the config takes a pointer that could write. */
	(*config)->dnsd.listen = (struct endpoint *)(uintptr_t)options->listen;
	(*config)->dnsd.listen_count = options->listen_count;
	return ret;
}
