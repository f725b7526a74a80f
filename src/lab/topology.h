/* The small internet of the lab as tables: hosts, the links between them, their addresses, and the
 * files each is given. Opens nothing and starts nothing. */
#ifndef LAB_TOPOLOGY_H
#define LAB_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#define LAB_ADDRESSES_MAX 6

struct lab_file {
	const char *name;
	const char *text;
};

/* Where a host's IPv4 address, its default route and its name server come from. */
enum lab_ipv4 {
	LAB_WRITTEN, /* this table */
	LAB_DHCP,    /* the site's address server, asked by udhcpc as soon as the lab is up */
	LAB_LATER,   /* the same, when somebody runs udhcpc there */
};

/* One host has one leg, a link to a bridge in a router; routers have the bridges. */
struct lab_host {
	const char *name;
	const char *role;   /* for people */
	const char *router; /* the host that has the bridge; NULL: this is the top router */
	const char *bridge;
	const char *addresses[LAB_ADDRESSES_MAX]; /* "192.0.2.2/24"; of the leg */
	const char *gateways[2];		  /* default routes of its bridge's families */
	const char *nameserver;			  /* for its resolv.conf; NULL: none */
	enum lab_ipv4 ipv4;
	const char *web;       /* a web server runs here, and says so; NULL: none */
	const char *certified; /* it has NAME.pem and NAME.key of the lab's authority; NULL: none */
	bool translates; /* a router that forwards by its gatehouse alone, which is ready before
			    that */
	const struct lab_file *files; /* ended by a NULL name; NULL: no gatehouse runs here */
};

struct lab_bridge {
	const char *router, *name;
	const char *addresses[2]; /* the router's own on it */
};

extern const struct lab_host lab_hosts[]; /* in the order they are made; ended by a NULL name */
extern const struct lab_bridge lab_bridges[];

const struct lab_host *lab_host_find(const char *name);

#endif
