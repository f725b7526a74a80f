/* Messages received together have the effects that they have one by one: the same wire twice, one
 * responder takes them in turn and the other in groups. */
#include "proto/wireguard/noise.h"
#include "service/vpn/tunnel/site_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SITES = 5, ROUNDS = 400, POOL = 64, STEP_NS = 1 << 24 };

static struct wire *w[2];
static struct site *responder[2]; /* the last of the sites: in turn, together */
static struct test_random rng;
static uint64_t stamp_ns;

static int two_wires(void **state)
{
	(void)state;
	rng = test_random_begin();
	stamp_ns = UINT64_C(1800000000000000000);
	for (size_t i = 0; i < 2; i++) {
		w[i] = wire_new(SITES);
		responder[i] = &w[i]->sites[SITES - 1];
	}
	/* Both have the same keys, so what is for one is for the other. */
	assert_memory_equal(responder[0]->public, responder[1]->public, VPN_KEY_LEN);
	return 0;
}

static int done(void **state)
{
	(void)state;
	wire_free(w[0]);
	wire_free(w[1]);
	return 0;
}

/* --- messages */

static struct vpn_endpoint endpoint_of(unsigned n)
{
	struct ip_endpoint at = {.address = ip_address_v4(192, 0, 2, (uint8_t)n), .port = 51820};
	return (struct vpn_endpoint){.remote = at, .local = responder[0]->at.address};
}

/* Of a site, as it would be if its clock ran a step at each. */
static struct vpn_handshake_message initiation_of(const uint8_t private[VPN_KEY_LEN], unsigned from)
{
	struct vpn_handshake_message m = {.from = endpoint_of(from),
					  .len = sizeof(struct wg_initiation)};
	struct noise_identity own;
	struct noise_peer peer;
	struct noise_handshake h = {0};
	uint8_t entropy[VPN_KEY_LEN], timestamp[WG_TAI64N_LEN];
	noise_identity_init(&own, private);
	assert_int_equal(noise_peer_init(&peer, &own, responder[0]->public, NULL), OK);
	test_random_fill(&rng, entropy, sizeof(entropy));
	stamp_ns += STEP_NS;
	noise_timestamp(stamp_ns / 1000000000, (uint32_t)(stamp_ns % 1000000000), timestamp);
	assert_int_equal(noise_initiation_write(&h, &own, &peer, entropy, timestamp,
						(uint32_t)test_random_next(&rng),
						(struct wg_initiation *)m.bytes),
			 OK);
	return m;
}

static struct vpn_handshake_message from_site(unsigned n)
{
	return initiation_of(w[0]->sites[n - 1].private, n);
}

static struct vpn_handshake_message from_stranger(void)
{
	uint8_t private[VPN_KEY_LEN];
	test_random_fill(&rng, private, sizeof(private));
	return initiation_of(private, 77);
}

static struct vpn_handshake_message noise_of(enum wg_kind kind, size_t len)
{
	struct vpn_handshake_message m = {.from = endpoint_of(88), .len = (uint16_t)len};
	test_random_fill(&rng, m.bytes, sizeof(m.bytes));
	wg_put_kind(m.bytes, kind);
	return m;
}

static struct vpn_handshake_message pool[POOL]; /* what was sent before */

static struct vpn_handshake_message any_message(void)
{
	struct vpn_handshake_message *kept = &pool[test_random_below(&rng, POOL)];
	struct vpn_handshake_message m = *kept;
	switch (test_random_below(&rng, 12)) {
	case 0: return from_stranger();
	case 1: return noise_of(WG_INITIATION, sizeof(struct wg_initiation));
	case 2: return noise_of(WG_RESPONSE, sizeof(struct wg_response));
	case 3: return noise_of(WG_COOKIE_REPLY, sizeof(struct wg_cookie_reply));
	case 4: return noise_of(WG_INITIATION, 20);
	case 5: m.bytes[8 + test_random_below(&rng, 108)] ^= 0x04; return m;
	case 6: memset(m.bytes + 8, 0, VPN_KEY_LEN); return m; /* a point of small order */
	case 7: m.from.remote.port++; return m;
	case 8: return m;
	default: *kept = from_site(1 + (unsigned)test_random_below(&rng, SITES - 1)); return *kept;
	}
}

/* --- effects */

static unsigned number_of(struct site *s, const struct vpn_peer *peer)
{
	for (unsigned n = 1; n < SITES; n++)
		if (site_peer(s, n) == peer)
			return n;
	return 0;
}

static void same_events(void)
{
	assert_int_equal(responder[0]->told_n, responder[1]->told_n);
	for (size_t i = 0; i < responder[0]->told_n; i++) {
		const struct vpn_event *a = &responder[0]->told[i], *b = &responder[1]->told[i];
		assert_int_equal(a->kind, b->kind);
		assert_int_equal(number_of(responder[0], a->peer),
				 number_of(responder[1], b->peer));
		assert_true(ip_endpoint_equal(&a->after.remote, &b->after.remote));
	}
	responder[0]->told_n = responder[1]->told_n = 0;
}

/* Keys and indices of responses are drawn, so these differ. */
static size_t same_datagrams(void)
{
	size_t n = w[0]->queue_n;
	assert_int_equal(n, w[1]->queue_n);
	for (size_t i = 0; i < n; i++) {
		const struct wire_datagram *a = &w[0]->queue[i], *b = &w[1]->queue[i];
		assert_true(ip_endpoint_equal(&a->to, &b->to));
		assert_int_equal(a->len, b->len);
		assert_int_equal(a->tos, b->tos);
		assert_int_equal(a->bytes[0], WG_RESPONSE);
		assert_int_equal(b->bytes[0], WG_RESPONSE);
		assert_memory_equal(a->bytes + 8, b->bytes + 8, 4); /* whom it answers */
	}
	w[0]->queue_n = w[1]->queue_n = 0;
	return n;
}

static void same_effects(size_t *responses)
{
	struct vpn_counts a = site_counts(responder[0]), b = site_counts(responder[1]);
	assert_memory_equal(&a, &b, sizeof(a));
	*responses += same_datagrams();
	for (size_t i = 0; i < 2; i++)
		vpn_engine_turn(responder[i]->e, w[i]->now_ms); /* tells of moves */
	assert_int_equal(w[0]->queue_n, w[1]->queue_n);
	same_events();
}

/* In turn by the first, together by the second. */
static void receive(const struct vpn_handshake_message *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vpn_engine_receive(responder[0]->e, w[0]->now_ms, &m[i], 1);
	vpn_engine_receive(responder[1]->e, w[1]->now_ms, m, n);
}

static void any_messages_do_together_what_they_do_in_turn(void **state)
{
	(void)state;
	size_t responses = 0;
	for (size_t i = 0; i < POOL; i++)
		pool[i] = from_site(1 + (unsigned)i % (SITES - 1));
	for (size_t round = 0; round < ROUNDS; round++) {
		struct vpn_handshake_message m[VPN_RECEIVE_MAX];
		size_t n = test_random_below(&rng, VPN_RECEIVE_MAX + 1);
		for (size_t i = 0; i < n; i++)
			m[i] = any_message();
		receive(m, n);
		same_effects(&responses);
		w[0]->now_ms += test_random_below(&rng, 15);
		w[1]->now_ms = w[0]->now_ms;
	}
	struct vpn_counts counts = site_counts(responder[1]);
	assert_int_equal(responses, counts.responses_sent);
	assert_true(responses > ROUNDS / 4);
	assert_true(counts.dropped[VPN_DROP_HANDSHAKE] > 0 && counts.dropped[VPN_DROP_TORN] > 0);
	assert_true(counts.dropped[VPN_DROP_TOO_SOON] > 0);
	assert_true(counts.dropped[VPN_DROP_TIMESTAMP] > 0);
}

static void two_of_one_peer_have_one_answer_and_it_is_the_first_ones(void **state)
{
	(void)state;
	struct vpn_handshake_message m[] = {from_site(1), from_site(1), from_site(2), from_site(1)};
	struct wire_datagram *sent = w[1]->queue;
	receive(m, 4);
	assert_int_equal(w[1]->queue_n, 2);
	assert_memory_equal(sent[0].bytes + 8, m[0].bytes + 4, 4);
	assert_memory_equal(sent[1].bytes + 8, m[2].bytes + 4, 4);
	struct vpn_counts counts = site_counts(responder[1]);
	assert_int_equal(counts.dropped[VPN_DROP_TOO_SOON], 2);
	assert_int_equal(counts.initiations_received, 2);
}

/* The second is the earlier one: whichever comes first is answered, the other is a replay. */
static void an_older_one_behind_a_newer_one_is_a_replay(void **state)
{
	(void)state;
	struct vpn_handshake_message older = from_site(1), newer = from_site(1);
	const struct vpn_handshake_message m[] = {newer, older, newer};
	receive(m, 3);
	assert_int_equal(w[1]->queue_n, 1);
	assert_memory_equal(w[1]->queue[0].bytes + 8, newer.bytes + 4, 4);
	assert_int_equal(site_counts(responder[1]).dropped[VPN_DROP_TIMESTAMP], 2);
}

static void a_replay_before_it_does_not_hide_a_new_one(void **state)
{
	(void)state;
	struct vpn_handshake_message old = from_site(1);
	receive(&old, 1);
	w[0]->now_ms += NOISE_GUARD_GAP_MS;
	w[1]->now_ms = w[0]->now_ms;
	w[1]->queue_n = 0;
	struct vpn_handshake_message new = from_site(1);
	const struct vpn_handshake_message m[] = {old, old, new, old};
	receive(m, 4);
	assert_int_equal(w[1]->queue_n, 1);
	assert_memory_equal(w[1]->queue[0].bytes + 8, new.bytes + 4, 4);
	assert_int_equal(site_counts(responder[1]).dropped[VPN_DROP_TIMESTAMP], 3);
}

static void seven_of_strangers_take_nothing_from_the_eighth(void **state)
{
	(void)state;
	for (size_t at = 0; at < VPN_RECEIVE_MAX; at++) {
		struct vpn_handshake_message m[VPN_RECEIVE_MAX];
		for (size_t i = 0; i < VPN_RECEIVE_MAX; i++)
			m[i] = i % 2 ? from_stranger()
				     : noise_of(WG_INITIATION, sizeof(struct wg_initiation));
		m[at] = from_site(3);
		w[1]->queue_n = 0;
		w[0]->now_ms = w[1]->now_ms += NOISE_GUARD_GAP_MS;
		receive(m, VPN_RECEIVE_MAX);
		assert_int_equal(w[1]->queue_n, 1);
		assert_memory_equal(w[1]->queue[0].bytes + 8, m[at].bytes + 4, 4);
	}
	assert_int_equal(site_counts(responder[1]).dropped[VPN_DROP_HANDSHAKE],
			 VPN_RECEIVE_MAX * (VPN_RECEIVE_MAX - 1));
}

static void without_a_key_nothing_is_answered(void **state)
{
	(void)state;
	struct vpn_handshake_message m[] = {from_site(1), from_site(2)};
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(vpn_engine_set_private_key(responder[i]->e, w[i]->now_ms, NULL),
				 OK);
	receive(m, 2);
	assert_int_equal(w[1]->queue_n, 0);
	assert_int_equal(site_counts(responder[1]).dropped[VPN_DROP_HANDSHAKE], 2);
}

/* --- responses, whose handshakes only the initiator has */

static void put_response(struct vpn_handshake_message *ret, const struct wire_datagram *d)
{
	ret->from = endpoint_of((unsigned)(d->from.address.bytes[3]));
	ret->from.remote = d->from;
	ret->len = (uint16_t)d->len;
	memcpy(ret->bytes, d->bytes, d->len);
}

/* What each of the others answers to the first one's initiation. */
static void responses_to_the_first(struct wire *wire, struct vpn_handshake_message ret[SITES - 1])
{
	struct site *first = &wire->sites[0];
	struct wire_datagram initiations[SITES - 1];
	for (unsigned n = 2; n <= SITES; n++)
		site_send(first, n, (uint8_t)n);
	assert_int_equal(wire->queue_n, SITES - 1);
	memcpy(initiations, wire->queue, sizeof(initiations));
	for (size_t i = 0; i < SITES - 1; i++) {
		wire->queue_n = 0;
		site_take(&wire->sites[i + 1], &first->at, 0,
			  span_of(initiations[i].bytes, initiations[i].len));
		assert_int_equal(wire->queue_n, 1);
		put_response(&ret[i], &wire->queue[0]);
	}
	wire->queue_n = 0;
}

static void responses_together_complete_all_and_their_packets_arrive(void **state)
{
	(void)state;
	struct vpn_handshake_message right[SITES - 1], m[VPN_RECEIVE_MAX];
	struct site *first = &w[1]->sites[0];
	responses_to_the_first(w[1], right);
	m[0] = right[0];
	m[0].bytes[12] ^= 1; /* its point: refused, and the right one is still awaited */
	m[1] = right[0];
	m[2] = right[1];
	m[3] = right[1]; /* again */
	m[4] = right[2];
	m[5] = noise_of(WG_RESPONSE, sizeof(struct wg_response));
	m[6] = right[3];
	m[7] = right[3];
	memset(m[7].bytes + 12, 0, VPN_KEY_LEN);
	vpn_engine_receive(first->e, w[1]->now_ms, m, VPN_RECEIVE_MAX);
	struct vpn_counts counts = site_counts(first);
	assert_int_equal(counts.handshakes, SITES - 1);
	assert_int_equal(counts.responses_received, SITES - 1);
	assert_int_equal(counts.dropped[VPN_DROP_HANDSHAKE], 1);
	assert_int_equal(counts.dropped[VPN_DROP_NO_HANDSHAKE], 3);
	wire_run(w[1]);
	for (unsigned n = 2; n <= SITES; n++) {
		assert_int_equal(w[1]->sites[n - 1].inbox_n, 1);
		assert_int_equal(w[1]->sites[n - 1].inbox[0].bytes[99], n);
	}
}

/* The keys of both sides are the same: data of the initiator opens. */
static void what_was_answered_together_carries_data(void **state)
{
	(void)state;
	struct wire *wire = w[1];
	struct vpn_handshake_message m[SITES - 1];
	for (unsigned n = 1; n < SITES; n++) {
		site_send(&wire->sites[n - 1], SITES, (uint8_t)(40 + n));
		put_response(&m[n - 1], &wire->queue[n - 1]);
	}
	assert_int_equal(wire->queue_n, SITES - 1);
	wire->queue_n = 0;
	vpn_engine_receive(responder[1]->e, wire->now_ms, m, SITES - 1);
	assert_int_equal(wire->queue_n, SITES - 1);
	wire_run(wire);
	assert_int_equal(responder[1]->inbox_n, SITES - 1);
	for (unsigned n = 1; n < SITES; n++)
		assert_int_equal(responder[1]->inbox[n - 1].bytes[99], 40 + n);
	assert_int_equal(site_counts(responder[1]).handshakes, SITES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_messages_do_together_what_they_do_in_turn,
						two_wires, done),
		cmocka_unit_test_setup_teardown(
			two_of_one_peer_have_one_answer_and_it_is_the_first_ones, two_wires, done),
		cmocka_unit_test_setup_teardown(an_older_one_behind_a_newer_one_is_a_replay,
						two_wires, done),
		cmocka_unit_test_setup_teardown(a_replay_before_it_does_not_hide_a_new_one,
						two_wires, done),
		cmocka_unit_test_setup_teardown(seven_of_strangers_take_nothing_from_the_eighth,
						two_wires, done),
		cmocka_unit_test_setup_teardown(without_a_key_nothing_is_answered, two_wires, done),
		cmocka_unit_test_setup_teardown(
			responses_together_complete_all_and_their_packets_arrive, two_wires, done),
		cmocka_unit_test_setup_teardown(what_was_answered_together_carries_data, two_wires,
						done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
