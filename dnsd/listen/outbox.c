// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/listen/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int outboxes_init(struct outboxes *outboxes, size_t count)
{
	TAILQ_INIT(&outboxes->free);
	TAILQ_INIT(&outboxes->taken);
	outboxes->all = calloc(count, sizeof(*outboxes->all));
	if (!outboxes->all)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		TAILQ_INSERT_TAIL(&outboxes->free, &outboxes->all[i], link);
	return 0;
}

void outboxes_fini(struct outboxes *outboxes)
{
	free(outboxes->all);
}

struct outbox *outbox_take(struct outboxes *outboxes, void *owner)
{
	struct outbox *outbox = TAILQ_FIRST(&outboxes->free);

	if (!outbox)
		return NULL;
	TAILQ_REMOVE(&outboxes->free, outbox, link);
	TAILQ_INSERT_TAIL(&outboxes->taken, outbox, link);
	outbox->owner = owner;
	outbox->at = outbox->used = 0;
	return outbox;
}

void outbox_give_back(struct outboxes *outboxes, struct outbox *outbox)
{
	TAILQ_REMOVE(&outboxes->taken, outbox, link);
	TAILQ_INSERT_HEAD(&outboxes->free, outbox, link);
}

void *outboxes_oldest(const struct outboxes *outboxes)
{
	const struct outbox *outbox = TAILQ_FIRST(&outboxes->taken);

	return outbox ? outbox->owner : NULL;
}

int outbox_add(struct outbox *outbox, const struct iovec *iov, size_t count)
{
	size_t length = 0;

	for (size_t i = 0; i < count; i++)
		length += iov[i].iov_len;
	if (sizeof(outbox->bytes) - outbox->used < length)
		return -ENOBUFS;
	for (size_t i = 0; i < count; i++) {
		memcpy(outbox->bytes + outbox->used, iov[i].iov_base,
		       iov[i].iov_len);
		outbox->used += iov[i].iov_len;
	}
	return 0;
}

int outbox_send(struct outbox *outbox, int fd)
{
	ssize_t sent = send(fd, outbox->bytes + outbox->at,
			    outbox->used - outbox->at, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (sent < 0)
		return -errno;
	outbox->at += (size_t)sent;
	return outbox->at == outbox->used;
}
