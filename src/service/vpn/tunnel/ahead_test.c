/* Messages received together have the effects that they have one by one. */
#include "service/vpn/tunnel/twins_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SITES = TWINS_SITES, ROUNDS = 400, POOL = 64 };

static struct twins twins;
static struct wire *together; /* the second one's */
static struct test_random rng;

static int begin(void **state)
{
	(void)state;
	rng = test_random_begin();
	twins_init(&twins);
	together = twins.wires[1];
	return 0;
}

static int done(void **state)
{
	(void)state;
	twins_done(&twins);
	return 0;
}

static struct vpn_counts counts(void)
{
	return site_counts(twins.responders[1]);
}

/* --- messages */

static struct vpn_handshake_message from_site(unsigned n)
{
	return twins_initiation_of(&twins, n);
}

static struct vpn_handshake_message from_stranger(void)
{
	uint8_t private[VPN_KEY_LEN];
	test_random_fill(&rng, private, sizeof(private));
	return twins_initiation(&twins, private, 77);
}

static struct vpn_handshake_message noise_of(enum wg_kind kind, size_t len)
{
	struct vpn_handshake_message m = {.from = twins_endpoint(88), .len = (uint16_t)len};
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

static void receive(const struct vpn_handshake_message *m, size_t n)
{
	twins_receive(&twins, m, n);
}

/* A response to that message is at that place among what was sent. */
static void answered_is(size_t place, const struct vpn_handshake_message *m)
{
	assert_int_equal(together->queue[place].bytes[0], WG_RESPONSE);
	assert_memory_equal(together->queue[place].bytes + 8, m->bytes + 4, 4);
}

static size_t same_effects(void)
{
	size_t responses;
	const char *what = twins_differ(&twins, &responses);
	if (what)
		fail_msg("%s differ", what);
	return responses;
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
		responses += same_effects();
		twins_wait(&twins, test_random_below(&rng, 15));
	}
	struct vpn_counts c = counts();
	assert_int_equal(responses, c.responses_sent);
	assert_true(responses > ROUNDS / 4);
	assert_true(c.dropped[VPN_DROP_HANDSHAKE] > 0 && c.dropped[VPN_DROP_TORN] > 0);
	assert_true(c.dropped[VPN_DROP_TOO_SOON] > 0);
	assert_true(c.dropped[VPN_DROP_TIMESTAMP] > 0);
}

static void two_of_one_peer_have_one_answer_and_it_is_the_first_ones(void **state)
{
	(void)state;
	struct vpn_handshake_message m[] = {from_site(1), from_site(1), from_site(2), from_site(1)};
	receive(m, 4);
	assert_int_equal(together->queue_n, 2);
	answered_is(0, &m[0]);
	answered_is(1, &m[2]);
	struct vpn_counts c = counts();
	assert_int_equal(c.dropped[VPN_DROP_TOO_SOON], 2);
	assert_int_equal(c.initiations_received, 2);
}

/* The second is the earlier one: whichever comes first is answered, the other is a replay. */
static void an_older_one_behind_a_newer_one_is_a_replay(void **state)
{
	(void)state;
	struct vpn_handshake_message older = from_site(1), newer = from_site(1);
	const struct vpn_handshake_message m[] = {newer, older, newer};
	receive(m, 3);
	assert_int_equal(together->queue_n, 1);
	answered_is(0, &newer);
	assert_int_equal(counts().dropped[VPN_DROP_TIMESTAMP], 2);
}

static void a_replay_before_it_does_not_hide_a_new_one(void **state)
{
	(void)state;
	struct vpn_handshake_message old = from_site(1);
	receive(&old, 1);
	(void)same_effects();
	twins_wait(&twins, NOISE_GUARD_GAP_MS);
	struct vpn_handshake_message new = from_site(1);
	const struct vpn_handshake_message m[] = {old, old, new, old};
	receive(m, 4);
	assert_int_equal(together->queue_n, 1);
	answered_is(0, &new);
	assert_int_equal(counts().dropped[VPN_DROP_TIMESTAMP], 3);
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
		(void)same_effects();
		twins_wait(&twins, NOISE_GUARD_GAP_MS);
		receive(m, VPN_RECEIVE_MAX);
		assert_int_equal(together->queue_n, 1);
		answered_is(0, &m[at]);
	}
	assert_int_equal(counts().dropped[VPN_DROP_HANDSHAKE],
			 VPN_RECEIVE_MAX * (VPN_RECEIVE_MAX - 1));
}

static void without_a_key_nothing_is_answered(void **state)
{
	(void)state;
	struct vpn_handshake_message m[] = {from_site(1), from_site(2)};
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			vpn_engine_set_private_key(twins.responders[i]->e, together->now_ms, NULL),
			OK);
	receive(m, 2);
	assert_int_equal(together->queue_n, 0);
	assert_int_equal(counts().dropped[VPN_DROP_HANDSHAKE], 2);
}

/* --- responses, whose handshakes only the initiator has */

static void put_response(struct vpn_handshake_message *ret, const struct wire_datagram *d)
{
	ret->from = twins_endpoint((unsigned)(d->from.address.bytes[3]));
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
	struct site *first = &together->sites[0];
	responses_to_the_first(together, right);
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
	vpn_engine_receive(first->e, together->now_ms, m, VPN_RECEIVE_MAX);
	struct vpn_counts c = site_counts(first);
	assert_int_equal(c.handshakes, SITES - 1);
	assert_int_equal(c.responses_received, SITES - 1);
	assert_int_equal(c.dropped[VPN_DROP_HANDSHAKE], 1);
	assert_int_equal(c.dropped[VPN_DROP_NO_HANDSHAKE], 3);
	wire_run(together);
	for (unsigned n = 2; n <= SITES; n++) {
		assert_int_equal(together->sites[n - 1].inbox_n, 1);
		assert_int_equal(together->sites[n - 1].inbox[0].bytes[99], n);
	}
}

/* The keys of both sides are the same: data of the initiator opens. */
static void what_was_answered_together_carries_data(void **state)
{
	(void)state;
	struct wire *wire = together;
	struct vpn_handshake_message m[SITES - 1];
	for (unsigned n = 1; n < SITES; n++) {
		site_send(&wire->sites[n - 1], SITES, (uint8_t)(40 + n));
		put_response(&m[n - 1], &wire->queue[n - 1]);
	}
	assert_int_equal(wire->queue_n, SITES - 1);
	wire->queue_n = 0;
	vpn_engine_receive(twins.responders[1]->e, wire->now_ms, m, SITES - 1);
	assert_int_equal(wire->queue_n, SITES - 1);
	wire_run(wire);
	assert_int_equal(twins.responders[1]->inbox_n, SITES - 1);
	for (unsigned n = 1; n < SITES; n++)
		assert_int_equal(twins.responders[1]->inbox[n - 1].bytes[99], 40 + n);
	assert_int_equal(counts().handshakes, SITES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_messages_do_together_what_they_do_in_turn,
						begin, done),
		cmocka_unit_test_setup_teardown(
			two_of_one_peer_have_one_answer_and_it_is_the_first_ones, begin, done),
		cmocka_unit_test_setup_teardown(an_older_one_behind_a_newer_one_is_a_replay, begin,
						done),
		cmocka_unit_test_setup_teardown(a_replay_before_it_does_not_hide_a_new_one, begin,
						done),
		cmocka_unit_test_setup_teardown(seven_of_strangers_take_nothing_from_the_eighth,
						begin, done),
		cmocka_unit_test_setup_teardown(without_a_key_nothing_is_answered, begin, done),
		cmocka_unit_test_setup_teardown(
			responses_together_complete_all_and_their_packets_arrive, begin, done),
		cmocka_unit_test_setup_teardown(what_was_answered_together_carries_data, begin,
						done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
