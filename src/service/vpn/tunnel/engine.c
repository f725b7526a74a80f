#include "service/vpn/tunnel/engine.h"

#include "crypto/secret.h"
#include "service/vpn/tunnel/inner.h"

#include <stdlib.h>

static bool peer_has_key(const void *record, const void *key, size_t key_len)
{
	const struct vpn_peer *peer = record;
	return key_len == VPN_KEY_LEN && memcmp(peer->public_key, key, VPN_KEY_LEN) == 0;
}

static struct hash_key draw_hash_key(struct vpn_engine *e)
{
	uint8_t bytes[SIPHASH_KEY_LEN];
	e->effects.random(e->effects.arg, bytes, sizeof(bytes));
	return hash_key_of(bytes);
}

static void forget_identity(struct vpn_engine *e)
{
	uint8_t private[WG_KEY_LEN];
	e->effects.random(e->effects.arg, private, sizeof(private));
	noise_identity_init(&e->own, private);
	crypto_wipe(private, sizeof(private));
	e->has_key = false;
}

static size_t staged_room(uint16_t mtu)
{
	return (size_t)mtu + VPN_DATA_OVERHEAD + VPN_PADDING_MAX;
}

static enum err make_planes(struct vpn_engine *e)
{
	for (size_t i = 0; i <= e->setting.workers_n; i++) {
		size_t size = (sizeof(struct vpn_plane) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
		struct vpn_plane *p = aligned_alloc(CACHE_LINE, size);
		if (!p)
			return (enum err)ENOMEM;
		memset(p, 0, size);
		p->engine = e;
		p->index = i;
		e->planes[i] = p;
	}
	return OK;
}

enum err vpn_engine_new(const struct vpn_setting *setting, const struct vpn_effects *effects,
			uint64_t now_ms, struct vpn_engine **ret)
{
	ASSERT(setting->workers_n >= 1 && setting->workers_n <= VPN_WORKERS_MAX);
	ASSERT(setting->peers_max >= 1 && setting->peers_max <= VPN_PEERS_MAX);
	ASSERT(setting->mtu <= VPN_STAGED_PACKET_MAX);
	AUTO(vpn_engine_free) struct vpn_engine *e = calloc(1, sizeof(*e));
	if (!e)
		return (enum err)ENOMEM;
	e->setting = *setting;
	e->effects = *effects;
	e->now_ms = now_ms;
	table_init(&e->peers, draw_hash_key(e), setting->peers_max, peer_has_key);
	vpn_limiter_init(&e->limiter, draw_hash_key(e));
	vpn_allowed_init(&e->allowed, VPN_ALLOWED_MAX);
	wheel_init(&e->wheel, now_ms);
	e->staged_room = staged_room(setting->mtu);
	slab_init(&e->staged, sizeof(struct vpn_staged) + e->staged_room, setting->staged_max);
	forget_identity(e);
	TRY(make_planes(e));
	*ret = TAKE(e);
	return OK;
}

void vpn_engine_free(struct vpn_engine *e)
{
	if (!e)
		return;
	while (e->first)
		vpn_engine_remove_peer(e, e->first);
	for (size_t i = 0; i <= VPN_WORKERS_MAX; i++)
		free(e->planes[i]);
	slab_done(&e->staged);
	vpn_indices_done(&e->keypairs);
	vpn_indices_done(&e->handshakes);
	vpn_allowed_done(&e->allowed);
	table_done(&e->peers);
	free(e->free_numbers);
	wg_cookie_secret_done(&e->secret);
	noise_identity_done(&e->own);
	free(e);
}

struct vpn_plane *vpn_engine_plane(struct vpn_engine *e, size_t worker)
{
	ASSERT(worker < e->setting.workers_n);
	return e->planes[worker];
}

void vpn_engine_begin(struct vpn_engine *e)
{
	if (e->depth++ == 0)
		e->effects.begin(e->effects.arg);
}

void vpn_engine_end(struct vpn_engine *e)
{
	ASSERT(e->depth > 0);
	if (--e->depth == 0)
		e->effects.end(e->effects.arg);
}

/* --- the interface */

/* What depends on our key, for all peers; computed before anybody has to wait. */
static enum err agree_with_all(struct vpn_engine *e, const struct noise_identity *own,
			       struct noise_peer *ret)
{
	size_t i = 0;
	for (struct vpn_peer *p = e->first; p; p = p->inner->after, i++)
		TRY(noise_peer_init(&ret[i], own, p->public_key, p->preshared_key));
	return OK;
}

static void take_identity(struct vpn_engine *e, const struct noise_identity *own,
			  const struct noise_peer *agreed)
{
	size_t i = 0;
	e->own = *own;
	e->has_key = true;
	wg_mac_keys_init(&e->mac_keys, own->public);
	for (struct vpn_peer *p = e->first; p; p = p->inner->after, i++) {
		vpn_peer_forget(e, p);
		p->inner->noise = agreed[i];
		vpn_peer_set_timer(e, p);
	}
}

static void drop_identity(struct vpn_engine *e)
{
	vpn_engine_begin(e);
	forget_identity(e);
	for (struct vpn_peer *p = e->first; p; p = p->inner->after) {
		vpn_peer_forget(e, p);
		crypto_wipe(p->inner->noise.static_static, WG_KEY_LEN);
		vpn_peer_set_timer(e, p);
	}
	vpn_engine_end(e);
}

enum err vpn_engine_set_private_key(struct vpn_engine *e, uint64_t now_ms,
				    const uint8_t key[VPN_KEY_LEN])
{
	e->now_ms = now_ms;
	if (!key) {
		drop_identity(e);
		return OK;
	}
	if (wg_key_is_zero(key))
		return ERR_FORMAT;
	AUTO_DONE(noise_identity_done) struct noise_identity own;
	noise_identity_init(&own, key);
	/* `wg syncconf` says it again: sessions stay. */
	if (e->has_key &&
	    crypto_equal(span_of(own.private, VPN_KEY_LEN), span_of(e->own.private, VPN_KEY_LEN)))
		return OK;
	struct vpn_peer *self = vpn_engine_find_peer(e, own.public);
	if (self)
		vpn_engine_remove_peer(e, self);
	size_t n = vpn_engine_peers(e);
	struct noise_peer *agreed = calloc(n + 1, sizeof(*agreed));
	if (!agreed)
		return (enum err)ENOMEM;
	enum err err = agree_with_all(e, &own, agreed);
	if (!err) {
		vpn_engine_begin(e);
		take_identity(e, &own, agreed);
		vpn_engine_end(e);
	}
	crypto_wipe(agreed, (n + 1) * sizeof(*agreed));
	free(agreed);
	return err;
}

bool vpn_engine_private_key(const struct vpn_engine *e, uint8_t ret[VPN_KEY_LEN])
{
	memset(ret, 0, VPN_KEY_LEN);
	if (e->has_key)
		memcpy(ret, e->own.private, VPN_KEY_LEN);
	return e->has_key;
}

bool vpn_engine_public_key(const struct vpn_engine *e, uint8_t ret[VPN_KEY_LEN])
{
	memset(ret, 0, VPN_KEY_LEN);
	if (e->has_key)
		memcpy(ret, e->own.public, VPN_KEY_LEN);
	return e->has_key;
}

void vpn_engine_set_limits(struct vpn_engine *e, uint32_t handshakes, uint32_t source)
{
	atomic_store_explicit(&e->handshakes_max, handshakes, memory_order_relaxed);
	vpn_limiter_set_rate(&e->limiter, source);
}

void vpn_engine_set_mtu(struct vpn_engine *e, uint16_t mtu)
{
	ASSERT(mtu <= VPN_STAGED_PACKET_MAX);
	vpn_engine_begin(e);
	e->setting.mtu = mtu;
	if (staged_room(mtu) > e->staged_room) {
		for (struct vpn_peer *p = e->first; p; p = p->inner->after)
			vpn_staged_drop(e, p, VPN_DROP_STAGED_OLD);
		slab_done(&e->staged);
		e->staged_room = staged_room(mtu);
		slab_init(&e->staged, sizeof(struct vpn_staged) + e->staged_room,
			  e->setting.staged_max);
	}
	vpn_engine_end(e);
}

/* --- what is told */

bool vpn_engine_under_load(const struct vpn_engine *e, uint64_t now_ms)
{
	return now_ms < atomic_load_explicit(&e->load_until_ms, memory_order_relaxed);
}

static void add_plane(const struct vpn_plane *p, struct vpn_counts *ret)
{
	for (size_t i = 0; i < VPN_DROPS; i++)
		ret->dropped[i] += p->dropped[i];
	ret->rx_packets += p->rx_packets;
	ret->tx_packets += p->tx_packets;
	ret->rx_bytes += p->rx_bytes;
	ret->tx_bytes += p->tx_bytes;
	ret->keepalives_sent += p->keepalives_sent;
	ret->keepalives_received += p->keepalives_received;
	ret->cookies_sent += p->cookies_sent;
}

void vpn_engine_counts(const struct vpn_engine *e, struct vpn_counts *ret)
{
	*ret = (struct vpn_counts){
		.initiations_sent = e->initiations_sent,
		.initiations_received = e->initiations_received,
		.responses_sent = e->responses_sent,
		.responses_received = e->responses_received,
		.cookies_received = e->cookies_received,
		.handshakes = e->handshakes_complete,
		.moved = e->moved,
		.staged = e->staged_ever,
		.load_turns = e->load_turns,
	};
	for (size_t i = 0; i <= e->setting.workers_n; i++)
		add_plane(e->planes[i], ret);
}
