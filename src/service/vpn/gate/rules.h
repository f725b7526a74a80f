/* Where a peer may go: destinations and ports as the configuration writes them, compiled into a
 * form that never changes. Knows no sign-in and no time. */
#ifndef VPN_GATE_RULES_H
#define VPN_GATE_RULES_H

#include "proto/ip/prefix.h"

struct gate_packet;
struct gate_rules;

/* Of one peer; more is ERR_LIMIT. */
enum { GATE_REACH_MAX = 256 };

/* One thing that a peer may reach. */
struct gate_reach {
	struct ip_prefix to;
	uint8_t protocol;     /* 0: every one; else its number, IPv4's ICMP for ICMPv6 as well */
	uint16_t first, last; /* ports of TCP or UDP; 0 and 0: all of them */
};

/* reach: n of them, copied. n is 0: nothing can be reached. ERR_LIMIT, ENOMEM; ERR_FORMAT: ports
 * without TCP or UDP, or from high to low. */
MUST enum err gate_rules_new(const struct gate_reach *reach, size_t n, struct gate_rules **ret);
void gate_rules_free(struct gate_rules *rules);
DEFINE_AUTO(struct gate_rules, gate_rules_free)

/* May the peer send p? Later fragments are judged without ports: their first was judged with them.
 * An ICMP error is judged by the packet that it quotes, the other way round. */
bool gate_rules_allow_in(const struct gate_rules *rules, const struct gate_packet *p);
/* May p go to the peer: would the peer be allowed to send what p answers? */
bool gate_rules_allow_out(const struct gate_rules *rules, const struct gate_packet *p);

#endif
