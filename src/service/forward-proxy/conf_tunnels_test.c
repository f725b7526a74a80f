#include "service/forward-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"forward-proxy", &forward_conf_map};
static const struct config_sections sections = {&section, 1};

#define HEAD "forward-proxy:\n  listen: 192.0.2.1\n"

static void refuses_what_is_no_port(void **state)
{
	(void)state;
	conf_refused(&sections, HEAD "  tunnels: {tls-ports: [443, 0]}\n", 3, 30, "is no port");
	conf_refused(&sections, HEAD "  tunnels: {other: drop}\n", 3, 20, "other");
}

static struct config *read_tunnels(const char *text, struct forward_tunnels_conf *ret)
{
	struct config *c = conf_parse(&sections, text);
	const struct forward_conf *conf = config_section(c, "forward-proxy");
	assert_non_null(conf);
	*ret = conf->tunnels;
	return c;
}

static void reads_ports_and_what_becomes_of_others(void **state)
{
	struct forward_tunnels_conf t;
	struct ports ports;
	(void)state;
	struct config *c = read_tunnels(HEAD, &t);
	forward_ports(&t.tls_ports, &ports);
	assert_true(ports_contain(&ports, 443) && !ports_contain(&ports, 8443));
	assert_int_equal(t.other, FORWARD_OTHER_PASS);
	config_free(c);
	c = read_tunnels(HEAD "  tunnels: {tls-ports: [8443-8445], other: refuse}\n", &t);
	forward_ports(&t.tls_ports, &ports);
	assert_true(ports_contain(&ports, 8444) && !ports_contain(&ports, 443));
	assert_int_equal(t.other, FORWARD_OTHER_REFUSE);
	config_free(c);
	c = read_tunnels(HEAD "  tunnels: {tls-ports: []}\n", &t);
	assert_int_equal(t.tls_ports.n, 0);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_port),
		cmocka_unit_test(reads_ports_and_what_becomes_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
