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

int flush_open(struct flush *flush, const char *path)
{
	int ret;

	*flush = (struct flush){.event_fd = -1};
	flush->file_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (flush->file_fd < 0)
		return -errno;
	flush->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (flush->event_fd < 0) {
		ret = -errno;
		goto close_file;
	}
	if (syscall(SYS_io_setup, 1, &flush->context) < 0) {
		ret = -errno;
		goto close_event;
	}
	return 0;

close_event:
	close(flush->event_fd);
close_file:
	close(flush->file_fd);
	*flush = (struct flush){0};
	return ret;
}

void flush_close(struct flush *flush)
{
	if (!flush->context)
		return;
	syscall(SYS_io_destroy, flush->context);
	close(flush->event_fd);
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

	if (!flush->context)
		return -ENOSYS;
	if (flush->is_under_way)
		return -EBUSY;
	if (syscall(SYS_io_submit, flush->context, 1, blocks) < 0)
		return -errno;
	flush->is_under_way = true;
	return 0;
}

int flush_end(struct flush *flush)
{
	struct timespec at_once = {0};
	struct io_event event;
	uint64_t count;
	long ret;

	if (!flush->is_under_way)
		return -EAGAIN;
	ret = syscall(SYS_io_getevents, flush->context, 0, 1, &event, &at_once);
	if (ret < 0 && errno != EINTR)
		return -errno;
	if (ret != 1)
		return -EAGAIN;
	/* Only so that it is not readable any more. */
	if (read(flush->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	flush->is_under_way = false;
	return (int)event.res;
}
