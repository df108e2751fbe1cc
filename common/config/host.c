// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"
#include "common/idn.h"

#include <errno.h>
#include <string.h>

#define NAME_EXPECTED                                                       \
	"expected a name such as nas.lan, *.lan for those one label below " \
	"it, .lan for all below, or +.lan for those and itself"

/* Takes the pattern's mark off the front; what it stands for. */
static uint8_t match_of(const char **text)
{
	if (!strncmp(*text, "*.", 2)) {
		*text += 2;
		return HOST_CHILD;
	}
	if (!strncmp(*text, "+.", 2)) {
		*text += 2;
		return HOST_ITSELF | HOST_BELOW;
	}
	if (**text == '.' && (*text)[1]) {
		(*text)++;
		return HOST_BELOW;
	}
	return HOST_ITSELF;
}

int config_hosts_each(const struct schema_call *call, void *object)
{
	const char *written = call->place->text, *text = written;
	struct arena *arena = call->walk->arena;
	struct config *config = object;
	struct host_conf *host = arena_array(arena, 1, sizeof(*host));
	char ascii[NAME_TEXT_SIZE];

	if (!host)
		return -ENOMEM;
	*host = (struct host_conf){
		.text = arena_text(arena, written, strlen(written)),
		.line = call->place->line,
	};
	if (!host->text)
		return -ENOMEM;
	host->match = match_of(&text);
	if (idn_to_ascii(text, ascii, sizeof(ascii)) < 0 ||
	    strpbrk(ascii, "*+") || name_parse(&host->name, ascii) < 0)
		return schema_error(call, "'%.200s' is no name, " NAME_EXPECTED,
				    written);
	if (config->hosts)
		config->hosts_end->next = host;
	else
		config->hosts = host;
	config->hosts_end = host;
	return 0;
}

static int parse_host_address(const struct schema_call *call, void *target,
			      const char *text)
{
	struct config *config = call->walk->root;
	struct host_addr *one = arena_array(call->walk->arena, 1, sizeof(*one));
	struct host_addr **end;
	int ret;

	(void)target;
	if (!one)
		return -ENOMEM;
	*one = (struct host_addr){.next = NULL};
	ret = addr_parse(&one->addr, text);
	/* The name may have been wrong, which was told. */
	if (ret < 0 || !config->hosts_end)
		return ret;
	end = &config->hosts_end->addrs;
	while (*end)
		end = &(*end)->next;
	*end = one;
	return 0;
}

const struct schema_type config_host_address = {
	.expected = "an address such as 192.168.1.5, or a list of them",
	.parse = parse_host_address,
	.json = "\"type\": \"string\", "
		"\"pattern\": \"^[0-9a-fA-F:.]+$\"",
};

void config_print_hosts(const void *root, FILE *out)
{
	const struct config *config = root;
	char text[ADDR_TEXT_SIZE];

	fprintf(out, "hosts:%s\n", config->hosts ? "" : " {}");
	for (const struct host_conf *host = config->hosts; host;
	     host = host->next) {
		fprintf(out, "  \"%s\": [", host->text);
		for (const struct host_addr *one = host->addrs; one;
		     one = one->next)
			fprintf(out, "\"%s\"%s",
				addr_format(&one->addr, text, sizeof(text)),
				one->next ? ", " : "");
		fputs("]\n", out);
	}
}

static int parse_hosts_file(const struct schema_call *call, void *target,
			    const char *text)
{
	const char *none = NULL;

	if (strcmp(text, "off") != 0)
		return schema_path.parse(call, target, text);
	memcpy(target, &none, sizeof(none));
	return 0;
}

static const char *format_hosts_file(const struct schema_key *key,
				     const void *root, const void *target,
				     char *out)
{
	const char *path;

	memcpy(&path, target, sizeof(path));
	return path ? schema_path.format(key, root, target, out) : "off";
}

const struct schema_type config_hosts_file = {
	.expected = "an absolute path, or off",
	.size = sizeof(const char *),
	.parse = parse_hosts_file,
	.format = format_hosts_file,
	.json = "\"type\": [\"string\", \"boolean\"], "
		"\"pattern\": \"^(off|/.+)$\"",
};

/* Nobody could tell it from the address of another name. */
void config_check_hosts(struct schema_walk *walk)
{
	const struct config *config = walk->root;
	char text[ADDR_TEXT_SIZE];

	for (const struct host_conf *host = config->hosts; host;
	     host = host->next) {
		for (const struct host_addr *one = host->addrs; one;
		     one = one->next) {
			if (!fake_pool_has(&config->dnsd.fake, &one->addr))
				continue;
			diag_error(walk->diag, walk->file, host->line, 0,
				   "the address '%s' of host '%s' is inside "
				   "the fake pool, expected another",
				   addr_format(&one->addr, text, sizeof(text)),
				   host->text);
		}
	}
}
