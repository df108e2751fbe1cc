// SPDX-License-Identifier: BSD-2-Clause
#include "common/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *kind_word(enum metric_kind kind)
{
	switch (kind) {
	case METRIC_COUNTER:
		return "counter";
	case METRIC_GAUGE:
		return "gauge";
	}
	return "unknown";
}

/* None of ours is negative, so that -1 can mean: it is not there. */
static void write_value(FILE *out, const struct metric *metric,
			const struct json *line)
{
	long long value = json_get_int(line, metric->key, -1);

	if (value < 0)
		return;
	fprintf(out, "%s%s", metric->name,
		metric->kind == METRIC_COUNTER ? "_total" : "");
	if (metric->label)
		fprintf(out, "{%s}", metric->label);
	fprintf(out, " %lld\n", value);
}

char *metrics_text(const struct metric *table, const struct json *line)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *last = "";

	if (!out)
		return NULL;
	for (; table->key; table++) {
		if (strcmp(table->name, last) != 0)
			fprintf(out, "# TYPE %s %s\n# HELP %s %s\n",
				table->name, kind_word(table->kind),
				table->name, table->help);
		last = table->name;
		write_value(out, table, line);
	}
	fputs("# EOF\n", out);
	if (ferror(out) | fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
