// SPDX-License-Identifier: BSD-2-Clause
#include "routed/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Long options without a letter, beside those of settings.h. */
enum {
	OPTION_CHECK = SETTINGS_OWN,
	OPTION_PRINT_CONFIG,
	OPTION_PLAN,
	OPTION_EXPLAIN,
	OPTION_STATUS,
	OPTION_METRICS,
	OPTION_DIFF,
	OPTION_FLOWS,
	OPTION_CLOSE,
	OPTION_DOCTOR,
	OPTION_RECOVER,
	OPTION_WATCH,
	OPTION_KEEP_CLOSED,
	OPTION_FROM,
	OPTION_UID,
	OPTION_IIF,
	OPTION_CGROUP,
};

static const struct option long_options[] = {
	SETTINGS_OPTIONS,
	{"check", no_argument, NULL, OPTION_CHECK},
	{"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
	{"plan", no_argument, NULL, OPTION_PLAN},
	{"explain", required_argument, NULL, OPTION_EXPLAIN},
	{"status", no_argument, NULL, OPTION_STATUS},
	{"metrics", no_argument, NULL, OPTION_METRICS},
	{"diff", no_argument, NULL, OPTION_DIFF},
	{"flows", no_argument, NULL, OPTION_FLOWS},
	{"close", required_argument, NULL, OPTION_CLOSE},
	{"doctor", no_argument, NULL, OPTION_DOCTOR},
	{"recover", no_argument, NULL, OPTION_RECOVER},
	{"watch", no_argument, NULL, OPTION_WATCH},
	{"keep-closed", no_argument, NULL, OPTION_KEEP_CLOSED},
	{"from", required_argument, NULL, OPTION_FROM},
	{"uid", required_argument, NULL, OPTION_UID},
	{"iif", required_argument, NULL, OPTION_IIF},
	{"cgroup", required_argument, NULL, OPTION_CGROUP},
	{NULL, 0, NULL, 0},
};

/* It fits a screen of 24 lines of 80 columns; a test sees to that. */
void options_help(FILE *out)
{
	static const char *const lines[] = {
		"usage: routed [OPTION...]",
		"Leads this host's traffic to the outbound that the rules "
		"name.",
		"  -f                    stay in the foreground, log to stderr",
		"  -c FILE               the configuration "
		"(" CONFIG_DEFAULT_FILE ")",
		"  --proxy URL           no file: all through socks5://, "
		"http:// or unix:",
		"  --password-file FILE  the password of USER",
		"  --state DIR, --run DIR  where the map is, and control "
		"socket, lock, journal",
		"instead of running:",
		"  --check               check the configuration, tell every "
		"error",
		"  --print-config        print what is in effect, as a "
		"configuration",
		"  --plan                print what would be done, as 'ip' and "
		"'nft' commands",
		"  --status              what the running daemon does",
		"  --metrics             the same for Prometheus",
		"  --diff                what is not as it should be, of rules "
		"and routes",
		"  --flows [--watch], --close ID  what it carries now, or all "
		"the time; end one",
		"  --explain ADDRESS|NAME [PORT[/PROTOCOL]]",
		"                        where such traffic goes, and why",
		"    --uid N, --cgroup GROUP, --from ADDRESS, --iif INTERFACE  "
		"who sends it",
		"  --doctor              what on this host is in the way, and "
		"what mends it",
		"  --recover             remove what a crash left behind, and "
		"nothing else",
		"    --keep-closed       ... not on a host that 'on-crash' "
		"closed",
		"  --json                with these: one object a line",
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
		options->query.target = optarg;
		return set_action(options, ACTION_EXPLAIN, "--explain");
	case OPTION_STATUS:
		return set_action(options, ACTION_STATUS, "--status");
	case OPTION_METRICS:
		return set_action(options, ACTION_METRICS, "--metrics");
	case OPTION_DIFF:
		return set_action(options, ACTION_DIFF, "--diff");
	case OPTION_FLOWS:
		return set_action(options, ACTION_FLOWS, "--flows");
	case OPTION_CLOSE:
		options->flow = optarg;
		return set_action(options, ACTION_CLOSE, "--close");
	case OPTION_DOCTOR:
		return set_action(options, ACTION_DOCTOR, "--doctor");
	case OPTION_WATCH:
		options->is_watch = true;
		return 0;
	case OPTION_RECOVER:
		return set_action(options, ACTION_RECOVER, "--recover");
	case SETTINGS_VERSION:
		return set_action(options, ACTION_VERSION, "--version");
	case 'h':
		return set_action(options, ACTION_HELP, "--help");
	}
	return -EINVAL;
}

static int take_uid(struct options *options, const char *text)
{
	char *end;
	unsigned long long uid = strtoull(text, &end, 10);

	/* The last one stands for none. */
	if (*text < '0' || *text > '9' || *end != '\0' || uid >= UINT32_MAX)
		return settings_complain(&options->settings,
					 "a user's number was expected, not",
					 text);
	options->query.uid = (uint32_t)uid;
	options->query.has_uid = true;
	return 0;
}

static int take_iif(struct options *options, const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length >= sizeof(options->query.iif))
		return settings_complain(&options->settings,
					 "an interface was expected, not",
					 text);
	memcpy(options->query.iif, text, length + 1);
	return 0;
}

static int take_cgroup(struct options *options, const char *text)
{
	if (text[0] != '/')
		return settings_complain(
			&options->settings,
			"a control group such as /user.slice was expected, not",
			text);
	options->query.cgroup = text;
	return 0;
}

static int take_option(struct options *options, int option)
{
	if (settings_take(&options->settings, option))
		return 0;
	switch (option) {
	case OPTION_KEEP_CLOSED:
		options->keeps_closed = true;
		return 0;
	case OPTION_UID:
		return take_uid(options, optarg);
	case OPTION_IIF:
		return take_iif(options, optarg);
	case OPTION_CGROUP:
		return take_cgroup(options, optarg);
	case OPTION_FROM:
		if (addr_parse(&options->query.from, optarg) == 0)
			return 0;
		return settings_complain(&options->settings,
					 "an address was expected, not",
					 optarg);
	}
	return take_action(options, option);
}

static bool has_sender(const struct explain_query *query)
{
	return query->has_uid || query->cgroup || query->iif[0] != '\0' ||
	       query->from.family != ADDR_NONE;
}

/* Do the others fit the action? */
static int check(const struct options *options)
{
	const struct settings *settings = &options->settings;

	if (options->is_watch && options->action != ACTION_FLOWS)
		return settings_complain(settings,
					 "only --flows can be watched, not",
					 "--watch");
	if (options->keeps_closed && options->action != ACTION_RECOVER)
		return settings_complain(
			settings, "only with --recover:", "--keep-closed");
	if (has_sender(&options->query) && options->action != ACTION_EXPLAIN)
		return settings_complain(settings, "only with --explain:",
					 "--from, --uid, --cgroup, --iif");
	if ((options->query.has_uid || options->query.cgroup) &&
	    options->query.iif[0] != '\0')
		return settings_complain(
			settings, "what comes in is no user's here, so not",
			"--uid or --cgroup with --iif");
	return settings_check(settings);
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

	*options = (struct options){
		.action = ACTION_RUN,
		.settings = {.program = "routed"},
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
	if (options->action == ACTION_EXPLAIN && optind < argc) {
		if (options_parse_port(argv[optind], &options->query.port,
				       &options->query.network) < 0)
			return settings_complain(
				&options->settings,
				"PORT or PORT/PROTOCOL was expected, "
				"not",
				argv[optind]);
		optind++;
	}
	if (optind < argc)
		return settings_complain(&options->settings,
					 "unexpected argument", argv[optind]);
	/* What does without a configuration decides nothing by rules. */
	options->settings.has_no_lists = options->action >= ACTION_STATUS;
	return check(options);
}
