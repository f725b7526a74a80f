#include "service/forward-proxy/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants those above it. */
#include <cmocka.h>

static char room[NOTICE_MAX + 1];

static const char *written(const struct notice *n)
{
	struct writer w = writer_of(room, NOTICE_MAX);
	notice_write(n, &w);
	assert_false(w.bad);
	room[w.pos] = '\0';
	return room;
}

static void says_who_is_inspected_and_by_whom(void **state)
{
	struct notice n = {.proxy = span_text("proxy.home.arpa"),
			   .contact = span_text("<the office>"),
			   .fingerprint = "AB:CD",
			   .until_s = 1800000000};
	(void)state;
	const char *text = written(&n);
	assert_non_null(strstr(text, "Yours is not inspected"));
	assert_non_null(strstr(text, "<code>AB:CD</code>"));
	assert_non_null(strstr(text, "15 Jan 2027"));
	assert_non_null(strstr(text, "href=\"/authority.crt\""));
	assert_non_null(strstr(text, "&#60;the office&#62;"));
	n.mine = true;
	assert_null(strstr(written(&n), "is not inspected"));
	n.language = PAGE_KOREAN;
	assert_non_null(strstr(written(&n), "lang=\"ko\""));
}

static void the_longest_has_room(void **state)
{
	char name[64], contact[255], print[96];
	memset(name, '&', sizeof(name));
	memset(contact, '<', sizeof(contact));
	memset(print, 'F', sizeof(print) - 1);
	print[sizeof(print) - 1] = '\0';
	struct notice n = {.proxy = span_of(name, sizeof(name)),
			   .contact = span_of(contact, sizeof(contact)),
			   .fingerprint = print,
			   .language = PAGE_KOREAN};
	(void)state;
	(void)written(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_who_is_inspected_and_by_whom),
		cmocka_unit_test(the_longest_has_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
