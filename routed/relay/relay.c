// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/relay.h"

#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "routed/relay/allowance.h"
#include "routed/relay/confine.h"
#include "routed/relay/entrance.h"
#include "routed/relay/flow_log.h"
#include "routed/relay/icmp/icmp.h"
#include "routed/relay/intake.h"
#include "routed/relay/leave.h"
#include "routed/relay/listing.h"
#include "routed/relay/passage.h"
#include "routed/relay/quota.h"
#include "routed/relay/stray.h"
#include "routed/relay/udp/udp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIPES = 64,
	LOOKUPS = 1024,
	HALF_OPEN_MAX = 4096,
	/* The pools have more than this, and little of them is ever used. */
	LARGE_BLOCK = 16 << 10,
	/* Loop, link, TUNs, listeners, map, netlink, channels to dnsd, ... */
	OTHER_FDS = 64 + 2 * PIPES,
	/* The inner kernel sends its SYN-ACK four times in this time. */
	ENTERING_MS = 10000,
};

#define MESSAGES_AT_ONCE 64
#define TICK_S 0.1

struct relay {
	int link_fd;         /* owned */
	int status;          /* that the process ends with */
	bool is_leaving;     /* our last word is said */
	bool is_orphan;      /* the parent is dead */
	struct link_fds fds; /* owned, from LINK_SETUP */
	char config_file[PATH_MAX];
	struct parts parts;
	struct entrance *entrance;
	struct listings *listings;
	struct ev_io link;
	struct ev_timer tick;
};

static void stop(struct relay *relay, int status)
{
	relay->status = status;
	ev_break(relay->parts.loop, EVBREAK_ALL);
}

/* The text of a memfd, to be freed. */
static char *read_memfd(int fd, size_t *length)
{
	struct stat file;
	char *text;

	if (fstat(fd, &file) < 0 || file.st_size < 0 ||
	    file.st_size > CONFIG_SIZE_MAX)
		return NULL;
	*length = (size_t)file.st_size;
	text = malloc(*length + 1);
	if (!text)
		return NULL;
	if (pread(fd, text, *length, 0) != (ssize_t)*length) {
		free(text);
		return NULL;
	}
	text[*length] = '\0';
	return text;
}

/* The parent has checked the same text, so errors here are rare. */
static int load_policy(const struct relay *relay, int fd,
		       struct policy **policy)
{
	struct diag diag;
	size_t length;
	char *text = read_memfd(fd, &length);
	int ret;

	if (!text)
		return -EINVAL;
	diag_init(&diag);
	ret = policy_new(policy, text, length, relay->config_file, &diag);
	for (size_t i = 0; ret < 0 && i < diag.count; i++)
		log_error("%s", diag.lines[i]);
	diag_fini(&diag);
	free(text);
	return ret;
}

/* The clock ticks only while somebody waits. */
static void on_syn(void *ctx, const uint8_t *frame, size_t length)
{
	struct relay *relay = ctx;
	struct packet packet;

	if (packet_parse(&packet, frame + CARRIER_HEADER_SIZE,
			 length - CARRIER_HEADER_SIZE) < 0)
		return; /* it was parsed before */
	intake_on_syn(&relay->parts, &packet, frame, length);
	if (!ev_is_active(&relay->tick))
		ev_timer_again(relay->parts.loop, &relay->tick);
}

/* Each device in its own lane; programs of this host share one. */
static bool wait_in_turn(const struct parts *parts, const struct addr *src,
			 const uint8_t *frame, size_t length)
{
	bool is_ours = intake_is_of_this_host(parts, src);

	return backlog_add(parts->backlog[is_ours],
			   is_ours ? 0 : name_hash(src->bytes, addr_size(src)),
			   frame, length);
}

static void on_packet(void *ctx, const uint8_t *frame, size_t length)
{
	struct relay *relay = ctx;
	struct parts *parts = &relay->parts;
	struct packet packet;

	if (packet_parse(&packet, frame + CARRIER_HEADER_SIZE,
			 length - CARRIER_HEADER_SIZE) < 0) {
		carrier_drop(parts->carrier);
		return;
	}
	if (packet.protocol == PACKET_ICMP || packet.protocol == PACKET_ICMPV6)
		icmp_on_packet(parts->icmp, &packet);
	else if (packet.protocol == PACKET_UDP)
		udp_on_packet(parts->udp, &packet, frame);
	else if (packet.protocol != PACKET_TCP)
		stray_on_packet(parts, &packet);
	else if (packet_is_opening(&packet) &&
		 wait_in_turn(parts, &packet.src.addr, frame, length))
		return;
	else if ((packet.tcp.flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) ==
		 PACKET_TCP_SYN)
		carrier_drop(parts->carrier);
	else
		carrier_inject(parts->carrier, frame, length);
}

static void on_gone(void *ctx, int error)
{
	log_error("cannot read TUN: %s", err_text(error));
	stop(ctx, EXIT_FAILURE);
}

static const struct carrier_ops carrier_ops = {
	.on_packet = on_packet,
	.on_gone = on_gone,
};

static void on_accepted(void *ctx, int fd, const struct tuple *tuple)
{
	struct relay *relay = ctx;

	intake_on_accepted(&relay->parts, fd, tuple);
}

static void on_links(void *ctx, const struct nl_state *state)
{
	struct relay *relay = ctx;

	intake_on_links(&relay->parts, state);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct relay *relay = timer->data;

	(void)revents;
	intake_on_time(&relay->parts);
	if (holds_count(relay->parts.holds) == 0)
		ev_timer_stop(loop, timer);
}

/* Every fake address that a flow goes to, for dnsd. */
static void note_all(void *ctx, struct uses *uses)
{
	struct relay *relay = ctx;
	struct flows *flows = relay->parts.flows;
	struct udp *udp = relay->parts.udp;

	for (uint32_t number = 0; number < flows_end(flows); number++) {
		const struct flow *flow = flows_at(flows, number);

		if (flow)
			uses_note(uses, flow->slot);
	}
	for (uint32_t number = 0; number < udp_end(udp); number++) {
		struct udp_line line;

		if (udp_line_at(udp, number, &line))
			uses_note(uses, line.slot);
	}
}

static void on_config(struct relay *relay, int fd)
{
	struct policy *policy;
	int ret = load_policy(relay, fd, &policy);

	if (ret < 0) {
		log_error("cannot follow the new configuration: %s",
			  err_text(ret));
		return;
	}
	policy_look_around(policy, uplink_watch_state(relay->parts.uplinks));
	choice_adopt(policy, relay->parts.policy);
	policy_unref(relay->parts.policy);
	relay->parts.policy = policy;
	intake_on_policy(&relay->parts);
	udp_on_policy(relay->parts.udp);
	flow_log_follow(relay->parts.log);
	scout_follow(relay->parts.scout);
	uses_set_guard(relay->parts.uses, policy->config->dnsd.fake_guard_ms);
}

static void answer(struct relay *relay, const struct link_message *question,
		   enum link_type type)
{
	struct link_message message = {.type = type, .id = question->id};
	int ret;

	if (type == LINK_STATUS)
		passage_count(&relay->parts, &message.counters);
	ret = link_send(relay->link_fd, &message, NULL);
	/* A parent that is slow asks again; one that is gone is seen below. */
	if (ret < 0)
		log_debug("cannot answer routed: %s", err_text(ret));
}

static void on_message(struct relay *relay, const struct link_message *message,
		       struct link_fds *fds)
{
	switch ((enum link_type)message->type) {
	case LINK_PING:
		answer(relay, message, LINK_PONG);
		break;
	case LINK_STATUS:
		answer(relay, message, LINK_STATUS);
		break;
	case LINK_OWNED:
		if (!udp_on_owner(relay->parts.udp, message->id,
				  &message->owner))
			intake_on_owner(&relay->parts, message->id,
					&message->owner);
		break;
	case LINK_CONFIG:
		on_config(relay, fds->fd[0]);
		break;
	case LINK_FLOWS:
		listings_add(relay->listings, fds->fd[0], &message->viewer);
		fds->fd[0] = -1;
		break;
	case LINK_CLOSE:
		intake_close(&relay->parts, &message->flow);
		break;
	case LINK_ICMP:
		icmp_on_socket(relay->parts.icmp, message->icmp.ifindex,
			       message->icmp.family, fds->fd[0]);
		fds->fd[0] = -1;
		break;
	case LINK_DIRECT:
		decider_note_direct(relay->parts.decider, &message->direct);
		break;
	case LINK_STOP:
		stop(relay, EXIT_SUCCESS);
		break;
	case LINK_SETUP:
	case LINK_READY:
	case LINK_OWNER:
	case LINK_PONG:
	case LINK_UDP_SERVER:
	case LINK_MEMBER:
		log_error("routed sent an unexpected message");
		stop(relay, EXIT_FAILURE);
		break;
	}
}

static void close_fds(struct link_fds *fds)
{
	for (int i = 0; i < fds->count; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
		fds->fd[i] = -1;
	}
}

/* False: there is no more for now, or ever. */
static bool take_message(struct relay *relay)
{
	struct link_message message;
	struct link_fds fds;
	int ret = link_recv(relay->link_fd, &message, &fds);

	if (ret == -EAGAIN)
		return false;
	if (ret <= 0) {
		relay->is_orphan = ret == 0;
		stop(relay, ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		return false;
	}
	on_message(relay, &message, &fds);
	close_fds(&fds);
	return message.type != LINK_STOP;
}

/* Before packets, by its priority: what was said before they came is known. */
static void on_link(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop, (void)revents;
	for (int i = 0; i < MESSAGES_AT_ONCE && take_message(io->data); i++)
		;
}

/* The outer half: what is known of the world. */
static int open_world(struct relay *relay, const struct link_setup *setup)
{
	struct parts *parts = &relay->parts;
	const struct dnsd_conf *dnsd = &parts->policy->config->dnsd;
	char *map = config_path(setup->state_dir, "map.db");
	char *socket = config_path(setup->run_dir, "dnsd.sock");
	const struct uses_conf uses_conf = {
		.path = socket,
		.slots = fake_pool_size(&dnsd->fake),
		.guard_ms = dnsd->fake_guard_ms,
		.each = note_all,
		.ctx = relay,
	};
	int ret = -ENOMEM;

	if (!map || !socket)
		goto free_paths;
	ret = uplink_watch_open(&parts->uplinks, parts->loop, on_links, relay);
	if (ret < 0)
		goto free_paths;
	ret = decider_new(&parts->decider, map);
	if (ret < 0)
		goto free_paths;
	ret = uses_new(&parts->uses, parts->loop, &uses_conf);
	if (ret < 0)
		goto free_paths;
	decider_set_uses(parts->decider, parts->uses);
	ret = neighbours_new(&parts->neighbours);
	if (ret < 0)
		goto free_paths;
	decider_set_neighbours(parts->decider, parts->neighbours);
	ret = resolver_new(&parts->resolver, parts->loop, socket, LOOKUPS);
	if (ret < 0)
		goto free_paths;
	policy_look_around(parts->policy, uplink_watch_state(parts->uplinks));
free_paths:
	free(map);
	free(socket);
	return ret;
}

/* The inner half: the pools, and what fills them. */
static int open_flows(struct relay *relay)
{
	struct parts *parts = &relay->parts;
	const struct routed_conf *conf = &parts->policy->config->routed;
	uint32_t flows = conf->flows_max, udp_flows = conf->udp.flows;
	uint32_t half_open;
	int ret;

	allowance_fit(&flows, &udp_flows, OTHER_FDS);
	half_open = flows < HALF_OPEN_MAX ? flows : HALF_OPEN_MAX;
	ret = poller_new(&parts->poller, parts->loop, parts);
	if (ret == 0)
		ret = mover_room_new(&parts->room, PIPES);
	if (ret == 0)
		ret = flows_new(&parts->flows, flows);
	if (ret == 0)
		ret = holds_new(&parts->holds, half_open, ENTERING_MS);
	if (ret == 0)
		ret = quota_new(
			&parts->quota,
			&(struct quota_conf){.flows = flows,
					     .half_open = half_open,
					     .flows_a_source =
						     conf->flows_per_source});
	if (ret == 0)
		ret = inquiry_new(&parts->inquiry, parts->loop, relay->link_fd,
				  half_open);
	if (ret == 0)
		ret = listings_new(&relay->listings, parts);
	if (ret == 0)
		ret = entrance_new(&relay->entrance, parts->loop,
				   &relay->fds.fd[LINK_FD_LISTEN4], on_accepted,
				   relay);
	if (ret == 0)
		ret = carrier_new(&parts->carrier, parts->loop,
				  &relay->fds.fd[LINK_FD_TUN], &carrier_ops,
				  relay);
	for (int i = 0; i < 2 && ret == 0; i++)
		ret = backlog_new(&parts->backlog[i], parts->loop, on_syn,
				  relay);
	if (ret == 0)
		ret = icmp_new(&parts->icmp, parts);
	if (ret == 0)
		ret = udp_new(&parts->udp, parts, relay->link_fd, udp_flows);
	if (ret == 0)
		ret = flow_log_new(&parts->log, parts);
	parts->failures.burst = 20;
	parts->faults.burst = 3;
	parts->dialler = (struct dialler){
		.loop = parts->loop,
		.poller = parts->poller,
		.resolver = parts->resolver,
		.uplinks = parts->uplinks,
		.ops = &intake_dial_ops,
		.ctx = parts,
	};
	if (ret == 0)
		ret = scout_new(&parts->scout, parts, relay->link_fd);
	return ret;
}

static void relay_fini(struct relay *relay)
{
	struct parts *parts = &relay->parts;

	if (parts->loop) {
		ev_io_stop(parts->loop, &relay->link);
		ev_timer_stop(parts->loop, &relay->tick);
	}
	udp_free(parts->udp);
	icmp_free(parts->icmp);
	flow_log_free(parts->log);
	parts->log = NULL;
	backlog_free(parts->backlog[0]);
	backlog_free(parts->backlog[1]);
	carrier_free(parts->carrier);
	entrance_free(relay->entrance);
	listings_free(relay->listings);
	inquiry_free(parts->inquiry);
	scout_free(parts->scout);
	quota_free(parts->quota);
	holds_free(parts->holds);
	flows_free(parts->flows);
	mover_room_free(parts->room);
	poller_free(parts->poller);
	resolver_free(parts->resolver);
	decider_free(parts->decider);
	neighbours_free(parts->neighbours);
	uses_free(parts->uses);
	uplink_watch_close(parts->uplinks);
	policy_unref(parts->policy);
	if (parts->loop)
		ev_loop_destroy(parts->loop);
	if (relay->is_leaving && relay->status == EXIT_SUCCESS)
		leave_together(relay->link_fd,
			       relay->fds.fd[LINK_FD_INNER_TUN]);
	close_fds(&relay->fds);
	close(relay->link_fd);
}

static int relay_init(struct relay *relay, const struct link_setup *setup)
{
	struct parts *parts = &relay->parts;
	int ret;

	memcpy(relay->config_file, setup->config_file, PATH_MAX);
	ret = load_policy(relay, relay->fds.fd[LINK_FD_CONFIG], &parts->policy);
	if (ret < 0)
		return ret;
	log_open("ersatz-relay", parts->policy->config->log_level,
		 (enum log_target)setup->log_target);
	parts->loop = ev_loop_new(EVFLAG_AUTO);
	if (!parts->loop)
		return -ENOMEM;
	ret = open_world(relay, setup);
	if (ret < 0)
		return ret;
	ret = open_flows(relay);
	if (ret < 0)
		return ret;
	confine_relay(parts->policy->config, setup->state_dir);
	ev_io_init(&relay->link, on_link, relay->link_fd, EV_READ);
	ev_timer_init(&relay->tick, on_tick, TICK_S, TICK_S);
	relay->link.data = relay->tick.data = relay;
	/* The heartbeat comes before any packet. */
	ev_set_priority(&relay->link, EV_MAXPRI);
	ev_io_start(parts->loop, &relay->link);
	return 0;
}

/* Waits for the first message; negative: it was none. */
static int receive_setup(struct relay *relay, struct link_message *message)
{
	struct pollfd link = {.fd = relay->link_fd, .events = POLLIN};
	int ret;

	do {
		if (poll(&link, 1, -1) < 0 && errno != EINTR)
			return -errno;
		ret = link_recv(relay->link_fd, message, &relay->fds);
	} while (ret == -EAGAIN);
	if (ret <= 0)
		return ret < 0 ? ret : -EPIPE;
	if (message->type != LINK_SETUP || relay->fds.count != LINK_FDS)
		return ERR_MALFORMED;
	leave_in_order(&relay->fds.fd[LINK_FD_TUN],
		       &relay->fds.fd[LINK_FD_INNER_TUN]);
	return 0;
}

/* Who decides when the relay ends is the parent, not the terminal. */
static void ignore_signals(void)
{
	static const int signals[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM};

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		(void)signal(signals[i], SIG_IGN);
}

static int run(struct relay *relay)
{
	const struct link_message ready = {.type = LINK_READY};
	struct link_message message;
	int ret = receive_setup(relay, &message);

	if (ret == -EPIPE) /* nobody needs a relay any more */
		return EXIT_FAILURE;
	if (ret == 0)
		ret = relay_init(relay, &message.setup);
	if (ret == 0)
		ret = link_send(relay->link_fd, &ready, NULL);
	if (ret == 0)
		scout_follow(relay->parts.scout);
	if (ret < 0) {
		log_error("cannot start the relay: %s", err_text(ret));
		return EXIT_FAILURE;
	}
	ev_run(relay->parts.loop, 0);
	intake_stop(&relay->parts);
	udp_stop(relay->parts.udp);
	carrier_flush(relay->parts.carrier);
	if (relay->is_orphan)
		leave_tun(relay->fds.fd[LINK_FD_TUN]);
	/* All is said: the parent takes its part down while we do ours. */
	(void)shutdown(relay->link_fd, SHUT_WR);
	relay->is_leaving = true;
	return relay->status;
}

int relay_main(int link_fd)
{
	struct relay *relay;
	int status;

	memory_give_back(LARGE_BLOCK);
	relay = calloc(1, sizeof(*relay));
	if (!relay)
		return EXIT_FAILURE;
	relay->link_fd = link_fd;
	ignore_signals();
	status = run(relay);
	relay_fini(relay);
	free(relay);
	return status;
}
