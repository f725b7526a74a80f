#include "service/dhcp/lease.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
static const uint8_t key[DHCP_LEASE_KEY_LEN] = {4, 192, 168, 7, 20};

static struct dhcp_lease sample(void)
{
	return (struct dhcp_lease){
		.address = 0xc0a80714,
		.granted_s = 1800000000,
		.expires_s = 1800003600,
		.state = DHCP_LEASE_BOUND,
		.htype = 1,
		.mac_len = 6,
		.mac = mac,
		.client_id = span_text("\001abcdef"),
		.circuit_id = span_text("port 7"),
		.remote_id = span_text("switch 3"),
		.name = span_text("printer"),
		.fqdn_flags = 0x85,
		.names = DHCP_NAME_FORWARD | DHCP_NAME_REVERSE,
	};
}

static size_t write_sample(uint8_t *buf, size_t size)
{
	struct writer w = writer_of(buf, size);
	struct dhcp_lease l = sample();
	dhcp_lease_write(&l, &w);
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void refuses_foreign_keys(void **state)
{
	(void)state;
	uint8_t buf[DHCP_LEASE_STORED_MAX];
	size_t len = write_sample(buf, sizeof(buf));
	struct dhcp_lease l;
	assert_int_equal(dhcp_lease_read(span_of(key, 4), span_of(buf, len), &l), ERR_FORMAT);
	uint8_t six[DHCP_LEASE_KEY_LEN] = {6, 192, 168, 7, 20};
	assert_int_equal(dhcp_lease_read(span_of(six, 5), span_of(buf, len), &l), ERR_FORMAT);
}

static void refuses_a_newer_form(void **state)
{
	(void)state;
	uint8_t buf[DHCP_LEASE_STORED_MAX];
	size_t len = write_sample(buf, sizeof(buf));
	struct dhcp_lease l;
	buf[0] = 2;
	assert_int_equal(dhcp_lease_read(span_of(key, 5), span_of(buf, len), &l), ERR_UNSUPPORTED);
}

static void refuses_states_that_are_not_durable(void **state)
{
	(void)state;
	uint8_t buf[DHCP_LEASE_STORED_MAX];
	size_t len = write_sample(buf, sizeof(buf));
	struct dhcp_lease l;
	buf[1] = DHCP_LEASE_OFFERED;
	assert_int_equal(dhcp_lease_read(span_of(key, 5), span_of(buf, len), &l), ERR_FORMAT);
	buf[1] = DHCP_LEASE_CONFLICT + 1;
	assert_int_equal(dhcp_lease_read(span_of(key, 5), span_of(buf, len), &l), ERR_FORMAT);
}

static size_t whole;

static void read_prefix(const uint8_t *data, size_t len)
{
	struct dhcp_lease l;
	assert_int_equal(dhcp_lease_read(span_of(key, 5), span_of(data, len), &l),
			 len == whole ? OK : ERR_FORMAT);
}

static void read_flipped(const uint8_t *data, size_t len)
{
	struct dhcp_lease l;
	if (dhcp_lease_read(span_of(key, 5), span_of(data, len), &l) != OK)
		return;
	uint8_t again[DHCP_LEASE_STORED_MAX];
	struct writer w = writer_of(again, sizeof(again));
	dhcp_lease_write(&l, &w);
	assert_int_equal(w.pos, len);
	assert_memory_equal(again, data, len);
}

static void refuses_every_prefix_and_survives_every_flip(void **state)
{
	(void)state;
	uint8_t buf[DHCP_LEASE_STORED_MAX];
	whole = write_sample(buf, sizeof(buf));
	guard_every_prefix(buf, whole, read_prefix);
	guard_every_bit_flip(buf, whole, read_flipped);
}

static void comes_back_as_it_was(void **state)
{
	(void)state;
	uint8_t buf[DHCP_LEASE_STORED_MAX], made[DHCP_LEASE_KEY_LEN];
	size_t len = write_sample(buf, sizeof(buf));
	struct dhcp_lease l, was = sample();
	dhcp_lease_key(was.address, made);
	assert_memory_equal(made, key, sizeof(key));
	assert_int_equal(dhcp_lease_read(span_of(made, 5), span_of(buf, len), &l), OK);
	assert_int_equal(l.address, was.address);
	assert_int_equal(l.granted_s, was.granted_s);
	assert_int_equal(l.expires_s, was.expires_s);
	assert_int_equal(l.state, was.state);
	assert_int_equal(l.htype, was.htype);
	assert_int_equal(l.fqdn_flags, was.fqdn_flags);
	assert_int_equal(l.names, was.names);
	assert_true(span_equal(span_of(l.mac, l.mac_len), span_of(mac, 6)));
	assert_true(span_equal(l.client_id, was.client_id));
	assert_true(span_equal(l.circuit_id, was.circuit_id));
	assert_true(span_equal(l.remote_id, was.remote_id));
	assert_true(span_equal(l.name, was.name));
}

static void the_longest_lease_fits(void **state)
{
	(void)state;
	static const uint8_t long_part[255];
	uint8_t buf[DHCP_LEASE_STORED_MAX];
	struct span part = span_of(long_part, 255);
	struct dhcp_lease l = sample();
	l.mac = long_part;
	l.mac_len = 16;
	l.client_id = l.circuit_id = l.remote_id = l.name = part;
	struct writer w = writer_of(buf, sizeof(buf));
	dhcp_lease_write(&l, &w);
	assert_int_equal(writer_check(&w), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_foreign_keys),
		cmocka_unit_test(refuses_a_newer_form),
		cmocka_unit_test(refuses_states_that_are_not_durable),
		cmocka_unit_test(refuses_every_prefix_and_survives_every_flip),
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(the_longest_lease_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
