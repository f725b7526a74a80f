#include "proto/wireguard/message.h"

#include "proto/wireguard/vectors_test.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum wg_kind kind_of(const uint8_t *wire, size_t len)
{
	uint8_t *copy = guard_copy(wire, len);
	enum wg_kind kind = wg_message_kind(span_of(copy, len));
	guard_free(copy, len);
	return kind;
}

/* By its first bytes and its length, as the paper's figures have them. */
static enum wg_kind expected(const uint8_t *wire, size_t len)
{
	static const size_t lens[] = {
		[WG_INITIATION] = 148, [WG_RESPONSE] = 92, [WG_COOKIE_REPLY] = 64};
	if (len < 4 || wire[1] || wire[2] || wire[3] || wire[0] < 1 || wire[0] > 4)
		return WG_NONE;
	if (wire[0] == 4)
		return len >= 32 ? WG_TRANSPORT : WG_NONE;
	return len == lens[wire[0]] ? (enum wg_kind)wire[0] : WG_NONE;
}

static void is_as_expected(const uint8_t *data, size_t len)
{
	assert_int_equal(wg_message_kind(span_of(data, len)), expected(data, len));
}

static void is_what_its_type_and_length_say_and_nothing_else(void **state)
{
	(void)state;
	uint8_t wire[256] = {0};
	for (unsigned type = 0; type < 256; type++) {
		wire[0] = (uint8_t)type;
		guard_every_prefix(wire, 200, is_as_expected);
		for (size_t i = 1; i < 4; i++) {
			wire[i] = 1;
			assert_int_equal(kind_of(wire, WG_INITIATION_LEN), WG_NONE);
			wire[i] = 0;
		}
	}
}

static void knows_the_messages_of_another_implementation(void **state)
{
	(void)state;
	const struct {
		const char *hex;
		enum wg_kind kind;
	} messages[] = {{wg_vectors[0].initiation, WG_INITIATION},
			{wg_vectors[0].response, WG_RESPONSE},
			{wg_vectors[0].cookie_reply, WG_COOKIE_REPLY},
			{wg_vectors[0].keepalive, WG_TRANSPORT},
			{wg_vectors[0].transport, WG_TRANSPORT}};
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		uint8_t wire[256];
		size_t len = hex_read(messages[i].hex, wire, sizeof(wire));
		assert_int_equal(kind_of(wire, len), messages[i].kind);
	}
}

static void writes_the_header_of_a_transport_message(void **state)
{
	(void)state;
	struct wg_transport m;
	uint8_t wire[256];
	assert_true(hex_read(wg_vectors[0].transport, wire, sizeof(wire)) > sizeof(m));
	wg_transport_write(&m, VECTOR_SENDER_I, VECTOR_COUNTER);
	assert_memory_equal(&m, wire, sizeof(m));
	assert_int_equal(wg_get_u32(m.receiver), VECTOR_SENDER_I);
	assert_int_equal(wg_get_u64(m.counter), VECTOR_COUNTER);
}

static void pads_to_sixteen_but_not_over_the_mtu(void **state)
{
	(void)state;
	assert_int_equal(wg_padded_len(0, 1420), 0);
	assert_int_equal(wg_padded_len(1, 1420), 16);
	assert_int_equal(wg_padded_len(16, 1420), 16);
	assert_int_equal(wg_padded_len(1409, 1420), 1420);
	assert_int_equal(wg_padded_len(1408, 1420), 1408);
	assert_int_equal(wg_padded_len(1420, 1420), 1420);
	assert_int_equal(wg_padded_len(1500, 1420), 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_its_type_and_length_say_and_nothing_else),
		cmocka_unit_test(knows_the_messages_of_another_implementation),
		cmocka_unit_test(writes_the_header_of_a_transport_message),
		cmocka_unit_test(pads_to_sixteen_but_not_over_the_mtu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
