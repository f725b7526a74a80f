#include "lab/topology.h"

#include "lab/network.h"
#include "proto/ip/prefix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define IFNAME_MAX 15 /* IFNAMSIZ without its NUL: a host's name is that of its router's port */

static size_t hosts_n(void)
{
	size_t n = 0;
	while (lab_hosts[n].name)
		n++;
	return n;
}

static const struct lab_bridge *bridge_find(const char *router, const char *name)
{
	for (const struct lab_bridge *b = lab_bridges; b->router; b++)
		if (strcmp(b->router, router) == 0 && strcmp(b->name, name) == 0)
			return b;
	return NULL;
}

/* Whether two legs, "192.0.2.2/24", are in one network. */
static bool is_in(const char *leg, const char *net_leg)
{
	struct ip_prefix a, b;
	assert_int_equal(ip_prefix_parse_masked(span_text(leg), &a), OK);
	assert_int_equal(ip_prefix_parse_masked(span_text(net_leg), &b), OK);
	return ip_prefix_equal(&a, &b);
}

static void routers_stand_before_their_hosts(void **state)
{
	(void)state;
	assert_in_range(hosts_n(), 1, LAB_HOSTS_MAX);
	for (const struct lab_host *h = lab_hosts; h->name; h++) {
		assert_ptr_equal(lab_host_find(h->name), h); /* each name once */
		assert_in_range(strlen(h->name), 1, IFNAME_MAX);
		if (!h->router)
			continue;
		const struct lab_host *router = lab_host_find(h->router);
		assert_true(router && router < h);
		assert_non_null(bridge_find(h->router, h->bridge));
	}
	for (const struct lab_bridge *b = lab_bridges; b->router; b++) {
		assert_non_null(lab_host_find(b->router));
		assert_in_range(strlen(b->name), 1, IFNAME_MAX);
		assert_null(
			lab_host_find(b->name)); /* ports and bridges share their names' space */
	}
	assert_null(lab_host_find("nobody"));
}

/* Every address lies in one of the networks of its bridge, and the way out is the router there. */
static void legs_fit_their_bridges(void **state)
{
	(void)state;
	for (const struct lab_host *h = lab_hosts; h->name; h++) {
		const struct lab_bridge *b = h->router ? bridge_find(h->router, h->bridge) : NULL;
		for (size_t i = 0; b && i < LAB_ADDRESSES_MAX && h->addresses[i]; i++)
			assert_true(is_in(h->addresses[i], b->addresses[0]) ||
				    is_in(h->addresses[i], b->addresses[1]));
		/* By DHCP only IPv6 is written here. */
		for (size_t i = 0; b && i < 2 && h->gateways[i]; i++) {
			size_t n = strlen(h->gateways[i]);
			const char *way = b->addresses[h->ipv4 == LAB_WRITTEN ? i : 1];
			assert_int_equal(strncmp(way, h->gateways[i], n), 0);
			assert_int_equal(way[n], '/');
		}
		assert_true(!b || h->gateways[h->ipv4 == LAB_WRITTEN]);
		assert_true(h->ipv4 == LAB_WRITTEN || !h->nameserver);
	}
}

static void no_address_is_there_twice(void **state)
{
	const char *all[256];
	size_t n = 0;
	(void)state;
	for (const struct lab_host *h = lab_hosts; h->name; h++)
		for (size_t i = 0; i < LAB_ADDRESSES_MAX && h->addresses[i]; i++)
			all[n++] = h->addresses[i];
	for (const struct lab_bridge *b = lab_bridges; b->router; b++)
		for (size_t i = 0; i < 2; i++)
			all[n++] = b->addresses[i];
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all[i], all[j]);
	assert_in_range(n, hosts_n(), sizeof(all) / sizeof(all[0]));
}

/* Each "file: NAME" of a configuration is a file that the host is given, and each file is named,
 * but those that people run. */
static void files_are_those_that_are_named(void **state)
{
	(void)state;
	for (const struct lab_host *h = lab_hosts; h->name; h++) {
		if (!h->files)
			continue;
		assert_string_equal(h->files[0].name, "gatehouse.yaml");
		size_t named = 0, given = 0;
		for (const struct lab_file *f = h->files + 1; f->name; f++) {
			char words[128];
			if (strstr(f->name, ".sh"))
				continue;
			given++;
			(void)snprintf(words, sizeof(words), "file: %s}", f->name);
			assert_non_null(strstr(h->files[0].text, words));
			assert_true(f->text[strlen(f->text) - 1] == '\n');
		}
		for (const char *at = h->files[0].text; (at = strstr(at, "file: ")); at++)
			named++;
		assert_int_equal(named, given);
	}
}

/* The redundant pairs, which the tests end one of, serve the same zones. */
static void pairs_are_alike(void **state)
{
	static const char *const pairs[][2] = {
		{"root-a", "root-b"}, {"com-a", "com-b"}, {"kr-a", "kr-b"}, {"ns1", "ns2"}};
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct lab_host *a = lab_host_find(pairs[i][0]),
				      *b = lab_host_find(pairs[i][1]);
		assert_true(a && b && a->files && a->files == b->files);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routers_stand_before_their_hosts),
		cmocka_unit_test(legs_fit_their_bridges),
		cmocka_unit_test(no_address_is_there_twice),
		cmocka_unit_test(files_are_those_that_are_named),
		cmocka_unit_test(pairs_are_alike),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
