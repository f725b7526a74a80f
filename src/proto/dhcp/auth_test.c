#include "proto/dhcp/auth.h"

#include "proto/dhcp/build.h"
#include "proto/dhcp/sample_test.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(text) span_of(text, sizeof(text) - 1)

static const uint8_t nonce[DHCP_NONCE_LEN] = "sixteen octets!";
static struct dhcp_message m;
static uint8_t buf[548];

static struct span message(uint8_t type, bool digest)
{
	struct dhcp_head head = {.op = 2, .htype = 1, .hlen = 6, .xid = 7, .ciaddr = 0x0a000002};
	struct dhcp_build_rules rules = {.size_max = sizeof(buf)};
	struct dhcp_build b;
	struct span out;
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_u8(&b, 53, type);
	if (digest)
		dhcp_auth_add_digest(&b, 0x0102030405060708);
	else
		dhcp_auth_add_nonce(&b, 0x0102030405060708, nonce);
	assert_int_equal(dhcp_build_finish(&b, &out), OK);
	assert_int_equal(dhcp_message_read(out, &m), OK);
	return out;
}

static void refuses_torn_and_other_kinds(void **state)
{
	(void)state;
	struct dhcp_auth a;
	uint64_t replay;
	uint8_t got[DHCP_NONCE_LEN];
	assert_int_equal(dhcp_auth_read(SPAN("\3\1\0\0\0\0\0\0\0\0"), &a), ERR_FORMAT);
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x05\xff");
	assert_int_equal(dhcp_message_read(sample_span(&s), &m), OK);
	assert_int_equal(dhcp_auth_nonce(&m, &replay, got), ERR_ABSENT);
	assert_int_equal(dhcp_auth_verify(&m, nonce, &replay), ERR_ABSENT);
	struct span out = message(DHCP_ACK, false);
	assert_int_equal(dhcp_auth_verify(&m, nonce, &replay), ERR_UNSUPPORTED); /* no digest */
	size_t at = (size_t)(dhcp_message_option(&m, 90).data - out.data);
	for (size_t i = 0; i < 3; i++) {
		buf[at + i] ^= 1; /* protocol, algorithm, replay detection */
		assert_int_equal(dhcp_auth_nonce(&m, &replay, got), ERR_UNSUPPORTED);
		buf[at + i] ^= 1;
	}
	buf[at - 1]--; /* one octet shorter */
	assert_int_equal(dhcp_message_read(span_of(buf, at + 27), &m), OK);
	assert_int_equal(dhcp_auth_nonce(&m, &replay, got), ERR_FORMAT);
	assert_int_equal(dhcp_auth_sign(buf, at + 27, nonce), ERR_FORMAT);
}

static void a_nonce_goes_with_the_ack(void **state)
{
	(void)state;
	uint64_t replay;
	uint8_t got[DHCP_NONCE_LEN];
	(void)message(DHCP_ACK, false);
	/* RFC 6704 3.1.2: protocol 3, algorithm 1, RDM 0, type 1 and the nonce. */
	struct span option = dhcp_message_option(&m, 90);
	assert_true(hex_is(option.data, 12, "030100010203040506070801"));
	assert_int_equal(dhcp_auth_nonce(&m, &replay, got), OK);
	assert_true(replay == 0x0102030405060708);
	assert_memory_equal(got, nonce, sizeof(nonce));
}

/* HMAC-MD5 by Python's hmac over the message with the digest zeroed, key "sixteen octets!\0". */
static const char python_digest[] = "71a31fcb7f0070a5e62451e07bead602";

static void a_forced_renewal_is_signed(void **state)
{
	(void)state;
	uint64_t replay = 0;
	struct span out = message(DHCP_FORCERENEW, true);
	assert_int_equal(dhcp_auth_verify(&m, nonce, &replay), ERR_REFUSED);
	assert_int_equal(dhcp_auth_sign(buf, out.len, nonce), OK);
	assert_int_equal(dhcp_auth_verify(&m, nonce, &replay), OK);
	assert_true(replay == 0x0102030405060708);
	struct span option = dhcp_message_option(&m, 90);
	assert_true(hex_is(option.data + 12, 16, python_digest));
	uint8_t other[DHCP_NONCE_LEN];
	memcpy(other, nonce, sizeof(other));
	other[15] ^= 1;
	assert_int_equal(dhcp_auth_verify(&m, other, &replay), ERR_REFUSED);
}

static void every_flipped_bit_breaks_the_digest(void **state)
{
	(void)state;
	uint64_t replay;
	struct span out = message(DHCP_FORCERENEW, true);
	assert_int_equal(dhcp_auth_sign(buf, out.len, nonce), OK);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* RFC 3118 5.2: hops and giaddr count as zero, whatever a relay made of them. */
		bool ignored = bit / 8 == 3 || (bit / 8 >= 24 && bit / 8 < 28);
		if (dhcp_message_read(out, &m) == OK)
			assert_int_equal(dhcp_auth_verify(&m, nonce, &replay) == OK, ignored);
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void the_client_says_that_it_takes_nonces(void **state)
{
	(void)state;
	static const struct {
		const char *option;
		size_t len;
		bool capable;
	} cases[] = {
		{"\x91\x01\x01", 3, true},
		{"\x91\x02\x02\x01", 4, true},
		{"\x91\x01\x02", 3, false},
		{"\x91\x00", 2, false},
		{"", 0, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample s = sample_begin();
		SAMPLE_ADD(&s, "\x35\x01\x01");
		sample_add(&s, cases[i].option, cases[i].len);
		assert_int_equal(dhcp_message_read(sample_span(&s), &m), OK);
		assert_int_equal(dhcp_auth_capable(&m), cases[i].capable);
	}
}

static void survives_an_option_in_parts(void **state)
{
	(void)state;
	uint64_t replay;
	struct span out = message(DHCP_FORCERENEW, true);
	struct sample s = sample_begin();
	s.bytes[0] = 2;
	struct span option = dhcp_message_option(&m, 90);
	SAMPLE_ADD(&s, "\x35\x01\x09\x5a\x0c");
	sample_add(&s, option.data, 12);
	SAMPLE_ADD(&s, "\x5a\x10");
	sample_add(&s, option.data + 12, 16);
	(void)out;
	assert_int_equal(dhcp_message_read(sample_span(&s), &m), OK);
	assert_int_equal(dhcp_auth_verify(&m, nonce, &replay), ERR_FORMAT);
}

static void verify_all(const uint8_t *data, size_t len)
{
	uint64_t replay;
	uint8_t got[DHCP_NONCE_LEN];
	if (dhcp_message_read(span_of(data, len), &m))
		return;
	err_ignore(dhcp_auth_verify(&m, nonce, &replay));
	err_ignore(dhcp_auth_nonce(&m, &replay, got));
	(void)dhcp_auth_capable(&m);
}

static void survives_every_prefix(void **state)
{
	(void)state;
	struct span out = message(DHCP_FORCERENEW, true);
	uint8_t copy[sizeof(buf)];
	memcpy(copy, out.data, out.len);
	guard_every_prefix(copy, out.len, verify_all);
	guard_every_bit_flip(copy, out.len, verify_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_torn_and_other_kinds),
		cmocka_unit_test(a_nonce_goes_with_the_ack),
		cmocka_unit_test(a_forced_renewal_is_signed),
		cmocka_unit_test(every_flipped_bit_breaks_the_digest),
		cmocka_unit_test(the_client_says_that_it_takes_nonces),
		cmocka_unit_test(survives_an_option_in_parts),
		cmocka_unit_test(survives_every_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
