// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/options.h"

#include "common/err.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT 53

/* Long options without a letter. */
enum {
	OPTION_PROXY = 256,
	OPTION_PASSWORD_FILE,
	OPTION_STATE,
	OPTION_RUN,
	OPTION_LISTEN,
	OPTION_CHECK,
	OPTION_PRINT_CONFIG,
	OPTION_DUMP_MAP,
	OPTION_EXPLAIN,
	OPTION_STATUS,
	OPTION_JSON,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"foreground", no_argument, NULL, 'f'},
	{"config", required_argument, NULL, 'c'},
	{"proxy", required_argument, NULL, OPTION_PROXY},
	{"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
	{"state", required_argument, NULL, OPTION_STATE},
	{"run", required_argument, NULL, OPTION_RUN},
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
	{"dump-map", optional_argument, NULL, OPTION_DUMP_MAP},
	{"explain", required_argument, NULL, OPTION_EXPLAIN},
	{"status", no_argument, NULL, OPTION_STATUS},
	{"json", no_argument, NULL, OPTION_JSON},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
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
	      "  --json                with these: one object a line\n"
	      "  --version, --help\n",
	      out);
}

static int complain(const char *what, const char *which)
{
	fprintf(stderr, "dnsd: %s '%s'; 'dnsd --help' lists the options\n",
		what, which);
	return -EINVAL;
}

/* In our own words, as getopt_long() would begin with the program's path. */
static int complain_option(int result, char **argv)
{
	const char letter[] = {'-', (char)optopt, '\0'};
	bool is_letter = optopt > 0 && optopt <= UCHAR_MAX;

	return complain(result == ':' ? "an argument is missing behind"
				      : "no such option:",
			is_letter ? letter : argv[optind - 1]);
}

/* Two actions at once are nobody's wish. */
static int set_action(struct options *options, enum options_action action,
		      const char *option)
{
	if (options->action != ACTION_RUN && options->action != action)
		return complain("only one action at a time, not also", option);
	options->action = action;
	return 0;
}

static int add_listen(struct options *options, const char *text)
{
	struct endpoint *endpoint = &options->listen[options->listen_count];

	if (options->listen_count == OPTIONS_LISTEN_MAX)
		return complain("too many addresses to listen at:", text);
	if (endpoint_parse(endpoint, text, DNS_PORT) < 0)
		return complain("no address to listen at:", text);
	options->listen_count++;
	return 0;
}

static int set_dump_form(struct options *options, const char *word)
{
	int form = dump_form_of(word);

	if (form < 0)
		return complain("the map is printed as table, json, csv or "
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
	case OPTION_VERSION:
		return set_action(options, ACTION_VERSION, "--version");
	case 'h':
		return set_action(options, ACTION_HELP, "--help");
	}
	return -EINVAL;
}

static int take_option(struct options *options, int option)
{
	switch (option) {
	case 'f':
		options->is_foreground = true;
		return 0;
	case 'c':
		options->config_file = optarg;
		return 0;
	case OPTION_PROXY:
		options->proxy = optarg;
		return 0;
	case OPTION_PASSWORD_FILE:
		options->password_file = optarg;
		return 0;
	case OPTION_STATE:
		options->state_dir = optarg;
		return 0;
	case OPTION_RUN:
		options->run_dir = optarg;
		return 0;
	case OPTION_LISTEN:
		return add_listen(options, optarg);
	case OPTION_JSON:
		options->is_json = true;
		return 0;
	}
	return take_action(options, option);
}

int options_parse(struct options *options, int argc, char **argv)
{
	int option;

	*options = (struct options){.action = ACTION_RUN};
	optind = 0;
	while ((option = getopt_long(argc, argv, ":fc:h", long_options,
				     NULL)) != -1) {
		int ret;

		if (option == '?' || option == ':')
			return complain_option(option, argv);
		ret = take_option(options, option);
		if (ret < 0)
			return ret;
	}
	if (options->action == ACTION_EXPLAIN && optind < argc)
		options->type = argv[optind++];
	if (optind < argc)
		return complain("unexpected argument", argv[optind]);
	if (options->proxy && options->config_file)
		return complain("--proxy stands for a whole file, so not also",
				options->config_file);
	if (options->password_file && !options->proxy)
		return complain("--password-file needs --proxy, but there is",
				options->password_file);
	if (options->is_json && options->action != ACTION_DUMP_MAP &&
	    options->action != ACTION_EXPLAIN &&
	    options->action != ACTION_STATUS)
		return complain("--dump-map, --explain or --status is missing "
				"before",
				"--json");
	if (options->is_json && options->action == ACTION_DUMP_MAP)
		options->dump_form = DUMP_JSON;
	return 0;
}

static void lay_over(const struct options *options, struct config *config)
{
	if (options->state_dir)
		config->state_dir = options->state_dir;
	if (options->run_dir)
		config->run_dir = options->run_dir;
	if (options->listen_count == 0)
		return;
	/* Only looked at; the config takes a pointer that could write. */
	config->dnsd.listen = (struct endpoint *)(uintptr_t)options->listen;
	config->dnsd.listen_count = options->listen_count;
}

int options_load_config(const struct options *options, struct config **config,
			struct diag *diag)
{
	const char *file = options->config_file;
	size_t length;
	char *text;
	int ret;

	if (options->proxy) {
		file = "--proxy";
		ret = config_text_for_proxy(&text, options->proxy,
					    options->password_file, diag);
		length = ret < 0 ? 0 : strlen(text);
	} else {
		if (!file)
			file = CONFIG_DEFAULT_FILE;
		ret = config_read(&text, &length, file, diag);
	}
	if (ret < 0)
		return ret;
	ret = config_load(config, text, length, file, diag);
	free(text);
	if (ret < 0)
		return ret;
	lay_over(options, *config);
	return 0;
}
