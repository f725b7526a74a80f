/* Who may reach what: an opened policy tells which groups a client is in, and whether a name is
 * blocked for them at this moment, by which line of which list. Knows neither sockets nor clocks
 * nor where lists come from; build.h makes what is opened here.
 *
 * A policy is one block of bytes that is never written to: a file of it may be mapped by any number
 * of processes, and any number of threads may look in it at once. It is replaced whole (rename) and
 * never changed in place.
 *
 *	policy_open(bytes, &p);				once for each file, refuses a bad one
 *	groups = policy_groups_of(p, &client);		once for each client
 *	policy_view(p, groups, now_s, &pauses, &view);	holds until view.until_s
 *	policy_look(p, &view, &name, &match);		for each question
 *
 * PRECEDENCE, as AdGuard Home has it, highest first. Of all lines that match the name, in lists
 *that a rule binds for the client now:
 *	1. a line of a list bound by `action: allow` (its @@ lines take names out of it again);
 *	2. @@ with $important;	3. a block with $important;	4. @@;	5. a block.
 * An @@ line holds against blocks of every list that is bound for the client, not only of its own.
 * A client in several groups has the rules of all of them. Among lines of the same rank, which
 * decide alike, the most specific is told: with a path, then more labels, then an exact name, then
 *the list that the configuration names first. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/err.h"
#include "base/span.h"
#include "policy/path.h"
#include "policy/schedule.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"

struct policy;
struct writer;

enum {
	POLICY_GROUPS_MAX = 64, /* bits of one word */
	POLICY_LISTS_MAX = 256, /* the configuration's own names are lists too */
	POLICY_RULES_MAX = 256,
	POLICY_SCHEDULES_MAX = 64,
	POLICY_MEMBERS_MAX = 16384, /* of all groups together */
	POLICY_NAME_MAX = 63,	    /* octets of the name of a group, a list, a client */
	POLICY_GLOBS_MAX = 256,	    /* members with stars in their names */
	POLICY_REASON_MAX = 255,
	POLICY_WORDS = POLICY_LISTS_MAX / 64,
	POLICY_PATTERN_MAX = 64, /* octets of a pattern with stars */
	/* Of what policy_line_format writes. */
	POLICY_LINE_TEXT_MAX = DNS_NAME_TEXT_MAX + POLICY_PATTERN_MAX + 3 * POLICY_PATH_MAX + 48,
};
#define POLICY_BYTES_MAX (UINT32_C(1) << 30)

/* What is known of a client; empty: not known. Texts compare without case. */
struct policy_client {
	struct ip_address address; /* IPv4 inside IPv6 is judged as IPv4 */
	bool has_mac;
	uint8_t mac[6];
	struct span lease; /* the host name of its lease; members may have stars */
	struct span peer;  /* the name of its tunnel */
	struct span user;
};

enum policy_action { POLICY_BLOCK, POLICY_ALLOW, POLICY_SAFE_SEARCH };

enum { POLICY_ALWAYS = 0xff }; /* in place of a schedule */

/* A rule of the configuration: what holds for whom, and when. */
struct policy_rule {
	uint64_t groups; /* bit n: group n; 0: everybody */
	uint64_t lists[POLICY_WORDS];
	enum policy_action action;
	uint32_t engines;   /* of POLICY_SAFE_SEARCH: bits of safe_search.h */
	uint8_t schedule;   /* its number, or POLICY_ALWAYS */
	struct span reason; /* for people who are refused; may be empty */
};

/* Until when each group's rules are lifted, seconds since 1970; 0: they are not. */
struct policy_pauses {
	uint64_t all_s; /* for everybody */
	uint64_t groups_s[POLICY_GROUPS_MAX];
};

/* The bytes are borrowed until policy_free. They are read whole: header, checksum, every record and
 * that each is found by its own name. ERR_FORMAT: torn, changed or none of ours; ERR_UNSUPPORTED:
 * of another version; ENOMEM. */
MUST enum err policy_open(struct span bytes, struct policy **ret);
void policy_free(struct policy *p); /* accepts NULL */
DEFINE_AUTO(struct policy, policy_free)

struct policy_facts {
	uint64_t configuration; /* a hash of what it was made of; by the caller of build.h */
	uint64_t generation;
	uint64_t made_s;
	/* Names in it, each anchor of paths as one more; lines of lists with one of them. */
	uint32_t names, lines;
	unsigned groups, lists, rules, schedules;
};
void policy_facts(const struct policy *p, struct policy_facts *ret);

/* Names, borrowed from the policy; empty beyond the last. */
struct span policy_group_name(const struct policy *p, unsigned group);
struct span policy_list_name(const struct policy *p, unsigned list);
struct span policy_schedule_name(const struct policy *p, unsigned schedule);
/* NULL beyond the last. */
const struct policy_rule *policy_rule(const struct policy *p, unsigned rule);
/* The number of the list with that name; POLICY_LISTS_MAX: there is none. */
unsigned policy_list_find(const struct policy *p, struct span name);
/* The number of the group with that name; POLICY_GROUPS_MAX: there is none. */
unsigned policy_group_find(const struct policy *p, struct span name);

/* Is there a group that goes by anything but addresses? Then more is to be asked of a client. */
bool policy_knows_devices(const struct policy *p);

/* Bit n: it is in group n. In a group is who any of its `clients` names and none of its `except`.
 */
uint64_t policy_groups_of(const struct policy *p, const struct policy_client *client);

/* Which lists and rules hold for some groups at one moment. A value: copy and keep it as you like,
 * as long as the policy is open. */
struct policy_view {
	uint64_t groups;
	uint64_t until_s; /* make it anew then; UINT64_MAX: it does not depend on the time */
	uint64_t block[POLICY_WORDS], allow[POLICY_WORDS]; /* lists */
	uint64_t rules[POLICY_RULES_MAX / 64];
	uint32_t engines; /* of safe search */
	bool any;	  /* it says anything at all */
};

/* A pause of a group lifts rules that name it, or nobody, for its members; what names another of
 * their groups, and what allows, stays. pauses: NULL: none. */
void policy_view(const struct policy *p, uint64_t groups, uint64_t now_s,
		 const struct policy_pauses *pauses, struct policy_view *ret);

enum policy_verdict {
	POLICY_SAYS_NOTHING,
	POLICY_SAYS_ALLOW, /* by a line of a list: what it leads to is not looked at either */
	POLICY_SAYS_BLOCK,
};

enum policy_scope {
	POLICY_SUBTREE, /* ||name^: the name and all below it */
	POLICY_EXACT,	/* name, |name^ or a line of a hosts file */
	POLICY_BELOW,	/* *.name: all below it */
	POLICY_PATTERN, /* ||ads*.name^ */
};
enum policy_form { POLICY_FORM_ADBLOCK, POLICY_FORM_DOMAIN, POLICY_FORM_HOSTS };

/* Which line decided. */
struct policy_match {
	enum policy_verdict verdict;
	unsigned list, rule; /* rule: the first that binds the list so */
	uint32_t line;	     /* of the list's text, from 1 */
	enum policy_scope scope;
	enum policy_form form;
	bool exception, important;
	struct span name;    /* of the line: wire form without the root label, borrowed */
	struct span pattern; /* of POLICY_PATTERN: its text, borrowed */
	struct span path;    /* of a line with one: path.h, borrowed */
};

/* What stands for an IP address where an address is looked for: one label, as RFC 5952 has it, IPv6
 * in brackets, which no name is. IPv4 inside IPv6 is IPv4. */
void policy_address_name(const struct ip_address *a, struct dns_name *ret);
bool policy_is_address(const struct dns_name *name);

/* Writes nothing but ret, takes no lock; `name` in lower case. */
void policy_look(const struct policy *p, const struct policy_view *view,
		 const struct dns_name *name, struct policy_match *ret);

/* The same of an address: lines with paths count too. target: its path and query as the client
 * wrote them, at most POLICY_URL_MAX octets. Each reading of them (url.h) is judged, and the worst
 * verdict holds: it is blocked where one is, and allowed where all are. Of policy_address_name's
 * only lines with a path count, as the others are about names. */
void policy_look_url(const struct policy *p, const struct policy_view *view,
		     const struct dns_name *name, struct span target, bool secure,
		     struct policy_match *ret);

/* The line as it stood in its list, but for blanks and comments: ||example.org^$important. Returns
 * buf, NUL-terminated. */
const char *policy_line_format(const struct policy_match *m, char buf[POLICY_LINE_TEXT_MAX]);

#endif
