#include "service/forward-proxy/access/destination.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void refused(const char *text, enum err e)
{
	struct destination d = {.port = 7};
	enum err got = destination_read(span_text(text), 80, &d);
	if (got != e || d.port != 7)
		fail_msg("'%s': %s", text, err_text(got));
}

static void is(const char *text, const char *host, uint16_t port)
{
	struct destination d;
	char buf[DESTINATION_TEXT_MAX + 1];
	if (destination_read(span_text(text), 80, &d) != OK)
		fail_msg("'%s'", text);
	size_t len = destination_host_format(&d, buf);
	assert_string_equal(buf, host);
	assert_int_equal(len, strlen(host));
	assert_int_equal(d.port, port);
}

static void refuses_what_could_be_read_in_two_ways(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"2130706433", "017700000001",  "0x7f000001",	"0X7F.1",
		"127.1",      "0177.0.0.1",    "127.0.0.01",	"127.0.0.1.",
		"1.2.3.4.5",  "a.127",	       "a.0xff",	"0",
		"0x",	      "a%2eb",	       "%31.a.test",	"[fe80::1%2]",
		"u@a.test",   "u:p@a.test:80", "a.test@b",	"[::1]@a.test",
		"a.test\\b",  "a/b",	       "a?b",		"a#b",
		"a b",	      "a\tb",	       "\xc3\xa4.test", "\xef\xbc\x91.0.0.1",
		"a\x7f",      "a.test\r"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refused(texts[i], ERR_REFUSED);
	struct destination d;
	assert_int_equal(destination_read(span_of("a\0b", 3), 80, &d), ERR_REFUSED);
}

static void refuses_what_is_no_host_and_port(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",	    ":80",	   ".",	       "..",	       ".a.test",   "a..test",
		"a.test..", "a.test:",	   "a.test:0", "a.test:65536", "a.test:+1", "a:080",
		"a:80:80",  "::1",	   "[::1",     "[::1]80",      "[::1]:",    "[]",
		"[:::]",    "[127.0.0.1]", "[a.test]", "[[::1]]",      "a,b",	    "a*b",
		"[::1].a",  "a!b",	   "a(b"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refused(texts[i], ERR_FORMAT);
	struct destination d;
	assert_int_equal(destination_read(span_text("a.test"), 0, &d), ERR_FORMAT);
	char label[70];
	memset(label, 'a', sizeof(label));
	assert_int_equal(destination_read(span_of(label, 63), 80, &d), OK);
	assert_int_equal(destination_read(span_of(label, 64), 80, &d), ERR_FORMAT);
	char name[300];
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	assert_int_equal(destination_read(span_of(name, 253), 80, &d), OK);
	assert_int_equal(destination_read(span_of(name, 254), 80, &d), ERR_FORMAT);
}

static void gives_each_place_one_form(void **state)
{
	(void)state;
	is("Example.COM", "example.com", 80);
	is("example.com.:8080", "example.com", 8080);
	is("xn--bcher-kva.example", "xn--bcher-kva.example", 80);
	is("_dmarc.a-b.test:1", "_dmarc.a-b.test", 1);
	is("router", "router", 80);
	is("0x7f.a.test", "0x7f.a.test", 80);
	is("192.0.2.1:65535", "192.0.2.1", 65535);
	is("[2001:DB8:0:0::1]:443", "[2001:db8::1]", 443);
	is("[::ffff:192.0.2.1]", "192.0.2.1", 80);
	is("[::FFFF:c000:201]:81", "192.0.2.1", 81);
}

static void a_host_alone_has_no_brackets_and_no_port(void **state)
{
	(void)state;
	struct destination d;
	assert_int_equal(destination_read_host(span_text("2001:db8::1"), 443, &d), OK);
	assert_int_equal(d.address.family, 6);
	assert_int_equal(destination_read_host(span_text("Example.com."), 443, &d), OK);
	assert_true(span_is(destination_name(&d), "example.com"));
	assert_string_equal(d.name, "example.com");
	assert_int_equal(destination_read_host(span_text("[::1]"), 443, &d), ERR_FORMAT);
	assert_int_equal(destination_read_host(span_text("a.test:80"), 443, &d), ERR_FORMAT);
	assert_int_equal(destination_read_host(span_text("fe80::1%1"), 443, &d), ERR_REFUSED);
	assert_int_equal(destination_read_host(span_text("127.1"), 443, &d), ERR_REFUSED);
	assert_int_equal(destination_read_host(span_text("a.test"), 0, &d), ERR_FORMAT);
}

static void knows_the_names_of_this_machine(void **state)
{
	(void)state;
	static const char *const yes[] = {"localhost", "LocalHost.", "a.localhost"};
	static const char *const no[] = {"localhost.test", "alocalhost", "127.0.0.1"};
	struct destination d;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(destination_read(span_text(yes[i]), 80, &d), OK);
		assert_true(destination_is_localhost(&d));
		assert_int_equal(destination_read(span_text(no[i]), 80, &d), OK);
		assert_false(destination_is_localhost(&d));
	}
}

static void read_any(const uint8_t *data, size_t len)
{
	struct destination d;
	if (destination_read(span_of(data, len), 80, &d) == OK)
		assert_true((d.address.family != 0) != (d.name_len != 0));
}

static void stays_within_its_bytes(void **state)
{
	(void)state;
	static const char *const texts[] = {"[2001:db8::ffff:192.0.2.1]:443", "Foo.example.com.:80",
					    "192.0.2.1:80"};
	for (size_t i = 0; i < 3; i++) {
		guard_every_prefix(texts[i], strlen(texts[i]), read_any);
		guard_every_bit_flip(texts[i], strlen(texts[i]), read_any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_could_be_read_in_two_ways),
		cmocka_unit_test(refuses_what_is_no_host_and_port),
		cmocka_unit_test(gives_each_place_one_form),
		cmocka_unit_test(a_host_alone_has_no_brackets_and_no_port),
		cmocka_unit_test(knows_the_names_of_this_machine),
		cmocka_unit_test(stays_within_its_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
