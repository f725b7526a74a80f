/* Whether the proxies answer to which connections are led (`when-down: pass`). Each is called every
 * second by a connection that was led there by nobody, which it ends at once; one that does not
 * answer is down, and its clients go without it until it does. Knows no packet filter.
 */
#ifndef NAT_IO_PROBE_H
#define NAT_IO_PROBE_H

#include "os/loop.h"

struct nat_conf;
struct nat_probe;
struct nat_tables;

struct nat_prober {
	struct loop *loop;	   /* borrowed */
	const struct nat_conf *of; /* the configuration in force; borrowed */
	struct nat_probe *items;   /* n of them; owned */
	size_t n;
	void (*changed)(void *arg); /* one is down, or up again */
	void *arg;		    /* borrowed */
};

void nat_prober_init(struct nat_prober *p, struct loop *loop, void (*changed)(void *arg),
		     void *arg);
/* Those of conf from here on, all of them up until they are found down; conf NULL: none. Without
 * memory: none, which is logged. */
void nat_prober_turn(struct nat_prober *p, const struct nat_conf *conf);

/* Of tables that were made of conf: what would be led to who is down is left alone, with a note. */
void nat_prober_release(const struct nat_prober *p, const struct nat_conf *conf,
			struct nat_tables *t);

#endif
