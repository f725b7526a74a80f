#include "service/dhcp-client/v6_world_test.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static void refuses_servers_and_leases_that_are_not_allowed(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world.servers[0] = prefix_of("fe80::2");
	world.rules.servers_allowed_n = 1;
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	answer_begin(&a, DHCP6_ADVERTISE, 1);
	answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
	answer_send(&a);
	assert_int_equal(world.u.counts.refused[UPLINK6_CAUSE_SERVER], 1);
	world_begin();
	world.leases[0] = prefix_of("2001:db8:1::/48");
	world.rules.leases_allowed_n = 1;
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	answer_begin(&a, DHCP6_ADVERTISE, 1);
	answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
	answer_ia(&a, DHCP6_IA_PD, 0, 0, "2001:db8::/40=100/200"); /* more than is allowed */
	answer_send(&a);
	assert_int_equal(world.u.counts.refused[UPLINK6_CAUSE_LEASE], 1);
	/* Addresses that are none of a network's. */
	static const char *const never[] = {"::=9/9", "::1=9/9", "fe80::1=9/9", "ff02::1=9/9"};
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	for (size_t i = 0; i < 4; i++) {
		answer_begin(&a, DHCP6_ADVERTISE, 1);
		answer_ia(&a, DHCP6_IA_NA, 0, 0, never[i]);
		answer_send(&a);
	}
	assert_int_equal(world.u.counts.refused[UPLINK6_CAUSE_LEASE], 4);
}

static void binds_renews_and_rebinds_until_the_end(void **state)
{
	(void)state;
	world_begin();
	world_bind();
	assert_string_equal(world_leases(), "2001:db8::1 2001:db8:f::/56");
	assert_int_equal(world.set_n, 1);
	assert_int_equal(world.u.options_len, 20);
	uint64_t bound_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_RENEW);
	assert_int_equal(world.now_ms - bound_ms, 50000);
	world_run(bound_ms + 80000 - world.now_ms);
	assert_int_equal(world.u.state, UPLINK6_REBINDING);
	assert_int_equal(world.m.type, DHCP6_REBIND);
	assert_int_equal(world.m.server_id.len, 0);
	world_run(bound_ms + 199999 - world.now_ms);
	assert_string_equal(world_leases(), "2001:db8::1 2001:db8:f::/56");
	world_run(1);
	assert_string_equal(world_leases(), "");
	assert_int_equal(world.expired, 2);
	assert_int_equal(world.u.state, UPLINK6_SOLICITING);
	assert_int_equal(world.stored_len, 0);
}

static void a_renewal_takes_what_changed(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_bind();
	assert_int_equal(world_next(), DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 500, 800, "2001:db8::1=0/0 2001:db8::2=1000/2000");
	answer_ia(&a, DHCP6_IA_PD, 400, 900, "2001:db8:f::/56=1000/2000");
	answer_send(&a);
	assert_string_equal(world_leases(), "2001:db8:f::/56 2001:db8::2");
	assert_int_equal(world.u.renew_ms - world.now_ms, 400000); /* the earliest of both */
	assert_int_equal(world.u.rebind_ms - world.now_ms, 800000);
	assert_int_equal(world.u.options_len, 0); /* 18.2.10.5: what is not said any more is over */
}

static void a_lease_that_was_kept_is_asked_about_and_used(void **state)
{
	(void)state;
	uint8_t kept[UPLINK6_STORED_MAX];
	world_begin();
	world_bind();
	size_t len = world.stored_len;
	memcpy(kept, world.stored, len);
	world_begin();
	world.now_ms += 10000;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(uplink6_restore(&world.u, world.now_ms, span_of(kept, n)),
				 ERR_FORMAT);
	assert_int_equal(uplink6_restore(&world.u, world.now_ms, span_of(kept, len)), OK);
	assert_string_equal(world_leases(), "2001:db8::1 2001:db8:f::/56");
	world_up();
	/* 18.2.12: with "any valid delegated prefixes … the client MUST initiate a Rebind/Reply".
	 */
	assert_int_equal(world_next(), DHCP6_REBIND);
	world_run(20000); /* CNF_MAX_RD without an answer */
	assert_int_equal(world.u.state, UPLINK6_BOUND);
	world_begin();
	world.now_ms += 300000;
	assert_int_equal(uplink6_restore(&world.u, world.now_ms, span_of(kept, len)), ERR_ABSENT);
	assert_string_equal(world_leases(), "");
	kept[0] = 9;
	assert_int_equal(uplink6_restore(&world.u, world.now_ms, span_of(kept, len)),
			 ERR_UNSUPPORTED);
}

static void addresses_alone_are_confirmed(void **state)
{
	(void)state;
	for (unsigned off_link = 0; off_link < 2; off_link++) {
		struct answer a;
		world_begin();
		world.rules.prefix = false;
		world_up();
		assert_int_equal(world_next(), DHCP6_SOLICIT);
		answer_begin(&a, DHCP6_ADVERTISE, 1);
		dhcp6_write_option_u8(&a.w, DHCP6_OPT_PREFERENCE, 255);
		answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
		answer_send(&a);
		assert_int_equal(world.u.state, UPLINK6_REQUESTING);
		answer_begin(&a, DHCP6_REPLY, 1);
		answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
		answer_send(&a);
		assert_int_equal(world.u.renew_ms - world.now_ms, 50000); /* T1 0: ours to choose */
		uplink6_link(&world.u, world.now_ms, false);
		assert_string_equal(world_leases(), "2001:db8::1");
		world_up();
		assert_int_equal(world_next(), DHCP6_CONFIRM);
		answer_begin(&a, DHCP6_REPLY, 2);
		dhcp6_write_status(&a.w, DHCP6_NOT_ON_LINK, "");
		answer_send(&a);
		assert_int_equal(world.u.state, UPLINK6_CONFIRMING); /* another may know better */
		if (!off_link) {
			answer_begin(&a, DHCP6_REPLY, 3);
			answer_send(&a);
			assert_int_equal(world.u.state, UPLINK6_BOUND);
			continue;
		}
		world_run(12000);
		assert_string_equal(world_leases(), "");
		assert_int_equal(world.u.state, UPLINK6_SOLICITING);
	}
}

static void options_alone_are_asked_for_and_refreshed(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world.rules.address = world.rules.prefix = false;
	world_up();
	assert_int_equal(world_next(), DHCP6_INFORMATION_REQUEST);
	assert_int_equal(world.m.ias_n, 0);
	answer_begin(&a, DHCP6_REPLY, 1);
	dhcp6_write_option_u32(&a.w, DHCP6_OPT_INFORMATION_REFRESH_TIME, 5);
	dhcp6_write_option(&a.w, DHCP6_OPT_DNS_SERVERS, span_of("0123456789abcdef", 16));
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_INFORMED);
	assert_int_equal(world.u.options_len, 28);
	assert_int_equal(world.u.refresh_ms - world.now_ms, 600000); /* IRT_MINIMUM */
	assert_int_equal(world_next(), DHCP6_INFORMATION_REQUEST);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_send(&a);
	assert_int_equal(world.u.refresh_ms - world.now_ms, 86400000); /* IRT_DEFAULT */
	assert_int_equal(world.u.options_len, 0);
}

static void by_order_it_renews_releases_and_declines(void **state)
{
	(void)state;
	struct answer a;
	struct ip_address one = prefix_of("2001:db8::1").address;
	world_begin();
	assert_int_equal(uplink6_renew(&world.u, world.now_ms), ERR_REFUSED);
	assert_int_equal(uplink6_decline(&world.u, world.now_ms, &one), ERR_ABSENT);
	world_bind();
	assert_int_equal(uplink6_renew(&world.u, world.now_ms), OK);
	assert_int_equal(world.m.type, DHCP6_RENEW);
	assert_int_equal(uplink6_decline(&world.u, world.now_ms, &one), OK);
	assert_int_equal(world.m.type, DHCP6_DECLINE);
	assert_int_equal(world.m.ias_n, 1); /* no IA_PD */
	assert_string_equal(world_leases(), "2001:db8:f::/56");
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_BOUND);
	unsigned set_n = world.set_n;
	assert_int_equal(uplink6_release(&world.u, world.now_ms), OK);
	assert_int_equal(world.set_n, set_n + 1);
	assert_string_equal(world_leases(), "");
	assert_int_equal(world.m.type, DHCP6_RELEASE);
	assert_int_equal(world.stored_len, 0);
	unsigned sent_n = world.sent_n;
	world_run(60000); /* REL_MAX_RC */
	assert_int_equal(world.sent_n - sent_n, 3);
	assert_int_equal(world.u.state, UPLINK6_IDLE);
	assert_int_equal(uplink6_next_ms(&world.u), UPLINK6_NEVER);
	assert_int_equal(uplink6_release(&world.u, world.now_ms), ERR_ABSENT);
}

static void a_server_that_offers_and_then_refuses_is_asked_ever_less(void **state)
{
	(void)state;
	world_begin();
	world_up();
	uint64_t begun_ms = world.now_ms;
	for (unsigned i = 0; i < 12; i++) {
		struct answer a;
		assert_int_equal(world_next(), DHCP6_SOLICIT);
		answer_begin(&a, DHCP6_ADVERTISE, 1);
		answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
		answer_send(&a);
		assert_int_equal(world_next(), DHCP6_REQUEST);
		answer_begin(&a, DHCP6_REPLY, 1);
		answer_ia_status(&a, DHCP6_IA_NA, DHCP6_NO_ADDRS_AVAIL);
		answer_send(&a);
		assert_int_equal(world.u.state, UPLINK6_SOLICITING);
	}
	assert_true(world.now_ms - begun_ms > 500000);
}

static void receive_any(const uint8_t *data, size_t len)
{
	struct ip_address from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}};
	uplink6_receive(&world.u, world.now_ms, &from, false, span_of(data, len));
	uplink6_turn(&world.u, world.now_ms);
}

static void no_prefix_and_no_flipped_bit_does_harm(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_bind();
	assert_int_equal(world_next(), DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 50, 80, "2001:db8::1=100/200");
	answer_ia(&a, DHCP6_IA_PD, 50, 80, "2001:db8:f::/56=100/200");
	guard_every_prefix(a.wire, a.w.pos, receive_any);
	guard_every_bit_flip(a.wire, a.w.pos, receive_any);
	guard_every_bit_flip(world.stored, world.stored_len, receive_any);
}

/* Servers that say anything at any time: leases in force never outlive their end, and the engine
 * always has something to do or is told to rest. */
static void random_servers_never_leave_it_stuck(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	world_begin();
	world_up();
	for (unsigned step = 0; step < 20000; step++) {
		struct answer a;
		static const char *const leases[] = {"2001:db8::1=100/200", "2001:db8::2=0/0", "",
						     "2001:db8::3=1/3"};
		if (test_random_below(&random, 3) == 0)
			(void)world_next();
		else
			world_run(test_random_below(&random, 20000));
		answer_begin(&a, test_random_below(&random, 3) ? DHCP6_REPLY : DHCP6_ADVERTISE,
			     (uint8_t)(1 + test_random_below(&random, 2)));
		answer_ia(&a, DHCP6_IA_NA, 0, 0, leases[test_random_below(&random, 4)]);
		if (test_random_below(&random, 4) == 0)
			answer_ia_status(&a, DHCP6_IA_PD, DHCP6_NO_BINDING);
		if (test_random_below(&random, 8) == 0)
			dhcp6_write_status(&a.w, (uint16_t)test_random_below(&random, 7), "");
		if (test_random_below(&random, 2))
			answer_send(&a);
		if (test_random_below(&random, 300) == 0) {
			uplink6_link(&world.u, world.now_ms, false);
			uplink6_link(&world.u, world.now_ms, true);
		}
		uplink6_turn(&world.u, world.now_ms);
		for (size_t i = 0; i < world.u.leases_n; i++)
			assert_true(world.u.leases[i].valid_until_ms > world.now_ms);
		assert_true(uplink6_next_ms(&world.u) != UPLINK6_NEVER);
		assert_true(uplink6_next_ms(&world.u) > world.now_ms);
	}
	assert_true(world.u.counts.bound > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_servers_and_leases_that_are_not_allowed),
		cmocka_unit_test(binds_renews_and_rebinds_until_the_end),
		cmocka_unit_test(a_renewal_takes_what_changed),
		cmocka_unit_test(a_lease_that_was_kept_is_asked_about_and_used),
		cmocka_unit_test(addresses_alone_are_confirmed),
		cmocka_unit_test(options_alone_are_asked_for_and_refreshed),
		cmocka_unit_test(by_order_it_renews_releases_and_declines),
		cmocka_unit_test(a_server_that_offers_and_then_refuses_is_asked_ever_less),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_does_harm),
		cmocka_unit_test(random_servers_never_leave_it_stuck),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
