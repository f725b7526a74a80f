#include "service/dhcp/lease_table.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct hash_key key = {1, 2};

/* The obvious one: an array of what each address has. */
enum { ADDRESSES = 600, CLIENTS = 90, LINKS = 3, CAPACITY = 400 };

struct truth {
	bool there;
	uint32_t link;
	int client; /* -1: none */
};

struct pair {
	struct dhcp_table t;
	struct truth all[ADDRESSES];
	size_t used;
	struct test_random random;
};

/* Close together, and spread over all the levels. */
static uint32_t address_of(size_t i)
{
	return i < 300 ? 0x0a000000 + (uint32_t)i : (uint32_t)i * 0x9e3779b9;
}

static size_t below(struct pair *p, size_t n)
{
	return test_random_below(&p->random, n);
}

/* Some have a client identifier, some a long hardware address, all a name of their own length. */
static void describe(int client, uint8_t *room, struct dhcp_lease *ret)
{
	for (size_t i = 0; i < 255; i++)
		room[i] = (uint8_t)(client + (int)i);
	*ret = (struct dhcp_lease){.htype = 1,
				   .mac = room,
				   .mac_len = client % 7 == 0 ? 16 : 6,
				   .name = span_of(room, (size_t)client * 2),
				   .fqdn_flags = (uint8_t)client};
	if (client % 3 == 0)
		ret->client_id = span_of(room, client % 9 == 0 ? 255 : 7);
	if (client % 5 == 0)
		ret->circuit_id = ret->remote_id = span_of(room, (size_t)client);
}

static struct dhcp_identity identity(uint32_t link, const struct dhcp_lease *l)
{
	return (struct dhcp_identity){link, l->htype, l->mac_len, l->mac, l->client_id};
}

static void change(struct pair *p)
{
	size_t i = below(p, ADDRESSES);
	uint8_t room[255];
	struct dhcp_lease l;
	struct dhcp_record *r = dhcp_table_find(&p->t, address_of(i));
	assert_int_equal(r != NULL, p->all[i].there);
	if (!r) {
		uint32_t link = (uint32_t)below(p, LINKS);
		r = dhcp_table_add(&p->t, address_of(i), link);
		assert_int_equal(r != NULL, p->used < CAPACITY);
		if (!r)
			return;
		p->used++;
		p->all[i] = (struct truth){true, link, -1};
		return;
	}
	switch (below(p, 6)) {
	case 0:
		dhcp_table_remove(&p->t, r);
		p->all[i].there = false;
		p->used--;
		break;
	case 1:
		dhcp_table_forget(&p->t, r);
		p->all[i].client = -1;
		break;
	case 2:
		p->all[i].link = (uint32_t)below(p, LINKS);
		dhcp_table_relink(&p->t, r, p->all[i].link);
		break;
	default:
		p->all[i].client = 1 + (int)below(p, CLIENTS);
		describe(p->all[i].client, room, &l);
		assert_int_equal(dhcp_table_describe(&p->t, r, &l), OK);
	}
}

static void compare_record(const struct dhcp_record *r, const struct truth *truth)
{
	uint8_t room[255];
	struct dhcp_lease want = {0}, l;
	dhcp_record_lease(r, &l);
	if (truth->client >= 0)
		describe(truth->client, room, &want);
	assert_int_equal(r->link, truth->link);
	assert_int_equal(dhcp_record_has_client(r), truth->client >= 0);
	assert_true(span_equal(span_of(l.mac, l.mac_len), span_of(want.mac, want.mac_len)));
	assert_true(span_equal(l.client_id, want.client_id));
	assert_true(span_equal(l.circuit_id, want.circuit_id));
	assert_true(span_equal(l.remote_id, want.remote_id));
	assert_true(span_equal(l.name, want.name));
	assert_int_equal(l.fqdn_flags, want.fqdn_flags);
}

static void compare_clients(struct pair *p)
{
	uint8_t room[255];
	struct dhcp_lease l;
	for (int client = 1; client <= CLIENTS; client++)
		for (uint32_t link = 0; link < LINKS; link++) {
			describe(client, room, &l);
			struct dhcp_identity id = identity(link, &l);
			size_t found = 0, want = 0;
			const struct dhcp_record *r = dhcp_table_first_of(&p->t, &id);
			for (; r; r = dhcp_table_next_of(&p->t, r, &id)) {
				assert_true(dhcp_record_is_of(r, &id));
				found++;
			}
			for (size_t i = 0; i < ADDRESSES; i++)
				want += p->all[i].there && p->all[i].link == link &&
					p->all[i].client == client;
			assert_int_equal(found, want);
		}
}

static void compare_walk(struct pair *p)
{
	size_t n = 0;
	uint32_t last = 0;
	struct dhcp_record *r = dhcp_table_from(&p->t, 0);
	while (r) {
		assert_true(n == 0 || r->address > last);
		last = r->address;
		n++;
		r = last == UINT32_MAX ? NULL : dhcp_table_from(&p->t, last + 1);
	}
	assert_int_equal(n, p->used);
	assert_int_equal(p->t.used, p->used);
}

static void agrees_with_an_array_on_random_operations(void **state)
{
	(void)state;
	static struct pair p;
	p.random = test_random_begin();
	assert_int_equal(dhcp_table_init(&p.t, key, CAPACITY, 0), OK);
	for (unsigned step = 0; step < 60000; step++) {
		change(&p);
		if (step % 2000)
			continue;
		compare_walk(&p);
		compare_clients(&p);
		for (size_t i = 0; i < ADDRESSES; i++)
			if (p.all[i].there)
				compare_record(dhcp_table_find(&p.t, address_of(i)), &p.all[i]);
	}
	dhcp_table_done(&p.t);
}

static void the_ends_of_the_address_space_are_found(void **state)
{
	(void)state;
	struct dhcp_table t;
	assert_int_equal(dhcp_table_init(&t, key, 10, 0), OK);
	assert_null(dhcp_table_from(&t, 0));
	assert_non_null(dhcp_table_add(&t, 0, 0));
	assert_non_null(dhcp_table_add(&t, UINT32_MAX, 0));
	assert_int_equal(dhcp_table_from(&t, 0)->address, 0);
	assert_int_equal(dhcp_table_from(&t, 1)->address, UINT32_MAX);
	assert_int_equal(dhcp_table_from(&t, UINT32_MAX)->address, UINT32_MAX);
	dhcp_table_done(&t);
}

static void lists_keep_their_order_and_move_whole(void **state)
{
	(void)state;
	struct dhcp_table t;
	assert_int_equal(dhcp_table_init(&t, key, 10, 4), OK);
	uint32_t one = dhcp_table_list(&t), two = dhcp_table_list(&t);
	struct dhcp_record *r[5];
	for (uint32_t i = 0; i < 5; i++) {
		r[i] = dhcp_table_add(&t, i, 0);
		dhcp_list_append(&t, i < 3 ? one : two, r[i]);
	}
	dhcp_list_leave(&t, r[1]);
	dhcp_list_move(&t, one, two);
	assert_null(dhcp_list_first(&t, one));
	static const uint32_t order[] = {3, 4, 0, 2};
	const struct dhcp_record *at = dhcp_list_first(&t, two);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(at->address, order[i]);
		at = dhcp_list_next(&t, two, at);
	}
	assert_null(at);
	dhcp_list_move(&t, one, two); /* of an empty one */
	assert_int_equal(dhcp_list_first(&t, two)->address, 3);
	dhcp_table_list_free(&t, one);
	dhcp_table_done(&t);
}

/* A lease as most are: a client identifier of seven octets, a name of a dozen. */
static void a_million_leases_cost_less_than_200_octets_each(void **state)
{
	(void)state;
	struct dhcp_table t;
	const size_t n = 1000000;
	assert_int_equal(dhcp_table_init(&t, key, n, 400), OK);
	uint8_t mac[6] = {2}, id[7] = {1, 2};
	for (uint32_t i = 0; i < n; i++) {
		struct dhcp_record *r = dhcp_table_add(&t, 0x0a000000 + i, 0);
		assert_non_null(r);
		put_u32(mac + 2, i);
		put_u32(id + 3, i);
		struct dhcp_lease l = {.htype = 1,
				       .mac = mac,
				       .mac_len = 6,
				       .client_id = span_of(id, 7),
				       .name = span_text("desktop-1234")};
		assert_int_equal(dhcp_table_describe(&t, r, &l), OK);
	}
	printf("%zu octets a lease\n", dhcp_table_bytes(&t) / n);
	assert_true(dhcp_table_bytes(&t) / n <= 200);
	dhcp_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ends_of_the_address_space_are_found),
		cmocka_unit_test(lists_keep_their_order_and_move_whole),
		cmocka_unit_test(agrees_with_an_array_on_random_operations),
		cmocka_unit_test(a_million_leases_cost_less_than_200_octets_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
