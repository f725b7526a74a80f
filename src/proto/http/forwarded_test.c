#include "proto/http/forwarded.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err read_text(const char *text, struct forwarded_element *ret, size_t *ret_n)
{
	return forwarded_read(span_text(text), ret, ret_n);
}

static void reads_elements(void **state)
{
	(void)state;
	struct forwarded_element e[FORWARDED_ELEMENTS_MAX];
	size_t n;
	/* RFC 7239 4. */
	assert_int_equal(read_text("for=192.0.2.60;proto=http;by=203.0.113.43", e, &n), OK);
	assert_int_equal(n, 1);
	assert_true(span_is(e[0].client, "192.0.2.60") && span_is(e[0].proto, "http") &&
		    span_is(e[0].by, "203.0.113.43") && e[0].host.len == 0);
	assert_int_equal(
		read_text("For=\"[2001:db8:cafe::17]:4711\", for=198.51.100.17;ext=\"a,;b\"", e,
			  &n),
		OK);
	assert_int_equal(n, 2);
	assert_true(span_is(e[0].client, "\"[2001:db8:cafe::17]:4711\""));
	assert_true(span_is(e[1].client, "198.51.100.17"));
}

static void refuses_what_is_no_element(void **state)
{
	(void)state;
	static const char *const bad[] = {"for",     "for=",	    "for=a b", "=a",
					  "for=\"a", "for=a;for=b", "for =a",  "for=[::1]"};
	struct forwarded_element e[FORWARDED_ELEMENTS_MAX];
	size_t n;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_text(bad[i], e, &n), ERR_FORMAT);
}

static void keeps_the_last_elements_of_many(void **state)
{
	(void)state;
	char text[2048] = "";
	struct writer w = writer_of(text, sizeof(text));
	for (unsigned i = 0; i < FORWARDED_ELEMENTS_MAX + 5; i++)
		write_format(&w, "%sfor=_%u", i ? "," : "", i);
	struct forwarded_element e[FORWARDED_ELEMENTS_MAX];
	size_t n;
	assert_int_equal(forwarded_read(writer_span(&w), e, &n), OK);
	assert_int_equal(n, FORWARDED_ELEMENTS_MAX);
	assert_true(span_is(e[0].client, "_5") && span_is(e[n - 1].client, "_36"));
}

static void node_is(const char *text, const char *want)
{
	struct ip_endpoint e;
	char got[IP_ENDPOINT_TEXT_MAX];
	assert_int_equal(forwarded_node_read(span_text(text), &e), OK);
	(void)ip_endpoint_format(&e, got);
	assert_string_equal(got, want);
}

static void reads_nodes(void **state)
{
	(void)state;
	struct ip_endpoint e;
	node_is("192.0.2.43", "192.0.2.43:0");
	node_is("192.0.2.43:47011", "192.0.2.43:47011");
	node_is("192.0.2.43:_hidden", "192.0.2.43:0");
	node_is("\"[2001:db8::17]\"", "[2001:db8::17]:0");
	node_is("\"[2001:db8::17]:80\"", "[2001:db8::17]:80");
	node_is("2001:db8::17", "[2001:db8::17]:0"); /* X-Forwarded-For */
	assert_int_equal(forwarded_node_read(span_text("unknown"), &e), ERR_ABSENT);
	assert_int_equal(forwarded_node_read(span_text("_gazonk"), &e), ERR_ABSENT);
	static const char *const bad[] = {"",	       "a",	   "1.2.3",	    "[::1",
					  "[1.2.3.4]", "1.2.3.4:", "1.2.3.4:99999", "[::1]80"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(forwarded_node_read(span_text(bad[i]), &e), ERR_FORMAT);
}

static void takes_items_from_the_right(void **state)
{
	(void)state;
	struct span list = span_text("1.1.1.1, 2.2.2.2 ,,3.3.3.3,"), item;
	assert_true(forwarded_item_before(&list, &item) && span_is(item, "3.3.3.3"));
	assert_true(forwarded_item_before(&list, &item) && span_is(item, "2.2.2.2"));
	assert_true(forwarded_item_before(&list, &item) && span_is(item, "1.1.1.1"));
	assert_false(forwarded_item_before(&list, &item));
}

static void writes_what_it_reads(void **state)
{
	(void)state;
	char text[256];
	struct writer w = writer_of(text, sizeof(text));
	struct ip_endpoint by = {.address = ip_address_v4(192, 0, 2, 1), .port = 443};
	struct ip_address client;
	assert_int_equal(ip_address_parse(span_text("2001:db8::1"), &client), OK);
	forwarded_write(&w, &client, span_text("a.home.arpa:8080"), span_text("https"), &by);
	assert_true(span_is(writer_span(&w), "for=\"[2001:db8::1]\";host=\"a.home.arpa:8080\";"
					     "proto=https;by=\"192.0.2.1:443\""));
	struct forwarded_element e[FORWARDED_ELEMENTS_MAX];
	size_t n;
	assert_int_equal(forwarded_read(writer_span(&w), e, &n), OK);
}

static void read_anything(const uint8_t *data, size_t len)
{
	struct forwarded_element e[FORWARDED_ELEMENTS_MAX];
	size_t n = 0;
	struct ip_endpoint node;
	struct span list = span_of(data, len), item;
	if (forwarded_read(list, e, &n) == OK)
		for (size_t i = 0; i < n; i++)
			err_ignore(forwarded_node_read(e[i].client, &node));
	while (forwarded_item_before(&list, &item))
		err_ignore(forwarded_node_read(item, &node));
}

static void stays_inside(void **state)
{
	(void)state;
	static const char text[] = "for=\"[2001:db8::17]:4711\";proto=http, for=\"_a\\\"\";by=b";
	guard_every_prefix(text, sizeof(text) - 1, read_anything);
	guard_every_bit_flip(text, sizeof(text) - 1, read_anything);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_elements),
		cmocka_unit_test(refuses_what_is_no_element),
		cmocka_unit_test(keeps_the_last_elements_of_many),
		cmocka_unit_test(reads_nodes),
		cmocka_unit_test(takes_items_from_the_right),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(stays_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
