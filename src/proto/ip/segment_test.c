#include "proto/ip/segment.h"

#include "base/writer.h"
#include "proto/ip/checksum.h"

#include "proto/ip/packet_test.h"
#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A super-packet as the kernel gives it: lengths of the whole, the pseudo-header's sum. */
static void super_make(struct test_packet *p, struct ip_offload *ret)
{
	p->checksum_wrong = false;
	test_packet_write(p);
	size_t offset = p->tcp ? 16 : 6;
	put_u16(p->wire + p->transport + offset, test_packet_pseudo(p));
	*ret = (struct ip_offload){
		.flags = IP_OFFLOAD_CHECKSUM,
		.kind = !p->tcp		  ? IP_OFFLOAD_UDP
			: p->version == 4 ? IP_OFFLOAD_TCP4
					  : IP_OFFLOAD_TCP6,
		.head_len = (uint16_t)p->payload,
		.checksum_start = (uint16_t)p->transport,
		.checksum_offset = (uint16_t)offset,
	};
	if (p->tcp && (p->flags & 0x80))
		ret->kind |= IP_OFFLOAD_ECN;
}

/* Packet i of it, written whole and slowly. */
static void packet_of(const struct test_packet *super, size_t i, size_t n, size_t segment,
		      struct test_packet *ret)
{
	*ret = *super;
	ret->octets = super->octets + i * segment;
	ret->octets_len = i + 1 < n ? segment : super->octets_len - i * segment;
	ret->ident = (uint16_t)(super->ident + i);
	ret->sequence = super->sequence + (uint32_t)(i * segment);
	if (i + 1 < n)
		ret->flags &= (uint8_t)~0x09; /* FIN, PSH */
	if (i > 0)
		ret->flags &= (uint8_t)~0x80; /* CWR */
	test_packet_write(ret);
}

static void cuts_as_the_slow_way_writes(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t octets[60000];
	static struct test_packet super, want;
	test_random_fill(&r, octets, sizeof(octets));
	for (size_t round = 0; round < 3000; round++) {
		struct ip_offload head;
		struct ip_segments s;
		test_packet_random(&super, &r);
		super.octets = octets;
		super.octets_len = 1 + test_random_below(&r, round % 50 ? 6000 : sizeof(octets));
		size_t segment = 1 + test_random_below(&r, 1500);
		if (super.octets_len > segment * 200)
			segment = super.octets_len / 200 + 1;
		super_make(&super, &head);
		head.segment = (uint16_t)segment;
		uint8_t *copy = guard_copy(super.wire, super.len);
		assert_int_equal(ip_segments_init(&s, &head, span_of(copy, super.len)), OK);
		size_t n = (super.octets_len + segment - 1) / segment;
		assert_int_equal(s.left, n);
		struct guard room = guard_of(s.len_max);
		for (size_t i = 0; i < n; i++) {
			uint8_t *at = room.end - s.len_max;
			size_t told = ip_segments_next_len(&s), len = ip_segments_next(&s, at);
			assert_int_equal(told, len);
			packet_of(&super, i, n, segment, &want);
			assert_int_equal(len, want.len);
			assert_memory_equal(at, want.wire, len);
		}
		assert_int_equal(ip_segments_next_len(&s), 0);
		assert_int_equal(ip_segments_next(&s, room.end), 0);
		guard_done(&room);
		guard_free(copy, super.len);
	}
}

static void fills_in_the_checksum_of_a_whole_packet(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t octets[3000], room[65535];
	static struct test_packet p, want;
	test_random_fill(&r, octets, sizeof(octets));
	for (size_t round = 0; round < 500; round++) {
		struct ip_offload head;
		struct ip_segments s;
		test_packet_random(&p, &r);
		p.octets = octets;
		p.octets_len = test_random_below(&r, sizeof(octets));
		want = p;
		test_packet_write(&want);
		super_make(&p, &head);
		head.kind = IP_OFFLOAD_WHOLE;
		assert_int_equal(ip_segments_init(&s, &head, span_of(p.wire, p.len)), OK);
		assert_int_equal(ip_segments_next(&s, room), p.len);
		assert_memory_equal(room, want.wire, p.len);
		assert_int_equal(ip_segments_next(&s, room), 0);
		/* Without the flag it is left as it is. */
		head = (struct ip_offload){0};
		assert_int_equal(ip_segments_init(&s, &head, span_of(p.wire, p.len)), OK);
		assert_int_equal(ip_segments_next(&s, room), p.len);
		assert_memory_equal(room, p.wire, p.len);
	}
}

static void refuses_heads_that_do_not_fit_the_packet(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t octets[100];
	static struct test_packet p;
	struct ip_offload head, bad;
	struct ip_segments s;
	test_packet_random(&p, &r);
	p.version = 4;
	p.tcp = true;
	p.octets = octets;
	p.octets_len = sizeof(octets);
	super_make(&p, &head);
	head.segment = 10;
	struct span packet = span_of(p.wire, p.len);
	assert_int_equal(ip_segments_init(&s, &head, packet), OK);
	bad = head;
	bad.segment = 0;
	assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_FORMAT);
	bad = head;
	bad.flags = 0;
	assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_FORMAT);
	bad = head;
	bad.kind = 3; /* UDP fragments, which nobody turns on */
	assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_UNSUPPORTED);
	bad = head;
	bad.kind = IP_OFFLOAD_TCP6;
	assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_FORMAT);
	for (uint32_t start = 0; start <= UINT16_MAX; start++) {
		bad = head;
		bad.checksum_start = (uint16_t)start;
		if (start < 20 || start >= p.len)
			assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_FORMAT);
		bad.kind = IP_OFFLOAD_UDP;
		if (start < 20 || start + 8 >= p.len)
			assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_FORMAT);
	}
	bad = (struct ip_offload){.flags = IP_OFFLOAD_CHECKSUM,
				  .checksum_start = (uint16_t)(p.len - 1),
				  .checksum_offset = 0};
	assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_FORMAT);
	bad.checksum_offset = UINT16_MAX;
	assert_int_equal(ip_segments_init(&s, &bad, packet), ERR_FORMAT);
	assert_int_equal(ip_segments_init(&s, &head, (struct span){0}), ERR_FORMAT);
}

static struct ip_offload tried;

static void cut_whatever_it_is(const uint8_t *data, size_t len)
{
	static uint8_t room[65536];
	struct ip_segments s;
	if (ip_segments_init(&s, &tried, span_of(data, len)))
		return;
	size_t n = s.left, written = 0;
	while ((written = ip_segments_next(&s, room)))
		assert_true(written <= s.len_max && n-- > 0);
}

static void stays_inside_of_torn_and_bent_packets(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t octets[40];
	static struct test_packet p;
	for (size_t i = 0; i < 8; i++) {
		test_packet_random(&p, &r);
		p.version = i & 1 ? 4 : 6;
		p.tcp = i & 2;
		p.octets = octets;
		p.octets_len = sizeof(octets);
		super_make(&p, &tried);
		tried.segment = 16;
		if (i & 4)
			tried.kind = IP_OFFLOAD_WHOLE;
		guard_every_prefix(p.wire, p.len, cut_whatever_it_is);
		guard_every_bit_flip(p.wire, p.len, cut_whatever_it_is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_heads_that_do_not_fit_the_packet),
		cmocka_unit_test(stays_inside_of_torn_and_bent_packets),
		cmocka_unit_test(cuts_as_the_slow_way_writes),
		cmocka_unit_test(fills_in_the_checksum_of_a_whole_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
