#include "proto/socks/socks4.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char by_address[] = "\x04\x01\x00\x50\xc0\x00\x02\x01root";	 /* and a NUL */
static const char by_name[] = "\x04\x01\x01\xbb\x00\x00\x00\x07\x00www.example"; /* and a NUL */

static enum parse read_bytes_of(const char *bytes, size_t len, struct socks4_request *ret)
{
	return socks4_request_read(span_of(bytes, len), ret);
}

static void refuses_other_versions(void **state)
{
	(void)state;
	struct socks4_request q;
	assert_int_equal(read_bytes_of("\x05", 1, &q), PARSE_BAD);
	assert_int_equal(read_bytes_of("\x00", 1, &q), PARSE_BAD);
	assert_int_equal(read_bytes_of("GET / HTTP/1.1", 14, &q), PARSE_BAD);
	assert_int_equal(read_bytes_of("", 0, &q), PARSE_MORE);
}

/* socks4a: "Following the NULL byte terminating USERID, the client must sends the destination
 * domain name and termiantes it with another NULL byte." */
static void refuses_names_that_are_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	       "a b", "a/b", "a@b",   "a\nb", "\x7f",
					  "b\xc3\xbc", "%2e", "a,b", "[::1]", "a\\b", "\x01"};
	uint8_t bytes[64];
	struct socks4_request q;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct writer w = writer_of(bytes, sizeof(bytes));
		write_bytes(&w, by_name, 9);
		write_bytes(&w, bad[i], strlen(bad[i]) + 1);
		assert_int_equal(socks4_request_read(writer_span(&w), &q), PARSE_BAD);
	}
}

static void never_waits_beyond_its_bounds(void **state)
{
	(void)state;
	uint8_t bytes[SOCKS4_REQUEST_MAX + 1];
	struct socks4_request q;
	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, by_name, 8);
	/* a USERID of 255 bytes is taken, one of 256 is not */
	assert_int_equal(socks4_request_read(span_of(bytes, 8 + 255), &q), PARSE_MORE);
	assert_int_equal(socks4_request_read(span_of(bytes, 8 + 256), &q), PARSE_BAD);
	bytes[8 + 255] = 0;
	/* and so is the name */
	assert_int_equal(socks4_request_read(span_of(bytes, SOCKS4_REQUEST_MAX - 1), &q),
			 PARSE_MORE);
	assert_int_equal(socks4_request_read(span_of(bytes, SOCKS4_REQUEST_MAX), &q), PARSE_BAD);
	bytes[SOCKS4_REQUEST_MAX - 1] = 0;
	assert_int_equal(socks4_request_read(span_of(bytes, sizeof(bytes)), &q), PARSE_DONE);
	assert_int_equal(q.len, SOCKS4_REQUEST_MAX);
	assert_int_equal(q.to.name.len, SOCKS_NAME_MAX);
}

static void reads_an_address(void **state)
{
	(void)state;
	struct socks4_request q;
	struct ip_address a = ip_address_v4(192, 0, 2, 1);
	assert_int_equal(read_bytes_of(by_address, sizeof(by_address), &q), PARSE_DONE);
	assert_int_equal(q.command, SOCKS_CONNECT);
	assert_true(ip_address_equal(&q.to.address, &a));
	assert_int_equal(q.to.port, 80);
	assert_true(span_is(q.user, "root"));
	assert_int_equal(q.to.name.len, 0);
	assert_int_equal(q.len, sizeof(by_address));
}

/* "set the first three bytes of DSTIP to NULL and the last byte to a non-zero value" */
static void reads_a_name(void **state)
{
	(void)state;
	struct socks4_request q;
	assert_int_equal(read_bytes_of(by_name, sizeof(by_name), &q), PARSE_DONE);
	assert_true(span_is(q.to.name, "www.example"));
	assert_int_equal(q.to.address.family, 0);
	assert_int_equal(q.to.port, 443);
	assert_int_equal(q.user.len, 0);
	/* 0.0.0.0 is an address, and no name follows */
	assert_int_equal(read_bytes_of("\x04\x01\x00\x50\0\0\0\0\0www", 12, &q), PARSE_DONE);
	assert_int_equal(q.to.address.family, 4);
	assert_int_equal(q.len, 9);
}

static void leaves_what_follows(void **state)
{
	(void)state;
	struct socks4_request q;
	uint8_t bytes[64];
	struct writer w = writer_of(bytes, sizeof(bytes));
	write_bytes(&w, by_name, sizeof(by_name));
	write_text(&w, "\x16\x03\x01");
	assert_int_equal(socks4_request_read(writer_span(&w), &q), PARSE_DONE);
	assert_int_equal(q.len, sizeof(by_name));
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	uint8_t bytes[SOCKS4_REQUEST_MAX];
	struct socks4_request back;
	const struct socks4_request named = {.command = SOCKS_BIND,
					     .to = {.name = span_text("a.example"), .port = 22},
					     .user = span_text("me")};
	struct writer w = writer_of(bytes, sizeof(bytes));
	socks4_request_write(&w, &named);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(socks4_request_read(writer_span(&w), &back), PARSE_DONE);
	assert_int_equal(back.command, SOCKS_BIND);
	assert_true(span_is(back.to.name, "a.example") && span_is(back.user, "me"));
	assert_int_equal(back.to.port, 22);

	w = writer_of(bytes, sizeof(bytes));
	socks4_request_write(&w,
			     &(struct socks4_request){.command = 1, .to.address = {.family = 6}});
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	w = writer_of(bytes, sizeof(bytes));
	socks4_request_write(
		&w, &(struct socks4_request){.to.address.family = 4, .user = span_of("a\0b", 3)});
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

/* "VN is the version of the reply code and should be 0. CD is the result code" */
static void replies_go_both_ways(void **state)
{
	(void)state;
	uint8_t bytes[SOCKS4_REPLY_LEN];
	enum socks4_reply reply;
	struct ip_endpoint bound;
	const struct ip_endpoint at = {.address = ip_address_v4(192, 0, 2, 9), .port = 4321};
	struct writer w = writer_of(bytes, sizeof(bytes));
	socks4_reply_write(&w, SOCKS4_GRANTED, &at);
	assert_memory_equal(bytes, "\x00\x5a\x10\xe1\xc0\x00\x02\x09", 8);
	for (size_t n = 0; n < 8; n++)
		assert_int_equal(socks4_reply_read(span_of(bytes, n), &reply, &bound), PARSE_MORE);
	assert_int_equal(socks4_reply_read(writer_span(&w), &reply, &bound), PARSE_DONE);
	assert_int_equal(reply, SOCKS4_GRANTED);
	assert_true(ip_endpoint_equal(&bound, &at));

	w = writer_of(bytes, sizeof(bytes));
	socks4_reply_write(&w, SOCKS4_REJECTED, &(struct ip_endpoint){.address.family = 6});
	assert_memory_equal(bytes, "\x00\x5b\x00\x00\x00\x00\x00\x00", 8);
	assert_int_equal(socks4_reply_read(span_of("\x04", 1), &reply, &bound), PARSE_BAD);
	assert_int_equal(socks4_reply_read(span_of("\x00\x59", 2), &reply, &bound), PARSE_BAD);
	assert_int_equal(socks4_reply_read(span_of("\x00\x5e", 2), &reply, &bound), PARSE_BAD);
}

static void torn(const uint8_t *data, size_t len)
{
	struct socks4_request q;
	assert_int_equal(socks4_request_read(span_of(data, len), &q), PARSE_MORE);
}

static void flipped(const uint8_t *data, size_t len)
{
	struct socks4_request q;
	if (socks4_request_read(span_of(data, len), &q) == PARSE_DONE)
		assert_true(q.len <= len && (q.to.name.len || q.to.address.family == 4));
}

static void stays_inside_what_is_there(void **state)
{
	(void)state;
	guard_every_prefix(by_name, sizeof(by_name) - 1, torn);
	guard_every_prefix(by_address, sizeof(by_address) - 1, torn);
	guard_every_bit_flip(by_name, sizeof(by_name), flipped);
	guard_every_bit_flip(by_address, sizeof(by_address), flipped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_other_versions),
		cmocka_unit_test(refuses_names_that_are_none),
		cmocka_unit_test(never_waits_beyond_its_bounds),
		cmocka_unit_test(reads_an_address),
		cmocka_unit_test(reads_a_name),
		cmocka_unit_test(leaves_what_follows),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(replies_go_both_ways),
		cmocka_unit_test(stays_inside_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
