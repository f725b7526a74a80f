#include "lab/tunnel.h"

#include "proto/wireguard/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MTU = 1420, HEADS = 28 };

static struct lab_tunnel t;
static struct lab_carried carried;

/* Of that many bytes from the IP header on. */
static struct lab_datagram inner_of(size_t len, uint16_t port)
{
	return (struct lab_datagram){.payload_at = HEADS, .len = len, .source_port = port};
}

/* A message of that type whose sealed part is so long, tag and all. */
static struct lab_datagram outer_of(enum wg_kind kind, size_t sealed)
{
	struct lab_datagram d = {.payload_at = HEADS,
				 .len = HEADS + WG_TRANSPORT_HEADER_LEN + sealed};
	wg_put_kind(d.bytes + HEADS, kind);
	return d;
}

static bool see(enum lab_side side, struct lab_datagram d)
{
	return lab_tunnel_see(&t, side, &d, MTU, &carried);
}

static void joins_no_keepalive_no_handshake_and_no_other_length(void **state)
{
	(void)state;
	t = (struct lab_tunnel){0};
	assert_false(see(LAB_INSIDE, inner_of(60, 1)));
	assert_false(see(LAB_OUTSIDE, outer_of(WG_TRANSPORT, WG_TAG_LEN)));
	assert_false(see(LAB_OUTSIDE, outer_of(WG_INITIATION, 64 + WG_TAG_LEN)));
	assert_false(see(LAB_OUTSIDE, outer_of(WG_TRANSPORT, 60 + WG_TAG_LEN)));
	assert_false(see(LAB_OUTSIDE, outer_of(WG_TRANSPORT, 80 + WG_TAG_LEN)));
}

static void joins_a_packet_with_its_datagram_in_either_order_once(void **state)
{
	(void)state;
	t = (struct lab_tunnel){0};
	assert_false(see(LAB_INSIDE, inner_of(60, 1)));
	assert_true(see(LAB_OUTSIDE, outer_of(WG_TRANSPORT, 64 + WG_TAG_LEN)));
	assert_int_equal(carried.inner.source_port, 1);
	assert_int_equal(carried.outer.len, HEADS + WG_TRANSPORT_HEADER_LEN + 64 + WG_TAG_LEN);
	assert_false(see(LAB_OUTSIDE, outer_of(WG_TRANSPORT, 64 + WG_TAG_LEN)));
	assert_true(see(LAB_INSIDE, inner_of(49, 2)));
	assert_int_equal(carried.inner.source_port, 2);
	assert_false(see(LAB_INSIDE, inner_of(MTU, 3)));
	assert_true(see(LAB_OUTSIDE, outer_of(WG_TRANSPORT, MTU + WG_TAG_LEN)));
}

static void the_eldest_of_a_length_is_first(void **state)
{
	(void)state;
	t = (struct lab_tunnel){0};
	for (uint16_t i = 0; i < LAB_TUNNEL_MAX + 3; i++)
		assert_false(see(LAB_INSIDE, inner_of(60, i)));
	for (uint16_t i = 3; i < LAB_TUNNEL_MAX + 3; i++) {
		assert_true(see(LAB_OUTSIDE, outer_of(WG_TRANSPORT, 64 + WG_TAG_LEN)));
		assert_int_equal(carried.inner.source_port, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_no_keepalive_no_handshake_and_no_other_length),
		cmocka_unit_test(joins_a_packet_with_its_datagram_in_either_order_once),
		cmocka_unit_test(the_eldest_of_a_length_is_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
