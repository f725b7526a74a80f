/* What the files that explain a packet share: the walk through the decisions, and how each is told.
 * Knows nothing more than explain.h. */
#ifndef NAT_EXPLAIN_INNER_H
#define NAT_EXPLAIN_INNER_H

#include "service/nat/conf.h"
#include "service/nat/explain.h"
#include "service/nat/net.h"
#include "service/nat/tables.h"

struct nat_walk {
	const struct nat_conf *conf;
	const struct nat_net *net;
	const struct nat_tables *t;
	struct ip_address src, dst; /* as they came in */
	struct nat_seen seen;	    /* as the rules see it */
	bool begins;		    /* may begin a flow: all but errors and answers of ICMP */
	void (*step)(void *arg, const struct nat_step *s);
	void *arg;
};

__attribute__((format(printf, 3, 4))) void
nat_walk_tell(const struct nat_walk *w, enum nat_step_kind kind, const char *format, ...);
/* Tells the verdict, which it returns. */
enum nat_verdict nat_walk_end(const struct nat_walk *w, enum nat_verdict v, const char *why);

/* The first of the rules first .. last that matches; 0: none. */
uint32_t nat_walk_judge(const struct nat_walk *w, uint32_t first, uint32_t last);
/* The same, and tells nothing. */
uint32_t nat_walk_find(const struct nat_walk *w, uint32_t first, uint32_t last);
/* Whether it goes on; false: *ret_verdict was told. */
bool nat_walk_allowed(const struct nat_walk *w, uint32_t rule, enum nat_verdict *ret_verdict);

/* Whether a proxy takes what goes to the world so, or it is refused as it would pass by one; then
 * *ret_verdict was told. */
bool nat_walk_taken(const struct nat_walk *w, enum nat_verdict *ret_verdict);

/* The zone by which a packet to there leaves; false: no way leads there by a device of a zone. */
bool nat_walk_route(const struct nat_walk *w, const struct ip_address *to, unsigned *ret_zone);
/* To the machine itself. */
enum nat_verdict nat_walk_gateway(struct nat_walk *w);
/* As whom it leaves by each outside device that has public addresses. False: none has. */
bool nat_walk_translation(const struct nat_walk *w);

/* A packet of IPv6, whose source is where it belongs. */
enum nat_verdict nat_walk_six(struct nat_walk *w);

#endif
