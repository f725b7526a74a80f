/* What kind of traffic a rule or a forward is about, from its text: protocols, ports, ICMP types.
 * Knows no address. */
#ifndef NAT_TRAFFIC_H
#define NAT_TRAFFIC_H

#include "base/err.h"
#include "base/span.h"

enum {
	NAT_PROTO_ICMP = 1,
	NAT_PROTO_TCP = 6,
	NAT_PROTO_UDP = 17,
	NAT_PROTO_ICMPV6 = 58,
	NAT_PROTO_SCTP = 132,
};

/* proto 0: any, then the range is 0 to 65535. TCP, UDP and SCTP: ports; ICMP and ICMPv6: type << 8
 * | code; of others always 0 to 65535. */
struct nat_traffic {
	uint8_t proto;
	uint16_t first, last;
};

/* A port without a protocol is TCP's and UDP's; `ping` is that of both families. */
enum { NAT_TRAFFICS_MAX = 2, NAT_TRAFFIC_TEXT_MAX = 40 };

struct nat_traffics {
	struct nat_traffic items[NAT_TRAFFICS_MAX];
	size_t n;
};

/* 443/tcp, 8000-8010/udp, 53, tcp, icmp, ping, icmp/echo-request, icmp/3, icmp/3/4, icmpv6/1, gre,
 * esp, ah, sctp, 47/ip. ERR_FORMAT. */
MUST enum err nat_traffic_parse(struct span text, struct nat_traffics *ret);

/* PORT or FIRST-LAST, 1 to 65535. ERR_FORMAT. */
MUST enum err nat_ports_parse(struct span text, uint16_t *ret_first, uint16_t *ret_last);

/* As nat_traffic_parse reads it; "any" for proto 0. */
const char *nat_traffic_format(const struct nat_traffic *t, char ret[NAT_TRAFFIC_TEXT_MAX]);

static inline bool nat_traffic_has_ports(const struct nat_traffic *t)
{
	return t->proto == NAT_PROTO_TCP || t->proto == NAT_PROTO_UDP || t->proto == NAT_PROTO_SCTP;
}

/* 10/s, 30/m, 100/h as microseconds between two. At least one an hour, at most 1,000,000 a second.
 * ERR_FORMAT. */
MUST enum err nat_rate_parse(struct span text, uint32_t *ret_us);

#endif
