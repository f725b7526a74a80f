#include "proto/dns/name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t seed = 0x243f6a8885a308d3u;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

/* text must be a right name. */
static struct dns_name named(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text_case(span_text(text), NULL, &n), OK);
	return n;
}

static void assert_name(const struct dns_name *n, const char *text)
{
	char buf[DNS_NAME_TEXT_MAX];
	assert_string_equal(dns_name_format(n, buf), text);
}

/* Few different octets, so that names share suffixes and cases. */
static struct dns_name draw_name(void)
{
	static const uint8_t octets[] = {'a', 'A', 'b', 'Z', 'z', '[', '@', 0, 0xc1, '.', '0'};
	struct dns_name n = DNS_NAME_ROOT;
	unsigned labels = draw(5);
	for (unsigned i = 0; i < labels; i++) {
		uint8_t label[DNS_LABEL_MAX];
		size_t len = draw(8) ? 1 + draw(3) : 1 + draw(20);
		for (size_t j = 0; j < len; j++)
			label[j] = octets[draw(sizeof(octets))];
		assert_int_equal(dns_name_prepend_label(span_of(label, len), &n, &n), OK);
	}
	return n;
}

/* --- from bytes --- */

/* The message of RFC 1035 4.1.4; what stands between its names is zeros. */
static const uint8_t rfc1035[93] = {
	[20] = 1, 'F',	    3,	 'I', 'S', 'I',	 4,  'A',	  'R', 'P',	 'A',
	0,	  [40] = 3, 'F', 'O', 'O', 0xc0, 20, [64] = 0xc0, 26,  [92] = 0,
};

static void reads_the_names_of_rfc_1035_4_1_4(void **state)
{
	(void)state;
	static const struct {
		size_t at, end;
		const char *cased, *lower;
	} want[] = {
		{20, 32, "F.ISI.ARPA.", "f.isi.arpa."},
		{40, 46, "FOO.F.ISI.ARPA.", "foo.f.isi.arpa."},
		{64, 66, "ARPA.", "arpa."},
		{92, 93, ".", "."},
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct reader message = reader_of(rfc1035, sizeof(rfc1035)), r = message;
		struct dns_name n;
		r.pos = want[i].at;
		assert_int_equal(dns_name_read_case(&r, message, &n), OK);
		assert_name(&n, want[i].cased);
		assert_int_equal(r.pos, want[i].end);
		r.pos = want[i].at;
		assert_int_equal(dns_name_read(&r, message, &n), OK);
		assert_name(&n, want[i].lower);
		r.pos = want[i].at;
		assert_int_equal(dns_name_check(&r, message), OK);
		assert_int_equal(r.pos, want[i].end);
		r.pos = want[i].at;
		dns_name_skip(&r);
		assert_int_equal(r.pos, want[i].end);
		assert_false(r.bad);
	}
}

/* A sub-reader's positions are not the message's: rdata is read so. */
static void follows_pointers_from_a_sub_reader(void **state)
{
	(void)state;
	struct reader message = reader_of(rfc1035, sizeof(rfc1035)), r = message;
	r.pos = 40;
	struct reader sub = reader_sub(&r, 6);
	struct dns_name n;
	assert_int_equal(dns_name_read(&sub, message, &n), OK);
	assert_name(&n, "foo.f.isi.arpa.");
	assert_int_equal(reader_end(&sub), OK);
}

static void assert_refused(const uint8_t *bytes, size_t len, size_t at)
{
	struct reader message = reader_of(bytes, len), r = message;
	struct dns_name n = DNS_NAME_ROOT;
	r.pos = at;
	assert_int_equal(dns_name_read(&r, message, &n), ERR_FORMAT);
	assert_true(r.bad);
	assert_name(&n, ".");
	r = message;
	r.pos = at;
	assert_int_equal(dns_name_check(&r, message), ERR_FORMAT);
}

static void refuses_pointers_that_do_not_go_backwards(void **state)
{
	(void)state;
	uint8_t itself[20] = {[12] = 0xc0, 12};
	assert_refused(itself, sizeof(itself), 12);
	uint8_t forward[20] = {[12] = 0xc0, 14, 1, 'a', 0};
	assert_refused(forward, sizeof(forward), 12);
	uint8_t to_own_label[20] = {[12] = 1, 'a', 0xc0, 12};
	assert_refused(to_own_label, sizeof(to_own_label), 12);
	uint8_t loop[20] = {[12] = 1, 'a', 0xc0, 16, 1, 'b', 0xc0, 12};
	assert_refused(loop, sizeof(loop), 16);
	/* Each pointer goes before where the name began, and yet they never end. */
	uint8_t circle[24] = {[12] = 0xc0, 14, 0xc0, 12, [20] = 0xc0, 12};
	assert_refused(circle, sizeof(circle), 20);
	uint8_t into_header[20] = {[2] = 1, 'a', 0, [12] = 0xc0, 2};
	assert_refused(into_header, sizeof(into_header), 12);
}

static void refuses_what_is_torn_or_no_label(void **state)
{
	(void)state;
	uint8_t torn_label[] = {[12] = 3, 'a', 'b'};
	assert_refused(torn_label, sizeof(torn_label), 12);
	uint8_t torn_name[] = {[12] = 2, 'a', 'b'};
	assert_refused(torn_name, sizeof(torn_name), 12);
	uint8_t torn_pointer[] = {[12] = 0, 0xc0};
	assert_refused(torn_pointer, sizeof(torn_pointer), 13);
	/* RFC 6891 5: extended labels are history. */
	uint8_t extended[] = {[12] = 0x41, 0, 0};
	assert_refused(extended, sizeof(extended), 12);
	uint8_t reserved[80] = {[12] = 0x80, 0};
	assert_refused(reserved, sizeof(reserved), 12);
	assert_refused(reserved, sizeof(reserved), sizeof(reserved));
}

static void refuses_more_than_255_octets(void **state)
{
	(void)state;
	/* 127 labels of one octet make 255; behind a pointer to them one more label does not fit.
	 */
	uint8_t m[12 + 255 + 4] = {0};
	for (size_t i = 0; i < 127; i++) {
		m[12 + 2 * i] = 1;
		m[13 + 2 * i] = 'x';
	}
	m[267] = 1;
	m[268] = 'y';
	m[269] = 0xc0;
	m[270] = 12;
	struct reader message = reader_of(m, sizeof(m)), r = message;
	struct dns_name n;
	r.pos = 12;
	assert_int_equal(dns_name_read(&r, message, &n), OK);
	assert_int_equal(n.len, 255);
	assert_int_equal(dns_name_labels(&n), DNS_LABELS_MAX);
	assert_int_equal(dns_name_wire_len(span_of(m + 12, 255)), 255);
	assert_refused(m, sizeof(m), 267);
	m[270] = 14;
	r.pos = 267;
	assert_int_equal(dns_name_read(&r, message, &n), OK);
	assert_int_equal(n.len, 255);
	m[266] = 1; /* one label more where the root was */
	assert_refused(m, sizeof(m), 12);
	assert_int_equal(dns_name_wire_len(span_of(m + 12, sizeof(m) - 12)), 0);
	r.pos = 12;
	r.bad = false;
	dns_name_skip(&r);
	assert_true(r.bad);
}

static void reads_a_chain_of_pointers(void **state)
{
	(void)state;
	uint8_t m[12 + 2 * 100 + 1] = {0};
	for (size_t i = 0; i < 100; i++) {
		m[13 + 2 * i] = 0xc0;
		m[14 + 2 * i] = (uint8_t)(i ? 11 + 2 * i : 12);
	}
	struct reader message = reader_of(m, sizeof(m)), r = message;
	struct dns_name n;
	r.pos = 12 + 2 * 100 - 1;
	assert_int_equal(dns_name_read(&r, message, &n), OK);
	assert_int_equal(n.len, 1);
}

static void takes_wire_form_only_when_it_is_one_whole_name(void **state)
{
	(void)state;
	struct dns_name n = DNS_NAME_ROOT;
	assert_int_equal(dns_name_from_wire(span_of("\1A\2bC", 6), &n), OK);
	assert_name(&n, "a.bc.");
	assert_int_equal(dns_name_from_wire(span_of("\1a\0x", 4), &n), ERR_FORMAT);
	assert_int_equal(dns_name_from_wire(span_of("\1a", 2), &n), ERR_FORMAT);
	assert_int_equal(dns_name_from_wire(span_of("\xc0\x0c", 3), &n), ERR_FORMAT);
	assert_int_equal(dns_name_from_wire((struct span){0}, &n), ERR_FORMAT);
	struct reader r = reader_of("\1A\0z", 4);
	assert_int_equal(dns_name_read_plain(&r, &n), OK);
	assert_name(&n, "A.");
	assert_int_equal(r.pos, 3);
	assert_int_equal(dns_name_read_plain(&r, &n), ERR_FORMAT);
}

static void lowers_ascii_letters_and_nothing_else(void **state)
{
	(void)state;
	for (size_t len = 0; len < 40; len++) {
		for (unsigned c = 0; c < 256; c++) {
			uint8_t in[40], out[41];
			memset(in, (int)c, sizeof(in));
			memset(out, 0x55, sizeof(out));
			dns_octets_lower(out, in, len);
			uint8_t want = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
			for (size_t i = 0; i < len; i++)
				assert_int_equal(out[i], want);
			assert_int_equal(out[len], 0x55);
			dns_octets_lower(in, in, len);
			assert_memory_equal(in, out, len);
		}
	}
}

/* --- comparison --- */

static uint8_t slow_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* The labels of n, last first, without the root. */
static unsigned slow_labels(const struct dns_name *n, struct span ret[DNS_LABELS_MAX])
{
	unsigned count = 0;
	for (size_t at = 0; n->wire[at]; at += 1u + n->wire[at])
		count++;
	size_t at = 0;
	for (unsigned i = count; i-- > 0; at += 1u + n->wire[at])
		ret[i] = span_of(n->wire + at + 1, n->wire[at]);
	return count;
}

static int slow_compare_label(struct span a, struct span b)
{
	for (size_t i = 0; i < a.len || i < b.len; i++) {
		if (i == a.len || i == b.len)
			return i == a.len ? -1 : 1;
		int d = slow_lower(a.data[i]) - slow_lower(b.data[i]);
		if (d)
			return d;
	}
	return 0;
}

static int slow_compare(const struct dns_name *a, const struct dns_name *b, unsigned *ret_common)
{
	struct span la[DNS_LABELS_MAX], lb[DNS_LABELS_MAX];
	unsigned na = slow_labels(a, la), nb = slow_labels(b, lb), i = 0;
	int d = 0;
	while (i < na && i < nb && (d = slow_compare_label(la[i], lb[i])) == 0)
		i++;
	*ret_common = i;
	return d ? d : (int)na - (int)nb;
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void orders_the_example_of_rfc_4034_6_1(void **state)
{
	(void)state;
	static const char *const names[] = {
		"example.",	    "a.example.",      "yljkjljk.a.example.",
		"Z.a.example.",	    "zABC.a.EXAMPLE.", "z.example.",
		"\\001.z.example.", "*.z.example.",    "\\200.z.example.",
	};
	for (size_t i = 0; i < 9; i++) {
		for (size_t j = 0; j < 9; j++) {
			struct dns_name a = named(names[i]), b = named(names[j]);
			int got = dns_name_compare(dns_name_span(&a), dns_name_span(&b));
			assert_int_equal(sign(got), sign((int)i - (int)j));
		}
	}
}

static void compares_as_the_slow_way_does(void **state)
{
	(void)state;
	unsigned equal = 0, under = 0;
	for (int i = 0; i < 200000; i++) {
		struct dns_name a = draw_name(), b = draw_name();
		struct span sa = dns_name_span(&a), sb = dns_name_span(&b);
		unsigned common;
		int want = slow_compare(&a, &b, &common);
		assert_int_equal(sign(dns_name_compare(sa, sb)), sign(want));
		assert_int_equal(dns_name_equal_nocase(sa, sb), want == 0);
		assert_int_equal(dns_name_common_labels(sa, sb), common);
		bool is_under = common == dns_name_labels(&b);
		assert_int_equal(dns_name_is_under_nocase(sa, sb), is_under);
		dns_name_lower(&a);
		dns_name_lower(&b);
		assert_int_equal(dns_name_is_under(&a, &b), is_under);
		assert_int_equal(dns_name_equal(&a, &b), want == 0);
		equal += want == 0;
		under += is_under;
	}
	assert_true(equal > 100 && under > equal); /* the draw tries both outcomes */
}

static void one_octet_anywhere_makes_names_differ(void **state)
{
	(void)state;
	for (size_t len = 1; len <= DNS_LABEL_MAX; len++) {
		uint8_t a[DNS_LABEL_MAX + 2] = {0}, b[DNS_LABEL_MAX + 2] = {0};
		a[0] = b[0] = (uint8_t)len;
		memset(a + 1, 'x', len);
		memset(b + 1, 'X', len);
		assert_true(dns_name_equal_nocase(span_of(a, len + 2), span_of(b, len + 2)));
		for (size_t i = 1; i <= len; i++) {
			b[i] = 'Y';
			assert_false(
				dns_name_equal_nocase(span_of(a, len + 2), span_of(b, len + 2)));
			b[i] = 'X';
		}
	}
}

static void is_under_only_at_a_label(void **state)
{
	(void)state;
	struct dns_name child = named("\\007example.com."), parent = named("example.com.");
	assert_false(dns_name_is_under(&child, &parent));
	assert_false(dns_name_is_under_nocase(dns_name_span(&child), dns_name_span(&parent)));
	assert_true(dns_name_is_under(&parent, &parent));
	assert_false(dns_name_is_under(&DNS_NAME_ROOT, &parent));
	assert_true(dns_name_is_under(&parent, &DNS_NAME_ROOT));
}

/* --- labels --- */

static void cuts_labels_off_the_front(void **state)
{
	(void)state;
	struct dns_name n = named("a.bc.def."), ret;
	assert_int_equal(dns_name_labels(&n), 3);
	uint8_t offsets[DNS_LABELS_MAX + 1];
	assert_int_equal(dns_name_offsets(dns_name_span(&n), offsets), 4);
	assert_memory_equal(offsets, "\0\2\5\x09", 4);
	for (unsigned i = 0; i <= 3; i++) {
		static const char *const want[] = {".", "def.", "bc.def.", "a.bc.def."};
		dns_name_suffix(&n, i, &ret);
		assert_name(&ret, want[i]);
	}
	static const char *const parents[] = {"bc.def.", "def.", "."};
	for (size_t i = 0; i < 3; i++) {
		assert_true(dns_name_parent(&n, &n));
		assert_name(&n, parents[i]);
	}
	assert_false(dns_name_parent(&n, &n));
	assert_name(&n, ".");
	assert_int_equal(dns_name_parent_span(dns_name_span(&n)).len, 0);
}

static void puts_labels_in_front_up_to_255_octets(void **state)
{
	(void)state;
	struct dns_name n = named("example."), w;
	assert_int_equal(dns_name_wildcard(&n, &w), OK);
	assert_name(&w, "*.example.");
	assert_true(dns_name_is_wildcard(dns_name_span(&w)));
	assert_false(dns_name_is_wildcard(dns_name_span(&n)));
	assert_int_equal(dns_name_prepend_label(span_text(""), &n, &w), ERR_FORMAT);
	uint8_t label[64] = {0};
	assert_int_equal(dns_name_prepend_label(span_of(label, 64), &n, &w), ERR_FORMAT);
	n = DNS_NAME_ROOT;
	for (int i = 0; i < 3; i++)
		assert_int_equal(dns_name_prepend_label(span_of(label, 63), &n, &n), OK);
	assert_int_equal(dns_name_prepend_label(span_of(label, 62), &n, &w), ERR_LIMIT);
	assert_int_equal(dns_name_prepend_label(span_of(label, 61), &n, &n), OK);
	assert_int_equal(n.len, 255);
	assert_int_equal(dns_name_wildcard(&n, &w), ERR_LIMIT);
	assert_name(&w, "*.example.");
}

static void replaces_suffixes_as_rfc_6672_2_2_shows(void **state)
{
	(void)state;
	/* The table of RFC 6672 2.2: QNAME, owner, target, result. */
	static const char *const rows[][4] = {
		{"cyc.example.com.", "example.com.", "c.example.com.", "cyc.c.example.com."},
		{"a.example.com.", "example.com.", "example.net.", "a.example.net."},
		{"a.b.example.com.", "example.com.", "example.net.", "a.b.example.net."},
		{"foo.example.com.", "example.com.", "example.net.", "foo.example.net."},
		{"a.x.example.com.", "x.example.com.", "example.net.", "a.example.net."},
		{"a.example.com.", "example.com.", "y.example.net.", "a.y.example.net."},
		{"cyc.example.com.", "example.com.", "example.com.", "cyc.example.com."},
		{"shortloop.x.x.", "x.", ".", "shortloop.x."},
		{"shortloop.x.", "x.", ".", "shortloop."},
	};
	struct dns_name ret;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_name n = named(rows[i][0]), from = named(rows[i][1]);
		struct dns_name to = named(rows[i][2]);
		assert_int_equal(dns_name_replace_suffix(&n, &from, &to, &ret), OK);
		assert_name(&ret, rows[i][3]);
	}
	uint8_t label[63] = {0};
	struct dns_name n = DNS_NAME_ROOT, root = DNS_NAME_ROOT;
	for (int i = 0; i < 3; i++)
		assert_int_equal(dns_name_prepend_label(span_of(label, 63), &n, &n), OK);
	struct dns_name to = named("b.");
	assert_int_equal(dns_name_prepend_label(span_of(label, 60), &to, &to), OK);
	assert_int_equal(dns_name_replace_suffix(&n, &root, &to, &ret), ERR_LIMIT);
	assert_int_equal(dns_name_parent(&to, &to), true);
	assert_int_equal(dns_name_prepend_label(span_of(label, 58), &to, &to), OK);
	assert_int_equal(dns_name_replace_suffix(&n, &root, &to, &ret), OK);
	assert_int_equal(ret.len, 254);
}

static void knows_host_names(void **state)
{
	(void)state;
	static const char *const good[] = {"www.example.com.", "3com.com.", "a-b.c.",
					   "xn--a.",	       "1.2.3.4.",  "A."};
	static const char *const bad[] = {".",	    "*.a.", "_sip._tcp.a.", "-a.b.",	 "a-.b.",
					  "a.-.b.", "a b.", "a\\.b.",	    "b\\252.c.", "a.b-."};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct dns_name n = named(good[i]);
		assert_true(dns_name_is_host_name(dns_name_span(&n)));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dns_name n = named(bad[i]);
		assert_false(dns_name_is_host_name(dns_name_span(&n)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_pointers_that_do_not_go_backwards),
		cmocka_unit_test(refuses_what_is_torn_or_no_label),
		cmocka_unit_test(refuses_more_than_255_octets),
		cmocka_unit_test(reads_the_names_of_rfc_1035_4_1_4),
		cmocka_unit_test(follows_pointers_from_a_sub_reader),
		cmocka_unit_test(reads_a_chain_of_pointers),
		cmocka_unit_test(takes_wire_form_only_when_it_is_one_whole_name),
		cmocka_unit_test(lowers_ascii_letters_and_nothing_else),
		cmocka_unit_test(orders_the_example_of_rfc_4034_6_1),
		cmocka_unit_test(compares_as_the_slow_way_does),
		cmocka_unit_test(one_octet_anywhere_makes_names_differ),
		cmocka_unit_test(is_under_only_at_a_label),
		cmocka_unit_test(cuts_labels_off_the_front),
		cmocka_unit_test(puts_labels_in_front_up_to_255_octets),
		cmocka_unit_test(replaces_suffixes_as_rfc_6672_2_2_shows),
		cmocka_unit_test(knows_host_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
