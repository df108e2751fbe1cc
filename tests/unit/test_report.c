// SPDX-License-Identifier: BSD-2-Clause
#include "routed/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void (*print_fn)(const struct json *line, FILE *out);

/* What is printed of a line of JSON; to be freed. */
static char *printed(print_fn fn, const char *text)
{
	char *out_text = NULL;
	size_t size;
	struct json *line = json_parse(text, strlen(text));
	FILE *out = open_memstream(&out_text, &size);

	assert_non_null(line);
	assert_non_null(out);
	fn(line, out);
	fclose(out);
	json_free(line);
	return out_text;
}

static void bytes_have_the_unit_that_people_read(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{20 * 1024, "20 KiB"},
		{3 << 20, "3.0 MiB"},
		{INT64_C(5) << 40, "5.0 TiB"},
		{INT64_MAX, "8192 PiB"},
	};
	char out[REPORT_BYTES_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(report_bytes(cases[i].bytes, out),
				    cases[i].text);
}

static void a_status_is_grouped_and_without_zeros_of_no_interest(void **state)
{
	char *text = printed(
		report_status,
		"{\"program\":\"routed\",\"version\":\"1\",\"pid\":7,"
		"\"started\":\"2026-01-02T03:04:05Z\",\"config\":\"e.yaml\","
		"\"rules\":4,\"captured\":true,\"capture\":\"all\","
		"\"resolver\":true,\"tun\":\"ersatz0\",\"uplink_ipv4\":"
		"\"eth0\","
		"\"uplink_ipv6\":\"eth1\",\"objects\":47,\"repairs\":0,"
		"\"foreign\":0,\"relay_pid\":9,\"relay_deaths\":0,"
		"\"steering\":\"bpf\",\"carrier\":\"kernel\","
		"\"carrier_why\":\"\",\"carried_in\":5,"
		"\"carried_out\":6,\"syns_dropped\":4,\"flows_now\":1,\"flows_"
		"ever\":3,"
		"\"flows_refused\":0,\"flows_held\":0,\"own_flows\":0,"
		"\"loops\":0,\"bytes_up\":160,\"bytes_down\":2048,"
		"\"packets_in\":14,\"packets_out\":9,\"packets_dropped\":0,"
		"\"udp_flows_now\":2,\"udp_flows_ever\":5,"
		"\"udp_refused\":1,\"udp_bytes_up\":10,"
		"\"udp_bytes_down\":20}");

	(void)state;
	assert_string_equal(
		text, "routed 1, process 7, since 2026-01-02T03:04:05Z\n"
		      "  config     e.yaml, 4 rules\n"
		      "  captures   everything, into 'ersatz0'\n"
		      "  resolver   dnsd, by '/etc/resolv.conf'\n"
		      "  uplink     eth0 (IPv4), eth1 (IPv6)\n"
		      "  kernel     47 rules, routes and addresses of ours\n"
		      "  relay      process 9, steered by bpf\n"
		      "  tcp        carried by the kernel: 5 packets in, "
		      "6 out\n"
		      "  flows      1 now (0 held), 3 so far, 0 refused\n"
		      "  bytes      160 B up, 2.0 KiB down\n"
		      "  packets    14 in, 9 out, 4 dropped\n"
		      "  udp        2 flows now, 5 so far, 1 refused; 10 B up, "
		      "20 B down\n");
	free(text);
}

static void a_status_tells_why_the_kernel_does_not_carry(void **state)
{
	char *text = printed(report_status,
			     "{\"relay_pid\":9,\"carrier\":\"user\","
			     "\"carrier_why\":\"cannot open a flow: no\"}");

	(void)state;
	assert_non_null(strstr(text, "tcp        carried in user space (cannot "
				     "open a flow: no)\n"));
	free(text);
	text = printed(report_status, "{\"relay_pid\":9,\"carrier\":\"user\","
				      "\"carrier_why\":\"\"}");
	assert_non_null(strstr(text, "tcp        carried in user space\n"));
	free(text);
}

static void a_status_names_what_is_not_as_usual(void **state)
{
	char *text = printed(
		report_status,
		"{\"captured\":false,\"resolver\":false,"
		"\"uplink_ipv4\":null,\"uplink_ipv6\":null,"
		"\"directs\":8,\"repairs\":5,\"foreign\":2,\"relay_pid\":0,"
		"\"relay_deaths\":3,\"own_flows\":4,"
		"\"loops\":6}");

	(void)state;
	assert_non_null(strstr(text, "captures   nothing now\n"));
	assert_non_null(strstr(text, "resolver   left as it is\n"));
	assert_non_null(strstr(text, "uplink     none\n"));
	assert_non_null(strstr(text, ", 5 put back after"));
	assert_non_null(strstr(text, ", 2 of others"));
	assert_non_null(strstr(text, "direct     8 addresses of DIRECT names"));
	assert_non_null(strstr(text, "relay      none now, after 3 that"));
	assert_non_null(strstr(text, "own        4 flows"));
	assert_non_null(strstr(text, "loops      6 packets"));
	free(text);
	text = printed(report_status,
		       "{\"directs\":1,\"own_flows\":1,\"rules\":1,"
		       "\"udp_flows_now\":1}");
	assert_non_null(strstr(text, ", 1 rule\n"));
	assert_non_null(strstr(text, "direct     1 address of a DIRECT name "
				     "goes past"));
	assert_non_null(strstr(text, "own        1 flow of"));
	assert_non_null(strstr(text, "udp        1 flow now"));
	free(text);
}

static void an_explanation_tells_no_rule_where_the_kernel_decides(void **state)
{
	char *text = printed(
		report_explanation,
		"{\"target\":\"192.0.2.1\",\"reason\":\"it goes.\","
		"\"name\":null,\"address\":\"192.0.2.1\",\"fake\":false,"
		"\"slot\":null,\"port\":null,\"network\":null,"
		"\"outbound\":\"proxy\",\"rule\":\"MATCH,proxy\","
		"\"file\":\"e.yaml\",\"line\":5,\"list_file\":null,"
		"\"list_line\":null,"
		"\"carried\":false,\"device\":\"eth0\",\"table\":254,"
		"\"gateway\":\"192.0.2.254\",\"source\":null}");

	(void)state;
	assert_string_equal(
		text, "it goes.\n\n"
		      "  address    192.0.2.1\n"
		      "  route      via 192.0.2.254 dev eth0 table main\n");
	free(text);
}

static void an_explanation_names_rule_list_and_slot(void **state)
{
	char *text =
		printed(report_explanation,
			"{\"reason\":\"r\",\"name\":\"a.example\","
			"\"address\":\"198.18.0.3\",\"fake\":true,\"slot\":3,"
			"\"outbound\":\"proxy\",\"rule\":\"RULE-SET,l,proxy\","
			"\"file\":\"e.yaml\",\"line\":7,\"list_file\":\"l\","
			"\"list_line\":9,\"device\":\"ersatz0\",\"table\":196,"
			"\"gateway\":null,\"source\":\"198.18.0.1\"}");

	(void)state;
	assert_string_equal(
		text, "r\n\n"
		      "  name       a.example\n"
		      "  address    198.18.0.3 (fake)\n"
		      "  slot       3\n"
		      "  outbound   proxy\n"
		      "  rule       RULE-SET,l,proxy\n"
		      "  in         e.yaml:7\n"
		      "  list       l:9\n"
		      "  route      dev ersatz0 table 196 src 198.18.0.1\n");
	free(text);
}

/* As many of the lines as there are. */
static char *table(const char *const lines[], size_t count)
{
	struct report_flows flows;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(report_flows_init(&flows), 0);
	for (size_t i = 0; i < count; i++) {
		struct json *line = json_parse(lines[i], strlen(lines[i]));

		assert_non_null(line);
		report_flows_add(&flows, line);
		json_free(line);
	}
	report_flows_print(&flows, out);
	report_flows_fini(&flows);
	fclose(out);
	return text;
}

static void flows_are_an_aligned_table(void **state)
{
	static const char *const lines[] = {
		"{\"src\":\"198.18.0.1:40000\",\"dst\":\"198.18.0.3:443\","
		"\"name\":\"example.com\",\"outbound\":\"proxy\","
		"\"state\":\"open\",\"up\":1536,\"down\":7}",
		"{\"src\":\"[2001:2::1]:9\",\"dst\":\"192.0.2.9:22\","
		"\"name\":null,\"outbound\":\"DIRECT\",\"state\":\"entering\","
		"\"up\":0,\"down\":0}",
	};
	char *text = table(lines, ARRAY_LEN(lines));

	(void)state;
	assert_string_equal(
		text,
		"FROM              TO               BY      STATE          UP"
		"  DOWN\n"
		"198.18.0.1:40000  example.com:443  proxy   open      1.5 KiB"
		"   7 B\n"
		"[2001:2::1]:9     192.0.2.9:22     DIRECT  entering      0 B"
		"   0 B\n");
	free(text);
}

/* Columns are there for who has something in them. */
static void flows_have_ids_and_devices_their_cards(void **state)
{
	static const char *const lines[] = {
		"{\"id\":\"00c0ffee\",\"src\":\"10.77.0.2:9\","
		"\"mac\":\"02:42:ac:11:00:02\",\"dst\":\"192.0.2.9:22\","
		"\"outbound\":\"DIRECT\",\"state\":\"open\"}",
		"{\"id\":\"1d7c02ba\",\"src\":\"198.18.0.1:4\",\"mac\":null,"
		"\"dst\":\"192.0.2.9:22\",\"outbound\":\"DIRECT\","
		"\"state\":\"open\"}",
	};
	char *text = table(lines, ARRAY_LEN(lines));

	(void)state;
	assert_string_equal(
		text,
		"ID        FROM          MAC                TO            "
		"BY      STATE   UP  DOWN\n"
		"00c0ffee  10.77.0.2:9   02:42:ac:11:00:02  192.0.2.9:22"
		"  DIRECT  open   0 B   0 B\n"
		"1d7c02ba  198.18.0.1:4                     192.0.2.9:22"
		"  DIRECT  open   0 B   0 B\n");
	free(text);
}

static void no_flows_are_a_sentence(void **state)
{
	char *text = table(NULL, 0);

	(void)state;
	assert_string_equal(text, "no flows: nothing is carried now\n");
	free(text);
}

static void assert_recovery(const struct recover_report *report, int ended,
			    const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	report_recovery(report, ended, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void a_recovery_names_what_it_did_and_nothing_else(void **state)
{
	const struct recover_report nothing = {0};
	const struct recover_report all = {
		.rules = 12, .routes = 18, .links = 1, .resolver = 1};
	const struct recover_report resolver = {.resolver = 1};

	(void)state;
	assert_recovery(&nothing, 0, "nothing was left behind\n");
	/* The kernel cannot end connections: that is logged elsewhere. */
	assert_recovery(&nothing, -1, "nothing was left behind\n");
	assert_recovery(&all, 2,
			"removed: 12 rules, 18 routes, 1 device\n"
			"given back: '/etc/resolv.conf'\n"
			"ended: 2 connections that had the TUN's address\n");
	assert_recovery(&resolver, 0, "given back: '/etc/resolv.conf'\n");
}

static void a_recovery_is_one_object_for_programs(void **state)
{
	const struct recover_report report = {
		.rules = 12, .routes = 18, .links = 1, .resolver = 1};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	report_recovery_json(&report, -1, out);
	fclose(out);
	assert_string_equal(text, "{\"kept\":false,\"rules\":12,\"routes\":18,"
				  "\"links\":1,\"tables\":0,\"resolver\":true,"
				  "\"connections\":0}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_have_the_unit_that_people_read),
		cmocka_unit_test(
			a_status_is_grouped_and_without_zeros_of_no_interest),
		cmocka_unit_test(a_status_tells_why_the_kernel_does_not_carry),
		cmocka_unit_test(a_status_names_what_is_not_as_usual),
		cmocka_unit_test(
			an_explanation_tells_no_rule_where_the_kernel_decides),
		cmocka_unit_test(an_explanation_names_rule_list_and_slot),
		cmocka_unit_test(flows_are_an_aligned_table),
		cmocka_unit_test(flows_have_ids_and_devices_their_cards),
		cmocka_unit_test(no_flows_are_a_sentence),
		cmocka_unit_test(a_recovery_names_what_it_did_and_nothing_else),
		cmocka_unit_test(a_recovery_is_one_object_for_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
