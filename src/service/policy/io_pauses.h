/* The pauses of groups: until when each group's rules are lifted, in a file beside the policy,
 * which those who obey it read. They outlive a restart. Main thread.
 */
#ifndef POLICY_IO_PAUSES_H
#define POLICY_IO_PAUSES_H

#include "policy/pauses.h"

struct pause {
	char group[POLICY_NAME_MAX + 1]; /* "": all clients */
	uint64_t until_s;
};

struct pauses {
	char *path; /* owned */
	struct pause items[POLICY_GROUPS_MAX + 1];
	size_t n;
};

/* folder: of the state. ENOMEM. */
MUST enum err pauses_init(struct pauses *p, const char *folder);
void pauses_done(struct pauses *p);
/* What the last process has left, as a policy with these groups was read with it. */
void pauses_take(struct pauses *p, const struct policy *policy, const struct policy_pauses *held,
		 uint64_t now_s);
/* until_s at or before now_s: it ends. Written when it returns. ERR_LIMIT: too many. */
MUST enum err pauses_set(struct pauses *p, const char *group, uint64_t until_s, uint64_t now_s);
/* 0: it is not paused. */
uint64_t pauses_until(const struct pauses *p, const char *group, uint64_t now_s);

#endif
