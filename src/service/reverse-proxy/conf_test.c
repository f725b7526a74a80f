#include "service/reverse-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"reverse-proxy", &reverse_conf_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static struct config *parse(const char *text)
{
	return conf_parse(&sections, text);
}

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void refuses_what_leads_nowhere(void **state)
{
	(void)state;
	refused("reverse-proxy:\n  routes: {to: \"10.0.0.1:80\"}\n", 2, 3, "'listen' is missing");
	refused("reverse-proxy:\n  listen: 192.0.2.1\n  pools: {web: 10.0.0.1:80}\n"
		"  routes:\n    - {host: a.home.arpa, to: wbe}\n",
		5, 31, "no pool 'wbe'");
	refused("reverse-proxy:\n  listen: 192.0.2.1\n  routes: {to: 10.0.0.1}\n", 3, 16,
		"no address with a port");
	refused("reverse-proxy:\n  listen: 192.0.2.1\n  pools: {web: 10.0.0.1}\n", 3, 16,
		"lacks its port");
	refused("reverse-proxy:\n  listen: 192.0.2.1\n  pools: {web: []}\n", 3, 16, "0 items");
}

static void refuses_an_address_that_is_served_twice(void **state)
{
	(void)state;
	refused("reverse-proxy:\n  listen:\n    - 192.0.2.1\n    - {address: [192.0.2.2, "
		"192.0.2.1:80]}\n",
		4, 7, "192.0.2.1:80 is served twice");
}

static void refuses_what_only_tls_has_without_it(void **state)
{
	(void)state;
#define TLS "  certificates: {chain: /c, key: /k}\n"
	refused("reverse-proxy:\n  listen: {address: 192.0.2.1, tls: yes}\n", 2, 11,
		"TLS needs a certificate");
	refused("reverse-proxy:\n" TLS "  listen: {address: 192.0.2.1, client-certificates: /ca}\n",
		3, 11, "`client-certificates` is of TLS");
	refused("reverse-proxy:\n" TLS
		"  listen: {address: 192.0.2.1, refuse-unknown-names: yes}\n",
		3, 11, "`refuse-unknown-names` is of TLS");
	refused("reverse-proxy:\n" TLS
		"  listen: {address: 192.0.2.1, tls: yes, client-certificates: {crl: /c}}\n",
		3, 63, "'ca' is missing");
	struct config *c =
		parse("reverse-proxy:\n" TLS
		      "  listen: {address: 192.0.2.1, tls: yes, client-certificates: /ca}\n");
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	const struct reverse_listen_conf *listen = conf->listen.items;
	assert_string_equal(listen->clients.ca, "/ca");
	assert_true(listen->clients.required && !listen->clients.crl && !listen->refuse_unknown);
	config_free(c);
#undef TLS
}

static void refuses_streams_that_lead_nowhere(void **state)
{
	(void)state;
#define HEAD "reverse-proxy:\n  listen: 192.0.2.1\n  pools: {mail: 10.0.0.1:25}\n"
	refused(HEAD "  streams: {listen: 192.0.2.1:25}\n", 4, 12, "say where to");
	refused(HEAD "  streams: {listen: 192.0.2.1:25, tcp: male}\n", 4, 12, "no pool 'male'");
	refused(HEAD "  streams: {listen: 192.0.2.1:25, sni: {a.home.arpa: male}}\n", 4, 12,
		"no pool 'male'");
	refused(HEAD "  streams: {listen: 192.0.2.1:80, tcp: mail}\n", 4, 12, "served twice");
	refused(HEAD "  streams: {listen: 192.0.2.1, tcp: mail}\n", 4, 21, "lacks its port");
#undef HEAD
}

static void refuses_ways_to_servers_that_contradict_themselves(void **state)
{
	(void)state;
#define POOL                                                                                       \
	"reverse-proxy:\n  listen: 192.0.2.1\n  pools:\n    app:\n      servers: 10.0.0.1:443\n"
	refused(POOL "      protocol: h3\n", 6, 17, "'protocol'");
	refused(POOL "      tls: {verify: no, ca: /a.pem}\n", 6, 29, "nobody vouches");
	refused(POOL "      tls: {name: \"a.b:443\"}\n", 6, 19, "no name of a server");
	refused(POOL "      tls: {certificate: {chain: /a.pem}}\n", 6, 26, "'key' is missing");
	refused(POOL "      tls: {version-min: 1.1}\n", 6, 26, "'version-min'");
	refused(POOL "      protocol: http/1.1\n      check: {grpc: \"\"}\n", 7, 14, "by HTTP/2");
	refused(POOL "      check: {grpc: a.B, tcp: yes}\n", 6, 21, "instead of tcp");
	refused(POOL "      check: {grpc: a.B, http: /}\n", 6, 21, "instead of http");
	refused(POOL "      check: {grpc: a.B, body: ok}\n", 6, 32, "`body` is of checks by http");
	refused(POOL "      check: {grpc: a.B, status: '200'}\n", 6, 34, "`status` is of checks");
	refused(POOL "      check: {grpc: a.B, method: GET}\n", 6, 34, "`method` is of checks");
	refused(POOL "      check: {tcp: yes, body: ok}\n", 6, 31, "`body` is of checks by http");
	refused(POOL "      check: {tcp: yes, status: '200'}\n", 6, 33, "`status` is of checks");
	refused(POOL "      check: {tcp: yes, method: GET}\n", 6, 33, "`method` is of checks");
	refused(POOL "      check: {port: 1}\n", 6, 14, "say how");
	refused(POOL "      check: {udp: x, tcp: yes}\n", 6, 20, "instead of tcp");
	refused(POOL "      check: {udp: x, http: /}\n", 6, 20, "instead of http");
	refused(POOL "      check: {udp: x, grpc: a.B}\n", 6, 20, "instead of grpc");
	refused(POOL "      check: {tcp: yes, answer: x}\n", 6, 33, "`answer` is of checks by udp");
	refused(POOL "      check: {udp: x, body: ok}\n", 6, 29, "`body` is of checks by http");
	refused(POOL "      check: {udp: x, method: GET}\n", 6, 31, "`method` is of checks");
	refused(POOL "      check: {udp: x, status: '200'}\n", 6, 31, "`status` is of checks");
	refused(POOL "      check: {udp: '0x123'}\n", 6, 20, "pairs of hexadecimal digits");
	refused(POOL "      check: {udp: '0x'}\n", 6, 20, "pairs of hexadecimal digits");
	refused(POOL "      check: {udp: x, answer: '0xfg'}\n", 6, 31, "pairs of hexadecimal");
	refused(POOL "      check: {udp: ''}\n", 6, 20, "udp");
	refused(POOL "      tls: yes\n  streams: {listen: 192.0.2.1:25, tcp: app}\n", 7, 12,
		"a pool of its own");
#undef POOL
}

static void refuses_caches_that_keep_nothing(void **state)
{
	(void)state;
#define HEAD "reverse-proxy:\n  listen: 192.0.2.1\n"
	refused(HEAD "  cache: {memory: 8M, object: 4M}\n", 3, 31, "at most a quarter");
	refused(HEAD "  cache: {disk: {object-max: 1M}}\n", 3, 17, "'size'");
	refused(HEAD "  cache: {disk: {size: 100M, object-max: 9M}}\n", 3, 24, "at least 32 times");
	refused(HEAD "  routes: [{answer: {status: 404}, cache: yes}]\n", 3, 43, "no `to`");
	refused(HEAD "  routes: [{to: \"10.0.0.1:80\", cache: {by-headers: \"a b\"}}]\n", 3, 52,
		"'a b' is no name");
	refused(HEAD "  routes: [{to: \"10.0.0.1:80\", cache: {ignore-query: yes, "
		     "ignore-arguments: a}}]\n",
		3, 77, "ignored already");
	refused(HEAD "  routes: [{to: \"10.0.0.1:80\", cache: {default: soon}}]\n", 3, 49,
		"'default'");
	struct config *c =
		parse(HEAD "  cache: {memory: 64M, object: 1M, disk: 64M}\n"
			   "  routes:\n    - {to: \"10.0.0.1:80\", cache: yes}\n"
			   "    - {path: /a, to: \"10.0.0.1:80\", cache: no}\n"
			   "    - {path: /b, to: \"10.0.0.1:80\"}\n"
			   "    - {path: /c, to: \"10.0.0.1:80\", cache: {default: 5m}}\n");
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	const struct reverse_route_conf *r = conf->routes.items;
	assert_true(r[0].has_cache && r[0].cache.on);
	assert_true(r[1].has_cache && !r[1].cache.on);
	assert_false(r[2].has_cache);
	assert_true(r[3].cache.on && r[3].cache.default_ms == 300000);
	assert_int_equal(conf->cache.memory, 64 << 20);
	assert_true(conf->cache.has_disk && conf->cache.disk.size == 64 << 20);
	assert_int_equal(proxy_cache_disk_object(&conf->cache), 1 << 20);
	config_free(c);
#undef HEAD
}

static void a_name_leads_to_the_most_special_pool(void **state)
{
	(void)state;
	static const struct reverse_stream_name names[] = {
		{"*.arpa", "arpa"}, {"*.home.arpa", "home"}, {"www.home.arpa", "www"}};
	struct reverse_stream_conf s = {.sni = {.items = (void *)(uintptr_t)names, .n = 3}};
	assert_string_equal(reverse_stream_pool(&s, "www.home.arpa"), "www");
	assert_string_equal(reverse_stream_pool(&s, "a.b.home.arpa"), "home");
	assert_string_equal(reverse_stream_pool(&s, "home.arpa"), "arpa");
	assert_null(reverse_stream_pool(&s, "arpa"));
	assert_null(reverse_stream_pool(&s, ".arpa"));
	assert_null(reverse_stream_pool(&s, ""));
	assert_null(reverse_stream_pool(&s, "www.xhome.arpb"));
	s.tcp = "rest";
	assert_string_equal(reverse_stream_pool(&s, ""), "rest");
	assert_string_equal(reverse_stream_pool(&s, "x.home.arpa"), "home");
}

static void streams_are_of_one_kind_or_both(void **state)
{
	(void)state;
#define HEAD "reverse-proxy:\n  listen: 192.0.2.1\n  pools: {dns: \"10.0.0.1:53\"}\n"
	refused(HEAD "  streams: {listen: 192.0.2.1:53}\n", 4, 12, "`udp: POOL`");
	refused(HEAD "  streams: {listen: 192.0.2.1:53, udp: dsn}\n", 4, 12, "no pool 'dsn'");
	refused(HEAD "  streams: {listen: 192.0.2.1:53, udp: {idle: 1m}}\n", 4, 40,
		"'to' is missing");
	refused(HEAD "  streams: {listen: 192.0.2.1:53, udp: dns, proxy-header: v1}\n", 4, 59,
		"v2");
	refused(HEAD
		"  streams: [{listen: 192.0.2.1:53, udp: dns}, {listen: 192.0.2.1:53, udp: dns}]\n",
		4, 47, "192.0.2.1:53 is served twice");
	struct config *c =
		parse(HEAD "  streams:\n    - {listen: 192.0.2.1:443, udp: {to: dns, answers: 1}}\n"
			   "    - {listen: 192.0.2.1:53, udp: dns, tcp: dns}\n"
			   "    - {listen: 192.0.2.1:25, tcp: dns}\n");
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	const struct reverse_stream_conf *s = conf->streams.items;
	struct ip_endpoint at[4];
	assert_int_equal(reverse_stream_doors(conf, REVERSE_STREAM_UDP, at, 4), 2);
	assert_int_equal(at[0].port, 443);
	assert_int_equal(at[1].port, 53);
	assert_ptr_equal(reverse_stream_at(conf, REVERSE_STREAM_UDP, &at[1]), &s[1]);
	assert_ptr_equal(reverse_stream_at(conf, REVERSE_STREAM_TCP, &at[1]), &s[1]);
	assert_null(reverse_stream_at(conf, REVERSE_STREAM_TCP, &at[0]));
	assert_int_equal(s[0].udp.answers, 1);
	assert_int_equal(s[1].udp.idle_ms, 60000);
	assert_int_equal(reverse_stream_doors(conf, REVERSE_STREAM_TCP, at, 4), 2);
	assert_int_equal(at[1].port, 25);
	assert_null(reverse_stream_at(conf, REVERSE_STREAM_UDP, &at[1]));
	config_free(c);
#undef HEAD
}

static void one_site_is_four_lines(void **state)
{
	(void)state;
	struct config *c = parse("reverse-proxy:\n  listen: [192.0.2.1, \"[2001:db8::1]:8080\"]\n"
				 "  pools: {web: [10.0.0.11:80, 10.0.0.12:80]}\n"
				 "  routes: {to: web}\n");
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	const struct reverse_pool_conf *pools = conf->pools.items;
	const struct reverse_route_conf *routes = conf->routes.items;
	struct reverse_door doors[4];
	assert_int_equal(reverse_doors(conf, doors, 4), 2);
	assert_int_equal(doors[0].at.port, 80);
	assert_int_equal(doors[1].at.port, 8080);
	assert_int_equal(doors[1].at.address.family, 6);
	assert_int_equal(pools[0].servers.n, 2);
	assert_int_equal(reverse_pool_find(conf, "web"), 0);
	assert_int_equal(reverse_pool_find(conf, "wb"), SIZE_MAX);
	assert_int_equal(routes[0].line, 4);
	assert_int_equal(conf->timeouts.head_ms, 10000);
	config_free(c);
}

#define SHARED                                                                                     \
	"  listen: 192.0.2.1\n  routes: {to: \"10.0.0.1:80\", guard: {rate: [1/s, {limit: 2/s, "   \
	"shared: yes}]}}\n"

static void limits_are_shared_through_a_database_only(void **state)
{
	(void)state;
	static const char key[] = "  store-key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
	static const char url[] = "  store: postgresql:///x\n";
	char text[512];
	refused("reverse-proxy:\n" SHARED, 3, 51, "limits are shared through a database");
	(void)snprintf(text, sizeof(text), "reverse-proxy:\n" SHARED "%s", key);
	refused(text, 3, 51, "write `store: postgresql://");
	(void)snprintf(text, sizeof(text), "reverse-proxy:\n" SHARED "%s", url);
	refused(text, 3, 51, "`store-key`");
	(void)snprintf(text, sizeof(text),
		       "reverse-proxy:\n  listen: 192.0.2.1\n"
		       "  guard: {rate: {limit: 2/s, shared: yes}}\n");
	refused(text, 3, 17, "limits are shared through a database");
	(void)snprintf(text, sizeof(text), "reverse-proxy:\n" SHARED "%s%s", key, url);
	struct config *config = parse(text);
	const struct reverse_conf *c = config_section(config, "reverse-proxy");
	const struct reverse_route_conf *route = c->routes.items;
	assert_int_equal(reverse_guard_shared(&route->guard), 1);
	assert_int_equal(reverse_guard_shared(&c->guard), SIZE_MAX);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(limits_are_shared_through_a_database_only),
		cmocka_unit_test(refuses_what_leads_nowhere),
		cmocka_unit_test(refuses_an_address_that_is_served_twice),
		cmocka_unit_test(refuses_what_only_tls_has_without_it),
		cmocka_unit_test(refuses_streams_that_lead_nowhere),
		cmocka_unit_test(refuses_ways_to_servers_that_contradict_themselves),
		cmocka_unit_test(refuses_caches_that_keep_nothing),
		cmocka_unit_test(a_name_leads_to_the_most_special_pool),
		cmocka_unit_test(streams_are_of_one_kind_or_both),
		cmocka_unit_test(one_site_is_four_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
