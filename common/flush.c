// SPDX-License-Identifier: BSD-2-Clause
#include "common/flush.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Without both flush_start() says -ENOSYS. */
static void open_aio(struct flush *flush)
{
	flush->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (flush->event_fd < 0)
		return;
	if (syscall(SYS_io_setup, 1, &flush->context) == 0)
		return;
	flush->context = 0;
	close(flush->event_fd);
	flush->event_fd = -1;
}

int flush_open(struct flush *flush, const char *path)
{
	*flush = (struct flush){.event_fd = -1};
	flush->file_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (flush->file_fd < 0)
		return -errno;
	open_aio(flush);
	return 0;
}

void flush_close(struct flush *flush)
{
	if (flush->context) {
		syscall(SYS_io_destroy, flush->context);
		close(flush->event_fd);
	}
	if (flush->file_fd > 0)
		close(flush->file_fd);
	*flush = (struct flush){0};
}

int flush_start(struct flush *flush)
{
	struct iocb block = {
		.aio_lio_opcode = IOCB_CMD_FDSYNC,
		.aio_fildes = (uint32_t)flush->file_fd,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)flush->event_fd,
	};
	struct iocb *blocks[] = {&block};

	if (flush->error)
		return flush->error;
	if (!flush->context)
		return -ENOSYS;
	if (flush->is_under_way)
		return -EBUSY;
	if (syscall(SYS_io_submit, flush->context, 1, blocks) < 0)
		return -errno;
	flush->is_under_way = true;
	flush->is_done = false;
	return 0;
}

/* 0 when it is over, however it went. */
static int take_event(struct flush *flush, bool is_waiting)
{
	struct timespec at_once = {0};
	struct io_event event;
	long ret;

	do {
		ret = syscall(SYS_io_getevents, flush->context,
			      (long)is_waiting, 1, &event,
			      is_waiting ? NULL : &at_once);
	} while (is_waiting && ret < 0 && errno == EINTR);
	if (ret < 0 && errno != EINTR)
		return -errno;
	if (ret != 1)
		return -EAGAIN;
	flush->is_done = true;
	if (event.res < 0)
		flush->error = (int)event.res;
	return 0;
}

int flush_wait(struct flush *flush)
{
	if (flush->is_under_way && !flush->is_done) {
		int ret = take_event(flush, true);

		if (ret < 0)
			return ret;
	} else if (!flush->is_under_way && !flush->error &&
		   fdatasync(flush->file_fd) < 0) {
		flush->error = -errno;
	}
	return flush->error;
}

int flush_end(struct flush *flush)
{
	uint64_t count;

	if (!flush->is_under_way)
		return -EAGAIN;
	if (!flush->is_done) {
		int ret = take_event(flush, false);

		if (ret < 0)
			return ret;
	}
	/* Only so that it is not readable any more. */
	if (read(flush->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	flush->is_under_way = false;
	return flush->error;
}
