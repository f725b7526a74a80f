#include "service/dhcp-client/world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world *w;

static int setup(void **state)
{
	(void)state;
	w = world_new(7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

static const uint8_t nonce[DHCP_NONCE_LEN] = {1, 2,  3,	 4,  5,	 6,  7,	 8,
					      9, 10, 11, 12, 13, 14, 15, 16};

static void bind_with_nonce(void)
{
	uint8_t auth[DHCP_AUTH_VALUE_LEN] = {
		DHCP_AUTH_PROTOCOL_RECONFIGURE, DHCP_AUTH_ALGORITHM_HMAC_MD5,
		DHCP_AUTH_RDM_MONOTONIC, [10] = 5, [11] = DHCP_AUTH_TYPE_NONCE};
	memcpy(auth + 12, nonce, sizeof(nonce));
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK,
					    .code = DHCP_OPT_AUTHENTICATION,
					    .value = span_of(auth, sizeof(auth))});
	world_run(w, 10000);
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_true(w->u.lease.has_nonce);
}

static void force_renew(uint64_t replay, const uint8_t key[DHCP_NONCE_LEN])
{
	struct dhcp_build b;
	uint8_t room[600];
	struct span wire;
	struct dhcp_build_rules rules = {.size_max = sizeof(room)};
	struct dhcp_head head = dhcp_head_reply(&world_last(w)->head);
	head.op = DHCP_OP_REPLY;
	head.xid = 0x12345678; /* the server's own */
	dhcp_build_init(&b, room, sizeof(room), &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, DHCP_FORCERENEW);
	dhcp_build_u32(&b, DHCP_OPT_SERVER_IDENTIFIER, WORLD_SERVER);
	dhcp_auth_add_digest(&b, replay);
	assert_int_equal(dhcp_build_finish(&b, &wire), OK);
	assert_int_equal(dhcp_auth_sign(room, wire.len, key), OK);
	uplink_receive(&w->u, w->now_ms, wire);
}

static void force_renew_needs_the_nonce_and_a_fresh_number(void **state)
{
	(void)state;
	static const uint8_t wrong[DHCP_NONCE_LEN] = {9};
	bind_with_nonce();
	force_renew(6, wrong);
	force_renew(5, nonce); /* not above that of the ACK */
	assert_int_equal(w->u.counts.refused[UPLINK_CAUSE_FORGED], 2);
	assert_int_equal(w->u.state, UPLINK_BOUND);
	force_renew(6, nonce);
	assert_int_equal(w->u.state, UPLINK_RENEWING);
	world_reply(w, (struct world_reply){.type = DHCP_ACK}); /* without a new nonce */
	assert_int_equal(w->u.state, UPLINK_BOUND);
	force_renew(6, nonce); /* the same again */
	assert_int_equal(w->u.state, UPLINK_BOUND);
	force_renew(7, nonce);
	assert_int_equal(w->u.state, UPLINK_RENEWING);
}

static void force_renew_without_a_nonce_or_unwanted_is_refused(void **state)
{
	(void)state;
	world_bind(w);
	force_renew(6, nonce);
	assert_int_equal(w->refused, UPLINK_CAUSE_FORGED);
	w->rules.force_renew = false;
	force_renew(6, nonce);
	assert_int_equal(w->refused, UPLINK_CAUSE_TYPE);
	assert_int_equal(w->u.state, UPLINK_BOUND);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(force_renew_needs_the_nonce_and_a_fresh_number),
		FACT(force_renew_without_a_nonce_or_unwanted_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
