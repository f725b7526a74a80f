#include "service/nat/portctl.h"

#include "base/writer.h"
#include "service/nat/ports_world_test.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t nonce_a[PORTCTL_NONCE_LEN] = {1}, nonce_b[PORTCTL_NONCE_LEN] = {2};

static struct portctl_ask ask_of(const char *internal, uint16_t wanted)
{
	struct portctl_ask ask = {.origin = PORTCTL_PCP,
				  .zone = "lan",
				  .protocol = PORTCTL_TCP,
				  .internal = world_endpoint(internal),
				  .nonce = nonce_a,
				  .lifetime_s = 3600};
	ask.wanted.address.family = ask.internal.address.family;
	ask.wanted.port = wanted;
	return ask;
}

static enum portctl_verdict open_at(struct world *w, uint64_t now_ms, const struct portctl_ask *ask)
{
	const struct portctl_mapping *m = NULL;
	return portctl_open(w->list, now_ms, ask, &m);
}

static enum portctl_verdict open_for(struct world *w, const char *internal, uint16_t wanted)
{
	struct portctl_ask ask = ask_of(internal, wanted);
	return open_at(w, WORLD_NOW_MS, &ask);
}

static void nobody_may_without_a_rule(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	w.rules.rules_n = 0;
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_FORBIDDEN);
	assert_int_equal(w.opens, 0);
	assert_int_equal(portctl_count(w.list, PORTCTL_PCP, PORTCTL_FORBIDDEN), 1);
	world_end(&w);
}

static void refuses_what_the_rule_does_not_name(void **state)
{
	(void)state;
	struct world w;
	static const char *const zones[] = {"guests", "lan"};
	world_begin(&w);
	assert_int_equal(open_for(&w, "10.0.0.1:8080", 0), PORTCTL_FORBIDDEN);
	assert_int_equal(open_for(&w, "192.168.1.5:80", 0), PORTCTL_FORBIDDEN);
	w.rule.traffic[0].protocol = 132;
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_FORBIDDEN);
	w.rule.traffic[0].protocol = 6;
	w.rule.zones = zones;
	w.rule.hosts_n = 0;
	w.rule.zones_n = 1;
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_FORBIDDEN);
	w.rule.zones_n = 2;
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_DONE);
	/* addresses that are no host's, though a rule for all hosts names them too */
	w.rule.zones_n = 0;
	static const char *const none[] = {"127.0.0.1:8080",   "0.0.0.0:8080",	 "224.0.0.1:8080",
					   "169.254.1.1:8080", "[fe80::1]:8080", "[::1]:8080"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(open_for(&w, none[i], 0), PORTCTL_FORBIDDEN);
	struct portctl_ask ask = ask_of("192.168.1.5:8081", 0);
	ask.protocol = 132;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_UNSUPPORTED);
	assert_true(w.open_n == 1 && world_agrees(&w));
	world_end(&w);
}

/* A port outside that no rule gives is not given; asked for as a wish, another one is. */
static void the_port_outside_is_of_the_rule_too(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	struct portctl_ask ask = ask_of("192.168.1.5:8080", 22);
	ask.exact = true;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_FORBIDDEN);
	ask.exact = false;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	assert_int_equal(world_find(&w, 6, "192.168.1.5:8080")->external.port, 40000);
	world_end(&w);
}

static void a_host_has_its_limit_and_all_together_have_theirs(void **state)
{
	(void)state;
	struct world w;
	char text[IP_ENDPOINT_TEXT_MAX];
	world_begin(&w);
	w.rules.mappings_max = 10;
	unsigned got[PORTCTL_VERDICTS] = {0};
	for (unsigned host = 1; host <= 5; host++)
		for (unsigned port = 5000; port < 5006; port++) {
			struct ip_endpoint e = {.address =
							ip_address_v4(192, 168, 1, (uint8_t)host),
						.port = (uint16_t)port};
			ip_endpoint_format(&e, text);
			got[open_for(&w, text, 0)]++;
		}
	assert_int_equal(got[PORTCTL_DONE], 10);
	assert_int_equal(got[PORTCTL_HOST_FULL], 4);
	assert_int_equal(got[PORTCTL_FULL], 16);
	/* IPv6 has places of its own */
	assert_int_equal(open_for(&w, "[2001:db8::5]:5000", 0), PORTCTL_DONE);
	/* what ends makes room */
	portctl_advance(w.list, WORLD_NOW_MS + 3600 * 1000);
	assert_true(w.open_n == 0 && world_agrees(&w));
	assert_int_equal(open_for(&w, "192.168.1.9:5000", 0), PORTCTL_DONE);
	world_end(&w);
}

static void lifetimes_keep_their_bounds_and_end(void **state)
{
	(void)state;
	struct world w;
	const struct portctl_mapping *m;
	world_begin(&w);
	static const uint32_t wanted[] = {1, 600, 1000000, 0}, given[] = {120, 600, 86400, 86400};
	for (size_t i = 0; i < 4; i++) {
		struct portctl_ask ask = ask_of("192.168.1.5:8080", 0);
		ask.lifetime_s = wanted[i];
		assert_int_equal(portctl_open(w.list, WORLD_NOW_MS, &ask, &m), PORTCTL_DONE);
		assert_int_equal(portctl_left_s(m, WORLD_NOW_MS), given[i]);
	}
	assert_int_equal(portctl_next_ms(w.list), WORLD_NOW_MS + 86400 * 1000);
	portctl_advance(w.list, WORLD_NOW_MS + 86400 * 1000 - 1);
	assert_int_equal(w.open_n, 1);
	portctl_advance(w.list, WORLD_NOW_MS + 86400 * 1000);
	assert_true(w.open_n == 0 && world_agrees(&w));
	assert_string_equal(w.told_last, "expired");
	assert_int_equal(portctl_next_ms(w.list), UINT64_MAX);
	assert_int_equal(w.losses, 0);
	world_end(&w);
}

/* RFC 6887 11.3: only who knows the nonce may renew or delete. */
static void another_nonce_is_another_owner(void **state)
{
	(void)state;
	struct world w;
	const struct portctl_mapping *m = NULL;
	world_begin(&w);
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_DONE);
	struct portctl_ask ask = ask_of("192.168.1.5:8080", 0);
	ask.nonce = nonce_b;
	assert_int_equal(portctl_open(w.list, WORLD_NOW_MS, &ask, &m), PORTCTL_FOREIGN);
	assert_non_null(m);
	assert_int_equal(portctl_close(w.list, WORLD_NOW_MS, &ask, &m), PORTCTL_FOREIGN);
	assert_int_equal(portctl_close_all(w.list, WORLD_NOW_MS, &ask), 0);
	ask.nonce = NULL;
	ask.origin = PORTCTL_UPNP;
	assert_int_equal(portctl_open(w.list, WORLD_NOW_MS, &ask, &m), PORTCTL_FOREIGN);
	assert_int_equal(w.open_n, 1);
	ask = ask_of("192.168.1.5:8080", 0);
	assert_int_equal(portctl_close(w.list, WORLD_NOW_MS, &ask, &m), PORTCTL_DONE);
	assert_int_equal(portctl_close(w.list, WORLD_NOW_MS, &ask, &m), PORTCTL_ABSENT);
	assert_true(w.open_n == 0 && world_agrees(&w));
	world_end(&w);
}

static void a_wish_is_a_wish_and_exact_is_exact(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 8443), PORTCTL_DONE);
	assert_int_equal(world_find(&w, 6, "192.168.1.5:8080")->external.port, 8443);
	struct portctl_ask ask = ask_of("192.168.1.6:8080", 8443);
	ask.exact = true;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_TAKEN);
	w.taken = 9000;
	ask.wanted.port = 9000;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_TAKEN);
	assert_null(world_find(&w, 6, "192.168.1.6:8080"));
	ask.exact = false;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	/* renewed with another wish it stays where it is; exactly elsewhere it is refused */
	ask.wanted.port = 9001;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	assert_int_equal(world_find(&w, 6, "192.168.1.6:8080")->external.port, 40000);
	ask.exact = true;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_TAKEN);
	world_end(&w);
}

/* RFC 6886 3.3: a host that has one port of a pair has the other one too. */
static void the_companion_port_stays_with_its_host(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 8443), PORTCTL_DONE);
	struct portctl_ask ask = ask_of("192.168.1.6:8080", 8443);
	ask.protocol = PORTCTL_UDP;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	assert_int_equal(world_find(&w, 17, "192.168.1.6:8080")->external.port, 40000);
	ask = ask_of("192.168.1.5:8080", 8443);
	ask.protocol = PORTCTL_UDP;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	assert_int_equal(world_find(&w, 17, "192.168.1.5:8080")->external.port, 8443);
	world_end(&w);
}

static void filters_gather_until_they_are_cleared(void **state)
{
	(void)state;
	struct world w;
	struct portctl_filter filters[PORTCTL_FILTERS_MAX + 1];
	world_begin(&w);
	for (size_t i = 0; i <= PORTCTL_FILTERS_MAX; i++) {
		struct ip_address a = ip_address_v4(198, 51, 100, (uint8_t)i);
		filters[i] = (struct portctl_filter){ip_prefix_of(&a, 32), 0};
	}
	struct portctl_ask ask = ask_of("192.168.1.5:8080", 0);
	ask.filters = filters;
	ask.filters_n = PORTCTL_FILTERS_MAX + 1;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_PEERS_FULL);
	assert_true(w.open_n == 0 && world_agrees(&w));
	ask.filters_n = 2;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	ask.filters_n = 3; /* two of them are there already */
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	assert_int_equal(world_find(&w, 6, "192.168.1.5:8080")->filters_n, 3);
	ask.filters_n = PORTCTL_FILTERS_MAX + 1;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_PEERS_FULL);
	assert_int_equal(world_find(&w, 6, "192.168.1.5:8080")->filters_n, 3);
	ask.filters_n = 0;
	ask.filters_clear = true;
	assert_int_equal(open_at(&w, WORLD_NOW_MS, &ask), PORTCTL_DONE);
	assert_int_equal(world_find(&w, 6, "192.168.1.5:8080")->filters_n, 0);
	world_end(&w);
}

static void failures_of_the_data_plane_leave_nothing_behind(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	static const struct {
		enum err error;
		enum portctl_verdict verdict;
	} cases[] = {{ERR_LIMIT, PORTCTL_FULL},	       {ERR_UNSUPPORTED, PORTCTL_UNSUPPORTED},
		     {ERR_REFUSED, PORTCTL_FORBIDDEN}, {ERR_EXISTS, PORTCTL_TAKEN},
		     {ERR_ABSENT, PORTCTL_NO_NETWORK}, {(enum err)ENOMEM, PORTCTL_NO_NETWORK}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w.open_fails = cases[i].error;
		assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), cases[i].verdict);
		assert_true(portctl_used(w.list, 4) == 0 && world_agrees(&w));
	}
	w.open_fails = OK;
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_DONE);
	w.renew_fails = ERR_ABSENT;
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_NO_NETWORK);
	assert_true(w.open_n == 0 && world_agrees(&w) && w.losses == 1);
	world_end(&w);
}

/* RFC 6887 8.5: "if the public IP address(es) of the NAT ... changes, the Epoch Time MUST be
 * reset". */
static void another_address_outside_moves_mappings_and_begins_an_epoch(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 8443), PORTCTL_DONE);
	assert_int_equal(open_for(&w, "[2001:db8::5]:8080", 0), PORTCTL_DONE);
	assert_int_equal(portctl_epoch_s(w.list, WORLD_NOW_MS + 5000), 5);
	w.outside4 = world_address("203.0.113.8");
	portctl_outside_changed(w.list, WORLD_NOW_MS + 5000, 4);
	assert_int_equal(portctl_epoch_s(w.list, WORLD_NOW_MS + 6000), 1);
	assert_true(w.losses == 1 && w.open_n == 2 && world_agrees(&w));
	struct ip_endpoint want = world_endpoint("203.0.113.8:8443");
	assert_true(ip_endpoint_equal(&world_find(&w, 6, "192.168.1.5:8080")->external, &want));
	w.outside4 = (struct ip_address){0};
	portctl_outside_changed(w.list, WORLD_NOW_MS + 7000, 4);
	assert_true(w.open_n == 1 && world_agrees(&w));
	assert_int_equal(portctl_used(w.list, 6), 1);
	world_end(&w);
}

static void a_reload_closes_what_is_not_allowed_any_more(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	assert_int_equal(open_for(&w, "192.168.1.5:8080", 0), PORTCTL_DONE);
	assert_int_equal(open_for(&w, "192.168.1.5:9090", 0), PORTCTL_DONE);
	portctl_reload(w.list, WORLD_NOW_MS + 1000, &w.rules);
	assert_true(w.open_n == 2 && w.losses == 0);
	w.rule.traffic[0].last = 9000;
	portctl_reload(w.list, WORLD_NOW_MS + 1000, &w.rules);
	assert_true(w.open_n == 1 && w.losses == 1 && world_agrees(&w));
	assert_non_null(world_find(&w, 6, "192.168.1.5:8080"));
	portctl_revoke(w.list, WORLD_NOW_MS, portctl_next(w.list, &(size_t){0}));
	assert_true(w.open_n == 0 && w.losses == 2 && world_agrees(&w));
	world_end(&w);
}

static void a_hosts_list_is_in_the_order_of_asking(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w);
	struct ip_address host = world_address("192.168.1.5");
	assert_int_equal(open_for(&w, "192.168.1.5:3000", 0), PORTCTL_DONE);
	assert_int_equal(open_for(&w, "192.168.1.6:3000", 0), PORTCTL_DONE);
	assert_int_equal(open_for(&w, "192.168.1.5:2000", 0), PORTCTL_DONE);
	assert_int_equal(open_for(&w, "192.168.1.5:4000", 0), PORTCTL_DONE);
	struct portctl_ask ask = ask_of("192.168.1.5:2000", 0);
	const struct portctl_mapping *m = NULL;
	assert_int_equal(portctl_close(w.list, WORLD_NOW_MS, &ask, &m), PORTCTL_DONE);
	m = portctl_of_host(w.list, &host, NULL);
	assert_int_equal(m->internal.port, 3000);
	m = portctl_of_host(w.list, &host, m);
	assert_int_equal(m->internal.port, 4000);
	assert_null(portctl_of_host(w.list, &host, m));
	world_end(&w);
}

/* Whatever is asked in whatever order, list and data plane say the same, and no limit is passed. */
static void random_asks_leave_list_and_data_plane_alike(void **state)
{
	(void)state;
	struct world w;
	struct test_random r = test_random_begin();
	uint64_t now_ms = WORLD_NOW_MS;
	world_begin(&w);
	w.rules.mappings_max = 30;
	for (unsigned i = 0; i < 20000; i++) {
		const struct portctl_mapping *m = NULL;
		struct portctl_ask ask = ask_of("192.168.1.1:5000", 0);
		ask.internal.address.bytes[3] = (uint8_t)test_random_below(&r, 10);
		ask.internal.port = (uint16_t)(5000 + test_random_below(&r, 6));
		ask.protocol = test_random_below(&r, 2) ? PORTCTL_TCP : PORTCTL_UDP;
		ask.wanted.port = (uint16_t)(test_random_below(&r, 20) * 1000);
		ask.exact = test_random_below(&r, 4) == 0;
		ask.nonce = test_random_below(&r, 8) ? nonce_a : nonce_b;
		ask.lifetime_s = (uint32_t)test_random_below(&r, 1000);
		if (test_random_below(&r, 8) == 0)
			ask.remote = world_endpoint("198.51.100.1:53");
		w.open_fails = test_random_below(&r, 30) ? OK : ERR_LIMIT;
		w.renew_fails = test_random_below(&r, 50) ? OK : ERR_ABSENT;
		size_t what = test_random_below(&r, 400);
		if (what < 260)
			(void)!portctl_open(w.list, now_ms, &ask, &m);
		else if (what < 380)
			(void)!portctl_close(w.list, now_ms, &ask, &m);
		else if (what < 390)
			portctl_advance(w.list, now_ms += test_random_below(&r, 200000));
		else if (what < 398)
			(void)portctl_close_all(w.list, now_ms, &ask);
		else
			portctl_outside_changed(w.list, now_ms, 4);
		assert_true(world_agrees(&w));
		assert_true(portctl_used(w.list, 4) <= w.rules.mappings_max);
	}
	assert_true(w.opens > 1000 && w.closes > 1000 && w.renews > 1000);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_may_without_a_rule),
		cmocka_unit_test(refuses_what_the_rule_does_not_name),
		cmocka_unit_test(the_port_outside_is_of_the_rule_too),
		cmocka_unit_test(a_host_has_its_limit_and_all_together_have_theirs),
		cmocka_unit_test(lifetimes_keep_their_bounds_and_end),
		cmocka_unit_test(another_nonce_is_another_owner),
		cmocka_unit_test(a_wish_is_a_wish_and_exact_is_exact),
		cmocka_unit_test(the_companion_port_stays_with_its_host),
		cmocka_unit_test(filters_gather_until_they_are_cleared),
		cmocka_unit_test(failures_of_the_data_plane_leave_nothing_behind),
		cmocka_unit_test(another_address_outside_moves_mappings_and_begins_an_epoch),
		cmocka_unit_test(a_reload_closes_what_is_not_allowed_any_more),
		cmocka_unit_test(a_hosts_list_is_in_the_order_of_asking),
		cmocka_unit_test(random_asks_leave_list_and_data_plane_alike),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
