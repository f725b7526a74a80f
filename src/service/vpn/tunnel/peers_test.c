/* Peers come, change and go, and keys with them. */
#include "service/vpn/tunnel/site_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct wire *w;
static struct site *a, *b;

static int sites(void **state)
{
	(void)state;
	w = wire_new(3);
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

static void peers_come_are_found_and_go(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		struct vpn_peer *peers[60];
		for (uint8_t i = 0; i < 60; i++) {
			uint8_t key[VPN_KEY_LEN] = {9, i, 77};
			assert_int_equal(vpn_engine_add_peer(a->e, w->now_ms, key, &peers[i]), OK);
			assert_int_equal(vpn_engine_add_peer(a->e, w->now_ms, key, &peers[i]),
					 ERR_EXISTS);
			assert_ptr_equal(vpn_engine_find_peer(a->e, key), peers[i]);
			assert_true(peers[i]->number < 62);
		}
		assert_int_equal(vpn_engine_peers(a->e), 62);
		for (uint8_t i = 0; i < 60; i++)
			vpn_engine_remove_peer(a->e, peers[(i * 7) % 60]);
		assert_int_equal(vpn_engine_peers(a->e), 2);
	}
}

static void unusable_keys_are_refused(void **state)
{
	(void)state;
	struct vpn_peer *peer;
	uint8_t zero[VPN_KEY_LEN] = {0}, one[VPN_KEY_LEN] = {1};
	assert_int_equal(vpn_engine_add_peer(a->e, w->now_ms, zero, &peer), ERR_REFUSED);
	assert_int_equal(vpn_engine_add_peer(a->e, w->now_ms, one, &peer), ERR_REFUSED);
	assert_int_equal(vpn_engine_add_peer(a->e, w->now_ms, a->public, &peer), ERR_REFUSED);
	assert_int_equal(vpn_engine_set_private_key(a->e, w->now_ms, zero), ERR_FORMAT);
}

static void a_peer_with_our_new_key_is_removed(void **state)
{
	(void)state;
	assert_int_equal(vpn_engine_set_private_key(a->e, w->now_ms, b->private), OK);
	assert_null(vpn_engine_find_peer(a->e, b->public));
	assert_true(site_was_told(a, VPN_EVENT_REMOVED));
	assert_int_equal(vpn_engine_peers(a->e), 1);
}

static void a_removed_peer_is_a_stranger(void **state)
{
	(void)state;
	connect_both();
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	vpn_engine_remove_peer(b->e, site_peer(b, 1));
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(b->last_drop, VPN_DROP_INDEX);
	wire_run_until(w, w->now_ms + 60000);
	assert_int_equal(b->inbox_n, 0);
}

static void forgotten_keys_open_nothing_until_a_new_handshake(void **state)
{
	(void)state;
	connect_both();
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	vpn_engine_forget_keys(b->e, site_peer(b, 1));
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(b->last_drop, VPN_DROP_INDEX);
	site_send(b, 1, 4);
	assert_int_equal(b->last_seal, VPN_SEAL_STAGED);
	wire_run(w);
	assert_int_equal(a->inbox_n, 1);
}

static void a_new_private_key_ends_all_sessions(void **state)
{
	(void)state;
	uint8_t key[VPN_KEY_LEN] = {5};
	connect_both();
	site_send(a, 2, 1);
	struct wire_datagram d = catch_one();
	assert_int_equal(vpn_engine_set_private_key(b->e, w->now_ms, key), OK);
	site_take(b, &a->at, 0, span_of_datagram(&d));
	assert_int_equal(b->last_drop, VPN_DROP_INDEX);
}

static void a_smaller_and_a_larger_mtu_keep_what_can_be_sent(void **state)
{
	(void)state;
	uint8_t packet[1900];
	vpn_engine_set_mtu(a->e, 1280);
	site_send(a, 2, 1);
	vpn_engine_set_mtu(a->e, 1900);
	assert_int_equal(dropped(a, VPN_DROP_STAGED_OLD), 1);
	packet_make(packet, 1, 2, sizeof(packet), 6);
	site_send_packet(a, span_of(packet, sizeof(packet)));
	assert_int_equal(a->last_seal, VPN_SEAL_STAGED);
	wire_run(w);
	assert_int_equal(b->inbox_n, 1);
	assert_int_equal(b->inbox[0].len, 1900);
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, sites, done)
	const struct CMUnitTest tests[] = {
		FACT(peers_come_are_found_and_go),
		FACT(unusable_keys_are_refused),
		FACT(a_peer_with_our_new_key_is_removed),
		FACT(a_removed_peer_is_a_stranger),
		FACT(forgotten_keys_open_nothing_until_a_new_handshake),
		FACT(a_new_private_key_ends_all_sessions),
		FACT(a_smaller_and_a_larger_mtu_keep_what_can_be_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
