/* Names that are never asked of anybody: special-use names (RFC 6761, RFC 7686, RFC 8375, RFC 9462)
 * and the reverse zones that every site serves itself (RFC 6303, RFC 7793). Knows no cache and no
 * servers. */
#ifndef RESOLVER_LOCAL_H
#define RESOLVER_LOCAL_H

#include "base/writer.h"
#include "proto/dns/name.h"

enum local_kind {
	LOCAL_NONE, /* an ordinary name */
	LOCAL_ANSWER,
	LOCAL_NODATA,
	LOCAL_NXDOMAIN,
};

/* Rows of packed RRsets (rrset.h) go to answer and authority. ret_zone: the local zone that the
 * name is in. */
enum local_kind local_find(const struct dns_name *name, uint16_t type, struct writer *answer,
			   struct writer *authority, struct dns_name *ret_zone);

/* ipv4only.arpa and the reverse names of its two addresses (RFC 7050), for who synthesizes from
 * them: RFC 8880 7.1 wants a DNS64 resolver to answer for that name itself. */
enum local_kind local_find_ipv4only(const struct dns_name *name, uint16_t type,
				    struct writer *answer, struct writer *authority,
				    struct dns_name *ret_zone);

/* The SOA of a zone that is only here, with names that lead nowhere (RFC 6303 3). */
void local_soa(struct writer *w, const struct dns_name *zone);

#endif
