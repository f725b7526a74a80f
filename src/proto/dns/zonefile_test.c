#include "proto/dns/zonefile.h"

#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "proto/dns/zonefile_generate.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static uint8_t scratch[DNS_ZONEFILE_SCRATCH];
static struct dns_name origin;

/* One line for each result: "owner ttl CLASSn TYPE rdata", "line:column message" or "include path
 * origin". */
static void write_result(enum dns_zonefile_result result, const struct dns_zonefile_record *r,
			 struct writer *w)
{
	char text[DNS_NAME_TEXT_MAX];
	switch (result) {
	case DNS_ZONEFILE_RECORD:
		write_format(w, "%s %u CLASS%u ", dns_name_format(r->owner_case, text), r->ttl_s,
			     r->class);
		dns_type_write(r->type, w);
		write_u8(w, ' ');
		dns_rdata_format(r->type, r->rdata, w);
		break;
	case DNS_ZONEFILE_ERROR: write_format(w, "%u:%u %s", r->line, r->column, r->message); break;
	default:
		write_format(w, "include %.*s %s", (int)r->path.len, r->path.data,
			     dns_name_format(r->origin, text));
	}
	write_u8(w, '\n');
}

static void assert_results(const char *text, const char *expected)
{
	static char got[65536];
	static struct dns_zonefile z;
	struct dns_zonefile_record r;
	enum dns_zonefile_result result;
	struct writer w = writer_of(got, sizeof(got) - 1);
	dns_zonefile_init(&z, span_text(text), &origin, scratch, sizeof(scratch));
	while ((result = dns_zonefile_next(&z, &r)) != DNS_ZONEFILE_END)
		write_result(result, &r, &w);
	assert_int_equal(dns_zonefile_next(&z, &r), DNS_ZONEFILE_END);
	got[w.pos] = 0;
	assert_string_equal(got, expected);
}

static void goes_on_after_an_error(void **state)
{
	(void)state;
	assert_results("$TTL 60\n"
		       "a A 192.0.2.300\n"
		       "b MX ( ten\n"
		       "  mail )\n"
		       "c A 192.0.2.1\n"
		       "d TXT \"torn\n"
		       "e A 192.0.2.2 x\n"
		       "f A\n"
		       "g A 192.0.2.3",
		       "2:5 A: expected an IPv4 address, found \"192.0.2.300\"\n"
		       "3:8 MX: expected a number from 0 to 65535, found \"ten\"\n"
		       "c.example.com. 60 CLASS1 A 192.0.2.1\n"
		       "6:7 TXT: expected a closing quote on this line, found \"\"\"\n"
		       "7:15 A: expected the end of the entry, found \"x\"\n"
		       "8:4 A: expected an IPv4 address\n"
		       "g.example.com. 60 CLASS1 A 192.0.2.3\n");
}

static void says_where_an_open_parenthesis_is(void **state)
{
	(void)state;
	assert_results("a 60 A ( 192.0.2.1\nb A 192.0.2.2\n",
		       "1:8 A: expected a closing parenthesis for the one here\n"
		       "b.example.com. 60 CLASS1 A 192.0.2.2\n");
	assert_results("a 60 A ( 192.0.2.1\n\nb A ( 192.0.2.2\n c A 192.0.2.2 )\nd A 192.0.2.3\n",
		       "1:8 A: expected a closing parenthesis for the one here\n"
		       "4:2 A: expected the end of the entry, found \"c\"\n"
		       "d.example.com. 60 CLASS1 A 192.0.2.3\n");
	assert_results("a 60 A ( 192.0.2.1\n",
		       "1:8 A: expected a closing parenthesis for the one here\n");
	assert_results("a 60 A 192.0.2.1 )\nb A 192.0.2.2",
		       "1:18 A: expected an opening parenthesis before this one, found \")\"\n"
		       "b.example.com. 60 CLASS1 A 192.0.2.2\n");
}

static void an_owner_left_out_is_the_last_one(void **state)
{
	(void)state;
	assert_results(
		" A 192.0.2.1\n$TTL 5\nWww A 192.0.2.1\n\tA 192.0.2.2\n\n ; c\n  A 192.0.2.3\n",
		"1:2 expected an owner at the start of the line: none came before, found \"A\"\n"
		"Www.example.com. 5 CLASS1 A 192.0.2.1\n"
		"Www.example.com. 5 CLASS1 A 192.0.2.2\n"
		"Www.example.com. 5 CLASS1 A 192.0.2.3\n");
}

/* What would belong to an owner that could not be read belongs to nobody. */
static void drops_what_follows_a_bad_owner(void **state)
{
	(void)state;
	assert_results("$TTL 5\na A 192.0.2.1\nb..c A 192.0.2.2\n A 192.0.2.3\n A 192.0.2.x\n"
		       "a A 192.0.2.4\n A 192.0.2.5\n",
		       "a.example.com. 5 CLASS1 A 192.0.2.1\n"
		       "3:1 expected a domain name without empty labels, found \"b..c\"\n"
		       "5:4 A: expected an IPv4 address, found \"192.0.2.x\"\n"
		       "a.example.com. 5 CLASS1 A 192.0.2.4\n"
		       "a.example.com. 5 CLASS1 A 192.0.2.5\n");
}

static void drops_what_follows_a_bad_generate(void **state)
{
	(void)state;
	assert_results("$TTL 5\nOwner A 192.0.2.1\n$GENERATE 1-2 b..$ A 192.0.2.2\n A 192.0.2.3\n"
		       "Owner A 192.0.2.4\n",
		       "Owner.example.com. 5 CLASS1 A 192.0.2.1\n"
		       "3:15 A: expected a domain name without empty labels, found \"b..1\"\n"
		       "Owner.example.com. 5 CLASS1 A 192.0.2.4\n");
}

static void tells_when_the_owner_is_the_same(void **state)
{
	(void)state;
	static const char text[] = "$TTL 5\n"
				   "a A 192.0.2.1\n" /* new */
				   " A 192.0.2.2\n"  /* same */
				   "a A 192.0.2.3\n" /* same */
				   "b A x\n"	     /* error */
				   " A 192.0.2.4\n"  /* b: new */
				   " A 192.0.2.5\n"  /* same */
				   "$ORIGIN sub\n"
				   " A 192.0.2.6\n"  /* still b */
				   "b A 192.0.2.7\n" /* b.sub: new */
				   "$INCLUDE f\n"
				   " A 192.0.2.8\n"		    /* new to the caller */
				   "$GENERATE 1-2 g$ A 192.0.2.9\n" /* new, new */
				   " A 192.0.2.10\n";		    /* g2: same */
	static struct dns_zonefile z;
	struct dns_zonefile_record r;
	char got[32] = "";
	size_t n = 0;
	enum dns_zonefile_result result;
	dns_zonefile_init(&z, span_text(text), &origin, scratch, sizeof(scratch));
	while ((result = dns_zonefile_next(&z, &r)) != DNS_ZONEFILE_END)
		if (result == DNS_ZONEFILE_RECORD)
			got[n++] = r.owner_same ? '1' : '0';
	assert_string_equal(got, "011"
				 "01"
				 "1"
				 "0"
				 "0"
				 "001");
}

static void lowers_owners_and_keeps_their_case(void **state)
{
	(void)state;
	static struct dns_zonefile z;
	struct dns_zonefile_record r;
	char text[DNS_NAME_TEXT_MAX];
	dns_zonefile_init(&z, span_text("WwW 5 A 192.0.2.1"), &origin, scratch, sizeof(scratch));
	assert_int_equal(dns_zonefile_next(&z, &r), DNS_ZONEFILE_RECORD);
	assert_string_equal(dns_name_format(r.owner, text), "www.example.com.");
	assert_string_equal(dns_name_format(r.owner_case, text), "WwW.example.com.");
	assert_int_equal(r.line, 1);
	assert_int_equal(r.column, 1);
}

/* RFC 2308 4, RFC 1035 5.1 */
static void a_ttl_left_out_is_the_default_or_the_last_stated(void **state)
{
	(void)state;
	assert_results("a A 192.0.2.1\nb 7 A 192.0.2.1\nc A 192.0.2.1\n$TTL 9\nd A 192.0.2.1\n"
		       "e 1h30m A 192.0.2.1\nf A 192.0.2.1\n",
		       "1:3 A: expected a TTL before the type, or $TTL above: none is stated yet, "
		       "found \"A\"\n"
		       "b.example.com. 7 CLASS1 A 192.0.2.1\n"
		       "c.example.com. 7 CLASS1 A 192.0.2.1\n"
		       "d.example.com. 9 CLASS1 A 192.0.2.1\n"
		       "e.example.com. 5400 CLASS1 A 192.0.2.1\n"
		       "f.example.com. 9 CLASS1 A 192.0.2.1\n");
	assert_results("@ SOA a b 1 2 3 4 77\n NS a\nc 8 A 192.0.2.1\nd A 192.0.2.1\n",
		       "example.com. 77 CLASS1 SOA a.example.com. b.example.com. 1 2 3 4 77\n"
		       "example.com. 77 CLASS1 NS a.example.com.\n"
		       "c.example.com. 8 CLASS1 A 192.0.2.1\n"
		       "d.example.com. 8 CLASS1 A 192.0.2.1\n");
	assert_results("a 2147483647 A 192.0.2.1\na 2147483648 A 192.0.2.1\n",
		       "a.example.com. 2147483647 CLASS1 A 192.0.2.1\n"
		       "2:3 expected a TTL from 0 to 2147483647, as 3600 or 1h30m, "
		       "found \"2147483648\"\n");
}

static void class_and_ttl_stand_in_either_order(void **state)
{
	(void)state;
	assert_results(
		"a 5 IN A 192.0.2.1\nb in 6 A 192.0.2.1\nc CH TXT x\nd TXT y\ne CLASS1 TXT z\n"
		"f IN CH A 192.0.2.1\ng 1 2 A 192.0.2.1\nh IN\ni 1\nj\nk NOSUCH x\n",
		"a.example.com. 5 CLASS1 A 192.0.2.1\n"
		"b.example.com. 6 CLASS1 A 192.0.2.1\n"
		"c.example.com. 6 CLASS3 TXT \"x\"\n"
		"d.example.com. 6 CLASS3 TXT \"y\"\n"
		"e.example.com. 6 CLASS1 TXT \"z\"\n"
		"6:6 expected a TTL or a record type, found \"CH\"\n"
		"7:5 expected a class or a record type, found \"2\"\n"
		"8:5 expected a TTL or a record type\n"
		"9:4 expected a class or a record type\n"
		"10:2 expected a TTL, a class or a record type\n"
		"11:3 expected a TTL, a class or a record type, found \"NOSUCH\"\n");
}

static void refuses_types_that_no_zone_holds(void **state)
{
	(void)state;
	assert_results(
		"a 5 ANY x\na 5 OPT \\# 0\na 5 TSIG \\# 0\na 5 TYPE250 \\# 0\na 5 TYPE130 \\# 0\n",
		"1:5 expected a type that a zone can hold, found \"ANY\"\n"
		"2:5 expected a type that a zone can hold, found \"OPT\"\n"
		"3:5 expected a type that a zone can hold, found \"TSIG\"\n"
		"4:5 expected a type that a zone can hold, found \"TYPE250\"\n"
		"5:5 expected a type that a zone can hold, found \"TYPE130\"\n");
}

static void gives_includes_to_the_caller(void **state)
{
	(void)state;
	assert_results("$INCLUDE a.zone\n$include \"b c\\\"d\" sub ; x\n$ORIGIN o\n$INCLUDE e @\n",
		       "include a.zone example.com.\n"
		       "include b c\"d sub.example.com.\n"
		       "include e o.example.com.\n");
	assert_results("$INCLUDE\n$INCLUDE \"\"\n$INCLUDE a b c\n$INCLUDE a\\000b\n",
		       "1:9 expected the name of a file\n"
		       "2:10 expected the name of a file\n"
		       "3:14 expected the end of the entry, found \"c\"\n"
		       "4:10 expected the name of a file, found \"a\\000b\"\n");
}

static void a_nested_parser_shares_ttls_and_not_owners(void **state)
{
	(void)state;
	static struct dns_zonefile outer, inner;
	struct dns_zonefile_record r;
	dns_zonefile_init(&outer, span_text("$TTL 5\na CH TXT x\n$INCLUDE f s\n TXT y\n"), &origin,
			  scratch, sizeof(scratch));
	assert_int_equal(dns_zonefile_next(&outer, &r), DNS_ZONEFILE_RECORD);
	assert_int_equal(dns_zonefile_next(&outer, &r), DNS_ZONEFILE_INCLUDE);
	dns_zonefile_init_nested(&inner, &outer, span_text(" TXT z\nb TXT z\n$TTL 6"), r.origin);
	assert_int_equal(dns_zonefile_next(&inner, &r), DNS_ZONEFILE_ERROR);
	assert_int_equal(dns_zonefile_next(&inner, &r), DNS_ZONEFILE_RECORD);
	assert_int_equal(r.class, 3);
	assert_int_equal(r.ttl_s, 5);
	char text[DNS_NAME_TEXT_MAX];
	assert_string_equal(dns_name_format(r.owner, text), "b.s.example.com.");
	assert_int_equal(dns_zonefile_next(&inner, &r), DNS_ZONEFILE_END);
	dns_zonefile_leave_nested(&outer, &inner);
	assert_int_equal(dns_zonefile_next(&outer, &r), DNS_ZONEFILE_RECORD);
	assert_string_equal(dns_name_format(r.owner, text), "a.example.com.");
	assert_false(r.owner_same);
	assert_int_equal(r.ttl_s, 6);
}

static void refuses_wrong_directives(void **state)
{
	(void)state;
	assert_results(
		"$ORIGIN\n$ORIGIN a..b\n$ORIGIN a b\n$TTL\n$TTL x\n$TTL 1 2\n$NOSUCH\n\"a\" A 1\n"
		"$ttl 5\n$origin net.\na A 192.0.2.1\n",
		"1:8 expected a domain name\n"
		"2:9 expected a domain name without empty labels, found \"a..b\"\n"
		"3:11 expected the end of the entry, found \"b\"\n"
		"4:5 expected a TTL\n"
		"5:6 expected a TTL from 0 to 2147483647, as 3600 or 1h30m, found \"x\"\n"
		"6:8 expected the end of the entry, found \"2\"\n"
		"7:1 expected $ORIGIN, $TTL, $INCLUDE, $GENERATE, or an owner, found "
		"\"$NOSUCH\"\n"
		"8:1 expected an owner, found \"a\"\n"
		"a.net. 5 CLASS1 A 192.0.2.1\n");
}

static void refuses_wrong_generates(void **state)
{
	(void)state;
	assert_results(
		"$TTL 5\n"
		"$GENERATE 2-1 a$ A 192.0.2.$\n"
		"$GENERATE 1-2/0 a$ A 192.0.2.$\n"
		"$GENERATE 0-1048576 a$ A 192.0.2.1\n"
		"$GENERATE 1-2\n"
		"$GENERATE 1-2 a$\n"
		"$GENERATE 1-2 a$ A\n"
		"$GENERATE 1-2 a${ A 192.0.2.$\n"
		"$GENERATE 1-2 a${1,2,q} A 192.0.2.$\n"
		"$GENERATE 0-2 a${-1} A 192.0.2.$\n"
		"$GENERATE 255-257 a$ A 192.0.2.$\n"
		"$GENERATE 1-2 a..$ A 192.0.2.$\n"
		"$GENERATE 1-2 a$ A 192.0.2.$ 1\n"
		"$GENERATE 1-2 a$ TXT ( a\n b )\n"
		"$GENERATE 1-9 ${0,200}.${0,200} A 192.0.2.1\n"
		"ok A 192.0.2.1\n",
		"2:11 expected a range, as 1-100 or 0-100/2, found \"2-1\"\n"
		"3:11 expected a range, as 1-100 or 0-100/2, found \"1-2/0\"\n"
		"4:11 expected a range of at most 1048576 records, found \"0-1048576\"\n"
		"5:14 expected an owner\n"
		"6:17 expected a TTL, a class or a record type\n"
		"7:19 expected the rdata\n"
		"8:15 A: expected $, or ${offset,width,base} that is not below 0, found \"a${\"\n"
		"9:15 A: expected $, or ${offset,width,base} that is not below 0, found "
		"\"a${1,2,q}\"\n"
		"10:15 A: expected $, or ${offset,width,base} that is not below 0, found "
		"\"a${-1}\"\n"
		"a255.example.com. 5 CLASS1 A 192.0.2.255\n"
		"11:24 A: expected an IPv4 address, found \"192.0.2.256\"\n"
		"12:15 A: expected a domain name without empty labels, found \"a..1\"\n"
		"13:20 A: expected the end of the rdata, found \"1\"\n"
		"15:2 expected the rdata on one line, found \"b\"\n"
		"16:15 A: expected a domain name with labels of at most 63 bytes, found "
		"\"000000000000000000000000000000000000000000000000...\"\n"
		"ok.example.com. 5 CLASS1 A 192.0.2.1\n");
}

static void expands(const char *template, uint32_t n, const char *expected)
{
	char out[64] = {0};
	struct writer w = writer_of(out, sizeof(out));
	bool right = dns_generate_expand(span_text(template), n, &w);
	assert_int_equal(right, expected != NULL);
	if (expected)
		assert_true(span_is(writer_span(&w), expected));
}

/* The manual of BIND 9, "The $GENERATE Directive". */
static void expands_as_bind_does(void **state)
{
	(void)state;
	expands("${", 1, NULL);
	expands("${}", 1, NULL);
	expands("${x}", 1, NULL);
	expands("${0,x}", 1, NULL);
	expands("${0,256}", 1, NULL);
	expands("${0,1,}", 1, NULL);
	expands("${0,1,dd}", 1, NULL);
	expands("${-2}", 1, NULL);
	expands("a$b", 7, "a7b");
	expands("$$", 7, "$");
	expands("\\$\\\\$", 7, "\\$\\\\7");
	expands("${0}.${+3}.${-7}", 7, "7.10.0");
	expands("${0,4}", 7, "0007");
	expands("${0,4,d}", 12345, "12345");
	expands("${0,3,o}", 8, "010");
	expands("${0,0,x}${0,4,X}", 255, "ff00FF");
	expands("${0,1,n}", 0x1f, "f.1");
	expands("${0,7,n}", 0x1f, "f.1.0.0");
	expands("${0,8,N}", 0xab, "B.A.0.0.");
	expands("${0,0,n}", 0, "0");
	expands("$", 2147483647, "2147483647");
	expands("${2147483647}", 2147483647, "4294967294");
	uint32_t start, stop, step;
	static const char *const bad[] = {"",	   "1",	    "1-",	    "-1",
					  "1-2/",  "1-2-3", "2-1",	    "1/2-3",
					  "1-2/0", "a-b",   "0-2147483648", "1-2/1/1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dns_generate_range(span_text(bad[i]), &start, &stop, &step));
	assert_true(dns_generate_range(span_text("0-2147483647/7"), &start, &stop, &step));
	assert_int_equal(start, 0);
	assert_int_equal(stop, 2147483647);
	assert_int_equal(step, 7);
}

static void a_generate_at_the_edge_ends(void **state)
{
	(void)state;
	assert_results("$GENERATE 2147483645-2147483647/2 a$ 5 TXT $\n",
		       "a2147483645.example.com. 5 CLASS1 TXT \"2147483645\"\n"
		       "a2147483647.example.com. 5 CLASS1 TXT \"2147483647\"\n");
}

static void refuses_rdata_larger_than_the_scratch(void **state)
{
	(void)state;
	static struct dns_zonefile z;
	struct dns_zonefile_record r;
	uint8_t small[8];
	dns_zonefile_init(&z, span_text("a 5 TXT 01234567\nb 5 TXT 0123456\n"), &origin, small,
			  sizeof(small));
	assert_int_equal(dns_zonefile_next(&z, &r), DNS_ZONEFILE_ERROR);
	assert_string_equal(r.message, "TXT: expected an rdata that fits in 65535 bytes");
	assert_int_equal(dns_zonefile_next(&z, &r), DNS_ZONEFILE_RECORD);
	assert_int_equal(dns_zonefile_next(&z, &r), DNS_ZONEFILE_END);
}

static void read_all(const uint8_t *data, size_t len)
{
	static struct dns_zonefile z;
	struct dns_zonefile_record r;
	enum dns_zonefile_result result;
	size_t results = 0;
	dns_zonefile_init(&z, span_of(data, len), &origin, scratch, sizeof(scratch));
	while ((result = dns_zonefile_next(&z, &r)) != DNS_ZONEFILE_END && results++ < 1000) {
		if (result == DNS_ZONEFILE_RECORD)
			assert_int_equal(dns_rdata_check(r.type, r.rdata), OK);
		if (result == DNS_ZONEFILE_ERROR)
			assert_true(r.line > 0 && r.column > 0 && strlen(r.message) > 0);
	}
}

static void stays_inside_torn_and_flipped_files(void **state)
{
	(void)state;
	static const char text[] =
		"$TTL 1h\n@ IN SOA ns host (\n 1 ; serial\n 2 3 4 5 )\n\tNS ns.sub\n$ORIGIN sub\n"
		"ns A 192.0.2.1\n AAAA 2001:db8::1\n$INCLUDE \"f\\\"g\" x\nt TXT \"a\\010\" b\\;c\n"
		"$GENERATE 1-3/2 h${1,2,x} A 192.0.2.$\nu TYPE999 \\# 2 ( ab\n cd )\n"
		"v HTTPS 1 . alpn=\"h2,h3\" port=1\n";
	guard_every_prefix(text, sizeof(text) - 1, read_all);
	guard_every_bit_flip(text, sizeof(text) - 1, read_all);
}

int main(void)
{
	if (dns_name_from_text(span_text("example.com."), NULL, &origin))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_after_an_error),
		cmocka_unit_test(says_where_an_open_parenthesis_is),
		cmocka_unit_test(drops_what_follows_a_bad_owner),
		cmocka_unit_test(drops_what_follows_a_bad_generate),
		cmocka_unit_test(refuses_types_that_no_zone_holds),
		cmocka_unit_test(refuses_wrong_directives),
		cmocka_unit_test(refuses_wrong_generates),
		cmocka_unit_test(refuses_rdata_larger_than_the_scratch),
		cmocka_unit_test(an_owner_left_out_is_the_last_one),
		cmocka_unit_test(tells_when_the_owner_is_the_same),
		cmocka_unit_test(lowers_owners_and_keeps_their_case),
		cmocka_unit_test(a_ttl_left_out_is_the_default_or_the_last_stated),
		cmocka_unit_test(class_and_ttl_stand_in_either_order),
		cmocka_unit_test(gives_includes_to_the_caller),
		cmocka_unit_test(a_nested_parser_shares_ttls_and_not_owners),
		cmocka_unit_test(expands_as_bind_does),
		cmocka_unit_test(a_generate_at_the_edge_ends),
		cmocka_unit_test(stays_inside_torn_and_flipped_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
