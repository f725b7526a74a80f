/* Journals as bytes, what they come to, and that together with a zone file. */
#include "service/authority/journal.h"

#include "base/writer.h"
#include "proto/dns/rdata.h"
#include "proto/dns/text.h"
#include "proto/dns/type.h"
#include "service/authority/ask_test.h"
#include "service/authority/zone_merge.h"
#include "test/guard.h"

#include <stdio.h>

static const struct hash_key table_key = {1, 2};

static struct dns_name named(const char *text)
{
	struct dns_name origin, n;
	assert_int_equal(dns_name_from_text(span_text("example.test."), NULL, &origin), OK);
	assert_int_equal(dns_name_from_text(span_text(text), &origin, &n), OK);
	return n;
}

static struct journal_head head_of(uint32_t file_serial)
{
	struct journal_head h = {.origin = named("@"), .file_serial = file_serial};
	memset(h.id, 7, sizeof(h.id));
	return h;
}

static void put(struct journal_batch *b, enum journal_op op, const char *owner, uint16_t type,
		uint32_t ttl_s, const char *text)
{
	uint8_t rdata[256];
	struct writer w = writer_of(rdata, sizeof(rdata));
	struct dns_name origin = named("@");
	struct dns_text_lexer l;
	dns_text_init(&l, span_text(text));
	assert_int_equal(dns_rdata_from_text(type, &l, &origin, &w), OK);
	journal_put(b, &(struct journal_change){.op = (uint8_t)op,
						.type = type,
						.ttl_s = ttl_s,
						.owner = named(owner),
						.rdata = writer_span(&w)});
}

/* Three entries: serials 101, 102 and 103. */
static void sample(struct journal_batch *b)
{
	struct journal_head h = head_of(100);
	journal_put_head(b, &h);
	journal_begin(b);
	put(b, JOURNAL_ADD, "new", DNS_TYPE_A, 60, "192.0.2.1");
	put(b, JOURNAL_REMOVE, "old", DNS_TYPE_A, 300, "192.0.2.9");
	assert_int_equal(journal_end(b, &h, 101), OK);
	journal_begin(b);
	put(b, JOURNAL_ADD, "passing", DNS_TYPE_A, 60, "192.0.2.2");
	assert_int_equal(journal_end(b, &h, 102), OK);
	journal_begin(b);
	put(b, JOURNAL_REMOVE, "passing", DNS_TYPE_A, 60, "192.0.2.2");
	put(b, JOURNAL_ADD, "new", DNS_TYPE_MX, 60, "10 Mail");
	assert_int_equal(journal_end(b, &h, 103), OK);
}

static unsigned entries_of(struct span bytes, size_t *ret_whole)
{
	struct journal_reader jr;
	struct journal_entry e;
	struct journal_change c;
	unsigned n = 0;
	*ret_whole = 0;
	if (journal_open(bytes, &jr))
		return 0;
	while (journal_next(&jr, &e)) {
		n++;
		while (journal_change_next(&e, &c))
			assert_true(c.op <= JOURNAL_ADD);
	}
	assert_true(jr.whole <= bytes.len);
	*ret_whole = jr.whole;
	return n;
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	struct journal_batch b = {0};
	struct journal_reader jr;
	struct journal_entry e;
	struct journal_change c;
	sample(&b);
	assert_int_equal(journal_open(span_of(b.data, b.len), &jr), OK);
	assert_int_equal(jr.head.file_serial, 100);
	assert_true(journal_next(&jr, &e));
	assert_int_equal(e.serial, 101);
	assert_true(journal_change_next(&e, &c));
	assert_int_equal(c.op, JOURNAL_ADD);
	assert_int_equal(c.ttl_s, 60);
	assert_memory_equal(c.rdata.data, "\xc0\0\2\1", 4);
	assert_true(journal_change_next(&e, &c));
	assert_int_equal(c.op, JOURNAL_REMOVE);
	assert_false(journal_change_next(&e, &c));
	assert_int_equal(reader_check(&e.changes), OK);
	assert_true(journal_next(&jr, &e) && journal_next(&jr, &e));
	assert_int_equal(e.serial, 103);
	assert_false(journal_next(&jr, &e));
	assert_int_equal(jr.whole, b.len);
	journal_batch_done(&b);
}

static void an_entry_that_is_taken_back_leaves_nothing(void **state)
{
	(void)state;
	struct journal_batch b = {0};
	sample(&b);
	size_t len = b.len;
	journal_begin(&b);
	put(&b, JOURNAL_ADD, "x", DNS_TYPE_A, 1, "192.0.2.3");
	journal_cancel(&b);
	assert_int_equal(b.len, len);
	journal_batch_done(&b);
}

/* Each cut of the file keeps the entries before it, and each flipped bit those before the flip. */
static void a_torn_end_is_found_wherever_it_is_torn(void **state)
{
	(void)state;
	struct journal_batch b = {0};
	size_t whole, ends[4] = {0};
	sample(&b);
	for (size_t len = 0; len <= b.len; len++) {
		unsigned n = entries_of(span_of(b.data, len), &whole);
		if (whole == len)
			ends[n] = len;
		assert_true(whole == 0 || whole == ends[n]);
	}
	assert_int_equal(ends[3], b.len);
	for (size_t bit = ends[1] * 8; bit < b.len * 8; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		unsigned n = entries_of(span_of(b.data, b.len), &whole);
		assert_int_equal(n, bit / 8 < ends[2] ? 1 : 2);
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	journal_batch_done(&b);
}

static void call(const uint8_t *data, size_t len)
{
	size_t whole;
	(void)entries_of(span_of(data, len), &whole);
}

static void stays_within_every_prefix_and_flip(void **state)
{
	(void)state;
	struct journal_batch b = {0};
	sample(&b);
	guard_every_prefix(b.data, b.len, call);
	guard_every_bit_flip(b.data, b.len, call);
	journal_batch_done(&b);
}

/* --- what it comes to --- */

static void read_into(struct ledger *l, const struct journal_batch *b)
{
	struct journal_reader jr;
	ledger_init(l, table_key);
	assert_int_equal(journal_open(span_of(b->data, b->len), &jr), OK);
	assert_int_equal(ledger_read(l, &jr), OK);
}

static unsigned count(const struct ledger *l, bool plus)
{
	unsigned n = 0;
	for (const struct ledger_record *r = l->first; r; r = r->next)
		n += plus ? r->plus : r->minus;
	return n;
}

static void changes_that_undo_each_other_leave_nothing(void **state)
{
	(void)state;
	struct journal_batch b = {0}, again = {0};
	struct ledger l, second;
	struct dns_name apex = named("@");
	struct journal_head h = head_of(100);
	sample(&b);
	read_into(&l, &b);
	assert_int_equal(count(&l, true), 2);
	assert_int_equal(count(&l, false), 1);
	assert_int_equal(l.serial, 103);
	/* Names in rdata are the same in any case. */
	assert_non_null(ledger_find(&l,
				    dns_name_span(&(struct dns_name){18, "\3new\7example\4test"}),
				    DNS_TYPE_MX, span_of("\0\12\4mAIL\7example\4TEST\0", 21)));
	/* Written as one entry it comes to the same. */
	journal_put_head(&again, &h);
	journal_begin(&again);
	ledger_write(&l, &apex, &again);
	assert_int_equal(journal_end(&again, &h, l.serial), OK);
	assert_true(again.len < b.len);
	read_into(&second, &again);
	assert_int_equal(count(&second, true), 2);
	assert_int_equal(count(&second, false), 1);
	assert_int_equal(second.serial, 103);
	ledger_done(&second);
	ledger_done(&l);
	journal_batch_done(&again);
	journal_batch_done(&b);
}

static void another_ttl_takes_the_old_record_away(void **state)
{
	(void)state;
	struct journal_batch b = {0};
	struct journal_head h = head_of(100);
	struct ledger l;
	journal_put_head(&b, &h);
	journal_begin(&b);
	put(&b, JOURNAL_REMOVE, "old", DNS_TYPE_A, 300, "192.0.2.9");
	put(&b, JOURNAL_ADD, "old", DNS_TYPE_A, 60, "192.0.2.9");
	assert_int_equal(journal_end(&b, &h, 101), OK);
	read_into(&l, &b);
	assert_true(l.first->plus && l.first->minus);
	ledger_done(&l);
	/* And back. */
	journal_begin(&b);
	put(&b, JOURNAL_REMOVE, "old", DNS_TYPE_A, 60, "192.0.2.9");
	put(&b, JOURNAL_ADD, "old", DNS_TYPE_A, 300, "192.0.2.9");
	assert_int_equal(journal_end(&b, &h, 102), OK);
	read_into(&l, &b);
	assert_false(l.first->plus || l.first->minus);
	ledger_done(&l);
	journal_batch_done(&b);
}

/* --- with the zone file --- */

#define FILE_TEXT                                                                                  \
	"@ 3600 IN SOA ns host %u 2 3 4 60\n@ 3600 IN NS ns\nns 3600 IN A 192.0.2.53\n"            \
	"old 300 IN A 192.0.2.9\n"

struct merged {
	struct ask *ask;
	struct zone_merge how;
};

static struct merged merge(uint32_t file_serial, const char *more)
{
	struct merged m = {.ask = ask_new()};
	struct journal_batch b = {0};
	struct ledger l;
	struct zone *file = NULL, *z = NULL;
	char text[2048];
	(void)snprintf(text, sizeof(text), FILE_TEXT "%s", file_serial, more);
	if (ask_load(m.ask, "example.test.", text, true, &file))
		fail_msg("%s", m.ask->problems);
	sample(&b);
	read_into(&l, &b);
	assert_int_equal(zone_merge(file, &l, 100, NULL, &m.how, &z), OK);
	assert_int_equal(zones_add(m.ask->set, &z->origin, z, NULL, 0), OK);
	zone_unref(file);
	ledger_done(&l);
	journal_batch_done(&b);
	return m;
}

static bool has(struct merged *m, const char *name, const char *type, const char *value)
{
	return strstr(ask(m->ask, name, type, 0), value) != NULL;
}

static void an_unchanged_file_and_its_journal_make_what_was_served(void **state)
{
	(void)state;
	struct merged m = merge(100, "");
	assert_false(m.how.edited);
	assert_int_equal(m.how.serial, 103);
	assert_true(has(&m, "new.example.test.", "A", "192.0.2.1"));
	assert_true(has(&m, "old.example.test.", "A", "NXDOMAIN"));
	assert_true(has(&m, "passing.example.test.", "A", "NXDOMAIN"));
	assert_true(has(&m, "example.test.", "SOA", " 103 2 3 4 60"));
	ask_free(m.ask);
}

static void an_edited_file_overrules_and_additions_stay(void **state)
{
	(void)state;
	struct merged m = merge(200, "other 300 IN A 192.0.2.8\n");
	assert_true(m.how.edited);
	assert_int_equal(m.how.serial, 200);
	assert_int_equal(m.how.kept, 2);
	assert_true(has(&m, "new.example.test.", "A", "192.0.2.1"));
	assert_true(has(&m, "old.example.test.", "A", "192.0.2.9")); /* the file says so */
	ask_free(m.ask);
	/* What the file has at the name decides what may stand beside it. */
	m = merge(200, "new 300 IN CNAME ns\n");
	assert_int_equal(m.how.dropped, 2);
	assert_true(has(&m, "new.example.test.", "CNAME", "ns.example.test."));
	ask_free(m.ask);
}

static void the_serial_never_falls_behind_what_was_served(void **state)
{
	(void)state;
	/* Edited, with a serial that is not above the one that updates reached. */
	struct merged m = merge(102, "");
	assert_int_equal(m.how.serial, 104);
	ask_free(m.ask);
	m = merge(50, "");
	assert_int_equal(m.how.serial, 104);
	ask_free(m.ask);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_torn_end_is_found_wherever_it_is_torn),
		cmocka_unit_test(stays_within_every_prefix_and_flip),
		cmocka_unit_test(an_entry_that_is_taken_back_leaves_nothing),
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(changes_that_undo_each_other_leave_nothing),
		cmocka_unit_test(another_ttl_takes_the_old_record_away),
		cmocka_unit_test(an_unchanged_file_and_its_journal_make_what_was_served),
		cmocka_unit_test(an_edited_file_overrules_and_additions_stay),
		cmocka_unit_test(the_serial_never_falls_behind_what_was_served),
	};
	return cmocka_run_group_tests_name("authority_journal", tests, NULL, NULL);
}
