/* Handshakes of the main thread (the paper 5.4, 6.2 to 6.4): initiations with their retries, what
 * arrives, and what it makes. */
#include "crypto/secret.h"
#include "service/vpn/tunnel/ahead.h"

struct entropy {
	uint8_t bytes[WG_KEY_LEN];
};

static void entropy_done(struct entropy *n)
{
	crypto_wipe(n, sizeof(*n));
}

static struct entropy draw(struct vpn_engine *e)
{
	struct entropy n;
	e->effects.random(e->effects.arg, n.bytes, sizeof(n.bytes));
	return n;
}

static uint64_t draw_jitter(struct vpn_engine *e)
{
	uint32_t n;
	e->effects.random(e->effects.arg, &n, sizeof(n));
	return n % (VPN_REKEY_JITTER_MS + 1);
}

static void drop(struct vpn_engine *e, enum vpn_drop cause)
{
	vpn_plane_count_drop(main_plane(e), cause);
}

/* --- the initiator */

void vpn_peer_stop_trying(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	if (in->sent.stage == NOISE_INITIATION_SENT)
		vpn_indices_remove(&e->handshakes, in->sent.local_index);
	noise_handshake_done(&in->sent);
	in->trying_ms = 0;
	atomic_store(&in->busy, false);
}

/* The paper 5.1: each later than the one before, also when the clock was set back, since the other
 * side would take it for a replay. */
static void stamp(struct vpn_engine *e, struct vpn_peer_inner *in, uint8_t ret[WG_TAI64N_LEN])
{
	enum { STEP_NS = 1 << 24 }; /* what noise_timestamp keeps of the nanoseconds */
	uint64_t now_ns = e->effects.wall_ns(e->effects.arg);
	if (in->stamped_ns && now_ns < in->stamped_ns + STEP_NS)
		now_ns = in->stamped_ns + STEP_NS;
	in->stamped_ns = now_ns;
	noise_timestamp(now_ns / 1000000000, (uint32_t)(now_ns % 1000000000), ret);
}

static bool send_initiation(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	struct vpn_endpoint to;
	struct wg_initiation m;
	uint8_t timestamp[WG_TAI64N_LEN];
	if (!e->has_key || !vpn_peer_endpoint(peer, &to))
		return false;
	if (in->sent.stage == NOISE_INITIATION_SENT)
		vpn_indices_remove(&e->handshakes, in->sent.local_index);
	noise_handshake_done(&in->sent);
	stamp(e, in, timestamp);
	AUTO_DONE(entropy_done) struct entropy entropy = draw(e);
	uint32_t index = vpn_engine_new_index(e);
	if (noise_initiation_write(&in->sent, &e->own, &in->noise, entropy.bytes, timestamp, index,
				   &m) != OK) {
		drop(e, VPN_DROP_CRYPTO);
		return false;
	}
	vpn_indices_add(&e->handshakes, index, peer);
	wg_cookie_sign(&in->cookie, &in->mac_keys, now_ms, (uint8_t *)&m, sizeof(m));
	vpn_peer_sent(main_plane(e), now_ms, peer, false);
	atomic_fetch_add_explicit(&peer->tx_bytes, sizeof(m), memory_order_relaxed);
	e->initiations_sent++;
	e->effects.send(e->effects.arg, &to, HANDSHAKE_TOS, span_of(&m, sizeof(m)));
	return true;
}

void vpn_peer_initiate(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	if (!in->trying_ms)
		in->trying_ms = now_ms;
	if (!send_initiation(e, now_ms, peer)) {
		/* Nobody can be asked: what waits would wait forever. */
		vpn_peer_stop_trying(e, peer);
		vpn_staged_drop(e, peer, VPN_DROP_NO_ENDPOINT);
		return;
	}
	in->initiated_ms = now_ms;
	in->retry_ms = now_ms + VPN_REKEY_TIMEOUT_MS + draw_jitter(e);
	atomic_store(&in->busy, true);
}

void vpn_peer_want_handshake(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	if (in->trying_ms)
		return;
	/* Paper 6.2: never more than one initiation in REKEY_TIMEOUT. */
	if (in->initiated_ms && now_ms < in->initiated_ms + VPN_REKEY_TIMEOUT_MS) {
		in->trying_ms = now_ms;
		in->retry_ms = in->initiated_ms + VPN_REKEY_TIMEOUT_MS;
		atomic_store(&in->busy, true);
	} else {
		vpn_peer_initiate(e, now_ms, peer);
	}
}

static void send_keepalive(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	uint8_t room[VPN_DATA_OVERHEAD];
	(void)vpn_engine_send_data(e, now_ms, peer, room, 0);
}

void vpn_peer_handshake_complete(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	vpn_peer_stop_trying(e, peer);
	peer->handshake_wall_ns = e->effects.wall_ns(e->effects.arg);
	peer->handshakes++;
	e->handshakes_complete++;
	vpn_engine_tell(e, peer, VPN_EVENT_HANDSHAKE);
	vpn_staged_send(e, now_ms, peer);
}

/* --- what comes */

/* A handshake message of the peer is authenticated. */
static void heard(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer,
		  const struct vpn_handshake_message *m)
{
	if (vpn_peer_learn(peer, &m->from))
		vpn_plane_notice(main_plane(e), peer, WANT_MOVED);
	vpn_peer_received(main_plane(e), now_ms, peer, false);
	atomic_fetch_add_explicit(&peer->rx_bytes, m->len, memory_order_relaxed);
}

static enum err make_keypair(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer,
			     struct noise_handshake *agreed)
{
	AUTO_DONE(noise_keys_done) struct noise_keys keys;
	struct vpn_keypair *k;
	noise_keys(agreed, &keys);
	TRY(vpn_keypair_new(e, peer, &keys, now_ms, &k));
	vpn_peer_install(e, peer, k);
	return OK;
}

static void respond(struct vpn_engine *e, uint64_t now_ms, struct vpn_foreseen *f,
		    const struct noise_curve *reply)
{
	struct vpn_peer *peer = f->peer;
	struct vpn_peer_inner *in = peer->inner;
	struct vpn_endpoint to;
	struct wg_response r;
	if (noise_response_write_asked(&f->handshake, &in->noise, reply, vpn_engine_new_index(e),
				       &r) != OK ||
	    make_keypair(e, now_ms, peer, &f->handshake) != OK) {
		drop(e, VPN_DROP_CRYPTO);
		return;
	}
	wg_cookie_sign(&in->cookie, &in->mac_keys, now_ms, (uint8_t *)&r, sizeof(r));
	e->responses_sent++;
	vpn_peer_sent(main_plane(e), now_ms, peer, false);
	atomic_fetch_add_explicit(&peer->tx_bytes, sizeof(r), memory_order_relaxed);
	if (vpn_peer_endpoint(peer, &to))
		e->effects.send(e->effects.arg, &to, HANDSHAKE_TOS, span_of(&r, sizeof(r)));
}

static void receive_initiation(struct vpn_engine *e, uint64_t now_ms,
			       const struct vpn_handshake_message *m, struct vpn_foreseen *f,
			       const struct noise_curve *reply)
{
	struct vpn_peer *peer = f->peer;
	if (!peer) {
		drop(e, VPN_DROP_HANDSHAKE);
		return;
	}
	enum err err = noise_guard_admit(&peer->inner->guard, f->timestamp, now_ms);
	ASSERT(f->replied == !err);
	if (err) {
		drop(e, err == ERR_LIMIT ? VPN_DROP_TOO_SOON : VPN_DROP_TIMESTAMP);
		return;
	}
	e->initiations_received++;
	heard(e, now_ms, peer, m);
	respond(e, now_ms, f, reply);
	vpn_peer_set_timer(e, peer);
}

static void receive_response(struct vpn_engine *e, uint64_t now_ms,
			     const struct vpn_handshake_message *m,
			     const struct noise_curve *answered)
{
	const struct wg_response *r = (const struct wg_response *)m->bytes;
	struct vpn_peer *peer = vpn_indices_find(&e->handshakes, wg_get_u32(r->receiver));
	if (!peer) {
		drop(e, VPN_DROP_NO_HANDSHAKE);
		return;
	}
	struct vpn_peer_inner *in = peer->inner;
	if (noise_response_read_asked(&in->sent, &in->noise, answered, r) != OK) {
		drop(e, VPN_DROP_HANDSHAKE);
		return;
	}
	e->responses_received++;
	vpn_indices_remove(&e->handshakes, wg_get_u32(r->receiver));
	heard(e, now_ms, peer, m);
	if (make_keypair(e, now_ms, peer, &in->sent) != OK) {
		drop(e, VPN_DROP_CRYPTO);
		return;
	}
	/* Paper 5.4.3 and 6.5: the responder may not send before it heard from us: when no data
	 * waits, a keepalive tells it that we have its response. */
	bool waits = atomic_load(&in->staged_n) > 0;
	vpn_peer_handshake_complete(e, now_ms, peer);
	if (!waits)
		send_keepalive(e, now_ms, peer);
	vpn_peer_set_timer(e, peer);
}

/* Of an initiation or of a response that we sent. */
static struct vpn_peer *peer_of_index(struct vpn_engine *e, uint32_t index)
{
	struct vpn_peer *peer = vpn_indices_find(&e->handshakes, index);
	const struct vpn_keypair *k = vpn_indices_find(&e->keypairs, index);
	return peer ? peer : k ? k->peer : NULL;
}

static void receive_cookie(struct vpn_engine *e, uint64_t now_ms,
			   const struct vpn_handshake_message *m)
{
	const struct wg_cookie_reply *c = (const struct wg_cookie_reply *)m->bytes;
	struct vpn_peer *peer = peer_of_index(e, wg_get_u32(c->receiver));
	if (!peer) {
		drop(e, VPN_DROP_NO_HANDSHAKE);
		return;
	}
	/* Paper 5.4.7: the next try has it in its mac2; nothing is sent at once. */
	if (wg_cookie_reply_read(&peer->inner->cookie, &peer->inner->mac_keys, now_ms, c) != OK)
		drop(e, VPN_DROP_COOKIE);
	else
		e->cookies_received++;
}

static void receive(struct vpn_engine *e, uint64_t now_ms, const struct vpn_handshake_message *m,
		    struct vpn_ahead *ahead, size_t i)
{
	switch (wg_message_kind(span_of(m->bytes, m->len))) {
	case WG_INITIATION:
		receive_initiation(e, now_ms, m, &ahead->of[i], &ahead->replies[i]);
		break;
	case WG_RESPONSE: receive_response(e, now_ms, m, &ahead->reads[i]); break;
	case WG_COOKIE_REPLY: receive_cookie(e, now_ms, m); break;
	case WG_TRANSPORT:
	case WG_NONE: drop(e, VPN_DROP_TORN); break;
	}
}

void vpn_engine_receive(struct vpn_engine *e, uint64_t now_ms,
			const struct vpn_handshake_message *m, size_t n)
{
	AUTO_DONE(vpn_ahead_done) struct vpn_ahead ahead = {0};
	e->now_ms = now_ms;
	vpn_ahead_look(e, now_ms, m, n, &ahead);
	for (size_t i = 0; i < n; i++)
		receive(e, now_ms, &m[i], &ahead, i);
}
