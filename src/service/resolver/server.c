#include "service/resolver/server.h"

#include "base/siphash.h"

#include <stdlib.h>

#define WAYS		 8u
#define DOWN_AFTER	 4u /* timeouts in a row */
#define DOWN_MS		 4000u
#define DOWN_DOUBLES_MAX 4u
#define UNREACHABLE_MS	 30000u
#define LAME_MS		 900000u
#define NO_EDNS_MS	 900000u
#define COST_UNKNOWN_US	 60000u /* a new server is tried before one that is known to be far */
#define COST_TIMEOUT_US	 300000u
#define COST_DOWN_US	 30000000u

enum err servers_init(struct servers *s, size_t size, const uint8_t secret[16])
{
	size_t sets = 1;
	while (sets * WAYS < size)
		sets *= 2;
	s->slots = calloc(sets * WAYS, sizeof(*s->slots));
	s->sets = sets;
	memcpy(s->secret, secret, sizeof(s->secret)); /* our own */
	return s->slots ? OK : ENOMEM;
}

void servers_done(struct servers *s)
{
	free(s->slots);
	s->slots = NULL;
}

void servers_clear(struct servers *s)
{
	memset(s->slots, 0, s->sets * WAYS * sizeof(*s->slots));
}

static uint64_t endpoint_hash(const struct servers *s, const struct ip_endpoint *at, uint8_t use)
{
	uint8_t text[20] = {use, at->address.family};
	put_u16(text + 2, at->port);
	struct span address = ip_address_span(&at->address);
	memcpy(text + 4, address.data, address.len); /* 4 or 16 */
	return siphash24(s->secret, text, 4 + address.len);
}

struct server *servers_get(struct servers *s, const struct ip_endpoint *at, uint64_t now_ms)
{
	struct server *set = s->slots + (endpoint_hash(s, at, 0) & (s->sets - 1)) * WAYS;
	struct server *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		struct server *slot = set + i;
		if (slot->used && ip_endpoint_equal(&slot->at, at)) {
			slot->used_ms = now_ms;
			return slot;
		}
		if (!slot->used || (oldest->used && slot->used_ms < oldest->used_ms))
			oldest = slot;
	}
	*oldest = (struct server){
		.at = *at, .used = true, .used_ms = now_ms, .rto_us = SERVER_RTO_START_US};
	return oldest;
}

void servers_client_cookie(const struct servers *s, const struct ip_endpoint *at,
			   uint8_t ret[DNS_COOKIE_CLIENT_LEN])
{
	uint64_t hash = endpoint_hash(s, at, 1);
	put_u32(ret, (uint32_t)(hash >> 32));
	put_u32(ret + 4, (uint32_t)hash);
}

static uint32_t clamp(uint64_t v, uint32_t least, uint32_t most)
{
	return v < least ? least : v > most ? most : (uint32_t)v;
}

void server_heard(struct server *s, uint32_t rtt_us)
{
	if (rtt_us == 0)
		rtt_us = 1;
	if (s->srtt_us == 0) { /* RFC 6298 2.2 */
		s->srtt_us = rtt_us;
		s->rttvar_us = rtt_us / 2;
	} else { /* 2.3, beta 1/4, alpha 1/8 */
		uint32_t off = s->srtt_us > rtt_us ? s->srtt_us - rtt_us : rtt_us - s->srtt_us;
		s->rttvar_us = (uint32_t)((3ull * s->rttvar_us + off) / 4);
		s->srtt_us = (uint32_t)((7ull * s->srtt_us + rtt_us) / 8);
	}
	s->rto_us = clamp(s->srtt_us + 4ull * s->rttvar_us, SERVER_RTO_MIN_US, SERVER_RTO_MAX_US);
	s->timeouts = 0;
	s->downs = 0;
	s->down_until_ms = 0;
}

static void take_for_down(struct server *s, uint64_t now_ms, uint64_t base_ms)
{
	s->down_until_ms = now_ms + (base_ms << s->downs);
	if (s->downs < DOWN_DOUBLES_MAX)
		s->downs++;
}

void server_timed_out(struct server *s, uint64_t now_ms)
{
	s->rto_us = clamp(2ull * s->rto_us, SERVER_RTO_MIN_US, SERVER_RTO_MAX_US);
	if (s->timeouts < UINT8_MAX)
		s->timeouts++;
	if (s->timeouts >= DOWN_AFTER)
		take_for_down(s, now_ms, DOWN_MS);
}

void server_unreachable(struct server *s, uint64_t now_ms)
{
	/* An ICMP error may be forged or short-lived: it only puts the server behind the others. */
	if (s->timeouts < UINT8_MAX)
		s->timeouts++;
	s->down_until_ms = now_ms + UNREACHABLE_MS;
}

void server_set_lame(struct server *s, uint64_t zone, uint64_t now_ms)
{
	size_t oldest = 0;
	for (size_t i = 0; i < SERVER_LAMES; i++) {
		if (s->lame[i].zone == zone) {
			oldest = i;
			break;
		}
		if (s->lame[i].until_ms < s->lame[oldest].until_ms)
			oldest = i;
	}
	s->lame[oldest].zone = zone;
	s->lame[oldest].until_ms = now_ms + LAME_MS;
}

bool server_is_lame(const struct server *s, uint64_t zone, uint64_t now_ms)
{
	for (size_t i = 0; i < SERVER_LAMES; i++)
		if (s->lame[i].zone == zone && s->lame[i].until_ms > now_ms)
			return true;
	return false;
}

void server_set_no_edns(struct server *s, uint64_t now_ms)
{
	s->no_edns_until_ms = now_ms + NO_EDNS_MS;
}

uint64_t server_cost_us(const struct server *s, uint64_t now_ms)
{
	uint64_t cost = s->srtt_us ? s->srtt_us : COST_UNKNOWN_US;
	cost += (uint64_t)s->timeouts * COST_TIMEOUT_US;
	if (server_is_down(s, now_ms))
		cost += COST_DOWN_US;
	return cost;
}
