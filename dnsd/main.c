// SPDX-License-Identifier: BSD-2-Clause
/*
 * dnsd(8): what is asked for on the command line, or the daemon itself.
 */
#include "common/config.h"
#include "common/daemon.h"
#include "common/diag.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/reload.h"
#include "common/rules_watch.h"
#include "dnsd/dump.h"
#include "dnsd/explain.h"
#include "dnsd/options.h"
#include "dnsd/service.h"
#include "dnsd/verbs.h"
#include "dnsd/watch.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>

/* The root object, for the signal watchers. */
static struct {
	struct options options;
	struct daemon daemon;
	struct notify notify;
	struct service *service;
	struct settings_source source; /* of the configuration in effect */
	struct file_watch *watch;      /* of its lists; NULL: there is none */
	struct reload reload;
} dnsd = {.daemon = {.lock_fd = -1, .ready_fd = -1}, .notify = {.fd = -1}};

static void on_stop(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Once detached, nobody sees stderr. */
static void open_log(const struct config *config, bool is_starting)
{
	bool is_seen = is_starting || dnsd.options.settings.is_foreground;

	log_open("dnsd", config->log_level,
		 is_seen ? LOG_TARGET_STDERR : LOG_TARGET_SYSLOG);
}

static int load(void *ctx, struct config **config,
		const struct settings_source *source, struct diag *diag)
{
	(void)ctx;
	return options_load_source(&dnsd.options, config, source, diag);
}

/* Goes on with what the text and the lists say now, or as before. */
static int go_on_with(void *ctx, struct config *config,
		      const struct settings_source *source)
{
	int ret = service_reload(dnsd.service, config);

	(void)ctx;
	(void)source;
	if (ret < 0)
		return ret;
	open_log(config, false);
	if (dnsd.watch)
		rules_watch_set(dnsd.watch, config->rules);
	return 0;
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)loop;
	(void)signal;
	(void)events;
	reload_file(&dnsd.reload);
}

static void on_lists(void *ctx)
{
	(void)ctx;
	reload_lists(&dnsd.reload);
}

static void watch_lists(struct ev_loop *loop, const struct config *config)
{
	int ret = file_watch_new(&dnsd.watch, loop, on_lists, NULL);

	if (ret < 0)
		log_warning("cannot watch lists for changes: %s",
			    err_text(ret));
	else
		rules_watch_set(dnsd.watch, config->rules);
}

static void prepare_reload(struct ev_loop *loop)
{
	const struct reload_conf conf = {
		.loop = loop,
		.settings = &dnsd.options.settings,
		.source = &dnsd.source,
		.load = load,
		.use = go_on_with,
	};

	reload_init(&dnsd.reload, &conf);
}

static void watch_signals(struct ev_loop *loop)
{
	static ev_signal term, interrupt, hangup;

	signal(SIGPIPE, SIG_IGN);
	ev_signal_init(&term, on_stop, SIGTERM);
	ev_signal_init(&interrupt, on_stop, SIGINT);
	ev_signal_init(&hangup, on_reload, SIGHUP);
	ev_signal_start(loop, &term);
	ev_signal_start(loop, &interrupt);
	ev_signal_start(loop, &hangup);
}

/* Takes the config. */
static int run(struct config *config)
{
	struct ev_loop *loop;

	memory_give_back(MEMORY_LARGE);
	open_log(config, true);
	if (!dnsd.options.settings.is_foreground &&
	    daemon_detach(&dnsd.daemon) < 0) {
		log_error("cannot go to the background");
		config_free(config);
		return EXIT_FAILURE;
	}
	notify_open(&dnsd.notify);
	dnsd.daemon.notify = &dnsd.notify;
	loop = ev_default_loop(EVFLAG_AUTO);
	if (!loop) {
		log_error("cannot make the event loop");
		config_free(config);
		return EXIT_FAILURE;
	}
	if (service_start(&dnsd.service, loop, &dnsd.daemon, config) < 0)
		return EXIT_FAILURE;
	prepare_reload(loop);
	watch_signals(loop);
	watch_lists(loop, config);
	notify_watch(&dnsd.notify, loop);
	daemon_ready(&dnsd.daemon);
	open_log(config, false);
	ev_run(loop, 0);
	log_notice("stopping");
	notify_tell(&dnsd.notify, "STOPPING=1");
	notify_close(&dnsd.notify);
	file_watch_free(dnsd.watch);
	reload_fini(&dnsd.reload);
	service_stop(dnsd.service);
	return EXIT_SUCCESS;
}

/* Everything that needs the configuration; takes it. */
static int act(struct config *config)
{
	const struct options *options = &dnsd.options;
	const struct explain_request explain = {
		.name = options->name,
		.type = options->type ? options->type : "A",
		.from = options->from,
		.is_json = options->settings.is_json,
	};
	int status = EXIT_SUCCESS;

	switch (options->action) {
	case ACTION_RUN:
		return run(config);
	case ACTION_CHECK:
		if (settings_print_check(config, stdout) < 0)
			status = EXIT_FAILURE;
		break;
	case ACTION_PRINT_CONFIG:
		config_print(config, stdout);
		break;
	case ACTION_DUMP_MAP:
		status = dump_run(config, &options->dump, stdout);
		break;
	case ACTION_EXPLAIN:
		status = explain_run(config, &explain, stdout);
		break;
	case ACTION_STATUS:
		status = verbs_print_status(config, options->settings.is_json,
					    stdout);
		break;
	case ACTION_FLUSH:
		status = verbs_flush(config, options->name,
				     options->settings.is_json, stdout);
		break;
	case ACTION_METRICS:
		status = verbs_print_metrics(config, stdout);
		break;
	case ACTION_WATCH:
		status = watch_run(config, options->settings.is_json, stdout);
		break;
	case ACTION_VERSION:
	case ACTION_HELP:
		break;
	}
	config_free(config);
	return status;
}

int main(int argc, char **argv)
{
	struct config *config = NULL;
	struct diag diag;
	int ret;

	log_open("dnsd", LOG_LEVEL_NOTICE, LOG_TARGET_STDERR);
	if (options_parse(&dnsd.options, argc, argv) < 0)
		return EXIT_FAILURE;
	if (dnsd.options.action == ACTION_HELP) {
		options_help(stdout);
		return EXIT_SUCCESS;
	}
	if (dnsd.options.action == ACTION_VERSION) {
		puts("dnsd (ersatz) " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	diag_init(&diag);
	ret = settings_read(&dnsd.options.settings, &dnsd.source, &diag);
	if (ret == 0)
		ret = options_load_source(&dnsd.options, &config, &dnsd.source,
					  &diag);
	if (ret < 0 || dnsd.options.action <= ACTION_CHECK)
		diag_print(&diag, stderr);
	diag_fini(&diag);
	ret = ret < 0 ? EXIT_FAILURE : act(config);
	free(dnsd.source.text);
	return ret;
}
