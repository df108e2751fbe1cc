// SPDX-License-Identifier: BSD-2-Clause
/*
 * GEOIP, IP-ASN and GEOSITE, by small databases that are written here.
 */
#include "tests/unit/fixture_rules.h"
#include "tests/unit/mmdb_fixture.h"

#include "common/err.h"
#include "common/rules/geosite.h"

/* Rules out of lines, with the files of the folder as databases. */
static struct rules *rules_with(const struct folder *folder, const char *text,
				struct diag *diag)
{
	static char country[128], asn[128], site[128];
	const struct rules_geo geo = {country, asn, site};
	struct rules *rules = rules_new();
	struct rule_place place = {.diag = diag, .file = "rules.yaml"};
	char copy[1024], *save = NULL;

	assert_non_null(rules);
	diag_init(diag);
	strcpy(country, folder_file(folder, "country.mmdb"));
	strcpy(asn, folder_file(folder, "asn.mmdb"));
	strcpy(site, folder_file(folder, "geosite.dat"));
	rules_set_geo(rules, &geo);
	strcpy(copy, text);
	for (const char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		place.line++;
		if (rules_add(rules, line, &fixture_names, &place) < 0)
			assert_true(diag->errors > 0);
	}
	if (rules_finish(rules, diag) < 0)
		assert_true(diag->errors > 0);
	return rules;
}

static struct rules *sealed(const struct folder *folder, const char *text)
{
	struct diag diag;
	struct rules *rules = rules_with(folder, text, &diag);

	if (diag.errors > 0)
		fail_msg("%s", diag.lines[0]);
	diag_fini(&diag);
	assert_int_equal(rules_seal(rules), 0);
	return rules;
}

static int outbound_of(const struct rules *rules, const char *address)
{
	struct verdict verdict = ask_address(rules, NULL, address);

	return verdict.kind == VERDICT_MATCH ? verdict.outbound : -1;
}

#ifdef HAVE_MAXMINDDB
static const struct mmdb_row countries[] = {
	{"1.0.0.0/24", MMDB_COUNTRY, "CN"},
	{"1.0.1.0/24", MMDB_COUNTRY, "JP"},
	{"203.0.113.0/24", MMDB_COUNTRY, "CN"},
	{"2001:db8::/32", MMDB_COUNTRY, "CN"},
	{"9.0.0.0/8", MMDB_WORD, "netflix"},
	{"10.9.0.0/16", MMDB_WORDS, "google"},
};

static const struct mmdb_row networks[] = {
	{"192.0.2.0/24", MMDB_ASN, "64496"},
	{"198.51.100.0/24", MMDB_ASN, "64497"},
};

static void country_is_that_of_the_database(void **state)
{
	static const unsigned bits[] = {32, 128};
	struct folder folder;

	(void)state;
	folder_open(&folder);
	for (size_t i = 0; i < 2; i++) {
		struct rules *rules;

		/* One for IPv4 only has no row of IPv6. */
		mmdb_write(folder_file(&folder, "country.mmdb"), bits[i],
			   countries, bits[i] == 32 ? 3 : 6);
		rules = sealed(&folder, "GEOIP,jp,backup\n"
					"GEOIP,CN,proxy,no-resolve\n");
		assert_int_equal(outbound_of(rules, "1.0.0.77"), PROXY);
		assert_int_equal(outbound_of(rules, "1.0.1.77"), BACKUP);
		assert_int_equal(outbound_of(rules, "1.0.2.77"), -1);
		assert_int_equal(outbound_of(rules, "203.0.113.1"), PROXY);
		assert_int_equal(outbound_of(rules, "2001:db8::1"),
				 bits[i] == 32 ? -1 : PROXY);
		/* The alias of 1.0.0.0/24 in 6to4 is none of the rows. */
		assert_int_equal(outbound_of(rules, "2002:100:1::"), -1);
		assert_int_equal(ask_name(rules, "a.example").kind,
				 VERDICT_NEEDS_ADDRESS);
		rules_free(rules);
	}
	folder_close(&folder, "country.mmdb", NULL);
}

static void databases_of_words_are_known(void **state)
{
	struct folder folder;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	mmdb_write(folder_file(&folder, "country.mmdb"), 128, countries, 6);
	rules = sealed(&folder, "GEOIP,netflix,proxy\nGEOIP,google,backup\n"
				"GEOIP,extra,campus\n");
	assert_int_equal(outbound_of(rules, "9.1.2.3"), PROXY);
	assert_int_equal(outbound_of(rules, "10.9.1.1"), BACKUP);
	assert_int_equal(rules_file_count(rules), 1);
	assert_int_equal(rules_file_at(rules, 0).entries, 3);
	rules_free(rules);
	folder_close(&folder, "country.mmdb", NULL);
}

/* Those that people have, in the layouts of their vendors. */
static void each_layout_of_a_country_is_known(void **state)
{
	static const enum mmdb_data layouts[] = {
		MMDB_COUNTRY, MMDB_COUNTRY_FULL, MMDB_COUNTRY_TEXT,
		MMDB_LITE,    MMDB_WORD,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		const struct mmdb_row rows[] = {
			{"192.0.2.0/24", layouts[i], "CN"},
			{"198.51.100.0/24", layouts[i], "JP"},
			{"2001:db8::/32", layouts[i], "CN"},
		};
		struct folder folder;
		struct rules *rules;

		folder_open(&folder);
		mmdb_write(folder_file(&folder, "country.mmdb"), 128, rows,
			   ARRAY_LEN(rows));
		rules = sealed(&folder, "GEOIP,CN,proxy\nGEOIP,jp,backup\n"
					"GEOIP,AS,campus\nGEOIP,ZZ,campus\n"
					"GEOIP,Nowhere,campus\n");
		assert_int_equal(outbound_of(rules, "192.0.2.1"), PROXY);
		assert_int_equal(outbound_of(rules, "198.51.100.1"), BACKUP);
		assert_int_equal(outbound_of(rules, "2001:db8::1"), PROXY);
		assert_int_equal(outbound_of(rules, "203.0.113.1"), -1);
		rules_free(rules);
		folder_close(&folder, "country.mmdb", NULL);
	}
}

static void each_layout_of_a_network_is_known(void **state)
{
	static const struct mmdb_row rows[] = {
		{"192.0.2.0/24", MMDB_ASN, "4200000000"},
		{"198.51.100.0/24", MMDB_ASN_TEXT, "AS64497"},
		{"203.0.113.0/24", MMDB_ASN_16, "64498"},
	};
	struct folder folder;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	mmdb_write(folder_file(&folder, "asn.mmdb"), 32, rows, ARRAY_LEN(rows));
	rules = sealed(&folder, "IP-ASN,4200000000,proxy\n"
				"IP-ASN,64497,backup\nIP-ASN,64498,campus\n");
	assert_int_equal(outbound_of(rules, "192.0.2.1"), PROXY);
	assert_int_equal(outbound_of(rules, "198.51.100.1"), BACKUP);
	assert_int_equal(outbound_of(rules, "203.0.113.1"), CAMPUS);
	rules_free(rules);
	folder_close(&folder, "asn.mmdb", NULL);
}

static void network_is_that_of_the_database(void **state)
{
	struct folder folder;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	mmdb_write(folder_file(&folder, "asn.mmdb"), 128, networks, 2);
	rules = sealed(&folder, "IP-ASN,64497,proxy\n"
				"AND,((IP-ASN,64496),(NETWORK,udp)),backup\n"
				"SRC-IP-ASN,64496,campus\n");
	assert_int_equal(outbound_of(rules, "198.51.100.1"), PROXY);
	assert_int_equal(
		ask_flow(rules, NULL, "192.0.2.1", NETWORK_UDP, 1).outbound,
		BACKUP);
	assert_int_equal(
		ask_flow(rules, NULL, "192.0.2.1", NETWORK_TCP, 1).kind,
		VERDICT_NO_RULE);
	rules_free(rules);
	folder_close(&folder, "asn.mmdb", NULL);
}

static void code_that_is_not_there_is_a_warning(void **state)
{
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	mmdb_write(folder_file(&folder, "country.mmdb"), 32, countries, 3);
	rules = rules_with(&folder, "GEOIP,UK,proxy\n", &diag);
	assert_int_equal(diag.errors, 0);
	assert_int_equal(diag.warnings, 1);
	assert_non_null(strstr(diag.lines[0], "has nothing for 'UK'"));
	diag_fini(&diag);
	rules_free(rules);
	folder_close(&folder, "country.mmdb", NULL);
}

static void broken_database_is_an_error_of_its_first_rule(void **state)
{
	static const char *const bytes[] = {"", "no database",
					    "\xab\xcd\xefMaxMind.com\xe0"};
	struct folder folder;

	(void)state;
	folder_open(&folder);
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		struct diag diag;
		struct rules *rules;

		folder_write(&folder, "country.mmdb", bytes[i],
			     strlen(bytes[i]));
		rules = rules_with(&folder,
				   "DOMAIN,a.example,proxy\n"
				   "GEOIP,CN,proxy\n"
				   "GEOIP,JP,proxy\n",
				   &diag);
		assert_int_equal(diag.errors, 1);
		assert_non_null(strstr(diag.lines[0], "rules.yaml:2: cannot "));
		assert_int_equal(rules_seal(rules), ERR_CONFIG);
		diag_fini(&diag);
		rules_free(rules);
	}
	folder_close(&folder, "country.mmdb", NULL);
}
#endif

static void private_needs_no_database(void **state)
{
	struct rules *rules = rules_of("GEOIP,private,proxy,no-resolve\n"
				       "GEOIP,LAN,backup,src\n");
	struct facts facts = {.is_final = true};

	(void)state;
	assert_int_equal(outbound_of(rules, "192.168.1.1"), PROXY);
	assert_int_equal(outbound_of(rules, "fd00::1"), PROXY);
	assert_int_equal(outbound_of(rules, "8.8.8.8"), -1);
	facts.src = addr_ipv4(0x0a000001);
	assert_int_equal(rules_decide(rules, &facts).outbound, BACKUP);
	rules_free(rules);
}

/* A message in the making. */
struct message {
	uint8_t at[1024];
	size_t size;
};

static void put_bytes(struct message *message, unsigned field, const void *at,
		      size_t size)
{
	assert_true(size < 0x4000);
	message->at[message->size++] = (uint8_t)(field << 3 | 2);
	message->at[message->size++] = (uint8_t)(size & 0x7f) | 0x80;
	message->at[message->size++] = (uint8_t)(size >> 7);
	memcpy(message->at + message->size, at, size);
	message->size += size;
}

static void put_domain(struct message *list, enum geosite_type type,
		       const char *value, const char *attribute)
{
	struct message domain = {.size = 0}, key = {.size = 0};

	domain.at[domain.size++] = 1 << 3;
	domain.at[domain.size++] = (uint8_t)type;
	put_bytes(&domain, 2, value, strlen(value));
	if (attribute) {
		put_bytes(&key, 1, attribute, strlen(attribute));
		key.at[key.size++] = 2 << 3;
		key.at[key.size++] = 1;
		put_bytes(&domain, 3, key.at, key.size);
	}
	put_bytes(list, 2, domain.at, domain.size);
}

static void make_file(struct message *file)
{
	struct message cn = {.size = 0}, shop = {.size = 0};

	*file = (struct message){.size = 0};
	put_bytes(&cn, 1, "CN", 2);
	put_domain(&cn, GEOSITE_SUFFIX, "cn.example", NULL);
	put_domain(&cn, GEOSITE_FULL, "full.example", NULL);
	put_domain(&cn, GEOSITE_KEYWORD, "chinese", NULL);
	put_bytes(file, 1, cn.at, cn.size);
	put_bytes(&shop, 1, "SHOP", 4);
	put_domain(&shop, GEOSITE_SUFFIX, "shop.example", NULL);
	put_domain(&shop, GEOSITE_SUFFIX, "shop-cn.example", "cn");
	put_bytes(file, 1, shop.at, shop.size);
}

static void geosite_lists_are_those_of_the_file(void **state)
{
	struct message file;
	struct folder folder;
	struct rules *rules;
	struct verdict verdict;

	(void)state;
	folder_open(&folder);
	make_file(&file);
	folder_write(&folder, "geosite.dat", file.at, file.size);
	rules = sealed(&folder, "GEOSITE,shop@cn,backup\n"
				"GEOSITE,Shop,proxy\n"
				"GEOSITE,cn,DIRECT\n"
				"GEOSITE,!cn,campus\n");
	assert_int_equal(ask_name(rules, "a.shop-cn.example").outbound, BACKUP);
	assert_int_equal(ask_name(rules, "a.shop.example").outbound, PROXY);
	assert_int_equal(ask_name(rules, "a.cn.example").outbound,
			 OUTBOUND_DIRECT);
	assert_int_equal(ask_name(rules, "a.full.example").outbound, CAMPUS);
	verdict = ask_name(rules, "my-chinese.example");
	assert_int_equal(verdict.outbound, OUTBOUND_DIRECT);
	assert_int_equal(verdict.list_line, 3);
	assert_non_null(strstr(verdict.list_file, "/geosite.dat(cn)"));
	assert_int_equal(rules_file_at(rules, 0).entries, 1);
	assert_int_equal(rules_file_at(rules, 0).path_length,
			 strlen(folder_file(&folder, "geosite.dat")));
	rules_free(rules);
	folder_close(&folder, "geosite.dat", NULL);
}

static void geosite_list_that_is_not_there_is_an_error(void **state)
{
	struct message file;
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	make_file(&file);
	folder_write(&folder, "geosite.dat", file.at, file.size);
	rules = rules_with(&folder, "GEOSITE,nowhere,proxy\n", &diag);
	assert_int_equal(diag.errors, 1);
	assert_non_null(strstr(diag.lines[0], "there is no list 'nowhere'"));
	diag_fini(&diag);
	rules_free(rules);
	folder_close(&folder, "geosite.dat", NULL);
}

static unsigned count_domains(struct geosite_bytes all)
{
	struct geosite_bytes list;
	struct geosite_domain domain;
	unsigned count = 0;

	if (geosite_find(all, "shop", &list) != 0)
		return 0;
	while (geosite_next(&list, &domain) == 1 && count < 100) {
		(void)geosite_has(&domain, "cn", 2);
		count++;
	}
	return count;
}

/* Cut short anywhere, or with any byte changed: an error, or a list. */
static void broken_geosite_is_read_within_its_bounds(void **state)
{
	struct message file, broken;

	(void)state;
	make_file(&file);
	for (size_t i = 0; i < 4 * file.size; i++) {
		struct geosite_bytes all;
		uint8_t *exact;

		broken = file;
		if (i < file.size)
			broken.size = i;
		else
			broken.at[i % file.size] ^= (uint8_t)(1U << i % 7);
		exact = malloc(broken.size + 1);
		assert_non_null(exact);
		memcpy(exact, broken.at, broken.size);
		all = (struct geosite_bytes){exact, broken.size};
		assert_true(count_domains(all) < 100);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_MAXMINDDB
		cmocka_unit_test(country_is_that_of_the_database),
		cmocka_unit_test(databases_of_words_are_known),
		cmocka_unit_test(each_layout_of_a_country_is_known),
		cmocka_unit_test(each_layout_of_a_network_is_known),
		cmocka_unit_test(network_is_that_of_the_database),
		cmocka_unit_test(code_that_is_not_there_is_a_warning),
		cmocka_unit_test(broken_database_is_an_error_of_its_first_rule),
#endif
		cmocka_unit_test(private_needs_no_database),
		cmocka_unit_test(geosite_lists_are_those_of_the_file),
		cmocka_unit_test(geosite_list_that_is_not_there_is_an_error),
		cmocka_unit_test(broken_geosite_is_read_within_its_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
