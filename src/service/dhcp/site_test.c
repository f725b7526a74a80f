#include "service/dhcp/site.h"

#include "service/dhcp/conf.h"
#include "service/dhcp/site_test.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const char text[] =
	"  lease-time: 1h\n"
	"  decline-time: 2h\n"
	"  networks:\n"
	"    - {subnet: 10.0.0.0/24, link: a, probe: off, decline-time: 1m}\n"
	"    - subnet: 192.0.2.0/24\n"
	"      name: office\n"
	"      interface: lan0\n"
	"      pools:\n"
	"        - {range: 192.0.2.100-192.0.2.199, allocate: dynamic, classes: [b, a]}\n"
	"        - {range: 192.0.2.10-192.0.2.20, warn-percent: 0}\n"
	"        - {range: 192.0.2.50, allocate: fixed}\n"
	"      reservations:\n"
	"        - {mac: \"02:00:00:00:00:01\", address: 192.0.2.10, name: nas}\n"
	"        - {client-id: \"hex:00:61\", address: 192.0.2.5}\n"
	"        - {circuit-id: p1, address: 192.0.2.6}\n"
	"        - {circuit-id: p1, remote-id: r1, address: 192.0.2.7}\n"
	"    - {subnet: 10.0.1.0/24, link: a, pools: {range: 10.0.1.1-10.0.1.9}}\n"
	"    - {subnet: 10.0.2.0/24, link: a, reservations: {mac: \"02:00:00:00:00:02\", address: "
	"10.0.2.2}}\n"
	"  classes:\n"
	"    - {name: a, match: {vendor-class: \"A*\"}}\n"
	"    - {name: b, match: {vendor-class: \"*B\", user-class: [u, v]}}\n"
	"    - {name: c, match: {mac: [\"02:00:00:00:00:03\", \"02:00:00:*\"]}}\n"
	"    - {name: d, match: {mac: [\"02:00:00:00:00:03\", \"02:01:*\"], client-id: \"*a\"}}\n"
	"    - {name: e, match: {circuit-id: \"p*\", remote-id: r1, subscriber-id: s}}\n"
	"    - {name: f, match: {mac: \"02:*\"}}\n";

static void networks_and_pools_are_found_by_address(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(text);
	const struct dhcp_network *n;

	assert_int_equal(dhcp_site_networks(s, &n), 4);
	assert_int_equal(dhcp_site_pools(s), 4);
	assert_string_equal(n[0].name, "10.0.0.0/24");
	assert_string_equal(n[1].name, "office");
	assert_string_equal(n[1].interface, "lan0");
	assert_ptr_equal(dhcp_site_network_of(s, 0x0a000000), &n[0]);
	assert_ptr_equal(dhcp_site_network_of(s, 0x0a0000ff), &n[0]);
	assert_ptr_equal(dhcp_site_network_of(s, 0x0a000100), &n[2]);
	assert_null(dhcp_site_network_of(s, 0x0a000300));
	assert_null(dhcp_site_network_of(s, 0x09ffffff));
	assert_null(dhcp_site_network_of(s, 0xffffffff));
	assert_ptr_equal(dhcp_network_pool_of(&n[1], 0xc000020a), &n[1].pools[1]);
	assert_ptr_equal(dhcp_network_pool_of(&n[1], 0xc0000214), &n[1].pools[1]);
	assert_null(dhcp_network_pool_of(&n[1], 0xc0000215));
	assert_ptr_equal(dhcp_network_pool_of(&n[1], 0xc0000232), &n[1].pools[2]);
	assert_ptr_equal(dhcp_network_pool_of(&n[1], 0xc00002c7), &n[1].pools[0]);
	assert_null(dhcp_network_pool_of(&n[0], 0x0a000001));
	assert_int_equal(n[1].pools[0].classes, 3);
	assert_int_equal(n[1].pools[1].classes, 0);
	assert_int_equal(n[1].pools[0].allocate, DHCP_DYNAMIC);
	assert_int_equal(n[1].pools[1].allocate, DHCP_AUTOMATIC);
	assert_int_equal(n[1].pools[2].allocate, DHCP_FIXED);
	assert_int_equal(n[2].pools[0].index, 3);
	dhcp_site_unref(s);
}

static void networks_of_one_link_know_each_other(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(text);
	const struct dhcp_network *n;

	(void)dhcp_site_networks(s, &n);
	assert_int_equal(n[1].link_n, 1);
	assert_ptr_equal(n[1].link[0], &n[1]);
	for (int i = 0; i < 4; i += i ? 1 : 2) {
		assert_int_equal(n[i].link_n, 3);
		assert_ptr_equal(n[i].link[0], &n[0]);
		assert_ptr_equal(n[i].link[1], &n[2]);
		assert_ptr_equal(n[i].link[2], &n[3]);
	}
	dhcp_site_unref(s);
}

static void what_a_network_says_stands_before_what_is_said_for_all(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(text);
	const struct dhcp_network *n;

	(void)dhcp_site_networks(s, &n);
	assert_false(n[0].probe);
	assert_true(n[1].probe);
	assert_int_equal(n[0].decline_s, 60);
	assert_int_equal(n[1].decline_s, 7200);
	assert_int_equal(n[1].probe_ms, 500);
	assert_int_equal(n[1].offer_s, 60);
	assert_int_equal(n[1].per_second, 100);
	dhcp_site_unref(s);
}

static uint32_t reserved_for(const struct site_client *c)
{
	return c->c.reservation ? c->c.reservation->address : 0;
}

static void a_reservation_is_found_by_what_it_names(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(text);
	static struct site_client c;

	SITE_CLIENT(&c, s, 1, 1, "");
	assert_int_equal(reserved_for(&c), 0xc000020a);
	assert_string_equal(c.c.reservation->name, "nas");
	assert_true(dhcp_reservation_is_of(c.c.reservation, &c.c));
	SITE_CLIENT(&c, s, 1, 2, "");
	assert_int_equal(reserved_for(&c), 0);
	SITE_CLIENT(&c, s, 0, 1, ""); /* another link */
	assert_int_equal(reserved_for(&c), 0);
	SITE_CLIENT(&c, s, 0, 2, ""); /* another network of the same link */
	assert_int_equal(reserved_for(&c), 0x0a000202);
	SITE_CLIENT(&c, s, 1, 1, "\x3d\x02\x00\x61"); /* its identifier before its MAC */
	assert_int_equal(reserved_for(&c), 0xc0000205);
	assert_true(dhcp_reservation_is_of(c.c.reservation, &c.c));
	SITE_CLIENT(&c, s, 1, 1, "\x52\x04\x01\x02p1");
	assert_int_equal(reserved_for(&c), 0xc000020a);
	SITE_CLIENT(&c, s, 1, 2, "\x52\x04\x01\x02p1");
	assert_int_equal(reserved_for(&c), 0xc0000206);
	assert_true(dhcp_reservation_is_of(c.c.reservation, &c.c));
	SITE_CLIENT(&c, s, 1, 2, "\x52\x08\x01\x02p1\x02\x02r1");
	assert_int_equal(reserved_for(&c), 0xc0000207);
	SITE_CLIENT(&c, s, 1, 2, "\x52\x08\x01\x02p1\x02\x02r2");
	assert_int_equal(reserved_for(&c), 0xc0000206);
	SITE_CLIENT(&c, s, 1, 2, "\x52\x04\x01\x02p2");
	assert_int_equal(reserved_for(&c), 0);
	dhcp_site_unref(s);
}

static void a_reserved_address_is_known_on_its_link(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(text);
	const struct dhcp_network *n;
	static struct site_client c;

	(void)dhcp_site_networks(s, &n);
	const struct dhcp_reservation *r = dhcp_network_reserved(&n[1], 0xc000020a);
	assert_non_null(r);
	SITE_CLIENT(&c, s, 1, 1, "");
	assert_true(dhcp_reservation_is_of(r, &c.c));
	SITE_CLIENT(&c, s, 1, 2, "\x3d\x02\x00\x61\x52\x04\x01\x02p1");
	assert_false(dhcp_reservation_is_of(r, &c.c));
	assert_null(dhcp_network_reserved(&n[1], 0xc000020b));
	assert_null(dhcp_network_reserved(&n[0], 0xc000020a));
	assert_non_null(dhcp_network_reserved(&n[0], 0x0a000202));
	dhcp_site_unref(s);
}

enum { A = 1, B = 2, C = 4, D = 8, E = 16, F = 32 };

static void classes_are_those_that_match_in_all(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(text);
	static struct site_client c;

	SITE_CLIENT(&c, s, 1, 1, "");
	assert_int_equal(c.c.classes, C | F);
	SITE_CLIENT(&c, s, 1, 1,
		    "\x3c\x03"
		    "AxB");
	assert_int_equal(c.c.classes, A | C | F);
	SITE_CLIENT(&c, s, 1, 1,
		    "\x3c\x03"
		    "AxB\x4d\x04\x01w\x01v"); /* RFC 3004 items */
	assert_int_equal(c.c.classes, A | B | C | F);
	SITE_CLIENT(&c, s, 1, 1,
		    "\x3c\x02"
		    "xB\x4d\x01u"); /* as some firmware sends it */
	assert_int_equal(c.c.classes, B | C | F);
	SITE_CLIENT(&c, s, 1, 3,
		    "\x3d\x02\x00"
		    "a");
	assert_int_equal(c.c.classes, C | D | F);
	SITE_CLIENT(&c, s, 1, 3, "\x52\x0b\x01\x02p1\x02\x02r1\x06\x01s");
	assert_int_equal(c.c.classes, C | E | F);
	SITE_CLIENT(&c, s, 1, 3, "\x52\x0b\x01\x02p1\x02\x02r2\x06\x01s");
	assert_int_equal(c.c.classes, C | F);
	c.c.mac_len = 0;
	dhcp_site_judge(s, &c.c);
	assert_int_equal(c.c.classes, 0);
	dhcp_site_unref(s);
}

/* --- MAC prefixes against the obvious definition --- */

enum { PREFIXES = 60, CLASSES = 5 };

static void mac_prefixes_agree_with_the_obvious_definition(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static struct site_client c;
	uint8_t octets[CLASSES][PREFIXES][6], len[CLASSES][PREFIXES];
	char body[32768];
	int at = snprintf(body, sizeof(body), "  networks: {subnet: 192.0.2.0/24}\n  classes:\n");

	for (int k = 0; k < CLASSES; k++) {
		at += snprintf(body + at, sizeof(body) - (size_t)at,
			       "    - {name: n%d, match: {mac: [", k);
		for (int p = 0; p < PREFIXES; p++) {
			len[k][p] = (uint8_t)(1 + test_random_below(&r, 6));
			for (int i = 0; i < len[k][p]; i++) {
				octets[k][p][i] = (uint8_t)(test_random_below(&r, 2));
				at += snprintf(body + at, sizeof(body) - (size_t)at, "%s%02x",
					       i   ? ":"
					       : p ? ", \""
						   : "\"",
					       octets[k][p][i]);
			}
			at += snprintf(body + at, sizeof(body) - (size_t)at, "%s\"",
				       len[k][p] < 6 ? ":*" : "");
		}
		at += snprintf(body + at, sizeof(body) - (size_t)at, "]}}\n");
	}
	struct dhcp_site *s = site_of(body);
	for (unsigned mac = 0; mac < 64; mac++) {
		uint64_t wanted = 0;
		SITE_CLIENT(&c, s, 0, 1, "");
		for (int i = 0; i < 6; i++)
			c.c.mac[i] = mac >> i & 1;
		for (int k = 0; k < CLASSES; k++)
			for (int p = 0; p < PREFIXES; p++)
				if (memcmp(octets[k][p], c.c.mac, len[k][p]) == 0)
					wanted |= 1ULL << k;
		dhcp_site_judge(s, &c.c);
		assert_int_equal(c.c.classes, wanted);
	}
	dhcp_site_unref(s);
}

/* --- times --- */

static void times_are_those_of_the_nearest_place(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(
		"  lease-time: 1h\n  lease-time-max: 4h\n"
		"  networks:\n    - subnet: 192.0.2.0/24\n      pools:\n"
		"        - {range: 192.0.2.1, lease-time: 10m, renew-time: 4m, rebind-time: 8m}\n"
		"        - {range: 192.0.2.2, lease-time-min: 30m}\n"
		"        - {range: 192.0.2.3, lease-time: 1m}\n");
	const struct dhcp_network *n;
	static struct site_client c;
	(void)dhcp_site_networks(s, &n);
	static const struct {
		int pool;
		uint32_t asked, lease, renew, rebind;
	} wanted[] = {
		{-1, 0, 3600, 1800, 3150},
		{-1, 7200, 7200, 3600, 6300},
		{-1, 99999, 14400, 7200, 12600},
		{-1, 1, 300, 150, 262},
		{0, 0, 600, 240, 480},
		{0, 9999, 600, 240, 480},
		{0, 400, 400, 240, 350},
		{1, 1, 1800, 900, 1575},
		{2, 0, 60, 30, 52},
		{2, 10, 60, 30, 52},
		{-1, UINT32_MAX, 14400, 7200, 12600},
	};

	SITE_CLIENT(&c, s, 0, 1, "");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct dhcp_pool *p = wanted[i].pool < 0 ? NULL : &n->pools[wanted[i].pool];
		struct dhcp_times t = dhcp_site_times(s, &c.c, n, p, wanted[i].asked);
		assert_int_equal(t.lease_s, wanted[i].lease);
		assert_int_equal(t.renew_s, wanted[i].renew);
		assert_int_equal(t.rebind_s, wanted[i].rebind);
	}
	dhcp_site_unref(s);
}

/* --- load split --- */

static void every_client_has_one_bucket_and_one_server(void **state)
{
	(void)state;
	static const char half[] = "  load-split: {buckets: %s, wait: 4s}\n"
				   "  networks: {subnet: 192.0.2.0/24}\n";
	char body[256];
	static struct site_client c;
	unsigned first = 0;
	(void)snprintf(body, sizeof(body), half, "[0-99, 100, 101-127]");
	struct dhcp_site *a = site_of(body);
	(void)snprintf(body, sizeof(body), half, "128-255");
	struct dhcp_site *b = site_of(body);

	for (unsigned mac = 0; mac < 256; mac++) {
		SITE_CLIENT(&c, a, 0, (uint8_t)mac, "");
		assert_int_not_equal(dhcp_site_ours(a, &c.c, 4), dhcp_site_ours(b, &c.c, 4));
		assert_true(dhcp_site_ours(a, &c.c, 5) && dhcp_site_ours(b, &c.c, 5));
		first += dhcp_site_ours(a, &c.c, 0);
	}
	assert_int_equal(first, 128); /* the last octet alone permutes the buckets */
	dhcp_site_unref(a);
	dhcp_site_unref(b);
}

/* RFC 3074 6, by hand: for one octet x of length 1 it is mixing[1 ^ x]. */
static void buckets_are_those_of_the_rfc(void **state)
{
	(void)state;
	struct dhcp_site *s =
		site_of("  load-split: {buckets: 251}\n  networks: {subnet: 192.0.2.0/24}\n");
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "");
	c.c.client_id = span_of("\x01", 1);
	assert_true(dhcp_site_ours(s, &c.c, 0));
	c.c.client_id = span_of("\x02", 1);
	assert_false(dhcp_site_ours(s, &c.c, 0));
	/* Two octets a, b: mixing[mixing[2 ^ b] ^ a]; mixing[14] = 0, mixing[0] = 251. */
	c.c.client_id = span_of("\x00\x0c", 2);
	assert_true(dhcp_site_ours(s, &c.c, 0));
	dhcp_site_unref(s);
}

/* --- many reservations --- */

enum { MANY = 100000 };

static struct dhcp_site *with_reservations(size_t n)
{
	struct dhcp_reservation_conf *r = calloc(n, sizeof(*r));
	char(*macs)[18] = calloc(n, sizeof(*macs));
	struct dhcp_network_conf net = {.subnet = {ip_address_v4(10, 0, 0, 0), 8}};
	struct dhcp_conf conf = {.store = "sqlite", .networks = {.items = &net, .n = 1}};
	struct dhcp_site *s = NULL;
	assert_true(r && macs);

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(macs[i], sizeof(macs[i]), "02:00:00:%02x:%02x:%02x",
			       (unsigned)(i >> 16 & 255), (unsigned)(i >> 8 & 255),
			       (unsigned)(i & 255));
		r[i].mac = macs[i];
		r[i].address =
			ip_address_v4(10, (uint8_t)(1 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i);
	}
	net.reservations = (struct config_list){.items = r, .n = n};
	assert_int_equal(dhcp_site_new(&conf, &s), OK);
	free(macs);
	free(r);
	return s;
}

static double seconds_of(struct dhcp_site *s, size_t n)
{
	static struct site_client c;
	struct timespec a, b;
	SITE_CLIENT(&c, s, 0, 1, "");

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (size_t i = 0; i < MANY; i++) {
		size_t k = i * 7919 % n;
		c.c.mac[3] = (uint8_t)(k >> 16);
		c.c.mac[4] = (uint8_t)(k >> 8);
		c.c.mac[5] = (uint8_t)k;
		dhcp_site_judge(s, &c.c);
		assert_true(c.c.reservation &&
			    c.c.reservation->address ==
				    (10U << 24 | (1 + (uint32_t)(k >> 16)) << 16 | (k & 0xffff)));
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Not by their number: a lookup walks no list. Caches make some of them slower. */
static void many_reservations_are_found_like_few(void **state)
{
	(void)state;
	struct dhcp_site *few = with_reservations(10), *many = with_reservations(MANY);
	double a = seconds_of(few, 10), b = seconds_of(many, MANY);

	print_message("%d lookups: %.4f s among 10, %.4f s among %d\n", MANY, a, b, MANY);
	assert_true(b < 20 * a + 0.05);
	dhcp_site_unref(few);
	dhcp_site_unref(many);
}

static void references_keep_a_site(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(text);
	const struct dhcp_network *n;

	assert_ptr_equal(dhcp_site_ref(s), s);
	dhcp_site_unref(s);
	assert_int_equal(dhcp_site_networks(s, &n), 4);
	dhcp_site_unref(s);
	dhcp_site_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_and_pools_are_found_by_address),
		cmocka_unit_test(networks_of_one_link_know_each_other),
		cmocka_unit_test(what_a_network_says_stands_before_what_is_said_for_all),
		cmocka_unit_test(a_reservation_is_found_by_what_it_names),
		cmocka_unit_test(a_reserved_address_is_known_on_its_link),
		cmocka_unit_test(classes_are_those_that_match_in_all),
		cmocka_unit_test(mac_prefixes_agree_with_the_obvious_definition),
		cmocka_unit_test(times_are_those_of_the_nearest_place),
		cmocka_unit_test(every_client_has_one_bucket_and_one_server),
		cmocka_unit_test(buckets_are_those_of_the_rfc),
		cmocka_unit_test(many_reservations_are_found_like_few),
		cmocka_unit_test(references_keep_a_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
