// SPDX-License-Identifier: BSD-2-Clause
#include "routed/view/watch.h"

#include "common/clock.h"
#include "common/control.h"
#include "common/err.h"
#include "common/plural.h"
#include "routed/owner.h"
#include "routed/report.h"
#include "routed/sockdiag.h"
#include "routed/verbs.h"
#include "routed/view/flow_list.h"
#include "routed/view/screen.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ROUND_MS = 1000,
	HEAD_ROWS = 2,
	FOOT_ROWS = 3,
	FRAME_ROWS = HEAD_ROWS + FOOT_ROWS,
	LINE_SIZE = 512,
};

struct watch {
	const char *run_dir; /* borrowed */
	struct flow_list *list;
	struct sockdiag *diag; /* NULL: no program can be told */
	struct flow_choice choice;
	char filter[64];
	bool is_typing; /* the filter */
	bool is_asking; /* whether to close the chosen one */
	bool is_paused;
	bool is_ended;
	size_t chosen, top; /* of the rows that are shown */
	char message[LINE_SIZE];
	int64_t next_ms;
};

/* What there is room for. */
struct layout {
	bool is_wide, has_totals;
	int to; /* characters of the name */
};

/* Only a look: who has the socket now is who had it, or nobody. */
static void name_program(const struct watch *watch, struct flow_row *row)
{
	struct sockdiag_socket socket;
	struct endpoint src, dst;
	struct owner owner;
	const char *base;

	if (!watch->diag || endpoint_parse(&src, row->src, 0) < 0 ||
	    endpoint_parse(&dst, row->dst, 0) < 0)
		return;
	if (sockdiag_find(watch->diag,
			  strcmp(row->network, "udp") == 0 ? NETWORK_UDP
							   : NETWORK_TCP,
			  &src, &dst, &socket) < 0 ||
	    socket.inode == 0 || owner_find(&owner, socket.inode) < 0)
		return;
	base = strrchr(owner.exe, '/');
	snprintf(row->program, sizeof(row->program), "%.20s/%d",
		 base ? base + 1 : owner.exe, (int)owner.pid);
}

static void add_line(void *ctx, const struct json *line)
{
	struct watch *watch = ctx;
	struct flow_row *row;

	if (flow_list_add(watch->list, line) < 0)
		return;
	row = flow_list_unnamed(watch->list);
	if (row)
		name_program(watch, row);
}

/* False: it cannot be asked; the message says why. */
static bool look(struct watch *watch)
{
	int ret;

	flow_list_begin(watch->list, clock_wall_ms());
	ret = verbs_ask_flows(watch->run_dir, add_line, watch, watch->message,
			      sizeof(watch->message));
	if (ret == 0)
		flow_list_end(watch->list);
	return ret == 0;
}

static const char *age_text(int64_t age_ms, char *out, size_t size)
{
	long long s = age_ms > 0 ? (long long)age_ms / 1000 : 0;

	if (s < 100)
		snprintf(out, size, "%llds", s);
	else if (s < 6000)
		snprintf(out, size, "%lldm", s / 60);
	else if (s < 360000)
		snprintf(out, size, "%lldh", s / 3600);
	else
		snprintf(out, size, "%lldd", s / 86400);
	return out;
}

/*
 * A narrow screen has two figures and not four: rates, or what was moved in
 * all where the list is sorted by that.  What is left goes to the names.
 */
static struct layout layout_of(const struct watch *watch, int columns)
{
	const int wide = 19 + 1 + 12 + 9 + 11 + 11 + 10 + 10 + 5;
	const int narrow = 19 + 1 + 10 + 11 + 11 + 5;
	struct layout layout = {
		.is_wide = columns >= wide + 16,
		.has_totals = watch->choice.order == FLOW_ORDER_BYTES,
	};
	int left = columns - (layout.is_wide ? wide : narrow);

	layout.to = left < 16 ? 16 : left > 60 ? 60 : left;
	return layout;
}

static void format_row(const struct flow_row *row, const struct layout *layout,
		       char *out)
{
	char up[REPORT_BYTES_SIZE], down[REPORT_BYTES_SIZE];
	char up_rate[REPORT_BYTES_SIZE + 2], down_rate[REPORT_BYTES_SIZE + 2];
	char rate[REPORT_BYTES_SIZE], age[16];
	const char *from = row->program[0] != '\0' ? row->program : row->src;

	report_bytes(row->up, up);
	report_bytes(row->down, down);
	strcat(strcpy(up_rate, report_bytes(row->up_rate, rate)), "/s");
	strcat(strcpy(down_rate, report_bytes(row->down_rate, rate)), "/s");
	age_text(clock_wall_ms() - row->since_ms, age, sizeof(age));
	if (layout->is_wide)
		snprintf(out, LINE_SIZE,
			 "%-19.19s %-*.*s %-11.11s %-8.8s %10s %10s %9s %9s "
			 "%4s",
			 from, layout->to, layout->to, row->to, row->outbound,
			 row->state, up_rate, down_rate, up, down, age);
	else
		snprintf(out, LINE_SIZE, "%-19.19s %-*.*s %-9.9s %10s %10s %4s",
			 from, layout->to, layout->to, row->to, row->outbound,
			 layout->has_totals ? up : up_rate,
			 layout->has_totals ? down : down_rate, age);
}

static void format_headings(const struct layout *layout, char *out)
{
	if (layout->is_wide)
		snprintf(out, LINE_SIZE,
			 "%-19s %-*s %-11s %-8s %10s %10s %9s %9s %4s", "FROM",
			 layout->to, "TO", "BY", "STATE", "UP", "DOWN", "SENT",
			 "RECEIVED", "AGE");
	else
		snprintf(out, LINE_SIZE, "%-19s %-*s %-9s %10s %10s %4s",
			 "FROM", layout->to, "TO", "BY",
			 layout->has_totals ? "SENT" : "UP",
			 layout->has_totals ? "RECEIVED" : "DOWN", "AGE");
}

static void paint_head(const struct watch *watch, size_t shown, int columns)
{
	struct flow_totals totals = flow_list_totals(watch->list);
	char up[REPORT_BYTES_SIZE], down[REPORT_BYTES_SIZE];
	char line[LINE_SIZE], part[32] = "";
	const struct layout layout = layout_of(watch, columns);

	if (watch->filter[0] != '\0')
		snprintf(part, sizeof(part), "%zu of ", shown);
	snprintf(line, sizeof(line),
		 "%s%zu %s, %s/s up, %s/s down   sorted by %s%s%s%s%s", part,
		 totals.count, plural((int64_t)totals.count, "flow", "flows"),
		 report_bytes(totals.up_rate, up),
		 report_bytes(totals.down_rate, down),
		 flow_order_word(watch->choice.order),
		 watch->choice.is_reversed ? ", reversed" : "",
		 watch->filter[0] != '\0' ? ", only " : "", watch->filter,
		 watch->is_paused ? ", paused" : "");
	screen_line(0, SCREEN_BOLD, line);
	format_headings(&layout, line);
	screen_line(1, SCREEN_DIM, line);
}

/* Whom the chosen one is between, and how it came about. */
static void paint_chosen(const struct flow_row *chosen, int rows)
{
	char line[LINE_SIZE];

	if (!chosen || rows < FRAME_ROWS)
		return;
	snprintf(line, sizeof(line), "%s %s%s%s to %s%s%s%s%s", chosen->network,
		 chosen->src, chosen->mac[0] != '\0' ? " " : "", chosen->mac,
		 chosen->dst, chosen->real[0] != '\0' ? " at " : "",
		 chosen->real, chosen->id[0] != '\0' ? "   id " : "",
		 chosen->id);
	screen_line(rows - 3, SCREEN_PLAIN, line);
	snprintf(line, sizeof(line), "%s%s%s%s%s", chosen->state,
		 chosen->rule[0] != '\0' ? "   rule " : "", chosen->rule,
		 chosen->setup[0] != '\0' ? "   " : "", chosen->setup);
	screen_line(rows - 2, SCREEN_PLAIN, line);
}

static void paint_foot(const struct watch *watch, const struct flow_row *chosen,
		       int rows)
{
	char line[LINE_SIZE];

	if (watch->is_typing) {
		snprintf(line, sizeof(line), "only those with: %s_",
			 watch->filter);
	} else if (watch->is_asking && chosen) {
		snprintf(line, sizeof(line), "close %s to %s? (y/n)",
			 chosen->src, chosen->to);
	} else if (watch->message[0] != '\0') {
		screen_line(rows - 1, SCREEN_BAD, watch->message);
		return;
	} else {
		snprintf(line, sizeof(line),
			 "q quit  s sort  r reverse  / filter  c close  "
			 "p pause  arrows choose");
	}
	screen_line(rows - 1, SCREEN_DIM, line);
}

/* The row that is chosen, NULL if there is none. */
static const struct flow_row *paint(struct watch *watch)
{
	const struct flow_row *const *list;
	size_t count = flow_list_choose(watch->list, &watch->choice, &list);
	int rows, columns;
	char line[LINE_SIZE];

	screen_size(&rows, &columns);
	const struct layout layout = layout_of(watch, columns);
	size_t room = rows > FRAME_ROWS ? (size_t)(rows - FRAME_ROWS) : 1;
	if (watch->chosen >= count)
		watch->chosen = count ? count - 1 : 0;
	if (watch->chosen < watch->top)
		watch->top = watch->chosen;
	if (watch->chosen >= watch->top + room)
		watch->top = watch->chosen - room + 1;
	screen_clear();
	paint_head(watch, count, columns);
	for (size_t i = watch->top; i < count && i < watch->top + room; i++) {
		format_row(list[i], &layout, line);
		screen_line((int)(i - watch->top) + HEAD_ROWS,
			    i == watch->chosen ? SCREEN_REVERSE : SCREEN_PLAIN,
			    line);
	}
	if (count == 0)
		screen_line(HEAD_ROWS, SCREEN_PLAIN,
			    watch->filter[0] != '\0'
				    ? "no flow has that text"
				    : "no flows: nothing is carried now");
	paint_chosen(count ? list[watch->chosen] : NULL, rows);
	paint_foot(watch, count ? list[watch->chosen] : NULL, rows);
	screen_show();
	return count ? list[watch->chosen] : NULL;
}

static void on_typed(struct watch *watch, int key)
{
	size_t length = strlen(watch->filter);

	if (key == SCREEN_KEY_ENTER) {
		watch->is_typing = false;
	} else if (key == SCREEN_KEY_ESCAPE) {
		watch->is_typing = false;
		watch->filter[0] = '\0';
	} else if (key == SCREEN_KEY_BACKSPACE) {
		if (length > 0)
			watch->filter[length - 1] = '\0';
	} else if (key >= ' ' && key <= '~' &&
		   length + 1 < sizeof(watch->filter)) {
		watch->filter[length] = (char)key;
		watch->filter[length + 1] = '\0';
	}
}

static void on_asked(struct watch *watch, const struct flow_row *row, int key)
{
	watch->is_asking = false;
	if (key != 'y' || !row)
		return;
	const struct verbs_flow flow = {
		.network = row->network, .src = row->src, .dst = row->dst};
	if (verbs_close_flow(watch->run_dir, &flow, watch->message,
			     sizeof(watch->message)) == 0)
		watch->next_ms = 0;
}

static void on_move(struct watch *watch, int key)
{
	size_t page = 20;

	switch (key) {
	case SCREEN_KEY_UP:
		watch->chosen -= watch->chosen > 0;
		break;
	case SCREEN_KEY_DOWN:
		watch->chosen++;
		break;
	case SCREEN_KEY_PAGE_UP:
		watch->chosen -= watch->chosen > page ? page : watch->chosen;
		break;
	case SCREEN_KEY_PAGE_DOWN:
		watch->chosen += page;
		break;
	case SCREEN_KEY_HOME:
		watch->chosen = 0;
		break;
	case SCREEN_KEY_END:
		watch->chosen = SIZE_MAX / 2;
		break;
	}
}

static void on_key(struct watch *watch, const struct flow_row *row, int key)
{
	watch->message[0] = '\0';
	if (watch->is_typing) {
		on_typed(watch, key);
		return;
	}
	if (watch->is_asking) {
		on_asked(watch, row, key);
		return;
	}
	switch (key) {
	case 'q':
		watch->is_ended = true;
		break;
	case 's':
		watch->choice.order = (watch->choice.order + 1) % FLOW_ORDERS;
		break;
	case 'r':
		watch->choice.is_reversed = !watch->choice.is_reversed;
		break;
	case 'p':
		watch->is_paused = !watch->is_paused;
		break;
	case '/':
		watch->is_typing = true;
		break;
	case 'c':
		watch->is_asking = row != NULL;
		break;
	default: /* no enum */
		on_move(watch, key);
		break;
	}
}

static void run_on_screen(struct watch *watch)
{
	while (!watch->is_ended) {
		const struct flow_row *row;
		int64_t now_ms = clock_monotonic_ms();
		int key;

		/* A row must not go while its closing is asked for. */
		if (now_ms >= watch->next_ms && !watch->is_paused &&
		    !watch->is_asking) {
			(void)look(watch);
			watch->next_ms = now_ms + ROUND_MS;
		}
		row = paint(watch);
		now_ms = clock_monotonic_ms();
		key = screen_key(watch->next_ms > now_ms
					 ? (int)(watch->next_ms - now_ms)
					 : ROUND_MS);
		if (key != SCREEN_KEY_NONE && key != SCREEN_KEY_RESIZE)
			on_key(watch, row, key);
	}
}

/* Rounds as they come, until the reader goes or a signal comes. */
static int run_plain(const char *run_dir, bool is_json, FILE *out)
{
	for (;;) {
		int status = verbs_print_flows(run_dir, is_json, out);

		fputs(is_json ? "{\"round\":true}\n" : "\n", out);
		if (status != EXIT_SUCCESS || fflush(out) != 0)
			return status;
		usleep(ROUND_MS * 1000);
	}
}

static int run_watch(struct watch *watch)
{
	int ret = flow_list_new(&watch->list);

	if (ret < 0)
		return ret;
	/* Without privilege it cannot tell whose they are, and says nothing. */
	if (geteuid() != 0 || sockdiag_open(&watch->diag) < 0)
		watch->diag = NULL;
	if (!look(watch)) {
		ret = ERR_REFUSED;
		goto free_list;
	}
	watch->next_ms = clock_monotonic_ms() + ROUND_MS;
	ret = screen_open();
	if (ret == 0)
		run_on_screen(watch);
	screen_close();
free_list:
	sockdiag_close(watch->diag);
	flow_list_free(watch->list);
	return ret;
}

int watch_flows(const char *run_dir, bool is_json, FILE *out)
{
	struct watch watch = {.run_dir = run_dir};
	int ret;

	watch.choice.filter = watch.filter;
	if (is_json || !isatty(fileno(out)))
		return run_plain(run_dir, is_json, out);
	ret = run_watch(&watch);
	if (ret == 0)
		return EXIT_SUCCESS;
	if (ret == -EOPNOTSUPP)
		fputs("routed: this program was built without ncurses; "
		      "'routed --flows --watch --json' works\n",
		      stderr);
	else
		fprintf(stderr, "routed: cannot watch flows: %s\n",
			ret == ERR_REFUSED ? watch.message : err_text(ret));
	return EXIT_FAILURE;
}
