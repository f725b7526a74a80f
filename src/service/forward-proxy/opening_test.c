#include "service/forward-proxy/opening.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#define READ(text, h) opening_read(span_of((text), sizeof(text) - 1), (h))

/* TLS 1.2, one cipher; its one extension is server_name. */
static const char hello[] = "\x16\x03\x01\x00\x42\x01\x00\x00\x3e\x03\x03"
			    "0123456789abcdef0123456789abcdef\x00\x00\x02\x13\x01\x01\x00\x00\x13"
			    "\x00\x00\x00\x0f\x00\x0d\x00\x00\x0aWWW.a.test";

static void a_client_hello_has_its_name(void **state)
{
	struct client_hello h;
	(void)state;
	assert_int_equal(READ(hello, &h), OPENING_TLS);
	assert_string_equal(h.name, "www.a.test");
	for (size_t n = 1; n < sizeof(hello) - 1; n++)
		assert_int_equal(opening_read(span_of(hello, n), &h), OPENING_MORE);
}

static void other_protocols_are_told_by_their_first_byte(void **state)
{
	struct client_hello h;
	(void)state;
	assert_int_equal(READ("SSH-2.0-x\r\n", &h), OPENING_OTHER);
	assert_int_equal(READ("G", &h), OPENING_OTHER);
	assert_int_equal(READ("\0", &h), OPENING_OTHER);
	assert_int_equal(READ("\x80\x2e\x01\x00\x02", &h), OPENING_OTHER); /* SSL 2 */
}

static void what_begins_as_tls_is_never_taken_for_something_else(void **state)
{
	struct client_hello h;
	char wrong[sizeof(hello)];
	(void)state;
	/* an alert or a change of ciphers ahead of the hello, another message, an older record */
	assert_int_equal(READ("\x15\x03\x01\x00\x02\x01\x00\x16\x03\x01", &h), OPENING_TORN);
	assert_int_equal(READ("\x14\x03\x03\x00\x01\x01", &h), OPENING_TORN);
	assert_int_equal(READ("\x16\x03\x01\x00\x04\x02\x00\x00\x00", &h), OPENING_TORN);
	assert_int_equal(READ("\x16\x02\x01", &h), OPENING_TORN);
	/* a name that is none */
	memcpy(wrong, hello, sizeof(hello));
	wrong[sizeof(hello) - 3] = ' ';
	assert_int_equal(opening_read(span_of(wrong, sizeof(hello) - 1), &h), OPENING_TORN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_hello_has_its_name),
		cmocka_unit_test(other_protocols_are_told_by_their_first_byte),
		cmocka_unit_test(what_begins_as_tls_is_never_taken_for_something_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
