/* From the configuration to the engines, without workers, sockets and people. */
#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "os/clock.h"
#include "service/vpn/io_vpn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

#define KEY_OWN "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define KEY_A	"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define KEY_B	"TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="

static const struct config_section section = {"vpn", &vpn_conf_map};
static const struct config_sections sections = {&section, 1};
static const struct service service = {.name = "vpn"};
static const struct service_start start = {.service = &service, .sections = &sections};

static struct config *parse(const char *text)
{
	return conf_parse(&sections, text);
}

static int vpn_new(void **state)
{
	struct vpn *v = calloc(1, sizeof(*v));
	const struct vpn_setting setting = {
		.workers_n = 1, .peers_max = 16, .staged_max = 16, .mtu = 1420};
	struct vpn_effects effects;
	v->life.start = &start;
	v->workers_n = 1;
	assert_int_equal(loop_init(&v->life.loop), OK);
	v->interfaces = calloc(1, sizeof(*v->interfaces));
	v->interfaces_n = 1;
	struct vpn_interface *f = v->interfaces;
	f->vpn = v;
	(void)snprintf(f->name, sizeof(f->name), "wg0");
	f->listen[f->listen_n++] = (struct ip_endpoint){.address = {.family = 4}, .port = VPN_PORT};
	vpn_effects_fill(f, &effects);
	assert_int_equal(vpn_engine_new(&setting, &effects, vpn_now_ms(), &f->engine), OK);
	assert_int_equal(vpn_lookups_new(v), OK);
	*state = v;
	return 0;
}

static int vpn_done(void **state)
{
	struct vpn *v = *state;
	struct vpn_engine *e = v->interfaces->engine;
	for (struct vpn_peer *p = NULL; (p = vpn_engine_next_peer(e, p));)
		vpn_peer_gone(p);
	vpn_engine_free(e);
	vpn_lookups_free(v);
	loop_done(&v->life.loop);
	config_free(v->life.config);
	free(v->interfaces);
	free(v);
	return 0;
}

/* As at the start and at a reload: what is applied is then in force. */
static void apply(struct vpn *v, const char *peers)
{
	char text[4096];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w,
		     "vpn:\n  interfaces:\n    wg0:\n      addresses: 10.9.0.1/24\n"
		     "      listen: 0.0.0.0:51820\n      private-key: %s\n      peers:\n%s"
		     "  sign-in: {name: login.vpn.home.arpa}\n",
		     KEY_OWN, peers);
	text[w.pos] = '\0';
	struct config *config = parse(text);
	assert_int_equal(vpn_apply(v, config_section(config, "vpn")), OK);
	config_free(v->life.config);
	v->life.config = config;
}

static struct vpn_peer *peer(struct vpn *v, const char *name)
{
	struct vpn_interface *f;
	return vpn_peer_find(v, name, &f);
}

static void peers_come_stay_and_go_as_the_file_says(void **state)
{
	struct vpn *v = *state;
	struct vpn_engine *e = v->interfaces->engine;
	apply(v, "        a: {public-key: \"" KEY_A "\", allowed-ips: 10.9.0.2, keepalive: 25s}\n"
		 "        b: {public-key: \"" KEY_B "\", allowed-ips: 10.9.0.3}\n");
	struct vpn_peer *a = peer(v, "a"), *b = peer(v, "b");
	assert_true(a && b && vpn_engine_peers(e) == 2);
	assert_int_equal(a->keepalive_s, 25);
	atomic_store(&a->rx_bytes, 4711);
	/* One stays with another name and network, one goes, and what it had is the other's. */
	apply(v,
	      "        phone: {public-key: \"" KEY_A "\", allowed-ips: [10.9.0.3, 10.8.0.0/16]}\n");
	assert_ptr_equal(peer(v, "phone"), a);
	assert_null(peer(v, "b"));
	assert_int_equal(atomic_load(&a->rx_bytes), 4711);
	assert_int_equal(a->keepalive_s, 0);
	assert_int_equal(a->allowed_n, 2);
	const struct ip_address three = {.family = 4, .bytes = {10, 9, 0, 3}};
	assert_ptr_equal(vpn_engine_peer_at(e, &three), a);
}

static void peers_that_others_made_stay(void **state)
{
	struct vpn *v = *state;
	struct vpn_peer *made = NULL;
	struct vpn_peer_setting s = {.name = "added", .public_key = {1, 2, 3}};
	apply(v, "        a: {public-key: \"" KEY_A "\"}\n");
	assert_int_equal(vpn_peer_put(v->interfaces, &s, VPN_ORIGIN_STORE, &made), OK);
	apply(v, "        b: {public-key: \"" KEY_B "\"}\n");
	assert_ptr_equal(peer(v, "added"), made);
	assert_null(peer(v, "a"));
}

static void a_reload_leaves_a_peer_where_it_moved_to(void **state)
{
	static const struct ip_endpoint moved = {.address = {.family = 4, .bytes = {192, 0, 2, 9}},
						 .port = 7};
	struct vpn *v = *state;
	struct vpn_endpoint at;
	apply(v, "        a: {public-key: \"" KEY_A "\", endpoint: \"192.0.2.1:51820\"}\n");
	struct vpn_peer *a = peer(v, "a");
	assert_true(vpn_peer_endpoint(a, &at) && at.remote.port == 51820);
	vpn_engine_set_endpoint(v->interfaces->engine, a, &moved);
	apply(v, "        a: {public-key: \"" KEY_A "\", endpoint: \"192.0.2.1:51820\"}\n");
	assert_true(vpn_peer_endpoint(a, &at) && at.remote.port == 7);
	apply(v, "        a: {public-key: \"" KEY_A "\", endpoint: \"192.0.2.1:51821\"}\n");
	assert_true(vpn_peer_endpoint(a, &at) && at.remote.port == 51821);
}

static void a_peer_that_signs_in_is_closed_and_stays_as_it_is(void **state)
{
	static const char *const text =
		"        a: {public-key: \"" KEY_A
		"\", allowed-ips: 10.9.0.2, sign-in: required, users: anna, roles: [x, y]}\n";
	struct vpn *v = *state;
	uint64_t now_ms = vpn_now_ms();
	apply(v, text);
	struct vpn_peer *a = peer(v, "a");
	assert_int_equal(vpn_peer_gate(a, now_ms), VPN_GATE_CLOSED);
	assert_int_equal(vpn_own_of(a)->users_n, 1);
	assert_int_equal(vpn_own_of(a)->roles_n, 2);
	assert_string_equal(vpn_own_of(a)->who[2], "y");
	gate_open(a, now_ms + 60000, 0, now_ms);
	apply(v, text); /* a reload is no end of a session */
	assert_int_equal(vpn_peer_gate(a, now_ms), VPN_GATE_OPEN);
	apply(v, "        a: {public-key: \"" KEY_A "\", allowed-ips: 10.9.0.2}\n");
	assert_int_equal(vpn_peer_gate(a, now_ms), VPN_GATE_OPEN);
	apply(v, text); /* but what was open to all is not open to those who must sign in */
	assert_int_equal(vpn_peer_gate(a, now_ms), VPN_GATE_CLOSED);
}

static void a_date_that_is_over_closes_and_a_new_one_opens(void **state)
{
	struct vpn *v = *state;
	char text[256], at[VPN_TEXT_DATE_MAX];
	apply(v, "        a: {public-key: \"" KEY_A "\", expires: 2020-01-01}\n");
	assert_int_equal(vpn_peer_gate(peer(v, "a"), vpn_now_ms()), VPN_GATE_EXPIRED);
	vpn_text_date_format((int64_t)clock_wall_s() + 3600, at);
	(void)snprintf(text, sizeof(text), "        a: {public-key: \"%s\", expires: \"%s\"}\n",
		       KEY_A, at);
	apply(v, text);
	assert_int_equal(vpn_peer_gate(peer(v, "a"), vpn_now_ms()), VPN_GATE_OPEN);
	assert_int_equal(vpn_peer_gate(peer(v, "a"), vpn_now_ms() + 3500000), VPN_GATE_OPEN);
	assert_int_equal(vpn_peer_gate(peer(v, "a"), vpn_now_ms() + 3700000), VPN_GATE_EXPIRED);
}

static void limits_and_reach_come_to_the_gate(void **state)
{
	struct vpn *v = *state;
	apply(v, "        a:\n          public-key: \"" KEY_A "\"\n"
		 "          bandwidth: {up: 8Mbit, down: 80Mbit}\n          peer-to-peer: on\n"
		 "          reach: [{to: [10.1.0.0/16, 10.2.0.0/16], ports: [443/tcp, 53/udp]}]\n"
		 "        b: {public-key: \"" KEY_B "\"}\n");
	const struct vpn_peer *a = peer(v, "a"), *b = peer(v, "b");
	assert_int_equal(a->rules.in.rate, 1000000);
	assert_int_equal(a->rules.out.rate, 10000000);
	assert_non_null(a->rules.reach);
	assert_true((a->rules.talks & b->rules.groups) == 0 &&
		    (b->rules.talks & a->rules.groups) == 0);
	assert_true((a->rules.talks & a->rules.groups) != 0);
	apply(v, "        a: {public-key: \"" KEY_A "\"}\n");
	assert_int_equal(a->rules.in.rate, 0);
	assert_null(a->rules.reach);
}

static void other_ports_and_interfaces_are_refused(void **state)
{
	struct vpn *v = *state;
	static const char *const texts[] = {
		"vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, listen: \"0.0.0.0:1\"}}}\n",
		"vpn: {interfaces: {wg1: {addresses: 10.9.0.1/24, listen: \"0.0.0.0:51820\"}}}\n",
		"vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, listen: [0.0.0.0, \"::\"]}}}\n",
	};
	apply(v, "        a: {public-key: \"" KEY_A "\"}\n");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *config = parse(texts[i]);
		assert_int_equal(vpn_apply(v, config_section(config, "vpn")), ERR_REFUSED);
		assert_non_null(peer(v, "a"));
		config_free(config);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vpn_new, vpn_done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_ports_and_interfaces_are_refused),
		TEST(peers_come_stay_and_go_as_the_file_says),
		TEST(peers_that_others_made_stay),
		TEST(a_reload_leaves_a_peer_where_it_moved_to),
		TEST(a_peer_that_signs_in_is_closed_and_stays_as_it_is),
		TEST(a_date_that_is_over_closes_and_a_new_one_opens),
		TEST(limits_and_reach_come_to_the_gate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
