#include "os/log.h"

#include "os/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int reader = -1, stderr_before = -1;
static char text[1 << 16];

/* stderr is a pipe from here on. */
static int catch_stderr(void **state)
{
	(void)state;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	reader = ends[0];
	stderr_before = dup(STDERR_FILENO);
	(void)dup2(ends[1], STDERR_FILENO);
	fd_done(&ends[1]);
	return 0;
}

static int release_stderr(void **state)
{
	(void)state;
	(void)dup2(stderr_before, STDERR_FILENO);
	fd_done(&stderr_before);
	fd_done(&reader);
	return 0;
}

/* What one read brings: one write. */
static const char *logged(void)
{
	ssize_t n = read(reader, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The line after its time. */
static const char *after_time(void)
{
	const char *line = logged();
	int year, ms, at = 0;
	assert_int_equal(sscanf(line, "%d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ%n", &year, &ms, &at), 2);
	assert_true(year >= 2001 && at == 24 && line[at] == ' ');
	return line + at + 1;
}

static void text_line_has_time_level_service_and_pairs(void **state)
{
	(void)state;
	const struct ip_endpoint peer = {.address = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}},
					 .port = 53};
	const struct ip_address address = {.family = 4, .bytes = {192, 0, 2, 1}};
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, "authority");
	log_info("zone loaded", LOG_TEXT("zone", "example.com"), LOG_U64("records", 12),
		 LOG_I64("delta", -3), LOG_BOOL("signed", true), LOG_ENDPOINT("from", &peer),
		 LOG_ADDRESS("via", &address), LOG_ERR(ERR_LIMIT));
	assert_string_equal(after_time(),
			    "info authority: zone loaded zone=example.com records=12 delta=-3 "
			    "signed=true from=[2001:db8::]:53 via=192.0.2.1 "
			    "error=\"limit reached\"\n");
	log_error("bare");
	assert_string_equal(after_time(), "error authority: bare\n");
	log_warning("end", LOG_TEXT("a", NULL), LOG_END);
	assert_string_equal(after_time(), "warning authority: end a=\"\"\n");
}

static void strangers_bytes_are_harmless(void **state)
{
	(void)state;
	static const char hostile[] = "a\n\x1b[31m\"\\\x7f \xff\xc2\x9b\xe2\x82\xac\xed\xa0\x80";
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, "resolver");
	log_info("asked", LOG_SPAN("name", span_of(hostile, sizeof(hostile) - 1)));
	assert_string_equal(after_time(),
			    "info resolver: asked name=\"a\\u000a\\u001b[31m\\\"\\\\\\u007f "
			    "\\ufffd\\u009b\xe2\x82\xac\\ufffd\\ufffd\\ufffd\"\n");
}

static void json_line_is_json(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, "resolver");
	log_debug("cache full", LOG_U64("bytes", 1), LOG_TEXT("name", "a\"b\n"),
		  LOG_BOOL("ok", false));
	const char *line = logged();
	assert_true(strncmp(line, "{\"time\":\"2", 10) == 0);
	assert_string_equal(strstr(line, "\",\"level\""),
			    "\",\"level\":\"debug\",\"service\":\"resolver\",\"event\":\"cache "
			    "full\",\"bytes\":1,\"name\":\"a\\\"b\\u000a\",\"ok\":false}\n");
}

static void levels_below_are_silent(void **state)
{
	(void)state;
	enum log_level level = LOG_LEVEL_ERROR;
	log_init(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT, "x");
	log_notice("n");
	log_debug("d");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_NOTICE);
	log_notice("n");
	assert_true(strlen(logged()) > 0);
	assert_true(log_level_read("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_false(log_level_read("loud", &level));
	assert_string_equal(log_level_name(LOG_LEVEL_WARNING), "warning");
}

static void line_that_is_too_long_stays_a_line(void **state)
{
	(void)state;
	static char large[LOG_LINE_MAX];
	memset(large, 'x', sizeof(large) - 1);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON, "x");
	log_info("big", LOG_TEXT("large", large), LOG_U64("after", 1));
	const char *line = logged();
	assert_null(strstr(line, "large"));
	assert_string_equal(strstr(line, ",\"after\""), ",\"after\":1}\n");
}

static void say(void)
{
	log_info("again");
}

static size_t lines_of(const char *lines)
{
	size_t n = 0;
	for (; *lines; lines++)
		n += *lines == '\n';
	return n;
}

static void one_place_has_a_rate_and_tells_what_it_hid(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, "x");
	size_t printed = 0, i;
	for (i = 0; i < 3 * LOG_SITE_BURST; i++)
		say();
	printed = lines_of(logged());
	/* A second may have ended in between. */
	assert_true(printed >= LOG_SITE_BURST && printed <= 2 * LOG_SITE_BURST + 1);
	log_info("elsewhere");
	assert_int_equal(lines_of(logged()), 1);
	(void)usleep(1100000);
	say();
	assert_non_null(strstr(logged(), " suppressed="));
	(void)usleep(1100000);
	say();
	assert_null(strstr(logged(), "suppressed"));
}

static void journal_gets_a_priority_and_no_time(void **state)
{
	(void)state;
	struct stat st;
	char stream[64];
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%lu:%lu", (unsigned long)st.st_dev,
		       (unsigned long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, "x");
	log_warning("w");
	assert_string_equal(logged(), "<4>x: w\n");
	(void)setenv("JOURNAL_STREAM", "1:1", 1);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, "x");
	log_warning("w");
	assert_string_equal(after_time(), "warning x: w\n");
	(void)unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_line_has_time_level_service_and_pairs),
		cmocka_unit_test(strangers_bytes_are_harmless),
		cmocka_unit_test(json_line_is_json),
		cmocka_unit_test(levels_below_are_silent),
		cmocka_unit_test(line_that_is_too_long_stays_a_line),
		cmocka_unit_test(one_place_has_a_rate_and_tells_what_it_hid),
		cmocka_unit_test(journal_gets_a_priority_and_no_time),
	};
	return cmocka_run_group_tests(tests, catch_stderr, release_stderr);
}
