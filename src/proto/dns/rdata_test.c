/* Rdata in and out of messages, canonical form and order, and the fields that servers act on. */
#include "proto/dns/rdata.h"

#include "proto/dns/build.h"
#include "proto/dns/name.h"
#include "proto/dns/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct dns_name origin;

/* Rdata of a text that must be right. */
static struct span made(const char *type_text, const char *text, uint8_t *buf, size_t size,
			uint16_t *ret_type)
{
	struct writer w = writer_of(buf, size);
	struct dns_text_lexer l;
	assert_true(dns_type_from_text(span_text(type_text), ret_type));
	dns_text_init(&l, span_text(text));
	assert_int_equal(dns_rdata_from_text(*ret_type, &l, &origin, &w), OK);
	return writer_span(&w);
}

/* A message: 12 zeros, the name "Example." at 12, then the bytes. */
struct sample {
	uint8_t data[512];
	size_t len, rdata_at;
};

static struct sample sampled(const char *hex)
{
	struct sample s = {.len = 0};
	struct writer w = writer_of(s.data, sizeof(s.data));
	write_u48(&w, 0);
	write_u48(&w, 0);
	write_bytes(&w, "\7Example", 9);
	s.rdata_at = w.pos;
	assert_true(dns_text_decode_all(DNS_TEXT_HEX, span_text(hex), &w));
	s.len = w.pos;
	return s;
}

static enum err from_message(uint16_t type, const struct sample *s, struct writer *w)
{
	struct reader message = reader_of(s->data, s->len);
	struct reader r = reader_of(s->data + s->rdata_at, s->len - s->rdata_at);
	return dns_rdata_from_wire(type, &r, message, w);
}

static const struct {
	uint16_t type;
	const char *hex;
} bad[] = {
	{DNS_TYPE_A, ""},
	{DNS_TYPE_A, "c00002"},
	{DNS_TYPE_A, "c000020101"},
	{DNS_TYPE_AAAA, "c0000201"},
	{DNS_TYPE_NS, ""},
	{DNS_TYPE_NS, "0161"},
	{DNS_TYPE_NS, "01610000"},
	{DNS_TYPE_NS, "c0ff"}, /* a pointer past the message */
	{DNS_TYPE_NS, "c015"}, /* to itself */
	{DNS_TYPE_SOA, "0000000000010000000100000001000000"},
	{DNS_TYPE_MX, "000a"},
	{DNS_TYPE_TXT, ""},
	{DNS_TYPE_TXT, "0261"},
	{DNS_TYPE_HINFO, "0161"},
	{DNS_TYPE_DNAME, "c00c"}, /* RFC 6672 2.5: never compressed */
	{DNS_TYPE_KX, "0001c00c"},
	{DNS_TYPE_NSEC, "c00c000140"},
	{DNS_TYPE_RRSIG, "000108020000000065920080659200800001c00c01"},
	{DNS_TYPE_SVCB, "0001c00c"},
	{DNS_TYPE_LP, "0001c00c"},
	{DNS_TYPE_DS, "00010801"},
	{DNS_TYPE_DNSKEY, "01000308"},
	{DNS_TYPE_NSEC, "00000100"},	 /* an empty window */
	{DNS_TYPE_NSEC, "0000024000"},	 /* a trailing zero */
	{DNS_TYPE_NSEC, "000001400001"}, /* torn */
	{DNS_TYPE_NSEC, "0001014000014000"},
	{DNS_TYPE_NSEC, "000001400000000140"}, /* the same window twice */
	{DNS_TYPE_NSEC, "000021400000000000000000000000000000000000000000000000000000"
			"0000000000000001"},
	{DNS_TYPE_NSEC3, "01000000"
			 "00"
			 "00"},
	{DNS_TYPE_LOC, "00a2161300000000"},
	{DNS_TYPE_LOC, "00a216138000000080000000"
		       "00989680"},
	{DNS_TYPE_LOC, "001216139350dc01"
		       "80000000"
		       "00989680"}, /* past the pole */
	{DNS_TYPE_APL, "000121"
		       "00"},
	{DNS_TYPE_APL, "00011805"
		       "c000020101"},
	{DNS_TYPE_APL, "00011803"
		       "c00000"},
	{DNS_TYPE_CAA, "0000"},
	{DNS_TYPE_CAA, "00012d"},
	{DNS_TYPE_CAA, "000561"},
	{DNS_TYPE_EUI48, "0102030405"},
	{DNS_TYPE_EUI64, "010203040506070809"},
	{DNS_TYPE_IPSECKEY, "000400"},
	{DNS_TYPE_IPSECKEY, "000100c00002"},
	{DNS_TYPE_AMTRELAY, "0001c00002"},
	{DNS_TYPE_AMTRELAY, "000001"},
	{DNS_TYPE_HIP, "0002000161"},
	{DNS_TYPE_HIP, "010200006161"},
	{DNS_TYPE_HIP, "01020001ab01c00c"},
	{DNS_TYPE_SVCB, "0001000003000135"}, /* port of one byte */
	{DNS_TYPE_SVCB, "000100"
			"000300020035"
			"000300020035"},
	{DNS_TYPE_SVCB, "000100"
			"000300020035"
			"000100030268"
			"32"},
	{DNS_TYPE_SVCB, "000100"
			"00010000"},
	{DNS_TYPE_SVCB, "000100"
			"0001000100"},
	{DNS_TYPE_SVCB, "000100"
			"000100020268"},
	{DNS_TYPE_SVCB, "000100"
			"00020001ff"},
	{DNS_TYPE_SVCB, "000100"
			"00040003c00002"},
	{DNS_TYPE_SVCB, "000100"
			"00060004c0000201"},
	{DNS_TYPE_SVCB, "000100"
			"000000020003"},
	{DNS_TYPE_SVCB, "000100"
			"000000020000"},
	{DNS_TYPE_SVCB, "000100"
			"0000000400030003"
			"000300020035"},
	{DNS_TYPE_SVCB, "000100"
			"000000010003"},
	{DNS_TYPE_SVCB, "000100"
			"0003"},
	{DNS_TYPE_SVCB, "000100"
			"00080001ff"},
	{DNS_TYPE_TSIG, "00000065920080012c0004010203"},
};

static void refuses_wrong_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t out[512];
		struct writer w = writer_of(out, sizeof(out));
		struct sample s = sampled(bad[i].hex);
		write_u8(&w, 7);
		if (from_message(bad[i].type, &s, &w) != ERR_FORMAT)
			fail_msg("type %u taken: %s", bad[i].type, bad[i].hex);
		assert_int_equal(w.pos, 1);
		assert_false(w.bad);
	}
}

static void decompresses_what_rfc_3597_4_lists(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		const char *hex, *text;
	} good[] = {
		{DNS_TYPE_NS, "c00c", "Example."},
		{DNS_TYPE_NS, "036e7331c00c", "ns1.Example."},
		{DNS_TYPE_SOA, "c00cc00c0000000100000002000000030000000400000005",
		 "Example. Example. 1 2 3 4 5"},
		{DNS_TYPE_MX, "000ac00c", "10 Example."},
		{DNS_TYPE_RP, "c00c0161c00c", "Example. a.Example."},
		{DNS_TYPE_AFSDB, "0001c00c", "1 Example."},
		{DNS_TYPE_SRV, "000100020003c00c", "1 2 3 Example."},
		{DNS_TYPE_NAPTR, "00010002017301610162c00c", "1 2 \"s\" \"a\" \"b\" Example."},
		{DNS_TYPE_PX, "0001c00c0161c00c", "1 Example. a.Example."},
		{DNS_TYPE_SIG, "000108020000000065920080659200800001c00c01",
		 "A 8 2 0 20240101000000 20240101000000 1 Example. AQ=="},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint8_t out[512], text[512];
		struct writer w = writer_of(out, sizeof(out)), t = writer_of(text, sizeof(text));
		struct sample s = sampled(good[i].hex);
		assert_int_equal(from_message(good[i].type, &s, &w), OK);
		dns_rdata_format(good[i].type, writer_span(&w), &t);
		assert_true(span_is(writer_span(&t), good[i].text));
		assert_int_equal(dns_rdata_check(good[i].type, writer_span(&w)), OK);
	}
}

static void leaves_the_unknown_as_it_is(void **state)
{
	(void)state;
	uint8_t out[16];
	struct writer w = writer_of(out, sizeof(out));
	struct sample s = sampled("c00c00ff");
	assert_int_equal(from_message(65280, &s, &w), OK);
	assert_memory_equal(out, "\xc0\x0c\x00\xff", 4);
	w = writer_of(out, 3);
	assert_int_equal(from_message(65280, &s, &w), ERR_LIMIT);
	assert_int_equal(w.pos, 0);
	s = sampled("036e7331c00c");
	w = writer_of(out, 12);
	assert_int_equal(from_message(DNS_TYPE_NS, &s, &w), ERR_LIMIT);
	assert_int_equal(w.pos, 0);
}

/* Both must give the same bytes again, and only RFC 1035 types shrink. */
static void compresses_names_of_rfc_1035_types_only(void **state)
{
	(void)state;
	static const struct {
		const char *type, *text;
		size_t len; /* in a message whose question is example. */
	} samples[] = {
		{"NS", "example.", 2},
		{"NS", "ns1.EXAMPLE.", 6},
		{"SOA", "ns1.example. host.ns1.example. 1 2 3 4 5", 6 + 7 + 20},
		{"MX", "10 mail.example.", 2 + 7},
		{"MINFO", "example. example.", 4},
		{"SRV", "1 2 3 sip.example.", 6 + 13},
		{"DNAME", "example.", 9},
		{"RP", "example. example.", 18},
		{"SVCB", "1 example. port=53", 2 + 9 + 6},
		{"A", "192.0.2.1", 4},
	};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		static struct dns_build b;
		uint8_t buf[512], rdata[256], out[256];
		uint16_t type;
		struct span made_rdata =
			made(samples[i].type, samples[i].text, rdata, sizeof(rdata), &type);
		dns_build_init(&b, buf, sizeof(buf), 0, 0);
		dns_build_question(&b, dns_name_span(&origin), type, 1);
		size_t at = b.w.pos;
		dns_rdata_write(type, made_rdata, &b);
		assert_int_equal(b.w.pos - at, samples[i].len);
		struct reader r = reader_of(buf + at, b.w.pos - at);
		struct writer w = writer_of(out, sizeof(out));
		assert_int_equal(dns_rdata_from_wire(type, &r, reader_of(buf, b.w.pos), &w), OK);
		/* A pointer may lead to other letters. */
		assert_int_equal(w.pos, made_rdata.len);
		assert_int_equal(dns_rdata_compare(type, writer_span(&w), made_rdata), 0);
	}
}

static void finds_the_names_of_each_type(void **state)
{
	(void)state;
	static const struct {
		const char *type, *text;
		unsigned which;
		const char *name; /* NULL: none */
	} samples[] = {
		{"A", "192.0.2.1", 0, NULL},
		{"TXT", "a.", 0, NULL},
		{"TYPE731", "\\# 1 00", 0, NULL},
		{"NS", "Ns1.Example.", 0, "Ns1.Example."},
		{"NS", "ns1.", 1, NULL},
		{"MX", "10 Mail.", 0, "Mail."},
		{"SRV", "1 2 3 Sip.", 0, "Sip."},
		{"SOA", "a. b. 1 2 3 4 5", 0, "a."},
		{"SOA", "a. b. 1 2 3 4 5", 1, "b."},
		{"SOA", "a. b. 1 2 3 4 5", 2, NULL},
		{"NAPTR", "1 2 \"a\" \"b\" \"c\" d.", 0, "d."},
		{"NSEC", "a. A NS", 0, "a."},
		{"RRSIG", "A 8 1 1 20240101000000 20240101000000 1 b. AQ==", 0, "b."},
		{"HTTPS", "1 c. port=1", 0, "c."},
		{"DNAME", ".", 0, "."},
		{"RP", "a. b.", 1, "b."},
		{"KX", "1 k.", 0, "k."},
	};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint8_t buf[256];
		char text[DNS_NAME_TEXT_MAX];
		uint16_t type;
		struct dns_name name;
		struct span rdata = made(samples[i].type, samples[i].text, buf, sizeof(buf), &type);
		struct span span = dns_rdata_name_span(type, rdata, samples[i].which);
		bool found = dns_rdata_name(type, rdata, samples[i].which, &name);
		assert_int_equal(found, samples[i].name != NULL);
		assert_int_equal(span.len != 0, found);
		if (!found)
			continue;
		assert_string_equal(dns_name_format_span(span, text), samples[i].name);
		assert_true(dns_name_equal_nocase(span, dns_name_span(&name)));
		/* Torn rdata has no name. */
		assert_false(dns_rdata_name(type,
					    span_sub(rdata, 0, (size_t)(span.data - rdata.data)),
					    samples[i].which, &name));
	}
}

/* RFC 4034 6.3: left-justified bytes; 6.2: names of old types in lower case. */
static void orders_rdata_canonically(void **state)
{
	(void)state;
	static const char *const ordered[][3] = {
		{"A", "1.2.3.4", "1.2.3.5"},
		{"NS", "a.", "b."},
		{"NS", "A.", "b."},
		{"NS", "a.", "B."},
		{"NS", "z.", "aa."}, /* the length octet counts first */
		{"NS", "a.", "a.a."},
		{"MX", "1 b.", "2 a."},
		{"MX", "1 A.", "1 b."},
		{"TXT", "a", "a b"},
		{"TXT", "B", "a"},
		{"NSEC", "B. A", "a. A"}, /* RFC 6840 5.1: its case counts */
		{"SOA", "A. a. 1 2 3 4 5", "a. B. 1 2 3 4 5"},
		{"SOA", "A. b. 1 2 3 4 5", "a. B. 1 2 3 4 6"},
		{"NAPTR", "1 2 \"A\" \"\" \"\" z.", "1 2 \"a\" \"\" \"\" a."},
		{"RRSIG", "A 8 1 1 20240101000000 20240101000000 1 A. AQ==",
		 "A 8 1 1 20240101000000 20240101000000 1 a. AQE="},
		{"TYPE731", "\\# 0", "\\# 1 00"},
	};
	for (size_t i = 0; i < sizeof(ordered) / sizeof(ordered[0]); i++) {
		uint8_t buf_a[128], buf_b[128];
		uint16_t type;
		struct span a = made(ordered[i][0], ordered[i][1], buf_a, sizeof(buf_a), &type);
		struct span b = made(ordered[i][0], ordered[i][2], buf_b, sizeof(buf_b), &type);
		assert_true(dns_rdata_compare(type, a, b) < 0);
		assert_true(dns_rdata_compare(type, b, a) > 0);
		assert_int_equal(dns_rdata_compare(type, a, a), 0);
	}
	uint8_t buf_a[64], buf_b[64];
	uint16_t type;
	struct span a = made("MX", "1 MAIL.Example.", buf_a, sizeof(buf_a), &type);
	struct span b = made("MX", "1 mail.eXAMPLE.", buf_b, sizeof(buf_b), &type);
	assert_int_equal(dns_rdata_compare(type, a, b), 0);
}

static void writes_whole_records_canonically(void **state)
{
	(void)state;
	uint8_t buf[64], out[64];
	uint16_t type;
	struct dns_name owner;
	struct writer w = writer_of(out, sizeof(out));
	struct span rdata = made("MX", "10 MAIL", buf, sizeof(buf), &type);
	assert_int_equal(dns_name_from_text_case(span_text("WWW.Example."), NULL, &owner), OK);
	dns_record_canonical(&owner, type, 1, 3600, rdata, &w);
	static const char expected[] = "\3www\7example\0"
				       "\0\x0f\0\1"
				       "\0\0\x0e\x10"
				       "\0\x10"
				       "\0\x0a\4mail\7example";
	assert_int_equal(w.pos, sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
	w = writer_of(out, 20);
	dns_record_canonical(&owner, type, 1, 3600, rdata, &w);
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

static void gives_the_fields_that_servers_act_on(void **state)
{
	(void)state;
	uint8_t buf[256];
	uint16_t type;
	struct dns_soa soa;
	struct span rdata = made("SOA", "a b 1 2 3 4 5", buf, sizeof(buf), &type);
	assert_int_equal(dns_rdata_soa(rdata, &soa), OK);
	assert_int_equal(soa.mname.len + soa.rname.len + 20, rdata.len);
	assert_int_equal(soa.serial, 1);
	assert_int_equal(soa.refresh_s, 2);
	assert_int_equal(soa.retry_s, 3);
	assert_int_equal(soa.expire_s, 4);
	assert_int_equal(soa.minimum_s, 5);
	assert_int_equal(dns_rdata_soa(span_sub(rdata, 0, rdata.len - 1), &soa), ERR_FORMAT);

	struct dns_mx mx;
	assert_int_equal(dns_rdata_mx(made("MX", "10 a.", buf, sizeof(buf), &type), &mx), OK);
	assert_int_equal(mx.preference, 10);
	assert_true(span_equal(mx.exchange, span_of("\1a", 3)));
	assert_int_equal(dns_rdata_mx(span_of(buf, 2), &mx), ERR_FORMAT);

	struct dns_srv srv;
	assert_int_equal(dns_rdata_srv(made("SRV", "1 2 3 a.", buf, sizeof(buf), &type), &srv), OK);
	assert_int_equal(srv.priority * 100 + srv.weight * 10 + srv.port, 123);
	assert_true(span_equal(srv.target, span_of("\1a", 3)));

	struct dns_svcb svcb;
	rdata = made("HTTPS", "9 a. port=53", buf, sizeof(buf), &type);
	assert_int_equal(dns_rdata_svcb(rdata, &svcb), OK);
	assert_int_equal(svcb.priority, 9);
	assert_int_equal(svcb.params.len, 6);
}

static void gives_the_fields_that_validators_act_on(void **state)
{
	(void)state;
	uint8_t buf[256];
	uint16_t type;
	struct span rdata;
	struct dns_ds ds;
	assert_int_equal(dns_rdata_ds(made("DS", "258 8 9 abcd", buf, sizeof(buf), &type), &ds),
			 OK);
	assert_int_equal(ds.key_tag, 258);
	assert_int_equal(ds.algorithm, 8);
	assert_int_equal(ds.digest_type, 9);
	assert_true(span_is(ds.digest, "\xab\xcd"));

	struct dns_rrsig sig;
	rdata = made("RRSIG", "MX 8 2 3600 20240101000001 20240101000000 7 a. AQID", buf,
		     sizeof(buf), &type);
	assert_int_equal(dns_rdata_rrsig(rdata, &sig), OK);
	assert_int_equal(dns_rdata_rrsig_covered(rdata), DNS_TYPE_MX);
	assert_int_equal(dns_rdata_rrsig_covered(span_sub(rdata, 0, 1)), 0);
	assert_int_equal(sig.type_covered, DNS_TYPE_MX);
	assert_int_equal(sig.labels, 2);
	assert_int_equal(sig.original_ttl_s, 3600);
	assert_int_equal(sig.expiration_s - sig.inception_s, 1);
	assert_int_equal(sig.key_tag, 7);
	assert_int_equal(sig.signature.len, 3);

	struct dns_nsec3 nsec3;
	rdata = made("NSEC3", "1 1 5 abcd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A NS", buf, sizeof(buf),
		     &type);
	assert_int_equal(dns_rdata_nsec3(rdata, &nsec3), OK);
	assert_int_equal(nsec3.flags, DNS_NSEC3_OPT_OUT);
	assert_int_equal(nsec3.iterations, 5);
	assert_true(span_is(nsec3.salt, "\xab\xcd"));
	assert_int_equal(nsec3.next.len, 20);
	assert_true(dns_bitmap_has(nsec3.bitmap, DNS_TYPE_NS));
	assert_int_equal(dns_rdata_nsec3param(rdata, &nsec3), ERR_FORMAT);
	rdata = made("NSEC3PARAM", "1 0 5 -", buf, sizeof(buf), &type);
	assert_int_equal(dns_rdata_nsec3param(rdata, &nsec3), OK);
	assert_int_equal(nsec3.salt.len + nsec3.next.len + nsec3.bitmap.len, 0);

	struct dns_zonemd zonemd;
	rdata = made("ZONEMD", "9 2 240 000102030405060708090a0b", buf, sizeof(buf), &type);
	assert_int_equal(dns_rdata_zonemd(rdata, &zonemd), OK);
	assert_int_equal(zonemd.serial, 9);
	assert_int_equal(zonemd.scheme, 2);
	assert_int_equal(zonemd.digest.len, 12);
}

static void tests_type_bitmaps(void **state)
{
	(void)state;
	uint8_t buf[256];
	uint16_t type;
	struct span rdata =
		made("NSEC", "a. TYPE65535 A TYPE1234 MX RRSIG A", buf, sizeof(buf), &type);
	struct span bitmap = dns_rdata_nsec_bitmap(rdata);
	unsigned count = 0;
	for (unsigned n = 0; n <= UINT16_MAX; n++)
		count += dns_bitmap_has(bitmap, (uint16_t)n);
	assert_int_equal(count, 5);
	assert_true(dns_bitmap_has(bitmap, DNS_TYPE_A));
	assert_true(dns_bitmap_has(bitmap, DNS_TYPE_MX));
	assert_true(dns_bitmap_has(bitmap, DNS_TYPE_RRSIG));
	assert_true(dns_bitmap_has(bitmap, 1234));
	assert_true(dns_bitmap_has(bitmap, 65535));
	assert_false(dns_bitmap_has(span_sub(bitmap, 0, 2), DNS_TYPE_A));
	assert_false(dns_bitmap_has((struct span){0}, DNS_TYPE_A));
}

/* What no text can say comes in the form of RFC 3597. */
static void prints_the_odd_as_unknown(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		const char *bytes;
		size_t len;
		const char *text;
	} samples[] = {
		{DNS_TYPE_A, "\1\2\3", 3, "\\# 3 010203"},
		{DNS_TYPE_NS, "\xc0\x0c", 2, "\\# 2 C00C"},
		{DNS_TYPE_LOC, "\1\2", 2, "\\# 2 0102"},
		{DNS_TYPE_APL, "\0\3\0\0", 4, "\\# 4 00030000"},
		{DNS_TYPE_AMTRELAY, "\1\4\1", 3, "\\# 3 010401"},
		{DNS_TYPE_SVCB, "\0\1\0\0\2\0\0", 7, "\\# 7 00010000020000"},
		{DNS_TYPE_SVCB, "\0\1\0\xff\xff\0\0", 7, "\\# 7 000100FFFF0000"},
		{DNS_TYPE_SVCB, "\0\1\0\0\7\0\1/", 8, "\\# 8 000100000700012F"},
		{999, "", 0, "\\# 0"},
	};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint8_t out[128];
		struct writer w = writer_of(out, sizeof(out));
		dns_rdata_format(samples[i].type, span_of(samples[i].bytes, samples[i].len), &w);
		assert_true(span_is(writer_span(&w), samples[i].text));
		w = writer_of(out, 3);
		dns_rdata_format(samples[i].type, span_of(samples[i].bytes, samples[i].len), &w);
		assert_int_equal(writer_check(&w), ERR_LIMIT);
	}
}

int main(void)
{
	if (dns_name_from_text(span_text("example."), NULL, &origin))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_bytes),
		cmocka_unit_test(decompresses_what_rfc_3597_4_lists),
		cmocka_unit_test(leaves_the_unknown_as_it_is),
		cmocka_unit_test(compresses_names_of_rfc_1035_types_only),
		cmocka_unit_test(finds_the_names_of_each_type),
		cmocka_unit_test(orders_rdata_canonically),
		cmocka_unit_test(writes_whole_records_canonically),
		cmocka_unit_test(gives_the_fields_that_servers_act_on),
		cmocka_unit_test(gives_the_fields_that_validators_act_on),
		cmocka_unit_test(tests_type_bitmaps),
		cmocka_unit_test(prints_the_odd_as_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
