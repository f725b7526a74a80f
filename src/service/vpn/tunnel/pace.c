#include "service/vpn/tunnel/pace.h"

enum { WINDOW_MS = 1000 };

void vpn_pace_init(struct vpn_pace *p, struct hash_key key, uint64_t now_ms)
{
	p->key = key;
	p->now_ms = now_ms;
	p->saved_us = VPN_PACE_SAVED_US;
}

void vpn_pace_at(struct vpn_pace *p, uint64_t now_ms)
{
	uint64_t ms = now_ms > p->now_ms ? now_ms - p->now_ms : 0;
	/* More than it takes to save up all, and nothing overflows. */
	ms = ms < 100 * VPN_PACE_REST_MAX_MS ? ms : 100 * VPN_PACE_REST_MAX_MS;
	p->saved_us += (int64_t)(ms * 1000 / VPN_PACE_SHARE);
	if (p->saved_us > VPN_PACE_SAVED_US)
		p->saved_us = VPN_PACE_SAVED_US;
	p->now_ms = now_ms;
}

bool vpn_pace_admits(struct vpn_pace *p, const struct ip_address *source)
{
	if (p->saved_us > VPN_PACE_SAVED_US / 2)
		return true;
	uint64_t hash = siphash13_of(p->key, source->bytes, source->family == 6 ? 8 : 4);
	uint32_t tag = (uint32_t)(hash >> 32) ^ source->family;
	struct vpn_pace_source *s = &p->sources[hash & (VPN_PACE_SOURCES - 1)];
	if (p->now_ms >= s->since_ms + WINDOW_MS || s->n == 0)
		*s = (struct vpn_pace_source){.tag = tag, .since_ms = p->now_ms};
	if (s->tag != tag)
		return true;
	if (s->n >= VPN_PACE_SOURCE_MAX)
		return false;
	s->n++;
	return true;
}

uint32_t vpn_pace_spend(struct vpn_pace *p, uint64_t cost_us, size_t useless, size_t all)
{
	if (!all || !useless)
		return 0;
	/* One batch never owes more than the longest rest pays, so what a suspended machine or a
	 * debugger adds is no long silence. */
	uint64_t most_us = (uint64_t)VPN_PACE_REST_MAX_MS * 1000 / VPN_PACE_SHARE;
	uint64_t us = (cost_us < most_us ? cost_us : most_us) * useless / all;
	p->saved_us -= (int64_t)us;
	if (p->saved_us > VPN_PACE_SAVED_US / 2)
		return 0;
	/* Few wakes and large batches: a wake for each message costs more than the message. */
	uint64_t ms = p->saved_us < 0 ? (uint64_t)-p->saved_us * VPN_PACE_SHARE / 1000 + 1 : 0;
	if (ms < VPN_PACE_REST_MIN_MS)
		return VPN_PACE_REST_MIN_MS;
	return ms < VPN_PACE_REST_MAX_MS ? (uint32_t)ms : (uint32_t)VPN_PACE_REST_MAX_MS;
}
