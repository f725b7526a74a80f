/* A zone cut on the way: the zone, the names of its servers and those of their addresses that are
 * known; and the choice of which to ask. Knows neither how addresses are found nor what is asked.
 */
#ifndef RESOLVER_DELEGATION_H
#define RESOLVER_DELEGATION_H

#include "proto/dns/name.h"
#include "service/resolver/server.h"

#define DELEGATION_NAMES_MAX	 16u /* more servers of a zone than this are not tried */
#define DELEGATION_ADDRESSES_MAX 32u
#define DELEGATION_NAME_NONE	 0xffu
#define DELEGATION_TRIES_MAX	 4u /* questions to one address, at one cut, for one walk */

enum delegation_kind {
	DELEGATION_ITERATIVE, /* the servers are authoritative: RD=0 */
	DELEGATION_FORWARD,   /* they resolve for us: RD=1 */
};

/* What was done to find the addresses of a server's name: a bit for each family. */
#define DELEGATION_V4 0x1u
#define DELEGATION_V6 0x2u

struct delegation_name {
	struct dns_name name;
	uint8_t looked_up; /* look-ups begun, or not worth it */
};

struct delegation_address {
	struct ip_endpoint at;
	uint8_t name;	/* in names, or DELEGATION_NAME_NONE */
	uint8_t tries;	/* questions sent */
	bool bad;	/* gave a wrong answer to this walk: not asked again */
	bool recursive; /* answered with what others know: believed when there is nobody else */
};

struct delegation {
	struct dns_name zone;
	enum delegation_kind kind;
	bool configured; /* its addresses are from the configuration: loopback may be among them */
	uint32_t hold_max_s; /* what it says is held at most so long; UINT32_MAX: as it says itself
			      */
	uint8_t names_n, addresses_n;
	struct delegation_name names[DELEGATION_NAMES_MAX];
	struct delegation_address addresses[DELEGATION_ADDRESSES_MAX];
};

/* Empties d; its names and addresses follow. */
void delegation_init(struct delegation *d, const struct dns_name *zone, enum delegation_kind kind);
/* Both pass over what is there already and what there is no room for. */
void delegation_add_name(struct delegation *d, const struct dns_name *name);
void delegation_add_address(struct delegation *d, uint8_t name, const struct ip_endpoint *at);
/* DELEGATION_NAME_NONE: not one of its servers. */
uint8_t delegation_find_name(const struct delegation *d, const struct dns_name *name);

/* Which addresses may be asked at all. */
struct delegation_rules {
	bool ipv4, ipv6, loopback;
};

/* The address to ask next: those tried least come first; among them one of the quickest at random;
 * and now and then any, so that a server that became quicker is noticed. random: fresh. NULL: none
 * is left. */
struct delegation_address *delegation_choose(struct delegation *d, struct servers *servers,
					     const struct delegation_rules *rules,
					     uint64_t zone_hash, uint64_t now_ms, uint64_t random);

#endif
