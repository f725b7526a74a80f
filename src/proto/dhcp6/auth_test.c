#include "proto/dhcp6/auth.h"

#include "proto/dhcp6/message.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* A Reconfigure signed with the key; returns its length. */
static size_t reconfigure(uint8_t *wire, size_t cap, uint64_t replay)
{
	struct writer w = writer_of(wire, cap);
	write_u8(&w, 0xee); /* it need not begin where the buffer does */
	dhcp6_write_header(&w, DHCP6_RECONFIGURE, 0);
	dhcp6_write_option(&w, DHCP6_OPT_SERVERID, span_of("\0\3\0\1server", 10));
	dhcp6_write_option_u8(&w, DHCP6_OPT_RECONF_MSG, DHCP6_RENEW);
	size_t at = dhcp6_write_auth_hmac(&w, replay);
	dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, span_of("\0\3\0\1client", 10));
	dhcp6_auth_sign(&w, 1, at, key);
	assert_int_equal(writer_check(&w), OK);
	memmove(wire, wire + 1, w.pos - 1);
	return w.pos - 1;
}

static enum err verify(const uint8_t *wire, size_t len, const uint8_t *with, uint64_t last)
{
	struct dhcp6_message m;
	uint64_t replay;
	if (dhcp6_message_read(span_of(wire, len), &m) != OK || !m.auth.len)
		return ERR_FORMAT;
	return dhcp6_auth_verify(m.wire, m.auth, with, last, &replay);
}

static void refuse(const uint8_t *data, size_t len)
{
	assert_int_not_equal(verify(data, len, key, 0), OK);
}

static void refuses_what_was_changed_by_one_bit(void **state)
{
	(void)state;
	uint8_t wire[128];
	size_t len = reconfigure(wire, sizeof(wire), 7);
	assert_int_equal(verify(wire, len, key, 0), OK);
	guard_every_bit_flip(wire, len, refuse);
	uint8_t other[16] = {0};
	assert_int_equal(verify(wire, len, other, 0), ERR_REFUSED);
}

/* RFC 8415 20.3: "only accept the message if the received value is greater". */
static void refuses_what_was_said_before(void **state)
{
	(void)state;
	uint8_t wire[128];
	size_t len = reconfigure(wire, sizeof(wire), 7);
	assert_int_equal(verify(wire, len, key, 6), OK);
	assert_int_equal(verify(wire, len, key, 7), ERR_REFUSED);
	assert_int_equal(verify(wire, len, key, 8), ERR_REFUSED);
}

static void refuses_a_key_where_a_digest_must_be(void **state)
{
	(void)state;
	uint8_t wire[64];
	struct writer w = writer_of(wire, sizeof(wire));
	struct dhcp6_message m;
	struct dhcp6_auth a;
	uint8_t got[16];
	uint64_t replay;
	dhcp6_write_header(&w, DHCP6_REPLY, 1);
	dhcp6_write_auth_key(&w, 3, key);
	assert_int_equal(dhcp6_message_read(writer_span(&w), &m), OK);
	assert_int_equal(dhcp6_auth_verify(m.wire, m.auth, key, 0, &replay), ERR_FORMAT);
	assert_int_equal(dhcp6_auth_read(m.auth, &a), OK);
	assert_int_equal(a.replay, 3);
	assert_int_equal(dhcp6_auth_key(&a, got), OK);
	assert_memory_equal(got, key, 16);
	a.protocol = 2;
	assert_int_equal(dhcp6_auth_key(&a, got), ERR_ABSENT);
	assert_int_equal(dhcp6_auth_read(span_of(wire, 10), &a), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_was_changed_by_one_bit),
		cmocka_unit_test(refuses_what_was_said_before),
		cmocka_unit_test(refuses_a_key_where_a_digest_must_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
