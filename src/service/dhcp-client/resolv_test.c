#include "service/dhcp-client/resolv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_LINE "# Written by gatehouse dhcp-client; changes are lost with the next lease.\n"

static struct lease a, b;

static void name(struct dns_name *ret, const char *text)
{
	assert_int_equal(dns_name_from_text(span_text(text), NULL, ret), OK);
}

static void assert_text(size_t n, struct span options6, const char *expected)
{
	struct resolv r = {0};
	char text[RESOLV_TEXT_MAX + 1];
	struct writer w = writer_of(text, RESOLV_TEXT_MAX);
	if (n > 0)
		resolv_add_lease(&r, &a);
	if (n > 1)
		resolv_add_lease(&r, &b);
	resolv_add_options6(&r, options6);
	resolv_text(&r, &w);
	assert_int_equal(writer_check(&w), OK);
	text[w.pos] = 0;
	assert_string_equal(text + strlen(FIRST_LINE), expected);
	assert_memory_equal(text, FIRST_LINE, strlen(FIRST_LINE));
	a = b = (struct lease){0};
}

static const struct span none;

static void names_that_could_say_something_else_are_left_out(void **state)
{
	(void)state;
	name(&a.search[0], "evil\\010nameserver\\0326.6.6.6.example");
	name(&a.search[1], "a b.example");
	name(&a.search[2], "good.example");
	name(&a.search[3], ".");
	a.search_n = 4;
	assert_text(1, none, "search good.example.\n");
}

static void each_server_and_name_stands_once_the_dearest_first(void **state)
{
	(void)state;
	a.dns[0] = 0xc0000235;
	a.dns[1] = 0xc0000236;
	a.dns_n = 2;
	b.dns[0] = 0xc0000236;
	b.dns[1] = 0xc0000237;
	b.dns[2] = 0xc0000238;
	b.dns_n = 3;
	name(&a.search[0], "one.example");
	a.search_n = 1;
	name(&a.domain, "not.looked.at.example");
	name(&b.domain, "two.example");
	assert_text(2, none,
		    "search one.example. two.example.\nnameserver 192.0.2.53\nnameserver "
		    "192.0.2.54\nnameserver 192.0.2.55\n");
}

static void servers_and_names_of_dhcpv6_come_behind(void **state)
{
	(void)state;
	static const uint8_t options[] = {0,	23,   0,   48,	0x20, 1,   0xd, 0xb8, 0, 0,
					  0,	0,    0,   0,	0,    0,   0,	0,    0, 0x53, /* */
					  0xfe, 0x80, 0,   0,	0,    0,   0,	0,    0, 0,
					  0,	0,    0,   0,	0,    1, /* means nothing here */
					  0xff, 2,    0,   0,	0,    0,   0,	0,    0, 0,
					  0,	0,    0,   0,	0,    1, /* a group */
					  0,	24,   0,   15,	3,    's', 'i', 'x',  7, 'e',
					  'x',	'a',  'm', 'p', 'l',  'e', 0,	0xc0, 0};
	a.dns[0] = 0xc0000235;
	a.dns_n = 1;
	assert_text(1, span_of(options, sizeof(options)),
		    "search six.example.\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n");
	for (size_t n = 0; n < sizeof(options); n++) {
		struct resolv r = {0};
		resolv_add_options6(&r, span_of(options, n)); /* torn: nothing, or less */
		assert_true(r.servers_n <= 1 && r.names_n <= 1);
	}
}

static void without_a_lease_it_is_empty(void **state)
{
	(void)state;
	assert_text(0, none, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_could_say_something_else_are_left_out),
		cmocka_unit_test(each_server_and_name_stands_once_the_dearest_first),
		cmocka_unit_test(servers_and_names_of_dhcpv6_come_behind),
		cmocka_unit_test(without_a_lease_it_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
