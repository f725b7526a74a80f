#include "proto/wireguard/noise.h"

#include "crypto/aead.h"
#include "proto/wireguard/vectors_test.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct noise_handshake empty;

/* Both sides of a vector, and what they sent. */
static struct {
	struct noise_identity i, r;
	struct noise_peer peer_of_i, peer_of_r; /* whom each knows: the other */
	uint8_t ephemeral_i[WG_KEY_LEN], ephemeral_r[WG_KEY_LEN], timestamp[WG_TAI64N_LEN];
	struct wg_initiation initiation;
	struct wg_response response;
} v;

static void bytes_of(const char *hex, void *ret, size_t len)
{
	assert_int_equal(hex_read(hex, ret, len), len);
}

static void vector_load(const struct wg_vector *from)
{
	uint8_t i[WG_KEY_LEN], r[WG_KEY_LEN], preshared[WG_KEY_LEN];
	bytes_of(from->static_i, i, sizeof(i));
	bytes_of(from->static_r, r, sizeof(r));
	bytes_of(from->preshared, preshared, sizeof(preshared));
	noise_identity_init(&v.i, i);
	noise_identity_init(&v.r, r);
	assert_true(hex_is(v.i.public, WG_KEY_LEN, from->public_i));
	assert_true(hex_is(v.r.public, WG_KEY_LEN, from->public_r));
	assert_int_equal(noise_peer_init(&v.peer_of_i, &v.i, v.r.public, preshared), OK);
	assert_int_equal(noise_peer_init(&v.peer_of_r, &v.r, v.i.public, preshared), OK);
	bytes_of(from->ephemeral_i, v.ephemeral_i, WG_KEY_LEN);
	bytes_of(from->ephemeral_r, v.ephemeral_r, WG_KEY_LEN);
	bytes_of(from->timestamp, v.timestamp, WG_TAI64N_LEN);
	bytes_of(from->initiation, &v.initiation, sizeof(v.initiation));
	bytes_of(from->response, &v.response, sizeof(v.response));
}

/* The initiator's handshake after his message. */
static struct noise_handshake sent(void)
{
	struct noise_handshake h = empty;
	struct wg_initiation m;
	assert_int_equal(noise_initiation_write(&h, &v.i, &v.peer_of_i, v.ephemeral_i, v.timestamp,
						VECTOR_SENDER_I, &m),
			 OK);
	assert_memory_equal(&m, &v.initiation, sizeof(m) - sizeof(m.macs));
	return h;
}

static enum err accept(struct noise_handshake *h, const struct wg_initiation *m)
{
	uint8_t public[WG_KEY_LEN], timestamp[WG_TAI64N_LEN] = {0};
	enum err e = noise_initiation_read(h, &v.r, m, public);
	if (e)
		return e;
	assert_memory_equal(public, v.i.public, WG_KEY_LEN);
	e = noise_initiation_accept(h, &v.peer_of_r, m, timestamp);
	if (!e)
		assert_memory_equal(timestamp, v.timestamp, sizeof(timestamp));
	return e;
}

/* Each bit but those of the reserved bytes, the sender's index and the macs, which others judge. */
static void changed_initiation(const uint8_t *data, size_t len)
{
	const struct wg_initiation *m = (const void *)data;
	struct noise_handshake h = empty;
	(void)len;
	bool sealed_part =
		memcmp(m->ephemeral, v.initiation.ephemeral, sizeof(*m) - sizeof(m->macs) - 8) == 0;
	/* X25519 takes no notice of the highest bit of a point, yet the hash does. */
	assert_int_equal(accept(&h, m), sealed_part ? OK : ERR_REFUSED);
	if (!sealed_part && h.stage == NOISE_EMPTY)
		assert_memory_equal(&h, &empty, sizeof(h));
}

static void refuses_initiations_of_every_changed_bit(void **state)
{
	(void)state;
	vector_load(&wg_vectors[1]);
	guard_every_bit_flip(&v.initiation, sizeof(v.initiation), changed_initiation);
}

static struct noise_handshake waiting;

static void changed_response(const uint8_t *data, size_t len)
{
	const struct wg_response *m = (const void *)data;
	struct noise_handshake h = waiting;
	(void)len;
	bool sealed_part =
		memcmp(m->receiver, v.response.receiver, sizeof(*m) - sizeof(m->macs) - 8) == 0;
	assert_int_equal(noise_response_read(&h, &v.i, &v.peer_of_i, m),
			 sealed_part ? OK : ERR_REFUSED);
	if (!sealed_part)
		assert_memory_equal(&h, &waiting, sizeof(h));
}

static void refuses_responses_of_every_changed_bit(void **state)
{
	(void)state;
	vector_load(&wg_vectors[1]);
	waiting = sent();
	guard_every_bit_flip(&v.response, sizeof(v.response), changed_response);
}

static void refuses_a_response_unasked_and_a_second_one(void **state)
{
	(void)state;
	struct noise_keys keys;
	struct noise_handshake h = empty;
	vector_load(&wg_vectors[0]);
	assert_int_equal(noise_response_read(&h, &v.i, &v.peer_of_i, &v.response), ERR_REFUSED);
	h = sent();
	assert_int_equal(noise_response_read(&h, &v.i, &v.peer_of_i, &v.response), OK);
	assert_int_equal(noise_response_read(&h, &v.i, &v.peer_of_i, &v.response), ERR_REFUSED);
	noise_keys(&h, &keys);
	assert_memory_equal(&h, &empty, sizeof(h));
	assert_int_equal(noise_response_read(&h, &v.i, &v.peer_of_i, &v.response), ERR_REFUSED);
}

static void refuses_other_identities_peers_and_preshared_keys(void **state)
{
	(void)state;
	uint8_t public[WG_KEY_LEN], timestamp[WG_TAI64N_LEN];
	struct noise_handshake h = empty, before;
	struct noise_peer stranger;
	vector_load(&wg_vectors[1]);
	assert_int_equal(noise_initiation_read(&h, &v.i, &v.initiation, public), ERR_REFUSED);
	/* Of the initiator's name but without his private key: another static-static key. */
	assert_int_equal(noise_initiation_read(&h, &v.r, &v.initiation, public), OK);
	stranger = v.peer_of_r;
	stranger.static_static[0] ^= 1;
	before = h;
	assert_int_equal(noise_initiation_accept(&h, &stranger, &v.initiation, timestamp),
			 ERR_REFUSED);
	assert_memory_equal(&h, &before, sizeof(h));
	/* Another preshared key is found by whoever reads the response. */
	h = sent();
	stranger = v.peer_of_i;
	stranger.preshared[31] ^= 0x80;
	assert_int_equal(noise_response_read(&h, &v.i, &stranger, &v.response), ERR_REFUSED);
	assert_int_equal(noise_response_read(&h, &v.i, &v.peer_of_i, &v.response), OK);
}

static void refuses_points_of_small_order(void **state)
{
	(void)state;
	static const uint8_t zeros[WG_KEY_LEN];
	uint8_t public[WG_KEY_LEN];
	struct noise_handshake h = empty;
	struct noise_peer peer;
	vector_load(&wg_vectors[0]);
	assert_int_equal(noise_peer_init(&peer, &v.i, zeros, NULL), ERR_REFUSED);
	memset(v.initiation.ephemeral, 0, WG_KEY_LEN);
	assert_int_equal(noise_initiation_read(&h, &v.r, &v.initiation, public), ERR_REFUSED);
	vector_load(&wg_vectors[0]);
	h = sent();
	memset(v.response.ephemeral, 0, WG_KEY_LEN);
	assert_int_equal(noise_response_read(&h, &v.i, &v.peer_of_i, &v.response), ERR_REFUSED);
	assert_int_equal(h.stage, NOISE_INITIATION_SENT);
}

static void makes_the_messages_and_keys_of_another_implementation(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(wg_vectors) / sizeof(wg_vectors[0]); n++) {
		const struct wg_vector *from = &wg_vectors[n];
		struct noise_handshake r = empty;
		struct wg_response m;
		struct noise_keys of_i, of_r;
		vector_load(from);
		struct noise_handshake i = sent();
		assert_int_equal(accept(&r, &v.initiation), OK);
		assert_int_equal(
			noise_response_write(&r, &v.peer_of_r, v.ephemeral_r, VECTOR_SENDER_R, &m),
			OK);
		assert_memory_equal(&m, &v.response, sizeof(m) - sizeof(m.macs));
		assert_int_equal(noise_response_read(&i, &v.i, &v.peer_of_i, &v.response), OK);
		noise_keys(&i, &of_i);
		noise_keys(&r, &of_r);
		assert_true(hex_is(of_i.send, WG_KEY_LEN, from->key_i));
		assert_true(hex_is(of_i.receive, WG_KEY_LEN, from->key_r));
		assert_true(hex_is(of_r.send, WG_KEY_LEN, from->key_r));
		assert_true(hex_is(of_r.receive, WG_KEY_LEN, from->key_i));
		assert_true(of_i.initiator && !of_r.initiator);
		assert_int_equal(of_i.local_index, VECTOR_SENDER_I);
		assert_int_equal(of_i.remote_index, VECTOR_SENDER_R);
		assert_int_equal(of_r.local_index, VECTOR_SENDER_R);
		assert_int_equal(of_r.remote_index, VECTOR_SENDER_I);
	}
}

/* Among others that ask for points of small order. */
static void what_is_asked_together_is_answered_as_alone(void **state)
{
	(void)state;
	struct noise_curve curves[NOISE_CURVES_MAX];
	static const struct wg_initiation nothing;
	vector_load(&wg_vectors[1]);
	for (size_t at = 0; at < NOISE_CURVES_MAX; at++) {
		uint8_t public[WG_KEY_LEN], timestamp[WG_TAI64N_LEN];
		struct noise_handshake i = sent(), r = empty, none = empty;
		struct wg_response m;
		memset(curves, 0, sizeof(curves));
		for (size_t n = 0; n < NOISE_CURVES_MAX; n++)
			noise_initiation_ask(&curves[n], &v.r, n == at ? &v.initiation : &nothing);
		noise_curve_answer(curves, NOISE_CURVES_MAX);
		for (size_t n = 0; n < NOISE_CURVES_MAX; n++)
			assert_int_equal(
				noise_initiation_read_asked(n == at ? &r : &none, &v.r,
							    n == at ? &v.initiation : &nothing,
							    &curves[n], public),
				n == at ? OK : ERR_REFUSED);
		assert_memory_equal(public, v.i.public, WG_KEY_LEN);
		assert_int_equal(
			noise_initiation_accept(&r, &v.peer_of_r, &v.initiation, timestamp), OK);
		memset(curves, 0, sizeof(curves));
		noise_reply_ask(&curves[at], &r, &v.peer_of_r, v.ephemeral_r);
		noise_response_ask(&curves[(at + 1) % NOISE_CURVES_MAX], &i, &v.i, &v.response);
		noise_curve_answer(curves, NOISE_CURVES_MAX);
		assert_int_equal(noise_response_write_asked(&r, &v.peer_of_r, &curves[at],
							    VECTOR_SENDER_R, &m),
				 OK);
		assert_memory_equal(&m, &v.response, sizeof(m) - sizeof(m.macs));
		assert_int_equal(noise_response_read_asked(&i, &v.peer_of_i,
							   &curves[(at + 1) % NOISE_CURVES_MAX],
							   &v.response),
				 OK);
		assert_memory_equal(i.chain, r.chain, WG_KEY_LEN);
	}
}

static void a_response_that_nothing_was_asked_for_is_refused(void **state)
{
	(void)state;
	struct noise_curve curve = {0};
	vector_load(&wg_vectors[0]);
	struct noise_handshake h = empty, begun = sent();
	noise_response_ask(&curve, &h, &v.i, &v.response); /* it answers nothing yet */
	noise_curve_answer(&curve, 1);
	assert_int_equal(noise_response_read_asked(&begun, &v.peer_of_i, &curve, &v.response),
			 ERR_REFUSED);
	assert_int_equal(begun.stage, NOISE_INITIATION_SENT);
}

static void opens_and_seals_the_packets_of_another_implementation(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(wg_vectors) / sizeof(wg_vectors[0]); n++) {
		const struct wg_vector *from = &wg_vectors[n];
		uint8_t key[WG_KEY_LEN], wire[80], packet[32], sealed[64];
		struct crypto_aead a = {0};
		bytes_of(from->key_r, key, sizeof(key));
		bytes_of(from->packet, packet, sizeof(packet));
		size_t len = hex_read(from->transport, wire, sizeof(wire));
		const struct wg_transport *m = (const void *)wire;
		struct span body = span_sub(span_of(wire, len), sizeof(*m), len);
		assert_int_equal(crypto_aead_init(&a, CRYPTO_AEAD_SEAL, key), OK);
		crypto_aead_seal(&a, wg_get_u64(m->counter), span_of(packet, sizeof(packet)),
				 sealed);
		assert_memory_equal(sealed, body.data, body.len);
		assert_int_equal(crypto_aead_init(&a, CRYPTO_AEAD_OPEN, key), OK);
		assert_true(crypto_aead_open(&a, wg_get_u64(m->counter), body, sealed));
		assert_memory_equal(sealed, packet, sizeof(packet));
		bytes_of(from->key_i, key, sizeof(key));
		len = hex_read(from->keepalive, wire, sizeof(wire));
		assert_int_equal(len, WG_TRANSPORT_MIN);
		assert_int_equal(crypto_aead_init(&a, CRYPTO_AEAD_OPEN, key), OK);
		assert_true(
			crypto_aead_open(&a, 0, span_of(wire + sizeof(*m), WG_TAG_LEN), sealed));
		crypto_aead_done(&a);
	}
}

static void a_timestamp_is_admitted_once_and_in_order(void **state)
{
	(void)state;
	struct noise_guard g = {0};
	uint8_t early[WG_TAI64N_LEN], late[WG_TAI64N_LEN];
	noise_timestamp(1732764412, 0, early);
	noise_timestamp(1732764412, 999999999, late);
	assert_true(hex_is(early, sizeof(early), "400000006747e30600000000"));
	assert_true(hex_is(late, sizeof(late), "400000006747e3063b000000"));
	assert_int_equal(noise_guard_admit(&g, early, 1000), OK);
	assert_int_equal(noise_guard_admit(&g, early, 2000), ERR_REFUSED);
	assert_int_equal(noise_guard_admit(&g, late, 1000 + NOISE_GUARD_GAP_MS - 1), ERR_LIMIT);
	assert_int_equal(noise_guard_admit(&g, late, 1000 + NOISE_GUARD_GAP_MS), OK);
	assert_int_equal(noise_guard_admit(&g, early, 2000), ERR_REFUSED);
}

static void wipes_what_it_is_done_with(void **state)
{
	(void)state;
	static const uint8_t zeros[512];
	struct noise_keys keys = {.send = {1}, .receive = {1}};
	vector_load(&wg_vectors[1]);
	struct noise_handshake h = sent();
	static_assert(sizeof(h) <= sizeof(zeros), "all of it is compared");
	noise_handshake_done(&h);
	assert_memory_equal(&h, zeros, sizeof(h));
	noise_identity_done(&v.i);
	assert_memory_equal(&v.i, zeros, sizeof(v.i));
	noise_peer_done(&v.peer_of_i);
	assert_memory_equal(&v.peer_of_i, zeros, sizeof(v.peer_of_i));
	struct noise_curve curve = {0};
	noise_reply_ask(&curve, &(struct noise_handshake){0}, &v.peer_of_r, v.ephemeral_r);
	static_assert(sizeof(curve) <= sizeof(zeros), "this too");
	noise_curve_done(&curve);
	assert_memory_equal(&curve, zeros, sizeof(curve));
	noise_keys_done(&keys);
	assert_memory_equal(&keys, zeros, sizeof(keys));
	noise_handshake_done(NULL);
	noise_identity_done(NULL);
	noise_peer_done(NULL);
	noise_keys_done(NULL);
	noise_curve_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_initiations_of_every_changed_bit),
		cmocka_unit_test(refuses_responses_of_every_changed_bit),
		cmocka_unit_test(refuses_a_response_unasked_and_a_second_one),
		cmocka_unit_test(refuses_other_identities_peers_and_preshared_keys),
		cmocka_unit_test(refuses_points_of_small_order),
		cmocka_unit_test(makes_the_messages_and_keys_of_another_implementation),
		cmocka_unit_test(what_is_asked_together_is_answered_as_alone),
		cmocka_unit_test(a_response_that_nothing_was_asked_for_is_refused),
		cmocka_unit_test(opens_and_seals_the_packets_of_another_implementation),
		cmocka_unit_test(a_timestamp_is_admitted_once_and_in_order),
		cmocka_unit_test(wipes_what_it_is_done_with),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
