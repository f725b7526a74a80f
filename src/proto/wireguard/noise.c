#include "proto/wireguard/noise.h"

#include "base/writer.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"

static_assert((int)WG_KEY_LEN == CRYPTO_X25519_LEN && (int)WG_KEY_LEN == CRYPTO_BLAKE2S_LEN &&
		      (int)WG_KEY_LEN == CRYPTO_AEAD_KEY_LEN &&
		      (int)WG_TAG_LEN == CRYPTO_AEAD_TAG_LEN,
	      "a hash is a key, and a point is one");

static struct span key_span(const uint8_t key[WG_KEY_LEN])
{
	return span_of(key, WG_KEY_LEN);
}

/* A key for one text; wiped when it leaves scope. */
struct one_key {
	uint8_t bytes[WG_KEY_LEN];
};

static void one_key_done(struct one_key *k)
{
	crypto_wipe(k, sizeof(*k));
}

/* -- Steps of the paper -- */

/* H := Hash(H || data) */
static void mix_hash(struct noise_handshake *h, struct span data)
{
	crypto_blake2s(key_span(h->hash), data, h->hash);
}

/* C := Kdf1(C, input) */
static void mix_chain(struct noise_handshake *h, struct span input)
{
	uint8_t out[1][WG_KEY_LEN];
	crypto_blake2s_kdf(h->chain, input, 1, out);
	memcpy(h->chain, out[0], WG_KEY_LEN);
	crypto_wipe(out, sizeof(out));
}

/* (C, k) := Kdf2(C, input) */
static void mix_key(struct noise_handshake *h, struct span input, struct one_key *ret)
{
	uint8_t out[2][WG_KEY_LEN];
	crypto_blake2s_kdf(h->chain, input, 2, out);
	memcpy(h->chain, out[0], WG_KEY_LEN);
	memcpy(ret->bytes, out[1], WG_KEY_LEN);
	crypto_wipe(out, sizeof(out));
}

/* (C, tau, k) := Kdf3(C, Q); H := Hash(H || tau) */
static void mix_preshared(struct noise_handshake *h, const uint8_t preshared[WG_KEY_LEN],
			  struct one_key *ret)
{
	uint8_t out[3][WG_KEY_LEN];
	crypto_blake2s_kdf(h->chain, key_span(preshared), 3, out);
	memcpy(h->chain, out[0], WG_KEY_LEN);
	mix_hash(h, key_span(out[1]));
	memcpy(ret->bytes, out[2], WG_KEY_LEN);
	crypto_wipe(out, sizeof(out));
}

/* C := Kdf1(C, DH(private, public)) */
MUST static enum err mix_agreement(struct noise_handshake *h, const uint8_t private[WG_KEY_LEN],
				   const uint8_t public[WG_KEY_LEN])
{
	AUTO_DONE(one_key_done) struct one_key shared = {0};
	TRY(crypto_x25519(private, public, shared.bytes));
	mix_chain(h, key_span(shared.bytes));
	return OK;
}

/* (C, k) := Kdf2(C, DH(private, public)) */
MUST static enum err mix_agreed_key(struct noise_handshake *h, const uint8_t private[WG_KEY_LEN],
				    const uint8_t public[WG_KEY_LEN], struct one_key *ret)
{
	AUTO_DONE(one_key_done) struct one_key shared = {0};
	TRY(crypto_x25519(private, public, shared.bytes));
	mix_key(h, key_span(shared.bytes), ret);
	return OK;
}

/* sealed := Aead(k, 0, text, H); H := Hash(H || sealed) */
static void seal(struct noise_handshake *h, const struct one_key *k, struct span text,
		 uint8_t *ret_sealed)
{
	crypto_aead_seal_once(k->bytes, 0, key_span(h->hash), text, ret_sealed);
	mix_hash(h, span_of(ret_sealed, text.len + WG_TAG_LEN));
}

MUST static enum err open_sealed(struct noise_handshake *h, const struct one_key *k,
				 struct span sealed, uint8_t *ret_text)
{
	if (!crypto_aead_open_once(k->bytes, 0, key_span(h->hash), sealed, ret_text))
		return ERR_REFUSED;
	mix_hash(h, sealed);
	return OK;
}

/* C := Hash(Construction); H := Hash(Hash(C || Identifier) || Spub of the responder) */
static void begin(struct noise_handshake *h, const uint8_t responder[WG_KEY_LEN])
{
	crypto_blake2s(span_text("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"), (struct span){0},
		       h->chain);
	crypto_blake2s(key_span(h->chain), span_text("WireGuard v1 zx2c4 Jason@zx2c4.com"),
		       h->hash);
	mix_hash(h, key_span(responder));
}

/* -- Who we are, whom we know -- */

void noise_identity_init(struct noise_identity *i, const uint8_t private[WG_KEY_LEN])
{
	memcpy(i->private, private, WG_KEY_LEN);
	crypto_x25519_clamp(i->private);
	crypto_x25519_public(i->private, i->public);
}

void noise_identity_done(struct noise_identity *i)
{
	if (i)
		crypto_wipe(i, sizeof(*i));
}

enum err noise_peer_init(struct noise_peer *p, const struct noise_identity *own,
			 const uint8_t public[WG_KEY_LEN], const uint8_t preshared[WG_KEY_LEN])
{
	AUTO_DONE(noise_peer_done) struct noise_peer made = {0};
	memcpy(made.public, public, WG_KEY_LEN);
	TRY(crypto_x25519(own->private, public, made.static_static));
	if (preshared)
		memcpy(made.preshared, preshared, WG_KEY_LEN);
	*p = made;
	return OK;
}

void noise_peer_done(struct noise_peer *p)
{
	if (p)
		crypto_wipe(p, sizeof(*p));
}

void noise_handshake_done(struct noise_handshake *h)
{
	if (h)
		crypto_wipe(h, sizeof(*h));
}

void noise_keys_done(struct noise_keys *k)
{
	if (k)
		crypto_wipe(k, sizeof(*k));
}

/* -- First message: initiator to responder (paper 5.4.2) -- */

enum err noise_initiation_write(struct noise_handshake *h, const struct noise_identity *own,
				const struct noise_peer *peer, const uint8_t entropy[WG_KEY_LEN],
				const uint8_t timestamp[WG_TAI64N_LEN], uint32_t local_index,
				struct wg_initiation *ret)
{
	AUTO_DONE(noise_handshake_done)
	struct noise_handshake n = {
		.stage = NOISE_INITIATION_SENT, .initiator = true, .local_index = local_index};
	AUTO_DONE(one_key_done) struct one_key k = {0};
	struct wg_initiation m = {0};

	begin(&n, peer->public);

	wg_put_kind(m.type, WG_INITIATION);
	wg_put_u32(m.sender, local_index);

	memcpy(n.ephemeral, entropy, WG_KEY_LEN);
	crypto_x25519_clamp(n.ephemeral);
	crypto_x25519_public(n.ephemeral, m.ephemeral);
	mix_chain(&n, key_span(m.ephemeral));
	mix_hash(&n, key_span(m.ephemeral));

	TRY(mix_agreed_key(&n, n.ephemeral, peer->public, &k));
	seal(&n, &k, key_span(own->public), m.sealed_static);

	mix_key(&n, key_span(peer->static_static), &k);
	seal(&n, &k, span_of(timestamp, WG_TAI64N_LEN), m.sealed_timestamp);

	*h = n;
	*ret = m;
	return OK;
}

enum err noise_initiation_read(struct noise_handshake *h, const struct noise_identity *own,
			       const struct wg_initiation *m, uint8_t ret_public[WG_KEY_LEN])
{
	AUTO_DONE(noise_handshake_done)
	struct noise_handshake n = {.stage = NOISE_INITIATION_READ,
				    .remote_index = wg_get_u32(m->sender)};
	AUTO_DONE(one_key_done) struct one_key k = {0};
	uint8_t public[WG_KEY_LEN];

	begin(&n, own->public);

	memcpy(n.remote_ephemeral, m->ephemeral, WG_KEY_LEN);
	mix_chain(&n, key_span(m->ephemeral));
	mix_hash(&n, key_span(m->ephemeral));

	TRY(mix_agreed_key(&n, own->private, m->ephemeral, &k));
	TRY(open_sealed(&n, &k, span_of(m->sealed_static, sizeof(m->sealed_static)), public));

	*h = n;
	memcpy(ret_public, public, WG_KEY_LEN);
	return OK;
}

enum err noise_initiation_accept(struct noise_handshake *h, const struct noise_peer *peer,
				 const struct wg_initiation *m,
				 uint8_t ret_timestamp[WG_TAI64N_LEN])
{
	ASSERT(h->stage == NOISE_INITIATION_READ);
	AUTO_DONE(noise_handshake_done) struct noise_handshake n = *h;
	AUTO_DONE(one_key_done) struct one_key k = {0};
	uint8_t timestamp[WG_TAI64N_LEN];

	mix_key(&n, key_span(peer->static_static), &k);
	TRY(open_sealed(&n, &k, span_of(m->sealed_timestamp, sizeof(m->sealed_timestamp)),
			timestamp));

	n.stage = NOISE_INITIATION_ACCEPTED;
	*h = n;
	memcpy(ret_timestamp, timestamp, sizeof(timestamp));
	return OK;
}

/* -- Second message: responder to initiator (paper 5.4.3) -- */

enum err noise_response_write(struct noise_handshake *h, const struct noise_peer *peer,
			      const uint8_t entropy[WG_KEY_LEN], uint32_t local_index,
			      struct wg_response *ret)
{
	ASSERT(h->stage == NOISE_INITIATION_ACCEPTED);
	AUTO_DONE(noise_handshake_done) struct noise_handshake n = *h;
	AUTO_DONE(one_key_done) struct one_key k = {0};
	struct wg_response m = {0};

	n.local_index = local_index;
	wg_put_kind(m.type, WG_RESPONSE);
	wg_put_u32(m.sender, local_index);
	wg_put_u32(m.receiver, n.remote_index);

	memcpy(n.ephemeral, entropy, WG_KEY_LEN);
	crypto_x25519_clamp(n.ephemeral);
	crypto_x25519_public(n.ephemeral, m.ephemeral);
	mix_chain(&n, key_span(m.ephemeral));
	mix_hash(&n, key_span(m.ephemeral));

	TRY(mix_agreement(&n, n.ephemeral, n.remote_ephemeral));
	TRY(mix_agreement(&n, n.ephemeral, peer->public));
	mix_preshared(&n, peer->preshared, &k);
	seal(&n, &k, (struct span){0}, m.sealed_nothing);

	n.stage = NOISE_AGREED;
	*h = n;
	*ret = m;
	return OK;
}

enum err noise_response_read(struct noise_handshake *h, const struct noise_identity *own,
			     const struct noise_peer *peer, const struct wg_response *m)
{
	if (h->stage != NOISE_INITIATION_SENT || wg_get_u32(m->receiver) != h->local_index)
		return ERR_REFUSED;
	AUTO_DONE(noise_handshake_done) struct noise_handshake n = *h;
	AUTO_DONE(one_key_done) struct one_key k = {0};
	uint8_t nothing[1];

	n.remote_index = wg_get_u32(m->sender);
	memcpy(n.remote_ephemeral, m->ephemeral, WG_KEY_LEN);
	mix_chain(&n, key_span(m->ephemeral));
	mix_hash(&n, key_span(m->ephemeral));

	TRY(mix_agreement(&n, n.ephemeral, m->ephemeral));
	TRY(mix_agreement(&n, own->private, m->ephemeral));
	mix_preshared(&n, peer->preshared, &k);
	TRY(open_sealed(&n, &k, span_of(m->sealed_nothing, sizeof(m->sealed_nothing)), nothing));

	n.stage = NOISE_AGREED;
	*h = n;
	return OK;
}

/* -- Transport keys (paper 5.4.5): the initiator sends with the first, receives with the second. --
 */

void noise_keys(struct noise_handshake *h, struct noise_keys *ret)
{
	ASSERT(h->stage == NOISE_AGREED);
	uint8_t out[2][WG_KEY_LEN];
	crypto_blake2s_kdf(h->chain, (struct span){0}, 2, out);
	memcpy(ret->send, out[h->initiator ? 0 : 1], WG_KEY_LEN);
	memcpy(ret->receive, out[h->initiator ? 1 : 0], WG_KEY_LEN);
	ret->local_index = h->local_index;
	ret->remote_index = h->remote_index;
	ret->initiator = h->initiator;
	crypto_wipe(out, sizeof(out));
	noise_handshake_done(h);
}

/* -- Timestamps (paper 5.1) -- */

/* 1970 began ten seconds before its label in TAI64, whose label of it is this. */
#define TAI64_1970 UINT64_C(0x400000000000000a)

enum { NANOSECONDS_KEPT = ~0xffffff };

void noise_timestamp(uint64_t unix_s, uint32_t nanoseconds, uint8_t ret[WG_TAI64N_LEN])
{
	struct writer w = writer_of(ret, WG_TAI64N_LEN);
	write_u64(&w, TAI64_1970 + unix_s);
	write_u32(&w, nanoseconds & (uint32_t)NANOSECONDS_KEPT);
}

enum err noise_guard_admit(struct noise_guard *g, const uint8_t timestamp[WG_TAI64N_LEN],
			   uint64_t now_ms)
{
	/* Big-endian, so bytes compare as the times do. */
	if (memcmp(timestamp, g->timestamp, WG_TAI64N_LEN) <= 0)
		return ERR_REFUSED;
	if (now_ms < g->next_ms)
		return ERR_LIMIT;
	memcpy(g->timestamp, timestamp, WG_TAI64N_LEN);
	g->next_ms = now_ms + NOISE_GUARD_GAP_MS;
	return OK;
}
