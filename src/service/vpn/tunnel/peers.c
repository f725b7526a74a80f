/* The peers of an interface: made, found, changed, removed. */
#include "crypto/secret.h"
#include "service/vpn/tunnel/inner.h"

#include <stdlib.h>

static uint32_t take_number(struct vpn_engine *e)
{
	return e->free_numbers_n ? e->free_numbers[--e->free_numbers_n] : e->numbers++;
}

static void give_number(struct vpn_engine *e, uint32_t number)
{
	ASSERT(e->free_numbers_n < e->free_numbers_cap);
	e->free_numbers[e->free_numbers_n++] = number;
}

/* Room for all that a peer needs later, so that nothing later can fail: four keypairs and a
 * handshake, and its number when it goes. */
static enum err reserve(struct vpn_engine *e)
{
	size_t n = table_used(&e->peers) + 1;
	TRY(vpn_indices_reserve(&e->keypairs, n * 4 + 1));
	TRY(vpn_indices_reserve(&e->handshakes, n));
	if (e->free_numbers_cap < e->numbers + 1u) {
		size_t cap = e->free_numbers_cap ? e->free_numbers_cap * 2 : 64;
		uint32_t *numbers = realloc(e->free_numbers, cap * sizeof(*numbers));
		if (!numbers)
			return (enum err)ENOMEM;
		e->free_numbers = numbers;
		e->free_numbers_cap = cap;
	}
	return OK;
}

static struct vpn_peer *peer_new(struct vpn_engine *e, uint64_t now_ms,
				 const struct noise_peer *noise)
{
	struct vpn_peer *peer = calloc(1, sizeof(*peer));
	struct vpn_peer_inner *in = calloc(1, sizeof(*in));
	if (!peer || !in) {
		free(peer);
		free(in);
		return NULL;
	}
	peer->engine = e;
	peer->inner = in;
	memcpy(peer->public_key, noise->public, VPN_KEY_LEN);
	in->self = peer;
	in->noise = *noise;
	wg_mac_keys_init(&in->mac_keys, noise->public);
	atomic_init(&in->timer_ms, UINT64_MAX);
	atomic_init(&in->traffic_ms, now_ms);
	return peer;
}

static void link_peer(struct vpn_engine *e, struct vpn_peer *peer)
{
	peer->inner->before = e->last;
	*(e->last ? &e->last->inner->after : &e->first) = peer;
	e->last = peer;
}

static void unlink_peer(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	*(in->before ? &in->before->inner->after : &e->first) = in->after;
	*(in->after ? &in->after->inner->before : &e->last) = in->before;
}

static enum err insert(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct span key = span_of(peer->public_key, VPN_KEY_LEN);
	TRY(reserve(e));
	TRY(table_insert(&e->peers, table_hash(&e->peers, key), key.data, key.len, peer));
	peer->number = take_number(e);
	link_peer(e, peer);
	return OK;
}

static void peer_free(struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	noise_peer_done(&in->noise);
	noise_handshake_done(&in->sent);
	wg_cookie_done(&in->cookie);
	free(in);
	crypto_wipe(peer->preshared_key, sizeof(peer->preshared_key));
	free(peer);
}

enum err vpn_engine_add_peer(struct vpn_engine *e, uint64_t now_ms,
			     const uint8_t public_key[VPN_KEY_LEN], struct vpn_peer **ret)
{
	AUTO_DONE(noise_peer_done) struct noise_peer noise = {0};
	e->now_ms = now_ms;
	if (vpn_engine_find_peer(e, public_key))
		return ERR_EXISTS;
	if (e->has_key && memcmp(public_key, e->own.public, VPN_KEY_LEN) == 0)
		return ERR_REFUSED;
	TRY(noise_peer_init(&noise, &e->own, public_key, NULL));
	struct vpn_peer *peer = peer_new(e, now_ms, &noise);
	if (!peer)
		return (enum err)ENOMEM;
	vpn_engine_begin(e);
	enum err err = insert(e, peer);
	vpn_engine_end(e);
	if (err) {
		peer_free(peer);
		return err;
	}
	*ret = peer;
	return OK;
}

/* Off the list of those that workers noticed, as if it had never been on it. */
static void unnotice(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_peer *head = atomic_exchange(&e->noticed, NULL), *kept = NULL;
	while (head) {
		struct vpn_peer *next = head->inner->noticed_next;
		if (head != peer) {
			head->inner->noticed_next = kept;
			kept = head;
		}
		head = next;
	}
	atomic_store(&e->noticed, kept);
}

void vpn_engine_remove_peer(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct span key = span_of(peer->public_key, VPN_KEY_LEN);
	vpn_engine_begin(e);
	vpn_engine_tell(e, peer, VPN_EVENT_REMOVED);
	vpn_peer_forget(e, peer);
	vpn_staged_drop(e, peer, VPN_DROP_STAGED_OLD);
	vpn_allowed_drop(&e->allowed, peer);
	wheel_cancel(&e->wheel, &peer->inner->timer);
	unnotice(e, peer);
	(void)table_remove(&e->peers, table_hash(&e->peers, key), key.data, key.len);
	unlink_peer(e, peer);
	give_number(e, peer->number);
	vpn_engine_end(e);
	peer_free(peer);
}

struct vpn_peer *vpn_engine_find_peer(const struct vpn_engine *e,
				      const uint8_t public_key[VPN_KEY_LEN])
{
	struct span key = span_of(public_key, VPN_KEY_LEN);
	return table_find(&e->peers, table_hash(&e->peers, key), key.data, key.len);
}

struct vpn_peer *vpn_engine_peer_at(const struct vpn_engine *e, const struct ip_address *inner)
{
	return inner->family ? vpn_allowed_find(&e->allowed, ip_address_span(inner)) : NULL;
}

size_t vpn_engine_peers(const struct vpn_engine *e)
{
	return table_used(&e->peers);
}

struct vpn_peer *vpn_engine_next_peer(const struct vpn_engine *e, const struct vpn_peer *after)
{
	return after ? after->inner->after : e->first;
}

/* --- settings of one */

void vpn_engine_set_preshared_key(struct vpn_engine *e, struct vpn_peer *peer,
				  const uint8_t key[VPN_KEY_LEN])
{
	vpn_engine_begin(e);
	memcpy(peer->preshared_key, key, VPN_KEY_LEN);
	memcpy(peer->inner->noise.preshared, key, VPN_KEY_LEN);
	vpn_engine_end(e);
}

void vpn_engine_set_endpoint(struct vpn_engine *e, struct vpn_peer *peer,
			     const struct ip_endpoint *endpoint)
{
	struct vpn_endpoint to = {.remote = *endpoint};
	vpn_peer_put_endpoint(peer, &to);
	vpn_peer_set_timer(e, peer);
}

void vpn_engine_set_keepalive(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer,
			      uint16_t seconds)
{
	bool begins = seconds && !peer->keepalive_s;
	e->now_ms = now_ms;
	vpn_engine_begin(e);
	peer->keepalive_s = seconds;
	vpn_engine_end(e);
	if (begins)
		atomic_store(&peer->inner->traffic_ms, now_ms - (uint64_t)seconds * 1000);
	vpn_peer_set_timer(e, peer);
}

void vpn_engine_forget_keys(struct vpn_engine *e, struct vpn_peer *peer)
{
	vpn_peer_forget(e, peer);
	vpn_staged_drop(e, peer, VPN_DROP_STAGED_OLD);
	vpn_peer_set_timer(e, peer);
}

enum err vpn_engine_allow(struct vpn_engine *e, struct vpn_peer *peer,
			  const struct ip_prefix *prefix)
{
	vpn_engine_begin(e);
	enum err err = vpn_allowed_add(&e->allowed, peer, prefix);
	vpn_engine_end(e);
	return err;
}

enum err vpn_engine_disallow(struct vpn_engine *e, struct vpn_peer *peer,
			     const struct ip_prefix *prefix)
{
	vpn_engine_begin(e);
	enum err err = vpn_allowed_remove(&e->allowed, peer, prefix);
	vpn_engine_end(e);
	return err;
}

void vpn_engine_disallow_all(struct vpn_engine *e, struct vpn_peer *peer)
{
	vpn_engine_begin(e);
	vpn_allowed_drop(&e->allowed, peer);
	vpn_engine_end(e);
}
