#include "lab/watch.h"

#include "proto/ip/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/guard.h"

#define HOST   0xc0a80765u /* 192.168.7.101 */
#define PUBLIC 0xc0000202u /* 192.0.2.2 */
#define SERVER 0xcb007135u /* 203.0.113.53 */

struct packet {
	uint8_t bytes[128];
	size_t len;
};

static struct packet packet_of(uint32_t source, uint16_t source_port, uint32_t destination,
			       uint16_t destination_port, const char *payload)
{
	struct packet p;
	struct writer w = writer_of(p.bytes, sizeof(p.bytes));
	const struct ip_datagram d = {.source = source,
				      .destination = destination,
				      .source_port = source_port,
				      .destination_port = destination_port,
				      .payload = span_text(payload)};
	ip_datagram_write_head(&w, &d);
	write_text(&w, payload);
	assert_int_equal(writer_check(&w), OK);
	p.len = w.pos;
	return p;
}

static bool see(struct lab_watch *w, enum lab_side side, struct packet p, struct lab_exchange *x)
{
	struct lab_datagram d;
	assert_int_equal(lab_datagram_read(span_of(p.bytes, p.len), true, &d), OK);
	return lab_watch_see(w, side, &d, x);
}

/* --- reading --- */

static void refuses_what_is_no_whole_datagram(void **state)
{
	struct packet p = packet_of(HOST, 40000, SERVER, 53, "a question");
	struct lab_datagram d;
	(void)state;
	for (size_t len = 0; len < p.len; len++) {
		uint8_t *at = guard_copy(p.bytes, len);
		assert_int_not_equal(lab_datagram_read(span_of(at, len), true, &d), OK);
		guard_free(at, len);
	}
	for (size_t bit = 0; bit < p.len * 8; bit++) {
		struct packet bad = p;
		bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(lab_datagram_read(span_of(bad.bytes, bad.len), true, &d), OK);
	}
	uint8_t *large = calloc(1, LAB_DATAGRAM_MAX + 1);
	assert_non_null(large);
	memcpy(large, p.bytes, p.len);
	assert_int_equal(lab_datagram_read(span_of(large, LAB_DATAGRAM_MAX), true, &d), OK);
	assert_int_equal(d.len, p.len); /* what is behind it is not of it */
	assert_int_equal(lab_datagram_read(span_of(large, LAB_DATAGRAM_MAX + 1), true, &d),
			 ERR_UNSUPPORTED);
	free(large);
}

static void reads_what_is_in_the_heads(void **state)
{
	struct packet p = packet_of(HOST, 40000, SERVER, 53, "a question");
	struct lab_datagram d;
	(void)state;
	assert_int_equal(lab_datagram_read(span_of(p.bytes, p.len), true, &d), OK);
	assert_true(d.source == HOST && d.destination == SERVER);
	assert_true(d.source_port == 40000 && d.destination_port == 53);
	assert_int_equal(d.ttl, p.bytes[8]);
	assert_int_equal(d.ip_checksum, p.bytes[10] << 8 | p.bytes[11]);
	assert_int_equal(d.udp_checksum, p.bytes[26] << 8 | p.bytes[27]);
	assert_int_not_equal(d.udp_checksum, 0);
	assert_true(d.payload_at == 28 && d.len == p.len);
	assert_memory_equal(d.bytes, p.bytes, p.len);
}

/* --- pairing --- */

static void exchange_is_whole_in_every_order(void **state)
{
	const struct {
		enum lab_side side;
		struct packet packet;
	} all[] = {
		{LAB_INSIDE, packet_of(HOST, 40000, SERVER, 53, "question")},
		{LAB_OUTSIDE, packet_of(PUBLIC, 50000, SERVER, 53, "question")},
		{LAB_OUTSIDE, packet_of(SERVER, 53, PUBLIC, 50000, "answer")},
		{LAB_INSIDE, packet_of(SERVER, 53, HOST, 40000, "answer")},
	};
	struct lab_exchange *x = calloc(1, sizeof(*x));
	(void)state;
	assert_non_null(x);
	/* Each number below 256 is four indexes of two bits; the 24 with all of them are orders. */
	size_t orders = 0;
	for (unsigned order = 0; order < 256; order++) {
		unsigned at[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6};
		if ((1u << at[0] | 1u << at[1] | 1u << at[2] | 1u << at[3]) != 15)
			continue;
		orders++;
		struct lab_watch *w = calloc(1, sizeof(*w));
		assert_non_null(w);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(see(w, all[at[i]].side, all[at[i]].packet, x), i == 3);
		assert_true(x->question[LAB_INSIDE].source == HOST);
		assert_true(x->question[LAB_OUTSIDE].source_port == 50000);
		assert_true(x->answer[LAB_OUTSIDE].destination == PUBLIC);
		assert_true(x->answer[LAB_INSIDE].destination_port == 40000);
		/* It is told once. */
		assert_false(see(w, all[at[3]].side, all[at[3]].packet, x));
		free(w);
	}
	assert_int_equal(orders, 24);
	free(x);
}

static void what_is_of_another_exchange_is_not_taken(void **state)
{
	struct lab_exchange *x = calloc(1, sizeof(*x));
	struct lab_watch *w = calloc(1, sizeof(*w));
	(void)state;
	assert_true(x && w);
	assert_false(see(w, LAB_INSIDE, packet_of(HOST, 40000, SERVER, 53, "question"), x));
	/* Another question, another server, an answer to another port, other words. */
	assert_false(see(w, LAB_OUTSIDE, packet_of(PUBLIC, 40000, SERVER, 53, "another"), x));
	assert_false(see(w, LAB_OUTSIDE, packet_of(PUBLIC, 40000, SERVER + 1, 53, "question"), x));
	assert_false(see(w, LAB_OUTSIDE, packet_of(PUBLIC, 40001, SERVER, 53, "question"), x));
	assert_false(see(w, LAB_OUTSIDE, packet_of(SERVER, 53, PUBLIC, 40002, "answer"), x));
	assert_false(see(w, LAB_OUTSIDE, packet_of(SERVER, 53, PUBLIC, 40001, "answer"), x));
	assert_false(see(w, LAB_INSIDE, packet_of(SERVER, 53, HOST, 40000, "other words"), x));
	assert_false(see(w, LAB_INSIDE, packet_of(SERVER, 53, HOST + 1, 40000, "answer"), x));
	/* And when as many have passed as it remembers, the question is gone. */
	assert_true(see(w, LAB_INSIDE, packet_of(SERVER, 53, HOST, 40000, "answer"), x));
	assert_true(x->question[LAB_OUTSIDE].source_port == 40001);
	assert_false(see(w, LAB_INSIDE, packet_of(HOST, 40000, SERVER, 53, "question"), x));
	for (size_t i = 0; i < LAB_WATCH_MAX; i++)
		assert_false(see(w, LAB_INSIDE, packet_of(HOST, 1, HOST, 1, "noise"), x));
	assert_false(see(w, LAB_OUTSIDE, packet_of(PUBLIC, 40001, SERVER, 53, "question"), x));
	assert_false(see(w, LAB_OUTSIDE, packet_of(SERVER, 53, PUBLIC, 40001, "answer"), x));
	assert_false(see(w, LAB_INSIDE, packet_of(SERVER, 53, HOST, 40000, "answer"), x));
	free(w);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_whole_datagram),
		cmocka_unit_test(reads_what_is_in_the_heads),
		cmocka_unit_test(exchange_is_whole_in_every_order),
		cmocka_unit_test(what_is_of_another_exchange_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
