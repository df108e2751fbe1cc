// SPDX-License-Identifier: BSD-2-Clause
/*
 * A name is compared label by label with the entries of the length that each
 * of its suffixes has, so that most suffixes cost a look at a few numbers and
 * nothing else: this is on the way of every question.
 */
#include "dnsd/special.h"

#include "common/compiler.h"
#include "dnsd/wire.h"

#include <string.h>

#define LOCALHOST "it is this host (RFC 6761, 6303)"
#define INVALID "'invalid' is never the name of anything (RFC 6761)"
#define ALT "'alt' is for names outside of DNS (RFC 9476)"
#define CANARY                                                               \
	"browsers ask for it whether they may use a resolver of their own; " \
	"they must not here"
#define NO_HOST "no host has that address (RFC 6303)"
#define DDR \
	"it asks whether this resolver can be asked by other ways (RFC 9462)"
#define ONION "'onion' is for Tor, and not for DNS (RFC 7686)"
#define LOCAL "'local' is for names of the own link (RFC 6762)"
#define HOME_ARPA "'home.arpa' is for names of this network (RFC 8375)"
#define INTERNAL "'internal' is for names of private networks (ICANN, 2024)"
#define TEST "'test' is for tests (RFC 6761)"
#define APPENDIX_G "its top level is used in private networks (RFC 6762, G)"
#define REVERSE "it is the address of a private network (RFC 6303, 7793)"
#define ONE_LABEL "a name of one label is one of this network"
#define TIME                                                                 \
	"it is a time server: clocks keep the address for days, and ask it " \
	"by UDP"
#define STUN "it tells a client its own address, which a proxy would change"
#define CONSOLE "it measures the address translation of a console"
#define CHECK                                                               \
	"it tells a system whether it is online; a captive portal must be " \
	"able to answer"
#define ROUTER "the router of this network answers that name itself"
#define WPAD "browsers look for the proxy of this network there"

#define RANGE(text, word, why, first, last)                           \
	{                                                             \
		.name = text, .length = sizeof(text) - 1,             \
		.kind = SPECIAL_##word, .reason = why, .from = first, \
		.to = last,                                           \
	}
#define ENTRY(text, word, why) RANGE(text, word, why, 0, 0)

/* In the order of the length of their names. */
static const struct special table[] = {
	ENTRY("alt", NOWHERE, ALT),
	ENTRY("lan", SITE, APPENDIX_G),
	ENTRY("corp", SITE, APPENDIX_G),
	ENTRY("home", SITE, APPENDIX_G),
	ENTRY("test", SITE, TEST),
	ENTRY("local", SITE, LOCAL),
	ENTRY("onion", CARRIED, ONION),
	ENTRY("ntp.se", DIRECT, TIME),
	ENTRY("invalid", NOWHERE, INVALID),
	ENTRY("private", SITE, APPENDIX_G),
	ENTRY("easy.box", DIRECT, ROUTER),
	ENTRY("internal", SITE, INTERNAL),
	ENTRY("intranet", SITE, APPENDIX_G),
	ENTRY("fritz.box", DIRECT, ROUTER),
	ENTRY("home.arpa", SITE, HOME_ARPA),
	ENTRY("localhost", LOOPBACK, LOCALHOST),
	ENTRY("my.router", DIRECT, ROUTER),
	ENTRY("miwifi.com", DIRECT, ROUTER),
	ENTRY("ntp.org.cn", DIRECT, TIME),
	ENTRY("tplogin.cn", DIRECT, ROUTER),
	ENTRY("localdomain", SITE, APPENDIX_G),
	ENTRY("c.f.ip6.arpa", SITE, REVERSE),
	ENTRY("d.f.ip6.arpa", SITE, REVERSE),
	ENTRY("msftncsi.com", DIRECT, CHECK),
	ENTRY("pool.ntp.org", DIRECT, TIME),
	ENTRY("speedport.ip", DIRECT, ROUTER),
	ENTRY("xboxlive.com", DIRECT, CONSOLE),
	ENTRY("orbilogin.com", DIRECT, ROUTER),
	ENTRY("resolver.arpa", EMPTY, DDR),
	ENTRY("time.nist.gov", DIRECT, TIME),
	ENTRY("0.in-addr.arpa", NOWHERE, NO_HOST),
	ENTRY("8.e.f.ip6.arpa", SITE, REVERSE),
	ENTRY("9.e.f.ip6.arpa", SITE, REVERSE),
	ENTRY("a.e.f.ip6.arpa", SITE, REVERSE),
	ENTRY("b.e.f.ip6.arpa", SITE, REVERSE),
	ENTRY("tplinkwifi.net", DIRECT, ROUTER),
	ENTRY("10.in-addr.arpa", SITE, REVERSE),
	ENTRY("router.asus.com", DIRECT, ROUTER),
	ENTRY("routerlogin.com", DIRECT, ROUTER),
	ENTRY("routerlogin.net", DIRECT, ROUTER),
	ENTRY("stun.twilio.com", DIRECT, STUN),
	RANGE("100.in-addr.arpa", SITE, REVERSE, 64, 127),
	ENTRY("127.in-addr.arpa", LOOPBACK, LOCALHOST),
	RANGE("172.in-addr.arpa", SITE, REVERSE, 16, 31),
	ENTRY("srv.nintendo.net", DIRECT, CONSOLE),
	ENTRY("stunprotocol.org", DIRECT, STUN),
	ENTRY("time.android.com", DIRECT, TIME),
	ENTRY("captive.apple.com", DIRECT, CHECK),
	ENTRY("nmcheck.gnome.org", DIRECT, CHECK),
	ENTRY("ping.archlinux.org", DIRECT, CHECK),
	ENTRY("18.198.in-addr.arpa", SITE, REVERSE),
	ENTRY("19.198.in-addr.arpa", SITE, REVERSE),
	ENTRY("msftconnecttest.com", DIRECT, CHECK),
	ENTRY("time.asia.apple.com", DIRECT, TIME),
	ENTRY("time.euro.apple.com", DIRECT, TIME),
	ENTRY("168.192.in-addr.arpa", SITE, REVERSE),
	ENTRY("2.0.192.in-addr.arpa", SITE, REVERSE),
	ENTRY("254.169.in-addr.arpa", SITE, REVERSE),
	ENTRY("connect.rom.miui.com", DIRECT, CHECK),
	ENTRY("linksyssmartwifi.com", DIRECT, ROUTER),
	ENTRY("networkcheck.kde.org", DIRECT, CHECK),
	ENTRY("stun.playstation.net", DIRECT, STUN),
	ENTRY("113.0.203.in-addr.arpa", SITE, REVERSE),
	ENTRY("conncheck.opensuse.org", DIRECT, CHECK),
	ENTRY("ctest.cdn.nintendo.net", DIRECT, CONSOLE),
	ENTRY("100.51.198.in-addr.arpa", SITE, REVERSE),
	ENTRY("network-test.debian.org", DIRECT, CHECK),
	ENTRY("use-application-dns.net", NOWHERE, CANARY),
	ENTRY("8.b.d.0.1.0.0.2.ip6.arpa", SITE, REVERSE),
	ENTRY("detectportal.firefox.com", DIRECT, CHECK),
	ENTRY("conntest.nintendowifi.net", DIRECT, CONSOLE),
	ENTRY("255.255.255.255.in-addr.arpa", NOWHERE, NO_HOST),
	ENTRY("connectivity-check.ubuntu.com", DIRECT, CHECK),
	ENTRY("connectivitycheck.android.com", DIRECT, CHECK),
	ENTRY("connectivitycheck.gstatic.com", DIRECT, CHECK),
	ENTRY("connectivitycheck.platform.hicloud.com", DIRECT, CHECK),
};

static const struct special one_label = {
	.name = "(one label)", .kind = SPECIAL_SITE, .reason = ONE_LABEL};

static const struct special reverse_loopback = {
	.name = "::1", .kind = SPECIAL_LOOPBACK, .reason = LOCALHOST};

static const struct special reverse_nobody = {
	.name = "::", .kind = SPECIAL_NOWHERE, .reason = NO_HOST};

/* First labels, which may end in digits, of names of so many labels. */
static const struct first_label {
	const char *label;
	unsigned labels_min;
	struct special special;
} first_labels[] = {
	{"ntp", 2, {.name = "ntp.*", .kind = SPECIAL_DIRECT, .reason = TIME}},
	{"time", 3, {.name = "time.*", .kind = SPECIAL_DIRECT, .reason = TIME}},
	{"stun", 2, {.name = "stun.*", .kind = SPECIAL_DIRECT, .reason = STUN}},
	{"wpad", 2, {.name = "wpad.*", .kind = SPECIAL_DIRECT, .reason = WPAD}},
	{"isatap",
	 2,
	 {.name = "isatap.*", .kind = SPECIAL_DIRECT, .reason = WPAD}},
};

const struct special *special_all(size_t *count)
{
	*count = ARRAY_LEN(table);
	return table;
}

/* Are the labels at `wire`, up to the root, those of the text? */
static bool is_text(const uint8_t *wire, const char *text)
{
	for (; *wire; wire += 1U + *wire) {
		if (memcmp(wire + 1, text, *wire) != 0)
			return false;
		text += *wire;
		if (*text == '.')
			text++;
		else if (*text)
			return false;
	}
	return *text == '\0';
}

/* The first entry whose name is at least that long. */
static size_t lower_bound(size_t length)
{
	size_t low = 0, high = ARRAY_LEN(table);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table[middle].length < length)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A label of digits alone, as a number; -1: it is none. */
static int number_of(const uint8_t *label)
{
	int number = 0;

	if (*label == 0 || *label > 3)
		return -1;
	for (unsigned i = 1; i <= *label; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		number = number * 10 + label[i] - '0';
	}
	return number;
}

/* `child`: the label before the suffix; NULL: the name is the suffix. */
static bool fits(const struct special *special, const uint8_t *child)
{
	int number;

	if (special->to == 0)
		return true;
	number = child ? number_of(child) : -1;
	return number >= special->from && number <= special->to;
}

static const struct special *find_suffix(const struct name *name,
					 const uint8_t *suffix,
					 const uint8_t *child)
{
	/* Without the first length and the root. */
	size_t length = (size_t)(name->wire + name->length - suffix) - 2;

	for (size_t i = lower_bound(length);
	     i < ARRAY_LEN(table) && table[i].length == length; i++) {
		if (is_text(suffix, table[i].name) && fits(&table[i], child))
			return &table[i];
	}
	return NULL;
}

static unsigned count_labels(const struct name *name)
{
	unsigned count = 0;

	for (size_t at = 0; name->wire[at]; at += 1U + name->wire[at])
		count++;
	return count;
}

static const struct special *find_first_label(const struct name *name,
					      unsigned labels)
{
	size_t length = name->wire[0];

	while (length > 0 && name->wire[length] >= '0' &&
	       name->wire[length] <= '9')
		length--;
	for (size_t i = 0; i < ARRAY_LEN(first_labels); i++) {
		const struct first_label *first = &first_labels[i];

		if (strlen(first->label) == length &&
		    labels >= first->labels_min &&
		    memcmp(name->wire + 1, first->label, length) == 0)
			return &first->special;
	}
	return NULL;
}

static bool is_address_type(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA ||
	       type == DNS_TYPE_HTTPS || type == DNS_TYPE_SVCB ||
	       type == DNS_TYPE_ANY;
}

/* ::1 and :: have no zone of their own in the table. */
static const struct special *find_reverse(const struct name *name)
{
	struct addr addr;

	if (name->length < 72 || name_to_reverse_addr(name, &addr) < 0 ||
	    addr.family != ADDR_IPV6)
		return NULL;
	if (addr_is_loopback(&addr))
		return &reverse_loopback;
	return addr_is_unspecified(&addr) ? &reverse_nobody : NULL;
}

const struct special *special_find(const struct name *name, uint16_t type)
{
	const uint8_t *suffix = name->wire, *child = NULL;
	const struct special *special;
	unsigned labels = count_labels(name);

	for (; *suffix; child = suffix, suffix += 1U + *suffix) {
		special = find_suffix(name, suffix, child);
		if (special)
			return special;
	}
	/* The root's own questions are about top levels: NS, DS. */
	if (labels == 1 && is_address_type(type))
		return &one_label;
	special = find_reverse(name);
	return special ? special : find_first_label(name, labels);
}

static bool is_apex(const struct special *special, const struct name *name)
{
	return name->length == special->length + 2U &&
	       is_text(name->wire, special->name);
}

static enum special_answer answer_loopback(const struct question *question,
					   bool is_own, struct addr *addr)
{
	bool is_reverse = name_to_reverse_addr(&question->name, addr) == 0;

	/* 127.0.0.1 or ::1; the others of the net have no name. */
	if (is_reverse &&
	    (addr->family == ADDR_IPV6 || addr_to_ipv4(addr) == 0x7f000001))
		return question->type == DNS_TYPE_PTR ? SPECIAL_ANSWER_POINTER
						      : SPECIAL_ANSWER_NODATA;
	if (is_reverse)
		return SPECIAL_ANSWER_NXDOMAIN;
	if (!is_own ||
	    (question->type != DNS_TYPE_A && question->type != DNS_TYPE_AAAA))
		return SPECIAL_ANSWER_NODATA;
	if (question->type == DNS_TYPE_A)
		*addr = addr_ipv4(0x7f000001);
	else
		*addr = (struct addr){.family = ADDR_IPV6, .bytes[15] = 1};
	return SPECIAL_ANSWER_ADDRESS;
}

enum special_answer special_answer(const struct special *special,
				   const struct question *question,
				   struct addr *addr)
{
	static const char localhost[] = "localhost";

	switch (special->kind) {
	case SPECIAL_LOOPBACK:
		return answer_loopback(
			question, strcmp(special->name, localhost) == 0, addr);
	case SPECIAL_EMPTY:
		/* _dns.resolver.arpa exists: it says that there is nothing. */
		return SPECIAL_ANSWER_NODATA;
	case SPECIAL_NOWHERE:
	case SPECIAL_CARRIED:
	case SPECIAL_SITE:
	case SPECIAL_DIRECT:
		break;
	}
	/* A zone of our own exists, for who asks for its SOA (RFC 6303 3). */
	if (special->kind == SPECIAL_SITE && is_apex(special, &question->name))
		return SPECIAL_ANSWER_NODATA;
	return SPECIAL_ANSWER_NXDOMAIN;
}
