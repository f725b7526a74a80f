/* The DNS of quarantine: every name is the sign-in page's address, answered from the query alone.
 * Nothing leaves, so nobody tunnels through it; knows no peer and no packet. */
#ifndef VPN_GATE_PAGE_DNS_H
#define VPN_GATE_PAGE_DNS_H

#include "base/writer.h"
#include "proto/dns/name.h"
#include "proto/ip/address.h"

struct page_dns {
	struct dns_name name;		/* the page's; len 0: it has none */
	struct ip_address page4, page6; /* family 0: none */
};

/* The largest answer: a name of 255 octets, one address, an SOA, OPT. */
enum { PAGE_DNS_ANSWER_MAX = 512 };

/* Answers query at w, with the page's addresses of TTL 0 (A, AAAA; RFC 1035) or, for every other
 * type and for a family that the page lacks, with no data and an SOA (RFC 2308 2.2). Other classes
 * than IN are refused. ERR_FORMAT, and nothing written: no query, or one that dns_query_read drops.
 * ERR_LIMIT: w is too small. */
MUST enum err page_dns_answer(const struct page_dns *d, struct span query, struct writer *w);

/* Does query, well-formed, ask for the page's own name? */
bool page_dns_is_for_page(const struct page_dns *d, struct span query);

#endif
