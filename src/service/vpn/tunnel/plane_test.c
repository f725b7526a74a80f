/* What comes from strangers, from peers that cheat, and from peers that move; what leaves. */
#include "proto/ip/checksum.h"
#include "proto/wireguard/message.h"
#include "service/vpn/tunnel/ecn.h"
#include "service/vpn/tunnel/site_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct wire *w;
static struct site *a, *b, *c;

static int three_sites(void **state)
{
	(void)state;
	w = wire_new(3);
	a = &w->sites[0];
	b = &w->sites[1];
	c = &w->sites[2];
	return 0;
}

static int done(void **state)
{
	(void)state;
	wire_free(w);
	return 0;
}

static void connect_both(void)
{
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
	b->inbox_n = b->told_n = a->told_n = 0;
}

/* The next datagram on the wire, taken off. */
static struct wire_datagram catch_one(void)
{
	assert_true(w->queue_n > 0);
	struct wire_datagram d = w->queue[0];
	memmove(w->queue, w->queue + 1, --w->queue_n * sizeof(d));
	return d;
}

static struct span span_of_datagram(const struct wire_datagram *d)
{
	return span_of(d->bytes, d->len);
}

static uint64_t dropped(const struct site *s, enum vpn_drop cause)
{
	return site_counts(s).dropped[cause];
}

static struct ip_endpoint elsewhere(uint16_t port)
{
	return (struct ip_endpoint){.address = ip_address_v4(198, 51, 100, 9), .port = port};
}

/* --- silence to strangers (5.1, 5.3) */

static void garbage_of_every_length_costs_a_counter_and_nothing_else(void **state)
{
	(void)state;
	struct ip_endpoint from = elsewhere(7);
	connect_both();
	uint64_t sent = w->sent;
	for (size_t len = 0; len < 400; len++) {
		uint8_t bytes[400];
		test_random_fill(&w->random, bytes, len);
		/* Every third one begins as a message does. */
		if (len >= 4 && len % 3 == 0)
			wg_put_u32(bytes, (uint32_t)(1 + len / 3 % 4));
		site_take(b, &from, 0, span_of(bytes, len));
		assert_true(b->last_open == VPN_OPEN_DROP || len == WG_COOKIE_REPLY_LEN);
	}
	wire_run(w);
	assert_int_equal(w->sent, sent);
	assert_int_equal(b->inbox_n, 0);
	assert_int_equal(b->told_n, 0);
}

static void every_flipped_bit_of_an_initiation_is_silence(void **state)
{
	(void)state;
	site_send(a, 2, 1);
	struct wire_datagram good = catch_one();
	uint64_t sent = w->sent;
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		struct wire_datagram bad = good;
		bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* mac2 is not looked at without load; a flip in it alone is the same message. */
		if (bit / 8 >= good.len - WG_MAC_LEN)
			continue;
		site_take(b, &a->at, 0, span_of_datagram(&bad));
		assert_int_equal(b->last_open, VPN_OPEN_DROP);
	}
	assert_int_equal(w->sent, sent);
	assert_int_equal(dropped(b, VPN_DROP_MAC1) + dropped(b, VPN_DROP_TORN),
			 (good.len - WG_MAC_LEN) * 8);
	site_take(b, &a->at, 0, span_of_datagram(&good));
	assert_int_equal(w->sent, sent + 1);
}

static void every_flipped_bit_of_data_is_silence(void **state)
{
	(void)state;
	connect_both();
	site_send(a, 2, 8);
	struct wire_datagram good = catch_one();
	uint64_t sent = w->sent;
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		struct wire_datagram bad = good;
		bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		site_take(b, &a->at, 0, span_of_datagram(&bad));
		assert_int_equal(b->last_open, VPN_OPEN_DROP);
	}
	assert_int_equal(w->sent, sent);
	assert_int_equal(b->inbox_n, 0);
	assert_int_equal(dropped(b, VPN_DROP_TAG), (good.len - 8) * 8);
	site_take(b, &a->at, 0, span_of_datagram(&good));
	assert_int_equal(b->inbox_n, 1);
}

static void who_knows_our_key_but_is_no_peer_gets_no_answer(void **state)
{
	(void)state;
	vpn_engine_remove_peer(b->e, site_peer(b, 1));
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(w->queue_n, 0);
	assert_int_equal(dropped(b, VPN_DROP_HANDSHAKE), 1);
}

static void without_a_private_key_there_is_silence(void **state)
{
	(void)state;
	assert_int_equal(vpn_engine_set_private_key(b->e, w->now_ms, NULL), OK);
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(b->last_drop, VPN_DROP_MAC1);
	site_send(b, 1, 1);
	assert_int_equal(w->queue_n, 0);
	assert_int_equal(vpn_engine_set_private_key(b->e, w->now_ms, b->private), OK);
	site_send(b, 1, 1);
	assert_int_equal(w->queue_n, 1);
}

/* --- replay (5.1, 5.4.6) */

static void an_initiation_is_answered_once(void **state)
{
	(void)state;
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(w->queue_n, 1);
	w->queue_n = 0;
	w->now_ms += 100;
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(w->queue_n, 0);
	assert_int_equal(dropped(b, VPN_DROP_TIMESTAMP), 1);
}

static void a_response_is_taken_once(void **state)
{
	(void)state;
	site_send(a, 2, 1);
	wire_run(w);
	site_restart(b);
	w->now_ms += 10000;
	site_send(b, 1, 2);
	struct wire_datagram initiation = catch_one();
	site_take(a, &b->at, 0, span_of_datagram(&initiation));
	struct wire_datagram response = catch_one();
	site_take(b, &a->at, 0, span_of_datagram(&response));
	assert_int_equal(site_counts(b).handshakes, 1);
	site_take(b, &a->at, 0, span_of_datagram(&response));
	assert_int_equal(site_counts(b).handshakes, 1);
	assert_int_equal(dropped(b, VPN_DROP_NO_HANDSHAKE), 1);
}

static void data_is_delivered_once(void **state)
{
	(void)state;
	connect_both();
	site_send(a, 2, 1);
	site_send(a, 2, 2);
	struct wire_datagram first = catch_one(), second = catch_one();
	site_take(b, &a->at, 0, span_of_datagram(&second));
	site_take(b, &a->at, 0, span_of_datagram(&first));
	assert_int_equal(b->inbox_n, 2);
	site_take(b, &a->at, 0, span_of_datagram(&second));
	site_take(b, &a->at, 0, span_of_datagram(&first));
	assert_int_equal(b->inbox_n, 2);
	assert_int_equal(dropped(b, VPN_DROP_REPLAY), 2);
}

static void a_replayed_datagram_moves_no_endpoint(void **state)
{
	(void)state;
	struct ip_endpoint thief = elsewhere(1);
	struct vpn_endpoint at;
	connect_both();
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	site_take(b, &a->at, 0, span_of_datagram(&d));
	site_take(b, &thief, 0, span_of_datagram(&d));
	assert_true(vpn_peer_endpoint(site_peer(b, 1), &at));
	assert_true(ip_endpoint_equal(&at.remote, &a->at));
	assert_false(site_was_told(b, VPN_EVENT_MOVED));
}

/* --- load (5.3, 5.4.7) */

static void under_load_a_cookie_is_asked_for_and_opens_the_way(void **state)
{
	(void)state;
	vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms);
	vpn_engine_turn(b->e, w->now_ms);
	assert_true(vpn_engine_under_load(b->e, w->now_ms));
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(site_counts(b).cookies_sent, 1);
	assert_int_equal(site_counts(a).cookies_received, 1);
	assert_int_equal(site_counts(b).responses_sent, 0);
	w->now_ms += VPN_REKEY_TIMEOUT_MS + VPN_REKEY_JITTER_MS;
	vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms);
	wire_run(w);
	assert_int_equal(site_counts(b).responses_sent, 1);
	assert_int_equal(b->inbox_n, 1);
	assert_int_equal(dropped(b, VPN_DROP_UNDER_LOAD), 1);
}

static void a_cookie_of_one_place_is_none_of_another(void **state)
{
	(void)state;
	struct ip_endpoint other = elsewhere(4);
	vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms);
	vpn_engine_turn(b->e, w->now_ms);
	site_send(a, 2, 1);
	wire_run(w);
	w->now_ms += VPN_REKEY_TIMEOUT_MS + VPN_REKEY_JITTER_MS;
	vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms);
	vpn_engine_turn(a->e, w->now_ms);
	struct wire_datagram d = catch_one();
	site_take(b, &other, 0, span_of_datagram(&d));
	assert_int_equal(b->last_open, VPN_OPEN_REPLY);
}

static void a_source_with_a_cookie_still_has_its_rate(void **state)
{
	(void)state;
	vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms);
	vpn_engine_turn(b->e, w->now_ms);
	site_send(a, 2, 1);
	wire_run(w);
	w->now_ms += VPN_REKEY_TIMEOUT_MS + VPN_REKEY_JITTER_MS;
	vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms);
	vpn_engine_turn(a->e, w->now_ms);
	struct wire_datagram d = catch_one();
	for (int i = 0; i < 10; i++)
		site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(dropped(b, VPN_DROP_RATE), 10 - 5);
}

static void load_ends_by_itself(void **state)
{
	(void)state;
	vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms);
	vpn_engine_turn(b->e, w->now_ms);
	w->now_ms += 1000;
	assert_false(vpn_engine_under_load(b->e, w->now_ms));
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
}

/* --- roaming (the paper 2.1) */

static void a_peer_is_answered_where_it_was_last_heard(void **state)
{
	(void)state;
	connect_both();
	a->at = elsewhere(1234);
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->told_n, 1);
	assert_int_equal(b->told[0].kind, VPN_EVENT_MOVED);
	assert_true(b->told[0].address_changed);
	assert_true(ip_endpoint_equal(&b->told[0].after.remote, &a->at));
	site_send(b, 1, 9);
	wire_run(w);
	assert_int_equal(a->inbox_n, 1);
	a->at.port = 4321;
	site_send(a, 2, 1);
	wire_run(w);
	assert_int_equal(b->told_n, 2);
	assert_false(b->told[1].address_changed);
}

static void a_move_lowers_an_open_gate_before_the_packet_is_seen(void **state)
{
	(void)state;
	connect_both();
	struct vpn_peer *peer = site_peer(b, 1);
	atomic_store(&peer->on_moved_port, VPN_GATE_OPEN);
	atomic_store(&peer->on_moved_address, VPN_GATE_PROOF);
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	struct ip_endpoint near = a->at, far = elsewhere(51820);
	near.port = 999;
	site_take(b, &near, 0, span_of_datagram(&d));
	assert_int_equal(vpn_peer_gate(peer, w->now_ms), VPN_GATE_OPEN);
	site_send(a, 2, 1);
	d = catch_one();
	site_take(b, &far, 0, span_of_datagram(&d));
	assert_int_equal(vpn_peer_gate(peer, w->now_ms), VPN_GATE_PROOF);
	/* A gate that is closed is not opened to PROOF by moving. */
	atomic_store(&peer->gate, VPN_GATE_CLOSED);
	site_send(a, 2, 1);
	d = catch_one();
	site_take(b, &near, 0, span_of_datagram(&d));
	assert_int_equal(vpn_peer_gate(peer, w->now_ms), VPN_GATE_CLOSED);
}

static void a_handshake_from_elsewhere_lowers_the_gate_too(void **state)
{
	(void)state;
	connect_both();
	struct vpn_peer *peer = site_peer(b, 1);
	atomic_store(&peer->on_moved_address, VPN_GATE_CLOSED);
	site_restart(a);
	w->now_ms += 30000;
	a->at = elsewhere(51820);
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(vpn_peer_gate(peer, w->now_ms), VPN_GATE_CLOSED);
	wire_run(w);
	assert_true(site_was_told(b, VPN_EVENT_MOVED));
}

static void without_an_endpoint_packets_are_dropped(void **state)
{
	(void)state;
	struct ip_endpoint none = {0};
	vpn_engine_set_endpoint(a->e, site_peer(a, 2), &none);
	site_send(a, 2, 1);
	assert_int_equal(a->last_drop, VPN_DROP_NO_ENDPOINT);
	assert_int_equal(w->queue_n, 0);
}

/* --- allowed IPs (the paper 2) */

static void an_inner_source_that_is_not_the_peers_is_dropped(void **state)
{
	(void)state;
	connect_both();
	uint8_t packet[100];
	packet_make(packet, 3, 2, sizeof(packet), 1); /* a says that it is c */
	site_send_packet(a, span_of(packet, sizeof(packet)));
	wire_run(w);
	assert_int_equal(b->inbox_n, 0);
	assert_int_equal(dropped(b, VPN_DROP_SOURCE), 1);
}

static void an_allowed_ip_belongs_to_one_peer_at_a_time(void **state)
{
	(void)state;
	struct ip_address at = ip_address_v4(10, 0, 0, 3);
	struct ip_prefix prefix = ip_prefix_of(&at, 32);
	assert_ptr_equal(vpn_engine_peer_at(a->e, &at), site_peer(a, 3));
	assert_int_equal(vpn_engine_allow(a->e, site_peer(a, 2), &prefix), OK);
	assert_ptr_equal(vpn_engine_peer_at(a->e, &at), site_peer(a, 2));
	assert_int_equal(site_peer(a, 3)->allowed_n, 1);
	assert_int_equal(site_peer(a, 2)->allowed_n, 3);
	assert_int_equal(vpn_engine_disallow(a->e, site_peer(a, 3), &prefix), ERR_ABSENT);
	assert_int_equal(vpn_engine_disallow(a->e, site_peer(a, 2), &prefix), OK);
	assert_null(vpn_engine_peer_at(a->e, &at));
}

static void the_longest_prefix_is_the_way(void **state)
{
	(void)state;
	struct ip_address zero = {.family = 4}, host = ip_address_v4(10, 0, 0, 2);
	struct ip_prefix all = ip_prefix_of(&zero, 0);
	assert_int_equal(vpn_engine_allow(a->e, site_peer(a, 3), &all), OK);
	assert_ptr_equal(vpn_engine_peer_at(a->e, &host), site_peer(a, 2));
	host.bytes[0] = 99;
	assert_ptr_equal(vpn_engine_peer_at(a->e, &host), site_peer(a, 3));
	site_send(a, 9, 1);
	assert_int_equal(a->last_seal, VPN_SEAL_STAGED);
	vpn_engine_disallow_all(a->e, site_peer(a, 3));
	site_send(a, 9, 1);
	assert_int_equal(dropped(a, VPN_DROP_NO_ROUTE), 1);
}

static void what_is_no_ip_packet_is_dropped(void **state)
{
	(void)state;
	uint8_t packet[100];
	connect_both();
	for (int bad = 0; bad < 4; bad++) {
		packet_make(packet, 1, 2, sizeof(packet), 1);
		switch (bad) {
		case 0: packet[3] = 200; break;			 /* longer than it is */
		case 1: packet[3] = 19; break;			 /* shorter than a header */
		case 2: packet[0] = 0x44; break;		 /* a header of 16 bytes */
		case 3: packet[0] = 0x4f, packet[3] = 40; break; /* a header longer than it */
		}
		site_send_packet(a, span_of(packet, sizeof(packet)));
	}
	wire_run(w);
	assert_int_equal(b->inbox_n, 0);
	assert_int_equal(dropped(b, VPN_DROP_INNER), 4);
}

/* --- what leaves: padding (5.4.6), marks (RFC 6040), counters */

static void packets_are_padded_to_16_but_not_beyond_the_mtu(void **state)
{
	(void)state;
	uint8_t packet[1420];
	connect_both();
	static const struct {
		size_t len, padded;
	} pairs[] = {{28, 32}, {32, 32}, {33, 48}, {1408, 1408}, {1409, 1420}, {1420, 1420}};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		packet_make(packet, 1, 2, pairs[i].len, 3);
		site_send_packet(a, span_of(packet, pairs[i].len));
		struct wire_datagram d = catch_one();
		assert_int_equal(d.len, pairs[i].padded + VPN_DATA_OVERHEAD);
		site_take(b, &a->at, 0, span_of_datagram(&d));
		assert_int_equal(b->inbox[i].len, pairs[i].len);
		assert_memory_equal(b->inbox[i].bytes, packet, pairs[i].len);
	}
}

static void an_ipv6_packet_goes_through(void **state)
{
	(void)state;
	uint8_t packet[60] = {0x60, 0x20, 0, 0, 0, 20, 59, 64};
	packet[8] = packet[24] = 0xfd;
	packet[23] = 1;
	packet[39] = 2;
	connect_both();
	site_send_packet(a, span_of(packet, sizeof(packet)));
	assert_int_equal(w->queue[0].tos, ECN_ECT0);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
	assert_int_equal(b->inbox[0].len, 60);
}

static void marks_of_congestion_come_through(void **state)
{
	(void)state;
	uint8_t packet[100];
	for (unsigned inner = 0; inner < 4; inner++) {
		for (unsigned outer = 0; outer < 4; outer++) {
			packet_make(packet, 1, 2, sizeof(packet), 0);
			packet[1] = (uint8_t)(0xb8 | inner);
			uint16_t sum = ip_checksum(span_of(packet, 20));
			packet[10] = (uint8_t)(sum >> 8);
			packet[11] = (uint8_t)sum;
			bool kept = ecn_decapsulate(packet, (uint8_t)outer);
			assert_int_equal(kept, !(inner == ECN_NOT && outer == ECN_CE));
			assert_int_equal(packet[1] & 0xfc, 0xb8);
			if (kept && outer == ECN_CE)
				assert_int_equal(ecn_of(packet), ECN_CE);
			if (outer == ECN_NOT)
				assert_int_equal(ecn_of(packet), inner);
			assert_int_equal(ip_checksum(span_of(packet, 20)), 0);
		}
	}
}

static void a_peers_counters_count(void **state)
{
	(void)state;
	connect_both();
	struct vpn_peer *at_a = site_peer(a, 2), *at_b = site_peer(b, 1);
	/* An initiation, its response, and a packet of 100 bytes: 112 and 32. */
	assert_int_equal(at_a->tx_bytes, 148 + 144);
	assert_int_equal(at_a->rx_bytes, 92);
	assert_int_equal(at_b->rx_bytes, 148 + 144);
	assert_int_equal(at_b->tx_bytes, 92);
	assert_int_equal(at_a->tx_packets, 1);
	assert_int_equal(at_b->rx_packets, 1);
	assert_true(at_a->handshake_wall_ns > 0 && at_b->handshake_wall_ns > 0);
	/* Keepalives are no packets. */
	wire_run_until(w, w->now_ms + VPN_KEEPALIVE_TIMEOUT_MS);
	assert_int_equal(site_counts(a).keepalives_received, 1);
	assert_int_equal(at_a->tx_packets, 1);
	assert_int_equal(at_a->rx_packets, 0);
	assert_int_equal(at_b->rx_packets, 1);
	/* And what is activity the gate says, which nothing has passed here. */
	assert_int_equal(at_a->data_ms, 0);
	assert_int_equal(at_b->data_ms, 0);
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, three_sites, done)
	const struct CMUnitTest tests[] = {
		FACT(garbage_of_every_length_costs_a_counter_and_nothing_else),
		FACT(every_flipped_bit_of_an_initiation_is_silence),
		FACT(every_flipped_bit_of_data_is_silence),
		FACT(who_knows_our_key_but_is_no_peer_gets_no_answer),
		FACT(without_a_private_key_there_is_silence),
		FACT(an_initiation_is_answered_once),
		FACT(a_response_is_taken_once),
		FACT(data_is_delivered_once),
		FACT(a_replayed_datagram_moves_no_endpoint),
		FACT(under_load_a_cookie_is_asked_for_and_opens_the_way),
		FACT(a_cookie_of_one_place_is_none_of_another),
		FACT(a_source_with_a_cookie_still_has_its_rate),
		FACT(load_ends_by_itself),
		FACT(a_peer_is_answered_where_it_was_last_heard),
		FACT(a_move_lowers_an_open_gate_before_the_packet_is_seen),
		FACT(a_handshake_from_elsewhere_lowers_the_gate_too),
		FACT(without_an_endpoint_packets_are_dropped),
		FACT(an_inner_source_that_is_not_the_peers_is_dropped),
		FACT(an_allowed_ip_belongs_to_one_peer_at_a_time),
		FACT(the_longest_prefix_is_the_way),
		FACT(what_is_no_ip_packet_is_dropped),
		FACT(packets_are_padded_to_16_but_not_beyond_the_mtu),
		FACT(an_ipv6_packet_goes_through),
		FACT(marks_of_congestion_come_through),
		FACT(a_peers_counters_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
