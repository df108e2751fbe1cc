// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dump.h"

#include "common/control.h"
#include "common/err.h"
#include "common/json.h"
#include "common/log.h"
#include "common/map.h"
#include "dnsd/dump_form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT_MS 5000

/* When each slot was last answered, as the running daemon tells. */
struct used {
	int64_t *ms; /* owned; by slot, 0: not known */
	uint32_t slots;
	int64_t next; /* where to ask on, -1: that was all */
};

static void on_used(void *ctx, const struct json *line)
{
	struct used *used = ctx;
	int64_t slot = json_get_int(line, "slot", -1);
	int64_t next = json_get_int(line, "next", -1);

	if (next > used->next)
		used->next = next;
	if (slot >= 0 && slot < used->slots)
		used->ms[slot] = json_get_int(line, "used", 0);
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
	const struct used *used;
};

static int on_row(void *ctx, const struct map_row *row)
{
	struct printing *printing = ctx;
	int64_t used_ms = row->slot < printing->used->slots
				  ? printing->used->ms[row->slot]
				  : 0;
	if (used_ms == 0)
		used_ms = -1;
	/* It was told by another clock, which may lag by the turn of a loop. */
	else if (used_ms < row->created_ms)
		used_ms = row->created_ms;
	return dump_write_row(&printing->writer, row, used_ms);
}

static int print_rows(const struct config *config, struct map_reader *map,
		      enum dump_form form, FILE *out)
{
	struct printing printing;
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
	dump_write_head(&printing.writer, form, &pool, out);
	ret = map_reader_each(map, on_row, &printing);
	if (ret < 0)
		goto free_used;
	dump_write_tail(&printing.writer);
	ret = fflush(out) == 0 && !ferror(out) ? 0 : -EIO;

free_used:
	free(used.ms);
	return ret;
}

int dump_run(const struct config *config, enum dump_form form, FILE *out)
{
	char reason[MAP_REASON_SIZE] = "";
	struct map_reader *map;
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
	ret = print_rows(config, map, form, out);
	if (ret < 0)
		log_error("cannot print the map '%s': %s", path, err_text(ret));
	map_reader_close(map);

free_path:
	free(path);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
