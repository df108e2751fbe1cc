// SPDX-License-Identifier: BSD-2-Clause
/*
 * A list of a rule set in each of its forms, which the first byte chooses, or
 * leaves to be recognised; and geosite.dat.  Then a name and an address are
 * asked for.
 */
#include "common/rules.h"
#include "common/rules/form.h"
#include "tests/fuzz/fuzz.h"

static void add(struct rules *rules, const char *text,
		const struct rule_place *place)
{
	static const char *const outbounds[] = {NULL};
	static const char *const upstreams[] = {NULL};
	const struct rules_names names = {outbounds, upstreams};

	fuzz_require(rules_add(rules, text, &names, place) <= 0);
}

static void ask(const struct rules *rules)
{
	struct name name;
	struct facts facts = {.name = &name, .is_final = true};

	fuzz_require(name_parse(&name, "www.example.com") == 0);
	(void)rules_decide(rules, &facts);
	facts.name = NULL;
	facts.dst = (struct addr){.family = ADDR_IPV4, .bytes = {192, 0, 2, 1}};
	(void)rules_decide(rules, &facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t kind = fuzz_byte(&data, &size);
	struct rules *rules = rules_new();
	struct diag diag;
	struct rule_place place = {.diag = &diag, .file = "/f", .line = 1};
	const char *path = fuzz_file(data, size);
	struct rule_set_conf set = {.name = "a", .path = path, .line = 1};
	const struct rules_geo geo = {.site = path};

	fuzz_require(rules);
	diag_init(&diag);
	set.format = kind % (FORM_YAML + 1);
	if (set.format == FORM_DOMAIN || set.format == FORM_IPCIDR ||
	    set.format == FORM_CLASSICAL) {
		set.behavior = set.format;
		set.format = kind & 16 ? FORM_YAML : FORM_TEXT;
	}
	rules_set_sets(rules, &set, 1);
	rules_set_geo(rules, &geo);
	if (kind & 128)
		add(rules, "GEOSITE,cn@ads,REJECT", &place);
	else
		add(rules, "RULE-SET,a,REJECT", &place);
	add(rules, "MATCH,DIRECT", &place);
	fuzz_require(rules_finish(rules, &diag) <= 0);
	if (rules_seal(rules) == 0)
		ask(rules);
	else
		fuzz_require(diag.errors > 0);
	rules_free(rules);
	diag_fini(&diag);
	return 0;
}
