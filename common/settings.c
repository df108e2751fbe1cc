// SPDX-License-Identifier: BSD-2-Clause
#include "common/settings.h"

#include "common/err.h"
#include "common/libraries.h"
#include "common/plural.h"
#include "common/readable.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

bool settings_take(struct settings *settings, int option)
{
	switch (option) {
	case 'f':
		settings->is_foreground = true;
		return true;
	case 'c':
		settings->config_file = optarg;
		return true;
	case SETTINGS_PROXY:
		settings->proxy = optarg;
		return true;
	case SETTINGS_PASSWORD_FILE:
		settings->password_file = optarg;
		return true;
	case SETTINGS_STATE:
		settings->state_dir = optarg;
		return true;
	case SETTINGS_RUN:
		settings->run_dir = optarg;
		return true;
	case SETTINGS_JSON:
		settings->is_json = true;
		return true;
	}
	return false;
}

int settings_check(const struct settings *settings)
{
	if (settings->proxy && settings->config_file)
		return settings_complain(
			settings,
			"--proxy stands for a whole file, so not also",
			settings->config_file);
	if (settings->password_file && !settings->proxy)
		return settings_complain(
			settings, "--password-file needs --proxy, but there is",
			settings->password_file);
	return 0;
}

int settings_complain(const struct settings *settings, const char *what,
		      const char *which)
{
	fprintf(stderr, "%s: %s '%s'; '%s --help' lists the options\n",
		settings->program, what, which, settings->program);
	return -EINVAL;
}

/* In our own words, as getopt_long() would begin with the program's path. */
int settings_complain_option(const struct settings *settings, int result,
			     char **argv)
{
	const char letter[] = {'-', (char)optopt, '\0'};
	bool is_letter = optopt > 0 && optopt <= UCHAR_MAX;

	return settings_complain(settings,
				 result == ':' ? "an argument is missing behind"
					       : "no such option:",
				 is_letter ? letter : argv[optind - 1]);
}

int settings_read(const struct settings *settings,
		  struct settings_source *source, struct diag *diag)
{
	if (settings->proxy) {
		source->file = "--proxy";
		int ret = config_text_for_proxy(&source->text, settings->proxy,
						settings->password_file, diag);
		source->length = ret < 0 ? 0 : strlen(source->text);
		return ret;
	}
	source->file = settings->config_file ? settings->config_file
					     : CONFIG_DEFAULT_FILE;
	return config_read(&source->text, &source->length, source->file, diag);
}

int settings_load(const struct settings *settings, struct config **config,
		  const struct settings_source *source, struct diag *diag)
{
	int ret = settings->has_no_lists
			  ? config_load_without_lists(config, source->text,
						      source->length,
						      source->file, diag)
			  : config_load(config, source->text, source->length,
					source->file, diag);

	if (ret < 0)
		return ret;
	if (settings->state_dir)
		(*config)->state_dir = settings->state_dir;
	if (settings->run_dir)
		(*config)->run_dir = settings->run_dir;
	return ret;
}

static void print_count(const char *before, size_t count, const char *noun,
			FILE *out)
{
	fprintf(out, "%s%zu %s%s", before, count, noun,
		plural((int64_t)count, "", "s"));
}

/* What was read for the rules, as which form, and how much was in there. */
static void print_files(const struct rules *rules, FILE *out)
{
	for (size_t i = 0; i < rules_file_count(rules); i++) {
		struct rules_file file = rules_file_at(rules, i);

		if (file.is_inner)
			continue;
		fprintf(out, "%s: %s", file.file, file.form);
		fprintf(out, ", %zu %s\n", file.entries,
			plural((int64_t)file.entries, "entry", "entries"));
	}
}

/* What is right here may still lack something of this machine. */
static int check_machine(const struct config *config)
{
	struct diag diag;
	int ret;

	diag_init(&diag);
	ret = libraries_check(config, &diag);
	if (readable_check(config, &diag) == ERR_CONFIG)
		ret = ERR_CONFIG;
	diag_print(&diag, stderr);
	diag_fini(&diag);
	return ret;
}

int settings_print_check(const struct config *config, FILE *out)
{
	int ret = check_machine(config);

	if (ret < 0)
		return ret;
	fprintf(out, "%s: correct", config->file);
	print_count(": ", rules_count(config->rules), "rule", out);
	print_count(", ", config->outbound_count - OUTBOUND_FIRST, "outbound",
		    out);
	print_count(", ", config->upstream_count, "upstream", out);
	fputc('\n', out);
	print_files(config->rules, out);
	return 0;
}
