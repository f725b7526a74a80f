#include "service/dhcp/io_reserved.h"

#include "base/writer.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/guard.h"

static char mac[] = "02:00:5e:00:53:01", id[] = "hex:01aabb", name[] = "printer";

struct row {
	uint8_t key[RESERVED_KEY_MAX], value[RESERVED_VALUE_MAX];
	size_t key_len, len;
};

static struct ip_prefix host(uint32_t address)
{
	return (struct ip_prefix){
		.address = ip_address_v4((uint8_t)(address >> 24), (uint8_t)(address >> 16),
					 (uint8_t)(address >> 8), (uint8_t)address),
		.bits = 32};
}

static struct ip_prefix lease(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static const struct reserved_entry *find(const struct reserved *r, uint32_t address)
{
	struct ip_prefix p = host(address);
	return reserved_find(r, &p);
}

static struct row row_of(const struct reserved_entry *e)
{
	struct row r = {.len = 0};
	struct writer w = writer_of(r.value, sizeof(r.value));
	r.key_len = reserved_key(&e->lease, r.key);
	reserved_write(e, &w);
	assert_false(w.bad);
	r.len = w.pos;
	return r;
}

static enum err learn(struct reserved *to, const struct row *r, uint64_t version)
{
	return reserved_learn(to, span_of(r->key, r->key_len), span_of(r->value, r->len), version);
}

static void refuses_rows_that_are_torn_or_newer(void **state)
{
	(void)state;
	struct reserved r = {0};
	const struct reserved_entry e = {.lease = host(7), .mac = mac, .name = name};
	struct row good = row_of(&e), bad;
	for (size_t len = 1; len < good.len; len++) {
		uint8_t *value = guard_copy(good.value, len);
		assert_int_equal(
			reserved_learn(&r, span_of(good.key, good.key_len), span_of(value, len), 1),
			ERR_FORMAT);
		guard_free(value, len);
	}
	bad = good, bad.value[0] = 2;
	assert_int_equal(learn(&r, &bad, 1), ERR_UNSUPPORTED);
	bad = good, bad.value[0] = 0;
	assert_int_equal(learn(&r, &bad, 1), ERR_FORMAT);
	bad = good, bad.key[0] = 6;
	assert_int_equal(learn(&r, &bad, 1), ERR_FORMAT);
	bad = good, bad.value[4] = '\0'; /* inside the MAC */
	assert_int_equal(learn(&r, &bad, 1), ERR_FORMAT);
	const struct reserved_entry nobody = {.lease = host(7), .name = name};
	const struct reserved_entry both = {.lease = host(7), .mac = mac, .client_id = id};
	bad = row_of(&nobody);
	assert_int_equal(learn(&r, &bad, 1), ERR_FORMAT);
	bad = row_of(&both);
	assert_int_equal(learn(&r, &bad, 1), ERR_FORMAT);
	assert_true(r.n == 0 && !r.changed);
	reserved_done(&r);
}

static void the_newer_row_counts(void **state)
{
	(void)state;
	struct reserved r = {0};
	struct reserved_entry e = {.lease = host(9), .mac = mac, .name = name};
	struct row row = row_of(&e);
	for (uint32_t address = 20; address > 9; address--) { /* kept in order */
		e.lease = host(address);
		row = row_of(&e);
		assert_int_equal(learn(&r, &row, 5), OK);
	}
	assert_int_equal(r.n, 11);
	for (size_t i = 1; i < r.n; i++)
		assert_true(ip_address_compare(&r.list[i - 1].lease.address,
					       &r.list[i].lease.address) < 0);
	assert_string_equal(find(&r, 15)->mac, mac);
	assert_null(find(&r, 9));
	r.changed = false;
	const struct reserved_entry other = {.lease = host(15), .client_id = id};
	row = row_of(&other);
	assert_int_equal(learn(&r, &row, 4), OK);
	assert_false(r.changed);
	assert_string_equal(find(&r, 15)->mac, mac);
	assert_int_equal(learn(&r, &row, 6), OK);
	assert_true(r.changed && r.n == 11);
	assert_string_equal(find(&r, 15)->client_id, id);
	row.len = 0;
	assert_int_equal(learn(&r, &row, 6), OK);
	assert_non_null(find(&r, 15)); /* the removal is no newer */
	assert_int_equal(learn(&r, &row, 7), OK);
	assert_true(!find(&r, 15) && r.n == 10);
	assert_int_equal(learn(&r, &row, 8), OK); /* gone already */
	reserved_done(&r);
}

static struct ip_address v4(uint32_t host)
{
	return ip_address_v4((uint8_t)(host >> 24), (uint8_t)(host >> 16), (uint8_t)(host >> 8),
			     (uint8_t)host);
}

static void joins_the_file_which_has_the_last_word(void **state)
{
	(void)state;
	struct reserved r = {0};
	char other_mac[] = "02:00:5e:00:53:02", third_mac[] = "02:00:5e:00:53:03";
	char upper[] = "02:00:5E:00:53:01";
	const struct reserved_entry entries[] = {
		{.lease = host(0x0a000005), .mac = other_mac}, /* the file reserves the address */
		{.lease = host(0x0a000006), .mac = mac},       /* the file has the client */
		{.lease = host(0x0a000007), .mac = third_mac, .name = name},
		{.lease = host(0x0b000001), .mac = third_mac}, /* of no network */
	};
	for (size_t i = 0; i < 4; i++) {
		struct row row = row_of(&entries[i]);
		assert_int_equal(learn(&r, &row, 1 + i), OK);
	}
	struct dhcp_reservation_conf own = {.mac = upper, .address = v4(0x0a000005)};
	struct dhcp_network_conf networks[2] = {
		{.subnet = {.address = v4(0x0a000000), .bits = 24},
		 .reservations = {.items = &own, .n = 1}},
		{.subnet = {.address = v4(0xc0000200), .bits = 24}},
	};
	struct dhcp_conf conf = {.networks = {.items = networks, .n = 2}, .waiting_max = 77};
	struct reserved_conf joined;
	assert_int_equal(reserved_conf_make(&r, &conf, &joined), OK);
	const struct dhcp_network_conf *n = joined.conf->networks.items;
	assert_int_equal(joined.conf->waiting_max, 77);
	assert_true(joined.conf->networks.n == 2 && n[0].reservations.n == 2 &&
		    n[1].reservations.n == 0);
	const struct dhcp_reservation_conf *list = n[0].reservations.items;
	assert_ptr_equal(list[0].mac, upper);
	assert_int_equal(dhcp_conf_v4(&list[1].address), 0x0a000007);
	assert_string_equal(list[1].mac, third_mac);
	assert_string_equal(list[1].name, name);
	assert_int_equal(networks[0].reservations.n, 1); /* the file's own are as they were */
	reserved_conf_done(&joined);
	reserved_done(&r);
}

static void joins_addresses_and_prefixes_of_one_duid(void **state)
{
	(void)state;
	struct reserved r = {0};
	char duid[] = "00:03:00:01:02:00", upper[] = "00:03:00:01:AA:00",
	     lower[] = "00:03:00:01:aa:00";
	const struct reserved_entry entries[] = {
		{.lease = lease("2001:db8:7::7"), .client_id = duid, .name = name},
		{.lease = lease("2001:db8:f000:100::/56"), .client_id = duid},
		{.lease = lease("2001:db8:f000:200::/60"), .mac = mac}, /* no such pool */
		{.lease = lease("2001:db8:9::1"), .mac = mac},		/* of no network */
		{.lease = lease("2001:db8:7::8"), .client_id = lower},	/* the file has it */
		{.lease = lease("2001:db8:7::9"), .mac = mac},		/* so has it the address */
		{.lease = lease("2001:db8:f000:300::/56"), .mac = mac}, /* and the prefix */
		{.lease = lease("2001:db8:7::a"), .mac = mac},
	};
	for (size_t i = 0; i < 8; i++) {
		struct row row = row_of(&entries[i]);
		assert_int_equal(learn(&r, &row, 1 + i), OK);
		for (size_t len = 0; len < row.key_len; len++)
			assert_int_equal(reserved_learn(&r, span_of(row.key, len),
							span_of(row.value, row.len), 99),
					 ERR_FORMAT);
	}
	assert_int_equal(r.n, 8);
	struct v6_reservation_conf own[] = {
		{.duid = upper},
		{.duid = id, .address = lease("2001:db8:7::9").address},
		{.duid = id, .prefix = lease("2001:db8:f000:300::/56")},
	};
	struct v6_prefix_pool_conf pool = {.prefix = lease("2001:db8:f000::/48"),
					   .delegated_length = 56};
	struct v6_network_conf network = {.subnet = lease("2001:db8:7::/64"),
					  .prefix_pools = {.items = &pool, .n = 1},
					  .reservations = {.items = own, .n = 3}};
	struct dhcp_conf conf = {.v6 = {.networks = {.items = &network, .n = 1}}};
	struct reserved_conf joined;
	assert_int_equal(reserved_conf_make(&r, &conf, &joined), OK);
	const struct v6_network_conf *n = joined.conf->v6.networks.items;
	const struct v6_reservation_conf *list = n->reservations.items;
	assert_int_equal(n->reservations.n, 5);
	struct ip_prefix want = lease("2001:db8:f000:100::/56"), seven = lease("2001:db8:7::7");
	assert_string_equal(list[3].duid, duid);
	assert_true(ip_prefix_equal(&list[3].prefix, &want));
	assert_true(ip_address_equal(&list[3].address, &seven.address));
	assert_string_equal(list[3].name, name);
	assert_true(list[4].mac && !list[4].prefix.address.family && !list[4].name);
	assert_int_equal(network.reservations.n, 3);
	reserved_conf_done(&joined);
	reserved_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_rows_that_are_torn_or_newer),
		cmocka_unit_test(the_newer_row_counts),
		cmocka_unit_test(joins_the_file_which_has_the_last_word),
		cmocka_unit_test(joins_addresses_and_prefixes_of_one_duid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
