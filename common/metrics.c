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

/* "{step="map",le="0.001"}": microseconds as seconds, to the last digit. */
static void write_bucket(FILE *out, const struct metrics_histogram *histogram,
			 size_t bucket, uint64_t count)
{
	fprintf(out, "%s_bucket{%s%sle=\"", histogram->name,
		histogram->label ? histogram->label : "",
		histogram->label ? "," : "");
	if (bucket + 1 == histogram->buckets)
		fputs("+Inf", out);
	else
		fprintf(out, "%g", histogram->bounds_us[bucket] / 1e6);
	fprintf(out, "\"} %llu\n", (unsigned long long)count);
}

static void write_histogram(FILE *out,
			    const struct metrics_histogram *histogram)
{
	const char *label = histogram->label ? histogram->label : "";
	uint64_t count = 0;

	for (size_t i = 0; i < histogram->buckets; i++) {
		count += histogram->counts[i];
		write_bucket(out, histogram, i, count);
	}
	fprintf(out, "%s_count{%s} %llu\n%s_sum{%s} %llu.%06llu\n",
		histogram->name, label, (unsigned long long)count,
		histogram->name, label,
		(unsigned long long)(histogram->sum_us / 1000000),
		(unsigned long long)(histogram->sum_us % 1000000));
}

static void write_histograms(FILE *out,
			     const struct metrics_histogram *histograms)
{
	const char *last = "";

	for (; histograms->name; histograms++) {
		if (strcmp(histograms->name, last) != 0)
			fprintf(out,
				"# TYPE %s histogram\n# UNIT %s seconds\n"
				"# HELP %s %s\n",
				histograms->name, histograms->name,
				histograms->name, histograms->help);
		last = histograms->name;
		write_histogram(out, histograms);
	}
}

char *metrics_text(const struct metric *table, const struct json *line,
		   const struct metrics_histogram *histograms)
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
	if (histograms)
		write_histograms(out, histograms);
	fputs("# EOF\n", out);
	if (ferror(out) | fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
