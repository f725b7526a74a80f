/* Is a text that came a list of names at all, and one that may take the place of the last? Has no
 * I/O; the text is a stranger's.
 */
#ifndef POLICY_JUDGE_H
#define POLICY_JUDGE_H

#include "base/span.h"

enum {
	POLICY_SHRINK_FROM = 50, /* names: of shorter lists any shrinking is believed */
};

struct policy_judged {
	uint64_t lines, names; /* names: of rules that would be taken */
	uint64_t bad;	       /* lines, or names of a hosts file's, that are nothing known */
};

/* How much shorter than the last one may it be? */
enum policy_shrinking {
	POLICY_SHRINKS_HALF,	   /* half as long */
	POLICY_SHRINKS,		   /* as short as it likes, with a name in it: it is another list */
	POLICY_SHRINKS_TO_NOTHING, /* whoever says so means it */
};

/* NULL: it is good. Else why not, a fixed text. names_before: of what it replaces; 0: there is
 * nothing. */
const char *policy_judge(struct span text, uint64_t names_before, enum policy_shrinking shrinking,
			 struct policy_judged *ret);

#endif
