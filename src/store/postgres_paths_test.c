#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static size_t count(const struct store_paths *p, const char *path)
{
	size_t n = 0;
	for (size_t i = 0; p->list[i]; i++)
		n += strcmp(p->list[i], path) == 0;
	return n;
}

static void refuses_what_libpq_does_not_take(void **state)
{
	(void)state;
	struct store_paths p;
	assert_int_equal(store_paths("postgresql://%zz/db", &p), ERR_CONFIG);
	assert_int_equal(store_paths("postgresql://host/db?no-such-option=1", &p), ERR_CONFIG);
}

static void refuses_more_than_it_can_list(void **state)
{
	(void)state;
	struct store_paths p;
	char url[4096] = "postgresql:///db?host=";
	size_t len = strlen(url);
	for (int i = 0; i < 40; i++)
		len += (size_t)snprintf(url + len, sizeof(url) - len, "/run/%d,", i);
	assert_int_equal(store_paths(url, &p), ERR_LIMIT);
	memset(url + 22, 'x', 3000);
	url[22] = '/';
	url[3022] = '\0';
	assert_int_equal(store_paths(url, &p), ERR_LIMIT);
}

static void sqlite_needs_nothing(void **state)
{
	(void)state;
	struct store_paths p;
	assert_int_equal(store_paths(NULL, &p), OK);
	assert_null(p.list[0]);
	assert_int_equal(store_paths("", &p), OK);
	assert_null(p.list[0]);
}

static void lists_sockets_and_certificates(void **state)
{
	(void)state;
	struct store_paths p;
	assert_int_equal(store_paths("postgresql://a.example,b.example/db?sslrootcert=/etc/ca.pem"
				     "&sslkey=/etc/key.pem&host=a.example,%2Frun%2Fone,/run/two",
				     &p),
			 OK);
	assert_int_equal(count(&p, "/etc/ca.pem"), 1);
	assert_int_equal(count(&p, "/etc/key.pem"), 1);
	assert_int_equal(count(&p, "/run/one"), 1);
	assert_int_equal(count(&p, "/run/two"), 1);
	assert_int_equal(count(&p, "a.example"), 0);
	assert_int_equal(count(&p, "/etc/hosts"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_libpq_does_not_take),
		cmocka_unit_test(refuses_more_than_it_can_list),
		cmocka_unit_test(sqlite_needs_nothing),
		cmocka_unit_test(lists_sockets_and_certificates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
