// SPDX-License-Identifier: BSD-2-Clause
/*
 * rules.h - which outbound a name or a flow gets, and which rule said so.
 *
 * The syntax is that of Clash: TYPE,argument,OUTBOUND[,option...]; the first
 * rule that matches wins.  Each rule looked at is three-valued: match, no
 * match, or needs more.  dnsd asks with the facts of a question, the relay
 * with those of a flow; both get the same struct verdict.
 *
 * Names cost one hash look-up a label, keywords, wildcards and expressions one
 * a character, and addresses one binary search, whatever their number: those of
 * all rules lie in three indexes that tell the earliest rule; the other rules
 * are walked in order up to that one.
 *
 * Lists of RULE-SET: common/rules/form.h tells their forms.
 *
 * Errors	ERR_CONFIG when diag got an error; -ENOMEM; -EFBIG
 * Ownership	rules_new() gives to the caller; verdicts borrow from the rules
 * Thread	deciding is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_H
#define ERSATZ_COMMON_RULES_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/diag.h"
#include "common/mac.h"
#include "common/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Outbounds are numbers: the built-in ones, then those of the config. */
enum {
	OUTBOUND_DIRECT = 0,
	OUTBOUND_REJECT = 1,
	OUTBOUND_REJECT_DROP = 2,
	OUTBOUND_PASS = 3, /* the rule is skipped, matching goes on */
	OUTBOUND_FIRST = 4,
};

#define UPSTREAM_DEFAULT (-1) /* the rule names none */

enum network {
	NETWORK_UNKNOWN = 0,
	NETWORK_TCP,
	NETWORK_UDP,
	NETWORK_ICMP,
};

/* Who has a flow, as far as it is known. */
enum flow_owner {
	OWNER_UNKNOWN = 0,
	OWNER_ASKABLE, /* not asked yet: it costs a while */
	OWNER_NONE,    /* it is another host's, or nobody's any more */
	OWNER_KNOWN,
};

/* Which network card it comes from. */
enum flow_mac {
	MAC_UNKNOWN = 0, /* a device behind another router, or not yet known */
	MAC_NONE,        /* it is this host's own */
	MAC_KNOWN,
};

/* What is known; unknown members are zero. */
struct facts {
	const struct name *name; /* borrowed, NULL: unknown or none */
	/*
	 * There is no name yet, but the flow may say one: that costs more than
	 * an owner does, and is waited for even when the facts are final.
	 */
	bool is_name_askable;
	struct addr dst; /* never a fake address */
	/* Until the facts are final, loopback says nothing of the flow. */
	struct addr src;
	uint16_t dst_port; /* valid if network is known */
	uint16_t src_port;
	enum network network;
	enum flow_mac has_mac;
	struct mac mac; /* with MAC_KNOWN */
	enum flow_owner owner;
	uint32_t uid;        /* with OWNER_KNOWN, as the two below */
	const char *process; /* borrowed; path of the program; NULL: unknown */
	const char *cgroup;  /* borrowed; "/user.slice"; NULL: unknown */
	/*
	 * The flow is all there: what is unknown now stays unknown, so rules
	 * that need it do not match.  Only an owner that is ASKABLE and a name
	 * that is askable are waited for: VERDICT_NEEDS_FLOW, to be asked
	 * again when it is known, or that there is none.
	 */
	bool is_final;
};

struct rule {
	const char *file; /* as the user named it */
	unsigned line;
	const char *list; /* of `sub-rules:`; NULL: `rules:` itself */
	const char *text; /* "DOMAIN-SUFFIX,example.com,proxy" */
	int outbound;     /* PASS with SUB-RULE */
	int upstream;     /* UPSTREAM_DEFAULT or an index */
	bool looks_up;    /* a name that comes to it is resolved first */
};

enum verdict_kind {
	VERDICT_MATCH,
	VERDICT_NEEDS_ADDRESS, /* resolve the name, then ask again */
	VERDICT_NEEDS_FLOW,    /* port, owner: carry it, the relay decides */
	VERDICT_NO_RULE,       /* the list ended; DIRECT */
};

struct verdict {
	enum verdict_kind kind;
	int outbound; /* with MATCH and NO_RULE */
	int upstream; /* of the rule that matched or that needs more */
	const struct rule *rule; /* NULL with NO_RULE */
	bool is_any;             /* that rule is a MATCH: it asks for nothing */
	bool is_personal;        /* a rule was asked about the source */
	/* Where in a list file the match stands; NULL, 0 if not in one. */
	const char *list_file;
	unsigned list_line;
};

struct rules;

/* The names that rules may use; borrowed while rules are added. */
struct rules_names {
	const char *const *outbounds; /* index 0 is OUTBOUND_FIRST; NULL ends */
	const char *const *upstreams; /* NULL ends */
};

/* Databases; NULL: not set. */
struct rules_geo {
	const char *country; /* MaxMind's format, for GEOIP */
	const char *asn;     /* the same, for IP-ASN */
	const char *site;    /* geosite.dat or a folder of lists, for GEOSITE */
};

/* An entry of `rule-sets:`; the numbers are those of common/rules/form.h. */
struct rule_set_conf {
	const char *name;
	const char *path;
	int behavior; /* FORM_AUTO, FORM_DOMAIN, FORM_IPCIDR, FORM_CLASSICAL */
	int format;   /* FORM_AUTO, FORM_TEXT, or one of the other programs' */
	unsigned line;
};

NODISCARD struct rules *rules_new(void);
void rules_free(struct rules *rules);

/*
 * Before the first rule: no list and no database is read, so that nothing of
 * them can be wrong either.  Good for all but decisions.
 */
void rules_leave_lists_out(struct rules *rules);

/* Before the first rule; all of it borrowed until rules_seal(). */
void rules_set_geo(struct rules *rules, const struct rules_geo *geo);
void rules_set_sets(struct rules *rules, const struct rule_set_conf *sets,
		    size_t count);

/* Where a rule stands, and who hears what is wrong with it; borrowed. */
struct rule_place {
	struct diag *diag;
	const char *file; /* as the user named it */
	unsigned line;
	unsigned column;  /* of the text's first character; 0: not known */
	const char *list; /* of `sub-rules:`; NULL: `rules:` itself */
};

/*
 * Adds one rule.  A relative RULE-SET path is relative to the folder of
 * the place's file.  Everything wrong, in the list file too, goes to the diag;
 * the rule is then left out, more may be added to hear of their faults, and
 * rules_seal() will answer ERR_CONFIG: nobody wants a list with a hole in it.
 */
NODISCARD int rules_add(struct rules *rules, const char *text,
			const struct rules_names *names,
			const struct rule_place *place);

/* An empty list of sub-rules; those with rules come by themselves. */
NODISCARD int rules_add_list(struct rules *rules, const char *name);

/*
 * Call after the last rules_add(): ties SUB-RULEs to their rules, and reads
 * what the databases have for all of them.  What is wrong goes to the diag,
 * and rules_seal() will answer ERR_CONFIG.
 */
NODISCARD int rules_finish(struct rules *rules, struct diag *diag);

/*
 * Call once, before the first question; it finishes, silently, if that was not
 * done.
 */
NODISCARD int rules_seal(struct rules *rules);

struct verdict rules_decide(const struct rules *rules,
			    const struct facts *facts);

/* Those of `rules:`, then those of each of `sub-rules:`. */
size_t rules_count(const struct rules *rules);
const struct rule *rules_at(const struct rules *rules, size_t index);

/* A file that rules were read from. */
struct rules_file {
	const char *file;
	size_t path_length; /* of it is the path: of "geosite.dat(cn)", 11 */
	const char *form;   /* "dnsmasq list" */
	size_t entries;     /* those of included files too */
	bool is_inner;      /* another file includes it */
};
size_t rules_file_count(const struct rules *rules);
struct rules_file rules_file_at(const struct rules *rules, size_t index);

/*
 * The file of `after` that has nothing in it any more, but had in `before`;
 * NULL: there is none.  More likely it broke than somebody meant that.
 */
const char *rules_find_emptied(const struct rules *before,
			       const struct rules *after);

/*
 * Calls `fn`, in order, for the fewest prefixes that have every destination
 * which the rules send DIRECT whatever else there is to know of a flow;
 * -ENOMEM, or what `fn` returned if that is not 0.  The order of the rules
 * counts: what an earlier rule may send elsewhere is left out.  With
 * `has_names` a flow to an address can have a name that rules know; without,
 * only fakes have one.
 */
typedef int (*rules_prefix_fn)(void *ctx, const struct prefix *prefix);
NODISCARD int rules_direct_prefixes(const struct rules *rules, bool has_names,
				    rules_prefix_fn fn, void *ctx);

/*
 * The same decision told step by step, for --explain: calls `fn` for each
 * rule looked at, in order, with what it said.  After one that needs more the
 * steps go on as if it did not match: they show why its answer matters.
 */
enum rule_says {
	RULE_SAYS_NO,
	RULE_SAYS_MATCH,
	RULE_SAYS_NEEDS_MORE,
	RULE_SAYS_PASS
};
typedef void (*rules_step_fn)(void *ctx, const struct rule *rule,
			      enum rule_says says);
struct verdict rules_explain(const struct rules *rules,
			     const struct facts *facts, rules_step_fn fn,
			     void *ctx);

#endif
