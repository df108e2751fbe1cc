// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relays.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "routed/backoff.h"
#include "routed/last_fd.h"
#include "routed/tun.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PING_S 0.5
#define PINGS_MISSED_MAX 4 /* two seconds */
#define READY_S 10.0       /* to read rules and map */
#define STOP_S 2.0
#define MESSAGES_A_ROUND 64
#define LAST_FD 512 /* above what else we have open */

enum relay_state {
	RELAY_NONE,
	RELAY_STARTING,
	RELAY_READY,
	RELAY_ENDING, /* is dead to us; the spawner will tell */
};

struct relays {
	struct ev_loop *loop;    /* borrowed */
	struct spawner *spawner; /* borrowed */
	struct inner *inner;     /* borrowed */
	struct relays_conf conf; /* its descriptor and text borrowed */
	const struct relays_events *events; /* borrowed */
	void *ctx;

	enum relay_state state;
	bool is_stopping; /* no more of them */
	uint32_t id;      /* of the relay, for the spawner */
	pid_t pid;
	int link_fd;   /* owned; -1: none */
	int tun_index; /* 0: none */
	uint32_t mtu;  /* of both TUNs */
	struct ev_io link_io;
	struct ev_timer ping_timer;
	struct ev_timer patience; /* until it is ready, or has stopped */
	struct ev_timer pause;    /* until the next one */
	uint32_t ping_id;
	int pings_missed;
	struct backoff backoff;
	int told_error; /* why the last launch failed; 0: it did not */
};

static void stop_listening(struct relays *relays)
{
	ev_io_stop(relays->loop, &relays->link_io);
	ev_timer_stop(relays->loop, &relays->ping_timer);
	ev_timer_stop(relays->loop, &relays->patience);
}

/* From now on it is the spawner's report that counts. */
static void end_relay(struct relays *relays)
{
	if (relays->state == RELAY_NONE || relays->state == RELAY_ENDING)
		return;
	relays->state = RELAY_ENDING;
	stop_listening(relays);
	int ret = spawner_kill(relays->spawner, relays->id);
	if (ret < 0)
		log_error("cannot kill the relay: %s", strerror(-ret));
}

static void become_ready(struct relays *relays)
{
	if (relays->is_stopping) /* too late */
		return;
	relays->state = RELAY_READY;
	relays->pings_missed = 0;
	ev_timer_stop(relays->loop, &relays->patience);
	ev_timer_again(relays->loop, &relays->ping_timer);
	relays->events->on_ready(relays->ctx, relays->tun_index);
}

/* True if the message may come now; what it asks for is done. */
static bool obey(struct relays *relays, const struct link_message *message)
{
	bool is_ready = relays->state == RELAY_READY;

	switch ((enum link_type)message->type) {
	case LINK_READY:
		if (relays->state != RELAY_STARTING)
			return false;
		become_ready(relays);
		return true;
	case LINK_PONG:
		if (!is_ready || message->id > relays->ping_id)
			return false;
		relays->pings_missed = 0;
		return true;
	case LINK_STATUS:
		if (is_ready)
			relays->events->on_counters(relays->ctx, message->id,
						    &message->counters);
		return is_ready;
	case LINK_OWNER:
		if (is_ready)
			relays->events->on_owner(relays->ctx, message->id,
						 &message->flow);
		return is_ready;
	case LINK_UDP_SERVER:
		if (is_ready)
			relays->events->on_udp_server(relays->ctx,
						      &message->server);
		return is_ready;
	case LINK_MEMBER:
		if (is_ready)
			relays->events->on_member(relays->ctx,
						  &message->member);
		return is_ready;
	case LINK_SETUP:
	case LINK_CONFIG:
	case LINK_PING:
	case LINK_FLOWS:
	case LINK_ICMP:
	case LINK_DIRECT:
	case LINK_CLOSE:
	case LINK_OWNED:
	case LINK_STOP:
		return false;
	}
	return false;
}

/*
 * A relay that was told to stop has sent all it had to send, and needs its TUN
 * no more.  The kernel takes its time to remove a link, or several at once;
 * the relay waits for that, and goes when it hears of it.
 */
static void on_last_word(struct relays *relays)
{
	if (!relays->is_stopping) {
		end_relay(relays);
		return;
	}
	ev_io_stop(relays->loop, &relays->link_io);
	inner_leave_host(relays->inner);
	(void)shutdown(relays->link_fd, SHUT_RDWR);
}

/* Leaves the loop when an event ended the relay. */
static void on_link(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct relays *relays = io->data;
	struct link_message message;
	struct link_fds fds;

	(void)loop;
	(void)revents;
	for (int i = 0; i < MESSAGES_A_ROUND; i++) {
		if (!ev_is_active(io))
			return;
		int ret = link_recv(relays->link_fd, &message, &fds);
		if (ret == -EAGAIN || ret == -EINTR)
			return;
		if (ret == 0) { /* it is about to end by itself */
			on_last_word(relays);
			return;
		}
		if (ret < 0 || !obey(relays, &message)) {
			log_error("kill the relay: it sent what no relay "
				  "sends (%s)",
				  ret < 0 ? err_text(ret) : "out of turn");
			end_relay(relays);
			return;
		}
	}
}

/* A parent that was stopped itself finds one tick, not many. */
static void on_ping(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct relays *relays = timer->data;
	struct link_message message = {.type = LINK_PING};

	(void)loop;
	(void)revents;
	if (relays->pings_missed >= PINGS_MISSED_MAX) {
		log_error("kill the relay: it has not answered for %d ms",
			  (int)(PINGS_MISSED_MAX * PING_S * 1000));
		end_relay(relays);
		return;
	}
	message.id = ++relays->ping_id;
	relays->pings_missed++;
	/* A link that is full counts as an answer that did not come. */
	int ret = link_send(relays->link_fd, &message, NULL);
	if (ret < 0 && ret != -EAGAIN)
		log_debug("cannot ping the relay: %s", strerror(-ret));
}

static void on_patience(struct ev_loop *loop, struct ev_timer *timer,
			int revents)
{
	struct relays *relays = timer->data;

	(void)loop;
	(void)revents;
	log_error("kill the relay: it %s",
		  relays->is_stopping ? "does not stop" : "does not get ready");
	end_relay(relays);
}

/* Descriptors of the setup that are this side's to close again. */
static void close_tuns(struct link_fds *fds)
{
	for (int i = LINK_FD_TUN; i <= LINK_FD_INNER_TUN; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	}
}

static int open_tuns(struct relays *relays, struct link_fds *fds)
{
	uint32_t mtu = relays->events->on_mtu(relays->ctx);

	fds->fd[LINK_FD_TUN] = tun_open(relays->conf.tun, mtu);
	if (fds->fd[LINK_FD_TUN] < 0)
		return fds->fd[LINK_FD_TUN];
	relays->tun_index = (int)if_nametoindex(relays->conf.tun);
	fds->fd[LINK_FD_INNER_TUN] =
		inner_add_tun(relays->inner, relays->conf.tun, mtu);
	if (fds->fd[LINK_FD_INNER_TUN] < 0)
		return fds->fd[LINK_FD_INNER_TUN];
	relays->mtu = mtu;
	return 0;
}

/* A relay that read it before left the position at its end. */
static int rewound(int config_fd)
{
	lseek(config_fd, 0, SEEK_SET);
	return config_fd;
}

/* Both TUNs end with the message if the relay does. */
static int send_setup(struct relays *relays, int link_fd)
{
	const struct link_message setup = {.type = LINK_SETUP,
					   .setup = relays->conf.setup};
	struct link_fds fds = {.count = LINK_FDS};

	fds.fd[LINK_FD_TUN] = fds.fd[LINK_FD_INNER_TUN] = -1;
	fds.fd[LINK_FD_LISTEN4] = inner_listener(relays->inner, AF_INET);
	fds.fd[LINK_FD_LISTEN6] = inner_listener(relays->inner, AF_INET6);
	fds.fd[LINK_FD_CONFIG] = rewound(relays->conf.config_fd);
	int ret = open_tuns(relays, &fds);
	if (ret == 0)
		ret = link_send(link_fd, &setup, &fds);
	close_tuns(&fds);
	return ret;
}

/* Of a relay that never was one: nobody hears of its death. */
static void take_back(struct relays *relays)
{
	int ret = spawner_kill(relays->spawner, relays->id++);

	if (ret < 0)
		log_error("cannot kill the relay: %s", strerror(-ret));
}

/* Asks for a relay, and makes the TUNs while it starts. */
static int launch(struct relays *relays)
{
	int ends[2];
	if (if_nametoindex(relays->conf.tun))
		return -EBUSY;
	int ret = link_pair(ends);
	if (ret < 0)
		return ret;
	/* It is to hear of our death before all that goes with us. */
	last_fd_raise(&ends[0], LAST_FD);
	relays->id++;
	ret = spawner_spawn(relays->spawner, relays->id, ends[1]);
	if (ret < 0)
		goto close_ends;
	ret = send_setup(relays, ends[0]);
	if (ret < 0) {
		take_back(relays);
		goto close_ends;
	}
	close(ends[1]);
	relays->state = RELAY_STARTING;
	relays->told_error = 0;
	relays->link_fd = ends[0];
	ev_io_set(&relays->link_io, ends[0], EV_READ);
	ev_io_start(relays->loop, &relays->link_io);
	ev_timer_set(&relays->patience, READY_S, 0.);
	ev_timer_start(relays->loop, &relays->patience);
	return 0;

close_ends:
	close(ends[0]);
	close(ends[1]);
	relays->tun_index = 0;
	return ret;
}

/* The TUN of one that was killed just now takes a moment to go. */
static void tell_failure(struct relays *relays, int error)
{
	if (error == relays->told_error)
		return;
	relays->told_error = error;
	if (error == -EBUSY)
		log_warning("cannot start a relay yet: there is a device '%s'; "
			    "if it is not ours, 'routed.tun' gives ours "
			    "another name",
			    relays->conf.tun);
	else
		log_error("cannot start a relay: %s", err_text(error));
}

static void pause_or_give_up(struct relays *relays)
{
	int64_t delay_ms =
		backoff_after_death(&relays->backoff, clock_monotonic_ms());

	if (delay_ms < 0) {
		log_error("give up: the relay failed %d times within a minute",
			  BACKOFF_DEATHS);
		relays->events->on_lost(relays->ctx, false);
		relays->events->on_give_up(relays->ctx);
		return;
	}
	ev_timer_set(&relays->pause, (double)delay_ms / 1000, 0.);
	ev_timer_start(relays->loop, &relays->pause);
	relays->events->on_lost(relays->ctx, true);
}

static void on_pause_over(struct ev_loop *loop, struct ev_timer *timer,
			  int revents)
{
	struct relays *relays = timer->data;

	(void)loop;
	(void)revents;
	int ret = launch(relays);
	if (ret == 0)
		return;
	tell_failure(relays, ret);
	pause_or_give_up(relays);
}

static void on_started(void *ctx, uint32_t id, pid_t pid)
{
	struct relays *relays = ctx;

	if (id == relays->id)
		relays->pid = pid;
}

static void tell_death(int status, bool is_stopping)
{
	if (is_stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_debug("the relay has stopped");
	else if (status >= 0 && WIFSIGNALED(status))
		log_warning("the relay was killed by signal %d",
			    WTERMSIG(status));
	else
		log_warning("the relay ended with status %d",
			    status < 0 ? status : WEXITSTATUS(status));
}

static void forget_relay(struct relays *relays)
{
	stop_listening(relays);
	if (relays->link_fd >= 0)
		close(relays->link_fd);
	relays->link_fd = -1;
	relays->pid = 0;
	relays->tun_index = 0;
	relays->state = RELAY_NONE;
}

static void on_death(void *ctx, uint32_t id, int status)
{
	struct relays *relays = ctx;

	if (id != relays->id || relays->state == RELAY_NONE)
		return;
	tell_death(status, relays->is_stopping);
	forget_relay(relays);
	if (relays->is_stopping) {
		relays->events->on_lost(relays->ctx, false);
		relays->events->on_stopped(relays->ctx);
	} else {
		pause_or_give_up(relays);
	}
}

static void on_spawner_lost(void *ctx)
{
	struct relays *relays = ctx;

	log_error("give up: the spawner has died");
	forget_relay(relays);
	relays->events->on_lost(relays->ctx, false);
	if (relays->is_stopping)
		relays->events->on_stopped(relays->ctx);
	else
		relays->events->on_give_up(relays->ctx);
}

static const struct spawner_events spawner_events = {
	.on_started = on_started,
	.on_death = on_death,
	.on_lost = on_spawner_lost,
};

int relays_new(struct relays **out, struct ev_loop *loop,
	       struct spawner *spawner, struct inner *inner,
	       const struct relays_conf *conf)
{
	struct relays *relays = calloc(1, sizeof(*relays));
	if (!relays)
		return -ENOMEM;
	relays->loop = loop;
	relays->spawner = spawner;
	relays->inner = inner;
	relays->conf = *conf;
	relays->link_fd = -1;
	ev_io_init(&relays->link_io, on_link, -1, EV_READ);
	ev_timer_init(&relays->ping_timer, on_ping, 0., PING_S);
	ev_timer_init(&relays->patience, on_patience, 0., 0.);
	ev_timer_init(&relays->pause, on_pause_over, 0., 0.);
	relays->link_io.data = relays;
	relays->ping_timer.data = relays;
	relays->patience.data = relays;
	relays->pause.data = relays;
	*out = relays;
	return 0;
}

void relays_free(struct relays *relays)
{
	if (!relays)
		return;
	forget_relay(relays);
	ev_timer_stop(relays->loop, &relays->pause);
	free(relays);
}

int relays_start(struct relays *relays, const struct relays_events *events,
		 void *ctx)
{
	relays->events = events;
	relays->ctx = ctx;
	int ret = spawner_watch(relays->spawner, relays->loop, &spawner_events,
				relays);
	if (ret == 0)
		ret = launch(relays);
	if (ret == -EBUSY) {
		tell_failure(relays, ret);
		pause_or_give_up(relays);
		return 0;
	}
	return ret;
}

void relays_stop(struct relays *relays)
{
	const struct link_message message = {.type = LINK_STOP};

	relays->is_stopping = true;
	ev_timer_stop(relays->loop, &relays->pause);
	if (relays->state == RELAY_NONE) {
		relays->events->on_stopped(relays->ctx);
		return;
	}
	if (relays->state == RELAY_ENDING)
		return;
	ev_timer_stop(relays->loop, &relays->ping_timer);
	ev_timer_stop(relays->loop, &relays->patience);
	ev_timer_set(&relays->patience, STOP_S, 0.);
	ev_timer_start(relays->loop, &relays->patience);
	int ret = link_send(relays->link_fd, &message, NULL);
	if (ret < 0)
		end_relay(relays);
}

int relays_follow_mtu(struct relays *relays)
{
	uint32_t mtu = relays->events->on_mtu(relays->ctx);

	if (!relays->tun_index || mtu == relays->mtu)
		return 0;
	/* The inner end first: it must take what the outer one lets in. */
	int ret = inner_set_mtu(relays->inner, mtu);
	if (ret == 0)
		ret = tun_set_mtu(relays->conf.tun, mtu);
	if (ret == 0)
		relays->mtu = mtu;
	return ret;
}

static int ask(struct relays *relays, const struct link_message *message,
	       const struct link_fds *fds)
{
	if (relays->state != RELAY_READY)
		return -ENOTCONN;
	return link_send(relays->link_fd, message, fds);
}

int relays_set_config(struct relays *relays, int config_fd)
{
	const struct link_message message = {.type = LINK_CONFIG};
	const struct link_fds fds = {.fd = {rewound(config_fd)}, .count = 1};

	relays->conf.config_fd = config_fd;
	/* One that is starting reads its setup first. */
	if (relays->state != RELAY_READY && relays->state != RELAY_STARTING)
		return 0;
	return link_send(relays->link_fd, &message, &fds);
}

int relays_ask_counters(struct relays *relays, uint32_t id)
{
	const struct link_message message = {.type = LINK_STATUS, .id = id};

	return ask(relays, &message, NULL);
}

int relays_send_flows(struct relays *relays, int client_fd,
		      const struct link_viewer *viewer)
{
	const struct link_message message = {
		.type = LINK_FLOWS,
		.viewer = *viewer,
	};
	const struct link_fds fds = {.fd = {client_fd}, .count = 1};

	return ask(relays, &message, &fds);
}

int relays_answer_owner(struct relays *relays, uint32_t id,
			const struct link_owner *owner)
{
	const struct link_message message = {
		.type = LINK_OWNED,
		.id = id,
		.owner = *owner,
	};
	return ask(relays, &message, NULL);
}

int relays_close_flow(struct relays *relays, const struct link_flow *flow)
{
	const struct link_message message = {.type = LINK_CLOSE, .flow = *flow};

	return ask(relays, &message, NULL);
}

int relays_give_icmp(struct relays *relays, int ifindex, uint8_t family, int fd)
{
	const struct link_message message = {
		.type = LINK_ICMP,
		.icmp = {.ifindex = ifindex, .family = family},
	};
	const struct link_fds fds = {.fd = {fd}, .count = 1};

	return ask(relays, &message, &fds);
}

int relays_tell_direct(struct relays *relays, const struct link_direct *direct)
{
	const struct link_message message = {.type = LINK_DIRECT,
					     .direct = *direct};

	return ask(relays, &message, NULL);
}

bool relays_is_ready(const struct relays *relays)
{
	return relays->state == RELAY_READY;
}

pid_t relays_pid(const struct relays *relays)
{
	return relays->pid;
}

uint64_t relays_deaths(const struct relays *relays)
{
	return relays->backoff.count;
}
