// SPDX-License-Identifier: BSD-2-Clause
/* screen.h where there is no ncurses. */
#include "routed/view/screen.h"

#include <errno.h>

int screen_open(void)
{
	return -EOPNOTSUPP;
}

void screen_close(void)
{
}

void screen_size(int *rows, int *columns)
{
	*rows = *columns = 0;
}

void screen_clear(void)
{
}

void screen_line(int row, enum screen_style style, const char *text)
{
	(void)row, (void)style, (void)text;
}

void screen_show(void)
{
}

int screen_key(int timeout_ms)
{
	(void)timeout_ms;
	return SCREEN_KEY_NONE;
}
