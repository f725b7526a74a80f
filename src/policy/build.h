/* Makes the bytes of a policy (policy.h) of a configuration and of the texts of lists. Knows
 *neither where the texts are from nor where the bytes go.
 *
 *	policy_build_new(&setup, rules_max, &b);
 *	for each list	policy_build_text(b, list, text, &counts), or policy_build_carry
 *	policy_build_finish(b, seed, &bytes, &len);		then write them, and free(bytes)
 *
 * MEMORY: for each line that is kept its name and 7 octets, in one block that grows by halves;
 *while it finishes 16 octets more for each, and the result beside it. Never more than rules_max
 *lines are kept. (bench/policy measures it.) */
#ifndef POLICY_BUILD_H
#define POLICY_BUILD_H

#include "policy/policy.h"
#include "policy/text.h"

struct policy_build;

enum policy_member_kind {
	POLICY_MEMBER_PREFIX,
	POLICY_MEMBER_MAC,
	POLICY_MEMBER_LEASE,
	POLICY_MEMBER_PEER,
	POLICY_MEMBER_USER,
};

/* One of those who are in a group, or, with `except`, are not. */
struct policy_member {
	enum policy_member_kind kind;
	uint8_t group;
	bool except;
	struct ip_prefix prefix;
	uint8_t mac[6];
	/* Of a lease, a peer, a user: 1 to POLICY_NAME_MAX octets; stars in the first two stand
	 * for any octets, in POLICY_GLOBS_MAX members at most. */
	struct span name;
};

/* Does it name several, by a star? */
bool policy_member_is_glob(enum policy_member_kind kind, struct span name);

struct policy_list_setup {
	struct span name;
	bool subdomains; /* plain names, and those of hosts files, stand for all below them as well
			  */
};

struct policy_schedule_setup {
	struct span name;
	struct policy_schedule schedule;
};

/* All of it is borrowed for the call and copied. */
struct policy_setup {
	uint64_t configuration, generation, made_s; /* of struct policy_facts */
	const struct span *groups;
	size_t groups_n;
	const struct policy_member *members;
	size_t members_n;
	const struct policy_list_setup *lists;
	size_t lists_n;
	const struct policy_schedule_setup *schedules;
	size_t schedules_n;
	const struct policy_rule *rules;
	size_t rules_n;
	struct policy_zone zone;
};

/* A hash of all that the setup says but generation, time of making and the hash itself. ENOMEM. */
MUST enum err policy_setup_hash(const struct policy_setup *s, uint64_t *ret);

/* Of one text. */
struct policy_counts {
	uint64_t lines;			      /* of the text */
	uint64_t kinds[POLICY_LINE_KINDS];    /* RULE: names that were taken */
	uint64_t exceptions, patterns, paths; /* of those */
	uint64_t surplus;		      /* beyond rules_max */
	uint64_t first_bad; /* number of the first line that is nothing known; 0: none */
};

enum { POLICY_BUILD_RULES_MAX = 16 * 1000 * 1000 };

/* ERR_LIMIT: more than policy.h says; ERR_FORMAT: a rule names what is not there, a name is empty
 * or too long; ENOMEM. */
MUST enum err policy_build_new(const struct policy_setup *setup, size_t rules_max,
			       struct policy_build **ret);
void policy_build_free(struct policy_build *b); /* accepts NULL */
DEFINE_AUTO(struct policy_build, policy_build_free)

/* Takes the whole text of a list; once for each list. ret is filled also when memory ends. */
MUST enum err policy_build_text(struct policy_build *b, unsigned list, struct span text,
				struct policy_counts *ret);

/* In place of a text that is not there: all that `from` has of its list from_list, with the numbers
 * of its lines. What the list's text said beside ($badfilter, what one of its lines said twice) is
 * not in there any more. ret: of rules only; as above. */
MUST enum err policy_build_carry(struct policy_build *b, unsigned list, const struct policy *from,
				 unsigned from_list, struct policy_counts *ret);

struct policy_built {
	uint8_t *bytes; /* the caller's: free() */
	size_t len;
	uint64_t names, lines;
	uint64_t twice;	      /* lines that said what another of the same list says */
	uint64_t badfiltered; /* lines that a $badfilter took out, itself counted */
	uint64_t surplus;     /* lines beyond what one name may have (form.h) */
};

/* seed: 16 octets of fresh entropy, so that no list's author knows which names collide. Once for
 * each builder. ERR_LIMIT: no table could be made, or POLICY_BYTES_MAX is passed; ENOMEM. */
MUST enum err policy_build_finish(struct policy_build *b, const uint8_t seed[16],
				  struct policy_built *ret);

#endif
