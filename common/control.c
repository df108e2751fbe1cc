// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client is in the list as long as it has a descriptor.  drop() closes that
 * and moves the client to the dead, who are freed by reap() when no callback
 * is on the stack any more: so a verb may go on with its pointer after
 * control_send() found that the peer is gone.
 *
 * One request at a time: the next line is looked at when control_end() ended
 * the one before, by an event fed to the read watcher and not by recursion.
 */
#include "common/control.h"

#include "common/clock.h"
#include "common/control_socket.h"
#include "common/err.h"
#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define STRANGERS_MAX 32 /* of them */
#define REQUEST_MAX (64U << 10)
#define OUTPUT_MAX (1U << 20)
#define OUTPUT_EAGER (64U << 10) /* from here on try at once */
#define STALL_S 10.
#define ACCEPT_PAUSE_S 1.

struct control_client {
	struct control *control;          /* borrowed */
	TAILQ_ENTRY(control_client) next; /* of clients or of dead */
	uint64_t id;
	int fd; /* owned; -1: dead, waits for reap() */
	struct control_peer peer;
	bool is_pending; /* a request waits for its control_end() */
	bool is_closing; /* no request is read any more */
	ev_io read;
	ev_io write;
	ev_timer stall;
	char *out; /* owned; [out_begin, out_end) has to be sent */
	size_t out_begin, out_end, out_size;
	size_t in_length;
	char in[REQUEST_MAX];
};

struct control {
	struct ev_loop *loop;             /* borrowed */
	const struct control_verb *verbs; /* borrowed */
	void *ctx;                        /* borrowed */
	char *path;                       /* owned */
	dev_t device;                     /* of the file at path: only that */
	ino_t inode;                      /* is unlinked */
	struct control_peers peers;
	struct control_allowance allowance; /* of strangers */
	int fd;
	ev_io accept;
	ev_timer resume; /* accept again */
	ev_prepare reap; /* never started, only fed */
	TAILQ_HEAD(, control_client) clients, dead;
	size_t client_count, stranger_count; /* of clients */
	uint64_t next_id;
};

static bool is_stranger(const struct control_client *client)
{
	return client->peer.access == CONTROL_READ;
}

static void drop(struct control_client *client)
{
	struct control *control = client->control;

	if (client->fd < 0)
		return;
	ev_io_stop(control->loop, &client->read);
	ev_io_stop(control->loop, &client->write);
	ev_timer_stop(control->loop, &client->stall);
	close(client->fd);
	client->fd = -1;
	TAILQ_REMOVE(&control->clients, client, next);
	control->client_count--;
	control->stranger_count -= is_stranger(client);
	TAILQ_INSERT_TAIL(&control->dead, client, next);
	ev_feed_event(control->loop, &control->reap, EV_CUSTOM);
}

static void reap(struct control *control)
{
	struct control_client *client;

	while ((client = TAILQ_FIRST(&control->dead)) != NULL) {
		TAILQ_REMOVE(&control->dead, client, next);
		free(client->out);
		free(client);
	}
}

static void on_reap(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
	(void)loop;
	(void)revents;
	reap(watcher->data);
}

/* Drops a client that has said its last and got its last. */
static void settle(struct control_client *client)
{
	if (client->is_closing && !client->is_pending &&
	    client->in_length == 0 && client->out_begin == client->out_end)
		drop(client);
}

static void flush(struct control_client *client)
{
	struct ev_loop *loop = client->control->loop;

	while (client->out_begin < client->out_end) {
		ssize_t n = send(client->fd, client->out + client->out_begin,
				 client->out_end - client->out_begin,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			drop(client);
			return;
		}
		client->out_begin += (size_t)n;
		ev_timer_again(loop, &client->stall);
	}
	client->out_begin = client->out_end = 0;
	ev_io_stop(loop, &client->write);
	ev_timer_stop(loop, &client->stall);
}

/* Makes room for `length` more bytes; false: the client must go. */
static bool make_room(struct control_client *client, size_t length)
{
	size_t used = client->out_end - client->out_begin;
	size_t size = client->out_size;

	if (length > OUTPUT_MAX || used > OUTPUT_MAX - length)
		return false;
	if (client->out_begin > 0) {
		memmove(client->out, client->out + client->out_begin, used);
		client->out_begin = 0;
		client->out_end = used;
	}
	while (size < used + length)
		size = size ? size * 2 : 1024;
	if (size == client->out_size)
		return true;

	char *out = realloc(client->out, size);
	if (!out)
		return false;
	client->out = out;
	client->out_size = size;
	return true;
}

static void append(struct control_client *client, const char *line)
{
	size_t length = strlen(line);

	if (client->out_end - client->out_begin >= OUTPUT_EAGER)
		flush(client);
	if (client->fd < 0)
		return;
	if (client->out_size - client->out_end < length + 1 &&
	    !make_room(client, length + 1)) {
		drop(client);
		return;
	}
	memcpy(client->out + client->out_end, line, length);
	client->out[client->out_end + length] = '\n';
	client->out_end += length + 1;
	if (!ev_is_active(&client->write)) {
		ev_io_start(client->control->loop, &client->write);
		ev_timer_again(client->control->loop, &client->stall);
	}
}

void control_send(struct control_client *client, const struct json *json)
{
	if (client->fd < 0)
		return;
	assert(client->is_pending);

	char *line = json_line(json);
	/* An answer with a hole must not look complete. */
	if (!line) {
		drop(client);
		return;
	}
	append(client, line);
	free(line);
}

void control_end(struct control_client *client, const char *error)
{
	if (client->fd < 0)
		return;
	assert(client->is_pending);

	struct json *json = json_new();
	if (!json) {
		drop(client);
		return;
	}
	json_set_bool(json, "end", true);
	if (error)
		json_set_text(json, "error", error);
	control_send(client, json);
	json_free(json);
	if (client->fd < 0)
		return;
	client->is_pending = false;
	ev_feed_event(client->control->loop, &client->read, EV_CUSTOM);
}

uint64_t control_client_id(const struct control_client *client)
{
	return client->id;
}

struct control_client *control_client_by_id(struct control *control,
					    uint64_t id)
{
	struct control_client *client;

	TAILQ_FOREACH(client, &control->clients, next)
	{
		if (client->id == id)
			return client;
	}
	return NULL;
}

const struct control_peer *
control_client_peer(const struct control_client *client)
{
	return &client->peer;
}

int control_detach(struct control_client *client)
{
	int fd;

	if (client->fd < 0)
		return -ECONNRESET;
	flush(client);
	if (client->fd < 0)
		return -ECONNRESET;
	if (client->out_begin < client->out_end)
		return -EAGAIN;
	fd = fcntl(client->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	drop(client);
	return fd;
}

static void end_unknown(struct control_client *client, const char *name)
{
	const struct control_verb *verb = client->control->verbs;
	char escaped[64], text[512];
	int used;

	if (name)
		used = snprintf(text, sizeof(text),
				"unknown verb '%s', expected one of:",
				log_escape(escaped, sizeof(escaped), name,
					   strlen(name)));
	else
		used = snprintf(text, sizeof(text),
				"no verb, expected one of:");
	for (; verb->name && used > 0 && (size_t)used < sizeof(text); verb++) {
		int n = snprintf(text + used, sizeof(text) - (size_t)used,
				 " %s", verb->name);
		if (n < 0)
			break;
		used += n;
	}
	control_end(client, text);
}

static void handle(struct control_client *client, const char *line,
		   size_t length)
{
	struct control *control = client->control;
	const struct control_verb *verb = control->verbs;
	struct json *request = json_parse(line, length);
	const char *name;

	client->is_pending = true;
	if (!request) {
		control_end(client, "not a flat JSON object on one line");
		return;
	}
	name = json_get_text(request, "verb");
	while (name && verb->name && strcmp(verb->name, name) != 0)
		verb++;
	if (!name || !verb->name)
		end_unknown(client, name);
	else if (verb->access > client->peer.access)
		control_end(client, control_peer_refusal(verb->access));
	else if (is_stranger(client) &&
		 !control_allowance_take(&control->allowance,
					 clock_monotonic_ms()))
		control_end(client, "too many requests, ask again in a moment");
	else
		verb->fn(control->ctx, client, request);
	json_free(request);
}

/* Answers the next line that is complete, if the last one has its end. */
static void next_request(struct control_client *client)
{
	char *newline = memchr(client->in, '\n', client->in_length);
	size_t length = client->in_length, taken = length;

	if (newline) {
		length = (size_t)(newline - client->in);
		taken = length + 1;
	} else if (client->in_length == REQUEST_MAX) {
		client->is_closing = true;
		client->in_length = 0;
		client->is_pending = true;
		ev_io_stop(client->control->loop, &client->read);
		control_end(client, "the request is longer than 64 KiB");
		return;
	} else if (!client->is_closing || length == 0) {
		return;
	}

	handle(client, client->in, length);
	memmove(client->in, client->in + taken, client->in_length - taken);
	client->in_length -= taken;
	if (client->fd >= 0 && !client->is_closing)
		ev_io_start(client->control->loop, &client->read);
}

static void fill(struct control_client *client)
{
	size_t room = REQUEST_MAX - client->in_length;
	ssize_t n;

	/* A request is pending and the next ones fill the buffer. */
	if (room == 0) {
		ev_io_stop(client->control->loop, &client->read);
		return;
	}
	n = recv(client->fd, client->in + client->in_length, room,
		 MSG_DONTWAIT);
	if (n > 0) {
		client->in_length += (size_t)n;
	} else if (n == 0) {
		/* The peer may only have shut its sending side. */
		client->is_closing = true;
		ev_io_stop(client->control->loop, &client->read);
	} else if (errno != EAGAIN && errno != EINTR) {
		drop(client);
	}
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct control_client *client = watcher->data;

	(void)loop;
	if (revents & EV_READ)
		fill(client);
	if (client->fd >= 0 && !client->is_pending)
		next_request(client);
	if (client->fd >= 0)
		settle(client);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct control_client *client = watcher->data;

	(void)loop;
	(void)revents;
	flush(client);
	if (client->fd >= 0)
		settle(client);
}

static void on_stall(struct ev_loop *loop, ev_timer *watcher, int revents)
{
	(void)loop;
	(void)revents;
	drop(watcher->data);
}

/* The one who has been connected longest among those who want nothing. */
static bool evict(struct control *control, bool only_strangers)
{
	struct control_client *client;

	TAILQ_FOREACH(client, &control->clients, next)
	{
		if (client->is_pending || client->out_begin < client->out_end)
			continue;
		if (only_strangers && !is_stranger(client))
			continue;
		drop(client);
		return true;
	}
	return false;
}

/* A stranger takes the place of nobody else. */
static bool make_place(struct control *control, bool for_stranger)
{
	if (for_stranger && (control->stranger_count >= STRANGERS_MAX ||
			     control->client_count >= CLIENTS_MAX))
		return evict(control, true);
	if (control->client_count < CLIENTS_MAX)
		return true;
	return evict(control, true) || evict(control, false);
}

/* Takes the descriptor. */
static void add_client(struct control *control, int fd)
{
	struct control_client *client;
	struct control_peer peer;

	if (control_peer_read(&peer, fd, &control->peers) < 0)
		goto close_fd;
	if (!make_place(control, peer.access == CONTROL_READ))
		goto close_fd;
	client = calloc(1, sizeof(*client));
	if (!client)
		goto close_fd;
	client->control = control;
	client->id = control->next_id++;
	client->fd = fd;
	client->peer = peer;
	ev_io_init(&client->read, on_readable, fd, EV_READ);
	ev_io_init(&client->write, on_writable, fd, EV_WRITE);
	ev_timer_init(&client->stall, on_stall, 0., STALL_S);
	client->read.data = client->write.data = client->stall.data = client;
	ev_io_start(control->loop, &client->read);
	TAILQ_INSERT_TAIL(&control->clients, client, next);
	control->client_count++;
	control->stranger_count += is_stranger(client);
	return;
close_fd:
	close(fd);
}

static void on_accept(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct control *control = watcher->data;
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd >= 0) {
		add_client(control, fd);
		return;
	}
	/* Out of descriptors: the client stays in the queue, do not spin. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		ev_io_stop(loop, &control->accept);
		ev_timer_again(loop, &control->resume);
	}
}

static void on_resume(struct ev_loop *loop, ev_timer *watcher, int revents)
{
	struct control *control = watcher->data;

	(void)revents;
	ev_timer_stop(loop, watcher);
	ev_io_start(loop, &control->accept);
}

int control_open(struct control **control, struct ev_loop *loop,
		 const struct control_conf *conf)
{
	struct control *new = calloc(1, sizeof(*new));
	struct stat file;
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->path = strdup(conf->path);
	if (!new->path)
		goto free_control;
	ret = control_socket_listen(new->path, &file);
	if (ret < 0)
		goto free_path;
	new->fd = ret;
	new->device = file.st_dev;
	new->inode = file.st_ino;
	TAILQ_INIT(&new->clients);
	TAILQ_INIT(&new->dead);
	new->loop = loop;
	new->verbs = conf->verbs;
	new->ctx = conf->ctx;
	new->peers = (struct control_peers){
		.owner = geteuid(),
		.partner = conf->partner,
		.group = conf->group,
	};
	new->next_id = 1;
	ev_io_init(&new->accept, on_accept, new->fd, EV_READ);
	ev_timer_init(&new->resume, on_resume, 0., ACCEPT_PAUSE_S);
	ev_prepare_init(&new->reap, on_reap);
	new->accept.data = new->resume.data = new->reap.data = new;
	ev_io_start(loop, &new->accept);
	*control = new;
	return 0;
free_path:
	free(new->path);
free_control:
	free(new);
	return ret;
}

void control_close(struct control *control)
{
	struct stat st;

	if (!control)
		return;
	while (!TAILQ_EMPTY(&control->clients))
		drop(TAILQ_FIRST(&control->clients));
	ev_clear_pending(control->loop, &control->reap);
	reap(control);
	ev_io_stop(control->loop, &control->accept);
	ev_timer_stop(control->loop, &control->resume);
	/* Somebody may have put another there: leave that alone. */
	if (lstat(control->path, &st) == 0 && st.st_dev == control->device &&
	    st.st_ino == control->inode)
		unlink(control->path);
	close(control->fd);
	free(control->path);
	free(control);
}
