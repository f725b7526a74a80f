#include "service/reverse-proxy/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

enum { NOW_MS = 1000000 };

struct stage {
	struct lookups lookups;
	struct reverse_server_conf servers[2];
	struct reverse_pool_conf pool;
	uint64_t now_ms;
};

static struct dns_name name_of(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return n;
}

static void begin(struct stage *s)
{
	*s = (struct stage){.now_ms = NOW_MS};
	s->servers[0] = (struct reverse_server_conf){
		.name = name_of("App.home.arpa."), .port = 8080, .weight = 3};
	s->servers[1] =
		(struct reverse_server_conf){.srv = name_of("_http._tcp.home.arpa."), .weight = 1};
	s->pool.servers = (struct config_list){.items = s->servers, .n = 2};
	assert_int_equal(lookups_set(&s->lookups, &s->pool, 1, s->now_ms), OK);
}

/* The one of that name, which must be due. */
static struct lookup *due(struct stage *s, const char *text)
{
	struct dns_name name = name_of(text);
	struct lookup *k, *found = NULL, *others[8];
	size_t n = 0;
	while ((k = lookups_due(&s->lookups, s->now_ms)))
		if (dns_name_equal(&k->name, &name))
			found = k;
		else
			others[n++] = k;
	for (size_t i = 0; i < n; i++)
		others[i]->due_ms = s->now_ms;
	assert_non_null(found);
	return found;
}

static struct dns_addresses addresses(size_t n, const uint8_t *last, uint32_t ttl_s)
{
	struct dns_addresses a = {.n = n, .ttl_s = ttl_s};
	for (size_t i = 0; i < n; i++)
		a.items[i] = ip_address_v4(10, 0, 0, last[i]);
	return a;
}

static bool answers(struct stage *s, const char *name, size_t n, const uint8_t *last)
{
	struct lookup_answer a = {.told = {true, true}};
	a.addresses[0] = addresses(n, last, 60);
	a.addresses[1].ttl_s = UINT32_MAX;
	return lookups_take(&s->lookups, due(s, name), s->now_ms, &a);
}

static size_t count(struct stage *s, size_t server)
{
	struct reverse_target t;
	size_t n = 0;
	while (lookups_target(&s->lookups, &s->servers[server], n, &t))
		n++;
	return n;
}

static void keeps_what_it_knows_when_nobody_answers(void **state)
{
	static const uint8_t two[] = {1, 2}, turned[] = {2, 1};
	const struct lookup_answer nothing = {0}, none = {.told = {true, true}};
	struct stage s;
	(void)state;
	begin(&s);
	assert_int_equal(count(&s, 0), 0);
	assert_true(answers(&s, "app.home.arpa.", 2, two));
	assert_int_equal(count(&s, 0), 2);
	s.now_ms += 60000;
	assert_false(lookups_take(&s.lookups, due(&s, "app.home.arpa."), s.now_ms, &nothing));
	assert_int_equal(count(&s, 0), 2);
	/* Soon, then less and less soon. */
	s.now_ms += 1000;
	assert_false(lookups_take(&s.lookups, due(&s, "app.home.arpa."), s.now_ms, &none));
	assert_int_equal(count(&s, 0), 2);
	s.now_ms += 2000;
	/* Another order is nothing new. */
	assert_false(answers(&s, "app.home.arpa.", 2, turned));
	lookups_done(&s.lookups);
}

static void a_failure_of_one_type_leaves_the_other(void **state)
{
	static const uint8_t one[] = {1}, other[] = {2};
	struct stage s;
	struct lookup_answer a = {.told = {true, true}};
	(void)state;
	begin(&s);
	a.addresses[0] = addresses(1, one, 60);
	a.addresses[1] = (struct dns_addresses){.n = 1, .ttl_s = 60};
	assert_int_equal(ip_address_parse(span_text("2001:db8::1"), &a.addresses[1].items[0]), OK);
	assert_true(lookups_take(&s.lookups, due(&s, "app.home.arpa."), s.now_ms, &a));
	assert_int_equal(count(&s, 0), 2);
	s.now_ms += 60000;
	a.told[1] = false;
	a.addresses[0] = addresses(1, other, 60);
	assert_true(lookups_take(&s.lookups, due(&s, "app.home.arpa."), s.now_ms, &a));
	struct reverse_target t;
	assert_true(lookups_target(&s.lookups, &s.servers[0], 0, &t));
	assert_int_equal(t.at.address.bytes[3], 2);
	assert_int_equal(t.at.port, 8080);
	assert_int_equal(t.weight, 3);
	assert_true(lookups_target(&s.lookups, &s.servers[0], 1, &t));
	assert_int_equal(t.at.address.family, 6);
	assert_int_equal(count(&s, 0), 2);
	lookups_done(&s.lookups);
}

static void services_have_levels_and_weights(void **state)
{
	static const uint8_t a_at[] = {1}, b_at[] = {2, 3}, c_at[] = {4};
	static const unsigned ports[] = {81, 82, 82, 83}, weights[] = {1, 1, 1, 256},
			      levels[] = {0, 1, 1, 1};
	struct stage s;
	struct lookup_answer a = {.told = {true}};
	(void)state;
	begin(&s);
	a.services = (struct dns_services){
		.n = 3,
		.ttl_s = 30,
		.items = {{10, 0, 81, name_of("a.home.arpa.")},
			  {20, 7, 82, name_of("b.home.arpa.")},
			  {20, 65535, 83, name_of("c.home.arpa.")}},
	};
	assert_true(lookups_take(&s.lookups, due(&s, "_http._tcp.home.arpa."), s.now_ms, &a));
	assert_false(lookups_settled(&s.lookups));
	assert_true(answers(&s, "a.home.arpa.", 1, a_at));
	assert_true(answers(&s, "b.home.arpa.", 2, b_at));
	assert_true(answers(&s, "c.home.arpa.", 1, c_at));
	assert_true(answers(&s, "app.home.arpa.", 1, a_at));
	assert_true(lookups_settled(&s.lookups));
	assert_int_equal(count(&s, 1), 4);
	for (size_t i = 0; i < 4; i++) {
		struct reverse_target t;
		assert_true(lookups_target(&s.lookups, &s.servers[1], i, &t));
		assert_int_equal(t.at.address.bytes[3], i + 1);
		assert_int_equal(t.at.port, ports[i]);
		assert_int_equal(t.weight, weights[i]);
		assert_int_equal(t.level, levels[i]);
	}
	/* One goes, and nobody asks for it any more. */
	s.now_ms += 30000;
	a.services.n = 2;
	assert_true(lookups_take(&s.lookups, due(&s, "_http._tcp.home.arpa."), s.now_ms, &a));
	assert_int_equal(count(&s, 1), 3);
	assert_int_equal(s.lookups.n, 4);
	lookups_done(&s.lookups);
}

static void a_reload_keeps_what_is_known(void **state)
{
	static const uint8_t one[] = {1};
	struct stage s;
	(void)state;
	begin(&s);
	assert_true(answers(&s, "app.home.arpa.", 1, one));
	struct reverse_pool_conf again = s.pool;
	assert_int_equal(lookups_set(&s.lookups, &again, 1, s.now_ms), OK);
	assert_int_equal(count(&s, 0), 1);
	struct lookup *asked = due(&s, "_http._tcp.home.arpa.");
	assert_int_equal(lookups_set(&s.lookups, &again, 0, s.now_ms), OK);
	assert_ptr_equal(s.lookups.first, asked); /* until it is answered */
	const struct lookup_answer nothing = {0};
	assert_false(lookups_take(&s.lookups, asked, s.now_ms, &nothing));
	assert_int_equal(s.lookups.n, 0);
	assert_int_equal(lookups_next_ms(&s.lookups), LOOKUP_ASKED);
	lookups_done(&s.lookups);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_knows_when_nobody_answers),
		cmocka_unit_test(a_failure_of_one_type_leaves_the_other),
		cmocka_unit_test(services_have_levels_and_weights),
		cmocka_unit_test(a_reload_keeps_what_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
