#include "proto/dns/build.h"
#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t buf[DNS_MESSAGE_MAX];
static struct dns_build b;

static uint64_t seed = 0x13198a2e03707344u;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

static struct dns_name named(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text_case(span_text(text), NULL, &n), OK);
	return n;
}

static void begin(size_t limit, const char *qname, uint16_t type)
{
	struct dns_name n = named(qname);
	dns_build_init(&b, buf, limit, 0x1234, DNS_FLAG_QR);
	dns_build_question(&b, dns_name_span(&n), type, DNS_CLASS_IN);
}

static bool add(enum dns_section section, const char *owner, uint16_t type, struct span rdata)
{
	struct dns_name n = named(owner);
	return dns_build_record(&b, section, dns_name_span(&n), type, DNS_CLASS_IN, 60, rdata);
}

static bool add_name(enum dns_section section, const char *owner, uint16_t type, const char *name)
{
	struct dns_name n = named(name);
	return add(section, owner, type, dns_name_span(&n));
}

static const struct span address = {(const uint8_t *)"\xc0\0\2\1", 4};

/* --- compression --- */

static void writes_the_names_of_rfc_1035_4_1_4(void **state)
{
	(void)state;
	dns_build_init(&b, buf, 512, 0, 0);
	(void)writer_reserve(&b.w, 8); /* F.ISI.ARPA at 20 */
	struct dns_name n = named("F.ISI.ARPA.");
	assert_int_equal(dns_build_name(&b, dns_name_span(&n)), 20);
	(void)writer_reserve(&b.w, 8);
	n = named("FOO.F.ISI.ARPA.");
	assert_int_equal(dns_build_name(&b, dns_name_span(&n)), 40);
	n = named("arpa.");
	assert_int_equal(dns_build_name(&b, dns_name_span(&n)), 26);
	assert_int_equal(dns_build_name(&b, dns_name_span(&DNS_NAME_ROOT)), 0);
	assert_memory_equal(buf + 20, "\1F\3ISI\4ARPA\0", 12);
	assert_memory_equal(buf + 40, "\3FOO\xc0\x14\xc0\x1a\0", 9);
	assert_int_equal(b.w.pos, 49);
}

static void the_owner_that_is_asked_for_is_a_pointer_to_the_question(void **state)
{
	(void)state;
	begin(512, "wWw.Example.", DNS_TYPE_A);
	size_t at = b.w.pos;
	assert_true(add(DNS_ANSWER, "www.exAMPLE.", DNS_TYPE_A, address));
	assert_memory_equal(buf + at, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 16);
	struct dns_build_rrset s =
		dns_build_rrset_begin_at(&b, DNS_ANSWER, dns_build_question_at(&b, b.question_len),
					 DNS_TYPE_A, DNS_CLASS_IN, 60);
	dns_build_rrset_add(&b, &s, address);
	assert_true(dns_build_rrset_end(&b, &s));
	assert_memory_equal(buf + at, buf + at + 16, 16);
	assert_int_equal(dns_build_question_at(&b, 9), 16); /* example. */
	assert_int_equal(dns_build_question_at(&b, 1), 0);
	struct span m = dns_build_finish(&b);
	assert_int_equal(m.len, at + 32);
	assert_memory_equal(m.data, "\x12\x34\x80\0\0\1\0\2\0\0\0\0", 12);
}

static void compresses_rdata_of_rfc_1035_types_only(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		struct span rdata;
		size_t len; /* after compression against www.example. */
	} rows[] = {
		{DNS_TYPE_NS, {(const uint8_t *)"\1a\7example", 11}, 4},
		{DNS_TYPE_CNAME, {(const uint8_t *)"\7example", 9}, 2},
		{DNS_TYPE_PTR, {(const uint8_t *)"\3WWW\7example", 13}, 2},
		{DNS_TYPE_MX, {(const uint8_t *)"\0\x0a\1a\7example", 13}, 6},
		{DNS_TYPE_MINFO, {(const uint8_t *)"\1a\7example\0\1b\7example", 22}, 8},
		{DNS_TYPE_SOA,
		 {(const uint8_t *)"\1a\7example\0\1b\7example\0"
				   "1111222233334444555",
		  42},
		 28},
		{DNS_TYPE_DNAME, {(const uint8_t *)"\7example", 9}, 9},
		{DNS_TYPE_SRV, {(const uint8_t *)"\0\1\0\1\0\1\7example", 15}, 15},
		{DNS_TYPE_RP, {(const uint8_t *)"\7example\0\7example", 18}, 18},
		{DNS_TYPE_A, {(const uint8_t *)"\7exa", 4}, 4},
		{65280, {(const uint8_t *)"\7example", 9}, 9},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(512, "www.example.", rows[i].type);
		size_t at = b.w.pos;
		assert_true(add(DNS_ANSWER, "www.example.", rows[i].type, rows[i].rdata));
		assert_int_equal(b.w.pos - at, 12 + rows[i].len);
		assert_int_equal(buf[at + 11], rows[i].len);
	}
}

/* What a compressor with no index would give: the longest suffix that any name before has. */
struct slow {
	size_t len;
	struct {
		struct dns_name name;
		size_t at;
	} names[64];
};

static size_t slow_cost(struct slow *s, const struct dns_name *n, size_t at)
{
	unsigned best = 0;
	for (size_t i = 0; i < s->len; i++) {
		unsigned common =
			dns_name_common_labels(dns_name_span(n), dns_name_span(&s->names[i].name));
		if (common > best)
			best = common;
	}
	s->names[s->len].name = *n;
	s->names[s->len++].at = at;
	size_t kept = n->len - dns_name_suffix_span(dns_name_span(n), best).len;
	return kept + (best ? 2 : 1);
}

static struct dns_name draw_name(void)
{
	struct dns_name n = DNS_NAME_ROOT;
	unsigned labels = draw(5);
	for (unsigned i = 0; i < labels; i++) {
		static const char *const words[] = {
			"a",   "A", "b", "ns1", "NS1", "example", "averyveryverylonglabel",
			"com", "co"};
		assert_int_equal(dns_name_prepend_label(span_text(words[draw(9)]), &n, &n), OK);
	}
	return n;
}

static void is_as_short_as_the_slow_way_and_reads_back(void **state)
{
	(void)state;
	static struct slow slow;
	for (int round = 0; round < 3000; round++) {
		slow.len = 0;
		size_t starts[32];
		dns_build_init(&b, buf, sizeof(buf), 0, 0);
		for (size_t i = 0; i < 32; i++) {
			struct dns_name n = draw_name();
			starts[i] = b.w.pos;
			size_t cost = slow_cost(&slow, &n, b.w.pos);
			uint16_t at = dns_build_name(&b, dns_name_span(&n));
			assert_int_equal(b.w.pos - starts[i], cost);
			assert_true((at == 0) == (n.len == 1));
		}
		struct reader message = reader_of_span(writer_span(&b.w));
		for (size_t i = 0; i < 32; i++) {
			struct reader r = message;
			struct dns_name back;
			r.pos = starts[i];
			assert_int_equal(dns_name_read_case(&r, message, &back), OK);
			assert_true(dns_name_equal_nocase(dns_name_span(&back),
							  dns_name_span(&slow.names[i].name)));
		}
	}
}

/* Names that no index holds and no pointer reaches are still right. */
static void stays_right_past_the_index_and_past_the_pointers(void **state)
{
	(void)state;
	dns_build_init(&b, buf, sizeof(buf), 0, 0);
	size_t starts[4000], count = 0;
	struct dns_name names[2] = {named("com."), named("example.net.")};
	for (; count < 4000 && writer_left(&b.w) > 300; count++) {
		uint8_t label[8];
		for (size_t i = 0; i < sizeof(label); i++)
			label[i] = (uint8_t)('a' + (count >> 4 * i) % 16);
		struct dns_name n;
		assert_int_equal(dns_name_prepend_label(span_of(label, 8), &names[count % 2], &n),
				 OK);
		starts[count] = b.w.pos;
		uint16_t at = dns_build_name(&b, dns_name_span(&n));
		assert_true(at <= DNS_BUILD_POINTER_MAX);
		if (starts[count] <= DNS_BUILD_POINTER_MAX)
			assert_int_not_equal(at, 0);
	}
	assert_true(b.w.pos > 0x5000);
	assert_int_equal(b.suffixes_len, DNS_BUILD_SUFFIXES);
	struct reader message = reader_of_span(writer_span(&b.w));
	for (size_t i = 0; i < count; i++) {
		struct reader r = message;
		struct dns_name back;
		r.pos = starts[i];
		assert_int_equal(dns_name_read(&r, message, &back), OK);
		assert_true(dns_name_is_under(&back, &names[i % 2]));
	}
}

/* A name whose first labels can be pointed to and whose last cannot. */
static void points_to_nothing_past_16383(void **state)
{
	(void)state;
	for (size_t start = DNS_BUILD_POINTER_MAX - 20; start < DNS_BUILD_POINTER_MAX + 3;
	     start++) {
		dns_build_init(&b, buf, sizeof(buf), 0, 0);
		(void)writer_reserve(&b.w, start - b.w.pos);
		struct dns_name names[2] = {named("a.bb.ccc.example."), named("z.bb.ccc.example.")};
		size_t starts[4];
		for (size_t i = 0; i < 4; i++) {
			starts[i] = b.w.pos;
			(void)dns_build_name(&b, dns_name_span(&names[i % 2]));
		}
		struct reader message = reader_of_span(writer_span(&b.w));
		for (size_t i = 0; i < 4; i++) {
			struct reader r = message;
			struct dns_name back;
			r.pos = starts[i];
			assert_int_equal(dns_name_read(&r, message, &back), OK);
			assert_true(dns_name_equal(&back, &names[i % 2]));
		}
	}
}

/* --- whole or not at all --- */

static void drops_a_set_that_does_not_fit_and_all_that_pointed_into_it(void **state)
{
	(void)state;
	begin(512, "www.example.", DNS_TYPE_MX);
	size_t before = b.w.pos;
	struct dns_name owner = named("new.example.");
	struct dns_build_rrset s = dns_build_rrset_begin(&b, DNS_ANSWER, dns_name_span(&owner),
							 DNS_TYPE_TXT, DNS_CLASS_IN, 60);
	static const uint8_t text[200] = {199};
	for (int i = 0; i < 3; i++)
		dns_build_rrset_add(&b, &s, span_of(text, 200));
	assert_false(dns_build_rrset_end(&b, &s));
	assert_int_equal(b.w.pos, before);
	assert_int_equal(b.counts[DNS_ANSWER], 0);
	/* "new" must be written again: its first place is gone. */
	assert_true(add(DNS_ANSWER, "new.example.", DNS_TYPE_A, address));
	assert_memory_equal(buf + before, "\3new\xc0\x10", 6);
	struct dns_message m;
	assert_int_equal(dns_message_read(dns_build_finish(&b), &m), OK);
	assert_int_equal(m.header.ancount, 1);
}

static void goes_back_over_several_sets(void **state)
{
	(void)state;
	begin(512, "www.example.", DNS_TYPE_A);
	assert_true(add(DNS_ANSWER, "www.example.", DNS_TYPE_A, address));
	struct dns_build_mark mark = dns_build_mark(&b);
	struct dns_build saved = b;
	assert_true(add_name(DNS_AUTHORITY, "example.", DNS_TYPE_NS, "ns.elsewhere."));
	assert_true(add(DNS_ADDITIONAL, "ns.elsewhere.", DNS_TYPE_A, address));
	dns_build_rewind(&b, &mark);
	assert_int_equal(b.w.pos, saved.w.pos);
	assert_memory_equal(b.counts, saved.counts, sizeof(saved.counts));
	assert_int_equal(b.suffixes_len, saved.suffixes_len);
	assert_memory_equal(b.slots, saved.slots, sizeof(saved.slots));
}

/* A referral at every limit: what is in the message is whole, and the builder never writes past it.
 */
static void fits_every_limit(void **state)
{
	(void)state;
	for (size_t limit = DNS_HEADER_LEN; limit < 400; limit++) {
		struct guard g = guard_of(limit);
		struct dns_name n = named("www.example.com.");
		dns_build_init(&b, g.end - limit, limit, 1, DNS_FLAG_QR);
		dns_build_reserve(&b, DNS_OPT_LEN + 5);
		dns_build_question(&b, dns_name_span(&n), DNS_TYPE_A, DNS_CLASS_IN);
		size_t want = 0;
		struct dns_name zone = named("example.com.");
		struct dns_build_rrset s = dns_build_rrset_begin(
			&b, DNS_AUTHORITY, dns_name_span(&zone), DNS_TYPE_NS, DNS_CLASS_IN, 60);
		for (int i = 0; i < 4; i++) {
			static const char *const hosts[] = {"ns1.example.com.", "NS2.example.com.",
							    "a.b.c.example.net.",
							    "b.C.example.net."};
			struct dns_name host = named(hosts[i]);
			dns_build_rrset_add(&b, &s, dns_name_span(&host));
		}
		want += dns_build_rrset_end(&b, &s) ? 4 : 0;
		want += add(DNS_ADDITIONAL, "ns1.example.com.", DNS_TYPE_A, address);
		want += add(DNS_ADDITIONAL, "b.c.example.net.", DNS_TYPE_A, address);
		dns_build_opt(&b, 1232, 0, true, span_of("\0\3\0\1x", 5));
		struct dns_message m;
		struct span built = dns_build_finish(&b);
		assert_ptr_equal(built.data, g.end - limit);
		assert_true(built.len <= limit);
		assert_int_equal(dns_message_read(built, &m), OK);
		assert_int_equal(m.has_question, limit >= 12 + 21 + 16);
		assert_int_equal(m.edns.present, limit >= 12 + 11);
		size_t got = 0;
		struct dns_record r;
		struct dns_record_iter it = dns_record_iter_all(&m);
		while (dns_record_next(&m, &it, &r))
			got++;
		assert_int_equal(got, want);
		assert_true(limit < 230 || want == 6);
		guard_done(&g);
	}
}

static void truncation_keeps_what_is_whole(void **state)
{
	(void)state;
	begin(12 + 17 + 16 + 15, "www.example.", DNS_TYPE_A);
	assert_true(add(DNS_ANSWER, "www.example.", DNS_TYPE_A, address));
	assert_false(add(DNS_ANSWER, "www.example.", DNS_TYPE_A, address));
	dns_build_truncate(&b);
	struct dns_message m;
	assert_int_equal(dns_message_read(dns_build_finish(&b), &m), OK);
	assert_int_equal(m.header.ancount, 1);
	assert_true(m.header.flags & DNS_FLAG_TC);
	assert_true(b.truncated);
}

/* --- OPT --- */

static void opt_uses_the_room_kept_for_it(void **state)
{
	(void)state;
	begin(12 + 17 + 16 + 15, "www.example.", DNS_TYPE_A);
	dns_build_reserve(&b, 15);
	assert_true(add(DNS_ANSWER, "www.example.", DNS_TYPE_A, address));
	assert_int_equal(writer_left(&b.w), 0);
	dns_build_opt(&b, 1232, DNS_RCODE_BADCOOKIE, true, span_of("\0\3\0\0", 4));
	struct dns_message m;
	struct span built = dns_build_finish(&b);
	assert_int_equal(built.len, 12 + 17 + 16 + 15);
	assert_int_equal(dns_message_read(built, &m), OK);
	assert_int_equal(dns_message_rcode(&m), DNS_RCODE_BADCOOKIE);
	assert_int_equal(m.edns.udp_size, 1232);
	assert_true(m.edns.do_bit && m.edns.nsid);
	assert_int_equal(m.header.arcount, 1);
}

static void opt_leaves_out_options_that_do_not_fit(void **state)
{
	(void)state;
	begin(12 + 17 + 14, "www.example.", DNS_TYPE_A);
	dns_build_opt(&b, 1232, 0, false, span_of("\0\3\0\0", 4));
	struct dns_message m;
	assert_int_equal(dns_message_read(dns_build_finish(&b), &m), OK);
	assert_true(m.edns.present && !m.edns.nsid && !m.edns.do_bit);
	begin(12 + 17 + 10, "www.example.", DNS_TYPE_A);
	dns_build_opt(&b, 1232, 0, false, (struct span){0});
	assert_int_equal(dns_message_read(dns_build_finish(&b), &m), OK);
	assert_false(m.edns.present);
}

static void flags_and_rcode_can_change_until_the_end(void **state)
{
	(void)state;
	begin(512, ".", DNS_TYPE_NS);
	dns_build_set_flags(&b, DNS_FLAG_AA | DNS_FLAG_RA);
	dns_build_set_rcode(&b, DNS_RCODE_SERVFAIL);
	dns_build_set_rcode(&b, DNS_RCODE_NXDOMAIN);
	assert_true(add_name(DNS_ANSWER, ".", DNS_TYPE_NS, "a."));
	struct dns_message m;
	assert_int_equal(dns_message_read(dns_build_finish(&b), &m), OK);
	assert_int_equal(m.header.flags, DNS_FLAG_QR | DNS_FLAG_AA | DNS_FLAG_RA | 3);
	assert_true(dns_name_is_root(&m.question.name));
}

static void rdata_can_be_composed_in_place(void **state)
{
	(void)state;
	begin(512, "www.example.", DNS_TYPE_MX);
	struct dns_name owner = named("example."), host = named("mail.example.");
	struct dns_build_rrset s = dns_build_rrset_begin(&b, DNS_ANSWER, dns_name_span(&owner),
							 DNS_TYPE_MX, DNS_CLASS_IN, 60);
	size_t at = 0, start = b.w.pos;
	dns_build_rrset_add_begin(&b, &s, &at);
	write_u16(&b.w, 10);
	(void)dns_build_name(&b, dns_name_span(&host));
	dns_build_rrset_add_end(&b, &s, at);
	assert_true(dns_build_rrset_end(&b, &s));
	assert_memory_equal(buf + start, "\xc0\x10\0\x0f\0\1\0\0\0\x3c\0\x09\0\x0a\4mail\xc0\x10",
			    21);
	/* A name in full is no target of pointers. */
	dns_build_name_plain(&b, dns_name_span(&host));
	assert_int_equal(b.w.pos - start, 21 + 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_a_set_that_does_not_fit_and_all_that_pointed_into_it),
		cmocka_unit_test(goes_back_over_several_sets),
		cmocka_unit_test(fits_every_limit),
		cmocka_unit_test(truncation_keeps_what_is_whole),
		cmocka_unit_test(writes_the_names_of_rfc_1035_4_1_4),
		cmocka_unit_test(the_owner_that_is_asked_for_is_a_pointer_to_the_question),
		cmocka_unit_test(compresses_rdata_of_rfc_1035_types_only),
		cmocka_unit_test(is_as_short_as_the_slow_way_and_reads_back),
		cmocka_unit_test(stays_right_past_the_index_and_past_the_pointers),
		cmocka_unit_test(points_to_nothing_past_16383),
		cmocka_unit_test(opt_uses_the_room_kept_for_it),
		cmocka_unit_test(opt_leaves_out_options_that_do_not_fit),
		cmocka_unit_test(flags_and_rcode_can_change_until_the_end),
		cmocka_unit_test(rdata_can_be_composed_in_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
