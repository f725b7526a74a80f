#include "service/reverse-proxy/stream_end.h"

#include "base/writer.h"
#include "proxy/access-log/access_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static struct stream_end sample(void)
{
	return (struct stream_end){
		.kind = REVERSE_STREAM_TCP,
		.peer = {.address = ip_address_v4(192, 0, 2, 77), .port = 40000},
		.at = {.address = ip_address_v4(203, 0, 113, 1), .port = 5432},
		.pool = "db",
		.server = "10.0.0.11:5432",
		.led = true,
		.tries = 1,
		.up = 12,
		.down = 3456,
		.begun_us = 1000000,
		.ended_us = 3500000,
		.connect_us = 900,
	};
}

static const char *line(const struct stream_end *e, enum access_form form)
{
	static char text[ACCESS_LINE_MAX + 1]; /* why-global: what a test looks at last */
	char room[IP_ENDPOINT_TEXT_MAX];
	struct access_line l;
	struct writer w = writer_of(text, ACCESS_LINE_MAX);
	stream_end_line(e, room, &l);
	l.time_ms = 1709210096789;
	access_line_write(&l, form, ACCESS_CLIENTS_FULL, &w);
	assert_false(w.bad);
	text[w.pos] = 0;
	return text;
}

static void a_stream_is_told_in_both_forms(void **state)
{
	(void)state;
	struct stream_end e = sample();
	assert_string_equal(line(&e, ACCESS_JSON),
			    "{\"time\":\"2024-02-29T12:34:56.789Z\",\"client\":\"192.0.2.77\","
			    "\"listen\":\"203.0.113.1:5432\",\"version\":\"TCP\",\"status\":200,"
			    "\"request_bytes\":12,\"response_bytes\":3456,\"duration_us\":2500000,"
			    "\"connect_us\":900,\"pool\":\"db\",\"server\":\"10.0.0.11:5432\","
			    "\"ended\":\"closed\"}\n");
	assert_string_equal(line(&e, ACCESS_COMBINED),
			    "192.0.2.77 - - [29/Feb/2024:12:34:56 +0000] \"- - TCP\" 200 3456 "
			    "\"-\" \"-\"\n");
	e.kind = REVERSE_STREAM_UDP;
	e.how = STREAM_ANSWERED;
	e.connect_us = 0;
	assert_non_null(strstr(line(&e, ACCESS_JSON), "\"version\":\"UDP\",\"status\":200,"));
	assert_non_null(strstr(line(&e, ACCESS_JSON), "\"ended\":\"answered\"}\n"));
	assert_null(strstr(line(&e, ACCESS_JSON), "connect_us"));
	assert_non_null(strstr(line(&e, ACCESS_COMBINED), "\"- - UDP\" 200 3456"));
}

static void how_it_ended_or_what_went_wrong(void **state)
{
	(void)state;
	static const struct {
		enum proxy_cause cause;
		bool led;
		const char *status, *says;
	} cases[] = {
		{PROXY_NO_BACK, false, "\"status\":503,", ",\"cause\":\"no-back\"}"},
		{PROXY_CONNECT_FAILED, false, "\"status\":502,", ",\"cause\":\"connect-failed\"}"},
		{PROXY_CONNECT_TIME, false, "\"status\":504,", ",\"cause\":\"connect-time\"}"},
		{PROXY_BUSY, false, "\"status\":503,", ",\"cause\":\"busy\"}"},
		{PROXY_REFUSED, false, "\"status\":403,", ",\"cause\":\"refused\"}"},
		{PROXY_CLIENT_FORMAT, false, "\"status\":400,", ",\"cause\":\"client-format\"}"},
		{PROXY_CLIENT_HEAD_TIME, false, "\"status\":408,", "\"client-head-time\"}"},
		{PROXY_CLIENT_GONE, false, "\"status\":0,", ",\"cause\":\"client-gone\"}"},
		/* Once a server was there it is told by the cause alone. */
		{PROXY_CLIENT_GONE, true, "\"status\":200,", ",\"cause\":\"client-gone\"}"},
		{PROXY_BACK_TORN, true, "\"status\":200,", ",\"cause\":\"back-torn\"}"},
		{PROXY_DRAINED, true, "\"status\":200,", ",\"cause\":\"drained\"}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream_end e = sample();
		e.cause = cases[i].cause;
		e.led = cases[i].led;
		const char *json = line(&e, ACCESS_JSON);
		if (!strstr(json, cases[i].status) || !strstr(json, cases[i].says) ||
		    strstr(json, "ended"))
			fail_msg("%s", json);
	}
	struct stream_end e = sample();
	e.how = STREAM_IDLE;
	assert_non_null(strstr(line(&e, ACCESS_JSON), ",\"ended\":\"idle\"}"));
	assert_null(strstr(line(&e, ACCESS_JSON), "cause"));
	assert_string_equal(stream_how_text(STREAM_HOWS), "unknown");
}

static void what_is_not_known_is_not_there(void **state)
{
	(void)state;
	struct stream_end e = sample();
	e.pool = e.server = NULL;
	e.cause = PROXY_REFUSED;
	e.led = false;
	e.tries = 0;
	e.name = "www.home.arpa";
	e.ended_us = e.begun_us - 1; /* a clock that is not that of the begin */
	const char *json = line(&e, ACCESS_JSON);
	assert_null(strstr(json, "pool"));
	assert_null(strstr(json, "server"));
	assert_null(strstr(json, "tries"));
	assert_non_null(strstr(json, "\"duration_us\":0,"));
	assert_non_null(strstr(json, ",\"sni\":\"www.home.arpa\"}\n"));
	e.tries = 2;
	assert_non_null(strstr(line(&e, ACCESS_JSON), "\"tries\":2,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_told_in_both_forms),
		cmocka_unit_test(how_it_ended_or_what_went_wrong),
		cmocka_unit_test(what_is_not_known_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
