/* Is a text that came a list of names at all, and one that may take the place of the last? Has no
 * I/O; the text is a stranger's.
 */
#ifndef POLICY_JUDGE_H
#define POLICY_JUDGE_H

#include "base/span.h"

#include <stdbool.h>

enum {
	POLICY_SHRINK_FROM = 50, /* names: of shorter lists any shrinking is believed */
};

struct policy_judged {
	uint64_t lines, names; /* names: of rules that would be taken */
	uint64_t bad;	       /* lines, or names of a hosts file's, that are nothing known */
};

/* NULL: it is good. Else why not, a fixed text. names_before: of the text that it replaces; 0:
 * there is none. shrinks: it may be far shorter than that. */
const char *policy_judge(struct span text, uint64_t names_before, bool shrinks,
			 struct policy_judged *ret);

#endif
