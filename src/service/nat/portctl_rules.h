/* Who may open which ports, how many and for how long: the compiled form of `port-control`. Knows
 * neither the configuration's words nor any mapping. */
#ifndef NAT_PORTCTL_RULES_H
#define NAT_PORTCTL_RULES_H

#include "proto/ip/prefix.h"

enum { PORTCTL_TRAFFIC_MAX = 32 };

/* Ports of one protocol, inside and outside. */
struct portctl_traffic {
	uint8_t protocol; /* IANA's number */
	uint16_t first, last;
};

/* Who: one of the zones or one of the hosts; all inside, when both are empty. */
struct portctl_rule {
	const char *const *zones; /* borrowed, as hosts */
	size_t zones_n;
	const struct ip_prefix *hosts;
	size_t hosts_n;
	struct portctl_traffic traffic[PORTCTL_TRAFFIC_MAX];
	size_t traffic_n;
};

struct portctl_rules {
	const struct portctl_rule *rules; /* the first that fits allows it; none: nobody may */
	size_t rules_n;
	uint32_t mappings_max;	    /* of each family */
	uint32_t host_mappings_max; /* of one address inside */
	uint32_t lifetime_min_s, lifetime_max_s;
	const struct ip_prefix *third_party; /* who may ask for others (RFC 6887 13.1) */
	size_t third_party_n;
};

/* What an ask is about, as far as rules go. external_port 0: any. */
struct portctl_subject {
	const char *zone;
	const struct ip_address *host;
	uint8_t protocol;
	uint16_t internal_port, external_port;
};

/* Whether some rule allows it. With external_port 0 the port inside alone decides. */
bool portctl_rules_allow(const struct portctl_rules *r, const struct portctl_subject *s);
/* RFC 6887 13.1: whether that host may ask on behalf of others. */
bool portctl_rules_third_party(const struct portctl_rules *r, const struct ip_address *host);

#endif
