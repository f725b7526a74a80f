/* The rules of the paper ("WireGuard: Next Generation Kernel Network Tunnel"), by section. */
#include "service/vpn/tunnel/site_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct wire *w;
static struct site *a, *b;

static int two_sites(void **state)
{
	(void)state;
	w = wire_new(2);
	a = &w->sites[0];
	b = &w->sites[1];
	return 0;
}

static int done(void **state)
{
	(void)state;
	wire_free(w);
	return 0;
}

static uint64_t now(void)
{
	return w->now_ms;
}

static void connect_both(void)
{
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
	b->inbox_n = 0;
}

static void wait_ms(uint64_t ms)
{
	wire_run_until(w, w->now_ms + ms);
}

/* --- 5.4, 6.3: handshake and first data */

static void data_waits_for_the_handshake_and_arrives_in_order(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 20; i++) {
		site_send(a, 2, i);
		assert_int_equal(a->last_seal, VPN_SEAL_STAGED);
	}
	wire_run(w);
	assert_int_equal(b->inbox_n, 20);
	for (uint8_t i = 0; i < 20; i++) {
		assert_int_equal(b->inbox[i].len, 100);
		assert_int_equal(b->inbox[i].bytes[99], i);
		assert_ptr_equal(b->inbox[i].peer, site_peer(b, 1));
	}
	assert_int_equal(site_counts(a).initiations_sent, 1);
	assert_int_equal(site_counts(b).responses_sent, 1);
	assert_int_equal(site_counts(a).handshakes, 1);
	assert_int_equal(site_counts(b).handshakes, 1);
	assert_true(site_was_told(a, VPN_EVENT_HANDSHAKE) && site_was_told(b, VPN_EVENT_HANDSHAKE));
}

static void of_too_many_waiting_packets_the_oldest_give_way(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < VPN_STAGED_MAX + 5; i++)
		site_send(a, 2, i);
	wire_run(w);
	assert_int_equal(b->inbox_n, VPN_STAGED_MAX);
	assert_int_equal(b->inbox[0].bytes[99], 5);
	assert_int_equal(site_counts(a).dropped[VPN_DROP_STAGED_FULL], 5);
}

/* The memory for waiting packets is shared: peers that do not answer may hold all of it. */
static void a_peer_without_room_for_its_packet_gets_its_handshake(void **state)
{
	(void)state;
	struct ip_endpoint nowhere = {.address = ip_address_v4(203, 0, 113, 1), .port = 1};
	for (uint8_t i = 0; i < 256 / VPN_STAGED_MAX; i++) {
		struct vpn_peer *peer;
		uint8_t key[VPN_KEY_LEN] = {9, i};
		struct ip_address at = ip_address_v4(10, 0, 0, (uint8_t)(100 + i));
		struct ip_prefix prefix = ip_prefix_of(&at, 32);
		assert_int_equal(vpn_engine_add_peer(a->e, now(), key, &peer), OK);
		assert_int_equal(vpn_engine_allow(a->e, peer, &prefix), OK);
		vpn_engine_set_endpoint(a->e, peer, &nowhere);
		for (unsigned n = 0; n < VPN_STAGED_MAX; n++)
			site_send(a, 100u + i, 1);
	}
	site_send(a, 2, 1);
	assert_int_equal(a->last_drop, VPN_DROP_STAGED_FULL);
	wire_run(w);
	site_send(a, 2, 2);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
}

/* 5.4.3: "the responder … cannot use [the keys] until it has received" a message under them. */
static void the_responder_sends_nothing_before_the_initiator_did(void **state)
{
	(void)state;
	site_send(a, 2, 1);
	struct wire_datagram initiation = w->queue[0];
	w->queue_n = 0;
	site_take(b, &a->at, 0, span_of(initiation.bytes, initiation.len));
	assert_int_equal(w->queue_n, 1);
	struct wire_datagram response = w->queue[0];
	w->queue_n = 0;
	w->cut = true;
	site_send(b, 1, 7);
	assert_int_equal(b->last_seal, VPN_SEAL_STAGED);
	w->cut = false;
	site_take(a, &b->at, 0, span_of(response.bytes, response.len));
	wire_run(w);
	assert_int_equal(a->inbox_n, 1);
	assert_int_equal(a->inbox[0].bytes[99], 7);
}

/* 6.5: "the initiator … must send … an empty one if there is no data", so that the responder may.
 */
static void an_initiator_without_data_confirms_with_a_keepalive(void **state)
{
	(void)state;
	vpn_engine_set_keepalive(a->e, now(), site_peer(a, 2), 25);
	wire_run(w);
	assert_int_equal(site_counts(a).handshakes, 1);
	assert_int_equal(site_counts(a).keepalives_sent, 1);
	assert_int_equal(site_counts(b).handshakes, 1);
	site_send(b, 1, 9);
	assert_int_equal(b->last_seal, VPN_SEAL_DATAGRAM);
}

static void both_may_begin_at_once(void **state)
{
	(void)state;
	site_send(a, 2, 1);
	site_send(b, 1, 2);
	wire_run(w);
	assert_int_equal(a->inbox_n, 1);
	assert_int_equal(b->inbox_n, 1);
	site_send(a, 2, 3);
	site_send(b, 1, 4);
	wire_run(w);
	assert_int_equal(a->inbox_n, 2);
	assert_int_equal(b->inbox_n, 2);
}

static void a_preshared_key_must_be_the_same_at_both(void **state)
{
	(void)state;
	uint8_t key[VPN_KEY_LEN] = {1, 2, 3};
	vpn_engine_set_preshared_key(a->e, site_peer(a, 2), key);
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->inbox_n, 0);
	assert_int_equal(site_counts(a).dropped[VPN_DROP_HANDSHAKE], 1);
	vpn_engine_set_preshared_key(b->e, site_peer(b, 1), key);
	wait_ms(VPN_REKEY_TIMEOUT_MS + VPN_REKEY_JITTER_MS);
	assert_int_equal(b->inbox_n, 1);
}

/* --- 6.2: renewal and its ends */

static void the_initiator_renews_its_key_after_rekey_after_time_when_it_sends(void **state)
{
	(void)state;
	connect_both();
	wait_ms(VPN_REKEY_AFTER_TIME_MS - 1);
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(site_counts(a).handshakes, 1);
	wait_ms(1);
	site_send(b, 1, 1);
	wire_run(w);
	assert_int_equal(site_counts(a).handshakes, 1);
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(site_counts(a).handshakes, 2);
	assert_int_equal(site_counts(a).initiations_sent, 2);
	assert_int_equal(site_counts(b).initiations_sent, 0);
}

/* 6.2: "… receives … more than REJECT-AFTER-TIME − KEEPALIVE-TIMEOUT − REKEY-TIMEOUT" */
static void an_initiator_that_only_receives_renews_in_time(void **state)
{
	(void)state;
	connect_both();
	uint64_t late_ms =
		VPN_REJECT_AFTER_TIME_MS - VPN_KEEPALIVE_TIMEOUT_MS - VPN_REKEY_TIMEOUT_MS;
	wait_ms(late_ms - 1);
	uint64_t before = site_counts(a).initiations_sent;
	site_send(b, 1, 1);
	wire_run(w);
	assert_int_equal(site_counts(a).initiations_sent, before);
	wait_ms(1);
	site_send(b, 1, 1);
	wire_run(w);
	assert_int_equal(site_counts(a).initiations_sent, before + 1);
	assert_int_equal(site_counts(a).handshakes, 2);
}

static void no_key_is_used_after_reject_after_time(void **state)
{
	(void)state;
	connect_both();
	site_send(a, 2, 5);
	struct wire_datagram kept = w->queue[0];
	w->queue_n = 0;
	w->cut = true;
	wait_ms(VPN_REJECT_AFTER_TIME_MS - 1);
	site_take(b, &a->at, 0, span_of(kept.bytes, kept.len));
	assert_int_equal(b->last_open, VPN_OPEN_PACKET);
	site_send(b, 1, 6);
	assert_int_equal(b->last_seal, VPN_SEAL_DATAGRAM);
	wait_ms(1);
	site_take(b, &a->at, 0, span_of(kept.bytes, kept.len));
	assert_int_equal(b->last_drop, VPN_DROP_OLD_KEY);
	site_send(b, 1, 6);
	assert_int_equal(b->last_seal, VPN_SEAL_STAGED);
}

/* 6.3: the previous key still opens what was under way when the new one came. */
static void what_was_under_way_at_a_renewal_is_accepted(void **state)
{
	(void)state;
	connect_both();
	wait_ms(VPN_REKEY_AFTER_TIME_MS - 1);
	site_send(b, 1, 5);
	site_send(a, 2, 6);
	struct wire_datagram kept[2] = {w->queue[0], w->queue[1]};
	w->queue_n = 0;
	wait_ms(1);
	site_send(a, 2, 7);
	wire_run(w);
	assert_int_equal(site_counts(b).handshakes, 2);
	site_take(a, &b->at, 0, span_of(kept[0].bytes, kept[0].len));
	assert_int_equal(a->last_open, VPN_OPEN_PACKET);
	site_take(b, &a->at, 0, span_of(kept[1].bytes, kept[1].len));
	assert_int_equal(b->last_open, VPN_OPEN_PACKET);
}

/* Then each sends with the key that the other one began. */
static void so_it_is_when_both_had_begun_at_once(void **state)
{
	(void)state;
	site_send(a, 2, 1);
	site_send(b, 1, 2);
	wire_run(w);
	site_send(a, 2, 3);
	site_send(b, 1, 4);
	wire_run(w);
	a->inbox_n = b->inbox_n = 0;
	wait_ms(VPN_REKEY_AFTER_TIME_MS - 1);
	site_send(a, 2, 5);
	site_send(b, 1, 6);
	struct wire_datagram kept[2] = {w->queue[0], w->queue[1]};
	w->queue_n = 0;
	wait_ms(1);
	site_send(a, 2, 7);
	wire_run(w);
	site_take(a, &b->at, 0, span_of(kept[1].bytes, kept[1].len));
	assert_int_equal(a->last_open, VPN_OPEN_PACKET);
	site_take(b, &a->at, 0, span_of(kept[0].bytes, kept[0].len));
	assert_int_equal(b->last_open, VPN_OPEN_PACKET);
	assert_int_equal(b->inbox_n, 2);
}

/* 6.3: "after REJECT-AFTER-TIME × 3 … all … keys are zeroed out, if no new keys" */
static void keys_are_gone_after_three_times_reject_after_time(void **state)
{
	(void)state;
	connect_both();
	site_send(a, 2, 5);
	struct wire_datagram kept = w->queue[0];
	w->queue_n = 0;
	w->cut = true;
	wait_ms(3 * VPN_REJECT_AFTER_TIME_MS - 1);
	assert_false(site_was_told(b, VPN_EVENT_KEYS_GONE));
	wait_ms(1);
	assert_true(site_was_told(b, VPN_EVENT_KEYS_GONE));
	site_take(b, &a->at, 0, span_of(kept.bytes, kept.len));
	assert_int_equal(b->last_drop, VPN_DROP_INDEX);
}

/* --- 6.4: retries */

static void an_initiation_is_repeated_every_rekey_timeout_and_given_up(void **state)
{
	(void)state;
	w->cut = true;
	site_send(a, 2, 1);
	uint64_t begun_ms = now(), last_ms = now();
	for (uint64_t n = 1; now() < begun_ms + VPN_REKEY_ATTEMPT_TIME_MS;) {
		wait_ms(1);
		if (site_counts(a).initiations_sent == n)
			continue;
		n++;
		assert_in_range(now() - last_ms, VPN_REKEY_TIMEOUT_MS,
				VPN_REKEY_TIMEOUT_MS + VPN_REKEY_JITTER_MS);
		last_ms = now();
	}
	assert_in_range(site_counts(a).initiations_sent, 16, 18);
	wait_ms(VPN_REKEY_TIMEOUT_MS + VPN_REKEY_JITTER_MS);
	uint64_t sent = site_counts(a).initiations_sent;
	assert_true(site_was_told(a, VPN_EVENT_GAVE_UP));
	assert_int_equal(site_counts(a).dropped[VPN_DROP_STAGED_OLD], 1);
	wait_ms(3600 * 1000);
	assert_int_equal(site_counts(a).initiations_sent, sent);
	/* A new packet begins anew. */
	w->cut = false;
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
}

/* 6.4: "if a packet is explicitly queued up to be sent, then this timer is reset" */
static void packets_that_still_come_keep_the_trying_alive(void **state)
{
	(void)state;
	w->cut = true;
	for (int i = 0; i < 300; i++) {
		site_send(a, 2, 1);
		wait_ms(1000);
	}
	assert_false(site_was_told(a, VPN_EVENT_GAVE_UP));
	assert_in_range(site_counts(a).initiations_sent, 300 / 6, 300 / 5 + 1);
	w->cut = false;
	wait_ms(VPN_REKEY_TIMEOUT_MS + VPN_REKEY_JITTER_MS);
	assert_int_equal(b->inbox_n, VPN_STAGED_MAX);
}

/* --- 6.5: keepalives */

static void data_that_nothing_answers_is_answered_by_one_keepalive(void **state)
{
	(void)state;
	connect_both();
	uint64_t before = site_counts(b).keepalives_sent;
	wait_ms(VPN_KEEPALIVE_TIMEOUT_MS - 1);
	assert_int_equal(site_counts(b).keepalives_sent, before);
	wait_ms(1);
	assert_int_equal(site_counts(b).keepalives_sent, before + 1);
	wait_ms(60 * 1000);
	assert_int_equal(site_counts(b).keepalives_sent, before + 1);
	assert_int_equal(site_counts(a).keepalives_sent, 0);
	assert_int_equal(site_counts(a).initiations_sent, 1);
}

static void an_answer_is_enough_no_keepalive_follows(void **state)
{
	(void)state;
	connect_both();
	wait_ms(5000);
	site_send(b, 1, 2);
	wire_run(w);
	wait_ms(VPN_KEEPALIVE_TIMEOUT_MS - 1);
	assert_int_equal(site_counts(b).keepalives_sent, 0);
}

/* 6.5: nothing for KEEPALIVE-TIMEOUT + REKEY-TIMEOUT after data was sent: a new handshake. */
static void silence_after_data_begins_a_new_handshake(void **state)
{
	(void)state;
	connect_both();
	wait_ms(30 * 1000);
	w->cut = true;
	site_send(a, 2, 2);
	wait_ms(VPN_KEEPALIVE_TIMEOUT_MS + VPN_REKEY_TIMEOUT_MS - 1);
	assert_int_equal(site_counts(a).initiations_sent, 1);
	wait_ms(1);
	assert_int_equal(site_counts(a).initiations_sent, 2);
}

static void a_persistent_keepalive_leaves_after_each_interval_without_traffic(void **state)
{
	(void)state;
	connect_both();
	wait_ms(30 * 1000);
	vpn_engine_set_keepalive(a->e, now(), site_peer(a, 2), 25);
	wire_run(w);
	assert_int_equal(site_counts(a).keepalives_sent, 1);
	for (uint64_t i = 1; i <= 3; i++) {
		wait_ms(24999);
		assert_int_equal(site_counts(a).keepalives_sent, i);
		wait_ms(1);
		assert_int_equal(site_counts(a).keepalives_sent, i + 1);
	}
	vpn_engine_set_keepalive(a->e, now(), site_peer(a, 2), 0);
	uint64_t sent = site_counts(a).keepalives_sent;
	wait_ms(100 * 1000);
	assert_int_equal(site_counts(a).keepalives_sent, sent);
}

/* Longer than any session lives: the handshakes come by themselves. */
static void persistent_keepalives_hold_a_tunnel_open_for_hours(void **state)
{
	(void)state;
	vpn_engine_set_keepalive(a->e, now(), site_peer(a, 2), 25);
	wait_ms(8 * 3600 * UINT64_C(1000));
	assert_true(site_counts(a).handshakes >= 8 * 3600 / 145);
	site_send(b, 1, 3);
	assert_int_equal(b->last_seal, VPN_SEAL_DATAGRAM);
	wire_run(w);
	assert_int_equal(a->inbox_n, 1);
}

/* --- restarts and clocks */

static void data_flows_again_after_the_other_side_restarted(void **state)
{
	(void)state;
	connect_both();
	wait_ms(20 * 1000);
	site_restart(b);
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->last_drop, VPN_DROP_INDEX);
	wait_ms(VPN_KEEPALIVE_TIMEOUT_MS + VPN_REKEY_TIMEOUT_MS);
	site_send(a, 2, 2);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
	/* And from the one that restarted at once. */
	site_restart(b);
	site_send(b, 1, 3);
	wire_run(w);
	assert_int_equal(a->inbox[a->inbox_n - 1].bytes[99], 3);
}

static void a_clock_that_is_set_back_does_not_end_handshakes(void **state)
{
	(void)state;
	connect_both();
	a->wall_ns -= 3600 * UINT64_C(1000000000);
	wait_ms(VPN_REKEY_AFTER_TIME_MS);
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(site_counts(b).dropped[VPN_DROP_TIMESTAMP], 0);
	assert_int_equal(site_counts(a).handshakes, 2);
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, two_sites, done)
	const struct CMUnitTest tests[] = {
		FACT(data_waits_for_the_handshake_and_arrives_in_order),
		FACT(of_too_many_waiting_packets_the_oldest_give_way),
		FACT(a_peer_without_room_for_its_packet_gets_its_handshake),
		FACT(the_responder_sends_nothing_before_the_initiator_did),
		FACT(an_initiator_without_data_confirms_with_a_keepalive),
		FACT(both_may_begin_at_once),
		FACT(a_preshared_key_must_be_the_same_at_both),
		FACT(the_initiator_renews_its_key_after_rekey_after_time_when_it_sends),
		FACT(an_initiator_that_only_receives_renews_in_time),
		FACT(no_key_is_used_after_reject_after_time),
		FACT(what_was_under_way_at_a_renewal_is_accepted),
		FACT(so_it_is_when_both_had_begun_at_once),
		FACT(keys_are_gone_after_three_times_reject_after_time),
		FACT(an_initiation_is_repeated_every_rekey_timeout_and_given_up),
		FACT(packets_that_still_come_keep_the_trying_alive),
		FACT(data_that_nothing_answers_is_answered_by_one_keepalive),
		FACT(an_answer_is_enough_no_keepalive_follows),
		FACT(silence_after_data_begins_a_new_handshake),
		FACT(a_persistent_keepalive_leaves_after_each_interval_without_traffic),
		FACT(persistent_keepalives_hold_a_tunnel_open_for_hours),
		FACT(data_flows_again_after_the_other_side_restarted),
		FACT(a_clock_that_is_set_back_does_not_end_handshakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
