#include "proto/ip/coalesce.h"

#include "base/err.h"
#include "proto/ip/segment.h"

#include "proto/ip/packet_test.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { BATCH_MAX = 200, ROOM = 2000 };

/* What went in, and where it lies. */
struct sent {
	size_t len, flow;
	bool alone; /* its checksum is wrong */
	uint8_t before[ROOM];
	uint8_t *lies;
};

static struct sent sent[BATCH_MAX];
static uint8_t lying[BATCH_MAX][ROOM];
static struct ip_coalesce batch;
static struct test_packet flow_of[8];

static void put(size_t at, size_t flow, const struct test_packet *p)
{
	assert_true(p->len <= ROOM);
	sent[at] = (struct sent){
		.len = p->len, .flow = flow, .alone = p->checksum_wrong, .lies = lying[at]};
	memcpy(sent[at].before, p->wire, p->len);
	memcpy(lying[at], p->wire, p->len);
	assert_true(ip_coalesce_add(&batch, lying[at], p->len));
}

/* With DF the identifier says nothing (RFC 6864 4.1), and cutting numbers anew. */
static void forget_ident(uint8_t *wire)
{
	if (wire[0] >> 4 == 4 && (wire[6] & 0x40))
		memset(wire + 4, 0, 2), memset(wire + 10, 0, 2);
}

/* One super-packet cut again must give, in order, what was sent of its flow and has not come yet.
 */
static size_t cut_and_compare(size_t i, bool *came, size_t n)
{
	static uint8_t whole[65536], room[65536];
	struct span parts[IP_COALESCE_PARTS_MAX];
	size_t parts_n = ip_coalesce_take(&batch, i, parts), len = 0, joined = 0, at = 0;
	assert_true(parts_n >= 2 && parts_n <= IP_COALESCE_PARTS_MAX);
	assert_int_equal(parts[0].len, IP_OFFLOAD_LEN);
	for (size_t p = 1; p < parts_n; p++) {
		memcpy(whole + len, parts[p].data, parts[p].len);
		len += parts[p].len;
	}
	while (at < n && sent[at].lies != parts[1].data)
		at++;
	assert_true(at < n);
	size_t flow = sent[at].flow;
	struct ip_offload head = ip_offload_of(parts[0].data);
	struct ip_segments s;
	assert_int_equal(ip_segments_init(&s, &head, span_of(whole, len)), OK);
	assert_int_equal(s.left, parts_n - 1);
	while ((len = ip_segments_next(&s, room))) {
		at = 0;
		while (at < n && (came[at] || sent[at].flow != flow))
			at++;
		assert_true(at < n);
		assert_true(parts_n == 2 || !sent[at].alone);
		forget_ident(room);
		forget_ident(sent[at].before);
		assert_int_equal(len, sent[at].len);
		assert_memory_equal(room, sent[at].before, len);
		came[at] = true;
		joined++;
	}
	return joined;
}

static void batch_must_come_whole(size_t n)
{
	bool came[BATCH_MAX] = {false};
	size_t seen = 0;
	for (size_t i = 0; i < batch.n; i++)
		seen += cut_and_compare(i, came, n);
	assert_int_equal(seen, n);
}

static void flow_random(struct test_packet *p, struct test_random *r)
{
	test_packet_random(p, r);
	p->flags = 0x10;
}

/* The flow's next packet, mostly plain. */
static void flow_next(struct test_packet *p, struct test_random *r, const uint8_t *octets)
{
	static const uint8_t odd_flags[] = {0x10, 0x18, 0x11, 0x50, 0x90, 0x30, 0x14};
	p->octets = octets + test_random_below(r, 500);
	p->octets_len = test_random_below(r, 8) ? 500 : test_random_below(r, 700);
	p->checksum_wrong = test_random_below(r, 30) == 0;
	p->flags = test_random_below(r, 10) ? 0x10 : odd_flags[test_random_below(r, 7)];
	switch (test_random_below(r, 40)) {
	case 0: p->acknowledge++; break;
	case 1: p->window++; break;
	case 2: p->tos ^= 1; break;
	case 3: p->ttl--; break;
	case 4: p->ident += 7; break;
	case 5: p->sequence -= 500; break;
	case 6: p->options[3] ^= 1; break;
	case 7: p->dont_fragment = !p->dont_fragment; break;
	default: break;
	}
	test_packet_write(p);
}

static void what_is_cut_again_is_what_was_sent(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t octets[2000];
	size_t joined = 0, all = 0;
	test_random_fill(&r, octets, sizeof(octets));
	for (size_t round = 0; round < 600; round++) {
		size_t flows = 1 + test_random_below(&r, 8), n = test_random_below(&r, BATCH_MAX);
		for (size_t f = 0; f < flows; f++)
			flow_random(&flow_of[f], &r);
		ip_coalesce_begin(&batch, IP_COALESCE_ALL);
		for (size_t i = 0; i < n; i++) {
			size_t f = test_random_below(&r, flows);
			struct test_packet *p = &flow_of[f];
			flow_next(p, &r, octets);
			put(i, f, p);
			p->ident++;
			p->sequence += (uint32_t)p->octets_len;
		}
		batch_must_come_whole(n);
		joined += n - batch.n;
		all += n;
	}
	assert_true(joined > all / 3);
}

static size_t supers_of(unsigned kinds, uint8_t version, bool tcp, size_t n, size_t len)
{
	struct test_random r = {.state = n};
	static uint8_t octets[1500];
	struct test_packet *p = &flow_of[0];
	flow_random(p, &r);
	p->version = version;
	p->tcp = tcp;
	p->octets = octets;
	p->octets_len = len;
	ip_coalesce_begin(&batch, kinds);
	for (size_t i = 0; i < n; i++) {
		test_packet_write(p);
		put(i, 0, p);
		p->ident++;
		p->sequence += (uint32_t)len;
	}
	size_t supers = batch.n;
	batch_must_come_whole(n);
	return supers;
}

static void plain_flows_become_as_few_as_may_be(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t version = i & 1 ? 4 : 6;
		bool tcp = i & 2;
		assert_int_equal(supers_of(IP_COALESCE_ALL, version, tcp, 40, 1200), 1);
		assert_int_equal(supers_of(IP_COALESCE_ALL, version, tcp, 60, 1200),
				 2); /* 64 KiB */
		assert_int_equal(supers_of(IP_COALESCE_ALL, version, tcp, 64, 18), 1);
		assert_int_equal(supers_of(IP_COALESCE_ALL, version, tcp, 65, 18), 2);
		assert_int_equal(supers_of(0, version, tcp, 40, 1200), 40);
		assert_int_equal(supers_of(IP_COALESCE_ALL, version, tcp, 30, 0), 30);
	}
	assert_int_equal(supers_of(IP_COALESCE_UDP | IP_COALESCE_TCP4, 6, true, 9, 100), 9);
	assert_int_equal(supers_of(IP_COALESCE_TCP6 | IP_COALESCE_TCP4, 4, false, 9, 100), 9);
}

static void a_wrong_checksum_goes_on_alone_and_as_it_is(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t octets[100];
	struct test_packet *p = &flow_of[0];
	for (unsigned wrong = 0; wrong < 3; wrong++) {
		flow_random(p, &r);
		p->octets = octets;
		p->octets_len = sizeof(octets);
		ip_coalesce_begin(&batch, IP_COALESCE_ALL);
		for (unsigned i = 0; i < 3; i++) {
			p->checksum_wrong = i == wrong;
			test_packet_write(p);
			put(i, 0, p);
			p->ident++;
			p->sequence += (uint32_t)p->octets_len;
		}
		assert_int_equal(batch.n, wrong == 1 ? 3 : 2);
		batch_must_come_whole(3);
	}
}

static void full_is_told(void **state)
{
	(void)state;
	uint8_t packet[] = {0x45, 0};
	ip_coalesce_begin(&batch, IP_COALESCE_ALL);
	for (size_t i = 0; i < IP_COALESCE_PACKETS_MAX; i++)
		assert_true(ip_coalesce_add(&batch, packet, sizeof(packet)));
	assert_false(ip_coalesce_add(&batch, packet, sizeof(packet)));
	assert_int_equal(batch.n, IP_COALESCE_PACKETS_MAX);
}

/* Twice the same, so that the second could be joined if it were good. */
static void join_whatever_it_is(const uint8_t *data, size_t len)
{
	struct span parts[IP_COALESCE_PARTS_MAX];
	if (len == 0)
		return;
	uint8_t *first = guard_copy(data, len), *second = guard_copy(data, len);
	ip_coalesce_begin(&batch, IP_COALESCE_ALL);
	assert_true(ip_coalesce_add(&batch, first, len));
	assert_true(ip_coalesce_add(&batch, second, len));
	for (size_t i = 0; i < batch.n; i++)
		(void)ip_coalesce_take(&batch, i, parts);
	guard_free(first, len);
	guard_free(second, len);
}

static void stays_inside_of_torn_and_bent_packets(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t octets[20];
	for (unsigned i = 0; i < 4; i++) {
		struct test_packet *p = &flow_of[0];
		flow_random(p, &r);
		p->version = i & 1 ? 4 : 6;
		p->tcp = i & 2;
		p->octets = octets;
		p->octets_len = sizeof(octets);
		test_packet_write(p);
		guard_every_prefix(p->wire, p->len, join_whatever_it_is);
		guard_every_bit_flip(p->wire, p->len, join_whatever_it_is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_inside_of_torn_and_bent_packets),
		cmocka_unit_test(a_wrong_checksum_goes_on_alone_and_as_it_is),
		cmocka_unit_test(full_is_told),
		cmocka_unit_test(plain_flows_become_as_few_as_may_be),
		cmocka_unit_test(what_is_cut_again_is_what_was_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
