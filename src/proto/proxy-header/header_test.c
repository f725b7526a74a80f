#include "proto/proxy-header/header.h"

#include "proto/proxy-header/crc32c.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIGNATURE "0d0a0d0a000d0a515549540a"

static enum parse read_text(const char *text, struct proxy_header *h)
{
	return proxy_header_read(span_text(text), h);
}

static enum parse read_hex(const char *hex, struct proxy_header *h)
{
	static uint8_t room[8192]; /* the spans of h lie in it */
	return proxy_header_read(span_of(room, hex_read(hex, room, sizeof(room))), h);
}

static void assert_endpoint(const struct ip_endpoint *e, const char *text)
{
	char said[IP_ENDPOINT_TEXT_MAX];
	ip_endpoint_format(e, said);
	assert_string_equal(said, text);
}

static void refuses_lines_that_are_not_exactly_the_form(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n",
		"PROXY\r\n",
		"PROXY \r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
		"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
		"PROXY TCP4 192.0.2.1 2001:db8::1 1 2\r\n",
		"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1\r192.0.2.2 1 2\r\n",
		"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
		"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
		/* 108 bytes */
		("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655355\r\n"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct proxy_header h;
		assert_int_equal(read_text(bad[i], &h), PARSE_BAD);
	}
}

static void reads_a_line_and_leaves_what_the_client_says(void **state)
{
	(void)state;
	struct proxy_header h;
	assert_int_equal(read_text("PROXY TCP4 255.255.255.255 192.0.2.2 65535 443\r\nGET /", &h),
			 PARSE_DONE);
	assert_int_equal(h.version, 1);
	assert_int_equal(h.len, 48);
	assert_int_equal(h.transport, PROXY_HEADER_STREAM);
	assert_endpoint(&h.source, "255.255.255.255:65535");
	assert_endpoint(&h.destination, "192.0.2.2:443");
	assert_int_equal(read_text("PROXY TCP6 2001:db8::1 2001:db8::2 0 1\r\n", &h), PARSE_DONE);
	assert_endpoint(&h.destination, "[2001:db8::2]:1");
	assert_int_equal(h.source.port, 0);
	assert_int_equal(read_text("PROXY UNKNOWN\r\n", &h), PARSE_DONE);
	assert_int_equal(h.transport, PROXY_HEADER_UNSPEC);
	assert_int_equal(read_text("PROXY UNKNOWN what ever\r\nx", &h), PARSE_DONE);
	assert_int_equal(h.len, 25);
	assert_int_equal(h.source.address.family, 0);
	/* the longest line of the paper (2.1): 107 bytes */
	assert_int_equal(read_text("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
				   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
				   &h),
			 PARSE_DONE);
	assert_int_equal(h.len, PROXY_HEADER_TEXT_MAX);
}

static void asks_for_more_only_while_it_can_become_right(void **state)
{
	(void)state;
	static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
	struct proxy_header h;
	for (size_t n = 0; n < sizeof(line) - 1; n++)
		assert_int_equal(proxy_header_read(span_of(line, n), &h), PARSE_MORE);
	assert_int_equal(read_text("P", &h), PARSE_MORE);
	assert_int_equal(read_text("PX", &h), PARSE_BAD);
	assert_int_equal(read_text("\r\n\r\n", &h), PARSE_MORE);
	assert_int_equal(read_text("\r\n\r\nx", &h), PARSE_BAD);
	assert_int_equal(read_hex(SIGNATURE, &h), PARSE_MORE);
	assert_int_equal(read_hex(SIGNATURE "22", &h), PARSE_BAD);
	assert_int_equal(read_hex(SIGNATURE "11", &h), PARSE_BAD);
	assert_int_equal(read_hex(SIGNATURE "21110ff0", &h), PARSE_MORE);
	assert_int_equal(read_hex(SIGNATURE "21110ff1", &h), PARSE_BAD); /* over PROXY_HEADER_MAX */
}

static void refuses_blocks_that_do_not_hold_what_they_say(void **state)
{
	(void)state;
	static const char *const bad[] = {
		SIGNATURE "2111000bc0000201c000020200010002",		    /* addresses cut */
		SIGNATURE "2110000cc0000201c000020200010002",		    /* no transport */
		SIGNATURE "2113000cc0000201c000020200010002",		    /* a third transport */
		SIGNATURE "2141000cc0000201c000020200010002",		    /* a fourth family */
		SIGNATURE "2111000ec0000201c0000202000100020100",	    /* a TLV cut */
		SIGNATURE "21110010c0000201c00002020001000201000268",	    /* its value cut */
		SIGNATURE "21110013c0000201c00002020001000203000400000000", /* a wrong checksum */
		SIGNATURE "21110012c0000201c000020200010002030003000000",   /* of a wrong length */
		SIGNATURE "21110013c0000201c00002020001000220000401000000", /* TLS cut */
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct proxy_header h;
		assert_int_not_equal(read_hex(bad[i], &h), PARSE_DONE);
	}
}

static void reads_blocks_of_every_family(void **state)
{
	(void)state;
	struct proxy_header h;
	assert_int_equal(read_hex(SIGNATURE "2111000cc0000201c00002021f90005016", &h), PARSE_DONE);
	assert_int_equal(h.len, 28);
	assert_endpoint(&h.source, "192.0.2.1:8080");
	assert_endpoint(&h.destination, "192.0.2.2:80");
	assert_int_equal(read_hex(SIGNATURE "2122002420010db8000000000000000000000001"
					    "20010db800000000000000000000000200350036",
				  &h),
			 PARSE_DONE);
	assert_int_equal(h.transport, PROXY_HEADER_DATAGRAM);
	assert_endpoint(&h.source, "[2001:db8::1]:53");
	/* what is local, or of no family, is skipped whole, be it as it may */
	assert_int_equal(read_hex(SIGNATURE "2011000401020304", &h), PARSE_DONE);
	assert_true(h.local);
	assert_int_equal(h.len, 20);
	assert_int_equal(h.source.address.family, 0);
	assert_int_equal(read_hex(SIGNATURE "21000003ffffff", &h), PARSE_DONE);
	assert_int_equal(h.transport, PROXY_HEADER_UNSPEC);
}

static struct proxy_header full(void)
{
	return (struct proxy_header){
		.version = 2,
		.transport = PROXY_HEADER_STREAM,
		.source = {.address = ip_address_v4(192, 0, 2, 1), .port = 50000},
		.destination = {.address = ip_address_v4(192, 0, 2, 2), .port = 443},
		.crc32c = true,
		.alpn = span_text("h2"),
		.authority = span_text("www.example"),
		.unique_id = span_text("4711"),
		.netns = span_text("blue"),
		.tls = {.present = true,
			.used = true,
			.certificate_now = true,
			.verified = true,
			.version = span_text("TLSv1.3"),
			.name = span_text("anna"),
			.cipher = span_text("TLS_AES_128_GCM_SHA256")},
	};
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	uint8_t room[PROXY_HEADER_WRITE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct proxy_header h = full(), back;
	proxy_header_write(&w, &h);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(proxy_header_read(writer_span(&w), &back), PARSE_DONE);
	assert_int_equal(back.len, w.pos);
	assert_true(back.crc32c);
	assert_true(span_is(back.alpn, "h2"));
	assert_true(span_is(back.authority, "www.example"));
	assert_true(span_is(back.unique_id, "4711"));
	assert_true(span_is(back.netns, "blue"));
	assert_true(back.tls.used && back.tls.verified && back.tls.certificate_now);
	assert_true(span_is(back.tls.name, "anna"));
	assert_true(span_is(back.tls.cipher, "TLS_AES_128_GCM_SHA256"));
	assert_endpoint(&back.source, "192.0.2.1:50000");
}

static void a_bit_that_is_wrong_is_noticed_by_the_checksum(void **state)
{
	(void)state;
	uint8_t room[PROXY_HEADER_WRITE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct proxy_header h = full(), back;
	proxy_header_write(&w, &h);
	for (size_t bit = 16 * 8; bit < w.pos * 8; bit++) {
		room[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (proxy_header_read(writer_span(&w), &back) == PARSE_DONE)
			assert_false(back.crc32c); /* the kind of that TLV was what flipped */
		room[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void unix_paths_and_datagrams_are_carried_by_version_2_only(void **state)
{
	(void)state;
	uint8_t room[PROXY_HEADER_WRITE_MAX];
	struct proxy_header h = {.version = 2,
				 .transport = PROXY_HEADER_DATAGRAM,
				 .is_unix = true,
				 .unix_source = span_of("\0abstract", 9),
				 .unix_destination = span_text("/run/a")},
			    back;
	struct writer w = writer_of(room, sizeof(room));
	proxy_header_write(&w, &h);
	assert_int_equal(proxy_header_read(writer_span(&w), &back), PARSE_DONE);
	assert_true(back.is_unix);
	assert_true(span_equal(back.unix_source, h.unix_source));
	assert_true(span_is(back.unix_destination, "/run/a"));
	assert_int_equal(back.len, 16 + 2 * 108);
	h.version = 1;
	w.pos = 0;
	proxy_header_write(&w, &h);
	assert_true(span_is(writer_span(&w), "PROXY UNKNOWN\r\n"));
}

static void writes_the_forms_of_the_paper(void **state)
{
	(void)state;
	uint8_t room[PROXY_HEADER_WRITE_MAX];
	struct proxy_header h = full();
	struct writer w = writer_of(room, sizeof(room));
	h.version = 1;
	proxy_header_write(&w, &h);
	assert_true(span_is(writer_span(&w), "PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n"));
	h = (struct proxy_header){.version = 2, .local = true};
	w.pos = 0;
	proxy_header_write(&w, &h);
	assert_true(hex_is(room, w.pos, SIGNATURE "20000000"));
	/* a text that is too long, and a buffer that is too small */
	char name[300] = {0};
	h = full();
	h.authority = span_of(name, sizeof(name));
	w.pos = 0;
	proxy_header_write(&w, &h);
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	h = full();
	for (size_t cap = 0; cap < 100; cap++) {
		w = writer_of(room, cap);
		proxy_header_write(&w, &h);
		assert_int_equal(writer_check(&w), ERR_LIMIT);
	}
}

static void the_checksum_is_that_of_its_papers(void **state)
{
	(void)state;
	uint8_t bytes[32] = {0};
	/* RFC 3720 B.4; and the usual check value */
	assert_int_equal(proxy_header_crc32c(0, span_of(bytes, 32)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(proxy_header_crc32c(0, span_of(bytes, 32)), 0x62a8ab43);
	uint32_t part = proxy_header_crc32c(0, span_text("1234"));
	assert_int_equal(proxy_header_crc32c(part, span_text("56789")), 0xe3069283);
}

static void torn(const uint8_t *data, size_t len)
{
	struct proxy_header h;
	assert_int_equal(proxy_header_read(span_of(data, len), &h),
			 len < PROXY_HEADER_WRITE_MAX ? PARSE_MORE : PARSE_DONE);
}

static void flipped(const uint8_t *data, size_t len)
{
	struct proxy_header h;
	if (proxy_header_read(span_of(data, len), &h) == PARSE_DONE)
		assert_true(h.len <= len);
}

static void stays_inside_what_is_there(void **state)
{
	(void)state;
	uint8_t room[PROXY_HEADER_WRITE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct proxy_header h = full();
	proxy_header_write(&w, &h);
	guard_every_prefix(room, w.pos - 1, torn);
	guard_every_bit_flip(room, w.pos, flipped);
	static const char line[] = "PROXY TCP6 2001:db8::1 2001:db8::2 50000 443\r\n";
	guard_every_prefix(line, sizeof(line) - 2, torn);
	guard_every_bit_flip(line, sizeof(line) - 1, flipped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_lines_that_are_not_exactly_the_form),
		cmocka_unit_test(refuses_blocks_that_do_not_hold_what_they_say),
		cmocka_unit_test(asks_for_more_only_while_it_can_become_right),
		cmocka_unit_test(reads_a_line_and_leaves_what_the_client_says),
		cmocka_unit_test(reads_blocks_of_every_family),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_bit_that_is_wrong_is_noticed_by_the_checksum),
		cmocka_unit_test(unix_paths_and_datagrams_are_carried_by_version_2_only),
		cmocka_unit_test(writes_the_forms_of_the_paper),
		cmocka_unit_test(the_checksum_is_that_of_its_papers),
		cmocka_unit_test(stays_inside_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
