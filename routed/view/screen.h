// SPDX-License-Identifier: BSD-2-Clause
/*
 * screen.h - a terminal that is painted again and again; the boundary of
 * ncurses.
 *
 * Errors	-ENOTTY: stdout is no terminal that can be painted;
 *		-EOPNOTSUPP: built without ncurses
 */
#ifndef ERSATZ_ROUTED_VIEW_SCREEN_H
#define ERSATZ_ROUTED_VIEW_SCREEN_H

#include "common/compiler.h"

#include <stdbool.h>

enum screen_key {
	SCREEN_KEY_NONE, /* time is over */
	SCREEN_KEY_UP = 0x10000,
	SCREEN_KEY_DOWN,
	SCREEN_KEY_PAGE_UP,
	SCREEN_KEY_PAGE_DOWN,
	SCREEN_KEY_HOME,
	SCREEN_KEY_END,
	SCREEN_KEY_RESIZE,
	SCREEN_KEY_ENTER,
	SCREEN_KEY_ESCAPE,
	SCREEN_KEY_BACKSPACE,
	/* and any printable ASCII as itself */
};

enum screen_style {
	SCREEN_PLAIN,
	SCREEN_BOLD,
	SCREEN_DIM,
	SCREEN_REVERSE,
	SCREEN_BAD, /* red where there are colours */
};

/* One at a time.  screen_close() gives the terminal back as it was. */
NODISCARD int screen_open(void);
void screen_close(void);

void screen_size(int *rows, int *columns);
void screen_clear(void);
/* A whole line, cut to the width; what is not printable ASCII is '?'. */
void screen_line(int row, enum screen_style style, const char *text);
void screen_show(void);

/* Waits; one of the above. */
int screen_key(int timeout_ms);

#endif
