// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/options.h"

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
	{NULL, 0, NULL, 0},
};

void options_help(FILE *out)
{
	fputs("usage: dnsd [OPTION...]\n"
	      "Answers DNS: names that a rule sends through an outbound get a "
	      "fake address.\n"
	      "\n"
	      "  -f                    stay in the foreground, log to stderr\n"
	      "  -c FILE               the configuration "
	      "(" CONFIG_DEFAULT_FILE ")\n"
	      "  --proxy URL           no file: everything through "
	      "socks5://[USER@]HOST:PORT\n"
	      "  --password-file FILE  the password of USER\n"
	      "  --listen ADDRESS      instead of dnsd.listen; may be "
	      "repeated\n"
	      "  --state DIR           where the map is kept\n"
	      "  --run DIR             where the control socket and the lock "
	      "are\n"
	      "\n"
	      "instead of running:\n"
	      "  --check               check the configuration, tell every "
	      "error\n"
	      "  --print-config        print what is in effect, as a "
	      "configuration\n"
	      "  --dump-map[=FORM]     print the map: table, json, csv, hosts\n"
	      "  --explain NAME [TYPE] why NAME is answered as it is\n"
	      "  --status              what the running daemon does\n"
	      "  --flush [NAME]        forget answers that are kept: all, or "
	      "of "
	      "NAME and below\n"
	      "  --json                with these: one object a line\n"
	      "  --version, --help\n",
	      out);
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
	options->dump_form = (enum dump_form)form;
	return set_action(options, ACTION_DUMP_MAP, "--dump-map");
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
	case SETTINGS_VERSION:
		return set_action(options, ACTION_VERSION, "--version");
	case 'h':
		return set_action(options, ACTION_HELP, "--help");
	}
	return -EINVAL;
}

static int take_option(struct options *options, int option)
{
	if (settings_take(&options->settings, option))
		return 0;
	if (option == OPTION_LISTEN)
		return add_listen(options, optarg);
	return take_action(options, option);
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
	if (options->settings.is_json && options->action != ACTION_DUMP_MAP &&
	    options->action != ACTION_EXPLAIN &&
	    options->action != ACTION_STATUS && options->action != ACTION_FLUSH)
		return settings_complain(
			&options->settings,
			"--dump-map, --explain, --status or --flush is missing "
			"before",
			"--json");
	if (options->settings.is_json && options->action == ACTION_DUMP_MAP)
		options->dump_form = DUMP_JSON;
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
