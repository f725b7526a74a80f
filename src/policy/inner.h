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

#endif
