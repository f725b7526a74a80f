/* The policy that a process obeys: the compiled file that the policy service writes, mapped, judged
 * and held, the pauses beside it, and the tables that say which device is at which address, with
 * the next one in its place when one of them was replaced. Knows not how they are made, nor who is
 * asked about.
 *
 *	policy_follow_new(&loop, folder, changed, arg, &f);	main thread
 *	changed(arg, held):	hands policy_held_ref(held) to its workers, who give back the one
 *				before by policy_held_unref when nothing of theirs points to it
 *
 * The folder is that of the policy service (service_life_state_of); those of the services that know
 * devices lie beside it. The reader's sandbox sees into all of them by life.reads_states. */
#ifndef POLICY_IO_FOLLOW_H
#define POLICY_IO_FOLLOW_H

#include "policy/identity.h"
#include "policy/policy.h"

struct loop;
struct policy_follow;

/* Names in the folder. */
#define POLICY_FILE_COMPILED   "compiled"
#define POLICY_FILE_PAUSES     "pauses"
#define POLICY_FILE_NEIGHBOURS "neighbours"

/* As services of the state, relative to its folder; ends with NULL. */
extern const char *const policy_follow_states[];

enum { POLICY_FOLLOW_MS = 500 /* between two looks at the files */ };

/* One policy with the pauses of its moment. Never changed; any thread. */
struct policy_held;
struct policy_held *policy_held_ref(struct policy_held *h); /* accepts NULL */
void policy_held_unref(struct policy_held *h);		    /* accepts NULL */
DEFINE_AUTO(struct policy_held, policy_held_unref)
/* Borrowed from h. */
const struct policy *policy_held_policy(const struct policy_held *h);
const struct policy_pauses *policy_held_pauses(const struct policy_held *h);
/* NULL: the policy has no groups that go by devices, so nobody needs to ask. What the tables say
 * changes while they are held. */
const struct policy_tables *policy_held_tables(const struct policy_held *h);
/* All the same: for people who ask. */
const struct policy_tables *policy_held_all_tables(const struct policy_held *h);
/* What is known of a client, as policy_identify. */
static inline void policy_held_identify(const struct policy_held *h,
					const struct ip_address *address, uint64_t now_s,
					struct policy_identity *ret)
{
	policy_identify(policy_held_tables(h), address, now_s, ret);
}

/* Another one is in force; held is borrowed for the call. In the loop's thread. */
typedef void policy_changed(void *arg, struct policy_held *held);

/* Looks at once: changed may be called within. Without a file there is no policy until there is
 * one; a file that is torn, or gone, leaves the one before in force, which is logged. folder:
 * copied. ENOMEM.
 */
MUST enum err policy_follow_new(struct loop *loop, const char *folder, policy_changed *changed,
				void *arg, struct policy_follow **ret);
void policy_follow_free(struct policy_follow *f); /* accepts NULL */
/* Looks now: for whoever has just written. changed may be called within. */
void policy_follow_now(struct policy_follow *f);
/* Counted for the caller; NULL: there is none. The loop's thread. */
struct policy_held *policy_follow_get(const struct policy_follow *f);

#endif
