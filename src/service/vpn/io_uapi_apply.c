#include "base/writer.h"
#include "crypto/secret.h"
#include "proto/wireguard/uapi.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_names.h"
#include "service/vpn/io_uapi.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>

/* --- get --- */

size_t vpn_uapi_room(const struct vpn_interface *f)
{
	size_t room = UAPI_INTERFACE_MAX + UAPI_END_MAX;

	for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(f->engine, p));)
		room += UAPI_PEER_MAX + p->allowed_n * UAPI_ALLOWED_MAX;
	return room;
}

static void peer_tell(const struct vpn_peer *p, struct writer *w)
{
	AUTO_DONE(uapi_peer_done) struct uapi_peer settings = {.keepalive_s = p->keepalive_s};
	struct uapi_peer_state state = {
		.last_handshake_s = p->handshake_wall_ns / 1000000000,
		.last_handshake_ns = (uint32_t)(p->handshake_wall_ns % 1000000000),
		.rx_bytes = atomic_load_explicit(&p->rx_bytes, memory_order_relaxed),
		.tx_bytes = atomic_load_explicit(&p->tx_bytes, memory_order_relaxed),
	};
	struct vpn_endpoint at;

	memcpy(settings.public_key, p->public_key, WG_KEY_LEN);
	memcpy(settings.preshared_key, p->preshared_key, WG_KEY_LEN);
	if (!wg_key_is_zero(p->preshared_key))
		settings.says |= UAPI_PRESHARED_KEY;
	if (vpn_peer_endpoint(p, &at) && at.remote.address.family) {
		settings.says |= UAPI_ENDPOINT;
		settings.endpoint = at.remote;
	}
	uapi_write_peer(w, &settings, &state);
	for (const struct vpn_allowed *a = p->allowed; a; a = a->next)
		uapi_write_allowed(w, &a->prefix);
}

void vpn_uapi_tell(const struct vpn_interface *f, struct writer *w)
{
	AUTO_DONE(uapi_interface_done) struct uapi_interface i = {0};

	if (vpn_engine_private_key(f->engine, i.private_key))
		i.says |= UAPI_PRIVATE_KEY;
	if (f->listen_n) {
		i.says |= UAPI_LISTEN_PORT;
		i.listen_port = f->listen[0].port;
	}
	uapi_write_interface(w, &i);
	for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(f->engine, p));)
		peer_tell(p, w);
	uapi_write_end(w, OK);
}

/* --- set: what is asked must be something that we do --- */

static bool has_port(const struct vpn_interface *f, uint16_t port)
{
	bool all = f->listen_n > 0;

	for (size_t i = 0; i < f->listen_n; i++)
		all = all && f->listen[i].port == port;
	return all;
}

/* Port 0 stands for any: that is the one we have. */
static enum err judge_interface(const struct vpn_interface *f, const struct uapi_interface *i)
{
	bool moves = (i->says & UAPI_LISTEN_PORT) && i->listen_port && !has_port(f, i->listen_port);

	return moves || ((i->says & UAPI_FWMARK) && i->fwmark) ? (enum err)EOPNOTSUPP : OK;
}

/* Who signs in is a person at one host. */
static enum err judge_peer(const struct vpn_interface *f, const struct uapi_peer *p)
{
	const struct vpn_peer *known = vpn_engine_find_peer(f->engine, p->public_key);
	struct span lines = p->lines;
	struct ip_prefix prefix;
	bool remove;

	if (!known || !known->sign_in || (p->says & UAPI_REMOVE))
		return OK;
	while (uapi_set_allowed(&lines, &prefix, &remove))
		if (!remove && prefix.bits != 8 * ip_address_len(&prefix.address))
			return ERR_REFUSED;
	return OK;
}

static enum err judge(const struct vpn_interface *f, const struct uapi_interface *i,
		      struct span peers)
{
	AUTO_DONE(uapi_peer_done) struct uapi_peer p = {0};

	TRY(judge_interface(f, i));
	while (uapi_set_peer(&peers, &p))
		TRY(judge_peer(f, &p));
	return OK;
}

/* --- set --- */

static enum err allow(struct vpn_interface *f, struct vpn_peer *peer, const struct uapi_peer *p)
{
	struct span lines = p->lines;
	struct ip_prefix prefix;
	bool remove;

	if (p->says & UAPI_REPLACE_ALLOWED)
		vpn_engine_disallow_all(f->engine, peer);
	while (uapi_set_allowed(&lines, &prefix, &remove))
		if (!remove)
			TRY(vpn_engine_allow(f->engine, peer, &prefix));
		else
			/* One that it does not have is taken away already. */
			err_ignore(vpn_engine_disallow(f->engine, peer, &prefix));
	return OK;
}

static enum err peer_add(struct vpn_interface *f, const struct uapi_peer *p, struct vpn_peer **ret)
{
	const struct vpn_interface_conf *conf =
		vpn_conf_interface_named(vpn_conf_of(f->vpn), f->name);
	struct vpn_peer_setting s = {.name = "", .to_peers = conf && conf->to_peers};

	memcpy(s.public_key, p->public_key, WG_KEY_LEN);
	return vpn_peer_put(f, &s, VPN_ORIGIN_UAPI, ret);
}

static enum err peer_set(struct vpn_interface *f, const struct uapi_peer *p)
{
	struct vpn_peer *peer = vpn_engine_find_peer(f->engine, p->public_key);

	if (p->says & UAPI_REMOVE) {
		if (peer)
			vpn_engine_remove_peer(f->engine, peer);
		return OK;
	}
	if (!peer && (p->says & UAPI_UPDATE_ONLY))
		return OK;
	if (!peer) {
		enum err e = peer_add(f, p, &peer);
		/* Our own key, as one file may serve both ends: passed over, as everywhere. */
		if (e == ERR_REFUSED)
			return OK;
		TRY(e);
	}
	if (p->says & UAPI_PRESHARED_KEY)
		vpn_engine_set_preshared_key(f->engine, peer, p->preshared_key);
	if (p->says & UAPI_ENDPOINT)
		vpn_engine_set_endpoint(f->engine, peer, &p->endpoint);
	TRY(allow(f, peer, p));
	/* Last: it may send at once. */
	if (p->says & UAPI_KEEPALIVE)
		vpn_engine_set_keepalive(f->engine, vpn_now_ms(), peer, p->keepalive_s);
	return OK;
}

/* --- all peers are replaced: those that are named again keep what this protocol does not say ---
 */

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, WG_KEY_LEN);
}

/* The named keys in order; NULL and no memory, or none. */
static enum err named(struct span peers, uint8_t **ret, size_t *ret_n)
{
	AUTO_DONE(uapi_peer_done) struct uapi_peer p = {0};
	struct span at = peers;
	uint8_t *keys;
	size_t n = 0;

	while (uapi_set_peer(&at, &p))
		n++;
	keys = calloc(n + 1, WG_KEY_LEN);
	if (!keys)
		return ENOMEM;
	for (at = peers, n = 0; uapi_set_peer(&at, &p); n++)
		memcpy(keys + n * WG_KEY_LEN, p.public_key, WG_KEY_LEN);
	qsort(keys, n, WG_KEY_LEN, compare_keys);
	*ret = keys;
	*ret_n = n;
	return OK;
}

static enum err replace(struct vpn_interface *f, struct span peers)
{
	static const uint8_t none[WG_KEY_LEN];
	uint8_t *keys;
	size_t n;

	TRY(named(peers, &keys, &n));
	for (struct vpn_peer *p, *next = vpn_engine_next_peer(f->engine, NULL); (p = next);) {
		next = vpn_engine_next_peer(f->engine, p);
		if (!bsearch(p->public_key, keys, n, WG_KEY_LEN, compare_keys)) {
			vpn_engine_remove_peer(f->engine, p);
			continue;
		}
		vpn_engine_disallow_all(f->engine, p);
		vpn_engine_set_preshared_key(f->engine, p, none);
		vpn_engine_set_keepalive(f->engine, vpn_now_ms(), p, 0);
	}
	free(keys);
	return OK;
}

static enum err apply(struct vpn_interface *f, const struct uapi_interface *i, struct span peers)
{
	AUTO_DONE(uapi_peer_done) struct uapi_peer p = {0};

	if (i->says & UAPI_PRIVATE_KEY)
		TRY(vpn_engine_set_private_key(f->engine, vpn_now_ms(),
					       wg_key_is_zero(i->private_key) ? NULL
									      : i->private_key));
	if (i->says & UAPI_REPLACE_PEERS)
		TRY(replace(f, peers));
	while (uapi_set_peer(&peers, &p))
		TRY(peer_set(f, &p));
	return OK;
}

enum err vpn_uapi_set(struct vpn_interface *f, struct span body)
{
	AUTO_DONE(uapi_interface_done) struct uapi_interface i = {0};
	struct span peers;

	TRY(uapi_set_read(body, &i, &peers));
	TRY(judge(f, &i, peers));
	vpn_engine_begin(f->engine);
	enum err e = apply(f, &i, peers);
	vpn_engine_end(f->engine);
	vpn_names_follow(f->vpn);
	vpn_engines_turn(f->vpn);
	return e;
}
