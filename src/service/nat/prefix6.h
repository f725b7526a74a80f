/* IPv6 addresses inside and the ones that the world sees instead (RFC 6296), as the data plane
 * translates them. Knows neither packets nor maps. */
#ifndef NAT_PREFIX6_H
#define NAT_PREFIX6_H

#include <stdbool.h>

struct ip_address;
struct nat_v6_conf;

enum nat_prefix6_way {
	NAT_PREFIX6_NONE, /* no prefix has it: *a is untouched */
	NAT_PREFIX6_MOVED,
	NAT_PREFIX6_REFUSED, /* it cannot be translated: *a is untouched */
};

/* out: an inside address to the one outside; else back. */
enum nat_prefix6_way nat_prefix6_translate(const struct nat_v6_conf *conf, bool out,
					   struct ip_address *a);

#endif
