/* Pauses of groups as bytes of a file beside the policy's, so that a pause needs no new policy.
 * Groups stand in it by name, for their numbers may differ in the next policy. Has no clock. */
#ifndef POLICY_PAUSES_H
#define POLICY_PAUSES_H

#include "policy/policy.h"

struct policy_pause {
	struct span group; /* empty: all clients */
	uint64_t until_s;  /* seconds since 1970 */
};

/* Of a whole file. */
enum { POLICY_PAUSES_LEN_MAX = 32 + (POLICY_GROUPS_MAX + 1) * (1 + POLICY_NAME_MAX + 8) };

/* At most POLICY_GROUPS_MAX + 1 of them. */
void policy_pauses_write(const struct policy_pause *pauses, size_t n, struct writer *w);

/* Of groups that the policy does not have nothing is taken; an empty file is no pause. ERR_FORMAT:
 * torn or none of ours, and ret is untouched. */
MUST enum err policy_pauses_read(const struct policy *p, struct span bytes,
				 struct policy_pauses *ret);

#endif
