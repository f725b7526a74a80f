#include "service/nat/flows6.h"

#include "service/nat/tables.h"

#include <assert.h>

union record {
	struct nat_flow6 flow;
	uint64_t word[sizeof(struct nat_flow6) / sizeof(uint64_t)];
};
enum {
	RECORD_WORDS = sizeof(union record) / sizeof(uint64_t),
	TUPLE_WORDS = 2 * sizeof(struct nat_tuple6) / sizeof(uint64_t),
};
static_assert(sizeof(union record) == sizeof(struct nat_flow6), "no word is left over");

/* As flows.c does it: alive on both sides of the copy, with the same tuples. */
static bool copy(const struct nat_flow6 *from, union record *to)
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

static struct ip_endpoint end_of(const struct nat_address6 *address, __be16 port)
{
	const uint8_t *octets = (const uint8_t *)&port;
	return (struct ip_endpoint){.address = nat_address_unmap(address->octets),
				    .port = (uint16_t)(octets[0] << 8 | octets[1])};
}

bool nat_flow6_read(const struct nat_flows6 *f, uint32_t number, struct nat_flow_view *ret)
{
	union record r;
	if (number == 0 || number >= f->end || !copy(&f->items[number], &r))
		return false;
	const struct nat_flow6 *flow = &r.flow;
	const struct nat_tuple6 *one = &flow->tuple[0], *two = &flow->tuple[1];
	uint32_t idle = nat_flow_since(f->now, flow->seen);
	uint32_t idle_max = flow->idle < NAT_IDLE_N ? f->settings->idle[flow->idle] : 0;
	*ret = (struct nat_flow_view){
		.number = number,
		.proto = one->proto,
		.state = nat_flow_state_of(flow->tcp, flow->flags),
		.flags = flow->flags,
		.from = end_of(&one->src, one->sport),
		.to = end_of(&one->dst, one->dport),
		.from_as = end_of(&two->dst, two->dport),
		.to_as = end_of(&two->src, two->sport),
		.from_zone = one->zone,
		.to_zone = two->zone,
		.rule = flow->rule,
		.bytes = {flow->bytes[0], flow->bytes[1]},
		.age_s = nat_ticks_s(nat_flow_since(f->now, flow->born)),
		.idle_s = nat_ticks_s(idle),
		.left_s = nat_ticks_s(idle < idle_max ? idle_max - idle : 0),
	};
	/* Who began from outside does not count; the host inside does. */
	if (flow->host != 0)
		ret->host = flow->flags & NAT_FLOW_FORWARD ? ret->to_as.address : ret->from.address;
	return true;
}
