#include "service/reverse-proxy/pool_make.h"

#include "service/reverse-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"reverse-proxy", &reverse_conf_map};
static const struct config_sections sections = {&section, 1};

#define HEAD "reverse-proxy:\n  listen: 192.0.2.1\n  pools:\n"

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void refuses_pools_that_contradict_themselves(void **state)
{
	(void)state;
	refused(HEAD "    web: {servers: {weight: 2}}\n", 4, 20, "an address, a name or srv");
	refused(HEAD "    web: {servers: {name: a.b, srv: _c.d}}\n", 4, 37, "write one");
	refused(HEAD "    web: {servers: 10.0.0.1:80, check: {rise: 2}}\n", 4, 40, "say how");
	refused(HEAD "    web: {servers: 10.0.0.1:80, check: {http: /h, status: \"99\"}}\n", 4, 59,
		"too short");
	refused(HEAD "    web: {servers: 10.0.0.1:80, check: {http: /h, method: \"G T\"}}\n", 4, 59,
		"no method");
	refused(HEAD "    web: {servers: 10.0.0.1:80, check: \"a b\"}\n", 4, 40, "no path");
	refused(HEAD "    web: {servers: 10.0.0.1:80, hash: {by: header}}\n", 4, 39, "which one");
	refused(HEAD "    web: {servers: 10.0.0.1:80, hash: {load: 100}}\n", 4, 46, "above 100");
	refused(HEAD "    web: {servers: 10.0.0.1:80, sticky: \"a b\"}\n", 4, 41, "no name");
}

static const struct reverse_pool_conf *first(struct config *c)
{
	const struct reverse_conf *conf = config_section(c, "reverse-proxy");
	return conf->pools.items;
}

static void a_pool_is_what_its_lines_say(void **state)
{
	(void)state;
	struct config *c =
		conf_parse(&sections, HEAD
			   "    web:\n"
			   "      servers:\n"
			   "        - 10.0.0.1:80\n"
			   "        - {address: 10.0.0.2:81, weight: 3, zone: a, max-requests: 7}\n"
			   "        - {address: 10.0.0.3:82, backup: yes, drain: yes}\n"
			   "      balance: hash\n"
			   "      hash: {by: cookie, name: session}\n"
			   "      sticky: {cookie: gw, same-site: strict, max-age: 1h}\n"
			   "      zone: a\n"
			   "      all-down: try\n"
			   "      breaker: 50\n"
			   "      retry: 2\n"
			   "  routes: {to: web}\n");
	struct registry registry;
	struct pool *pool;
	registry_init(&registry, (struct hash_key){1, 2}, (struct hash_key){3, 4});
	assert_int_equal(reverse_pool_make(&registry, first(c), 5, NULL, NULL, &pool), OK);
	assert_int_equal(pool->members_n, 3);
	assert_string_equal(pool->members[1].name, "10.0.0.2:81");
	assert_string_equal(pool->members[1].host, "10.0.0.2");
	assert_int_equal(pool->members[1].weight, 3);
	assert_int_equal(pool->members[1].requests_max, 7);
	assert_true(pool->members[1].own_zone);
	assert_int_equal(pool->members[2].level, REVERSE_BACKUP_LEVEL);
	assert_true(pool->members[2].draining);
	assert_int_equal(pool->policy.balance, POOL_HASH);
	assert_int_equal(pool->policy.hash_by, POOL_HASH_COOKIE);
	assert_string_equal(pool->policy.hash_name, "session");
	assert_string_equal(pool->policy.sticky.cookie, "gw");
	assert_int_equal(pool->policy.sticky.max_age_s, 3600);
	assert_true(pool->policy.sticky.http_only);
	assert_true(pool->policy.fail_open);
	assert_int_equal(pool->policy.zone_min_pct, 50);
	assert_int_equal(pool->policy.breaker.failure_pct, 50);
	assert_int_equal(pool->policy.retry.tries_max, 2);
	assert_int_equal(atomic_load(&pool->members[0].backend->up_since_ms), 0);
	pool_unref(pool);
	registry_done(&registry);
	config_free(c);
}

static bool two_targets(void *arg, const struct reverse_server_conf *server, size_t nth,
			struct reverse_target *ret)
{
	const size_t *n = arg;
	*ret = (struct reverse_target){
		.at = {.address = ip_address_v4(10, 1, 1, (uint8_t)nth), .port = server->port},
		.weight = 2,
		.level = (uint16_t)nth};
	return nth < *n;
}

static void who_joins_later_begins_slowly(void **state)
{
	(void)state;
	struct config *c =
		conf_parse(&sections, HEAD "    web: {servers: {name: a.b, port: 8080}}\n"
					   "  routes: {to: web}\n");
	struct registry registry;
	struct pool *before, *after;
	size_t n = 1;
	registry_init(&registry, (struct hash_key){1, 2}, (struct hash_key){3, 4});
	assert_int_equal(reverse_pool_make(&registry, first(c), 5, two_targets, &n, &before), OK);
	assert_int_equal(before->members_n, 1);
	assert_int_equal(before->members[0].backend->at.port, 8080);
	assert_string_equal(before->members[0].host, "a.b");
	n = 2;
	assert_int_equal(reverse_pool_make(&registry, first(c), 9, two_targets, &n, &after), OK);
	assert_int_equal(after->members_n, 2);
	assert_ptr_equal(after->members[0].backend, before->members[0].backend);
	assert_int_equal(atomic_load(&after->members[0].backend->up_since_ms), 0);
	assert_int_equal(atomic_load(&after->members[1].backend->up_since_ms), 9);
	assert_int_equal(after->members[1].level, 1);
	pool_unref(before);
	pool_unref(after);
	registry_done(&registry);
	config_free(c);
}

static void a_service_proves_itself_by_its_domain(void **state)
{
	(void)state;
	struct config *c =
		conf_parse(&sections, HEAD "    web: {servers: {srv: _https._tcp.home.arpa}}\n"
					   "  routes: {to: web}\n");
	struct registry registry;
	struct pool *pool;
	size_t n = 2;
	registry_init(&registry, (struct hash_key){1, 2}, (struct hash_key){3, 4});
	assert_int_equal(reverse_pool_make(&registry, first(c), 5, two_targets, &n, &pool), OK);
	assert_int_equal(pool->members_n, 2);
	assert_string_equal(pool->members[1].host, "home.arpa");
	pool_unref(pool);
	registry_done(&registry);
	config_free(c);
}

static void a_check_expects_what_it_lists(void **state)
{
	(void)state;
	const char *status[] = {"200", "301-302"};
	struct reverse_check_conf c = {.http = "/", .status = {status, 2}};
	assert_int_equal(reverse_check_kind(&c), REVERSE_CHECK_HTTP);
	assert_true(reverse_check_expects(&c, 200));
	assert_true(reverse_check_expects(&c, 302));
	assert_false(reverse_check_expects(&c, 303));
	assert_false(reverse_check_expects(&c, 503));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_pools_that_contradict_themselves),
		cmocka_unit_test(a_pool_is_what_its_lines_say),
		cmocka_unit_test(who_joins_later_begins_slowly),
		cmocka_unit_test(a_service_proves_itself_by_its_domain),
		cmocka_unit_test(a_check_expects_what_it_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
