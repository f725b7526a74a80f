/* What the control socket tells of the policy, and what its lists have blocked, by their names from
 * one policy to the next. Decides nothing. */
#ifndef RESOLVER_IO_POLICY_H
#define RESOLVER_IO_POLICY_H

#include "control/control.h"
#include "os/counters.h"
#include "policy/policy.h"

struct resolver_control;

enum { RESOLVER_LISTED_MAX = 2 * POLICY_LISTS_MAX }; /* lists of this policy and of those before */

struct resolver_listed_total {
	char name[POLICY_NAME_MAX + 1]; /* empty: free */
	uint64_t blocked;
};

/* Workers count by the lists' numbers. */
struct resolver_listed {
	char names[POLICY_LISTS_MAX][POLICY_NAME_MAX + 1]; /* that the numbers stand for */
	uint64_t seen[POLICY_LISTS_MAX];		   /* and are in the totals already */
	struct resolver_listed_total totals[RESOLVER_LISTED_MAX];
};

extern const struct counter_name resolver_list_counter_names[POLICY_LISTS_MAX];

/* The lists' numbers are those of p from now on. */
void resolver_listed_rename(struct resolver_listed *l, const struct counter_set *counters,
			    const struct policy *p);

/* Verbs; arg: struct resolver_control. */
void resolver_control_policy(void *arg, const struct control_request *req,
			     struct control_reply *reply);
void resolver_control_why(void *arg, const struct control_request *req,
			  struct control_reply *reply);
void resolver_control_policy_metrics(struct resolver_control *c, struct writer *w);

#endif
