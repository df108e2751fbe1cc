// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/resolvconf.h"

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

static int parse(struct resolvconf *conf, const char *text)
{
	return resolvconf_parse(conf, text, strlen(text));
}

static void assert_server(const struct resolvconf *conf, size_t index,
			  const char *text)
{
	char out[ADDR_TEXT_SIZE];
	assert_true(index < conf->count);
	assert_string_equal(
		addr_format(&conf->servers[index], out, sizeof(out)), text);
}

static void nameserver_lines_are_taken_in_order(void **state)
{
	(void)state;
	struct resolvconf conf;
	assert_int_equal(parse(&conf, "# from DHCP\n"
				      "search lan\n"
				      "nameserver 192.168.1.1\n"
				      "nameserver\t2001:db8::1  \r\n"
				      "options edns0\n"
				      "nameserver 9.9.9.9"),
			 0);
	assert_int_equal(conf.count, 3);
	assert_server(&conf, 0, "192.168.1.1");
	assert_server(&conf, 1, "2001:db8::1");
	assert_server(&conf, 2, "9.9.9.9");
}

static void what_is_no_address_is_left_out(void **state)
{
	(void)state;
	struct resolvconf conf;
	assert_int_equal(parse(&conf, "nameserver\n"
				      "nameserver \n"
				      "nameserver dns.example\n"
				      "nameserver fe80::1%eth0\n"
				      "nameservers 1.1.1.1\n"
				      " nameserver 1.1.1.1\n"
				      "#nameserver 1.1.1.1\n"
				      "nameserver 8.8.8.8 # comment\n"),
			 0);
	assert_int_equal(conf.count, 1);
	assert_server(&conf, 0, "8.8.8.8");
}

static void an_address_counts_once_and_eight_are_enough(void **state)
{
	(void)state;
	struct resolvconf conf;
	char text[1024] = "nameserver 10.0.0.0\nnameserver 10.0.0.0\n";
	for (int i = 1; i < 20; i++) {
		char line[40];
		snprintf(line, sizeof(line), "nameserver 10.0.0.%d\n", i);
		strcat(text, line);
	}
	assert_int_equal(parse(&conf, text), 0);
	assert_int_equal(conf.count, RESOLVCONF_SERVERS);
	assert_server(&conf, 1, "10.0.0.1");
}

static void empty_and_binary_text_have_no_server(void **state)
{
	(void)state;
	struct resolvconf conf;
	static const char binary[] = "nameserver\0 1.1.1.1\n\0nameserver 1\n";
	assert_int_equal(parse(&conf, ""), 0);
	assert_int_equal(conf.count, 0);
	assert_int_equal(resolvconf_parse(&conf, binary, sizeof(binary) - 1),
			 0);
	assert_int_equal(conf.count, 0);
}

static void the_mark_of_routed_is_seen_in_the_first_line_only(void **state)
{
	(void)state;
	struct resolvconf conf;
	assert_int_equal(parse(&conf, RESOLVCONF_MARKER "\n"), 1);
	assert_int_equal(
		parse(&conf, RESOLVCONF_MARKER ": see\nnameserver 1\n"), 1);
	assert_int_equal(parse(&conf, "\n" RESOLVCONF_MARKER "\n"), 0);
}

struct folder {
	char path[64];
	char conf[96];
	char before[96];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));
	strcpy(folder->path, "resolvconf.XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->conf, sizeof(folder->conf), "%s/conf", folder->path);
	snprintf(folder->before, sizeof(folder->before), "%s/before",
		 folder->path);
	*state = folder;
	return 0;
}

static int drop_folder(void **state)
{
	struct folder *folder = *state;
	unlink(folder->conf);
	unlink(folder->before);
	rmdir(folder->path);
	free(folder);
	return 0;
}

/* Replaces the file as an editor does, so that it is another inode. */
static void write_file(const char *path, const char *text)
{
	char temporary[128];
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	FILE *file = fopen(temporary, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(temporary, path), 0);
}

static void a_file_is_read_again_only_when_it_changed(void **state)
{
	const struct folder *folder = *state;
	struct resolvconf conf;
	resolvconf_init(&conf, folder->conf, folder->before, NULL);

	write_file(folder->conf, "nameserver 10.0.0.1\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_server(&conf, 0, "10.0.0.1");
	assert_int_equal(resolvconf_refresh(&conf), 0);

	write_file(folder->conf, "nameserver 10.0.0.2\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_server(&conf, 0, "10.0.0.2");
}

static void after_the_take_over_the_copy_is_read(void **state)
{
	const struct folder *folder = *state;
	struct resolvconf conf;
	resolvconf_init(&conf, folder->conf, folder->before, NULL);

	write_file(folder->before, "nameserver 192.0.2.1\n");
	write_file(folder->conf, RESOLVCONF_MARKER "\nnameserver 127.0.0.1\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_int_equal(conf.count, 1);
	assert_server(&conf, 0, "192.0.2.1");

	write_file(folder->conf, "nameserver 192.0.2.2\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_server(&conf, 0, "192.0.2.2");
}

static void a_missing_file_is_told_once_and_seen_when_it_comes(void **state)
{
	const struct folder *folder = *state;
	struct resolvconf conf;
	resolvconf_init(&conf, folder->conf, folder->before, NULL);

	assert_int_equal(resolvconf_refresh(&conf), -ENOENT);
	assert_int_equal(conf.count, 0);
	assert_int_equal(resolvconf_refresh(&conf), 0);
	write_file(folder->conf, "nameserver 10.0.0.1\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_int_equal(conf.count, 1);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Only if it asks us: the stub of one that does not is a resolver as any. */
static void behind_the_stub_are_those_of_other_links(void **state)
{
	const struct fake_pool pool = fake_pool_default();
	char folder[] = "/tmp/test_resolvconf.XXXXXX";
	char path[64], before[64], resolved[64];
	struct resolvconf conf;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/conf", folder);
	snprintf(before, sizeof(before), "%s/before", folder);
	snprintf(resolved, sizeof(resolved), "%s/resolved", folder);
	resolvconf_init(&conf, path, before, &pool);
	conf.resolved = resolved;
	put(folder, "conf", "nameserver 127.0.0.53\n");
	put(folder, "resolved", "nameserver 192.168.7.1\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_int_equal(conf.count, 1);
	assert_server(&conf, 0, "127.0.0.53");
	put(folder, "resolved",
	    "nameserver 198.18.0.2\nnameserver 192.168.7.1\n"
	    "nameserver 2001:db8::1\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_int_equal(conf.count, 2);
	assert_server(&conf, 0, "192.168.7.1");
	assert_server(&conf, 1, "2001:db8::1");
	assert_int_equal(resolvconf_refresh(&conf), 0);
	/* Whoever names other resolvers too knows what he does. */
	put(folder, "conf", "nameserver 127.0.0.53\nnameserver 192.0.2.1\n");
	assert_int_equal(resolvconf_refresh(&conf), 1);
	assert_server(&conf, 0, "127.0.0.53");
	assert_server(&conf, 1, "192.0.2.1");
	unlink(path);
	unlink(resolved);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nameserver_lines_are_taken_in_order),
		cmocka_unit_test(what_is_no_address_is_left_out),
		cmocka_unit_test(an_address_counts_once_and_eight_are_enough),
		cmocka_unit_test(empty_and_binary_text_have_no_server),
		cmocka_unit_test(
			the_mark_of_routed_is_seen_in_the_first_line_only),
		cmocka_unit_test_setup_teardown(
			a_file_is_read_again_only_when_it_changed, make_folder,
			drop_folder),
		cmocka_unit_test_setup_teardown(
			after_the_take_over_the_copy_is_read, make_folder,
			drop_folder),
		cmocka_unit_test_setup_teardown(
			a_missing_file_is_told_once_and_seen_when_it_comes,
			make_folder, drop_folder),
		cmocka_unit_test(behind_the_stub_are_those_of_other_links),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
