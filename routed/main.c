// SPDX-License-Identifier: BSD-2-Clause
/*
 * routed(8): what is asked for on the command line, the daemon itself, or
 * (executed by the spawner) its relay.
 */
#include "common/config.h"
#include "common/daemon.h"
#include "common/diag.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/nl.h"
#include "common/reload.h"
#include "common/rules_watch.h"
#include "routed/connections.h"
#include "routed/doctor_collect.h"
#include "routed/host.h"
#include "routed/options.h"
#include "routed/outlook.h"
#include "routed/plan_main.h"
#include "routed/plan_print.h"
#include "routed/recover.h"
#include "routed/relay/relay.h"
#include "routed/report.h"
#include "routed/rule_directs.h"
#include "routed/service.h"
#include "routed/spawner.h"
#include "routed/verbs.h"
#include "routed/view/watch.h"

#include <ev.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The root object, for the signal watchers. */
static struct {
	struct options options;
	struct daemon daemon;
	struct notify notify;
	struct service *service;
	struct settings_source source; /* of the configuration in effect */
	struct file_watch *watch;      /* of its lists; NULL: there is none */
	struct reload reload;
} routed = {.daemon = {.lock_fd = -1, .ready_fd = -1}, .notify = {.fd = -1}};

/* A configuration with the text that relays get. */
struct loaded {
	struct config *config;
	struct settings_source source;
};

static int load(struct loaded *loaded, struct diag *diag)
{
	int ret =
		settings_read(&routed.options.settings, &loaded->source, diag);

	if (ret < 0)
		return ret;
	ret = settings_load(&routed.options.settings, &loaded->config,
			    &loaded->source, diag);
	if (ret < 0)
		free(loaded->source.text);
	return ret;
}

static void on_stop(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)loop;
	(void)signal;
	(void)events;
	log_notice("stopping");
	notify_tell(&routed.notify, "STOPPING=1");
	service_stop(routed.service);
}

static int load_again(void *ctx, struct config **config,
		      const struct settings_source *source, struct diag *diag)
{
	(void)ctx;
	return settings_load(&routed.options.settings, config, source, diag);
}

/* Takes the config, not the text. */
static int go_on_with(void *ctx, struct config *config,
		      const struct settings_source *source)
{
	int ret = service_reload(routed.service, config, source->text,
				 source->length);

	(void)ctx;
	if (ret == 0 && routed.watch)
		rules_watch_set(routed.watch, config->rules);
	return ret;
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)loop;
	(void)signal;
	(void)events;
	reload_file(&routed.reload);
}

static void on_lists(void *ctx)
{
	(void)ctx;
	reload_lists(&routed.reload);
}

static void watch_lists(struct ev_loop *loop, const struct config *config)
{
	int ret = file_watch_new(&routed.watch, loop, on_lists, NULL);

	if (ret < 0)
		log_warning("cannot watch lists for changes: %s",
			    err_text(ret));
	else
		rules_watch_set(routed.watch, config->rules);
}

static void prepare_reload(struct ev_loop *loop)
{
	const struct reload_conf conf = {
		.loop = loop,
		.settings = &routed.options.settings,
		.source = &routed.source,
		.load = load_again,
		.use = go_on_with,
	};

	reload_init(&routed.reload, &conf);
}

/* Those that come during the start wait until somebody can act on them. */
static void hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(how, &set, NULL);
}

static void watch_signals(struct ev_loop *loop)
{
	static ev_signal term, interrupt, hangup;

	ev_signal_init(&term, on_stop, SIGTERM);
	ev_signal_init(&interrupt, on_stop, SIGINT);
	ev_signal_init(&hangup, on_reload, SIGHUP);
	ev_signal_start(loop, &term);
	ev_signal_start(loop, &interrupt);
	ev_signal_start(loop, &hangup);
}

static int run(const struct loaded *loaded)
{
	struct service_conf conf = {
		.config = loaded->config,
		.text = loaded->source.text,
		.length = loaded->source.length,
		.daemon = &routed.daemon,
		.is_foreground = routed.options.settings.is_foreground,
	};

	if (geteuid() != 0) {
		log_error("cannot start: routed changes routes and needs root");
		config_free(loaded->config);
		return EXIT_FAILURE;
	}
	log_open("routed", loaded->config->log_level, LOG_TARGET_STDERR);
	if (!conf.is_foreground && daemon_detach(&routed.daemon) < 0) {
		log_error("cannot go to the background");
		config_free(loaded->config);
		return EXIT_FAILURE;
	}
	notify_open(&routed.notify);
	routed.daemon.notify = &routed.notify;
	signal(SIGPIPE, SIG_IGN);
	hold_signals(SIG_BLOCK);
	if (service_start(&routed.service, &conf) < 0)
		return EXIT_FAILURE;
	prepare_reload(service_loop(routed.service));
	watch_signals(service_loop(routed.service));
	watch_lists(service_loop(routed.service), loaded->config);
	notify_watch(&routed.notify, service_loop(routed.service));
	hold_signals(SIG_UNBLOCK);
	int status = service_run(routed.service);
	notify_close(&routed.notify);
	file_watch_free(routed.watch);
	reload_fini(&routed.reload);
	service_free(routed.service);
	return status;
}

static int print_outlook(const struct outlook *outlook)
{
	const struct plan_names names = {
		.state = outlook->state,
		.tun = outlook->config->routed.tun,
		.tun_ifindex = PLAN_TUN_UNBORN,
	};
	struct forwarding settings;
	int ret = forwarding_plan(&settings, outlook->config, outlook->state,
				  &outlook->facts);

	if (ret == 0 && routed.options.settings.is_json)
		ret = plan_print_json(&outlook->plan, &settings, &names,
				      stdout);
	else if (ret == 0)
		plan_print(&outlook->plan, &settings, &names, stdout);
	forwarding_fini(&settings);
	return ret;
}

/* What a start would do now; needs no privilege. */
static int print_plan(const struct config *config)
{
	struct nl_reader *reader;
	struct nl_state state = {0};
	struct plan_facts facts = {.tun_ifindex = PLAN_TUN_UNBORN};
	struct rule_directs directs;
	struct outlook outlook;
	char why[HOST_WHY_SIZE] = "cannot read the routes";
	int ret = rule_directs_find(&directs, config);

	facts.rule_directs = directs.list;
	facts.rule_direct_count = directs.count;
	host_find_facts(&facts, config);
	if (ret == 0)
		ret = nl_reader_open(&reader);
	if (ret == 0) {
		ret = nl_reader_dump(reader, &state);
		nl_reader_close(reader);
	}
	if (ret == 0 && plan_main_check(config, &state, why, sizeof(why)) < 0)
		log_warning("a start would be refused: %s", why);
	if (ret == 0)
		ret = outlook_make(&outlook, config, &state, &facts, why);
	if (ret == 0) {
		ret = print_outlook(&outlook);
		outlook_fini(&outlook);
	}
	if (ret < 0)
		log_error("cannot make a plan: %s", err_text(ret));
	nl_state_free(&state);
	rule_directs_fini(&directs);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The configuration may be broken or gone; then the defaults are meant. */
static const char *run_dir_of(const struct config *config)
{
	if (routed.options.settings.run_dir)
		return routed.options.settings.run_dir;
	return config ? config->run_dir : OPTIONS_DEFAULT_RUN_DIR;
}

static int recover(const struct config *config)
{
	const struct fake_pool pool =
		config ? config->dnsd.fake : fake_pool_default();
	const char *run_dir = run_dir_of(config);
	struct recover_report report = {0};
	pid_t holder = 0;

	if (geteuid() != 0) {
		log_error("cannot recover: only root may do this");
		return EXIT_FAILURE;
	}
	if (access(run_dir, F_OK) == 0) {
		int ret =
			daemon_lock(&routed.daemon, run_dir, "routed", &holder);
		if (ret == ERR_RUNNING) {
			log_error("cannot recover: routed is running, process "
				  "%d; stop it instead",
				  holder);
			return EXIT_FAILURE;
		}
		if (ret < 0)
			log_warning("cannot lock '%s/routed.pid': %s", run_dir,
				    err_text(ret));
	}
	int ret =
		recover_run(run_dir,
			    routed.options.keeps_closed ? RECOVER_UNLESS_CLOSED
							: RECOVER_ALL,
			    &report);
	int ended = connections_end(&pool);
	daemon_unlock(&routed.daemon);
	if (ret < 0) {
		log_error("cannot remove everything: %s", err_text(ret));
		return EXIT_FAILURE;
	}
	if (routed.options.settings.is_json)
		report_recovery_json(&report, ended, stdout);
	else
		report_recovery(&report, ended, stdout);
	return EXIT_SUCCESS;
}

/* 1 if something is broken; notes alone are none. */
static int examine(const struct config *config)
{
	const struct options *options = &routed.options;
	const char *file = options->settings.config_file;
	const struct doctor_conf conf = {
		.config = config,
		.config_file = file ? file : CONFIG_DEFAULT_FILE,
		.run_dir = run_dir_of(config),
	};
	struct doctor doctor;
	int ret = doctor_collect(&doctor, &conf);

	if (ret == 0)
		ret = doctor_print(&doctor, options->settings.is_json, stdout);
	if (ret < 0)
		log_error("cannot examine this host: %s", err_text(ret));
	return ret < 0 || doctor_has_broken(&doctor) ? EXIT_FAILURE
						     : EXIT_SUCCESS;
}

/* Everything that a configuration is there for, or not. */
static int act(const struct config *config)
{
	const struct options *options = &routed.options;

	switch (options->action) {
	case ACTION_RUN:
		break;
	case ACTION_CHECK:
		return settings_print_check(config, stdout) < 0 ? EXIT_FAILURE
								: EXIT_SUCCESS;
	case ACTION_PRINT_CONFIG:
		config_print(config, stdout);
		return EXIT_SUCCESS;
	case ACTION_PLAN:
		return print_plan(config);
	case ACTION_EXPLAIN:
		return verbs_print_explanation(run_dir_of(config), options,
					       config, stdout);
	case ACTION_STATUS:
		return verbs_print_status(run_dir_of(config),
					  options->settings.is_json, stdout);
	case ACTION_METRICS:
		return verbs_print_metrics(run_dir_of(config), stdout);
	case ACTION_DIFF:
		return verbs_print_diff(run_dir_of(config),
					options->settings.is_json, stdout);
	case ACTION_FLOWS:
		if (options->is_watch)
			return watch_flows(run_dir_of(config),
					   options->settings.is_json, stdout);
		return verbs_print_flows(run_dir_of(config),
					 options->settings.is_json, stdout);
	case ACTION_CLOSE:
		return verbs_print_close(run_dir_of(config), options->flow,
					 options->settings.is_json, stdout);
	case ACTION_DOCTOR:
		return examine(config);
	case ACTION_RECOVER:
		return recover(config);
	case ACTION_VERSION:
		puts("routed (ersatz) " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case ACTION_HELP:
		options_help(stdout);
		return EXIT_SUCCESS;
	}
	return EXIT_FAILURE;
}

static int be_relay(void)
{
	prctl(PR_SET_NAME, "ersatz-relay");
	log_open("routed: relay", LOG_LEVEL_NOTICE, LOG_TARGET_STDERR);
	return relay_main(SPAWNER_LINK_FD);
}

int main(int argc, char **argv)
{
	struct loaded loaded = {0};
	struct diag diag;
	int status = EXIT_FAILURE;

	if (argc > 0 && spawner_is_relay(argv[0]))
		return be_relay();
	memory_give_back(MEMORY_LARGE);
	log_open("routed", LOG_LEVEL_NOTICE, LOG_TARGET_STDERR);
	if (options_parse(&routed.options, argc, argv) < 0)
		return EXIT_FAILURE;
	diag_init(&diag);
	int ret = load(&loaded, &diag);
	bool is_needed = routed.options.action < ACTION_STATUS;
	if ((ret < 0 && is_needed) || routed.options.action <= ACTION_CHECK)
		diag_print(&diag, stderr);
	diag_fini(&diag);
	routed.source = loaded.source;
	if (ret == 0 && routed.options.action == ACTION_RUN)
		status = run(&loaded); /* takes the config */
	else if (ret == 0 || !is_needed)
		status = act(loaded.config);
	if (ret == 0 && routed.options.action != ACTION_RUN)
		config_free(loaded.config);
	if (ret == 0)
		free(routed.source.text);
	return status;
}
