// SPDX-License-Identifier: BSD-2-Clause
#include "routed/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Long options without a letter. */
enum {
	OPTION_PROXY = 256,
	OPTION_PASSWORD_FILE,
	OPTION_STATE,
	OPTION_RUN,
	OPTION_CHECK,
	OPTION_PRINT_CONFIG,
	OPTION_PLAN,
	OPTION_EXPLAIN,
	OPTION_STATUS,
	OPTION_FLOWS,
	OPTION_RECOVER,
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
	{"check", no_argument, NULL, OPTION_CHECK},
	{"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
	{"plan", no_argument, NULL, OPTION_PLAN},
	{"explain", required_argument, NULL, OPTION_EXPLAIN},
	{"status", no_argument, NULL, OPTION_STATUS},
	{"flows", no_argument, NULL, OPTION_FLOWS},
	{"recover", no_argument, NULL, OPTION_RECOVER},
	{"json", no_argument, NULL, OPTION_JSON},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

void options_help(FILE *out)
{
	fputs("usage: routed [OPTION...]\n"
	      "Leads this host's traffic to the outbound that the rules "
	      "name.\n"
	      "\n"
	      "  -f                    stay in the foreground, log to stderr\n"
	      "  -c FILE               the configuration "
	      "(" CONFIG_DEFAULT_FILE ")\n"
	      "  --proxy URL           no file: everything through "
	      "socks5://[USER@]HOST:PORT\n"
	      "  --password-file FILE  the password of USER\n"
	      "  --state DIR           where the map is kept\n"
	      "  --run DIR             where the control socket and the lock "
	      "are\n"
	      "\n"
	      "instead of running:\n"
	      "  --check               check the configuration, tell every "
	      "error\n"
	      "  --print-config        print what is in effect, as a "
	      "configuration\n"
	      "  --plan                print what would be done, as 'ip' "
	      "commands\n"
	      "  --status              what the running daemon does\n"
	      "  --flows               the flows that it carries now\n"
	      "  --explain ADDRESS|NAME [PORT[/PROTOCOL]]\n"
	      "                        where such traffic goes, and why\n"
	      "  --recover             remove what a crash left behind, and "
	      "nothing else\n"
	      "  --json                with these: one object a line\n"
	      "  --version, --help\n",
	      out);
}

static int complain(const char *what, const char *which)
{
	fprintf(stderr, "routed: %s '%s'; 'routed --help' lists the options\n",
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

static int take_action(struct options *options, int option)
{
	switch (option) {
	case OPTION_CHECK:
		return set_action(options, ACTION_CHECK, "--check");
	case OPTION_PRINT_CONFIG:
		return set_action(options, ACTION_PRINT_CONFIG,
				  "--print-config");
	case OPTION_PLAN:
		return set_action(options, ACTION_PLAN, "--plan");
	case OPTION_EXPLAIN:
		options->target = optarg;
		return set_action(options, ACTION_EXPLAIN, "--explain");
	case OPTION_STATUS:
		return set_action(options, ACTION_STATUS, "--status");
	case OPTION_FLOWS:
		return set_action(options, ACTION_FLOWS, "--flows");
	case OPTION_RECOVER:
		return set_action(options, ACTION_RECOVER, "--recover");
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
	case OPTION_JSON:
		options->is_json = true;
		return 0;
	}
	return take_action(options, option);
}

int options_parse_port(const char *text, uint16_t *port, enum network *network)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || *text == '-' || *text == '+' || number == 0 ||
	    number > UINT16_MAX)
		return -EINVAL;
	if (*end == '\0' || strcasecmp(end, "/tcp") == 0)
		*network = NETWORK_TCP;
	else if (strcasecmp(end, "/udp") == 0)
		*network = NETWORK_UDP;
	else
		return -EINVAL;
	*port = (uint16_t)number;
	return 0;
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
	if (options->action == ACTION_EXPLAIN && optind < argc) {
		if (options_parse_port(argv[optind], &options->port,
				       &options->network) < 0)
			return complain("PORT or PORT/PROTOCOL was expected, "
					"not",
					argv[optind]);
		optind++;
	}
	if (optind < argc)
		return complain("unexpected argument", argv[optind]);
	if (options->proxy && options->config_file)
		return complain("--proxy stands for a whole file, so not also",
				options->config_file);
	if (options->password_file && !options->proxy)
		return complain("--password-file needs --proxy, but there is",
				options->password_file);
	return 0;
}

int options_read(const struct options *options, struct options_source *source,
		 struct diag *diag)
{
	if (options->proxy) {
		source->file = "--proxy";
		int ret = config_text_for_proxy(&source->text, options->proxy,
						options->password_file, diag);
		source->length = ret < 0 ? 0 : strlen(source->text);
		return ret;
	}
	source->file = options->config_file ? options->config_file
					    : CONFIG_DEFAULT_FILE;
	return config_read(&source->text, &source->length, source->file, diag);
}

int options_load(const struct options *options, struct config **config,
		 const struct options_source *source, struct diag *diag)
{
	int ret = config_load(config, source->text, source->length,
			      source->file, diag);

	if (ret < 0)
		return ret;
	if (options->state_dir)
		(*config)->state_dir = options->state_dir;
	if (options->run_dir)
		(*config)->run_dir = options->run_dir;
	return ret;
}
