/* The tables of the engine against slow and obvious ones, and the buckets by the clock. */
#include "service/vpn/tunnel/allowed.h"
#include "service/vpn/tunnel/indices.h"
#include "service/vpn/tunnel/limiter.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- indices */

static void indices_find_what_an_array_finds(void **state)
{
	(void)state;
	enum { N = 200, ROUNDS = 20000 };
	struct test_random random = test_random_begin();
	struct vpn_indices t = {0};
	uint32_t index[N];
	bool there[N] = {false};
	char records[N];
	/* Few different low bits: long runs, which wrap around the end. */
	for (size_t i = 0; i < N; i++)
		index[i] = (uint32_t)(i << 16 | (test_random_below(&random, 2)
							 ? test_random_below(&random, 8)
							 : 1020 + test_random_below(&random, 8)));
	assert_int_equal(vpn_indices_reserve(&t, N), OK);
	for (size_t n = 0; n < ROUNDS; n++) {
		size_t i = test_random_below(&random, N);
		if (there[i])
			vpn_indices_remove(&t, index[i]);
		else
			vpn_indices_add(&t, index[i], &records[i]);
		there[i] = !there[i];
		size_t j = test_random_below(&random, N);
		assert_ptr_equal(vpn_indices_find(&t, index[j]), there[j] ? &records[j] : NULL);
	}
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(vpn_indices_find(&t, index[i]), there[i] ? &records[i] : NULL);
	vpn_indices_done(&t);
}

static void indices_stay_when_room_is_made(void **state)
{
	(void)state;
	struct vpn_indices t = {0};
	char record[3000];
	assert_null(vpn_indices_find(&t, 7));
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(vpn_indices_reserve(&t, i + 1), OK);
		vpn_indices_add(&t, i * 2654435761u, &record[i]);
	}
	for (uint32_t i = 0; i < 3000; i++)
		assert_ptr_equal(vpn_indices_find(&t, i * 2654435761u), &record[i]);
	vpn_indices_remove(&t, 1);
	assert_int_equal(t.used, 3000);
	vpn_indices_done(&t);
}

/* --- allowed IPs */

enum { PEERS = 5, PREFIXES = 64 };

struct oracle {
	struct ip_prefix prefix;
	struct vpn_peer *peer; /* NULL: free */
};

static struct vpn_peer *oracle_find(const struct oracle *o, const struct ip_address *at)
{
	const struct oracle *best = NULL;
	for (size_t i = 0; i < PREFIXES; i++)
		if (o[i].peer && ip_prefix_contains(&o[i].prefix, at) &&
		    (!best || o[i].prefix.bits > best->prefix.bits))
			best = &o[i];
	return best ? best->peer : NULL;
}

/* Few bits, so that prefixes nest and meet. */
static struct ip_address address_of(struct test_random *random)
{
	struct ip_address a = {.family = test_random_below(random, 2) ? 4 : 6};
	a.bytes[0] = (uint8_t)(test_random_below(random, 4) << 6);
	a.bytes[1] = (uint8_t)test_random_below(random, 4);
	a.bytes[3] = (uint8_t)test_random_below(random, 4);
	return a;
}

static void oracle_drop(struct oracle *o, const struct vpn_peer *peer)
{
	for (size_t i = 0; i < PREFIXES; i++)
		if (o[i].peer == peer)
			o[i].peer = NULL;
}

static void oracle_put(struct oracle *o, const struct ip_prefix *prefix, struct vpn_peer *peer)
{
	struct oracle *slot = NULL;
	for (size_t i = 0; i < PREFIXES; i++) {
		if (o[i].peer && ip_prefix_equal(&o[i].prefix, prefix)) {
			slot = &o[i];
			break;
		}
		if (!slot && !o[i].peer)
			slot = &o[i];
	}
	*slot = (struct oracle){.prefix = *prefix, .peer = peer};
}

static void check_lists(const struct vpn_peer *peers, const struct oracle *o)
{
	for (size_t p = 0; p < PEERS; p++) {
		size_t listed = 0, known = 0;
		const struct vpn_allowed *last = NULL;
		for (const struct vpn_allowed *a = peers[p].allowed; a; a = a->next, listed++) {
			assert_ptr_equal(a->peer, &peers[p]);
			last = a;
		}
		for (size_t i = 0; i < PREFIXES; i++)
			known += o[i].peer == &peers[p];
		assert_ptr_equal(peers[p].allowed_last, last);
		assert_int_equal(listed, peers[p].allowed_n);
		assert_int_equal(listed, known);
	}
}

static void allowed_ips_are_what_a_list_of_them_says(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	struct vpn_allowed_table t;
	struct vpn_peer peers[PEERS] = {0};
	struct oracle oracle[PREFIXES] = {0};
	vpn_allowed_init(&t, 1000);
	for (int n = 0; n < 4000; n++) {
		struct vpn_peer *peer = &peers[test_random_below(&random, PEERS)];
		struct ip_address at = address_of(&random);
		struct ip_prefix prefix =
			ip_prefix_of(&at, (unsigned)test_random_below(&random, 33));
		size_t used = 0;
		for (size_t i = 0; i < PREFIXES; i++)
			used += oracle[i].peer != NULL;
		if (test_random_below(&random, 50) == 0) {
			vpn_allowed_drop(&t, peer);
			oracle_drop(oracle, peer);
		} else if (used < PREFIXES && test_random_below(&random, 3)) {
			assert_int_equal(vpn_allowed_add(&t, peer, &prefix), OK);
			oracle_put(oracle, &prefix, peer);
		} else {
			const struct oracle *o = &oracle[test_random_below(&random, PREFIXES)];
			enum err want = o->peer == peer ? OK : ERR_ABSENT;
			struct ip_prefix gone = o->peer ? o->prefix : prefix;
			if (!o->peer)
				continue;
			assert_int_equal(vpn_allowed_remove(&t, peer, &gone), want);
			if (!want)
				oracle[o - oracle].peer = NULL;
		}
		for (int i = 0; i < 20; i++) {
			at = address_of(&random);
			assert_ptr_equal(vpn_allowed_find(&t, ip_address_span(&at)),
					 oracle_find(oracle, &at));
		}
		check_lists(peers, oracle);
	}
	for (size_t p = 0; p < PEERS; p++)
		vpn_allowed_drop(&t, &peers[p]);
	vpn_allowed_done(&t);
}

/* --- the limiter */

static struct vpn_limiter *limiter_new(void)
{
	static const uint8_t key[SIPHASH_KEY_LEN] = {1, 2, 3};
	struct vpn_limiter *l = calloc(1, sizeof(*l));
	assert_non_null(l);
	vpn_limiter_init(l, hash_key_of(key));
	return l;
}

static unsigned taken(struct vpn_limiter *l, uint64_t now_ms, const struct ip_address *at,
		      unsigned tries)
{
	unsigned n = 0;
	for (unsigned i = 0; i < tries; i++)
		n += vpn_limiter_take(l, now_ms, at);
	return n;
}

static void a_source_has_five_at_once_and_twenty_a_second(void **state)
{
	(void)state;
	struct vpn_limiter *l = limiter_new();
	struct ip_address at = ip_address_v4(192, 0, 2, 1), other = ip_address_v4(192, 0, 2, 2);
	assert_int_equal(taken(l, 1000000, &at, 100), 5);
	assert_int_equal(taken(l, 1000000, &other, 100), 5);
	assert_int_equal(taken(l, 1000049, &at, 100), 0);
	assert_int_equal(taken(l, 1000050, &at, 100), 1);
	unsigned n = 0;
	for (uint64_t ms = 1; ms <= 10000; ms++)
		n += taken(l, 1000050 + ms, &at, 3);
	assert_int_equal(n, 200);
	assert_int_equal(taken(l, 2000000, &at, 100), 5);
	free(l);
}

static void an_ipv6_source_is_its_network_of_64_bits(void **state)
{
	(void)state;
	struct vpn_limiter *l = limiter_new();
	struct ip_address at = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}};
	assert_int_equal(taken(l, 1000, &at, 3), 3);
	at.bytes[15] = 9;
	assert_int_equal(taken(l, 1000, &at, 3), 2);
	at.bytes[7] = 1;
	assert_int_equal(taken(l, 1000, &at, 9), 5);
	free(l);
}

static void no_crowd_flushes_the_table(void **state)
{
	(void)state;
	struct vpn_limiter *l = limiter_new();
	struct ip_address at = ip_address_v4(192, 0, 2, 1);
	assert_int_equal(taken(l, 5000, &at, 9), 5);
	uint64_t admitted = 0;
	for (uint32_t i = 0; i < 200000; i++) {
		struct ip_address crowd =
			ip_address_v4(10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
		admitted += vpn_limiter_take(l, 5000, &crowd);
	}
	/* No more than there are places: the table bounds what all together may cost. */
	assert_in_range(admitted, VPN_LIMITER_SETS, VPN_LIMITER_SETS * VPN_LIMITER_WAYS);
	assert_int_equal(taken(l, 5000, &at, 9), 0);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indices_find_what_an_array_finds),
		cmocka_unit_test(indices_stay_when_room_is_made),
		cmocka_unit_test(allowed_ips_are_what_a_list_of_them_says),
		cmocka_unit_test(a_source_has_five_at_once_and_twenty_a_second),
		cmocka_unit_test(an_ipv6_source_is_its_network_of_64_bits),
		cmocka_unit_test(no_crowd_flushes_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
