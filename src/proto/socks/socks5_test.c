#include "proto/socks/socks5.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(text) span_of(text, sizeof(text) - 1)

static const char request_v4[] = "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50";
static const char request_v6[] =
	"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb";
static const char request_name[] = "\x05\x03\x00\x03\x0bwww.example\x01\xbb";

/* RFC 1928 3: "The NMETHODS field contains the number of method identifier octets that appear in
 * the METHODS field", "1 to 255". */
static void refuses_greetings_that_are_none(void **state)
{
	(void)state;
	struct socks5_greeting g;
	assert_int_equal(socks5_greeting_read(SPAN("\x04"), &g), PARSE_BAD);
	assert_int_equal(socks5_greeting_read(SPAN("GET"), &g), PARSE_BAD);
	assert_int_equal(socks5_greeting_read(SPAN("\x05\x00"), &g), PARSE_BAD);
	assert_int_equal(socks5_greeting_read(SPAN("\x05\x02\x00"), &g), PARSE_MORE);
	assert_int_equal(socks5_greeting_read(SPAN(""), &g), PARSE_MORE);
}

static void reads_the_methods_that_are_offered(void **state)
{
	(void)state;
	struct socks5_greeting g;
	assert_int_equal(socks5_greeting_read(SPAN("\x05\x02\x00\x02\x01"), &g), PARSE_DONE);
	assert_int_equal(g.len, 4);
	assert_true(socks5_offers(&g, SOCKS5_NO_AUTHENTICATION));
	assert_true(socks5_offers(&g, SOCKS5_BY_PASSWORD));
	assert_false(socks5_offers(&g, SOCKS5_NONE_ACCEPTABLE));
	uint8_t bytes[SOCKS5_GREETING_MAX + 1] = {5, 255};
	assert_int_equal(socks5_greeting_read(span_of(bytes, SOCKS5_GREETING_MAX - 1), &g),
			 PARSE_MORE);
	assert_int_equal(socks5_greeting_read(span_of(bytes, sizeof(bytes)), &g), PARSE_DONE);
	assert_int_equal(g.len, SOCKS5_GREETING_MAX);
}

/* RFC 1928 3: "The server selects from one of the methods given in METHODS, and sends a METHOD
 * selection message". */
static void a_method_is_chosen(void **state)
{
	(void)state;
	uint8_t bytes[8], method = 0;
	struct writer w = writer_of(bytes, sizeof(bytes));
	socks5_choice_write(&w, SOCKS5_NONE_ACCEPTABLE);
	assert_memory_equal(bytes, "\x05\xff", 2);
	assert_int_equal(socks5_choice_read(span_of(bytes, 1), &method), PARSE_MORE);
	assert_int_equal(socks5_choice_read(span_of(bytes, 2), &method), PARSE_DONE);
	assert_int_equal(method, SOCKS5_NONE_ACCEPTABLE);
	assert_int_equal(socks5_choice_read(SPAN("\x04\x00"), &method), PARSE_BAD);
	w = writer_of(bytes, sizeof(bytes));
	socks5_greeting_write(&w, SPAN("\x00\x02"));
	assert_memory_equal(bytes, "\x05\x02\x00\x02", 4);
	socks5_greeting_write(&w, (struct span){0});
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

/* RFC 1929 2: ULEN and PLEN are "1 to 255". */
static void refuses_passwords_out_of_form(void **state)
{
	(void)state;
	struct socks5_password p;
	assert_int_equal(socks5_password_read(SPAN("\x05"), &p), PARSE_BAD);
	assert_int_equal(socks5_password_read(SPAN("\x01\x00"), &p), PARSE_BAD);
	assert_int_equal(socks5_password_read(SPAN("\x01\x01u\x00"), &p), PARSE_BAD);
	assert_int_equal(socks5_password_read(SPAN("\x01\x02u"), &p), PARSE_MORE);
	assert_int_equal(socks5_password_read(SPAN("\x01\x01u"), &p), PARSE_MORE);
	assert_int_equal(socks5_password_read(SPAN("\x01\x01u\x02p"), &p), PARSE_MORE);
}

static void reads_user_and_password(void **state)
{
	(void)state;
	uint8_t bytes[SOCKS5_PASSWORD_MAX], longest[SOCKS5_TEXT_MAX + 1];
	struct socks5_password p;
	bool good = true;
	assert_int_equal(socks5_password_read(SPAN("\x01\x04joan\x06secret\x05"), &p), PARSE_DONE);
	assert_true(span_is(p.user, "joan") && span_is(p.password, "secret"));
	assert_int_equal(p.len, 13);
	memset(longest, 'a', sizeof(longest));
	struct writer w = writer_of(bytes, sizeof(bytes));
	socks5_password_write(&w, span_of(longest, SOCKS5_TEXT_MAX),
			      span_of(longest, SOCKS5_TEXT_MAX));
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(w.pos, SOCKS5_PASSWORD_MAX);
	assert_int_equal(socks5_password_read(writer_span(&w), &p), PARSE_DONE);
	w = writer_of(bytes, sizeof(bytes));
	socks5_password_write(&w, SPAN("a"), span_of(longest, sizeof(longest)));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	w = writer_of(bytes, sizeof(bytes));
	socks5_password_write(&w, SPAN("a"), (struct span){0});
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	/* "A STATUS field of X'00' indicates success." */
	w = writer_of(bytes, sizeof(bytes));
	socks5_status_write(&w, false);
	assert_int_equal(socks5_status_read(writer_span(&w), &good), PARSE_DONE);
	assert_false(good);
	assert_int_equal(socks5_status_read(SPAN("\x01\x00"), &good), PARSE_DONE);
	assert_true(good);
	assert_int_equal(socks5_status_read(SPAN("\x01\xff"), &good), PARSE_DONE);
	assert_false(good);
	assert_int_equal(socks5_status_read(SPAN("\x05"), &good), PARSE_BAD);
}

static void refused_with(struct span in, enum socks5_reply fault)
{
	struct socks5_request q = {0};
	assert_int_equal(socks5_request_read(in, &q), PARSE_BAD);
	assert_int_equal(q.fault, fault);
}

/* RFC 1928 4: "VER protocol version: X'05'", "RSV RESERVED"; 3: "must be set to X'00'"; 6: "X'08'
 * Address type not supported". */
static void refuses_requests_that_are_none(void **state)
{
	(void)state;
	refused_with(SPAN("\x04"), SOCKS5_FAILED);
	refused_with(SPAN("\x05\x01\x01"), SOCKS5_FAILED);
	refused_with(SPAN("\x05\x01\x00\x00"), SOCKS5_ADDRESS_UNSUPPORTED);
	refused_with(SPAN("\x05\x01\x00\x02"), SOCKS5_ADDRESS_UNSUPPORTED);
	refused_with(SPAN("\x05\x01\x00\x05"), SOCKS5_ADDRESS_UNSUPPORTED);
	refused_with(SPAN("\x05\x01\x00\x03\x00"), SOCKS5_FAILED);
	refused_with(SPAN("\x05\x01\x00\x03\x03"
			  "a b\0P"),
		     SOCKS5_FAILED);
	refused_with(SPAN("\x05\x01\x00\x03\x03"
			  "a\0b\0P"),
		     SOCKS5_FAILED);
	refused_with(SPAN("\x05\x01\x00\x03\x03"
			  "a/b\0P"),
		     SOCKS5_FAILED);
	refused_with(SPAN("\x05\x01\x00\x03\x03"
			  "\xc3\xbc.\0P"),
		     SOCKS5_FAILED);
}

static void reads_all_address_types(void **state)
{
	(void)state;
	struct socks5_request q;
	struct ip_address v4 = ip_address_v4(192, 0, 2, 1), v6;
	assert_int_equal(ip_address_parse(SPAN("2001:db8::1"), &v6), OK);
	assert_int_equal(socks5_request_read(SPAN(request_v4), &q), PARSE_DONE);
	assert_int_equal(q.command, SOCKS_CONNECT);
	assert_true(ip_address_equal(&q.to.address, &v4) && q.to.port == 80 && !q.to.name.len);
	assert_int_equal(q.len, 10);
	assert_int_equal(socks5_request_read(SPAN(request_v6), &q), PARSE_DONE);
	assert_true(ip_address_equal(&q.to.address, &v6) && q.to.port == 443);
	assert_int_equal(socks5_request_read(SPAN(request_name), &q), PARSE_DONE);
	assert_int_equal(q.command, SOCKS_ASSOCIATE);
	assert_true(span_is(q.to.name, "www.example") && q.to.address.family == 0);
	/* a command that is none is for the caller to answer (X'07') */
	assert_int_equal(socks5_request_read(SPAN("\x05\x09\x00\x01\x01\x01\x01\x01\x00\x01"), &q),
			 PARSE_DONE);
	assert_int_equal(q.command, 9);
}

static void requests_and_replies_go_both_ways(void **state)
{
	(void)state;
	uint8_t bytes[SOCKS5_REQUEST_MAX], code;
	uint8_t longest[SOCKS_NAME_MAX + 1];
	struct socks5_request q;
	struct socks_address bound;
	size_t len = 0;
	memset(longest, 'a', sizeof(longest));
	struct writer w = writer_of(bytes, sizeof(bytes));
	socks5_request_write(
		&w, SOCKS_CONNECT,
		&(struct socks_address){.name = span_of(longest, SOCKS_NAME_MAX), .port = 1});
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(w.pos, SOCKS5_REQUEST_MAX);
	assert_int_equal(socks5_request_read(writer_span(&w), &q), PARSE_DONE);
	assert_int_equal(q.to.name.len, SOCKS_NAME_MAX);
	w = writer_of(bytes, sizeof(bytes));
	socks5_request_write(&w, SOCKS_CONNECT,
			     &(struct socks_address){.name = span_of(longest, sizeof(longest))});
	assert_int_equal(writer_check(&w), ERR_LIMIT);

	w = writer_of(bytes, sizeof(bytes));
	socks5_reply_write(&w, SOCKS5_HOST_UNREACHABLE, &(struct ip_endpoint){.port = 9});
	assert_memory_equal(bytes, "\x05\x04\x00\x01\0\0\0\0\0\0", 10);
	assert_int_equal(socks5_reply_read(writer_span(&w), &code, &bound, &len), PARSE_DONE);
	assert_int_equal(code, SOCKS5_HOST_UNREACHABLE);
	assert_int_equal(len, 10);
	assert_int_equal(socks5_reply_read(span_of(bytes, 9), &code, &bound, &len), PARSE_MORE);
	assert_int_equal(socks5_reply_read(SPAN("\x05\x00\x00\x09"), &code, &bound, &len),
			 PARSE_BAD);
}

/* RFC 1928 6: REP. */
static void errors_have_their_replies(void **state)
{
	(void)state;
	assert_int_equal(socks5_reply_of(OK), 0x00);
	assert_int_equal(socks5_reply_of((enum err)ENOMEM), 0x01);
	assert_int_equal(socks5_reply_of(ERR_REFUSED), 0x02);
	assert_int_equal(socks5_reply_of((enum err)ENETUNREACH), 0x03);
	assert_int_equal(socks5_reply_of((enum err)EHOSTUNREACH), 0x04);
	assert_int_equal(socks5_reply_of(ERR_ABSENT), 0x04);
	assert_int_equal(socks5_reply_of((enum err)ECONNREFUSED), 0x05);
	assert_int_equal(socks5_reply_of((enum err)ETIMEDOUT), 0x06);
	assert_int_equal(socks5_reply_of((enum err)EAFNOSUPPORT), 0x08);
}

/* RFC 1928 7: "An implementation that does not support fragmentation MUST drop any datagram whose
 * FRAG field is other than X'00'." */
static void fragments_are_told_apart(void **state)
{
	(void)state;
	struct socks_address a;
	struct span data;
	for (unsigned frag = 1; frag < 256; frag++) {
		uint8_t bytes[] = {0, 0, (uint8_t)frag, 1, 192, 0, 2, 1, 0, 53, 'x'};
		assert_int_equal(socks5_datagram_read(span_of(bytes, sizeof(bytes)), &a, &data),
				 ERR_UNSUPPORTED);
	}
	/* "RSV Reserved X'0000'" */
	assert_int_equal(
		socks5_datagram_read(SPAN("\0\x01\0\x01\x01\x01\x01\x01\0\x35"), &a, &data),
		ERR_FORMAT);
	assert_int_equal(
		socks5_datagram_read(SPAN("\x01\0\0\x01\x01\x01\x01\x01\0\x35"), &a, &data),
		ERR_FORMAT);
	assert_int_equal(socks5_datagram_read(SPAN("\0\0\0\x02\x01\x01\x01\x01\0\x35"), &a, &data),
			 ERR_FORMAT);
	assert_int_equal(socks5_datagram_read(SPAN("\0\0\0\x01\x01\x01\x01\x01\0"), &a, &data),
			 ERR_FORMAT);
}

static void datagrams_go_both_ways(void **state)
{
	(void)state;
	uint8_t bytes[SOCKS5_REQUEST_MAX + 8];
	struct socks_address a;
	struct span data;
	struct writer w = writer_of(bytes, sizeof(bytes));
	const struct socks_address from = {.address = ip_address_v4(192, 0, 2, 1), .port = 53};
	socks5_datagram_write(&w, &from);
	assert_memory_equal(bytes, "\0\0\0\x01\xc0\x00\x02\x01\0\x35", 10);
	assert_int_equal(socks5_datagram_read(writer_span(&w), &a, &data), OK);
	assert_int_equal(data.len, 0);
	write_text(&w, "hello");
	assert_int_equal(socks5_datagram_read(writer_span(&w), &a, &data), OK);
	assert_true(span_is(data, "hello") && a.port == 53);
	assert_int_equal(socks5_datagram_read(SPAN("\0\0\0\x03\x03"
						   "dns\0\x35q"),
					      &a, &data),
			 OK);
	assert_true(span_is(a.name, "dns") && span_is(data, "q"));
}

static void torn(const uint8_t *data, size_t len)
{
	struct socks5_request q;
	assert_int_equal(socks5_request_read(span_of(data, len), &q), PARSE_MORE);
}

static void flipped(const uint8_t *data, size_t len)
{
	struct socks5_request q;
	if (socks5_request_read(span_of(data, len), &q) == PARSE_DONE)
		assert_true(q.len <= len && !q.to.name.len == (q.to.address.family != 0));
}

static void stays_inside_what_is_there(void **state)
{
	(void)state;
	guard_every_prefix(request_v4, sizeof(request_v4) - 2, torn);
	guard_every_prefix(request_v6, sizeof(request_v6) - 2, torn);
	guard_every_prefix(request_name, sizeof(request_name) - 2, torn);
	guard_every_bit_flip(request_v4, sizeof(request_v4) - 1, flipped);
	guard_every_bit_flip(request_v6, sizeof(request_v6) - 1, flipped);
	guard_every_bit_flip(request_name, sizeof(request_name) - 1, flipped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_greetings_that_are_none),
		cmocka_unit_test(reads_the_methods_that_are_offered),
		cmocka_unit_test(a_method_is_chosen),
		cmocka_unit_test(refuses_passwords_out_of_form),
		cmocka_unit_test(reads_user_and_password),
		cmocka_unit_test(refuses_requests_that_are_none),
		cmocka_unit_test(reads_all_address_types),
		cmocka_unit_test(requests_and_replies_go_both_ways),
		cmocka_unit_test(errors_have_their_replies),
		cmocka_unit_test(fragments_are_told_apart),
		cmocka_unit_test(datagrams_go_both_ways),
		cmocka_unit_test(stays_inside_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
