// SPDX-License-Identifier: BSD-2-Clause
#include "routed/view/screen.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

static SCREEN *terminal; /* the one that there is */

int screen_open(void)
{
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return -ENOTTY;
	setlocale(LC_CTYPE, "C");
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return -ENOTTY;
	set_term(terminal);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	set_escdelay(50);
	if (has_colors()) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
	}
	return 0;
}

void screen_close(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

void screen_size(int *rows, int *columns)
{
	getmaxyx(stdscr, *rows, *columns);
}

void screen_clear(void)
{
	erase();
}

void screen_line(int row, enum screen_style style, const char *text)
{
	static const attr_t attributes[] = {
		[SCREEN_PLAIN] = A_NORMAL, [SCREEN_BOLD] = A_BOLD,
		[SCREEN_DIM] = A_DIM,      [SCREEN_REVERSE] = A_REVERSE,
		[SCREEN_BAD] = A_BOLD,
	};
	attr_t attribute = attributes[style];
	int rows, columns;

	screen_size(&rows, &columns);
	if (row >= rows)
		return;
	if (style == SCREEN_BAD && has_colors())
		attribute |= (attr_t)COLOR_PAIR(1);
	move(row, 0);
	clrtoeol();
	attrset(attribute);
	for (int i = 0; i < columns && text[i] != '\0'; i++)
		addch(text[i] >= ' ' && text[i] <= '~' ? (chtype)text[i] : '?');
	/* A chosen row is one bar. */
	if (style == SCREEN_REVERSE)
		chgat(-1, attribute, 0, NULL);
	attrset(A_NORMAL);
}

void screen_show(void)
{
	refresh();
}

int screen_key(int timeout_ms)
{
	int key;

	timeout(timeout_ms);
	key = getch();
	switch (key) {
	case ERR:
		return SCREEN_KEY_NONE;
	case KEY_UP:
		return SCREEN_KEY_UP;
	case KEY_DOWN:
		return SCREEN_KEY_DOWN;
	case KEY_PPAGE:
		return SCREEN_KEY_PAGE_UP;
	case KEY_NPAGE:
		return SCREEN_KEY_PAGE_DOWN;
	case KEY_HOME:
		return SCREEN_KEY_HOME;
	case KEY_END:
		return SCREEN_KEY_END;
	case KEY_RESIZE:
		return SCREEN_KEY_RESIZE;
	case KEY_ENTER:
	case '\n':
	case '\r':
		return SCREEN_KEY_ENTER;
	case 27:
		return SCREEN_KEY_ESCAPE;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		return SCREEN_KEY_BACKSPACE;
	default: /* no enum */
		return key >= ' ' && key <= '~' ? key : SCREEN_KEY_RESIZE;
	}
}
