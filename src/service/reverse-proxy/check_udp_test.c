#include "service/reverse-proxy/check_udp.h"

#include "service/reverse-proxy/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static void refuses_what_are_no_octets(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	  "0x",	  "0x1",  "0x123",
					  "0xg0", "0x0g", "0x 1", "0x1 2"};
	uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX];
	struct span s;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reverse_check_octets(bad[i], room, &s) != ERR_FORMAT)
			fail_msg("'%s' was taken", bad[i]);
}

static void assert_octets(const char *text, const char *expected, size_t len)
{
	uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX];
	struct span s;
	assert_int_equal(reverse_check_octets(text, room, &s), OK);
	assert_int_equal(s.len, len);
	assert_memory_equal(s.data, expected, len);
}

static void reads_texts_and_octets(void **state)
{
	(void)state;
	assert_octets("ping", "ping", 4);
	assert_octets("0", "0", 1);
	assert_octets("0X41", "0X41", 4); /* as it is written */
	assert_octets("x0x41", "x0x41", 5);
	assert_octets("0x00", "\0", 1);
	assert_octets("0xfFAb09", "\xff\xab\x09", 3);
	assert_octets("0x3078", "0x", 2);
	char longest[REVERSE_CHECK_UDP_TEXT_MAX + 3] = "0x";
	memset(longest + 2, '4', REVERSE_CHECK_UDP_TEXT_MAX - 2);
	uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX];
	struct span s;
	assert_int_equal(reverse_check_octets(longest, room, &s), OK);
	assert_int_equal(s.len, REVERSE_CHECK_UDP_TEXT_MAX / 2 - 1);
	longest[REVERSE_CHECK_UDP_TEXT_MAX] = longest[REVERSE_CHECK_UDP_TEXT_MAX + 1] = '4';
	assert_int_equal(reverse_check_octets(longest, room, &s), ERR_FORMAT);
}

static bool judged(const char *answer, const char *came, size_t len)
{
	const struct reverse_check_conf c = {.udp = "ping", .answer = answer};
	return reverse_check_udp_judge(&c, span_of(came, len));
}

static void an_answer_has_what_is_wanted(void **state)
{
	(void)state;
	assert_false(judged("pong", "pon", 3));
	assert_false(judged("pong", "pin\0pon", 7));
	assert_false(judged("pong", "Pong", 4));
	assert_false(judged("0x00ff", "\xff\0", 2));
	assert_false(judged("0x", "0x", 2));
	assert_false(judged("0xf", "\x0f", 1));
	assert_true(judged("pong", "pong", 4));
	assert_true(judged("pong", "it is pong!", 11));
	assert_true(judged("0x00ff", "a\0\xff", 3));
	assert_true(judged("", "x", 1));
	assert_true(judged(NULL, "x", 1));
}

static void silence_is_well_where_no_answer_is_wanted(void **state)
{
	(void)state;
	const struct reverse_check_conf any = {.udp = "ping"}, answer = {.udp = "x", .answer = ""},
					tcp = {.tcp = true}, http = {.http = "/"};
	assert_true(reverse_check_silence_is_well(&any));
	assert_false(reverse_check_silence_is_well(&answer));
	assert_false(reverse_check_silence_is_well(&tcp));
	assert_false(reverse_check_silence_is_well(&http));
	assert_int_equal(reverse_check_kind(&any), REVERSE_CHECK_UDP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_are_no_octets),
		cmocka_unit_test(reads_texts_and_octets),
		cmocka_unit_test(an_answer_has_what_is_wanted),
		cmocka_unit_test(silence_is_well_where_no_answer_is_wanted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
