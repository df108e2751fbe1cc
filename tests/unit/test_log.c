// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t fake_now_ms = 1;

int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_monotonic_ms(void)
{
	return fake_now_ms;
}

/* Standard error goes to a file while a test looks at it. */
struct capture {
	FILE *file;
	int saved;
	char text[8192];
};

static void capture_start(struct capture *capture)
{
	capture->file = tmpfile();
	assert_non_null(capture->file);
	capture->saved = dup(STDERR_FILENO);
	assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
}

static const char *capture_stop(struct capture *capture)
{
	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	close(capture->saved);
	rewind(capture->file);
	size_t n = fread(capture->text, 1, sizeof(capture->text) - 1,
			 capture->file);
	capture->text[n] = '\0';
	fclose(capture->file);
	return capture->text;
}

static void level_and_program_decide_the_line(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	log_open("dnsd", LOG_LEVEL_WARNING, LOG_TARGET_STDERR);
	log_error("cannot open map '%s': %s", "/x", "permission denied");
	log_warning("second");
	log_notice("not this");
	log_debug("nor this");
	assert_string_equal(capture_stop(&capture),
			    "dnsd: cannot open map '/x': permission denied\n"
			    "dnsd: second\n");
}

static void journal_gets_the_priority_in_front(void **state)
{
	struct capture capture;
	char stream[64];
	struct stat st;

	(void)state;
	capture_start(&capture);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("dnsd", LOG_LEVEL_DEBUG, LOG_TARGET_STDERR);
	log_error("e");
	log_debug("d");
	/* The same variable, inherited by something with another stderr. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_open("dnsd", LOG_LEVEL_DEBUG, LOG_TARGET_STDERR);
	log_notice("n");
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(capture_stop(&capture), "<3>e\n<7>d\ndnsd: n\n");
}

static void errno_is_left_as_it_was(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	log_open("dnsd", LOG_LEVEL_DEBUG, LOG_TARGET_STDERR);
	int saved = dup(STDERR_FILENO);
	close(STDERR_FILENO); /* so that write() fails */
	errno = ENOSPC;
	log_error("x");
	int after = errno;
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	capture_stop(&capture);
	assert_int_equal(after, ENOSPC);
}

static void message_cannot_forge_a_line(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	log_open("dnsd", LOG_LEVEL_DEBUG, LOG_TARGET_STDERR);
	log_error("a\ndnsd: b\x1b[2J\x7f \xc2\x9b"
		  "31m caf\xc3\xa9");
	assert_string_equal(capture_stop(&capture),
			    "dnsd: a?dnsd: b?[2J? ??31m caf\xc3\xa9\n");
}

static void long_message_is_cut(void **state)
{
	struct capture capture;
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_start(&capture);
	log_error("%s", text);
	const char *line = capture_stop(&capture);
	assert_true(strlen(line) > 1000 && strlen(line) < 4096);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void words_name_the_levels(void **state)
{
	(void)state;
	assert_int_equal(log_level_of("error"), LOG_LEVEL_ERROR);
	assert_int_equal(log_level_of("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_of("verbose"), -EINVAL);
	assert_int_equal(log_level_of(""), -EINVAL);
}

static void limit_lets_a_burst_through_and_counts_the_rest(void **state)
{
	struct log_limit limit = {.burst = 3};
	struct capture capture;

	(void)state;
	fake_now_ms = 1000;
	capture_start(&capture);
	log_open("dnsd", LOG_LEVEL_NOTICE, LOG_TARGET_STDERR);
	for (int i = 0; i < 3; i++)
		assert_true(log_limit_pass(&limit));
	for (int i = 0; i < 17; i++)
		assert_false(log_limit_pass(&limit));
	fake_now_ms += 9999;
	assert_false(log_limit_pass(&limit));
	fake_now_ms += 1;
	assert_true(log_limit_pass(&limit));
	assert_true(log_limit_pass(&limit));
	assert_string_equal(capture_stop(&capture),
			    "dnsd: left out 18 messages like the next one\n");
}

static void escape_neutralises_terminal_sequences(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(
		log_escape(out, sizeof(out), "a\x1b[31m\x9b\n\\~", 10),
		"a\\x1b[31m\\x9b\\x0a\\x5c~");
	assert_string_equal(log_escape(out, sizeof(out), "\0z", 2), "\\x00z");
	assert_string_equal(log_escape(out, sizeof(out), "", 0), "");
}

static void escape_never_cuts_an_escape_in_half(void **state)
{
	char out[16];

	(void)state;
	for (size_t size = 1; size < sizeof(out); size++) {
		memset(out, 'Z', sizeof(out));
		log_escape(out, size, "ab\xff\xfe", 4);
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], 'Z');
		assert_int_equal(memcmp("ab\\xff\\xfe", out, strlen(out)), 0);
		assert_true(strlen(out) <= 2 || strlen(out) == 6 ||
			    strlen(out) == 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(level_and_program_decide_the_line),
		cmocka_unit_test(journal_gets_the_priority_in_front),
		cmocka_unit_test(errno_is_left_as_it_was),
		cmocka_unit_test(message_cannot_forge_a_line),
		cmocka_unit_test(long_message_is_cut),
		cmocka_unit_test(words_name_the_levels),
		cmocka_unit_test(
			limit_lets_a_burst_through_and_counts_the_rest),
		cmocka_unit_test(escape_neutralises_terminal_sequences),
		cmocka_unit_test(escape_never_cuts_an_escape_in_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
