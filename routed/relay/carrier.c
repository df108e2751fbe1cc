// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/carrier.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

_Static_assert(sizeof(struct virtio_net_hdr) == CARRIER_HEADER_SIZE,
	       "the header before each packet");

enum {
	/* Packets an event and direction; then the flows have their turn. */
	ROUNDS = 512,
	FLUSH_ROUNDS = 100000, /* more than a TUN's queue can hold */
	FRAME_MAX = CARRIER_HEADER_SIZE + (64 << 10),
};

struct carrier {
	struct ev_loop *loop;          /* borrowed */
	struct ev_io tun;              /* the host's */
	struct ev_io inner_tun;        /* both descriptors are borrowed */
	const struct carrier_ops *ops; /* borrowed */
	void *ctx;
	struct carrier_counters counters;
	bool is_used; /* a packet of a flow came this way */
	uint8_t frame[FRAME_MAX];
};

static int check_header(int fd)
{
	int size;

	if (ioctl(fd, TUNGETVNETHDRSZ, &size) < 0)
		return -errno;
	return size == CARRIER_HEADER_SIZE ? 0 : -EINVAL;
}

/* Polled again and again, a TUN that is gone would say so for ever. */
static void on_gone(struct carrier *carrier, int error)
{
	ev_io_stop(carrier->loop, &carrier->tun);
	ev_io_stop(carrier->loop, &carrier->inner_tun);
	carrier->ops->on_gone(carrier->ctx, error);
}

/* The length of the next frame; 0: none now. */
static size_t read_frame(struct carrier *carrier, const struct ev_io *tun)
{
	ssize_t n = read(tun->fd, carrier->frame, sizeof(carrier->frame));

	if (n >= 0)
		return (size_t)n;
	if (errno != EAGAIN && errno != EINTR)
		on_gone(carrier, -errno);
	return 0;
}

static void write_frame(struct carrier *carrier, const struct ev_io *tun,
			const uint8_t *frame, size_t length)
{
	if (write(tun->fd, frame, length) < 0)
		carrier->counters.dropped++;
	else if (tun == &carrier->tun)
		carrier->counters.out++;
}

static void pass_in(struct carrier *carrier, size_t length)
{
	carrier->is_used = true;
	write_frame(carrier, &carrier->inner_tun, carrier->frame, length);
}

static void carry_in(struct carrier *carrier)
{
	const uint8_t *packet = carrier->frame + CARRIER_HEADER_SIZE;
	size_t length;

	for (int i = 0; i < ROUNDS; i++) {
		length = read_frame(carrier, &carrier->tun);
		if (length == 0)
			return;
		carrier->counters.in++;
		if (length <= CARRIER_HEADER_SIZE)
			carrier->counters.dropped++;
		else if (packet_is_plain_tcp(packet,
					     length - CARRIER_HEADER_SIZE))
			pass_in(carrier, length);
		else
			carrier->ops->on_packet(carrier->ctx, carrier->frame,
						length);
	}
}

/*
 * Only TCP may leave the inner namespace: what its kernel says of neighbours
 * and groups is of no interest to the host.
 */
static bool may_leave(const uint8_t *packet, size_t length)
{
	if (length < 20)
		return false;
	return packet[packet[0] >> 4 == 4 ? 9 : 6] == PACKET_TCP;
}

/* False when there was nothing. */
static bool carry_out(struct carrier *carrier)
{
	size_t length = read_frame(carrier, &carrier->inner_tun);

	if (length == 0)
		return false;
	carrier->is_used = true;
	if (length > CARRIER_HEADER_SIZE &&
	    may_leave(carrier->frame + CARRIER_HEADER_SIZE,
		      length - CARRIER_HEADER_SIZE))
		write_frame(carrier, &carrier->tun, carrier->frame, length);
	return true;
}

static void on_host(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop, (void)revents;
	carry_in(io->data);
}

static void on_inner(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop, (void)revents;
	for (int i = 0; i < ROUNDS && carry_out(io->data); i++)
		;
}

int carrier_new(struct carrier **carrier, struct ev_loop *loop,
		const int tun_fds[2], const struct carrier_ops *ops, void *ctx)
{
	struct carrier *new;
	int ret = check_header(tun_fds[0]);

	if (ret == 0)
		ret = check_header(tun_fds[1]);
	if (ret < 0)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->ops = ops;
	new->ctx = ctx;
	ev_io_init(&new->tun, on_host, tun_fds[0], EV_READ);
	ev_io_init(&new->inner_tun, on_inner, tun_fds[1], EV_READ);
	new->tun.data = new->inner_tun.data = new;
	ev_io_start(loop, &new->tun);
	ev_io_start(loop, &new->inner_tun);
	*carrier = new;
	return 0;
}

void carrier_free(struct carrier *carrier)
{
	if (!carrier)
		return;
	ev_io_stop(carrier->loop, &carrier->tun);
	ev_io_stop(carrier->loop, &carrier->inner_tun);
	free(carrier);
}

void carrier_inject(struct carrier *carrier, const uint8_t *frame,
		    size_t length)
{
	write_frame(carrier, &carrier->inner_tun, frame, length);
}

void carrier_reply(struct carrier *carrier, const uint8_t *frame, size_t length)
{
	write_frame(carrier, &carrier->tun, frame, length);
}

int carrier_reply_parts(struct carrier *carrier, const struct iovec *parts,
			int count)
{
	if (writev(carrier->tun.fd, parts, count) >= 0)
		carrier->counters.out++;
	else if (errno == EINVAL)
		return -EINVAL;
	else
		carrier->counters.dropped++;
	return 0;
}

void carrier_pass_on(struct carrier *carrier, const struct packet *packet,
		     const struct unreachable_error *error)
{
	uint8_t frame[CARRIER_HEADER_SIZE + UNREACHABLE_SIZE_MAX] = {0};
	size_t length = unreachable_build_error(frame + CARRIER_HEADER_SIZE,
						packet, error);

	if (length == 0)
		carrier->counters.dropped++;
	else
		carrier_reply(carrier, frame, CARRIER_HEADER_SIZE + length);
}

void carrier_refuse(struct carrier *carrier, const struct packet *packet,
		    enum refusal refusal)
{
	/* All zero: no offload, the checksums are there. */
	uint8_t frame[CARRIER_HEADER_SIZE + UNREACHABLE_SIZE_MAX] = {0};
	size_t length =
		unreachable_build(frame + CARRIER_HEADER_SIZE, packet, refusal);

	if (length == 0)
		carrier->counters.dropped++;
	else
		carrier_reply(carrier, frame, CARRIER_HEADER_SIZE + length);
}

void carrier_drop(struct carrier *carrier)
{
	carrier->counters.dropped++;
}

void carrier_turn(struct carrier *carrier)
{
	/* Where the kernel carries, no queue fills up. */
	if (!carrier->is_used)
		return;
	carry_in(carrier);
	for (int i = 0; i < ROUNDS && carry_out(carrier); i++)
		;
}

void carrier_flush(struct carrier *carrier)
{
	for (int i = 0; i < FLUSH_ROUNDS && carry_out(carrier); i++)
		;
}

const struct carrier_counters *carrier_counters(const struct carrier *carrier)
{
	return &carrier->counters;
}
