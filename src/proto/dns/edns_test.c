#include "proto/dns/edns.h"

#include "base/siphash.h"
#include "proto/dns/code.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err read_options(const void *options, size_t len, struct dns_edns *ret)
{
	return dns_edns_read(1232, 0, span_of(options, len), ret);
}

static void refuses_torn_options(void **state)
{
	(void)state;
	struct dns_edns e;
	static const uint8_t torn[] = {0, 3, 0, 0, 0xfd, 0xe9, 0, 2, 1, 2};
	for (size_t len = 1; len < sizeof(torn); len++)
		assert_int_equal(read_options(torn, len, &e), len == 4 ? OK : ERR_FORMAT);
	assert_int_equal(read_options(torn, sizeof(torn), &e), OK);
}

static void refuses_cookies_of_wrong_length(void **state)
{
	(void)state;
	/* RFC 7873 4: 8, or 16 to 40 octets. */
	for (uint8_t len = 0; len < 50; len++) {
		uint8_t option[4 + 50] = {0, DNS_OPTION_COOKIE, 0, len};
		struct dns_edns e;
		enum err want = len == 8 || (len >= 16 && len <= 40) ? OK : ERR_FORMAT;
		assert_int_equal(read_options(option, 4u + len, &e), want);
		if (want == OK)
			assert_int_equal(e.cookie.len, len);
	}
}

static void refuses_wrong_client_subnets(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		uint8_t body[8];
		enum err want;
	} rows[] = {
		{3, {0, 1, 24}, ERR_FORMAT},
		{6, {0, 1, 24, 0, 192, 0}, ERR_FORMAT},	      /* too few octets */
		{8, {0, 1, 24, 0, 192, 0, 2, 0}, ERR_FORMAT}, /* too many */
		{7, {0, 1, 23, 0, 192, 0, 3}, ERR_FORMAT},    /* a bit past the prefix */
		{8, {0, 1, 33, 0, 192, 0, 2, 1}, ERR_FORMAT}, /* more than an address has */
		{7, {0, 1, 24, 33, 192, 0, 2}, ERR_FORMAT},
		{5, {0, 0, 1, 0, 0}, ERR_FORMAT},
		{7, {0, 3, 24, 0, 1, 2, 3}, ERR_UNSUPPORTED},
		{4, {0, 0, 0, 0}, OK},
		{4, {0, 2, 0, 0}, OK},
		{7, {0, 1, 23, 0, 192, 0, 2}, OK},
		{8, {0, 1, 32, 32, 192, 0, 2, 1}, OK},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_client_subnet s;
		assert_int_equal(dns_client_subnet_read(span_of(rows[i].body, rows[i].len), &s),
				 rows[i].want);
	}
}

static void refuses_a_keepalive_that_is_no_time(void **state)
{
	(void)state;
	static const uint8_t option[] = {0, DNS_OPTION_TCP_KEEPALIVE, 0, 1, 7};
	struct dns_edns e;
	assert_int_equal(read_options(option, sizeof(option), &e), ERR_FORMAT);
}

static void reads_the_fixed_fields(void **state)
{
	(void)state;
	struct dns_edns e;
	assert_int_equal(dns_edns_read(4096, 0xab008000, (struct span){0}, &e), OK);
	assert_true(e.present && e.do_bit);
	assert_int_equal(e.extended_rcode, 0xab);
	assert_int_equal(e.version, 0);
	assert_int_equal(e.udp_size, 4096);
	assert_int_equal(dns_edns_read(100, 0x00017fff, span_of("\0", 1), &e), OK);
	assert_false(e.do_bit);
	assert_int_equal(e.version, 1);
	assert_int_equal(e.udp_size, 512); /* RFC 6891 6.2.3 */
	assert_int_equal(e.options.len, 0);
}

static void gives_back_every_option_that_it_writes(void **state)
{
	(void)state;
	uint8_t buf[300];
	struct writer w = writer_of(buf, sizeof(buf));
	struct dns_client_subnet subnet = {.family = 2,
					   .source = 45,
					   .scope = 0,
					   .address = {0x20, 1, 0xd, 0xb8, 0xff, 0xff, 9}};
	dns_edns_write_nsid(&w, span_text("ns1"));
	dns_edns_write_client_subnet(&w, &subnet);
	dns_edns_write_cookie(&w, (const uint8_t *)"12345678", span_text("abcdefghijklmnop"));
	dns_edns_write_cookie(&w, (const uint8_t *)"second!!", (struct span){0});
	dns_edns_write_keepalive(&w, 300);
	dns_edns_write_extended_error(&w, DNS_EDE_NETWORK_ERROR, span_text("no route"));
	dns_edns_write_padding(&w, 5);
	assert_int_equal(writer_check(&w), OK);

	struct dns_edns e;
	assert_int_equal(dns_edns_read(1232, 0, writer_span(&w), &e), OK);
	assert_true(e.nsid && e.keepalive && e.padding);
	assert_true(span_is(e.cookie, "12345678abcdefghijklmnop"));

	struct dns_client_subnet back;
	assert_int_equal(dns_client_subnet_read(e.subnet, &back), OK);
	assert_int_equal(back.family, 2);
	assert_int_equal(back.source, 45);
	assert_memory_equal(back.address, "\x20\x01\x0d\xb8\xff\xf8\0\0\0\0\0\0\0\0\0\0", 16);

	static const uint16_t codes[] = {3, 8, 10, 10, 11, 15, 12};
	struct reader r = reader_of_span(e.options);
	struct dns_edns_option o;
	size_t count = 0;
	while (dns_edns_option_next(&r, &o)) {
		assert_int_equal(o.code, codes[count++]);
		if (o.code == DNS_OPTION_NSID)
			assert_true(span_is(o.body, "ns1"));
		if (o.code == DNS_OPTION_TCP_KEEPALIVE)
			assert_memory_equal(o.body.data, "\x01\x2c", 2);
		if (o.code == DNS_OPTION_PADDING)
			assert_memory_equal(o.body.data, "\0\0\0\0\0", 5);
		if (o.code == DNS_OPTION_EDE) {
			struct dns_extended_error error;
			assert_int_equal(dns_extended_error_read(o.body, &error), OK);
			assert_int_equal(error.code, DNS_EDE_NETWORK_ERROR);
			assert_true(span_is(error.text, "no route"));
		}
	}
	assert_int_equal(count, 7);
	struct dns_extended_error error;
	assert_int_equal(dns_extended_error_read(span_of("\0", 1), &error), ERR_FORMAT);
}

static void pads_to_whole_blocks(void **state)
{
	(void)state;
	for (size_t len = 12; len < 2000; len++) {
		size_t pad = dns_edns_padding_len(len, 468, SIZE_MAX);
		assert_int_equal((len + 4 + pad) % 468, 0);
		assert_true(pad < 468);
	}
	assert_int_equal(dns_edns_padding_len(20, 128, 10), 10);
}

static void an_option_that_does_not_fit_marks_the_writer(void **state)
{
	(void)state;
	uint8_t buf[8];
	struct writer w = writer_of(buf, sizeof(buf));
	dns_edns_write_nsid(&w, span_text("12345"));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

/* --- cookies --- */

/* RFC 9018 Appendix A. */
static const uint8_t secret[16] = {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
				   0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf};
static const uint8_t secret_new[16] = {0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98,
				       0x07, 0x5a, 0x5d, 0x37, 0x96, 0x63, 0xc9, 0x62};
static const uint8_t secret_v6[16] = {0xdd, 0x3b, 0xdf, 0x93, 0x44, 0xb6, 0x78, 0xb1,
				      0x85, 0xa6, 0xf5, 0xcb, 0x60, 0xfc, 0xa7, 0x15};

static void refuses_forged_old_and_future_cookies(void **state)
{
	(void)state;
	const uint8_t client[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	const struct span address = span_of("\xc6\x33\x64\x64", 4);
	uint8_t cookie[24];
	const uint32_t made_s = 0xfffffff0; /* the clock wraps within the hour: RFC 9018 4.3 */
	memcpy(cookie, client, 8);
	dns_cookie_make(secret, client, address, made_s, cookie + 8);
	const struct span whole = span_of(cookie, 24);

	static const struct {
		int32_t age_s;
		enum dns_cookie_verdict want;
	} rows[] = {
		{0, DNS_COOKIE_GOOD},	  {1800, DNS_COOKIE_GOOD},     {1801, DNS_COOKIE_RENEW},
		{3600, DNS_COOKIE_RENEW}, {3601, DNS_COOKIE_BAD},      {-300, DNS_COOKIE_GOOD},
		{-301, DNS_COOKIE_BAD},	  {INT32_MIN, DNS_COOKIE_BAD},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
			dns_cookie_check(secret, whole, address, made_s + (uint32_t)rows[i].age_s),
			rows[i].want);

	for (size_t bit = 0; bit < 24 * 8; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(dns_cookie_check(secret, whole, address, made_s), DNS_COOKIE_BAD);
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(dns_cookie_check(secret_new, whole, address, made_s), DNS_COOKIE_BAD);
	assert_int_equal(dns_cookie_check(secret, whole, span_of("\xc6\x33\x64\x65", 4), made_s),
			 DNS_COOKIE_BAD);
	assert_int_equal(dns_cookie_check(secret, span_of(cookie, 23), address, made_s),
			 DNS_COOKIE_BAD);
	assert_int_equal(dns_cookie_check(secret, span_of(cookie, 8), address, made_s),
			 DNS_COOKIE_FRESH);
	assert_int_equal(dns_cookie_check(secret, (struct span){0}, address, made_s),
			 DNS_COOKIE_NONE);
}

/* Made with the right secret, and of a version that we do not know. */
static void refuses_cookies_of_another_version(void **state)
{
	(void)state;
	uint8_t input[20] = {1, 2, 3, 4, 5, 6, 7, 8, 2, 0, 0, 0, 0, 0, 0, 99, 192, 0, 2, 1};
	uint8_t cookie[24];
	for (uint8_t version = 1; version <= 2; version++) {
		input[8] = version;
		uint64_t mac = siphash24(secret, input, sizeof(input));
		memcpy(cookie, input, 16);
		for (unsigned i = 0; i < 8; i++)
			cookie[16 + i] = (uint8_t)(mac >> 8 * i);
		assert_int_equal(
			dns_cookie_check(secret, span_of(cookie, 24), span_of(input + 16, 4), 100),
			version == 1 ? DNS_COOKIE_GOOD : DNS_COOKIE_BAD);
	}
}

static void makes_and_checks_the_cookies_of_rfc_9018_appendix_a(void **state)
{
	(void)state;
	uint8_t made[16];
	/* A.1: learning a new cookie, 198.51.100.100. */
	const uint8_t client[8] = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57};
	const struct span address = span_of("\xc6\x33\x64\x64", 4);
	dns_cookie_make(secret, client, address, 1559731985, made);
	assert_memory_equal(made, "\x01\0\0\0\x5c\xf7\x9f\x11\x1f\x81\x30\xc3\xee\xe2\x94\x80", 16);
	/* A.2: the same client about 40 minutes later gets a renewed one. */
	const struct span learned = span_of("\x24\x64\xc4\xab\xcf\x10\xc9\x57\x01\0\0\0\x5c\xf7\x9f"
					    "\x11\x1f\x81\x30\xc3\xee\xe2\x94\x80",
					    24);
	assert_int_equal(dns_cookie_check(secret, learned, address, 1559734385), DNS_COOKIE_RENEW);
	dns_cookie_make(secret, client, address, 1559734385, made);
	assert_memory_equal(made, "\x01\0\0\0\x5c\xf7\xa8\x71\xd4\xa5\x64\xa1\x44\x2a\xca\x77", 16);
	/* A.3: another client, 203.0.113.203, whose cookie has reserved octets that are not 0. */
	const struct span address3 = span_of("\xcb\0\x71\xcb", 4);
	const struct span reserved = span_of("\xfc\x93\xfc\x62\x80\x7d\xdb\x86\x01\xab\xcd\xef\x5c"
					     "\xf7\x8f\x71\xa3\x14\x22\x7b\x66\x79\xeb\xf5",
					     24);
	assert_int_equal(dns_cookie_check(secret, reserved, address3, 1559727985 + 10),
			 DNS_COOKIE_GOOD);
	assert_int_equal(dns_cookie_check(secret, reserved, address3, 1559734700), DNS_COOKIE_BAD);
	const uint8_t client3[8] = {0xfc, 0x93, 0xfc, 0x62, 0x80, 0x7d, 0xdb, 0x86};
	dns_cookie_make(secret, client3, address3, 1559734700, made);
	assert_memory_equal(made, "\x01\0\0\0\x5c\xf7\xa9\xac\xf7\x3a\x78\x10\xac\xa2\x38\x1e", 16);
	/* A.4: IPv6 and a new secret. */
	const uint8_t client4[8] = {0x22, 0x68, 0x1a, 0xb9, 0x7d, 0x52, 0xc2, 0x98};
	const struct span address4 =
		span_of("\x20\x01\x0d\xb8\x02\x20\0\x01\x59\xde\xd0\xf4\x87\x69\x82\xb8", 16);
	const struct span old = span_of("\x22\x68\x1a\xb9\x7d\x52\xc2\x98\x01\0\0\0\x5c\xf7\xc5\x79"
					"\x26\x55\x6b\xd0\x93\x4c\x72\xf8",
					24);
	assert_int_equal(dns_cookie_check(secret_v6, old, address4, 1559741817), DNS_COOKIE_GOOD);
	assert_int_equal(dns_cookie_check(secret_new, old, address4, 1559741961), DNS_COOKIE_BAD);
	dns_cookie_make(secret_new, client4, address4, 1559741961, made);
	assert_memory_equal(made, "\x01\0\0\0\x5c\xf7\xc6\x09\xa6\xbb\x79\xd1\x66\x25\x50\x7a", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_torn_options),
		cmocka_unit_test(refuses_cookies_of_wrong_length),
		cmocka_unit_test(refuses_wrong_client_subnets),
		cmocka_unit_test(refuses_a_keepalive_that_is_no_time),
		cmocka_unit_test(reads_the_fixed_fields),
		cmocka_unit_test(gives_back_every_option_that_it_writes),
		cmocka_unit_test(pads_to_whole_blocks),
		cmocka_unit_test(an_option_that_does_not_fit_marks_the_writer),
		cmocka_unit_test(refuses_forged_old_and_future_cookies),
		cmocka_unit_test(refuses_cookies_of_another_version),
		cmocka_unit_test(makes_and_checks_the_cookies_of_rfc_9018_appendix_a),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
