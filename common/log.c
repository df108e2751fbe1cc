// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.h"
#include "common/clock.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <paths.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_SIZE 2048
#define LIMIT_WINDOW_MS 10000
#define SIGNAL_LINE_SIZE 256U
#define SYSLOG_ERROR "<27>" /* LOG_DAEMON | LOG_ERR */

static const struct {
	const char *word;
	int syslog_priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_NOTICE] = {"notice", LOG_NOTICE},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

/* The one mutable state outside main.c; set once, before any thread. */
static struct {
	const char *program; /* borrowed */
	enum log_level level;
	enum log_target target;
	bool is_journal; /* stderr leads to journald, which reads "<5>" */
} log_state = {
	.program = "ersatz",
	.level = LOG_LEVEL_NOTICE,
	.target = LOG_TARGET_STDERR,
};

/* systemd.exec(5): the stream that stderr was when the unit was started. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%ju:%ju", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

void log_open(const char *program, enum log_level level, enum log_target target)
{
	int saved = errno;

	log_state.program = program;
	log_state.level = level;
	log_state.target = target;
	log_state.is_journal = stderr_is_journal();
	if (target == LOG_TARGET_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	errno = saved;
}

bool log_has(enum log_level level)
{
	return level <= log_state.level;
}

int log_level_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(word, levels[i].word) == 0)
			return (int)i;
	}
	return -EINVAL;
}

/*
 * What was forgotten to be escaped must still not be able to forge a line or
 * speak to the terminal.  UTF-8 stays, as file names have it; its C1 controls
 * (C2 80 to C2 9F) do not.
 */
static void disarm(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
	}
}

static void write_stderr(enum log_level level, const char *text)
{
	char line[LINE_SIZE + 64];
	int n;

	if (log_state.is_journal)
		n = snprintf(line, sizeof(line), "<%d>%s\n",
			     levels[level].syslog_priority, text);
	else
		n = snprintf(line, sizeof(line), "%s: %s\n", log_state.program,
			     text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line))
		n = (int)sizeof(line) - 1;
	/* One write a line: processes that share a terminal do not mix. */
	ssize_t written = write(STDERR_FILENO, line, (size_t)n);
	(void)written; /* there is nobody left to tell */
}

static void write_line(enum log_level level, const char *fmt, va_list args)
	PRINTF_LIKE(2, 0);

static void write_line(enum log_level level, const char *fmt, va_list args)
{
	char text[LINE_SIZE];
	int saved = errno;

	if (level > log_state.level)
		return;
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		snprintf(text, sizeof(text), "%s", fmt);
	disarm(text);
	switch (log_state.target) {
	case LOG_TARGET_STDERR:
		write_stderr(level, text);
		break;
	case LOG_TARGET_SYSLOG:
		syslog(levels[level].syslog_priority, "%s", text);
		break;
	}
	errno = saved;
}

#define DEFINE_LOG(function, level)           \
	void function(const char *fmt, ...)   \
	{                                     \
		va_list args;                 \
                                              \
		va_start(args, fmt);          \
		write_line(level, fmt, args); \
		va_end(args);                 \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_notice, LOG_LEVEL_NOTICE)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

bool log_limit_pass(struct log_limit *limit)
{
	int64_t now_ms = clock_monotonic_ms();

	if (limit->since_ms == 0 ||
	    now_ms - limit->since_ms >= LIMIT_WINDOW_MS) {
		if (limit->left_out > 0)
			log_warning("left out %" PRIu64
				    " messages like the next one",
				    limit->left_out);
		limit->since_ms = now_ms;
		limit->used = 0;
		limit->left_out = 0;
	}
	if (limit->used >= limit->burst) {
		limit->left_out++;
		return false;
	}
	limit->used++;
	return true;
}

/* Without stdio, which may have been interrupted in the midst. */
static size_t put(char *line, size_t used, const char *text)
{
	size_t length = strlen(text);

	if (length > SIGNAL_LINE_SIZE - used)
		length = SIGNAL_LINE_SIZE - used;
	memcpy(line + used, text, length);
	return used + length;
}

/* What syslog(3) does, without its lock. */
static void send_to_syslog(const char *line, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	memcpy(address.sun_path, _PATH_LOG, sizeof(_PATH_LOG));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		(void)send(fd, line, length, MSG_NOSIGNAL);
	close(fd);
}

void log_from_signal(const char *const *parts)
{
	bool is_syslog = log_state.target == LOG_TARGET_SYSLOG;
	char line[SIGNAL_LINE_SIZE];
	size_t used = 0;

	if (is_syslog || log_state.is_journal)
		used = put(line, used, is_syslog ? SYSLOG_ERROR : "<3>");
	if (is_syslog || !log_state.is_journal) {
		used = put(line, used, log_state.program);
		used = put(line, used, ": ");
	}
	for (; *parts; parts++)
		used = put(line, used, *parts);
	if (is_syslog) {
		send_to_syslog(line, used);
		return;
	}
	if (used == sizeof(line))
		used--;
	line[used++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, used);
	(void)written;
}

const char *log_escape(char *out, size_t size, const void *bytes, size_t length)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = bytes;
	size_t used = 0;

	assert(size > 0);
	for (size_t i = 0; i < length; i++) {
		/* The backslash too, so that the escape can be told apart. */
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\') {
			if (size - used < 2)
				break;
			out[used++] = (char)p[i];
			continue;
		}
		if (size - used < 5)
			break;
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = hex[p[i] >> 4];
		out[used++] = hex[p[i] & 15];
	}
	out[used] = '\0';
	return out;
}
