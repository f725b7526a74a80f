/* Whom an address belongs to, of all that the tables say. */
#include "policy/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 64, NOW = 1000 };
#define TABLET_MAC "\x02\x00\x5e\x00\x53\x01"
#define OTHER_MAC  "\x02\x00\x5e\x00\x53\x02"

struct stage {
	struct policy_tables t;
	void *memory[3];
};

static const struct ip_address four = {.family = 4, .bytes = {192, 168, 7, 9}};
static const struct ip_address six = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 9}};

static int begin(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct policy_devices *const all[] = {&s->t.leases, &s->t.peers, &s->t.neighbours};
	for (size_t i = 0; i < 3; i++) {
		s->memory[i] = calloc(1, policy_devices_size(SLOTS));
		policy_devices_begin(s->memory[i], SLOTS, (struct hash_key){1, 2}, all[i]);
	}
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	for (size_t i = 0; i < 3; i++)
		free(s->memory[i]);
	free(s);
	return 0;
}

static void put_until(struct policy_devices *t, uint64_t until_s, struct policy_device_key key,
		      const char *mac, const char *name, const char *user)
{
	struct policy_device d = {.until_s = until_s, .has_mac = mac != NULL};
	if (mac)
		memcpy(d.mac, mac, 6);
	memcpy(d.name, name, strlen(name));
	memcpy(d.user, user, strlen(user));
	assert_int_equal(policy_devices_put(t, &key, &d), OK);
}

static void put(struct policy_devices *t, struct policy_device_key key, const char *mac,
		const char *name, const char *user)
{
	put_until(t, NOW + 60, key, mac, name, user);
}

/* As the tunnels' service does. */
static void put_peer(struct stage *s, const char *name, const char *user)
{
	put_until(&s->t.peers, POLICY_DEVICE_FOREVER, policy_device_at(&four), NULL, name, user);
}

static void nobody_is_known_without_tables(void **state)
{
	struct stage *s = *state;
	struct policy_identity i;
	policy_identify(NULL, &four, NOW, &i);
	assert_true(ip_address_equal(&i.client.address, &four));
	assert_int_equal(i.until_s, UINT64_MAX);
	policy_identify(&s->t, &four, NOW, &i);
	assert_false(i.client.has_mac);
	assert_int_equal(i.client.lease.len + i.client.peer.len + i.client.user.len, 0);
	policy_identify(&(struct policy_tables){0}, &four, NOW, &i);
	assert_int_equal(i.client.lease.len, 0);
	assert_int_equal(policy_tables_changes(&(struct policy_tables){0}), 0);
}

static void a_lease_tells_name_and_mac_until_it_ends(void **state)
{
	struct stage *s = *state;
	struct policy_identity i;
	put(&s->t.leases, policy_device_at(&four), TABLET_MAC, "tablet", "");
	policy_identify(&s->t, &four, NOW, &i);
	assert_true(span_is(i.client.lease, "tablet"));
	assert_memory_equal(i.client.mac, TABLET_MAC, 6);
	assert_int_equal(i.until_s, NOW + 60);
	policy_identify(&s->t, &four, NOW + 60, &i);
	assert_int_equal(i.client.lease.len, 0);
	assert_false(i.client.has_mac);
}

static void an_address_without_a_lease_is_known_by_its_neighbours_lease(void **state)
{
	struct stage *s = *state;
	struct policy_identity i;
	put(&s->t.leases, policy_device_of_mac((const uint8_t *)TABLET_MAC), NULL, "tablet", "");
	put(&s->t.neighbours, policy_device_at(&six), TABLET_MAC, "", "");
	policy_identify(&s->t, &six, NOW, &i);
	assert_true(span_is(i.client.lease, "tablet"));
	assert_memory_equal(i.client.mac, TABLET_MAC, 6);
	assert_true(i.is_neighbour);
}

static void whoever_takes_a_leased_address_is_not_its_lease(void **state)
{
	struct stage *s = *state;
	struct policy_identity i;
	put(&s->t.leases, policy_device_at(&four), TABLET_MAC, "tablet", "");
	put(&s->t.leases, policy_device_of_mac((const uint8_t *)OTHER_MAC), NULL, "laptop", "");
	put(&s->t.neighbours, policy_device_at(&four), OTHER_MAC, "", "");
	policy_identify(&s->t, &four, NOW, &i);
	assert_true(i.differs);
	assert_memory_equal(i.client.mac, OTHER_MAC, 6);
	assert_true(span_is(i.client.lease, "laptop")); /* its own */
	put(&s->t.neighbours, policy_device_at(&four), TABLET_MAC, "", "");
	policy_identify(&s->t, &four, NOW, &i);
	assert_false(i.differs);
	assert_true(span_is(i.client.lease, "tablet"));
}

static void a_peer_is_its_name_and_who_signed_in_while_the_service_lives(void **state)
{
	struct stage *s = *state;
	struct policy_identity i;
	put_peer(s, "phone", "alice");
	/* What a link says of a tunnel's address is nothing. */
	put(&s->t.neighbours, policy_device_at(&four), OTHER_MAC, "", "");
	policy_devices_breathe(&s->t.peers, NOW);
	policy_identify(&s->t, &four, NOW, &i);
	assert_true(span_is(i.client.peer, "phone"));
	assert_true(span_is(i.client.user, "alice"));
	assert_false(i.client.has_mac);
	assert_int_equal(i.until_s, NOW + POLICY_DEVICES_ALIVE_S);
	policy_identify(&s->t, &four, NOW + POLICY_DEVICES_ALIVE_S + 1, &i);
	assert_true(span_is(i.client.peer, "phone"));
	assert_int_equal(i.client.user.len, 0);
	assert_int_equal(i.until_s, NOW + POLICY_DEVICES_GONE_S);
}

static void the_peers_of_a_service_that_is_gone_are_gone(void **state)
{
	struct stage *s = *state;
	struct policy_identity i;
	put_peer(s, "phone", "alice");
	policy_devices_breathe(&s->t.peers, NOW);
	policy_identify(&s->t, &four, NOW + POLICY_DEVICES_GONE_S - 1, &i);
	assert_true(span_is(i.client.peer, "phone"));
	policy_identify(&s->t, &four, NOW + POLICY_DEVICES_GONE_S, &i);
	assert_int_equal(i.client.peer.len, 0);
	assert_int_equal(i.until_s, UINT64_MAX);
	/* Its address may be a device's on a link by then. */
	put_until(&s->t.neighbours, NOW + 1000, policy_device_at(&four), OTHER_MAC, "", "");
	policy_identify(&s->t, &four, NOW + POLICY_DEVICES_GONE_S, &i);
	assert_true(i.client.has_mac);
	/* And it may be taken into the configuration again. */
	policy_devices_breathe(&s->t.peers, NOW + 2 * POLICY_DEVICES_GONE_S);
	policy_identify(&s->t, &four, NOW + 2 * POLICY_DEVICES_GONE_S, &i);
	assert_true(span_is(i.client.peer, "phone"));
	/* A clock that was set back years keeps nobody. */
	policy_identify(&s->t, &four, NOW - POLICY_DEVICES_GONE_S, &i);
	assert_int_equal(i.client.peer.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_is_known_without_tables, begin, end),
		cmocka_unit_test_setup_teardown(a_lease_tells_name_and_mac_until_it_ends, begin,
						end),
		cmocka_unit_test_setup_teardown(
			an_address_without_a_lease_is_known_by_its_neighbours_lease, begin, end),
		cmocka_unit_test_setup_teardown(whoever_takes_a_leased_address_is_not_its_lease,
						begin, end),
		cmocka_unit_test_setup_teardown(
			a_peer_is_its_name_and_who_signed_in_while_the_service_lives, begin, end),
		cmocka_unit_test_setup_teardown(the_peers_of_a_service_that_is_gone_are_gone, begin,
						end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
