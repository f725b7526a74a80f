/* Names, asked of the site's resolvers by one worker: for A and AAAA at once, each question from a
 * port of its own. Knows no request; what is kept of answers is names.h's.
 */
#ifndef FORWARD_PROXY_IO_NAMES_H
#define FORWARD_PROXY_IO_NAMES_H

#include "os/loop.h"
#include "service/forward-proxy/names.h"

enum {
	FORWARD_RESOLVERS_MAX = 4,
	FORWARD_ASKS_MAX = 128,				/* names at once */
	FORWARD_ASK_DESCRIPTORS = 2 * FORWARD_ASKS_MAX, /* of each worker */
};

struct forward_names;

/* loop: borrowed. told: in a turn of the loop, once for each waiter of names_find. ENOMEM. */
MUST enum err forward_names_new(struct loop *loop, void (*told)(void *arg, struct name_waiter *w),
				void *arg, struct forward_names **ret);
/* Nobody may wait. Accepts NULL. */
void forward_names_free(struct forward_names *n);

/* Whom to ask from now on; copied, at most FORWARD_RESOLVERS_MAX. */
void forward_names_set(struct forward_names *n, const struct ip_endpoint *resolvers,
		       size_t resolvers_n);

/* names_find; what it asks for goes out in a later turn. */
enum names_found forward_names_find(struct forward_names *n, struct span text,
				    struct name_waiter *w, struct names_addresses *ret);
/* names_worked. */
void forward_names_worked(struct forward_names *n, struct span text, const struct ip_address *a);

#endif
