// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dump.h"

#include "common/control.h"
#include "common/err.h"
#include "common/json.h"
#include "common/log.h"
#include "common/map.h"
#include "common/priority.h"
#include "dnsd/dump_form.h"
#include "dnsd/used.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT_MS 5000

/* When each slot was last used, as the running daemon tells. */
struct used {
	int64_t *ms; /* owned; by slot, 0: not known */
	uint32_t slots;
	int64_t next; /* where to ask on, -1: that was all */
};

static void on_run(void *ctx, uint32_t first, uint32_t last, int64_t used_s)
{
	struct used *used = ctx;

	for (uint32_t slot = first; slot <= last && slot < used->slots; slot++)
		used->ms[slot] = used_s * 1000;
}

static void on_used(void *ctx, const struct json *line)
{
	struct used *used = ctx;
	int64_t next = json_get_int(line, "next", -1);
	const char *text = json_get_text(line, "used");

	if (next > used->next)
		used->next = next;
	/* What another version says is left out: it is not known then. */
	if (text && used_each(text, on_run, used) < 0)
		log_debug("cannot read when names were last used");
}

/* The daemon answers a part of the slots at a time. */
static int ask_part(const char *path, int64_t from,
		    const struct control_sink *sink)
{
	struct json *request = json_new();
	if (!request)
		return -ENOMEM;
	json_set_text(request, "verb", "used");
	json_set_int(request, "from", from);
	int ret = control_call(path, request, sink);
	json_free(request);
	return ret;
}

/* Without a daemon that we may ask, nothing of it is known. */
static int ask_used(const struct config *config, struct used *used)
{
	char error[256];
	const struct control_sink sink = {
		.timeout_ms = CALL_TIMEOUT_MS,
		.on_line = on_used,
		.ctx = used,
		.error = error,
		.error_size = sizeof(error),
	};
	int64_t from = -1;
	int ret = 0;
	char *path = config_path(config->run_dir, "dnsd.sock");
	if (!path)
		return -ENOMEM;

	/* Each part must lie behind the one before. */
	for (used->next = 0; ret == 0 && used->next > from;) {
		from = used->next;
		ret = ask_part(path, from, &sink);
	}
	free(path);
	if (ret < 0 && ret != ERR_NOT_RUNNING)
		log_warning("cannot ask the daemon when names were last used: "
			    "%s",
			    ret == ERR_REFUSED ? error : err_text(ret));
	return 0;
}

struct printing {
	struct dump_writer writer;
	const struct dump_filter *filter;
	const struct used *used;
	/* For another order than that of slots, which needs all of them. */
	struct dump_line *lines; /* owned */
	size_t count, room;
};

static int64_t used_ms_of(const struct used *used, const struct map_row *row)
{
	int64_t used_ms = row->slot < used->slots ? used->ms[row->slot] : 0;

	if (used_ms == 0)
		return -1;
	/* It was told by another clock, which may lag by the turn of a loop. */
	return used_ms < row->created_ms ? row->created_ms : used_ms;
}

static int keep_line(struct printing *printing, const struct map_row *row,
		     int64_t used_ms)
{
	if (printing->count == printing->room) {
		size_t room = printing->room ? printing->room * 2 : 1024;
		struct dump_line *lines =
			realloc(printing->lines, room * sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		printing->lines = lines;
		printing->room = room;
	}
	printing->lines[printing->count++] =
		(struct dump_line){.row = *row, .used_ms = used_ms};
	return 0;
}

static int on_row(void *ctx, const struct map_row *row)
{
	struct printing *printing = ctx;
	int64_t used_ms = used_ms_of(printing->used, row);

	if (!dump_filter_takes(printing->filter, row, used_ms))
		return 0;
	if (printing->filter->order != DUMP_BY_SLOT)
		return keep_line(printing, row, used_ms);
	return dump_write_row(&printing->writer, row, used_ms);
}

static int print_kept(struct printing *printing)
{
	int ret = 0;

	if (printing->count == 0)
		return 0;
	qsort(printing->lines, printing->count, sizeof(*printing->lines),
	      dump_filter_compare(printing->filter->order));
	for (size_t i = 0; i < printing->count && ret == 0; i++)
		ret = dump_write_row(&printing->writer, &printing->lines[i].row,
				     printing->lines[i].used_ms);
	return ret;
}

static int print_rows(const struct config *config, struct map_reader *map,
		      const struct dump_request *request, FILE *out)
{
	struct printing printing = {.filter = &request->filter};
	struct used used;
	struct fake_pool pool;

	map_reader_pool(map, &pool);
	used.slots = fake_pool_size(&pool);
	used.ms = calloc(used.slots, sizeof(*used.ms));
	if (!used.ms)
		return -ENOMEM;
	printing.used = &used;
	int ret = ask_used(config, &used);
	if (ret < 0)
		goto free_used;
	dump_write_head(&printing.writer, request->form, &pool, out);
	ret = map_reader_each(map, on_row, &printing);
	if (ret == 0)
		ret = print_kept(&printing);
	if (ret < 0)
		goto free_lines;
	dump_write_tail(&printing.writer);
	ret = fflush(out) == 0 && !ferror(out) ? 0 : -EIO;

free_lines:
	free(printing.lines);
free_used:
	free(used.ms);
	return ret;
}

int dump_run(const struct config *config, const struct dump_request *request,
	     FILE *out)
{
	char reason[MAP_REASON_SIZE] = "";
	struct map_reader *map;

	/* The daemon answers meanwhile, maybe on the same core. */
	priority_lower();
	char *path = config_path(config->state_dir, "map.db");
	if (!path) {
		log_error("cannot print the map: %s", err_text(-ENOMEM));
		return EXIT_FAILURE;
	}

	int ret = map_reader_open(&map, path, reason);
	if (ret == -ENOENT) {
		log_error("there is no map at '%s' yet: dnsd makes it when it "
			  "first starts",
			  path);
		goto free_path;
	}
	if (ret < 0) {
		log_error("%s", reason);
		goto free_path;
	}
	ret = print_rows(config, map, request, out);
	if (ret < 0)
		log_error("cannot print the map '%s': %s", path, err_text(ret));
	map_reader_close(map);

free_path:
	free(path);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
