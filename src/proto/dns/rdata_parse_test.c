/* Texts that are refused, with the column and what was expected there; and texts that dnspython
 * does not know. What is right is in rdata_vectors_test.c. */
#include "proto/dns/name.h"
#include "proto/dns/rdata.h"
#include "proto/dns/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct dns_name origin;

static enum err parse(uint16_t type, const char *text, struct dns_text_lexer *l, struct writer *w)
{
	dns_text_init(l, span_text(text));
	enum err e = dns_rdata_from_text(type, l, &origin, w);
	if (e == OK && dns_text_next(l) != DNS_TOKEN_END)
		e = dns_text_fail(l, "the end");
	return e;
}

struct refusal {
	const char *type, *text;
	unsigned column;
	const char *expected; /* how it begins */
};

static const struct refusal refusals[] = {
	{"A", "", 1, "an IPv4 address"},
	{"A", "192.0.2", 1, "an IPv4 address"},
	{"A", "192.0.2.256", 1, "an IPv4 address"},
	{"A", "192.0.2.01", 1, "an IPv4 address"},
	{"A", "2001:db8::1", 1, "an IPv4 address"},
	{"A", "\"192.0.2.1\"", 1, "an IPv4 address"},
	{"A", "192.0.2.1 x", 11, "the end"},
	{"A", "\\# 3 c00002", 1, "bytes that are right for the type"},
	{"A", "\\# 4 c00002", 4, "as many bytes as follow"},
	{"A", "\\# x c0000201", 4, "a number of bytes"},
	{"A", "\\# 4 c000020g", 13, "hexadecimal digits"},
	{"A", "\\# 4 c000020", 6, "hexadecimal digits"},
	{"A", "\\# 4", 5, "hexadecimal digits"},
	{"AAAA", "192.0.2.1", 1, "an IPv6 address"},
	{"AAAA", "2001:db8::1::2", 1, "an IPv6 address"},
	{"AAAA", "fe80::1%eth0", 1, "an IPv6 address"},
	{"NS", "", 1, "a domain name"},
	{"NS", "a..b", 1, "a domain name without empty labels"},
	{"NS", "\"ns1\"", 1, "a domain name"},
	{"NS", "ns1 ns2", 5, "the end"},
	{"SOA", "ns1 host 1 2 3 4", 17, "seconds"},
	{"SOA", "ns1 host x 2 3 4 5", 10, "a number from 0 to 4294967295"},
	{"SOA", "ns1 host 4294967296 2 3 4 5", 10, "a number from 0 to 4294967295"},
	{"SOA", "ns1 host 1 2 3y 4 5", 14, "seconds, or units"},
	{"SOA", "ns1 host 1h 2 3 4 5", 10, "a number"},
	{"MX", "mail 10", 1, "a number from 0 to 65535"},
	{"MX", "65536 mail", 1, "a number from 0 to 65535"},
	{"MX", "10", 3, "a domain name"},
	{"TXT", "", 1, "a string"},
	{"TXT", "a \"b", 3, "a closing quote"},
	{"TXT", "a \\256", 3, "escapes"},
	{"TXT",
	 "0123456789012345678901234567890123456789012345678901234567890123"
	 "0123456789012345678901234567890123456789012345678901234567890123"
	 "0123456789012345678901234567890123456789012345678901234567890123"
	 "0123456789012345678901234567890123456789012345678901234567890123",
	 1, "a string of at most 255 bytes"},
	{"HINFO", "one", 4, "a string"},
	{"ISDN", "1 2 3", 5, "the end"},
	{"LOC", "91 N 0 E 0m", 1, "degrees"},
	{"LOC", "90 1 N 0 E 0m", 4, "an angle within the globe"},
	{"LOC", "1 60 N 0 E 0m", 3, "minutes"},
	{"LOC", "1 0 60 N 0 E 0m", 5, "seconds"},
	{"LOC", "1 0 1.0001 N 0 E 0m", 5, "seconds"},
	{"LOC", "1 0 1 E 0 E 0m", 7, "N or S"},
	{"LOC", "1 0 0 N 181 E 0m", 9, "degrees"},
	{"LOC", "1 N 1 E", 8, "an altitude"},
	{"LOC", "1 N 1 E 42849672.96m", 9, "an altitude"},
	{"LOC", "1 N 1 E -100000.01m", 9, "an altitude"},
	{"LOC", "1 N 1 E 1.001m", 9, "an altitude"},
	{"LOC", "1 N 1 E 0m 90000000.01m", 12, "a size"},
	{"LOC", "1 N 1 E 0m 1m 2m -1m", 18, "a size"},
	{"SRV", "1 2 70000 a", 5, "a number from 0 to 65535"},
	{"NAPTR", "1 2 s a .", 10, "a domain name"},
	{"CERT", "NOSUCH 1 1 AQ==", 1, "a certificate type"},
	{"CERT", "PKIX 1 NOSUCH AQ==", 8, "an algorithm"},
	{"CERT", "PKIX 1 1 AQ", 10, "base64"},
	{"CERT", "PKIX 1 1", 9, "base64"},
	{"APL", "3:192.0.2.0/24", 1, "an address family"},
	{"APL", "!192.0.2.0/24", 2, "an address family"},
	{"APL", "1:192.0.2.0", 12, "a prefix length"},
	{"APL", "1:192.0.2.0/33", 13, "a prefix length"},
	{"APL", "1:2001:db8::/32", 3, "an address of the family"},
	{"DS", "1 8 2 abcd", 7, "a digest as long as"},
	{"DS", "1 8 1 2BB183AF5F22588179A53B0A98631FAD1A2921", 7, "a digest as long as"},
	{"DS", "1 8 9", 6, "hexadecimal digits"},
	{"DS", "1 8 9 abc", 7, "hexadecimal digits"},
	{"DS", "1 RSA 9 ab", 3, "an algorithm"},
	{"CDS", "1 8 2 00", 7, "a digest as long as"},
	{"SSHFP", "1 1 xy", 5, "hexadecimal digits"},
	{"IPSECKEY", "1 4 2 . AQ==", 3, "a gateway type"},
	{"IPSECKEY", "1 0 2 gw AQ==", 7, "a dot"},
	{"IPSECKEY", "1 1 2 2001:db8::1 AQ==", 7, "an IPv4 address"},
	{"RRSIG", "NOSUCH 8 2 1 20240101000000 20240101000000 1 . AQ==", 1, "a record type"},
	{"RRSIG", "A 8 2 1 20241301000000 20240101000000 1 . AQ==", 9, "a time as"},
	{"RRSIG", "A 8 2 1 20240101000000 20240101000000 1 . AQ=", 43, "base64"},
	{"RRSIG", "A 8 2 1 20240101000000 20240101000000 1 . A!==", 44, "base64"},
	{"NSEC", "a A NOSUCH", 5, "a record type"},
	{"DNSKEY", "256 3 8", 8, "base64"},
	{"DNSKEY", "65536 3 8 AQ==", 1, "a number"},
	{"NSEC3", "1 0 0 zz 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", 7, "hexadecimal digits"},
	{"NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojw A", 40, "base32hex"},
	{"NSEC3", "1 0 0 -", 8, "base32hex"},
	{"NSEC3PARAM", "1 0 0", 6, "hexadecimal digits"},
	{"NSEC3PARAM", "1 0 70000 -", 5, "a number"},
	{"TLSA", "3 1 256 ab", 5, "a number from 0 to 255"},
	{"HIP", "2 - AQ==", 3, "hexadecimal digits"},
	{"HIP", "2 ab", 5, "base64"},
	{"CSYNC", "1 2 A NOSUCH", 7, "a record type"},
	{"ZONEMD", "1 1 1 abcdef", 7, "a digest of at least 12 bytes"},
	{"ZONEMD", "1 1 1 000102030405060708090a0b", 7, "a digest as long as"},
	{"NID", "10 0014:4fff:ff20", 4, "eight bytes"},
	{"NID", "10 0014:4fff:ff20:ee64:1", 4, "eight bytes"},
	{"EUI48", "00-00-5e-00-53", 1, "six bytes"},
	{"EUI48", "00:00:5e:00:53:2a", 1, "six bytes"},
	{"EUI48", "00-00-5e-00-53-2a-", 1, "six bytes"},
	{"EUI64", "00-00-5e-00-53-2a", 1, "eight bytes"},
	{"URI", "10 1 \"\"", 6, "a target that is not empty"},
	{"URI", "10 1", 5, "a quoted string"},
	{"CAA", "0 is-sue \"x\"", 5, "a tag"},
	{"CAA", "0 \"\" \"x\"", 3, "a tag"},
	{"CAA", "256 issue \"x\"", 1, "a number from 0 to 255"},
	{"CAA", "0 issue", 8, "a quoted string"},
	{"AMTRELAY", "10 2 1 192.0.2.1", 4, "the discovery bit"},
	{"AMTRELAY", "10 0 4 192.0.2.1", 6, "a relay type"},
	{"NSAP", "47.0005", 1, "0x and"},
	{"NSAP", "0x47.000", 1, "0x and"},
	{"NSAP", "0x47.0x", 7, "0x and"},
	{"NULL", "abc", 1, "\\# and bytes"},
	{"TYPE731", "abc", 1, "\\# and bytes"},
	{"TYPE731", "\\# 65536 ab", 4, "a number of bytes"},
	{"TYPE731", "\\# 0 ab", 4, "as many bytes as follow"},
	{"DSYNC", "CDS 1 53", 9, "a domain name"},
};

static void assert_refused(const struct refusal *r)
{
	uint8_t out[1024];
	struct writer w = writer_of(out, sizeof(out));
	struct dns_text_lexer l;
	uint16_t type;
	assert_true(dns_type_from_text(span_text(r->type), &type));
	if (parse(type, r->text, &l, &w) == OK)
		fail_msg("taken: %s %s", r->type, r->text);
	if (l.error.column != r->column ||
	    strncmp(l.error.expected, r->expected, strlen(r->expected)) != 0)
		fail_msg("%s %s: column %u: %s", r->type, r->text, l.error.column,
			 l.error.expected);
}

static void refuses_wrong_text_at_its_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		assert_refused(&refusals[i]);
}

/* RFC 9460 D.3, and what sections 2.1, 7 and 8 forbid beside. */
static void refuses_the_failures_of_rfc_9460(void **state)
{
	(void)state;
	static const struct refusal svcb[] = {
		/* figure 11: the same key twice */
		{"SVCB", "1 foo.example.com. key123=abc key123=def", 31, "each key once"},
		/* figure 12: keys that demand a value */
		{"SVCB", "1 foo.example.com. mandatory", 20, "keys behind commas"},
		{"SVCB", "1 foo.example.com. alpn", 20, "a value that is not empty"},
		{"SVCB", "1 foo.example.com. port", 20, "a port"},
		{"SVCB", "1 foo.example.com. ipv4hint", 20, "IPv4 addresses"},
		{"SVCB", "1 foo.example.com. ipv6hint", 20, "IPv6 addresses"},
		/* figure 13: a key that takes none */
		{"SVCB", "1 foo.example.com. no-default-alpn=abc", 36, "no value"},
		/* figure 14: a mandatory key that is missing */
		{"SVCB", "1 foo.example.com. mandatory=key123", 36,
		 "every key that mandatory lists"},
		/* figure 15: mandatory in its own list */
		{"SVCB", "1 foo.example.com. mandatory=mandatory", 30, "keys, each once"},
		/* figure 16: a mandatory key twice */
		{"SVCB", "1 foo.example.com. mandatory=key123,key123 key123=abc", 30,
		 "keys, each once"},
		{"SVCB", "1 . no-default-alpn", 20, "alpn"},
		{"SVCB", "1 . key0123=x", 5, "a SvcParam key"},
		{"SVCB", "1 . key65535=x", 5, "a SvcParam key"},
		{"SVCB", "1 . nosuch=x", 5, "a SvcParam key"},
		{"SVCB", "1 . port=65536", 10, "a port"},
		{"SVCB", "1 . port=\"53", 5, "a closing quote"},
		{"SVCB", "1 . ipv4hint=192.0.2.1,", 14, "IPv4 addresses"},
		{"SVCB", "1 . ipv4hint=2001:db8::1", 14, "IPv4 addresses"},
		{"SVCB", "1 . ipv6hint=192.0.2.1", 14, "IPv6 addresses"},
		{"SVCB", "1 . alpn=h2,,h3", 10, "a value that is not empty"},
		{"SVCB", "1 . alpn=h2,", 10, "a value that is not empty"},
		{"SVCB", "1 . alpn=\\\\x", 10, "protocol names"},
		{"SVCB", "1 . ech=!", 9, "base64"},
		{"SVCB", "1 . dohpath=/q{?name}", 13, "a path"},
		{"SVCB", "1 . dohpath=q{?dns}", 13, "a path"},
		{"HTTPS", "x . alpn=h2", 1, "a number"},
		{"HTTPS", "1 \"x\" alpn=h2", 3, "a domain name"},
		{"HTTPS", "1 . \"alpn=h2\"", 5, "a SvcParam"},
	};
	for (size_t i = 0; i < sizeof(svcb) / sizeof(svcb[0]); i++)
		assert_refused(&svcb[i]);
}

struct both {
	const char *type, *text, *hex, *formatted;
};

/* Text, wire form, and the text that comes back. */
static void assert_both(const struct both *b)
{
	uint8_t out[1024], wire[1024];
	char text[2048];
	struct writer w = writer_of(out, sizeof(out)), h = writer_of(wire, sizeof(wire));
	struct writer t = writer_of(text, sizeof(text) - 1);
	struct dns_text_lexer l;
	uint16_t type;
	assert_true(dns_type_from_text(span_text(b->type), &type));
	if (parse(type, b->text, &l, &w))
		fail_msg("%s %s: column %u: %s", b->type, b->text, l.error.column,
			 l.error.expected);
	assert_true(dns_text_decode_all(DNS_TEXT_HEX, span_text(b->hex), &h));
	if (!span_equal(writer_span(&w), writer_span(&h)))
		fail_msg("another wire form: %s %s", b->type, b->text);
	dns_rdata_format(type, writer_span(&w), &t);
	text[t.pos] = 0;
	assert_string_equal(text, b->formatted);
}

static const struct both unknown_to_dnspython[] = {
	{"MINFO", "a b",
	 "0161076578616d706c6500"
	 "0162076578616d706c6500",
	 "a.example. b.example."},
	{"MB", "a.", "016100", "a."},
	{"KEY", "512 255 1", "0200ff01", "512 255 1"},
	{"KEY", "256 3 5 AQID", "01000305010203", "256 3 5 AQID"},
	{"SIG", "TYPE0 5 0 0 20240101000000 20240101000000 1 . AQ==",
	 "0000050000000000"
	 "65920080"
	 "65920080"
	 "00010001",
	 "TYPE0 5 0 0 20240101000000 20240101000000 1 . AQ=="},
	/* RFC 9859 6 */
	{"DSYNC", "CDS 1 5300 rr-endpoint.example.",
	 "003b0114b4"
	 "0b72722d656e64706f696e74076578616d706c6500",
	 "CDS 1 5300 rr-endpoint.example."},
	/* RFC 9606 8 */
	{"RESINFO", "qnamemin exterr=15-17",
	 "08716e616d656d696e"
	 "0c6578746572723d31352d3137",
	 "\"qnamemin\" \"exterr=15-17\""},
	{"WALLET", "\"BTC\" x", "034254430178", "\"BTC\" \"x\""},
	{"TA", "1 8 9 ab", "00010809ab", "1 8 9 AB"},
	{"DLV",
	 "1 RSASHA256 2 "
	 "D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
	 "00010802D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
	 "1 8 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"},
	{"NULL", "\\# 2 0102", "0102", "\\# 2 0102"},
	{"NULL", "\\# 0", "", "\\# 0"},
	/* the meta types of RFC 8945 and RFC 2930, for tools that print messages */
	{"TSIG", "hmac-sha256. 1704067200 300 4 AQIDBA== 1 0 0",
	 "0b686d61632d73686132353600"
	 "000065920080"
	 "012c"
	 "0004"
	 "01020304"
	 "0001"
	 "0000"
	 "0000",
	 "hmac-sha256. 1704067200 300 4 AQIDBA== 1 0 0"},
	/* dohpath: RFC 9461; ohttp: RFC 9540 */
	{"SVCB", "1 . alpn=h2 dohpath=/q{?dns} ohttp",
	 "0001"
	 "00"
	 "00010003026832"
	 "000700082f717b3f646e737d"
	 "00080000",
	 "1 . alpn=\"h2\" dohpath=\"/q{?dns}\" ohttp"},
	{"SVCB", "1 . port=1 alpn=\"a b\"",
	 "0001"
	 "00"
	 "000100040361"
	 "2062"
	 "000300020001",
	 "1 . alpn=\"a b\" port=1"},
	{"CAA", "0 issue \"\\255\"",
	 "00056973737565"
	 "ff",
	 "0 issue \"\\255\""},
	{"HINFO", "\\200 \\#",
	 "01c8"
	 "0123",
	 "\"\\200\" \"#\""},
};

static void knows_types_that_dnspython_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unknown_to_dnspython) / sizeof(unknown_to_dnspython[0]); i++)
		assert_both(&unknown_to_dnspython[i]);
}

/* RFC 9460 D.2: the escapes, and an order of keys that is not the wire's. */
static void writes_svcb_as_text(void **state)
{
	(void)state;
	static const struct both both[] = {
		{"SVCB", "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
		 "0010"
		 "03666f6f076578616d706c65036f726700"
		 "0001000c"
		 "08665c6f6f2c626172"
		 "026832",
		 "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
		{"SVCB",
		 "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
		 "0010"
		 "03666f6f076578616d706c65036f726700"
		 "0000000400010004"
		 "00010009"
		 "026832"
		 "0568332d3139"
		 "00040004c0000201",
		 "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" "
		 "ipv4hint=192.0.2.1"},
		{"SVCB", "1 foo.example.com. key667=\"hello\\210qoo\"",
		 "0001"
		 "03666f6f076578616d706c6503636f6d00"
		 "029b000968656c6c6fd2716f6f",
		 "1 foo.example.com. key667=\"hello\\210qoo\""},
	};
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		assert_both(&both[i]);
}

static void leaves_out_untouched_when_it_is_too_small(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{"A", "192.0.2.1"},
		{"MX", "10 mail.example.net."},
		{"TXT", "\"hello\" \"world\""},
		{"SVCB", "1 . alpn=h2 port=1 ipv4hint=192.0.2.1"},
		{"NSEC", "a. A NS TYPE1234"},
		{"LOC", "1 N 1 E 1m"},
		{"HIP", "1 ab AQ== a."},
		{"APL", "1:192.0.2.0/24"},
		{"TYPE731", "\\# 3 010203"},
		{"NSEC3", "1 0 0 ab 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t out[256];
		struct writer w = writer_of(out, sizeof(out));
		struct dns_text_lexer l;
		uint16_t type;
		assert_true(dns_type_from_text(span_text(texts[i][0]), &type));
		assert_int_equal(parse(type, texts[i][1], &l, &w), OK);
		size_t whole = w.pos;
		for (size_t cap = 1; cap <= whole; cap++) {
			w = writer_of(out, cap);
			write_u8(&w, 7);
			assert_int_equal(parse(type, texts[i][1], &l, &w), ERR_LIMIT);
			assert_non_null(l.error.expected);
			assert_int_equal(w.pos, 1);
			assert_false(w.bad);
		}
	}
}

int main(void)
{
	if (dns_name_from_text(span_text("example."), NULL, &origin))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_text_at_its_column),
		cmocka_unit_test(refuses_the_failures_of_rfc_9460),
		cmocka_unit_test(leaves_out_untouched_when_it_is_too_small),
		cmocka_unit_test(knows_types_that_dnspython_does_not),
		cmocka_unit_test(writes_svcb_as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
