#include "service/vpn/tunnel/plane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static enum vpn_gate gate_at(enum vpn_gate gate, uint64_t until_ms, uint64_t expires_ms,
			     uint64_t now_ms)
{
	struct vpn_peer p = {.expires_ms = expires_ms};
	atomic_init(&p.gate, gate);
	atomic_init(&p.gate_until_ms, until_ms);
	return vpn_peer_gate(&p, now_ms);
}

static void a_session_ends_by_the_clock_alone(void **state)
{
	(void)state;
	assert_int_equal(gate_at(VPN_GATE_OPEN, 1000, 0, 999), VPN_GATE_OPEN);
	assert_int_equal(gate_at(VPN_GATE_OPEN, 1000, 0, 1000), VPN_GATE_CLOSED);
	assert_int_equal(gate_at(VPN_GATE_PROOF, 1000, 0, 999), VPN_GATE_PROOF);
	assert_int_equal(gate_at(VPN_GATE_PROOF, 1000, 0, 1000), VPN_GATE_CLOSED);
	assert_int_equal(gate_at(VPN_GATE_CLOSED, 1000, 0, 1), VPN_GATE_CLOSED);
	assert_int_equal(gate_at(VPN_GATE_OPEN, 0, 0, UINT64_MAX), VPN_GATE_OPEN);
}

static void a_session_without_data_ends_by_the_clock_alone(void **state)
{
	(void)state;
	struct vpn_peer p = {0};
	atomic_init(&p.gate_idle_ms, 100);
	atomic_init(&p.data_ms, 1000);
	assert_int_equal(vpn_peer_gate(&p, 900), VPN_GATE_OPEN);
	assert_int_equal(vpn_peer_gate(&p, 1099), VPN_GATE_OPEN);
	assert_int_equal(vpn_peer_gate(&p, 1100), VPN_GATE_CLOSED);
	atomic_store(&p.gate, VPN_GATE_PROOF);
	assert_int_equal(vpn_peer_gate(&p, 1100), VPN_GATE_CLOSED);
}

static void the_peers_own_date_beats_a_session(void **state)
{
	(void)state;
	assert_int_equal(gate_at(VPN_GATE_OPEN, 0, 500, 499), VPN_GATE_OPEN);
	assert_int_equal(gate_at(VPN_GATE_OPEN, 0, 500, 500), VPN_GATE_EXPIRED);
	assert_int_equal(gate_at(VPN_GATE_CLOSED, 0, 500, 501), VPN_GATE_EXPIRED);
}

static void every_gate_and_every_drop_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VPN_GATES; i++)
		assert_string_not_equal(vpn_gate_name(i), "?");
	assert_string_equal(vpn_gate_name(VPN_GATES), "?");
	for (unsigned i = 0; i < VPN_DROPS; i++) {
		assert_string_not_equal(vpn_drop_name(i), "?");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(vpn_drop_name(i), vpn_drop_name(j));
	}
	assert_string_equal(vpn_drop_name(VPN_DROPS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_ends_by_the_clock_alone),
		cmocka_unit_test(a_session_without_data_ends_by_the_clock_alone),
		cmocka_unit_test(the_peers_own_date_beats_a_session),
		cmocka_unit_test(every_gate_and_every_drop_has_a_name_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
