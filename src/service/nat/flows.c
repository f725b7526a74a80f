#include "service/nat/flows.h"

#include "service/nat/tables.h"
#include "service/nat/traffic.h"

#include <assert.h>
#include <stdio.h>

/* --- names --- */

static const char *const state_names[] = {
	[NAT_FLOW_OPENING] = "opening",	  [NAT_FLOW_ESTABLISHED] = "established",
	[NAT_FLOW_CLOSING] = "closing",	  [NAT_FLOW_UNANSWERED] = "unanswered",
	[NAT_FLOW_ANSWERED] = "answered",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == NAT_FLOW_STATES, "a name for each");

const char *nat_flow_state_name(enum nat_flow_state state)
{
	ASSERT(state < NAT_FLOW_STATES);
	return state_names[state];
}

bool nat_flow_state_read(const char *name, enum nat_flow_state *ret)
{
	for (unsigned i = 0; i < NAT_FLOW_STATES; i++)
		if (strcmp(state_names[i], name) == 0) {
			*ret = (enum nat_flow_state)i;
			return true;
		}
	return false;
}

static const struct {
	uint8_t proto;
	const char *name;
} proto_names[] = {
	{NAT_PROTO_ICMP, "icmp"},
	{NAT_PROTO_TCP, "tcp"},
	{NAT_PROTO_UDP, "udp"},
	{NAT_PROTO_SCTP, "sctp"},
	{NAT_PROTO_ICMPV6, "icmpv6"},
	{47, "gre"},
	{50, "esp"},
	{51, "ah"},
};
enum { PROTOS = sizeof(proto_names) / sizeof(proto_names[0]) };

const char *nat_proto_name(uint8_t proto, char ret[NAT_PROTO_TEXT_MAX])
{
	for (size_t i = 0; i < PROTOS; i++)
		if (proto_names[i].proto == proto)
			return proto_names[i].name;
	(void)snprintf(ret, NAT_PROTO_TEXT_MAX, "%u", proto);
	return ret;
}

bool nat_proto_read(const char *text, uint8_t *ret)
{
	uint64_t number;
	for (size_t i = 0; i < PROTOS; i++)
		if (strcmp(proto_names[i].name, text) == 0) {
			*ret = proto_names[i].proto;
			return true;
		}
	if (!span_to_u64(span_text(text), UINT8_MAX, &number) || number == 0)
		return false;
	*ret = (uint8_t)number;
	return true;
}

/* --- one record --- */

union record {
	struct nat_flow4 flow;
	uint64_t word[sizeof(struct nat_flow4) / sizeof(uint64_t)];
};
enum {
	RECORD_WORDS = sizeof(union record) / sizeof(uint64_t),
	TUPLE_WORDS = 2 * sizeof(struct nat_tuple4) / sizeof(uint64_t),
};
static_assert(sizeof(union record) == sizeof(struct nat_flow4), "no word is left over");

/* A number is used again only after it was dead for a while: when it is alive on both sides of the
 * copy, with the same tuples, then all of the copy is of one flow. Its counters may be of two
 * moments. */
static bool copy(const struct nat_flow4 *from, union record *to)
{
	const union record *at = (const union record *)from;
	if (__atomic_load_n(&from->life, __ATOMIC_ACQUIRE) != NAT_LIVE)
		return false;
	for (size_t i = 0; i < RECORD_WORDS; i++)
		to->word[i] = __atomic_load_n(&at->word[i], __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	for (size_t i = 0; i < TUPLE_WORDS; i++)
		if (to->word[i] != __atomic_load_n(&at->word[i], __ATOMIC_RELAXED))
			return false;
	return to->flow.life == NAT_LIVE &&
	       __atomic_load_n(&from->life, __ATOMIC_RELAXED) == NAT_LIVE;
}

/* What its direction `side` has counted; its packets come later than the record says. */
static uint64_t leg_hear(const struct nat_flows *f, const struct nat_flow4 *flow, uint32_t number,
			 unsigned side, uint32_t *seen)
{
	uint32_t owner = number | (side ? NAT_LEG_ANSWERS : 0);
	if (flow->leg[side] >= f->legs_n)
		return 0;
	const struct nat_leg4 *leg = &f->legs[flow->leg[side]];
	if (__atomic_load_n(&leg->flow, __ATOMIC_RELAXED) != owner)
		return 0;
	uint32_t last = __atomic_load_n(&leg->seen, __ATOMIC_RELAXED);
	if (nat_flow_since(last, *seen) != 0)
		*seen = last;
	return __atomic_load_n(&leg->bytes, __ATOMIC_RELAXED);
}

enum nat_flow_state nat_flow_state_of(uint8_t tcp, uint8_t flags)
{
	switch (tcp) {
	case NAT_TCP_NONE:
		return flags & NAT_FLOW_REPLIED ? NAT_FLOW_ANSWERED : NAT_FLOW_UNANSWERED;
	case NAT_TCP_INIT:
	case NAT_TCP_ANSWERED: return NAT_FLOW_OPENING;
	case NAT_TCP_ESTABLISHED: return NAT_FLOW_ESTABLISHED;
	default: return NAT_FLOW_CLOSING;
	}
}

static struct ip_endpoint end_of(__be32 address, __be16 port)
{
	return (struct ip_endpoint){.address = nat_address_of(address), .port = nat_host16(port)};
}

uint32_t nat_flow_since(uint32_t now, uint32_t then)
{
	uint32_t ticks = now - then;
	return ticks > UINT32_MAX / 2 ? 0 : ticks;
}

bool nat_flow_read(const struct nat_flows *f, uint32_t number, struct nat_flow_view *ret)
{
	union record r;
	if (number == 0 || number >= f->end || !copy(&f->items[number], &r))
		return false;
	const struct nat_flow4 *flow = &r.flow;
	const struct nat_tuple4 *one = &flow->tuple[0], *two = &flow->tuple[1];
	uint32_t seen = flow->seen;
	uint64_t bytes = leg_hear(f, flow, number, 0, &seen),
		 bytes_back = leg_hear(f, flow, number, 1, &seen);
	uint32_t idle = nat_flow_since(f->now, seen);
	uint32_t idle_max = flow->idle < NAT_IDLE_N ? f->settings->idle[flow->idle] : 0;
	*ret = (struct nat_flow_view){
		.number = number,
		.proto = one->proto,
		.state = nat_flow_state_of(flow->tcp, flow->flags),
		.flags = flow->flags,
		.from = end_of(one->src, one->sport),
		.to = end_of(one->dst, one->dport),
		.from_as = end_of(two->dst, two->dport),
		.to_as = end_of(two->src, two->sport),
		.from_zone = one->zone,
		.to_zone = two->zone,
		.rule = flow->rule,
		.bytes = {bytes, bytes_back},
		.age_s = nat_ticks_s(nat_flow_since(f->now, flow->born)),
		.idle_s = nat_ticks_s(idle),
		.left_s = nat_ticks_s(idle < idle_max ? idle_max - idle : 0),
	};
	if (flow->host != 0)
		ret->host = nat_address_of(flow->host);
	return true;
}

bool nat_flow_traffic(const struct nat_flow_view *v, uint64_t *ret_out, uint64_t *ret_in)
{
	if (v->host.family == 0)
		return false;
	/* A flow that began elsewhere is the host's as well: by a forward, or his own mapping. */
	bool began = ip_address_equal(&v->host, &v->from.address);
	*ret_out = v->bytes[began ? 0 : 1];
	*ret_in = v->bytes[began ? 1 : 0];
	return true;
}

/* --- filters --- */

bool nat_flow_matches(const struct nat_flow_filter *f, const struct nat_flow_view *v)
{
	const struct ip_endpoint *ends[] = {&v->from, &v->to, &v->from_as, &v->to_as};
	bool host = f->host.address.family == 0, port = f->port == 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		host |= ip_prefix_contains(&f->host, &ends[i]->address);
		port |= ends[i]->port == f->port;
	}
	return host && port && (f->proto == 0 || f->proto == v->proto) &&
	       (f->zone < 0 || (unsigned)f->zone == v->from_zone ||
		(unsigned)f->zone == v->to_zone) &&
	       (f->state < 0 || (unsigned)f->state == v->state);
}
