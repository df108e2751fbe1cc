// SPDX-License-Identifier: BSD-2-Clause
/*
 * A build without PCRE2.
 */
#include "common/rules/regex.h"

#include <errno.h>

int regex_new(struct regex **regex, const char *text, char why[REGEX_WHY_SIZE])
{
	(void)regex;
	(void)text;
	why[0] = '\0';
	return -EOPNOTSUPP;
}

void regex_free(struct regex *regex)
{
	(void)regex;
}

const char *regex_text(const struct regex *regex)
{
	(void)regex;
	return "";
}

bool regex_matches(const struct regex *regex, const char *text, size_t length)
{
	(void)regex;
	(void)text;
	(void)length;
	return false;
}
