#include "service/forward-proxy/inspect/sites.h"

#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "service/forward-proxy/inspect/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants those above it. */
#include <cmocka.h>

enum { NOW = 1800000000, DAY = 86400, MAX = 8 };

static struct inspect_authority *authority;
static struct inspect_maker maker;
static struct inspect_sites sites;
static const struct certificate_time long_time = {NOW - 60 * DAY, NOW + 60 * DAY};

static struct tls_server *door_at(const char *name, struct certificate_time server, uint64_t now_s)
{
	struct tls_server *s = NULL;
	assert_int_equal(inspect_sites_door(&sites, &maker, name, server, now_s, &s), OK);
	assert_non_null(s);
	tls_server_unref(s); /* the site has its own count */
	return s;
}

static struct tls_chain_facts facts_of(const struct tls_server *s)
{
	struct tls_chain_facts f;
	tls_chain_facts(tls_server_chain(s, NULL, TLS_KEY_ECDSA), &f);
	return f;
}

static void refuses_what_is_no_name(void **state)
{
	struct tls_server *s = NULL;
	(void)state;
	assert_int_equal(inspect_sites_door(&sites, &maker, "a b", long_time, NOW, &s), ERR_FORMAT);
	assert_int_equal(inspect_sites_door(&sites, &maker, "*.a.example", long_time, NOW, &s),
			 ERR_FORMAT);
	assert_int_equal(inspect_sites_door(&sites, &maker, "", long_time, NOW, &s), ERR_FORMAT);
	assert_null(s);
}

static void shows_nothing_outside_of_the_servers_own_time(void **state)
{
	const struct certificate_time over = {NOW - 10 * DAY, NOW - 5 * DAY};
	const struct certificate_time brief = {NOW - 100, NOW + 200};
	struct tls_server *s = NULL;
	(void)state;
	assert_int_equal(inspect_sites_door(&sites, &maker, "over.example", over, NOW, &s),
			 ERR_REFUSED);
	assert_null(s);
	const struct tls_chain_facts f = facts_of(door_at("brief.example", brief, NOW));
	assert_int_equal(f.from_s, NOW - 100);
	assert_int_equal(f.until_s, NOW + 200);
	const struct tls_chain_facts g = facts_of(door_at("long.example", long_time, NOW));
	assert_int_equal(g.from_s, NOW - INSPECT_BEFORE_S);
	assert_int_equal(g.until_s, NOW + INSPECT_LIFE_S);
}

static void is_for_one_name_or_address(void **state)
{
	(void)state;
	const struct tls_server *s = door_at("one.example", long_time, NOW);
	const struct tls_chain *c = tls_server_chain(s, NULL, TLS_KEY_ECDSA);
	assert_string_equal(tls_chain_name(c, 0), "one.example");
	assert_null(tls_chain_name(c, 1));
	/* Of an address there is no name of the DNS. */
	s = door_at("192.0.2.1", long_time, NOW);
	c = tls_server_chain(s, NULL, TLS_KEY_ECDSA);
	assert_null(tls_chain_name(c, 0));
	s = door_at("2001:db8::1", long_time, NOW);
	assert_null(tls_chain_name(tls_server_chain(s, NULL, TLS_KEY_ECDSA), 0));
}

static void what_is_good_is_shown_again(void **state)
{
	const struct certificate_time ends = {NOW - 60 * DAY, NOW + DAY};
	(void)state;
	const struct tls_server *s = door_at("again.example", long_time, NOW);
	assert_ptr_equal(door_at("again.example", long_time, NOW + 3600), s);
	assert_ptr_equal(door_at("again.example", long_time, NOW + DAY), s);
	/* Half of its life is over. */
	const uint64_t late = NOW + DAY + 1;
	assert_int_equal(facts_of(door_at("again.example", long_time, late)).until_s,
			 late + INSPECT_LIFE_S);
	/* The server shows one that ends sooner now. */
	assert_int_equal(facts_of(door_at("again.example", ends, NOW)).until_s, NOW + DAY);
	/* What ends with the server's is not made anew for that. */
	s = door_at("again.example", ends, NOW);
	assert_ptr_equal(door_at("again.example", ends, NOW + DAY - 10), s);
}

static void another_authority_makes_its_own(void **state)
{
	char text[INSPECT_AUTHORITY_TEXT_MAX];
	AUTO(inspect_authority_unref) struct inspect_authority *other = NULL;
	const struct tls_options options = {0};
	struct tls_server *s = NULL;
	(void)state;
	(void)door_at("moved.example", long_time, NOW);
	assert_int_equal(inspect_authority_make("other", NOW, text), OK);
	assert_int_equal(inspect_authority_read(span_text(text), &other), OK);
	struct inspect_maker by = {.mint = inspect_authority_mint(other)};
	assert_int_equal(tls_server_new(&options, &by.like), OK);
	assert_int_equal(inspect_sites_door(&sites, &by, "moved.example", long_time, NOW, &s), OK);
	assert_string_equal(facts_of(s).issuer, "CN=other TLS inspection");
	tls_server_unref(s);
	tls_server_unref(by.like);
}

static void serials_are_not_alike(void **state)
{
	char name[32];
	struct tls_chain_facts before = {0};
	(void)state;
	for (int i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "s%d.example", i);
		const struct tls_chain_facts f = facts_of(door_at(name, long_time, NOW));
		assert_int_equal(strlen(f.serial), 32);
		assert_string_not_equal(f.serial, before.serial);
		before = f;
	}
}

/* However many are asked for, and whatever for. */
static void keeps_no_more_than_it_may(void **state)
{
	char name[32];
	(void)state;
	const struct tls_server *s = door_at("kept.example", long_time, NOW);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "n%d.example", i);
		if (i % 2)
			inspect_sites_leave(&sites, name, NOW + 100);
		else
			(void)door_at(name, long_time, NOW);
		assert_in_range(sites.n, 1, MAX);
		/* What is used stays. */
		assert_ptr_equal(door_at("kept.example", long_time, NOW), s);
	}
	assert_int_equal(sites.n, MAX);
	assert_true(inspect_sites_is_left(&sites, "n99.example", NOW));
	assert_false(inspect_sites_is_left(&sites, "n1.example", NOW));
}

static void leaves_a_name_alone_for_its_time(void **state)
{
	(void)state;
	assert_false(inspect_sites_is_left(&sites, "left.example", NOW));
	inspect_sites_leave(&sites, "left.example", NOW + 10);
	assert_true(inspect_sites_is_left(&sites, "left.example", NOW));
	assert_false(inspect_sites_is_left(&sites, "eft.example", NOW));
	assert_false(inspect_sites_is_left(&sites, "left.example", NOW + 10));
}

static int make(void **state)
{
	static char text[INSPECT_AUTHORITY_TEXT_MAX];
	const struct tls_options options = {0};
	(void)state;
	if (inspect_authority_make("test", NOW - 365 * DAY, text) ||
	    inspect_authority_read(span_text(text), &authority) ||
	    tls_server_new(&options, &maker.like))
		return 1;
	maker.mint = inspect_authority_mint(authority);
	inspect_sites_init(&sites, (struct hash_key){1, 2}, MAX);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	inspect_sites_done(&sites);
	tls_server_unref(maker.like);
	inspect_authority_unref(authority);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(shows_nothing_outside_of_the_servers_own_time),
		cmocka_unit_test(is_for_one_name_or_address),
		cmocka_unit_test(what_is_good_is_shown_again),
		cmocka_unit_test(another_authority_makes_its_own),
		cmocka_unit_test(serials_are_not_alike),
		cmocka_unit_test(keeps_no_more_than_it_may),
		cmocka_unit_test(leaves_a_name_alone_for_its_time),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
