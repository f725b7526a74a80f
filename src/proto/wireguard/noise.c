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

/* DH(private, public) of a task that was answered. */
MUST static enum err agreement(const struct noise_curve *c, size_t i, struct span *ret)
{
	ASSERT(i < c->n);
	TRY(c->tasks[i].err);
	*ret = key_span(c->answers[i]);
	return OK;
}

/* C := Kdf1(C, DH(private, public)) */
MUST static enum err mix_agreement(struct noise_handshake *h, const struct noise_curve *c, size_t i)
{
	struct span shared;
	TRY(agreement(c, i, &shared));
	mix_chain(h, shared);
	return OK;
}

/* (C, k) := Kdf2(C, DH(private, public)) */
MUST static enum err mix_agreed_key(struct noise_handshake *h, const struct noise_curve *c,
				    size_t i, struct one_key *ret)
{
	struct span shared;
	TRY(agreement(c, i, &shared));
	mix_key(h, shared, ret);
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

/* -- The curve -- */

void noise_curve_done(struct noise_curve *c)
{
	if (c)
		crypto_wipe(c, sizeof(*c));
}

/* public NULL: the public key of private. */
static void ask(struct noise_curve *c, const uint8_t *private, const uint8_t *public)
{
	c->tasks[c->n] = (struct crypto_x25519_task){
		.private = private, .public = public, .ret = c->answers[c->n]};
	c->n++;
}

static void ask_with(struct noise_curve *c, const uint8_t entropy[WG_KEY_LEN])
{
	memcpy(c->ephemeral, entropy, WG_KEY_LEN);
	crypto_x25519_clamp(c->ephemeral);
	ask(c, c->ephemeral, NULL);
}

void noise_curve_answer(struct noise_curve *curves, size_t n)
{
	struct crypto_x25519_task tasks[NOISE_CURVES_MAX * 3];
	size_t all = 0;
	ASSERT(n <= NOISE_CURVES_MAX);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < curves[i].n; j++)
			tasks[all++] = curves[i].tasks[j];
	crypto_x25519_many(tasks, all);
	all = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < curves[i].n; j++)
			curves[i].tasks[j].err = tasks[all++].err;
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
	AUTO_DONE(noise_curve_done) struct noise_curve c = {0};
	struct wg_initiation m = {0};

	ask_with(&c, entropy);
	ask(&c, c.ephemeral, peer->public);
	noise_curve_answer(&c, 1);

	begin(&n, peer->public);

	wg_put_kind(m.type, WG_INITIATION);
	wg_put_u32(m.sender, local_index);

	memcpy(n.ephemeral, c.ephemeral, WG_KEY_LEN);
	memcpy(m.ephemeral, c.answers[0], WG_KEY_LEN);
	mix_chain(&n, key_span(m.ephemeral));
	mix_hash(&n, key_span(m.ephemeral));

	TRY(mix_agreed_key(&n, &c, 1, &k));
	seal(&n, &k, key_span(own->public), m.sealed_static);

	mix_key(&n, key_span(peer->static_static), &k);
	seal(&n, &k, span_of(timestamp, WG_TAI64N_LEN), m.sealed_timestamp);

	*h = n;
	*ret = m;
	return OK;
}

void noise_initiation_ask(struct noise_curve *c, const struct noise_identity *own,
			  const struct wg_initiation *m)
{
	c->n = 0;
	ask(c, own->private, m->ephemeral);
}

enum err noise_initiation_read(struct noise_handshake *h, const struct noise_identity *own,
			       const struct wg_initiation *m, uint8_t ret_public[WG_KEY_LEN])
{
	AUTO_DONE(noise_curve_done) struct noise_curve c = {0};
	noise_initiation_ask(&c, own, m);
	noise_curve_answer(&c, 1);
	return noise_initiation_read_asked(h, own, m, &c, ret_public);
}

enum err noise_initiation_read_asked(struct noise_handshake *h, const struct noise_identity *own,
				     const struct wg_initiation *m,
				     const struct noise_curve *answered,
				     uint8_t ret_public[WG_KEY_LEN])
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

	TRY(mix_agreed_key(&n, answered, 0, &k));
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

void noise_reply_ask(struct noise_curve *c, const struct noise_handshake *h,
		     const struct noise_peer *peer, const uint8_t entropy[WG_KEY_LEN])
{
	c->n = 0;
	ask_with(c, entropy);
	ask(c, c->ephemeral, h->remote_ephemeral);
	ask(c, c->ephemeral, peer->public);
}

enum err noise_response_write(struct noise_handshake *h, const struct noise_peer *peer,
			      const uint8_t entropy[WG_KEY_LEN], uint32_t local_index,
			      struct wg_response *ret)
{
	AUTO_DONE(noise_curve_done) struct noise_curve c = {0};
	noise_reply_ask(&c, h, peer, entropy);
	noise_curve_answer(&c, 1);
	return noise_response_write_asked(h, peer, &c, local_index, ret);
}

enum err noise_response_write_asked(struct noise_handshake *h, const struct noise_peer *peer,
				    const struct noise_curve *answered, uint32_t local_index,
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

	memcpy(n.ephemeral, answered->ephemeral, WG_KEY_LEN);
	memcpy(m.ephemeral, answered->answers[0], WG_KEY_LEN);
	mix_chain(&n, key_span(m.ephemeral));
	mix_hash(&n, key_span(m.ephemeral));

	TRY(mix_agreement(&n, answered, 1));
	TRY(mix_agreement(&n, answered, 2));
	mix_preshared(&n, peer->preshared, &k);
	seal(&n, &k, (struct span){0}, m.sealed_nothing);

	n.stage = NOISE_AGREED;
	*h = n;
	*ret = m;
	return OK;
}

static bool answers(const struct noise_handshake *h, const struct wg_response *m)
{
	return h->stage == NOISE_INITIATION_SENT && wg_get_u32(m->receiver) == h->local_index;
}

void noise_response_ask(struct noise_curve *c, const struct noise_handshake *h,
			const struct noise_identity *own, const struct wg_response *m)
{
	c->n = 0;
	if (!answers(h, m))
		return; /* it is refused without */
	ask(c, h->ephemeral, m->ephemeral);
	ask(c, own->private, m->ephemeral);
}

enum err noise_response_read(struct noise_handshake *h, const struct noise_identity *own,
			     const struct noise_peer *peer, const struct wg_response *m)
{
	AUTO_DONE(noise_curve_done) struct noise_curve c = {0};
	noise_response_ask(&c, h, own, m);
	noise_curve_answer(&c, 1);
	return noise_response_read_asked(h, peer, &c, m);
}

enum err noise_response_read_asked(struct noise_handshake *h, const struct noise_peer *peer,
				   const struct noise_curve *answered, const struct wg_response *m)
{
	/* Nothing was asked for one that answered no handshake then. */
	if (!answers(h, m) || answered->n == 0)
		return ERR_REFUSED;
	AUTO_DONE(noise_handshake_done) struct noise_handshake n = *h;
	AUTO_DONE(one_key_done) struct one_key k = {0};
	uint8_t nothing[1];

	n.remote_index = wg_get_u32(m->sender);
	memcpy(n.remote_ephemeral, m->ephemeral, WG_KEY_LEN);
	mix_chain(&n, key_span(m->ephemeral));
	mix_hash(&n, key_span(m->ephemeral));

	TRY(mix_agreement(&n, answered, 0));
	TRY(mix_agreement(&n, answered, 1));
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

enum err noise_guard_would_admit(const struct noise_guard *g,
				 const uint8_t timestamp[WG_TAI64N_LEN], uint64_t now_ms)
{
	/* Big-endian, so bytes compare as the times do. */
	if (memcmp(timestamp, g->timestamp, WG_TAI64N_LEN) <= 0)
		return ERR_REFUSED;
	return now_ms < g->next_ms ? ERR_LIMIT : OK;
}

enum err noise_guard_admit(struct noise_guard *g, const uint8_t timestamp[WG_TAI64N_LEN],
			   uint64_t now_ms)
{
	TRY(noise_guard_would_admit(g, timestamp, now_ms));
	memcpy(g->timestamp, timestamp, WG_TAI64N_LEN);
	g->next_ms = now_ms + NOISE_GUARD_GAP_MS;
	return OK;
}
