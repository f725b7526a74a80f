/* What runs is judged again, by what is in force now: each tunnel and each association of a worker,
 * after a reload, after another policy, each minute where hours may end, and every five seconds
 * where users of the tunnels sign in. Who may not any more
 * is cut. What is fetched is left: it ends by itself. Quotas and limits are chosen anew for all
 * that runs. In the worker's thread.
 */
#ifndef FORWARD_PROXY_IO_REVIEW_H
#define FORWARD_PROXY_IO_REVIEW_H

#include "os/loop.h"

#include <stdbool.h>

struct auth_user;
struct forward_exchange;
struct forward_site;
struct forward_worker;

/* A part of the worker; zeroed, then begun. */
struct forward_review {
	struct forward_exchange *runs; /* all exchanges, the last one first */
	struct forward_exchange *next; /* to be judged; NULL: all were */
	struct loop_timer turn, minute;
};

void forward_review_init(struct forward_worker *w);
void forward_review_done(struct forward_worker *w); /* accepts what was not begun */
/* All that run now, some in a turn of the loop. */
void forward_review_begin(struct forward_worker *w);
/* The same, by another configuration. */
void forward_review_site(struct forward_worker *w);

/* An exchange begins and ends. */
void forward_review_add(struct forward_exchange *e);
void forward_review_leave(struct forward_exchange *e);

/* Of a tunnel: may it be, by what is in force? False: *ret says why not, an enum refusal, and
 * e->detail; it is counted. */
bool forward_may_run(struct forward_exchange *e, unsigned *ret);
/* Who signed in, in that configuration: of the same name and password. NULL: he is not there. */
const struct auth_user *forward_same_user(const struct forward_site *site,
					  const struct auth_user *user);
/* It ends by a reset, and e with it. why: an enum refusal. */
void forward_cut(struct forward_exchange *e, unsigned why);

#endif
