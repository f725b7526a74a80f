#include "service/reverse-proxy/rate_rows.h"

#include "base/reader.h"

#include <string.h>

#define FORM	  1
#define EACH_MAX  UINT32_C(3600000000) /* one request an hour */
#define BURST_MAX 1000000u

void rate_place_write(const struct rate_place *p, uint8_t ret[RATE_KEY_LEN])
{
	struct writer w = writer_of(ret, RATE_KEY_LEN);
	write_u64(&w, p->gateway);
	write_u8(&w, (uint8_t)p->slot);
}

enum err rate_place_read(struct span key, struct rate_place *ret)
{
	struct reader r = reader_of_span(key);
	ret->gateway = read_u64(&r);
	ret->slot = read_u8(&r);
	TRY(reader_end(&r));
	return ret->slot < RATE_RING ? OK : ERR_FORMAT;
}

void rate_row_write(struct writer *w, uint64_t number, const struct guard_share *shares, size_t n)
{
	write_u8(w, FORM);
	write_u64(w, number);
	write_u16(w, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		write_u64(w, shares[i].name);
		write_u32(w, shares[i].count);
		write_u32(w, shares[i].each_us);
		write_u32(w, shares[i].burst);
	}
}

static bool is_share(const struct guard_share *s)
{
	return s->name && s->count && s->count <= GUARD_SHARE_COUNT_MAX && s->each_us &&
	       s->each_us <= EACH_MAX && s->burst && s->burst <= BURST_MAX;
}

enum err rate_row_read(struct span text, uint64_t *ret_number,
		       struct guard_share ret[RATE_SHARES_MAX], size_t *ret_n)
{
	struct reader r = reader_of_span(text);
	uint8_t form = read_u8(&r);
	if (form > FORM)
		return ERR_UNSUPPORTED;
	*ret_number = read_u64(&r);
	*ret_n = read_u16(&r);
	if (form != FORM || !*ret_number || *ret_n > RATE_SHARES_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < *ret_n; i++) {
		ret[i].name = read_u64(&r);
		ret[i].count = read_u32(&r);
		ret[i].each_us = read_u32(&r);
		ret[i].burst = read_u32(&r);
		if (!is_share(&ret[i]))
			return ERR_FORMAT;
	}
	return reader_end(&r);
}

/* --- who has told what --- */

static struct rate_peer *find(struct rate_peers *p, uint64_t gateway)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->all[i].gateway == gateway)
			return &p->all[i];
	return NULL;
}

struct rate_peer *rate_peers_told(struct rate_peers *p, const struct rate_place *at,
				  uint64_t version, uint64_t now_ms)
{
	struct rate_peer *peer = find(p, at->gateway);
	if (!peer) {
		if (p->n == RATE_PEERS)
			return NULL;
		peer = &p->all[p->n++];
		*peer = (struct rate_peer){.gateway = at->gateway};
	}
	if (version <= peer->version[at->slot])
		return NULL;
	peer->version[at->slot] = version;
	peer->told_ms = now_ms;
	return peer;
}

bool rate_peer_read(struct rate_peer *peer, unsigned slot, uint64_t number)
{
	if (number <= peer->number[slot])
		return false;
	peer->number[slot] = number;
	return true;
}

void rate_peers_removed(struct rate_peers *p, const struct rate_place *at, uint64_t version)
{
	struct rate_peer *peer = find(p, at->gateway);
	if (peer && version > peer->version[at->slot])
		peer->version[at->slot] = 0;
}

unsigned rate_peers_live(const struct rate_peers *p, uint64_t now_ms)
{
	unsigned n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->all[i].live && now_ms < p->all[i].told_ms + RATE_LIVE_MS;
	return n;
}

bool rate_peers_silent(struct rate_peers *p, uint64_t now_ms, struct rate_place *ret,
		       uint64_t *ret_version)
{
	for (size_t i = 0; i < p->n; i++) {
		struct rate_peer *peer = &p->all[i];
		if (now_ms < peer->told_ms + RATE_SILENT_MS)
			continue;
		for (unsigned k = 0; k < RATE_RING; k++)
			if (peer->version[k]) {
				*ret = (struct rate_place){peer->gateway, k};
				*ret_version = peer->version[k];
				peer->version[k] = 0;
				return true;
			}
		*peer = p->all[--p->n];
		i--;
	}
	return false;
}
