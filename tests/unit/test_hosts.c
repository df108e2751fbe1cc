// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/hosts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NAMES 5000

static struct {
	char path[64];
	struct hosts *hosts;
	struct config *config;
} t;

static void write_file(const char *text)
{
	FILE *out = fopen(t.path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void load(const char *more)
{
	char text[2048];
	struct diag diag;

	config_free(t.config);
	t.config = NULL;
	snprintf(text, sizeof(text),
		 "rules: [\"MATCH,DIRECT\"]\ndnsd: {hosts-file: \"%s\"}\n%s",
		 t.path, more);
	diag_init(&diag);
	if (config_load(&t.config, text, strlen(text), "x.yaml", &diag) < 0)
		fail_msg("%s", diag.lines[0]);
	diag_fini(&diag);
	assert_int_equal(hosts_load(t.hosts, t.config), 0);
}

/* "192.0.2.1 2001:db8::1" of a name, or "-". */
static void assert_has(const char *text, const char *expected)
{
	struct addr addrs[HOSTS_ADDRS_MAX];
	char got[512] = "", word[ADDR_TEXT_SIZE];
	struct name name;
	int64_t entry;

	assert_int_equal(name_parse(&name, text), 0);
	entry = hosts_find(t.hosts, &name);
	for (int i = 0; entry >= 0 && i < 2; i++) {
		size_t count = hosts_addresses(t.hosts, entry,
					       i ? ADDR_IPV6 : ADDR_IPV4, addrs,
					       HOSTS_ADDRS_MAX);

		for (size_t k = 0; k < count; k++) {
			strcat(got, *got ? " " : "");
			strcat(got, addr_format(&addrs[k], word, sizeof(word)));
		}
	}
	assert_string_equal(entry < 0 ? "-" : got, expected);
}

static void assert_named(const char *address, const char *expected)
{
	char text[NAME_TEXT_SIZE] = "-";
	struct addr addr;
	struct name name;

	assert_int_equal(addr_parse(&addr, address), 0);
	if (hosts_name(t.hosts, &addr, &name) >= 0)
		name_format(&name, text, sizeof(text));
	assert_string_equal(text, expected);
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	memset(&t, 0, sizeof(t));
	strcpy(t.path, "/tmp/test_hosts.XXXXXX");
	fd = mkstemp(t.path);
	if (fd < 0)
		return -1;
	close(fd);
	return hosts_new(&t.hosts);
}

static int tear_down(void **state)
{
	(void)state;
	unlink(t.path);
	hosts_free(t.hosts);
	config_free(t.config);
	return 0;
}

static void the_file_is_read_as_everybody_does(void **state)
{
	char where[80];
	struct name name;

	(void)state;
	write_file("# a comment\n"
		   "127.0.0.1\tlocalhost\n"
		   "192.0.2.1  NAS.lan nas # disk\n"
		   "2001:db8::1 nas.lan\n"
		   "192.0.2.2 nas.lan\r\n"
		   "not an address\n"
		   "fe80::1%lo0 zone.lan\n"
		   "192.0.2.9\n"
		   "192.0.2.3 bad..name good.lan");
	load("");
	assert_has("nas.lan", "192.0.2.1 192.0.2.2 2001:db8::1");
	assert_has("Nas", "192.0.2.1");
	assert_has("good.lan", "192.0.2.3");
	assert_has("zone.lan", "-");
	assert_has("a.nas.lan", "-");
	assert_has("lan", "-");
	assert_named("192.0.2.1", "nas.lan");
	assert_named("2001:db8::1", "nas.lan");
	assert_named("192.0.2.9", "-");
	assert_int_equal(hosts_count(t.hosts), 4);
	assert_int_equal(name_parse(&name, "nas.lan"), 0);
	hosts_where(t.hosts, hosts_find(t.hosts, &name), where, sizeof(where));
	assert_non_null(strstr(where, ":3"));
	assert_non_null(strstr(where, t.path));
}

/* What is left for another host of the addresses of IPv4. */
static size_t count_for_others(const char *text)
{
	struct addr addrs[HOSTS_ADDRS_MAX];
	struct name name;
	int64_t entry;
	size_t count;

	assert_int_equal(name_parse(&name, text), 0);
	entry = hosts_find(t.hosts, &name);
	assert_true(entry >= 0);
	count = hosts_addresses(t.hosts, entry, ADDR_IPV4, addrs,
				HOSTS_ADDRS_MAX);
	count = hosts_for_others(t.hosts, entry, addrs, count);
	for (size_t i = 0; i < count; i++)
		assert_true(addrs[i].family == ADDR_IPV4);
	return count;
}

static void loopback_addresses_of_the_file_are_for_this_host(void **state)
{
	(void)state;
	write_file("127.0.0.1 localhost a.localhost\n"
		   "127.0.1.1 laptop.lan laptop notlocalhost\n"
		   "127.0.0.1 both.lan\n"
		   "192.0.2.1 both.lan\n");
	load("hosts: {written.lan: 127.0.0.2}\n");
	assert_has("laptop.lan", "127.0.1.1");
	assert_int_equal(count_for_others("laptop.lan"), 0);
	assert_int_equal(count_for_others("laptop"), 0);
	assert_int_equal(count_for_others("notlocalhost"), 0);
	assert_int_equal(count_for_others("both.lan"), 1);
	assert_int_equal(count_for_others("localhost"), 1);
	assert_int_equal(count_for_others("a.localhost"), 1);
	assert_int_equal(count_for_others("written.lan"), 1);
}

static void aliases_lead_there_and_the_first_name_back(void **state)
{
	(void)state;
	write_file("192.0.2.1 nas.example nas storage.example\n"
		   "2001:db8::1 nas.example nas\n"
		   "192.0.2.1 later.example\n");
	load("");
	assert_has("nas", "192.0.2.1 2001:db8::1");
	assert_has("storage.example", "192.0.2.1");
	assert_has("later.example", "192.0.2.1");
	assert_named("192.0.2.1", "nas.example");
	assert_named("2001:db8::1", "nas.example");
}

static void the_configuration_hides_the_file(void **state)
{
	(void)state;
	write_file("192.0.2.1 a.lan\n192.0.2.2 b.lan\n");
	load("hosts:\n"
	     "  a.lan: [192.0.2.8, \"2001:db8::8\"]\n"
	     "  \"*.one.lan\": 192.0.2.20\n"
	     "  \".deep.lan\": 192.0.2.21\n"
	     "  \"+.all.lan\": 192.0.2.22\n"
	     "  \"x.all.lan\": 192.0.2.23\n"
	     "  \"b\xc3\xbc"
	     "cher.lan\": 192.0.2.24\n");
	assert_has("a.lan", "192.0.2.8 2001:db8::8");
	assert_has("b.lan", "192.0.2.2");
	assert_has("x.one.lan", "192.0.2.20");
	assert_has("one.lan", "-");
	assert_has("y.x.one.lan", "-");
	assert_has("y.x.deep.lan", "192.0.2.21");
	assert_has("x.deep.lan", "192.0.2.21");
	assert_has("deep.lan", "-");
	assert_has("all.lan", "192.0.2.22");
	assert_has("a.b.all.lan", "192.0.2.22");
	assert_has("x.all.lan", "192.0.2.23");
	assert_has("xn--bcher-kva.lan", "192.0.2.24");
	assert_named("192.0.2.20", "-");
	assert_named("192.0.2.8", "a.lan");
}

static void many_names_are_found_and_none_is_left_over(void **state)
{
	char text[64], expected[64];
	FILE *out = fopen(t.path, "w");

	(void)state;
	assert_non_null(out);
	for (unsigned i = 0; i < NAMES; i++)
		fprintf(out, "10.1.%u.%u host%u.lan\n", i / 250, i % 250, i);
	fclose(out);
	load("");
	assert_int_equal(hosts_count(t.hosts), NAMES);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(text, sizeof(text), "host%u.lan", i);
		snprintf(expected, sizeof(expected), "10.1.%u.%u", i / 250,
			 i % 250);
		assert_has(text, expected);
		assert_named(expected, text);
	}
	assert_has("host5000.lan", "-");
	unlink(t.path);
	assert_int_equal(hosts_load(t.hosts, t.config), 0);
	assert_int_equal(hosts_count(t.hosts), 0);
	assert_has("host1.lan", "-");
}

static void what_cannot_be_read_leaves_what_was(void **state)
{
	struct hosts *none;

	(void)state;
	write_file("192.0.2.1 a.lan\n");
	load("");
	unlink(t.path);
	assert_int_equal(symlink(t.path, t.path), 0);
	assert_int_equal(hosts_load(t.hosts, t.config), -ELOOP);
	assert_has("a.lan", "192.0.2.1");
	assert_int_equal(hosts_new(&none), 0);
	assert_int_equal(hosts_count(none), 0);
	hosts_free(none);
	hosts_free(NULL);
}

int main(void)
{
#define TEST(claim) cmocka_unit_test_setup_teardown(claim, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_file_is_read_as_everybody_does),
		TEST(loopback_addresses_of_the_file_are_for_this_host),
		TEST(aliases_lead_there_and_the_first_name_back),
		TEST(the_configuration_hides_the_file),
		TEST(many_names_are_found_and_none_is_left_over),
		TEST(what_cannot_be_read_leaves_what_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
