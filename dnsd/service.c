// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/service.h"

#include "common/clock.h"
#include "common/config_diff.h"
#include "common/control.h"
#include "common/err.h"
#include "common/file_watch.h"
#include "common/folders.h"
#include "common/landlock.h"
#include "common/log.h"
#include "common/map.h"
#include "common/privilege.h"
#include "common/rules_watch.h"
#include "dnsd/allowed.h"
#include "dnsd/direct.h"
#include "dnsd/dispatch.h"
#include "dnsd/explain.h"
#include "dnsd/fakes.h"
#include "dnsd/outlets.h"
#include "dnsd/query.h"
#include "dnsd/server.h"
#include "dnsd/upstream/upstream.h"
#include "dnsd/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define QUERIES_MAX 4096 /* that wait for an upstream */
#define DESCRIPTORS_MAX 32768

/* What belongs to one configuration and goes with it; all owned. */
struct epoch {
	struct config *config;
	struct upstreams *upstreams;
	struct lookups *lookups;
	struct queries *queries;
	struct explainer *explainer;
};

struct service {
	struct ev_loop *loop;
	struct daemon *daemon; /* borrowed */
	struct server *server; /* owned, as all of these */
	struct map *map;
	struct ev_io reserved; /* of the map */
	struct fakes *fakes;
	struct direct *direct;
	struct dispatch *dispatch;
	struct hosts *hosts;
	struct file_watch *hosts_watch; /* NULL: it cannot be watched */
	struct control *control;
	struct watch *watch;
	struct outlets *outlets;
	struct epoch epoch;
	struct queries_counters counters; /* of all epochs */
	struct lookup_memory memory;      /* of all epochs */
	struct verbs verbs;
};

static int find_identity(struct identity *identity, const struct config *config)
{
	if (geteuid() == 0)
		return identity_find(identity, config->user);
	*identity = (struct identity){geteuid(), getegid()};
	return 0;
}

static int open_map(struct service *service, const struct config *config)
{
	char *path = config_path(config->state_dir, "map.db");
	char reason[MAP_REASON_SIZE];
	int ret = -ENOMEM;

	if (path)
		ret = map_open(&service->map, path, &config->dnsd.fake, reason);
	free(path);
	if (ret == -ENOMEM)
		log_error("cannot open the map: %s", err_text(ret));
	else if (ret < 0)
		log_error("%s", reason);
	else if (ret > 0)
		log_warning("%s", reason);
	if (ret < 0)
		return ret;
	ret = fakes_new(&service->fakes, service->map, &config->dnsd.fake,
			clock_boottime_ms());
	if (ret < 0)
		log_error("cannot load the map: %s",
			  *map_reason(service->map) ? map_reason(service->map)
						    : err_text(ret));
	return ret < 0 ? ret : 0;
}

static void on_reserved(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct service *service = io->data;

	(void)loop;
	(void)events;
	fakes_reserved(service->fakes, clock_boottime_ms());
}

static void watch_map(struct service *service)
{
	int fd = map_reserve_fd(service->map);

	ev_io_init(&service->reserved, on_reserved, fd, EV_READ);
	service->reserved.data = service;
	if (fd >= 0)
		ev_io_start(service->loop, &service->reserved);
}

static void send_reply(void *ctx, const struct asker *asker,
		       const uint8_t *message, size_t length)
{
	const struct service *service = ctx;

	server_reply(service->server, asker, message, length);
}

static int open_direct(struct service *service, const struct config *config)
{
	char *path = config_path(config->run_dir, "routed.sock");
	int ret = -ENOMEM;

	if (path)
		ret = direct_new(&service->direct, service->loop, path,
				 send_reply, service);
	if (ret < 0)
		log_error("cannot use control socket '%s': %s",
			  path ? path : "routed.sock", err_text(ret));
	free(path);
	return ret;
}

static int64_t slot_of(void *ctx, const struct name *name)
{
	const struct service *service = ctx;

	return fakes_find(service->fakes, name);
}

static void room(void *ctx, struct explain_room *room)
{
	const struct service *service = ctx;
	struct fakes_stats stats;

	fakes_stats(service->fakes, &stats);
	*room = (struct explain_room){
		.slots = stats.slots,
		.free = stats.free,
		.why_full = fakes_why_full(service->fakes, clock_boottime_ms()),
	};
}

static int name_of(void *ctx, uint32_t slot, struct name *name)
{
	const struct service *service = ctx;

	return fakes_name(service->fakes, slot, name);
}

/* Upstreams go first: their end ends every query and every explanation. */
static void end_epoch(struct epoch *epoch)
{
	upstreams_free(epoch->upstreams);
	explainer_free(epoch->explainer);
	queries_free(epoch->queries);
	lookups_free(epoch->lookups);
	config_free(epoch->config);
	*epoch = (struct epoch){0};
}

/* On failure the caller ends the epoch, which has its config already. */
static int begin_epoch(struct service *service, struct epoch *epoch)
{
	const struct config *config = epoch->config;
	struct upstreams_conf upstreams_conf = upstreams_conf_of(config);
	const struct cache_conf cache_conf = {
		.size = config->dnsd.cache.size_bytes,
		.stale_ms = config->dnsd.cache.stale_ms,
	};
	struct lookups_conf lookups_conf = {
		.loop = service->loop,
		.memory = &service->memory,
		.has_prefetch = config->dnsd.cache.has_prefetch,
		.max = QUERIES_MAX,
	};
	struct queries_conf queries_conf = {
		.config = config,
		.counters = &service->counters,
		.ops = &dispatch_query_ops,
		.ctx = service->dispatch,
		.max = QUERIES_MAX,
	};
	struct explain_conf explain_conf = {
		.config = config,
		.hosts = service->hosts,
		.memory = &service->memory,
		.slot_of = slot_of,
		.name_of = name_of,
		.room = room,
		.ctx = service,
	};
	int ret;

	if (service->epoch.upstreams)
		upstreams_stats(service->epoch.upstreams,
				&upstreams_conf.before);
	ret = upstreams_new(&epoch->upstreams, service->loop, &upstreams_conf);
	lookups_conf.upstreams = epoch->upstreams;
	explain_conf.upstreams = epoch->upstreams;
	if (ret == 0)
		ret = lookups_new(&epoch->lookups, &lookups_conf);
	queries_conf.upstreams = epoch->upstreams;
	queries_conf.lookups = epoch->lookups;
	if (ret == 0)
		ret = queries_new(&epoch->queries, &queries_conf);
	if (ret == 0)
		ret = explainer_new(&epoch->explainer, &explain_conf);
	/* Last, as it changes what the epoch before may go on with. */
	if (ret == 0)
		ret = lookup_memory_set(&service->memory, &cache_conf);
	if (ret < 0)
		log_error("cannot set up the upstreams: %s", err_text(ret));
	return ret;
}

static void use_epoch(struct service *service, const struct epoch *epoch)
{
	service->epoch = *epoch;
	dispatch_set_config(service->dispatch, epoch->config, epoch->queries);
	service->verbs.config = epoch->config;
	service->verbs.queries = epoch->queries;
	service->verbs.upstreams = epoch->upstreams;
	service->verbs.explainer = epoch->explainer;
}

/* What cannot be read leaves what was read before. */
static void load_hosts(struct service *service)
{
	const struct config *config = service->epoch.config;
	int ret = hosts_load(service->hosts, config);

	if (ret < 0)
		log_warning("cannot read hosts of '%s': %s",
			    config->dnsd.hosts_file ? config->dnsd.hosts_file
						    : config->file,
			    err_text(ret));
	dispatch_set_hosts(service->dispatch, service->hosts);
}

static void on_hosts_change(void *ctx)
{
	struct service *service = ctx;

	load_hosts(service);
	log_notice("read '%s' again: addresses of %zu names are written down",
		   service->epoch.config->dnsd.hosts_file,
		   hosts_count(service->hosts));
}

/* Reads what is written down, and again when it changes. */
static void use_hosts(struct service *service)
{
	const char *path = service->epoch.config->dnsd.hosts_file;
	int ret = 0;

	load_hosts(service);
	if (!service->hosts_watch)
		ret = file_watch_new(&service->hosts_watch, service->loop,
				     on_hosts_change, service);
	if (ret == 0) {
		file_watch_clear(service->hosts_watch);
		if (path)
			ret = file_watch_add(service->hosts_watch, path,
					     strlen(path));
	}
	if (ret < 0)
		log_warning("cannot watch '%s' for changes: %s", path,
			    err_text(ret));
}

static int open_control(struct service *service, const struct config *config,
			const struct identity *identity)
{
	char *path = config_path(config->run_dir, "dnsd.sock");
	const struct control_conf conf = {
		.path = path,
		.group = identity->gid,
		.partner = identity->uid, /* the relay */
		.verbs = verbs_table,
		.ctx = &service->verbs,
	};
	int ret = -ENOMEM;

	if (path)
		ret = control_open(&service->control, service->loop, &conf);
	if (ret < 0)
		log_error("cannot open control socket '%s': %s",
			  path ? path : "dnsd.sock", err_text(ret));
	free(path);
	return ret;
}

/* Each query to an upstream has a socket; a default of 1024 is for select(). */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max
							  : DESCRIPTORS_MAX;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot have %llu descriptors: %s",
			    (unsigned long long)limit.rlim_cur,
			    err_text(-errno));
}

/* From now on it changes its map, its socket and its log alone.  Returns the
 * version of Landlock. */
static int confine(const struct config *config)
{
	char logs[PATH_MAX];
	const struct landlock_place places[] = {
		{config->state_dir, LANDLOCK_CHANGE},
		{config->run_dir, LANDLOCK_CHANGE},
		{landlock_log_folder(config->dnsd.query_log, logs),
		 LANDLOCK_APPEND},
		{LANDLOCK_LOGS, LANDLOCK_APPEND},
		{"/dev/null", LANDLOCK_WRITE},
	};
	int ret = landlock_enter(places, ARRAY_LEN(places), true);

	if (ret < 0)
		log_warning("cannot confine dnsd to its files: %s",
			    err_text(ret));
	allowed_enter();
	return ret < 0 ? 0 : ret;
}

/* What needs root, if anything does: when it returns, nobody is root. */
static int start_privileged(struct service *service,
			    const struct config *config,
			    const struct identity *identity)
{
	const struct server_conf server_conf = {
		.listen = config->dnsd.listen,
		.listen_count = config->dnsd.listen_count,
	};
	int ret = folders_take(service->daemon, config, identity, "dnsd");

	raise_descriptors();
	if (ret == 0)
		ret = dispatch_new(&service->dispatch);
	if (ret == 0)
		ret = server_open(&service->server, service->loop, &server_conf,
				  &dispatch_server_ops, service->dispatch);
	if (ret == 0)
		ret = open_control(service, config, identity);
	if (ret < 0)
		return ret;
	ret = privilege_drop_all(identity);
	if (ret < 0)
		log_error("cannot give up privileges: %s", err_text(ret));
	else
		service->verbs.landlock = confine(config);
	return ret;
}

static int open_outlets(struct service *service, const struct config *config)
{
	struct outlets_ready ready;
	int ret = watch_new(&service->watch, service->loop, service->server);

	if (ret == 0)
		ret = outlets_new(&service->outlets, service->loop,
				  service->watch, verbs_metrics,
				  &service->verbs);
	if (ret == 0)
		ret = outlets_open(service->outlets, config, &ready);
	if (ret == 0)
		outlets_use(service->outlets, config, &ready);
	return ret;
}

static int start_unprivileged(struct service *service)
{
	const struct config *config = service->epoch.config;
	struct epoch epoch = service->epoch;
	int ret = hosts_new(&service->hosts);

	if (ret == 0)
		ret = open_map(service, config);

	if (ret == 0)
		ret = open_direct(service, config);
	if (ret == 0)
		ret = open_outlets(service, config);
	if (ret == 0)
		ret = begin_epoch(service, &epoch);
	use_epoch(service, &epoch);
	if (ret < 0)
		return ret;
	watch_map(service);
	use_hosts(service);
	fakes_set_guard(service->fakes, config->dnsd.fake_guard_ms);
	dispatch_set_parts(service->dispatch, service->server, service->fakes,
			   service->direct);
	service->verbs.server = service->server;
	service->verbs.fakes = service->fakes;
	service->verbs.direct = service->direct;
	service->verbs.dispatch = service->dispatch;
	service->verbs.control = service->control;
	service->verbs.watch = service->watch;
	service->verbs.counters = &service->counters;
	service->verbs.memory = &service->memory;
	service->verbs.started_ms = clock_wall_ms();
	return 0;
}

static void log_ready(const struct service *service)
{
	const struct dnsd_conf *conf = &service->epoch.config->dnsd;
	char text[ENDPOINT_TEXT_SIZE];
	struct fakes_stats stats;

	for (size_t i = 0; i < conf->listen_count; i++)
		log_notice(
			"listening at '%s'",
			endpoint_format(&conf->listen[i], text, sizeof(text)));
	fakes_stats(service->fakes, &stats);
	log_notice("ready: %u of %u addresses are given to names", stats.names,
		   stats.names + stats.free);
}

int service_start(struct service **service, struct ev_loop *loop,
		  struct daemon *daemon, struct config *config)
{
	struct service *new = calloc(1, sizeof(*new));
	struct identity identity;
	int ret;

	if (!new) {
		config_free(config);
		return -ENOMEM;
	}
	new->loop = loop;
	new->daemon = daemon;
	new->epoch.config = config;
	ret = find_identity(&identity, config);
	if (ret == 0)
		ret = start_privileged(new, config, &identity);
	if (ret == 0)
		ret = start_unprivileged(new);
	if (ret < 0) {
		service_stop(new);
		return ret;
	}
	server_start(new->server);
	log_ready(new);
	*service = new;
	return 0;
}

static bool is_same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && addr_equal(&a->addr, &b->addr);
}

static bool is_same_listen(const struct dnsd_conf *a, const struct dnsd_conf *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (size_t i = 0; i < a->listen_count; i++) {
		if (!endpoint_equal(&a->listen[i], &b->listen[i]))
			return false;
	}
	return true;
}

/* The key that a reload cannot change, or NULL. */
static const char *changed_for_good(const struct config *old,
				    const struct config *new)
{
	if (!is_same_listen(&old->dnsd, &new->dnsd))
		return "dnsd.listen";
	if (!is_same_prefix(&old->dnsd.fake.ipv4, &new->dnsd.fake.ipv4) ||
	    !is_same_prefix(&old->dnsd.fake.ipv6, &new->dnsd.fake.ipv6))
		return "dnsd.fake";
	if (strcmp(old->state_dir, new->state_dir) != 0)
		return "state";
	if (strcmp(old->run_dir, new->run_dir) != 0)
		return "run";
	if (strcmp(old->user, new->user) != 0)
		return "user";
	return NULL;
}

int service_reload(struct service *service, struct config *config)
{
	struct epoch old = service->epoch, new = {.config = config};
	struct outlets_ready ready;
	const char *key = changed_for_good(old.config, config);
	int ret = ERR_CONFIG;

	if (key)
		log_error("cannot reload '%s': '%s' is read at the start only; "
			  "restart dnsd to change it",
			  config->file, key);
	else
		ret = rules_watch_check(old.config->rules, config->rules);
	if (ret == 0)
		ret = outlets_open(service->outlets, config, &ready);
	if (ret == 0) {
		ret = begin_epoch(service, &new);
		if (ret < 0)
			outlets_abandon(&ready);
	}
	if (ret < 0) {
		end_epoch(&new);
		return ret;
	}
	config_diff_log(old.config, config);
	use_epoch(service, &new);
	use_hosts(service);
	outlets_use(service->outlets, config, &ready);
	fakes_set_guard(service->fakes, config->dnsd.fake_guard_ms);
	end_epoch(&old);
	return 0;
}

void service_stop(struct service *service)
{
	if (!service)
		return;
	/* They look things up in the configuration, and call for numbers. */
	watch_free(service->watch);
	outlets_free(service->outlets);
	/* Its last answers may go to clients of the control socket. */
	end_epoch(&service->epoch);
	lookup_memory_fini(&service->memory);
	control_close(service->control);
	direct_free(service->direct);
	server_close(service->server);
	file_watch_free(service->hosts_watch);
	hosts_free(service->hosts);
	ev_io_stop(service->loop, &service->reserved);
	fakes_free(service->fakes);
	map_close(service->map);
	dispatch_free(service->dispatch);
	daemon_unlock(service->daemon);
	free(service);
}
