/* The question for the addresses of a name, to a resolver, and what its answer says. Knows no
 * socket and no time. */
#ifndef PROTO_DNS_ADDRESSES_H
#define PROTO_DNS_ADDRESSES_H

#include "proto/dns/name.h"
#include "proto/ip/address.h"

enum {
	DNS_ADDRESSES_MAX = 16, /* of an answer; more are passed over */
	DNS_ADDRESSES_QUERY_MAX = 512,
};

struct dns_addresses {
	struct ip_address items[DNS_ADDRESSES_MAX];
	size_t n;	/* 0: there are none */
	uint32_t ttl_s; /* the least on the way */
};

/* type: A or AAAA. room: at least DNS_ADDRESSES_QUERY_MAX octets. Returns the query. */
struct span dns_addresses_query(const struct dns_name *name, uint16_t type, uint16_t id,
				void *room);

/* What a message says to that question. ERR_FORMAT: it is no answer to it, and another one may
 * come; ERR_REFUSED: the server cannot tell (SERVFAIL, REFUSED…). */
MUST enum err dns_addresses_read(struct span message, const struct dns_name *name, uint16_t type,
				 uint16_t id, struct dns_addresses *ret);

#endif
