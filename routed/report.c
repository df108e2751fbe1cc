// SPDX-License-Identifier: BSD-2-Clause
#include "routed/report.h"

#include "common/confinement.h"
#include "common/plural.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define KEY "  %-10s "

static const char *text_of(const struct json *line, const char *key)
{
	const char *text = json_get_text(line, key);

	return text ? text : "";
}

static long long int_of(const struct json *line, const char *key)
{
	return json_get_int(line, key, 0);
}

const char *report_bytes(int64_t bytes, char *out)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	const char *unit = "B";

	for (size_t i = 0; i < ARRAY_LEN(units) && value >= 1024; i++) {
		value /= 1024;
		unit = units[i];
	}
	snprintf(out, REPORT_BYTES_SIZE, "%.*f %s",
		 value < 10 && bytes >= 1024 ? 1 : 0, value, unit);
	return out;
}

static void print_capture(const struct json *status, FILE *out)
{
	bool is_captured = json_get_bool(status, "captured", false);
	bool is_fake = strcmp(text_of(status, "capture"), "fake") == 0;

	fprintf(out, KEY, "captures");
	if (!is_captured)
		fputs("nothing now\n", out);
	else
		fprintf(out, "%s, into '%s'\n",
			is_fake ? "fake addresses" : "everything",
			text_of(status, "tun"));
	fprintf(out, KEY "%s\n", "resolver",
		!json_get_bool(status, "resolver", false) ? "left as it is"
		: json_get_bool(status, "resolved", false)
			? "dnsd, by systemd-resolved"
			: "dnsd, by '/etc/resolv.conf'");
}

static void print_uplinks(const struct json *status, FILE *out)
{
	const char *ipv4 = text_of(status, "uplink_ipv4");
	const char *ipv6 = text_of(status, "uplink_ipv6");

	fprintf(out, KEY, "uplink");
	if (ipv4[0])
		fprintf(out, "%s (IPv4)%s", ipv4, ipv6[0] ? ", " : "");
	if (ipv6[0])
		fprintf(out, "%s (IPv6)", ipv6);
	fputs(ipv4[0] || ipv6[0] ? "\n" : "none\n", out);
}

/* Who is served besides this host. */
static void print_gateways(const struct json *status, FILE *out)
{
	const char *names = text_of(status, "gateways");
	long long loops = int_of(status, "gateway_loops");
	long long stranded = int_of(status, "gateway_stranded");

	if (names[0])
		fprintf(out, KEY "devices that come in by %s\n", "serves",
			names);
	if (loops)
		fprintf(out,
			KEY "%lld packets of ours came back: a router sends to "
			    "us what we send to it\n",
			"loop", loops);
	if (stranded)
		fprintf(out,
			KEY "%lld packets of flows that were in the TUN while "
			    "there was none\n",
			"refused", stranded);
}

/* What would have left past us, or came where it has no business. */
static void print_refused(const struct json *status, FILE *out)
{
	long long closed = int_of(status, "refused_closed");
	long long pool_out = int_of(status, "refused_pool_out");
	long long pool_in = int_of(status, "refused_pool_in");

	if (json_get_bool(status, "closed", false))
		fprintf(out,
			KEY "nothing leaves past us, nor when we die; %lld %s "
			    "refused\n",
			"closed", closed, plural(closed, "packet", "packets"));
	if (pool_out || pool_in)
		fprintf(out,
			KEY "%lld %s to fake addresses at other interfaces, "
			    "%lld that came in by one\n",
			"refused", pool_out,
			plural(pool_out, "packet", "packets"), pool_in);
}

static void print_objects(const struct json *status, FILE *out)
{
	long long repairs = int_of(status, "repairs");
	long long foreign = int_of(status, "foreign");
	long long directs = int_of(status, "directs");

	fprintf(out, KEY "%lld rules, routes and addresses of ours", "kernel",
		int_of(status, "objects"));
	if (repairs)
		fprintf(out, ", %lld put back after others removed them",
			repairs);
	if (foreign)
		fprintf(out, ", %lld of others in their place", foreign);
	fputc('\n', out);
	if (json_get_text(status, "rival"))
		fprintf(out, KEY "%s\n", "rival", text_of(status, "rival"));
	print_refused(status, out);
	if (directs)
		fprintf(out, KEY "%lld %s past the TUN\n", "direct", directs,
			plural(directs, "address of a DIRECT name goes",
			       "addresses of DIRECT names go"));
}

static void print_relay(const struct json *status, FILE *out)
{
	long long pid = int_of(status, "relay_pid");
	long long deaths = int_of(status, "relay_deaths");

	fprintf(out, KEY, "relay");
	if (pid)
		fprintf(out, "process %lld, steered by %s", pid,
			text_of(status, "steering"));
	else
		fputs("none now", out);
	if (deaths)
		fprintf(out, ", after %lld that died", deaths);
	fputc('\n', out);
}

static void print_carrier(const struct json *status, FILE *out)
{
	const char *why = text_of(status, "carrier_why");
	long long in = int_of(status, "carried_in");

	if (!int_of(status, "relay_pid"))
		return;
	fprintf(out, KEY, "tcp");
	if (strcmp(text_of(status, "carrier"), "kernel") == 0)
		fprintf(out, "carried by the kernel: %lld %s in, %lld out\n",
			in, plural(in, "packet", "packets"),
			int_of(status, "carried_out"));
	else
		fprintf(out, "carried in user space%s%s%s\n",
			why[0] ? " (" : "", why, why[0] ? ")" : "");
}

static void print_flow_counts(const struct json *status, FILE *out)
{
	long long own = int_of(status, "own_flows");
	long long loops = int_of(status, "loops");
	long long answered = int_of(status, "echoes_answered");
	long long refused = int_of(status, "echoes_refused");

	fprintf(out, KEY "%lld now (%lld held), %lld so far, %lld refused\n",
		"flows", int_of(status, "flows_now"),
		int_of(status, "flows_held"), int_of(status, "flows_ever"),
		int_of(status, "flows_refused"));
	if (answered || refused)
		fprintf(out, KEY "%lld answered, %lld refused\n", "pings",
			answered, refused);
	if (own)
		fprintf(out,
			KEY
			"%lld %s of outbounds' own servers, sent directly\n",
			"own", own, plural(own, "flow", "flows"));
	if (loops)
		fprintf(out,
			KEY "%lld %s of our own came back: that must not be\n",
			"loops", loops, plural(loops, "packet", "packets"));
}

static void print_traffic(const struct json *status, FILE *out)
{
	char up[REPORT_BYTES_SIZE], down[REPORT_BYTES_SIZE];

	fprintf(out, KEY "%s up, %s down\n", "bytes",
		report_bytes(int_of(status, "bytes_up"), up),
		report_bytes(int_of(status, "bytes_down"), down));
	fprintf(out, KEY "%lld in, %lld out, %lld dropped\n", "packets",
		int_of(status, "packets_in"), int_of(status, "packets_out"),
		int_of(status, "packets_dropped") +
			int_of(status, "syns_dropped"));
}

static void print_udp(const struct json *status, FILE *out)
{
	char up[REPORT_BYTES_SIZE], down[REPORT_BYTES_SIZE];
	long long flows = int_of(status, "udp_flows_now");
	long long dropped = int_of(status, "udp_dropped");
	long long queries = int_of(status, "dns_queries");

	fprintf(out,
		KEY "%lld %s now, %lld so far, %lld refused; %s up, %s down",
		"udp", flows, plural(flows, "flow", "flows"),
		int_of(status, "udp_flows_ever"), int_of(status, "udp_refused"),
		report_bytes(int_of(status, "udp_bytes_up"), up),
		report_bytes(int_of(status, "udp_bytes_down"), down));
	if (dropped)
		fprintf(out, "; %lld %s dropped", dropped,
			plural(dropped, "packet", "packets"));
	fputc('\n', out);
	if (queries)
		fprintf(out, KEY "%lld %s entered the TUN and went to dnsd\n",
			"dns", queries,
			plural(queries, "question", "questions"));
}

/* "  auto       proxy: down since ..., connection refused" */
static void print_group_member(const struct json *line, FILE *out)
{
	const char *reason = json_get_text(line, "reason");
	const char *state = text_of(line, "state");
	int64_t latency_us = json_get_int(line, "latency_us", -1);

	fprintf(out, KEY "%s %s is %s", text_of(line, "group"),
		json_get_bool(line, "first", false) ? "*" : " ",
		text_of(line, "member"), state);
	if (strcmp(state, "unknown") != 0)
		fprintf(out, " since %s", text_of(line, "since"));
	if (latency_us >= 0)
		fprintf(out, ", %.1f ms", (double)latency_us / 1000.);
	if (reason && strcmp(state, "down") == 0)
		fprintf(out, ": %s", reason);
	fputc('\n', out);
}

static void print_confinement(const struct json *status, FILE *out)
{
	static const char *const who[] = {"process", "relay"};

	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_capabilities", who[i]);
		if (!json_get_text(status, key))
			continue;
		fprintf(out, KEY "%s: ", "confined",
			i == 0 ? "routed" : who[i]);
		(void)confinement_print(status, who[i], out);
	}
}

void report_status(const struct json *status, FILE *out)
{
	if (json_get_text(status, "group")) {
		print_group_member(status, out);
		return;
	}
	fprintf(out, "%s %s, process %lld, since %s\n",
		text_of(status, "program"), text_of(status, "version"),
		int_of(status, "pid"), text_of(status, "started"));
	fprintf(out, KEY "%s, %lld %s\n", "config", text_of(status, "config"),
		int_of(status, "rules"),
		plural(int_of(status, "rules"), "rule", "rules"));
	print_capture(status, out);
	print_uplinks(status, out);
	print_gateways(status, out);
	print_objects(status, out);
	print_relay(status, out);
	print_carrier(status, out);
	print_flow_counts(status, out);
	print_traffic(status, out);
	print_udp(status, out);
	print_confinement(status, out);
}

static void print_text(const struct json *line, const char *word,
		       const char *key, FILE *out)
{
	const char *text = json_get_text(line, key);

	if (text)
		fprintf(out, KEY "%s\n", word, text);
}

static void print_place(const struct json *line, const char *word,
			const char *key, FILE *out)
{
	const char *file = json_get_text(line, key);
	bool is_list = strcmp(word, "list") == 0;

	if (file)
		fprintf(out, KEY "%s:%lld\n", word, file,
			int_of(line, is_list ? "list_line" : "line"));
}

/* The kernel's own answer, in the order in which ip(8) has it. */
static void print_route(const struct json *line, FILE *out)
{
	const char *device = json_get_text(line, "device");
	const char *gateway = json_get_text(line, "gateway");
	const char *source = json_get_text(line, "source");
	long long table = int_of(line, "table");

	if (!device)
		return;
	fprintf(out, KEY, "route");
	if (gateway)
		fprintf(out, "via %s ", gateway);
	fprintf(out, "dev %s table ", device);
	if (table == RT_TABLE_MAIN)
		fputs("main", out);
	else if (table == RT_TABLE_LOCAL)
		fputs("local", out);
	else
		fprintf(out, "%lld", table);
	if (source)
		fprintf(out, " src %s", source);
	fputc('\n', out);
}

/* The kernel alone decides: what the rules would say is not what happens. */
static bool is_past_us(const struct json *line)
{
	return json_get_text(line, "device") &&
	       !json_get_bool(line, "carried", false) &&
	       !json_get_bool(line, "fake", false);
}

void report_explanation(const struct json *line, FILE *out)
{
	const char *address = json_get_text(line, "address");
	int64_t slot = json_get_int(line, "slot", -1);

	fprintf(out, "%s\n\n", text_of(line, "reason"));
	print_text(line, "name", "name", out);
	if (address)
		fprintf(out, KEY "%s%s\n", "address", address,
			json_get_bool(line, "fake", false) ? " (fake)" : "");
	if (slot >= 0)
		fprintf(out, KEY "%lld\n", "slot", (long long)slot);
	if (!is_past_us(line)) {
		print_text(line, "outbound", "outbound", out);
		print_text(line, "rule", "rule", out);
		print_place(line, "in", "file", out);
		print_place(line, "list", "list_file", out);
	}
	print_route(line, out);
	print_text(line, "way", "way", out);
}

/* "1 rule" or "2 rules", after what stands there already. */
static void print_count(const char *verb, size_t count, const char *noun,
			FILE *out)
{
	if (count)
		fprintf(out, "%s%zu %s%s", verb, count, noun,
			count == 1 ? "" : "s");
}

void report_recovery(const struct recover_report *report, int ended, FILE *out)
{
	const size_t rules = report->rules;
	const size_t routes = report->routes;
	const size_t objects = rules + routes + report->links + report->tables;

	if (report->is_kept) {
		fputs("this host is closed, and stays so: 'routed --recover' "
		      "opens it\n",
		      out);
		return;
	}
	if (!objects && ended <= 0 && report->resolver <= 0) {
		fputs("nothing was left behind\n", out);
		return;
	}
	print_count("removed: ", rules, "rule", out);
	print_count(rules ? ", " : "removed: ", routes, "route", out);
	print_count(rules || routes ? ", " : "removed: ", report->links,
		    "device", out);
	print_count(rules || routes || report->links ? ", " : "removed: ",
		    report->tables, "nftables table", out);
	if (objects)
		fputc('\n', out);
	if (report->resolver > 0)
		fputs("given back: '/etc/resolv.conf'\n", out);
	if (ended > 0)
		fprintf(out,
			"ended: %d connections that had the TUN's "
			"address\n",
			ended);
}

void report_recovery_json(const struct recover_report *report, int ended,
			  FILE *out)
{
	struct json *json = json_new();
	char *line = NULL;

	if (json) {
		json_set_bool(json, "kept", report->is_kept);
		json_set_int(json, "rules", (int64_t)report->rules);
		json_set_int(json, "routes", (int64_t)report->routes);
		json_set_int(json, "links", (int64_t)report->links);
		json_set_int(json, "tables", (int64_t)report->tables);
		json_set_bool(json, "resolver", report->resolver > 0);
		json_set_int(json, "connections", ended > 0 ? ended : 0);
		line = json_line(json);
	}
	if (line)
		fprintf(out, "%s\n", line);
	free(line);
	json_free(json);
}

static const char *const headings[REPORT_COLUMNS] = {
	"ID", "FROM", "MAC", "TO", "BY", "STATE", "UP", "DOWN",
};
enum { FIRST_FIGURE = 6 };

int report_flows_init(struct report_flows *flows)
{
	memset(flows, 0, sizeof(*flows));
	flows->rows = open_memstream(&flows->text, &flows->size);
	if (!flows->rows)
		return -errno;
	return 0;
}

static void put_cell(struct report_flows *flows, int column, const char *text,
		     const char *more)
{
	int width = fprintf(flows->rows, "%s%s", text, more);

	fputc('\t', flows->rows);
	if (width > 0 && width < (int)strlen(headings[column]))
		width = (int)strlen(headings[column]);
	if (width > flows->widths[column])
		flows->widths[column] = width;
}

void report_flows_add(struct report_flows *flows, const struct json *flow)
{
	char up[REPORT_BYTES_SIZE], down[REPORT_BYTES_SIZE];
	const char *name = json_get_text(flow, "name");
	const char *dst = text_of(flow, "dst");
	const char *port = strrchr(dst, ':');

	const char *id = json_get_text(flow, "id");
	const char *mac = json_get_text(flow, "mac");

	put_cell(flows, 0, id ? id : "", "");
	put_cell(flows, 1, text_of(flow, "src"), "");
	put_cell(flows, 2, mac ? mac : "", "");
	put_cell(flows, 3, name ? name : dst, name && port ? port : "");
	put_cell(flows, 4, text_of(flow, "outbound"), "");
	put_cell(flows, 5, text_of(flow, "state"), "");
	put_cell(flows, 6, report_bytes(int_of(flow, "up"), up), "");
	put_cell(flows, 7, report_bytes(int_of(flow, "down"), down), "");
	flows->count++;
}

/* Texts to the left, figures to the right. */
static void print_cell(const struct report_flows *flows, int column,
		       const char *text, int length, FILE *out)
{
	int width = flows->widths[column];
	bool is_last = column == REPORT_COLUMNS - 1;

	if (width == 0)
		return;
	fprintf(out, "%*.*s%s", column < FIRST_FIGURE ? -width : width, length,
		text, is_last ? "\n" : "  ");
}

void report_flows_print(struct report_flows *flows, FILE *out)
{
	const char *cell;
	int column = 0;

	if (!flows->count) {
		fputs("no flows: nothing is carried now\n", out);
		return;
	}
	fflush(flows->rows);
	for (int i = 0; i < REPORT_COLUMNS; i++)
		print_cell(flows, i, headings[i], flows->widths[i], out);
	cell = flows->text;
	while (cell < flows->text + flows->size) {
		int length = (int)strcspn(cell, "\t");

		print_cell(flows, column, cell, length, out);
		column = (column + 1) % REPORT_COLUMNS;
		cell += length + 1;
	}
}

void report_flows_fini(struct report_flows *flows)
{
	fclose(flows->rows);
	free(flows->text);
}
