// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"
#include "common/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTION "--proxy"
#define SOCKS_PORT 1080
#define URL_MAX 1024
#define UNIX "unix:"
#define FORMS "socks5://[USER@]HOST:PORT, http://[USER@]HOST:PORT or unix:/PATH"

static const char *const head[] = {
	"# Everything goes through one proxy, but what is private.",
	"#",
	"# This is what '--proxy' stands for.  It can be the start of a file "
	"of",
	"# your own: save it as " CONFIG_DEFAULT_FILE " and change it;",
	"# 'dnsd --check' tells of every mistake.  The manual: man 5 "
	"ersatz.yaml",
	"",
	"# Ways out, by a name of your choice.  DIRECT, REJECT, REJECT-DROP "
	"and",
	"# PASS are always there.",
	"outbounds:",
	NULL,
};

static const char *const tail[] = {
	"",
	"# Who resolves the names that are not carried.  'system' are the DNS",
	"# servers that this host had before; public ones can stand beside it:",
	"#   clean: { servers: [9.9.9.9, \"tcp://149.112.112.112\"] }",
	"upstreams:",
	"  home: { servers: [system] }",
	"",
	"# The first rule that matches a name or a connection decides.",
	"rules:",
	"  # Names that mean something in this network only.",
	"  - DOMAIN-SUFFIX,localhost,DIRECT",
	"  - DOMAIN-SUFFIX,local,DIRECT",
	"  - DOMAIN-SUFFIX,lan,DIRECT",
	"  - DOMAIN-SUFFIX,home.arpa,DIRECT",
	"  - DOMAIN-SUFFIX,internal,DIRECT",
	"  - DOMAIN-SUFFIX,localdomain,DIRECT",
	"  # Your own, for example:",
	"  # - DOMAIN-SUFFIX,example.com,DIRECT",
	"  # - DOMAIN-KEYWORD,tracker,REJECT",
	"  # - RULE-SET,lists/direct.txt,DIRECT",
	"  # Private addresses; 'no-resolve': no name is looked up for it.",
	"  - IP-CIDR,127.0.0.0/8,DIRECT,no-resolve",
	"  - IP-CIDR,10.0.0.0/8,DIRECT,no-resolve",
	"  - IP-CIDR,172.16.0.0/12,DIRECT,no-resolve",
	"  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve",
	"  - IP-CIDR,169.254.0.0/16,DIRECT,no-resolve",
	"  - IP-CIDR,100.64.0.0/10,DIRECT,no-resolve",
	"  - IP-CIDR,224.0.0.0/4,DIRECT,no-resolve",
	"  - IP-CIDR,255.255.255.255/32,DIRECT,no-resolve",
	"  - IP-CIDR6,::1/128,DIRECT,no-resolve",
	"  - IP-CIDR6,fc00::/7,DIRECT,no-resolve",
	"  - IP-CIDR6,fe80::/10,DIRECT,no-resolve",
	"  - IP-CIDR6,ff00::/8,DIRECT,no-resolve",
	"  # All the rest.",
	"  - MATCH,proxy",
	"",
	"# The resolver.  These are the defaults.",
	"dnsd:",
	"  listen: [127.0.0.1:53]",
	"  fake: { ipv4: 198.18.0.0/15, ipv6: auto, ttl: 1 }",
	"",
	"# The routing state.  'capture: fake' would leave alone whatever does",
	"# not ask for a name; 'resolver: off' leaves /etc/resolv.conf alone.",
	"routed:",
	"  capture: all",
	"  resolver: auto",
	NULL,
};

struct proxy {
	const char *type;
	const char *path;   /* of a Unix socket; NULL: none */
	uint16_t port;      /* where the URL has none; 0: it must */
	char user[URL_MAX]; /* "": none */
	struct endpoint server;
};

#define tell(diag, ...) \
	(diag_error(diag, OPTION, 0, 0, __VA_ARGS__), ERR_CONFIG)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986, 2.1.  `out` has room for `length` bytes and the end. */
static int unescape(char *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (text[i] != '%') {
			*out++ = text[i];
			continue;
		}
		if (length - i < 3)
			return -EINVAL;
		high = hex_digit(text[i + 1]);
		low = hex_digit(text[i + 2]);
		if (high < 0 || low < 0 || !(high | low))
			return -EINVAL;
		*out++ = (char)(high << 4 | low);
		i += 2;
	}
	*out = '\0';
	return 0;
}

static int parse_user(struct proxy *proxy, const char *text, size_t length,
		      struct diag *diag)
{
	struct utf8_fault fault;

	if (memchr(text, ':', length))
		return tell(diag, "has a password in it, which every user of "
				  "this host can see, expected it in a file: "
				  "--password-file FILE");
	if (!length || unescape(proxy->user, text, length) ||
	    utf8_check(proxy->user, strlen(proxy->user), &fault))
		return tell(diag, "has a user name that cannot be read, "
				  "expected socks5://USER@HOST:PORT");
	return 0;
}

static int parse_server(struct proxy *proxy, const char *host,
			struct diag *diag)
{
	static const char local[] = "localhost";
	size_t length = strcspn(host, "/?#");
	char text[URL_MAX];

	/* A "/" at the end says nothing. */
	if (host[length] && strcmp(host + length, "/"))
		return tell(diag, "has a path in it, expected " FORMS);
	if (!strncmp(host, local, strlen(local)) &&
	    (host[strlen(local)] == ':' || strlen(local) == length))
		snprintf(text, sizeof(text), "127.0.0.1%.*s",
			 (int)(length - strlen(local)), host + strlen(local));
	else
		snprintf(text, sizeof(text), "%.*s", (int)length, host);
	if (endpoint_parse(&proxy->server, text, proxy->port) ||
	    !proxy->server.port)
		return tell(diag,
			    "'%s' is no address of a proxy, expected a numeric "
			    "one (or localhost) and a port of 1 to 65535, such "
			    "as socks5://192.0.2.7:1080 or "
			    "socks5://[2001:db8::7]:1080",
			    text);
	return 0;
}

/* A SOCKS5 server at a Unix socket: the same text as in `server:`. */
static int parse_path(struct proxy *proxy, const char *url, struct diag *diag)
{
	if (url[strlen(UNIX)] != '/')
		return tell(diag,
			    "'%s' is no absolute path, expected one such as "
			    "unix:/run/proxy.sock",
			    url + strlen(UNIX));
	proxy->path = url;
	return 0;
}

/* What comes behind the scheme; NULL: it is none of ours. */
static const char *parse_scheme(struct proxy *proxy, const char *url)
{
	static const struct {
		const char *scheme, *type;
		uint16_t port;
	} schemes[] = {
		{"socks5://", "socks5", SOCKS_PORT},
		{"socks5h://", "socks5", SOCKS_PORT},
		{"http://", "http", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t length = strlen(schemes[i].scheme);

		if (strncmp(url, schemes[i].scheme, length) != 0)
			continue;
		proxy->type = schemes[i].type;
		proxy->port = schemes[i].port;
		return url + length;
	}
	return strstr(url, "://") ? NULL : url;
}

static int parse_url(struct proxy *proxy, const char *url, struct diag *diag)
{
	const char *rest, *at;
	int ret = 0;

	if (strlen(url) >= URL_MAX)
		return tell(diag, "is longer than %d bytes, expected " FORMS,
			    URL_MAX);
	if (strncmp(url, UNIX, strlen(UNIX)) == 0)
		return parse_path(proxy, url, diag);
	rest = parse_scheme(proxy, url);
	if (!rest)
		return tell(diag,
			    "'%.*s' is not supported by this version, "
			    "expected " FORMS,
			    (int)(strstr(url, "://") - url), url);
	at = strrchr(rest, '@');
	if (at)
		ret = parse_user(proxy, rest, (size_t)(at - rest), diag);
	return ret ? ret : parse_server(proxy, at ? at + 1 : rest, diag);
}

static void print_lines(const char *const *lines, FILE *out)
{
	for (; *lines; lines++)
		fprintf(out, "%s\n", *lines);
}

static void print_member(const char *key, const char *value, FILE *out)
{
	fprintf(out, "    %s: ", key);
	schema_print_text(value, out);
	putc('\n', out);
}

/* A daemon may read the text again from another folder than the user's. */
static int print_password_file(const char *path, FILE *out)
{
	char *folder, *whole;

	if (path[0] == '/') {
		print_member("password-file", path, out);
		return 0;
	}
	folder = getcwd(NULL, 0);
	whole = folder ? config_path(folder, path) : NULL;
	if (whole)
		print_member("password-file", whole, out);
	free(folder);
	free(whole);
	return whole ? 0 : -ENOMEM;
}

int config_text_for_proxy(char **text, const char *url,
			  const char *password_file, struct diag *diag)
{
	struct proxy proxy = {.type = "socks5", .port = SOCKS_PORT};
	char server[ENDPOINT_TEXT_SIZE];
	size_t size;
	FILE *out;
	int ret = parse_url(&proxy, url, diag);

	if (ret)
		return ret;
	if (password_file && !*proxy.user)
		return tell(diag, "has no user name for the password file, "
				  "expected socks5://USER@HOST:PORT");
	out = open_memstream(text, &size);
	if (!out)
		return -ENOMEM;
	print_lines(head, out);
	fprintf(out, "  proxy:\n");
	if (!proxy.path)
		endpoint_format(&proxy.server, server, sizeof(server));
	print_member("type", proxy.type, out);
	print_member("server", proxy.path ? proxy.path : server, out);
	if (*proxy.user)
		print_member("username", proxy.user, out);
	if (password_file)
		ret = print_password_file(password_file, out);
	print_lines(tail, out);
	if (fclose(out) || ret) {
		free(*text);
		*text = NULL;
		return -ENOMEM;
	}
	return 0;
}
