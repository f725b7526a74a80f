#include "service/nat/ip4.h"

#include "base/reader.h"
#include "proto/ip/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/guard.h"

enum { PAYLOAD = 1000 };

static uint8_t payload[PAYLOAD], wire[NAT_IP4_HEAD + PAYLOAD];

static struct nat_ip4 packet(void)
{
	for (size_t i = 0; i < PAYLOAD; i++)
		payload[i] = (uint8_t)(i * 7);
	return (struct nat_ip4){.ttl = 64,
				.protocol = 17,
				.id = 0x1234,
				.source = {192, 0, 2, 1},
				.destination = {198, 51, 100, 2},
				.payload = span_of(payload, PAYLOAD)};
}

static size_t put(const struct nat_ip4 *p)
{
	struct writer w = writer_of(wire, sizeof(wire));
	nat_ip4_write(&w, p);
	assert_false(w.bad);
	return w.pos;
}

static void refused(const uint8_t *data, size_t len)
{
	struct nat_ip4 p;
	if (len < NAT_IP4_HEAD + 30)
		assert_true(nat_ip4_read(span_of(data, len), &p));
	else
		assert_int_equal(nat_ip4_read(span_of(data, len), &p), OK);
}

/* One bit of the header, and its checksum is wrong; those behind it nobody looks at here. */
static void any(const uint8_t *data, size_t len)
{
	struct nat_ip4 p;
	bool head = memcmp(data, wire, NAT_IP4_HEAD) != 0;
	assert_int_equal(nat_ip4_read(span_of(data, len), &p) != OK, head);
}

static void refuses_what_is_torn_longer_or_bent(void **state)
{
	(void)state;
	struct nat_ip4 p = packet();
	p.payload.len = 30;
	size_t len = put(&p);
	guard_every_prefix(wire, len, refused);
	guard_every_bit_flip(wire, len, any);
	assert_true(nat_ip4_read(span_of(wire, len + 1), &p));
}

static void reads_what_it_writes(void **state)
{
	static const uint8_t nops[] = {1, 1, 1, 0};
	(void)state;
	struct nat_ip4 p = packet(), read;
	p.payload.len = 30;
	p.options = span_of(nops, sizeof(nops));
	p.fragment = NAT_IP4_DONT;
	size_t len = put(&p);
	assert_int_equal(nat_ip4_read(span_of(wire, len), &read), OK);
	assert_true(span_equal(read.options, p.options) && span_equal(read.payload, p.payload));
	assert_int_equal(read.fragment, NAT_IP4_DONT);
	assert_int_equal(read.id, 0x1234);
	assert_memory_equal(read.source, p.source, 4);
	assert_memory_equal(read.destination, p.destination, 4);
}

struct joined {
	uint8_t bytes[PAYLOAD];
	size_t len, pieces;
	bool last;
	uint16_t fragment; /* of the first */
};

static void join(void *arg, const struct nat_ip4 *piece)
{
	struct joined *j = arg;
	size_t offset = (size_t)(piece->fragment & NAT_IP4_OFFSET) * 8;
	assert_false(j->last);
	if (j->pieces++ == 0)
		j->fragment = piece->fragment;
	assert_int_equal(offset, (size_t)(j->fragment & NAT_IP4_OFFSET) * 8 + j->len);
	assert_true(j->len + piece->payload.len <= PAYLOAD);
	memcpy(j->bytes + j->len, piece->payload.data, piece->payload.len);
	j->len += piece->payload.len;
	j->last = (piece->fragment & NAT_IP4_MORE) == 0;
	assert_true(j->last || piece->payload.len % 8 == 0);
}

static void pieces_are_the_whole_and_none_is_too_big(void **state)
{
	(void)state;
	for (size_t mtu = NAT_IP4_MTU_MIN; mtu < PAYLOAD + 40; mtu += 13) {
		struct nat_ip4 p = packet();
		struct joined j = {.pieces = 0};
		assert_int_equal(nat_ip4_cut(&p, mtu, join, &j), OK);
		assert_int_equal(j.len, PAYLOAD);
		assert_memory_equal(j.bytes, payload, PAYLOAD);
		assert_true(j.last);
		assert_int_equal(j.pieces == 1, mtu >= PAYLOAD + NAT_IP4_HEAD);
	}
}

static void a_piece_is_cut_in_smaller_ones(void **state)
{
	(void)state;
	struct nat_ip4 p = packet();
	struct joined j = {.pieces = 0};
	p.fragment = 100 | NAT_IP4_MORE;
	assert_int_equal(nat_ip4_cut(&p, 300, join, &j), OK);
	assert_int_equal(j.len, PAYLOAD);
	assert_int_equal(j.fragment, 100 | NAT_IP4_MORE);
	assert_false(j.last);
}

static void cuts_nothing_that_must_be_whole(void **state)
{
	static const uint8_t nops[] = {1, 1, 1, 0};
	(void)state;
	struct joined j = {.pieces = 0};
	struct nat_ip4 p = packet();
	assert_int_equal(nat_ip4_cut(&p, NAT_IP4_MTU_MIN - 1, join, &j), ERR_REFUSED);
	p.fragment = NAT_IP4_DONT;
	assert_int_equal(nat_ip4_cut(&p, 300, join, &j), ERR_REFUSED);
	p = packet();
	p.options = span_of(nops, sizeof(nops));
	assert_int_equal(nat_ip4_cut(&p, 300, join, &j), ERR_REFUSED);
	/* Beyond what IP can say. */
	p = packet();
	p.fragment = NAT_IP4_OFFSET;
	assert_int_equal(nat_ip4_cut(&p, 300, join, &j), ERR_REFUSED);
	assert_int_equal(j.pieces, 0);
}

static uint16_t sum_of(const struct nat_ip4 *p)
{
	return ip_sum_finish(
		ip_sum_add(ip_sum_pseudo(span_of(p->source, 4), span_of(p->destination, 4),
					 p->protocol, (uint32_t)p->payload.len),
			   p->payload));
}

static void completes_a_checksum_that_was_left_to_a_device(void **state)
{
	static const uint8_t protocols[] = {17, 6};
	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct nat_ip4 p = packet();
		size_t at = protocols[i] == 17 ? 6 : 16;
		p.protocol = protocols[i];
		put_u16(payload + at, (uint16_t)~ip_sum_finish(ip_sum_pseudo(
					      span_of(p.source, 4), span_of(p.destination, 4),
					      p.protocol, PAYLOAD)));
		assert_int_not_equal(sum_of(&p), 0);
		nat_ip4_complete(&p, payload);
		assert_int_equal(sum_of(&p), 0);
		/* A right one stays, and so does a wrong one and none. */
		uint16_t right = (uint16_t)(payload[at] << 8 | payload[at + 1]);
		for (unsigned n = 0; n < 3; n++) {
			uint16_t has = n == 0 ? right : n == 1 ? (uint16_t)(right ^ 1) : 0;
			put_u16(payload + at, has);
			nat_ip4_complete(&p, payload);
			assert_int_equal(payload[at] << 8 | payload[at + 1], has);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_torn_longer_or_bent),
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(pieces_are_the_whole_and_none_is_too_big),
		cmocka_unit_test(a_piece_is_cut_in_smaller_ones),
		cmocka_unit_test(cuts_nothing_that_must_be_whole),
		cmocka_unit_test(completes_a_checksum_that_was_left_to_a_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
