/* The flows as they lie in the data plane's memory, each copied while packets go on changing it,
 * and told in the terms of people. Knows no map, no name of a zone and no JSON.
 *
 *	for (uint32_t n = 1; n < flows.end; n++)
 *		if (nat_flow_read(&flows, n, &view) && nat_flow_matches(&filter, &view)) ...
 */
#ifndef NAT_FLOWS_H
#define NAT_FLOWS_H

#include "proto/ip/prefix.h"
#include "service/nat/bpf/shared.h"

/* TCP: the first three; all else: the last two. */
enum nat_flow_state {
	NAT_FLOW_OPENING,
	NAT_FLOW_ESTABLISHED,
	NAT_FLOW_CLOSING,
	NAT_FLOW_UNANSWERED,
	NAT_FLOW_ANSWERED,
	NAT_FLOW_STATES,
};

const char *nat_flow_state_name(enum nat_flow_state state);
/* False: none of them. */
MUST bool nat_flow_state_read(const char *name, enum nat_flow_state *ret);

/* From enum nat_tcp and enum nat_flow_flag. */
enum nat_flow_state nat_flow_state_of(uint8_t tcp, uint8_t flags);
/* Ticks from then until now; 0: who refreshes it while we look is ahead of our clock. */
uint32_t nat_flow_since(uint32_t now, uint32_t then);

/* "tcp", or the number in ret. */
enum { NAT_PROTO_TEXT_MAX = 8 };
const char *nat_proto_name(uint8_t proto, char ret[NAT_PROTO_TEXT_MAX]);
/* A name that nat_proto_name gives, or a number from 1 to 255. */
MUST bool nat_proto_read(const char *text, uint8_t *ret);

/* All borrowed; the memory is the data plane's and changes. */
struct nat_flows {
	const struct nat_flow4 *items; /* [0] is nobody's */
	const struct nat_leg4 *legs;
	uint32_t legs_n;
	uint32_t end; /* numbers below it have been used */
	const struct nat_settings *settings;
	uint32_t now; /* tick */
};

/* ICMP: the identifier of the query stands for the port of who asks. */
struct nat_flow_view {
	uint32_t number;
	uint8_t proto;
	enum nat_flow_state state;
	uint8_t flags;			   /* enum nat_flow_flag */
	struct ip_endpoint from, to;	   /* as the originator's packets have it */
	struct ip_endpoint from_as, to_as; /* and as they leave */
	unsigned from_zone, to_zone;	   /* enum nat_zone, where each side's packets come in */
	uint16_t rule;			   /* which one allowed it; 0: none had to */
	uint64_t bytes[2];		   /* of the originator; of the answers */
	uint32_t age_s, idle_s, left_s;	   /* left_s: until it ends, if nothing comes */
	bool untimed;			   /* age_s and idle_s are not known */
	struct ip_address host;		   /* whose limit it counts for; family 0: nobody's */
};

/* False: there is no flow of that number, or it changed hands while it was being read. */
MUST bool nat_flow_read(const struct nat_flows *f, uint32_t number, struct nat_flow_view *ret);

/* What of it the host has sent and was sent; false: it is nobody's. */
MUST bool nat_flow_traffic(const struct nat_flow_view *v, uint64_t *ret_out, uint64_t *ret_in);

struct nat_flow_filter {
	struct ip_prefix host; /* of either end, before or after translation; family 0: any */
	uint16_t port;	       /* likewise; 0: any */
	uint8_t proto;	       /* 0: any */
	int zone;	       /* of either side; -1: any */
	int state;	       /* enum nat_flow_state; -1: any */
};

#define NAT_FLOW_FILTER_ANY ((struct nat_flow_filter){.zone = -1, .state = -1})

bool nat_flow_matches(const struct nat_flow_filter *f, const struct nat_flow_view *v);

/* Ticks as seconds, for ages. */
static inline uint32_t nat_ticks_s(uint32_t ticks)
{
	return (uint32_t)(((uint64_t)ticks << NAT_TICK_SHIFT) / 1000000000u);
}

#endif
