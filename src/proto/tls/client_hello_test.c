#include "proto/tls/client_hello.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A ClientHello in the making: one record, and extensions as each test wants them. */
struct made {
	uint8_t bytes[CLIENT_HELLO_MAX + 64];
	struct writer w;
	size_t record, extensions;
};

static void begin(struct made *m)
{
	static const uint8_t random[32] = {7};
	m->w = writer_of(m->bytes, sizeof(m->bytes));
	write_bytes(&m->w, "\x16\x03\x01", 3);
	m->record = writer_reserve(&m->w, 2);
	write_bytes(&m->w, "\x01\x00", 2); /* the third byte of the length is below in `end` */
	(void)writer_reserve(&m->w, 2);
	write_u16(&m->w, 0x0303);
	write_bytes(&m->w, random, sizeof(random));
	write_u8(&m->w, 32);
	write_bytes(&m->w, random, sizeof(random));
	write_u16(&m->w, 2);
	write_u16(&m->w, 0x1301);
	write_bytes(&m->w, "\x01\x00", 2);
	m->extensions = writer_reserve(&m->w, 2);
}

static void extension(struct made *m, uint16_t type, const void *body, size_t len)
{
	write_u16(&m->w, type);
	write_u16(&m->w, (uint16_t)len);
	write_bytes(&m->w, body, len);
}

static struct span end(struct made *m)
{
	writer_fill_u16(&m->w, m->extensions);
	writer_fill_u16(&m->w, m->record + 4);
	writer_fill_u16(&m->w, m->record);
	assert_int_equal(writer_check(&m->w), OK);
	return writer_span(&m->w);
}

static void server_name(struct made *m, const char *name)
{
	uint8_t body[512];
	struct writer w = writer_of(body, sizeof(body));
	size_t list = writer_reserve(&w, 2);
	write_u8(&w, 0);
	size_t len = writer_reserve(&w, 2);
	write_text(&w, name);
	writer_fill_u16(&w, len);
	writer_fill_u16(&w, list);
	extension(m, 0, body, w.pos);
}

static enum parse read_named(const char *name, struct client_hello *h)
{
	struct made m;
	begin(&m);
	server_name(&m, name);
	return client_hello_read(end(&m), h);
}

static void refuses_what_is_no_tls(void **state)
{
	(void)state;
	struct client_hello h;
	static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x02", "\x16\x03\x05",
					  "\x15\x03\x01", "\x16\x03\x01\x01\x01\x02"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(client_hello_read(span_text(bad[i]), &h), PARSE_BAD);
	assert_int_equal(client_hello_read(span_of("\x16\x03\x01\x00\x00", 5), &h), PARSE_BAD);
	assert_int_equal(client_hello_read(span_of("\x16\x03\x01\x40\x01", 5), &h), PARSE_BAD);
	/* a message over the bound is refused as soon as its length is there */
	assert_int_equal(client_hello_read(span_of("\x16\x03\x01\x40\x00\x01\x00\x40\x00", 9), &h),
			 PARSE_BAD);
	assert_int_equal(client_hello_read(span_of(NULL, 0), &h), PARSE_MORE);
}

static void refuses_names_that_are_none(void **state)
{
	(void)state;
	struct client_hello h;
	char longest[300], label[70];
	memset(label, 'a', sizeof(label));
	label[64] = 0;
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 ? '.' : 'a';
	longest[255] = 0;
	const char *const bad[] = {"",	  ".",	  "a..b",	 ".a",	"a b",
				   "a/b", "a\nb", "caf\xc3\xa9", label, longest};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_named(bad[i], &h), PARSE_BAD);
	longest[253] = 0;
	assert_int_equal(read_named(longest, &h), PARSE_DONE);
	label[63] = 0;
	assert_int_equal(read_named(label, &h), PARSE_DONE);
}

static void refuses_torn_and_repeated_extensions(void **state)
{
	(void)state;
	struct client_hello h;
	struct made m;
	begin(&m);
	server_name(&m, "a.example");
	server_name(&m, "b.example");
	assert_int_equal(client_hello_read(end(&m), &h), PARSE_BAD);
	static const struct {
		uint16_t type;
		const char *body;
		size_t len;
	} bad[] = {
		{0, "", 0},
		{0, "\x00\x00", 2},
		{0,
		 "\x00\x05\x00\x00\x03"
		 "a",
		 6},
		{0,
		 "\x00\x04\x00\x00\x01"
		 "a"
		 "b",
		 7},
		{0,
		 "\x00\x08\x00\x00\x01"
		 "a"
		 "\x00\x00\x01"
		 "b",
		 10},
		{16, "\x00\x00", 2},
		{16, "\x00\x01\x00", 3},
		{16, "\x00\x03\x03h2", 5},
		{43, "\x01\x03", 2},
		{43, "\x03\x03\x04", 3},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(&m);
		extension(&m, bad[i].type, bad[i].body, bad[i].len);
		assert_int_equal(client_hello_read(end(&m), &h), PARSE_BAD);
	}
	begin(&m);
	for (uint16_t i = 0; i <= CLIENT_HELLO_EXTENSIONS_MAX; i++)
		extension(&m, (uint16_t)(1000 + i), "", 0);
	assert_int_equal(client_hello_read(end(&m), &h), PARSE_BAD);
}

static void tells_name_and_protocols(void **state)
{
	(void)state;
	struct client_hello h;
	struct made m;
	begin(&m);
	server_name(&m, "WWW.Example.");
	extension(&m, 16, "\x00\x0c\x02h2\x08http/1.1", 14);
	extension(&m, 43, "\x04\x03\x04\x03\x03", 5);
	extension(&m, 0xfe0d, "x", 1);
	assert_int_equal(client_hello_read(end(&m), &h), PARSE_DONE);
	assert_string_equal(h.name, "www.example");
	assert_true(client_hello_offers(&h, "h2") && client_hello_offers(&h, "http/1.1"));
	assert_false(client_hello_offers(&h, "h") || client_hello_offers(&h, ""));
	assert_true(h.offers_tls13 && h.has_ech);
	begin(&m);
	assert_int_equal(client_hello_read(end(&m), &h), PARSE_DONE);
	assert_string_equal(h.name, "");
	assert_false(h.offers_tls13 || h.has_ech || h.alpn_len);
}

/* Cuts the one record of hello into records of n bytes. */
static size_t cut(struct span hello, size_t n, uint8_t *ret)
{
	struct writer w = writer_of(ret, CLIENT_HELLO_MAX);
	for (size_t at = 5; at < hello.len; at += n) {
		struct span part = span_sub(hello, at, n);
		write_bytes(&w, "\x16\x03\x01", 3);
		write_u16(&w, (uint16_t)part.len);
		write_span(&w, part);
	}
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void a_message_may_lie_in_many_records(void **state)
{
	(void)state;
	static uint8_t wire[CLIENT_HELLO_MAX];
	struct client_hello h;
	struct made m;
	begin(&m);
	server_name(&m, "www.example");
	struct span whole = end(&m);
	for (size_t n = 1; n < 40; n++) {
		size_t len = cut(whole, n, wire);
		assert_int_equal(client_hello_read(span_of(wire, len), &h), PARSE_DONE);
		assert_string_equal(h.name, "www.example");
		assert_int_equal(client_hello_read(span_of(wire, len - 1), &h), PARSE_MORE);
	}
	size_t len = cut(whole, 20, wire);
	wire[25] = 0x15; /* an alert between */
	assert_int_equal(client_hello_read(span_of(wire, len), &h), PARSE_BAD);
}

static void never_waits_beyond_its_bound(void **state)
{
	(void)state;
	static uint8_t wire[CLIENT_HELLO_MAX + 6];
	struct client_hello h;
	struct writer w = writer_of(wire, sizeof(wire));
	write_bytes(&w, "\x16\x03\x01\x00\x04\x01\x00\x3f\x00", 9);
	while (writer_left(&w) >= 6)
		write_bytes(&w, "\x16\x03\x01\x00\x01\x00", 6);
	assert_int_equal(client_hello_read(span_of(wire, CLIENT_HELLO_MAX - 1), &h), PARSE_MORE);
	assert_int_equal(client_hello_read(span_of(wire, CLIENT_HELLO_MAX), &h), PARSE_BAD);
	/* the largest message that is taken */
	struct made m;
	static const uint8_t zeros[CLIENT_HELLO_MESSAGE_MAX];
	begin(&m);
	size_t rest = CLIENT_HELLO_MESSAGE_MAX - (m.w.pos - 5) - 4;
	extension(&m, 21, zeros, rest);
	struct span hello = end(&m);
	assert_int_equal(hello.len, CLIENT_HELLO_MESSAGE_MAX + 5);
	assert_int_equal(client_hello_read(hello, &h), PARSE_DONE);
}

static void torn(const uint8_t *data, size_t len)
{
	struct client_hello h;
	assert_int_equal(client_hello_read(span_of(data, len), &h), PARSE_MORE);
}

static void flipped(const uint8_t *data, size_t len)
{
	struct client_hello h;
	if (client_hello_read(span_of(data, len), &h) == PARSE_DONE)
		assert_true(strlen(h.name) < sizeof(h.name) && h.alpn_len <= sizeof(h.alpn));
}

static void stays_inside_what_is_there(void **state)
{
	(void)state;
	struct made m;
	begin(&m);
	server_name(&m, "www.example");
	extension(&m, 16, "\x00\x0c\x02h2\x08http/1.1", 14);
	struct span hello = end(&m);
	guard_every_prefix(hello.data, hello.len - 1, torn);
	guard_every_bit_flip(hello.data, hello.len, flipped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_tls),
		cmocka_unit_test(refuses_names_that_are_none),
		cmocka_unit_test(refuses_torn_and_repeated_extensions),
		cmocka_unit_test(tells_name_and_protocols),
		cmocka_unit_test(a_message_may_lie_in_many_records),
		cmocka_unit_test(never_waits_beyond_its_bound),
		cmocka_unit_test(stays_inside_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
