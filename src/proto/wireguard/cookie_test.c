#include "proto/wireguard/cookie.h"

#include "proto/wireguard/vectors_test.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Keys of the responder and the initiator, what the latter sent, what the former answers. */
static struct {
	struct wg_mac_keys responder, initiator;
	struct wg_cookie_secret secret;
	uint8_t initiation[WG_INITIATION_LEN], response[WG_RESPONSE_LEN];
	struct wg_cookie_reply reply;
	uint8_t source[6], nonce[WG_COOKIE_NONCE_LEN];
} v;

static const uint64_t now_ms = 1000000;

static void vector_load(const struct wg_vector *from)
{
	uint8_t key[WG_KEY_LEN];
	assert_int_equal(hex_read(from->public_r, key, sizeof(key)), sizeof(key));
	wg_mac_keys_init(&v.responder, key);
	assert_int_equal(hex_read(from->public_i, key, sizeof(key)), sizeof(key));
	wg_mac_keys_init(&v.initiator, key);
	assert_int_equal(hex_read(from->secret, key, sizeof(key)), sizeof(key));
	wg_cookie_secret_set(&v.secret, key, now_ms);
	assert_int_equal(hex_read(from->initiation, v.initiation, sizeof(v.initiation)),
			 sizeof(v.initiation));
	assert_int_equal(hex_read(from->response, v.response, sizeof(v.response)),
			 sizeof(v.response));
	assert_int_equal(hex_read(from->cookie_reply, (uint8_t *)&v.reply, sizeof(v.reply)),
			 sizeof(v.reply));
	assert_int_equal(hex_read(from->source, v.source, sizeof(v.source)), sizeof(v.source));
	assert_int_equal(hex_read(from->nonce, v.nonce, sizeof(v.nonce)), sizeof(v.nonce));
}

static struct span source(void)
{
	return span_of(v.source, sizeof(v.source));
}

static void initiation_is_refused(const uint8_t *data, size_t len)
{
	bool before_mac2 = memcmp(data, v.initiation, len - WG_MAC_LEN) == 0;
	assert_int_equal(wg_mac1_ok(&v.responder, span_of(data, len)), before_mac2);
	assert_false(wg_mac2_ok(&v.secret, source(), span_of(data, len)));
}

static void response_is_refused(const uint8_t *data, size_t len)
{
	bool before_mac2 = memcmp(data, v.response, len - WG_MAC_LEN) == 0;
	assert_int_equal(wg_mac1_ok(&v.initiator, span_of(data, len)), before_mac2);
	assert_false(wg_mac2_ok(&v.secret, source(), span_of(data, len)));
}

static void refuses_macs_of_every_changed_bit_and_other_keys(void **state)
{
	(void)state;
	vector_load(&wg_vectors[0]);
	assert_false(wg_mac1_ok(&v.initiator, span_of(v.initiation, sizeof(v.initiation))));
	assert_false(wg_mac1_ok(&v.responder, span_of(v.response, sizeof(v.response))));
	guard_every_bit_flip(v.initiation, sizeof(v.initiation), initiation_is_refused);
	guard_every_bit_flip(v.response, sizeof(v.response), response_is_refused);
}

static struct wg_cookie sent; /* the initiator's, the vector's initiation sent */

static void reply_is_refused(const uint8_t *data, size_t len)
{
	struct wg_cookie c = sent;
	const struct wg_cookie_reply *m = (const void *)data;
	/* Type and receiver are the caller's to look at. */
	bool sealed_part = memcmp(m->nonce, v.reply.nonce, len - 8) == 0;
	assert_int_equal(wg_cookie_reply_read(&c, &v.responder, now_ms, m),
			 sealed_part ? OK : ERR_REFUSED);
	assert_int_equal(c.held, sealed_part);
}

static void refuses_replies_of_every_changed_bit_unasked_and_twice(void **state)
{
	(void)state;
	vector_load(&wg_vectors[0]);
	struct wg_cookie c = {0};
	assert_int_equal(wg_cookie_reply_read(&c, &v.responder, now_ms, &v.reply), ERR_REFUSED);
	sent = (struct wg_cookie){0};
	wg_cookie_sign(&sent, &v.responder, now_ms, v.initiation, sizeof(v.initiation));
	guard_every_bit_flip(&v.reply, sizeof(v.reply), reply_is_refused);
	c = sent;
	assert_int_equal(wg_cookie_reply_read(&c, &v.initiator, now_ms, &v.reply), ERR_REFUSED);
	assert_int_equal(wg_cookie_reply_read(&c, &v.responder, now_ms, &v.reply), OK);
	assert_int_equal(wg_cookie_reply_read(&c, &v.responder, now_ms, &v.reply), ERR_REFUSED);
	assert_true(c.held);
}

static void makes_the_messages_of_another_implementation(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wg_vectors) / sizeof(wg_vectors[0]); i++) {
		struct wg_cookie c = {0}, responders = {0};
		struct wg_cookie_reply reply;
		uint8_t wire[WG_INITIATION_LEN];
		vector_load(&wg_vectors[i]);
		memcpy(wire, v.initiation, sizeof(wire));
		memset(wire + sizeof(wire) - 32, 0xff, 32);
		wg_cookie_sign(&c, &v.responder, now_ms, wire, sizeof(wire));
		assert_memory_equal(wire, v.initiation, sizeof(wire));
		assert_true(wg_mac1_ok(&v.responder, span_of(wire, sizeof(wire))));
		wg_cookie_reply_write(&v.responder, &v.secret, source(),
				      span_of(wire, sizeof(wire)), v.nonce, &reply);
		assert_memory_equal(&reply, &v.reply, sizeof(reply));
		assert_int_equal(wg_cookie_reply_read(&c, &v.responder, now_ms, &reply), OK);
		wg_cookie_sign(&c, &v.responder, now_ms, wire, sizeof(wire));
		assert_true(hex_is(wire, sizeof(wire), wg_vectors[i].initiation_again));
		memset(wire, 0xff, sizeof(wire));
		memcpy(wire, v.response, WG_RESPONSE_LEN - 32);
		wg_cookie_sign(&responders, &v.initiator, now_ms, wire, WG_RESPONSE_LEN);
		assert_memory_equal(wire, v.response, WG_RESPONSE_LEN);
	}
}

static void a_cookie_is_for_one_source_one_secret_and_a_time(void **state)
{
	(void)state;
	uint8_t wire[WG_INITIATION_LEN] = {0}, other[6], zeros[WG_MAC_LEN] = {0};
	struct span all = span_of(wire, sizeof(wire));
	struct wg_cookie c = {0};
	vector_load(&wg_vectors[0]);
	memcpy(wire, v.initiation, sizeof(wire));
	wg_cookie_sign(&c, &v.responder, now_ms, wire, sizeof(wire));
	assert_int_equal(wg_cookie_reply_read(&c, &v.responder, now_ms, &v.reply), OK);
	wg_cookie_sign(&c, &v.responder, now_ms + WG_COOKIE_USE_MS - 1, wire, sizeof(wire));
	assert_true(wg_mac2_ok(&v.secret, source(), all));
	memcpy(other, v.source, sizeof(other));
	other[5] ^= 1;
	assert_false(wg_mac2_ok(&v.secret, span_of(other, sizeof(other)), all));
	assert_false(wg_cookie_secret_is_due(&v.secret, now_ms + WG_COOKIE_SECRET_MS - 1));
	assert_true(wg_cookie_secret_is_due(&v.secret, now_ms + WG_COOKIE_SECRET_MS));
	wg_cookie_secret_set(&v.secret, v.responder.mac1, now_ms);
	assert_false(wg_mac2_ok(&v.secret, source(), all));
	wg_cookie_sign(&c, &v.responder, now_ms + WG_COOKIE_USE_MS, wire, sizeof(wire));
	assert_memory_equal(wire + sizeof(wire) - WG_MAC_LEN, zeros, sizeof(zeros));
}

static void wipes_cookies_and_secrets(void **state)
{
	(void)state;
	static const uint8_t zeros[128];
	vector_load(&wg_vectors[0]);
	wg_cookie_secret_done(&v.secret);
	assert_memory_equal(&v.secret, zeros, sizeof(v.secret));
	wg_cookie_done(&sent);
	assert_memory_equal(&sent, zeros, sizeof(sent));
	wg_cookie_done(NULL);
	wg_cookie_secret_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_macs_of_every_changed_bit_and_other_keys),
		cmocka_unit_test(refuses_replies_of_every_changed_bit_unasked_and_twice),
		cmocka_unit_test(makes_the_messages_of_another_implementation),
		cmocka_unit_test(a_cookie_is_for_one_source_one_secret_and_a_time),
		cmocka_unit_test(wipes_cookies_and_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
