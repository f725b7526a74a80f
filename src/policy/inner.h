/* An opened policy as its own files see it, for this folder alone. Knows nothing of how it is made.
 */
#ifndef POLICY_INNER_H
#define POLICY_INNER_H

#include "policy/form.h"
#include "policy/setup.h"

struct policy {
	struct policy_facts facts;
	struct policy_names names;
	struct policy_setup_read setup;
};

/* The line at `at` of a record, which was judged when the policy was opened; where the next one
 * begins. ret->name and ret->verdict stay. */
const uint8_t *policy_record_line(const uint8_t *at, struct policy_match *ret);

#endif
