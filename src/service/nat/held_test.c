#include "service/nat/held.h"

#include "service/nat/ip4.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct nat_tuple4 key = {.src = 0x0100007f, .dst = 0x0200007f, .sport = 0x3412};

static struct sent {
	unsigned n;
	uint32_t ifindex;
	struct nat_ip4 last;
	uint8_t bytes[NAT_EVENT_PACKET_MAX];
	size_t octets; /* of all payloads */
} sent;

static void note(void *arg, uint32_t ifindex, struct span packet)
{
	(void)arg;
	sent.n++;
	sent.ifindex = ifindex;
	memcpy(sent.bytes, packet.data, packet.len);
	assert_int_equal(nat_ip4_read(span_of(sent.bytes, packet.len), &sent.last), OK);
	sent.octets += sent.last.payload.len;
}

static struct held *held_new(void)
{
	struct held *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	memset(&sent, 0, sizeof(sent));
	held_init(h, note, NULL);
	return h;
}

static uint8_t wire[NAT_EVENT_PACKET_MAX];

static struct span fragment(uint16_t at, size_t len)
{
	static uint8_t payload[NAT_EVENT_PACKET_MAX];
	struct nat_ip4 p = {.ttl = 64,
			    .protocol = 17,
			    .id = 0x1234,
			    .fragment = at,
			    .source = {127, 0, 0, 1},
			    .destination = {127, 0, 0, 2},
			    .payload = span_of(payload, len)};
	struct writer w = writer_of(wire, sizeof(wire));
	nat_ip4_write(&w, &p);
	assert_false(w.bad);
	return span_of(wire, w.pos);
}

static struct nat_event early(void)
{
	return (struct nat_event){.kind = NAT_EVENT_FRAGMENT, .tuple = key};
}

static struct nat_event first(void)
{
	return (struct nat_event){.kind = NAT_EVENT_FRAGMENT_FIRST,
				  .tuple = key,
				  .ifindex = 7,
				  .mtu = 1500,
				  .answer = {.src = htonl(0xc0a80102),
					     .dst = htonl(0xc6336402),
					     .sport = htons(0x9999)}};
}

static bool is_translated(void)
{
	static const uint8_t from[] = {198, 51, 100, 2}, to[] = {192, 168, 1, 2};
	return memcmp(sent.last.source, from, 4) == 0 &&
	       memcmp(sent.last.destination, to, 4) == 0 && sent.last.id == 0x9999 &&
	       sent.last.ttl == 63 && sent.ifindex == 7;
}

static void sends_on_what_was_early_when_the_first_has_come(void **state)
{
	(void)state;
	struct held *h = held_new();
	struct nat_event e = early(), f = first();
	held_event(h, 1000, &e, fragment(100 | NAT_IP4_MORE, 800));
	held_event(h, 1100, &e, fragment(200, 300));
	assert_int_equal(sent.n, 0);
	held_event(h, 2900, &f, (struct span){0});
	assert_int_equal(sent.n, 2);
	assert_int_equal(sent.octets, 1100);
	assert_true(is_translated());
	assert_int_equal(sent.last.fragment, 200);
	/* The other processor's ring record was slower. */
	held_event(h, 3000, &e, fragment(300, 300));
	assert_int_equal(sent.n, 3);
	assert_true(is_translated());
	held_event(h, 3000 + HELD_MS, &e, fragment(300, 300));
	assert_int_equal(sent.n, 3);
	free(h);
}

static void what_nobody_asks_for_is_given_up(void **state)
{
	(void)state;
	struct held *h = held_new();
	struct nat_event e = early(), f = first();
	held_event(h, 1000, &e, fragment(100, 800));
	held_event(h, 1000 + HELD_MS, &f, (struct span){0});
	assert_int_equal(sent.n, 0);
	assert_int_equal(h->counts.expired, 1);
	/* Nor is another datagram's. */
	held_event(h, 5000, &e, fragment(100, 800));
	f.tuple.sport++;
	held_event(h, 5001, &f, (struct span){0});
	assert_int_equal(h->counts.sent, 0);
	free(h);
}

static void one_source_and_all_together_are_bounded(void **state)
{
	(void)state;
	struct held *h = held_new();
	struct nat_event e = early();
	for (int i = 0; i < HELD_SOURCE_MAX + 5; i++)
		held_event(h, 1000, &e, fragment(100, 8));
	assert_int_equal(h->counts.held, HELD_SOURCE_MAX);
	assert_int_equal(h->counts.source_full, 5);
	for (int i = 0; i < HELD_MAX; i++) {
		e.tuple.src++;
		held_event(h, 1000, &e, fragment(100, 8));
	}
	assert_int_equal(h->counts.held, HELD_MAX);
	assert_int_equal(h->counts.full, HELD_SOURCE_MAX);
	/* They go, and others come. */
	held_event(h, 1000 + HELD_MS, &e, fragment(100, 8));
	assert_int_equal(h->counts.held, HELD_MAX + 1);
	free(h);
}

static void a_small_mtu_cuts_what_was_held(void **state)
{
	(void)state;
	struct held *h = held_new();
	struct nat_event e = early(), f = first();
	f.mtu = 576;
	held_event(h, 1000, &e, fragment(100, 1400));
	held_event(h, 1000, &f, (struct span){0});
	assert_int_equal(sent.n, 3);
	assert_int_equal(sent.octets, 1400);
	assert_true(is_translated());
	free(h);
}

static void for_the_machine_itself_no_hop_is_counted(void **state)
{
	(void)state;
	struct held *h = held_new();
	struct nat_event e = early(), f = first();
	f.flow = 1;
	held_event(h, 1000, &e, fragment(100, 1400));
	held_event(h, 1000, &f, (struct span){0});
	assert_int_equal(sent.n, 1);
	assert_int_equal(sent.last.ttl, 64);
	assert_int_equal(sent.ifindex, 0);
	free(h);
}

static void a_packet_is_cut_and_has_an_identification(void **state)
{
	(void)state;
	struct held *h = held_new();
	struct nat_event e = {.kind = NAT_EVENT_CUT, .ifindex = 9, .mtu = 1492};
	held_event(h, 1000, &e, fragment(0, 1480));
	assert_int_equal(sent.n, 2);
	assert_int_equal(sent.octets, 1480);
	assert_int_equal(sent.ifindex, 9);
	assert_int_equal(sent.last.id, 0x1234);
	/* RFC 6864: 0 is one of those who are never cut. */
	struct span p = fragment(0, 1480);
	struct nat_ip4 ip;
	assert_int_equal(nat_ip4_read(p, &ip), OK);
	ip.id = 0;
	static uint8_t copy[2000];
	struct writer w = writer_of(copy, sizeof(copy));
	nat_ip4_write(&w, &ip);
	held_event(h, 1000, &e, span_of(copy, w.pos));
	assert_int_equal(sent.n, 4);
	assert_int_not_equal(sent.last.id, 0);
	/* One that may not be: nothing. */
	held_event(h, 1000, &e, fragment(NAT_IP4_DONT, 1480));
	assert_int_equal(sent.n, 4);
	assert_int_equal(h->counts.refused, 1);
	free(h);
}

static void torn_records_are_nothing(void **state)
{
	(void)state;
	struct held *h = held_new();
	struct nat_event e = early(), f = first(), c = {.kind = NAT_EVENT_CUT, .mtu = 600};
	held_event(h, 1000, &e, span_sub(fragment(100, 800), 0, 100));
	held_event(h, 1000, &e, (struct span){0});
	held_event(h, 1000, &e, fragment(0, 100)); /* no later one */
	held_event(h, 1000, &f, (struct span){0});
	held_event(h, 1000, &c, span_sub(fragment(0, 800), 0, 100));
	assert_int_equal(sent.n, 0);
	assert_int_equal(h->counts.format, 4);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_on_what_was_early_when_the_first_has_come),
		cmocka_unit_test(what_nobody_asks_for_is_given_up),
		cmocka_unit_test(one_source_and_all_together_are_bounded),
		cmocka_unit_test(a_small_mtu_cuts_what_was_held),
		cmocka_unit_test(for_the_machine_itself_no_hop_is_counted),
		cmocka_unit_test(a_packet_is_cut_and_has_an_identification),
		cmocka_unit_test(torn_records_are_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
