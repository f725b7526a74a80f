#include "service/nat/unasked.h"

#include "proto/ip/checksum.h"
#include "service/nat/ip4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/guard.h"

static struct unasked u;
static unsigned sent;
static bool is_there;
static uint8_t last[100];
static size_t last_len;

static void note(void *arg, struct span packet)
{
	(void)arg;
	sent++;
	assert_true(packet.len <= sizeof(last));
	memcpy(last, packet.data, packet.len);
	last_len = packet.len;
}

static bool is_flow(void *arg, const struct nat_tuple4 *tuple)
{
	(void)arg;
	(void)tuple;
	return is_there;
}

static int begin(void **state)
{
	const struct unasked_calls calls = {.send = note, .is_flow = is_flow};
	(void)state;
	memset(&u, 0, sizeof(u));
	sent = 0;
	is_there = false;
	unasked_init(&u, &calls);
	return 0;
}

/* 192.0.2.1:4000 to 198.51.100.1:80, no options. */
static uint8_t syn[] = {0x45, 0, 0,   44, 0x12, 0x34, 0,  0,	63,   6,    0, 0, 192, 0,
			2,    1, 198, 51, 100,	1,    15, 0xa0, 0,    80,   1, 2, 3,   4,
			0,    0, 0,   0,  0x60, 0x02, 4,  0,	0x11, 0x22, 0, 0};

static struct nat_event event(uint16_t port)
{
	return (struct nat_event){.kind = NAT_EVENT_UNASKED,
				  .tuple = {.src = 0x010200c0,
					    .dst = 0x016433c6,
					    .sport = port,
					    .dport = 80,
					    .proto = 6,
					    .zone = NAT_ZONE_OUTSIDE}};
}

static void tell(uint64_t now_ms, uint16_t port)
{
	struct nat_event e = event(port);
	unasked_event(&u, now_ms, &e, span_of(syn, sizeof(syn)));
}

static void rfc5382_req4_nothing_is_answered_for_six_seconds(void **state)
{
	(void)state;
	tell(1000, 1);
	assert_int_equal(unasked_next_ms(&u), 7000);
	unasked_turn(&u, 6999);
	assert_int_equal(sent, 0);
	unasked_turn(&u, 7000);
	assert_int_equal(sent, 1);
	assert_true(unasked_next_ms(&u) == UINT64_MAX);
	struct nat_ip4 p;
	static const uint8_t from[] = {198, 51, 100, 1}, to[] = {192, 0, 2, 1};
	assert_int_equal(nat_ip4_read(span_of(last, last_len), &p), OK);
	assert_memory_equal(p.source, from, 4);
	assert_memory_equal(p.destination, to, 4);
	assert_int_equal(p.protocol, 1);
	assert_int_equal(p.payload.data[0], 3); /* destination unreachable, */
	assert_int_equal(p.payload.data[1], 3); /* port */
	assert_int_equal(ip_checksum(p.payload), 0);
	assert_int_equal(p.payload.len, 8 + UNASKED_QUOTE);
	assert_memory_equal(p.payload.data + 8, syn, UNASKED_QUOTE);
}

static void rfc5382_req4_a_call_from_inside_meanwhile_silences_it(void **state)
{
	(void)state;
	tell(1000, 1);
	is_there = true;
	unasked_turn(&u, 7000);
	assert_int_equal(sent, 0);
	assert_int_equal(u.counts.asked_after_all, 1);
}

static void one_that_is_repeated_is_answered_once(void **state)
{
	(void)state;
	tell(1000, 1);
	tell(2000, 1);
	tell(4000, 1);
	tell(4000, 2);
	unasked_turn(&u, 7000);
	assert_int_equal(sent, 1);
	unasked_turn(&u, 20000);
	assert_int_equal(sent, 2);
}

static void sources_and_all_together_are_bounded(void **state)
{
	(void)state;
	for (uint16_t port = 0; port < UNASKED_SOURCE_MAX + 3; port++)
		tell(1000, port);
	assert_int_equal(u.counts.waiting, UNASKED_SOURCE_MAX);
	for (uint32_t i = 0; i < UNASKED_MAX; i++) {
		struct nat_event e = event(1);
		e.tuple.src += 1 + i;
		unasked_event(&u, 1000, &e, span_of(syn, sizeof(syn)));
	}
	assert_int_equal(u.counts.waiting, UNASKED_MAX);
	assert_int_equal(u.counts.full, 3 + UNASKED_SOURCE_MAX);
	unasked_turn(&u, 7000);
	assert_int_equal(sent, UNASKED_MAX);
	tell(8000, 1);
	assert_int_equal(unasked_next_ms(&u), 14000);
}

static void only_a_syn_from_outside_counts(void **state)
{
	static const uint8_t flags[] = {0x00, 0x10, 0x12, 0x04, 0x06, 0x03};
	(void)state;
	struct nat_event e = event(1);
	for (size_t i = 0; i < sizeof(flags); i++) {
		syn[33] = flags[i];
		tell(1000, 1);
	}
	syn[33] = 0x02;
	e.tuple.zone = NAT_ZONE_INSIDE;
	unasked_event(&u, 1000, &e, span_of(syn, sizeof(syn)));
	e = event(1);
	e.kind = NAT_EVENT_REFUSED;
	unasked_event(&u, 1000, &e, span_of(syn, sizeof(syn)));
	syn[9] = 17;
	tell(1000, 1);
	syn[9] = 6;
	assert_int_equal(u.counts.waiting, 0);
	/* ECN is set up by a SYN with two more flags (RFC 3168 6.1.1). */
	syn[33] = 0xc2;
	tell(1000, 1);
	syn[33] = 0x02;
	assert_int_equal(u.counts.waiting, 1);
}

static void torn(const uint8_t *data, size_t len)
{
	struct nat_event e = event((uint16_t)len);
	uint64_t before = u.counts.waiting;
	unasked_event(&u, 1000, &e, span_of(data, len));
	if (len < 34)
		assert_int_equal(u.counts.waiting, before);
}

static void a_torn_head_is_nothing(void **state)
{
	(void)state;
	guard_every_prefix(syn, sizeof(syn), torn);
	guard_every_bit_flip(syn, sizeof(syn), torn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rfc5382_req4_nothing_is_answered_for_six_seconds, begin),
		cmocka_unit_test_setup(rfc5382_req4_a_call_from_inside_meanwhile_silences_it,
				       begin),
		cmocka_unit_test_setup(one_that_is_repeated_is_answered_once, begin),
		cmocka_unit_test_setup(sources_and_all_together_are_bounded, begin),
		cmocka_unit_test_setup(only_a_syn_from_outside_counts, begin),
		cmocka_unit_test_setup(a_torn_head_is_nothing, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
