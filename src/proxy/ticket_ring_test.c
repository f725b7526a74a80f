#include "proxy/ticket_ring.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW UINT64_C(1800000000)
#define P   ((uint64_t)TICKET_PERIOD_S)

static struct tls_ticket_key key_of(uint8_t fill)
{
	struct tls_ticket_key k;
	memset(k.bytes, fill, sizeof(k.bytes));
	return k;
}

static void turn(struct ticket_ring *r, uint64_t now_s, uint8_t fill)
{
	const struct tls_ticket_key k = key_of(fill);
	ticket_ring_turn(r, now_s, &k);
}

static uint8_t sealing(const struct ticket_ring *r, uint64_t now_s)
{
	return r->keys[ticket_ring_seals(r, now_s)].bytes[0];
}

static bool has(const struct ticket_ring *r, uint8_t fill)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->keys[i].bytes[0] == fill)
			return true;
	return false;
}

static struct ticket_ring begun(void)
{
	struct ticket_ring r = {0};
	assert_true(ticket_ring_is_due(&r, NOW));
	turn(&r, NOW, 1);
	assert_true(ticket_ring_is_due(&r, NOW));
	turn(&r, NOW, 2);
	assert_false(ticket_ring_is_due(&r, NOW));
	return r;
}

static void a_key_is_known_before_it_seals_and_as_long_as_its_tickets_live(void **state)
{
	(void)state;
	struct ticket_ring r = begun();
	uint8_t next = 3;
	for (uint64_t s = NOW; s < NOW + 10 * P; s += P / 5) {
		uint8_t should = (uint8_t)(1 + (s - NOW) / P);
		if (ticket_ring_is_due(&r, s))
			turn(&r, s, next++);
		assert_int_equal(sealing(&r, s), should);
		assert_true(has(&r, (uint8_t)(should + 1)));
		if (should > 1)
			assert_true(has(&r, (uint8_t)(should - 1)));
		assert_false(should > 2 && has(&r, (uint8_t)(should - 2)));
	}
	ticket_ring_done(&r);
	assert_int_equal(r.n, 0);
}

static void who_slept_begins_anew(void **state)
{
	(void)state;
	struct ticket_ring r = begun();
	uint64_t late = NOW + 7 * P + 5;
	assert_true(ticket_ring_is_due(&r, late));
	turn(&r, late, 3);
	assert_int_equal(r.n, 2);
	assert_int_equal(sealing(&r, late), 2);
	assert_int_equal(sealing(&r, late + P), 3);
	assert_false(has(&r, 1));
	struct ticket_ring only = {0};
	turn(&only, NOW, 9);
	assert_int_equal(sealing(&only, NOW - 100), 9); /* a clock that went back */
}

static void what_was_written_is_read_and_nothing_else(void **state)
{
	(void)state;
	struct ticket_ring r = begun(), back = {0};
	turn(&r, NOW + P, 3);
	uint8_t text[TICKET_RING_LEN + 1];
	struct writer w = writer_of(text, sizeof(text));
	ticket_ring_write(&r, &w);
	assert_false(w.bad);
	assert_int_equal(w.pos, TICKET_RING_LEN);
	for (size_t n = 0; n < w.pos; n++)
		assert_int_equal(ticket_ring_read(span_of(text, n), &back), ERR_FORMAT);
	text[TICKET_RING_LEN] = 0;
	assert_int_equal(ticket_ring_read(span_of(text, TICKET_RING_LEN + 1), &back), ERR_FORMAT);
	assert_int_equal(back.n, 0);
	assert_int_equal(ticket_ring_read(writer_span(&w), &back), OK);
	assert_memory_equal(&r, &back, sizeof(r));
	text[1] = 4;
	assert_int_equal(ticket_ring_read(writer_span(&w), &back), ERR_FORMAT);
	text[1] = 0;
	assert_int_equal(ticket_ring_read(span_of(text, 2), &back), ERR_FORMAT);
	text[1] = 3;
	text[2] = 0xff; /* the first of them begins last */
	assert_int_equal(ticket_ring_read(writer_span(&w), &back), ERR_FORMAT);
	text[0] = 2;
	assert_int_equal(ticket_ring_read(writer_span(&w), &back), ERR_UNSUPPORTED);
	text[0] = 0;
	assert_int_equal(ticket_ring_read(writer_span(&w), &back), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_and_nothing_else),
		cmocka_unit_test(who_slept_begins_anew),
		cmocka_unit_test(a_key_is_known_before_it_seals_and_as_long_as_its_tickets_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
