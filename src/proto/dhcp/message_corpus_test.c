/* What real clients and servers said (test/fuzz/dhcp_corpus.py), on guard pages. */
#include "base/writer.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/option.h"
#include "test/guard.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct dhcp_message m, back;

/* Calls with each file; returns how many. */
static size_t each_file(void (*call)(const char *name, const uint8_t *data, size_t len))
{
	DIR *d = opendir(DHCP_MESSAGE_CORPUS);
	assert_non_null(d);
	size_t count = 0;
	const struct dirent *entry;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		char path[sizeof(DHCP_MESSAGE_CORPUS) + 300];
		(void)snprintf(path, sizeof(path), "%s/%s", DHCP_MESSAGE_CORPUS, entry->d_name);
		FILE *f = fopen(path, "rb");
		assert_non_null(f);
		static uint8_t data[DHCP_MESSAGE_MAX + 1];
		size_t len = fread(data, 1, sizeof(data), f);
		assert_int_equal(fclose(f), 0);
		call(entry->d_name, data, len);
		count++;
	}
	assert_int_equal(closedir(d), 0);
	return count;
}

/* Every option of every peer is what our table says of it. */
static void check_read(const char *name, const uint8_t *data, size_t len)
{
	if (dhcp_message_read(span_of(data, len), &m))
		fail_msg("%s", name);
	/* Names of the captures end in their message type. */
	const char *type = strrchr(name, '-');
	if (type)
		assert_int_equal(m.type, type[1] - (int)'0');
	for (unsigned i = 0; i < m.options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(&m, i, &code);
		if (dhcp_option_check(code, value))
			fail_msg("%s: option %u", name, code);
	}
}

static void check_rebuilt(const char *name, const uint8_t *data, size_t len)
{
	uint8_t out[1472];
	struct dhcp_build b;
	struct span message;
	assert_int_equal(dhcp_message_read(span_of(data, len), &m), OK);
	struct dhcp_build_rules rules = {.size_max = sizeof(out),
					 .file = m.file,
					 .sname = m.sname,
					 .relay = dhcp_message_option(&m, 82)};
	dhcp_build_init(&b, out, sizeof(out), &m.head, &rules);
	for (unsigned i = 0; i < m.options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(&m, i, &code);
		if (code != 52 && code != 82)
			dhcp_build_option(&b, code, value);
	}
	assert_int_equal(dhcp_build_finish(&b, &message), OK);
	assert_int_equal(b.left_out_len, 0);
	assert_int_equal(dhcp_message_read(message, &back), OK);
	for (unsigned code = 1; code < 255; code++) {
		if (code != 52 && !span_equal(dhcp_message_option(&m, (uint8_t)code),
					      dhcp_message_option(&back, (uint8_t)code)))
			fail_msg("%s: option %u", name, code);
	}
	/* The fixed part octet for octet, but for what overload takes out of it. */
	if (!dhcp_message_has(&m, 52) && m.cookie)
		assert_memory_equal(message.data, data, DHCP_OPTIONS_AT);
}

static void read_all(const uint8_t *data, size_t len)
{
	char text[8192];
	if (dhcp_message_read(span_of(data, len), &m))
		return;
	for (unsigned i = 0; i < m.options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(&m, i, &code);
		struct writer w = writer_of(text, sizeof(text));
		dhcp_option_format(code, value, &w);
		assert_int_equal(writer_check(&w), OK);
	}
}

static void guard(const char *name, const uint8_t *data, size_t len)
{
	(void)name;
	guard_every_prefix(data, len, read_all);
	guard_every_bit_flip(data, len, read_all);
}

static void real_messages_are_read_and_their_options_are_right(void **state)
{
	(void)state;
	assert_true(each_file(check_read) >= 25);
}

static void real_messages_are_the_same_when_built_again(void **state)
{
	(void)state;
	(void)each_file(check_rebuilt);
}

static void survives_every_prefix_and_every_flip_of_them(void **state)
{
	(void)state;
	(void)each_file(guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_messages_are_read_and_their_options_are_right),
		cmocka_unit_test(real_messages_are_the_same_when_built_again),
		cmocka_unit_test(survives_every_prefix_and_every_flip_of_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
