// SPDX-License-Identifier: BSD-2-Clause
#include "common/uplink.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/nl_watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/* Shorter prefixes over a tunnel are a default route in disguise. */
#define DISGUISE_LENGTH_MAX 7

#define DUMP_SPACING_MS 100 /* between two dumps */
#define DUMP_DELAY_MS 10    /* after the first event: they come in swarms */
#define DUMP_RETRY_MS 1000

bool uplink_is_tunnel(const struct nl_link *link)
{
	static const char *const kinds[] = {
		"tun",    "wireguard", "ipip", "sit",  "gre",
		"ip6gre", "ip6tnl",    "vti",  "vti6", "xfrm",
	};

	if (link->is_ethernet)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(link->kind, kinds[i]) == 0)
			return true;
	}
	return false;
}

/* A candidate: of main, not ours, over a link that is up. */
static const struct nl_link *link_of_route(const struct nl_state *state,
					   const struct nl_route *route,
					   const char *pinned)
{
	const struct nl_link *link;

	if (route->table != RT_TABLE_MAIN || route->protocol == NL_PROTOCOL)
		return NULL;
	link = nl_link_by_index(state, route->oif);
	if (!link || !link->is_up || link->is_loopback)
		return NULL;
	if (pinned)
		return strcmp(link->name, pinned) == 0 ? link : NULL;
	if (uplink_is_tunnel(link) && route->dst.length <= DISGUISE_LENGTH_MAX)
		return NULL;
	return link;
}

static void uplink_set(struct uplink *uplink, const struct nl_route *route,
		       const struct nl_link *link)
{
	memset(uplink, 0, sizeof(*uplink));
	uplink->ifindex = link->ifindex;
	memcpy(uplink->name, link->name, sizeof(uplink->name));
	uplink->mtu = link->mtu;
	if (!route)
		return;
	uplink->gateway = route->gateway;
	uplink->prefsrc = route->prefsrc;
	uplink->is_onlink = route->is_onlink;
	if (route->mtu)
		uplink->mtu = route->mtu;
}

/* A tunnel needs no gateway; it does need an address to send from. */
static int find_pinned_tunnel(const struct nl_state *state, uint8_t family,
			      const char *pinned, struct uplink *uplink)
{
	const struct nl_link *link = nl_link_by_name(state, pinned);

	if (!link || !link->is_up || link->is_ethernet || link->is_loopback)
		return -ENETUNREACH;
	for (size_t i = 0; i < state->addr_count; i++) {
		const struct nl_ifaddr *own = &state->addrs[i];

		if (own->ifindex != link->ifindex ||
		    own->addr.family != family || own->scope >= RT_SCOPE_LINK)
			continue;
		uplink_set(uplink, NULL, link);
		return 0;
	}
	return -ENETUNREACH;
}

int uplink_find(const struct nl_state *state, uint8_t family,
		const char *pinned, struct uplink *uplink)
{
	const struct nl_route *best = NULL;
	const struct nl_link *best_link = NULL;

	for (size_t i = 0; i < state->route_count; i++) {
		const struct nl_route *route = &state->routes[i];
		const struct nl_link *link;

		if (route->family != family || route->dst.length ||
		    route->type != RTN_UNICAST ||
		    (best && route->metric >= best->metric))
			continue;
		link = link_of_route(state, route, pinned);
		if (!link || !link->has_carrier)
			continue;
		best = route;
		best_link = link;
	}
	if (!best)
		return pinned ? find_pinned_tunnel(state, family, pinned,
						   uplink)
			      : -ENETUNREACH;
	uplink_set(uplink, best, best_link);
	return 0;
}

static bool is_barrier(const struct nl_route *route)
{
	return route->table == RT_TABLE_MAIN &&
	       route->protocol != NL_PROTOCOL &&
	       (route->type == RTN_UNREACHABLE || route->type == RTN_PROHIBIT ||
		route->type == RTN_BLACKHOLE);
}

static bool is_better(const struct nl_route *route, const struct nl_route *best)
{
	if (!best || route->dst.length != best->dst.length)
		return !best || route->dst.length > best->dst.length;
	return route->metric < best->metric;
}

int uplink_toward(const struct nl_state *state, const struct addr *addr,
		  const char *pinned, struct uplink *uplink)
{
	const struct nl_route *best = NULL;
	const struct nl_link *best_link = NULL;

	if (nl_state_is_local(state, addr))
		return 1;
	for (size_t i = 0; i < state->route_count; i++) {
		const struct nl_route *route = &state->routes[i];
		const struct nl_link *link = NULL;
		bool is_wall = !pinned && is_barrier(route);

		if (route->family != addr->family || route->dst.length == 0 ||
		    !prefix_has(&route->dst, addr) || !is_better(route, best))
			continue;
		if (route->type == RTN_UNICAST)
			link = link_of_route(state, route, pinned);
		if (!link && !is_wall)
			continue;
		best = route;
		best_link = link;
	}
	if (!best)
		return uplink_find(state, addr->family, pinned, uplink);
	if (!best_link)
		return -ENETUNREACH;
	uplink_set(uplink, best, best_link);
	return 0;
}

int uplink_bind(int fd, const struct nl_state *state, const struct addr *dst,
		const char *pinned)
{
	struct uplink uplink;
	int ret = uplink_toward(state, dst, pinned, &uplink);

	if (ret)
		return ret > 0 ? 0 : ret;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, uplink.name,
		       (socklen_t)strlen(uplink.name)) < 0)
		return -errno;
	return 0;
}

struct uplink_watch {
	struct nl_reader *reader; /* owned */
	struct nl_watch *watch;   /* owned */
	struct nl_state state;    /* owned */
	struct ev_loop *loop;     /* borrowed */
	struct ev_timer timer;    /* runs while a change waits for its dump */
	struct log_limit failures;
	int64_t dumped_ms;
	uplink_change_fn fn;
	void *ctx;
};

static void dump_after(struct uplink_watch *watch, int64_t delay_ms)
{
	if (ev_is_active(&watch->timer))
		return;
	ev_timer_set(&watch->timer, (double)delay_ms / 1000, 0);
	ev_timer_start(watch->loop, &watch->timer);
}

static void on_event(void *ctx)
{
	struct uplink_watch *watch = ctx;
	int64_t since_ms = clock_monotonic_ms() - watch->dumped_ms;

	if (since_ms >= DUMP_SPACING_MS - DUMP_DELAY_MS)
		dump_after(watch, DUMP_DELAY_MS);
	else
		dump_after(watch, DUMP_SPACING_MS - since_ms);
}

/*
 * Routes of ours lead to no uplink, nor does any that is not in main; there
 * may be thousands, which nobody should walk through for each connection, and
 * they come and go with the names that are asked.
 */
static void keep_main(struct nl_state *state)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->route_count; i++) {
		const struct nl_route *route = &state->routes[i];

		if (route->table == RT_TABLE_MAIN &&
		    route->protocol != NL_PROTOCOL)
			state->routes[kept++] = *route;
	}
	state->route_count = kept;
}

static int dump(struct uplink_watch *watch, struct nl_state *state)
{
	int ret = nl_reader_dump(watch->reader, state);

	if (ret == 0)
		keep_main(state);
	return ret;
}

/* The loop's idea of now may be old after a long dump. */
static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct uplink_watch *watch = timer->data;
	struct nl_state state;
	bool is_same;
	int ret;

	(void)revents;
	ret = dump(watch, &state);
	ev_now_update(loop);
	if (ret < 0) {
		if (log_limit_pass(&watch->failures))
			log_warning("cannot read the routing state, going on "
				    "with what was known: %s",
				    err_text(ret));
		dump_after(watch, DUMP_RETRY_MS);
		return;
	}
	watch->dumped_ms = clock_monotonic_ms();
	is_same = nl_state_equal(&watch->state, &state);
	nl_state_free(&watch->state);
	watch->state = state;
	if (!is_same)
		watch->fn(watch->ctx, &watch->state);
}

int uplink_watch_open(struct uplink_watch **watch, struct ev_loop *loop,
		      uplink_change_fn fn, void *ctx)
{
	struct uplink_watch *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	new->failures.burst = 1;
	ev_timer_init(&new->timer, on_timer, 0, 0);
	new->timer.data = new;
	ret = nl_reader_open(&new->reader);
	if (ret < 0)
		goto free_watch;
	ret = nl_reader_keep_main(new->reader);
	if (ret < 0) /* keep_main() does the same, at a price */
		log_debug("cannot ask for a single table: %s", err_text(ret));
	/* Before the first dump, so that nothing falls between. */
	ret = nl_watch_open(&new->watch, loop, 0, on_event, new);
	if (ret < 0)
		goto close_reader;
	ret = dump(new, &new->state);
	if (ret < 0)
		goto close_watch;
	new->dumped_ms = clock_monotonic_ms();
	*watch = new;
	return 0;

close_watch:
	nl_watch_close(new->watch);
close_reader:
	nl_reader_close(new->reader);
free_watch:
	free(new);
	return ret;
}

const struct nl_state *uplink_watch_state(const struct uplink_watch *watch)
{
	return &watch->state;
}

void uplink_watch_close(struct uplink_watch *watch)
{
	if (!watch)
		return;
	ev_timer_stop(watch->loop, &watch->timer);
	nl_watch_close(watch->watch);
	nl_reader_close(watch->reader);
	nl_state_free(&watch->state);
	free(watch);
}
