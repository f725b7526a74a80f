/* The question for the servers of a service (RFC 2782), to a resolver, and what its answer says.
 * Knows no socket and no time; does not choose among them. */
#ifndef PROTO_DNS_SERVICES_H
#define PROTO_DNS_SERVICES_H

#include "proto/dns/name.h"

enum {
	DNS_SERVICES_MAX = 32, /* of an answer; more are passed over */
	DNS_SERVICES_QUERY_MAX = 512,
	DNS_SERVICES_ANSWER_MAX = 1232, /* octets, as the question says */
};

struct dns_service {
	uint16_t priority, weight, port;
	struct dns_name target; /* lower case */
};

struct dns_services {
	struct dns_service items[DNS_SERVICES_MAX]; /* by priority */
	size_t n;				    /* 0: there are none */
	uint32_t ttl_s;				    /* the least on the way */
};

/* room: at least DNS_SERVICES_QUERY_MAX octets. Returns the query. */
struct span dns_services_query(const struct dns_name *name, uint16_t id, void *room);

/* What a message says to that question. A target that is the root means: decidedly not here (RFC
 * 2782), and is left out. ERR_FORMAT: it is no answer to it, and another one may come; ERR_REFUSED:
 * the server cannot tell (SERVFAIL, REFUSED…), or has more than fits. */
MUST enum err dns_services_read(struct span message, const struct dns_name *name, uint16_t id,
				struct dns_services *ret);

#endif
