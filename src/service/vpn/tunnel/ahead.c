#include "service/vpn/tunnel/ahead.h"

#include "crypto/secret.h"

static_assert((int)VPN_RECEIVE_MAX <= (int)NOISE_CURVES_MAX, "asked at once");

static void ask_to_read(struct vpn_engine *e, const struct vpn_handshake_message *m,
			struct noise_curve *ret)
{
	enum wg_kind kind = wg_message_kind(span_of(m->bytes, m->len));
	if (kind == WG_INITIATION && e->has_key)
		noise_initiation_ask(ret, &e->own, (const struct wg_initiation *)m->bytes);
	if (kind != WG_RESPONSE)
		return;
	const struct wg_response *r = (const struct wg_response *)m->bytes;
	struct vpn_peer *peer = vpn_indices_find(&e->handshakes, wg_get_u32(r->receiver));
	if (peer)
		noise_response_ask(ret, &peer->inner->sent, &e->own, r);
}

static void read_initiation(struct vpn_engine *e, const struct vpn_handshake_message *m,
			    const struct noise_curve *answered, struct vpn_foreseen *ret)
{
	const struct wg_initiation *i = (const struct wg_initiation *)m->bytes;
	uint8_t public[WG_KEY_LEN];
	if (wg_message_kind(span_of(m->bytes, m->len)) != WG_INITIATION || !e->has_key ||
	    noise_initiation_read_asked(&ret->handshake, &e->own, i, answered, public) != OK)
		return;
	struct vpn_peer *peer = vpn_engine_find_peer(e, public);
	if (peer &&
	    noise_initiation_accept(&ret->handshake, &peer->inner->noise, i, ret->timestamp) == OK)
		ret->peer = peer;
}

/* Of several of one peer the guard admits the first that it would by now, and then none for a
 * while: so who repeats a message costs one reply. */
static bool will_be_admitted(const struct vpn_foreseen *of, size_t at, uint64_t now_ms)
{
	const struct vpn_peer *peer = of[at].peer;
	if (!peer || noise_guard_would_admit(&peer->inner->guard, of[at].timestamp, now_ms) != OK)
		return false;
	for (size_t i = 0; i < at; i++)
		if (of[i].peer == peer && of[i].replied)
			return false;
	return true;
}

static void ask_to_reply(struct vpn_engine *e, const struct vpn_foreseen *f,
			 struct noise_curve *ret)
{
	uint8_t entropy[WG_KEY_LEN];
	e->effects.random(e->effects.arg, entropy, sizeof(entropy));
	noise_reply_ask(ret, &f->handshake, &f->peer->inner->noise, entropy);
	crypto_wipe(entropy, sizeof(entropy));
}

void vpn_ahead_look(struct vpn_engine *e, uint64_t now_ms, const struct vpn_handshake_message *m,
		    size_t n, struct vpn_ahead *ret)
{
	ASSERT(n <= VPN_RECEIVE_MAX);
	for (size_t i = 0; i < n; i++)
		ask_to_read(e, &m[i], &ret->reads[i]);
	noise_curve_answer(ret->reads, n);
	for (size_t i = 0; i < n; i++) {
		read_initiation(e, &m[i], &ret->reads[i], &ret->of[i]);
		ret->of[i].replied = will_be_admitted(ret->of, i, now_ms);
		if (ret->of[i].replied)
			ask_to_reply(e, &ret->of[i], &ret->replies[i]);
	}
	noise_curve_answer(ret->replies, n);
}

void vpn_ahead_done(struct vpn_ahead *ahead)
{
	crypto_wipe(ahead, sizeof(*ahead));
}
