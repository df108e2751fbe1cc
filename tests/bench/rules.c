// SPDX-License-Identifier: BSD-2-Clause
/*
 * rules - what many rules cost.
 *
 *	tests/bench/rules
 *
 * For lists of 1,000 to 300,000 names, and of prefixes: the CPU time to load
 * them, the memory, and a verdict, beside a baseline with the same names: a
 *uthash table of texts that is asked for each suffix.  Each line is a process
 *of its own, so that memory is that of the line.
 */
#include "common/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if !__has_include(<uthash.h>)
#error "this benchmark needs uthash: apt-get install uthash-dev"
#endif
#include <uthash.h>

#define QUESTIONS 4096
#define VERDICTS 2000000U

static const char list_file[] = "rules-bench.list";

struct row {
	const char *what;
	unsigned names, prefixes; /* in a list */
	unsigned inlined;         /* rules of prefixes, one each */
	unsigned expressions;     /* in the list */
	unsigned keywords;        /* rules of a keyword each */
};

static const struct row rows[] = {
	{.what = "1k names", .names = 1000},
	{.what = "30k names", .names = 30000},
	{.what = "300k names", .names = 300000},
	{.what = "30k names, 200 expressions",
	 .names = 30000,
	 .expressions = 200},
	{.what = "30k names, 5k expressions",
	 .names = 30000,
	 .expressions = 5000},
	{.what = "30k names, 1k keyword rules",
	 .names = 30000,
	 .keywords = 1000},
	{.what = "10k prefixes, in a list", .names = 1000, .prefixes = 10000},
	{.what = "10k prefixes, a rule each", .names = 1000, .inlined = 10000},
	{.what = "100k prefixes, in a list", .names = 1000, .prefixes = 100000},
};

static uint32_t random_state = 1;

static uint32_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

/* The nth name: about 17 characters. */
static void name_text(char *out, size_t size, uint32_t nth)
{
	static const char *const ends[] = {"com", "net", "example", "cn",
					   "co.example"};
	uint32_t hash = nth * 2654435761U;

	snprintf(out, size, "%c%x-site%u.%s", 'a' + (char)(hash % 26),
		 hash & 0xffff, nth, ends[hash >> 16 & 3]);
}

static struct addr address(uint32_t nth)
{
	return addr_ipv4(0x01000000U + nth * 2654435761U % 0xd0000000U);
}

static void prefix_text(char *out, size_t size, uint32_t nth)
{
	struct prefix prefix = {address(nth), 24};

	prefix_mask(&prefix);
	prefix_format(&prefix, out, size);
}

static void write_list(const struct row *row)
{
	FILE *out = fopen(list_file, "w");
	char text[PREFIX_TEXT_SIZE];

	if (!out)
		exit(EXIT_FAILURE);
	for (uint32_t i = 0; i < row->names; i++) {
		name_text(text, sizeof(text), i);
		fprintf(out, "+.%s\n", text);
	}
	for (uint32_t i = 0; i < row->prefixes; i++) {
		prefix_text(text, sizeof(text), i);
		fprintf(out, "%s\n", text);
	}
	/* As the lists of the v2fly project have them. */
	for (uint32_t i = 0; i < row->expressions; i++)
		fprintf(out, "DOMAIN-REGEX,(^|\\.)%xav%u[0-9]?\\.%s$\n",
			draw() & 0xfff, i, i % 2 ? "com" : "(cc|net)");
	fclose(out);
}

static size_t memory_kib(const char *field)
{
	FILE *in = fopen("/proc/self/status", "r");
	char line[256];
	size_t value = 0;

	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoul(line + strlen(field), NULL, 10);
	}
	if (in)
		fclose(in);
	return value;
}

/* Of this process: the machine may have other work. */
static int64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct rules *load(const struct row *row)
{
	static const char *const outbounds[] = {"proxy", NULL};
	static const char *const none[] = {NULL};
	const struct rules_names names = {outbounds, none};
	struct rules *rules = rules_new();
	struct diag diag;
	struct rule_place place = {.diag = &diag, .file = "bench.yaml"};
	char text[128], prefix[PREFIX_TEXT_SIZE];
	int ret;

	diag_init(&diag);
	snprintf(text, sizeof(text), "RULE-SET,%s,DIRECT,no-resolve",
		 list_file);
	ret = rules ? rules_add(rules, text, &names, &place) : -1;
	for (uint32_t i = 0; ret == 0 && i < row->keywords; i++) {
		snprintf(text, sizeof(text), "DOMAIN-KEYWORD,%xtrack%u,DIRECT",
			 draw() & 0xfff, i);
		ret = rules_add(rules, text, &names, &place);
	}
	for (uint32_t i = 0; ret == 0 && i < row->inlined; i++) {
		prefix_text(prefix, sizeof(prefix), i);
		snprintf(text, sizeof(text), "IP-CIDR,%s,DIRECT", prefix);
		ret = rules_add(rules, text, &names, &place);
	}
	if (ret == 0)
		ret = rules_add(rules, "MATCH,proxy", &names, &place);
	if (ret < 0 || rules_seal(rules) < 0) {
		diag_print(&diag, stderr);
		exit(EXIT_FAILURE);
	}
	diag_fini(&diag);
	return rules;
}

/* Half of them are in the list, below a name of it; the others nowhere. */
static void draw_questions(const struct row *row, struct name *names)
{
	for (size_t i = 0; i < QUESTIONS; i++) {
		char text[80] = "www.";
		uint32_t nth = draw() % row->names;

		name_text(text + 4, sizeof(text) - 4,
			  i % 2 ? nth : nth + row->names);
		if (name_parse(&names[i], text) < 0)
			exit(EXIT_FAILURE);
	}
}

static double time_verdicts(const struct rules *rules, const struct row *row,
			    const struct name *names)
{
	uint32_t addresses = 2 * (row->prefixes + row->inlined);
	int64_t start = cpu_us(), direct = 0;

	for (uint32_t i = 0; i < VERDICTS; i++) {
		struct facts facts = {.name = &names[i % QUESTIONS]};
		struct verdict verdict;

		if (addresses > 0)
			facts.dst = address(i * 16777619U % addresses);
		verdict = rules_decide(rules, &facts);
		direct += verdict.outbound == OUTBOUND_DIRECT;
	}
	if (direct == 0 || direct == VERDICTS)
		exit(EXIT_FAILURE);
	return (double)(cpu_us() - start) * 1000. / VERDICTS;
}

/* The baseline. */
struct text_entry {
	UT_hash_handle hh;
	char text[];
};

/* NOLINTBEGIN(readability-function-size): uthash is made of macros */
static void fill_table(struct text_entry **table, const struct row *row)
{
	char text[80];

	for (uint32_t i = 0; i < row->names; i++) {
		struct text_entry *entry;

		name_text(text, sizeof(text), i);
		entry = malloc(sizeof(*entry) + strlen(text) + 1);
		if (!entry)
			exit(EXIT_FAILURE);
		strcpy(entry->text, text);
		HASH_ADD_STR(*table, text, entry);
	}
}

static const struct text_entry *find_text(struct text_entry *table,
					  const char *text)
{
	struct text_entry *entry;

	HASH_FIND_STR(table, text, entry);
	return entry;
}
/* NOLINTEND(readability-function-size) */

static bool has_suffix(struct text_entry *table, const char *name)
{
	for (; name; name = strchr(name, '.')) {
		name += *name == '.';
		if (find_text(table, name))
			return true;
	}
	return false;
}

static double time_baseline(const struct row *row)
{
	static char questions[QUESTIONS][80];
	struct text_entry *table = NULL;
	int64_t start, found = 0;

	fill_table(&table, row);
	for (size_t i = 0; i < QUESTIONS; i++) {
		uint32_t nth = draw() % row->names;

		strcpy(questions[i], "www.");
		name_text(questions[i] + 4, sizeof(questions[i]) - 4,
			  i % 2 ? nth : nth + row->names);
	}
	start = cpu_us();
	for (uint32_t i = 0; i < VERDICTS; i++)
		found += has_suffix(table, questions[i % QUESTIONS]);
	if (found == 0)
		exit(EXIT_FAILURE);
	return (double)(cpu_us() - start) * 1000. / VERDICTS;
}

static void measure(const struct row *row)
{
	static struct name names[QUESTIONS];
	size_t before = memory_kib("VmRSS:"), after, peak;
	int64_t start;
	struct rules *rules;
	double ms, verdict;

	draw_questions(row, names);
	start = cpu_us();
	rules = load(row);
	ms = (double)(cpu_us() - start) / 1000.;
	after = memory_kib("VmRSS:");
	peak = memory_kib("VmHWM:");
	verdict = time_verdicts(rules, row, names);
	rules_free(rules);
	printf("%-26s %8.1f ms %7.1f MiB (peak %5.1f) %7.0f ns %9.0f ns\n",
	       row->what, ms, (double)(after - before) / 1024.,
	       (double)(peak - before) / 1024., verdict, time_baseline(row));
}

int main(void)
{
	printf("%-26s %11s %24s %10s %12s\n", "rules", "load", "memory",
	       "verdict", "uthash");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid;

		fflush(stdout);
		write_list(&rows[i]);
		pid = fork();
		if (pid == 0) {
			measure(&rows[i]);
			fflush(stdout);
			_exit(EXIT_SUCCESS);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			return EXIT_FAILURE;
	}
	unlink(list_file);
	return EXIT_SUCCESS;
}
