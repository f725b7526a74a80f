/* Who may go where through the forward proxy: rules of which the first that fits decides. Knows no
 * connection, no message and no clock; who a user is was found before, and that a destination is
 * not inside and has a port that may be gone to is judged beside (inside.h, ports.h): no rule opens
 * that.
 *
 * Some rules are about addresses. Where the destination is a name and such a rule is come to, the
 * name's addresses must be known first:
 *
 *	access_judge(rules, &facts, &verdict)		facts.addresses_n 0
 *	ACCESS_RESOLVE: ask for the name's addresses
 *	access_judge(rules, &facts, &verdict)		with all of them; never ACCESS_RESOLVE */
#ifndef FORWARD_PROXY_ACCESS_ACCESS_H
#define FORWARD_PROXY_ACCESS_ACCESS_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/prefix.h"
#include "regex/regex.h"

struct destination;
struct inside_rules;
struct policy_readings;
struct policy_schedule;
struct policy_zone;

struct access_ports {
	uint16_t first, last;
};

/* A place of a rule: a prefix where it has a family, else a name. */
struct access_place {
	struct ip_prefix prefix;
	const char *name; /* lower case */
	bool below;	  /* "*.name": all names below it, not itself */
};

/* Which paths: one of policy/path.h, or, where there is one, a regular expression. */
struct access_path {
	struct span glob;
	struct regex *regex; /* owned by the rule */
};

enum access_action { ACCESS_ALLOW, ACCESS_DENY };

/* All that is given must fit; an empty list fits everything. */
struct access_rule {
	enum access_action action;
	const struct ip_prefix *from;
	size_t from_n;
	const char *const *groups; /* of the site's policy; one is enough */
	size_t groups_n;
	const char *const *users; /* "*": whoever is signed in */
	size_t users_n;
	const struct access_place *to;
	size_t to_n;
	const struct access_ports *ports;
	size_t ports_n;
	/* Of a path that nobody sees, as in a tunnel, none fits. One reading of the path
	 * (policy/url.h) in one of them is enough to deny; to allow, all must be. */
	const struct access_path *paths;
	size_t paths_n;
	const struct policy_schedule *times; /* NULL: always */
	const char *reason;		     /* for people who are refused; NULL: none */
};

/* What becomes of a request that no rule decides. */
enum access_otherwise { ACCESS_OTHERWISE_ALLOW, ACCESS_OTHERWISE_SIGN_IN, ACCESS_OTHERWISE_DENY };

/* Borrowed from the configuration. */
struct access_rules {
	const struct access_rule *rules;
	size_t rules_n;
	enum access_otherwise otherwise;
	const struct policy_zone *zone; /* of times */
	bool clear_passwords;		/* they may be asked for without TLS */
	bool paths;			/* one of them is about paths */
};

enum access_member {
	ACCESS_MEMBER_NOT,
	ACCESS_MEMBER,
	ACCESS_MEMBER_UNKNOWN, /* there is no policy, or no such group in it */
};

struct access_facts {
	struct ip_address client; /* never IPv4-mapped */
	struct span user;	  /* who was found to be signed in; empty: nobody */
	bool secure;		  /* what the client sends nobody else reads: TLS */
	uint64_t now_s;		  /* since 1970 */
	/* Is the client in that group? What is not known is taken for the worse: a rule that denies
	 * fits, one that allows does not. NULL: nothing is known. */
	enum access_member (*member)(const void *arg, const char *group);
	const void *member_arg;
	const struct destination *to;
	/* All that the name has; 0: not asked for yet. Of a destination that is an address it is
	 * not looked at. */
	const struct ip_address *addresses;
	size_t addresses_n;
	/* The site's translators: what lies behind one is the IPv4 address that it stands for,
	 * too. NULL: there is the well-known prefix. */
	const struct inside_rules *translators;
	/* Another proxy is asked to resolve the name: we never know its addresses. What then a rule
	 * says of addresses is taken for the worse: it denies, and it does not allow. */
	bool unresolved;
	const struct policy_readings *readings; /* of the path; NULL: it is not seen */
};

enum access_answer {
	ACCESS_PASS,
	ACCESS_RESOLVE, /* it depends on the name's addresses, which are not known yet */
	ACCESS_SIGN_IN, /* 407: it depends on who it is */
	ACCESS_DENIED,	/* 403 */
};

enum access_why {
	ACCESS_WHY_NOTHING,
	ACCESS_WHY_RULE,      /* verdict.rule */
	ACCESS_WHY_OTHERWISE, /* no rule allows it */
	ACCESS_WHY_CLEAR,     /* it needs a password, which nobody may send without TLS */
	ACCESS_WHYS,
};

/* "rule": a word for logs and labels; never NULL. */
const char *access_why_text(enum access_why why);

struct access_verdict {
	enum access_answer answer;
	enum access_why why;		/* ACCESS_DENIED */
	const struct access_rule *rule; /* that decided; NULL: none did */
};

/* Does it fit, by all that is known by now? Who has not signed in is no user. For rules that do not
 * say who may go where but what becomes of it. Of r only zone counts. */
bool access_rule_fits(const struct access_rules *r, const struct access_rule *rule,
		      const struct access_facts *f);

/* Any thread; allocates nothing. */
void access_judge(const struct access_rules *r, const struct access_facts *f,
		  struct access_verdict *ret);

/* "443" or "8000-8999", 1 to 65535, the first not above the last; false: neither. */
bool access_ports_read(struct span text, struct access_ports *ret);
bool access_ports_contain(const struct access_ports *list, size_t n, uint16_t port);
/* "192.0.2.0/24", "example.org", "*.example.org". The name is written to room, which it fills up to
 * text.len and a NUL. ERR_FORMAT: none of them; ERR_REFUSED: a prefix with bits beyond its length.
 */
MUST enum err access_place_read(struct span text, char *room, struct access_place *ret);

/* "/ads/", "/a*.exe|" or "~^/ads/[0-9]+"; room: POLICY_PATH_MAX octets. ERR_FORMAT: none of them,
 * and of an expression *wrong (may be NULL) says why; ENOMEM. */
MUST enum err access_path_read(struct span text, uint8_t *room, struct access_path *ret,
			       char wrong[REGEX_WRONG_MAX]);
void access_paths_done(const struct access_path *paths, size_t n);

/* Is d there, by what is written? Of a prefix: an address in it. */
bool access_place_fits(const struct access_place *p, const struct destination *d);

#endif
