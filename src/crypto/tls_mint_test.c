#include "crypto/tls_mint.h"

#include "crypto/tls_chain.h"
#include "crypto/tls_inner.h"
#include "crypto/tls_pair_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct certificate authority;
static struct tls_mint *mint;
static uint64_t now_s;

static void refuses_who_is_no_authority(void **state)
{
	const struct certificate_names whom = {(const char *const[]){"a.example"}, 1, NULL, 0};
	const struct certificate_time time = {now_s, now_s + 1000};
	struct certificate leaf = {0}, mixed = {.chain = authority.chain};
	struct tls_mint *m = NULL;
	(void)state;
	assert_int_equal(certificate_issue(&authority, &whom, time, &leaf), OK);
	assert_int_equal(tls_mint_new(&leaf, &m), ERR_REFUSED);
	mixed.key = leaf.key;
	assert_int_equal(tls_mint_new(&mixed, &m), ERR_REFUSED);
	assert_null(m);
	certificate_done(&leaf);
}

static void refuses_what_is_no_name(void **state)
{
	static const char *const bad[] = {"",		"a..example", "a b.example", "*.example",
					  "a.example.", "a/b",	      "[::1]",	     "a\"b"};
	const struct certificate_time time = {now_s, now_s + 1000};
	struct tls_chain *c = NULL;
	uint64_t until_s;
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tls_mint_chain(mint, bad[i], time, &c, &until_s), ERR_FORMAT);
	assert_null(c);
}

static void stays_within_the_authoritys_time(void **state)
{
	const struct certificate_time all = {0, now_s + UINT64_C(40000000000)};
	const struct certificate_time before = {now_s - 10000, now_s - 5000};
	struct tls_chain *c = NULL;
	struct tls_chain_facts f;
	uint64_t until_s = 0;
	(void)state;
	assert_int_equal(tls_mint_chain(mint, "a.example", before, &c, &until_s), ERR_REFUSED);
	assert_int_equal(tls_mint_chain(mint, "a.example", all, &c, &until_s), OK);
	tls_chain_facts(c, &f);
	assert_int_equal(f.from_s, now_s - 100);
	assert_int_equal(f.until_s, now_s + 100000);
	assert_int_equal(until_s, now_s + 100000);
	tls_chain_unref(c);
}

/* Our own client before a door that shows only that. */
static enum err meet(const char *named, const char *asked)
{
	const struct tls_options o = {.alpn = {"h2", "http/1.1"}, .alpn_n = 2};
	const struct tls_client_options how = {.authorities_pem = span_text(authority.chain)};
	const struct certificate_time time = {now_s - 50, now_s + 50};
	struct tls_server *like = NULL, *door = NULL;
	struct tls_client *client = NULL;
	struct tls_peer *peer = NULL;
	struct tls_chain *chain = NULL;
	static struct tls_pair p;
	uint64_t until_s;
	assert_int_equal(tls_server_new(&o, &like), OK);
	assert_int_equal(tls_mint_chain(mint, named, time, &chain, &until_s), OK);
	assert_int_equal(tls_server_alone(like, chain, &door), OK);
	assert_int_equal(tls_client_new(&how, &client), OK);
	assert_int_equal(tls_peer_new(client, asked, &peer), OK);
	tls_server_unref(like); /* the door has a count */
	pair_dial(&p, door, peer);
	pair_shake(&p);
	enum err e = p.client_err;
	if (!e) {
		assert_true(tls_is_open(p.client) && tls_is_open(p.server));
		assert_false(tls_asks_certificate(p.client));
	}
	pair_done(&p);
	tls_peer_unref(peer);
	tls_client_unref(client);
	tls_chain_unref(chain);
	tls_server_unref(door);
	return e;
}

static void a_client_believes_it_for_its_name_alone(void **state)
{
	(void)state;
	assert_int_equal(meet("a.example", "b.example"), ERR_REFUSED);
	assert_int_equal(meet("a.example", "x.a.example"), ERR_REFUSED);
	assert_int_equal(meet("192.0.2.1", "192.0.2.2"), ERR_REFUSED);
	assert_int_equal(meet("192.0.2.1", "a.example"), ERR_REFUSED);
	assert_int_equal(meet("a.example", "a.example"), OK);
	assert_int_equal(meet("192.0.2.1", "192.0.2.1"), OK);
	assert_int_equal(meet("2001:db8::1", "2001:db8:0:0::1"), OK);
}

static int make(void **state)
{
	(void)state;
	now_s = (uint64_t)time(NULL);
	const struct certificate_time time = {now_s - 100, now_s + 100000};
	return certificate_authority("all", NULL, time, &authority) ||
	       tls_mint_new(&authority, &mint);
}

static int drop(void **state)
{
	(void)state;
	tls_mint_unref(mint);
	certificate_done(&authority);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_who_is_no_authority),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(stays_within_the_authoritys_time),
		cmocka_unit_test(a_client_believes_it_for_its_name_alone),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
