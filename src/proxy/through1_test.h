/* What the tests of HTTP/1 through the whole proxy share: messages, and a proxy for each test.
 * Knows no one test. */
#ifndef PROXY_THROUGH1_TEST_H
#define PROXY_THROUGH1_TEST_H

#include "proxy/memory_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PUT_CHUNKED                                                                                \
	"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
#define OK_CHUNKED                                                                                 \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n"
#define GET "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static inline int set_up(void **state)
{
	struct through *t = malloc(sizeof(*t));
	assert_non_null(t);
	through_init(t);
	*state = t;
	return 0;
}

static inline int tear_down(void **state)
{
	through_done_all(*state);
	free(*state);
	return 0;
}

static inline void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

static inline void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in \"%s\"", part, text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
