#include "proxy/access-log/access_line.h"

#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char text[ACCESS_LINE_MAX + 1];

static const char *line(const struct access_line *l, enum access_form form,
			enum access_clients clients)
{
	struct writer w = writer_of(text, ACCESS_LINE_MAX);
	access_line_write(l, form, clients, &w);
	assert_false(w.bad);
	text[w.pos] = 0;
	return text;
}

static struct access_line sample(void)
{
	return (struct access_line){
		.time_ms = 1709210096789, /* a leap day */
		.client = ip_address_v4(192, 0, 2, 77),
		.id = span_text("00ff"),
		.method = span_text("GET"),
		.host = span_text("www.home.arpa"),
		.path = span_text("/a?b=c"),
		.scheme = span_text("https"),
		.pool = span_text("web"),
		.server = span_text("10.0.0.11:80"),
		.status = 200,
		.version = 20,
		.tries = 1,
		.response_bytes = 1024,
		.duration_us = 1500,
		.first_byte_us = 900,
		.route = 7,
	};
}

static void a_text_of_a_stranger_begins_no_line_and_ends_no_value(void **state)
{
	(void)state;
	struct access_line l = sample();
	l.agent = span_text("x\" \"\n{\"status\":500}\\\x1b\xc3\xa4");
	l.referer = span_of("\0", 1);
	const char *json = line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL);
	assert_non_null(strstr(json, "\"referer\":\"\\u0000\",\"agent\":\"x\\u0022 \\u0022\\u000a{"
				     "\\u0022status\\u0022:500}\\u005c\\u001b\\u00c3\\u00a4\"}\n"));
	assert_ptr_equal(strchr(json, '\n') + 1, json + strlen(json));
	const char *combined = line(&l, ACCESS_COMBINED, ACCESS_CLIENTS_FULL);
	assert_non_null(strstr(combined, "\"\\x00\" \"x\\x22 \\x22\\x0a{\\x22status\\x22:500}"
					 "\\x5c\\x1b\\xc3\\xa4\"\n"));
	assert_ptr_equal(strchr(combined, '\n') + 1, combined + strlen(combined));
}

static void values_are_cut_so_that_a_line_always_fits(void **state)
{
	(void)state;
	static uint8_t long_one[100000];
	memset(long_one, 1, sizeof(long_one));
	struct access_line l = sample();
	l.agent = l.path = l.host = l.method = l.user = l.referer =
		span_of(long_one, sizeof(long_one));
	l.tls = span_text("TLSv1.3");
	l.server_name = l.client_subject = span_of(long_one, 255);
	assert_non_null(line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL));
	assert_non_null(line(&l, ACCESS_COMBINED, ACCESS_CLIENTS_FULL));
	memset(long_one, 'x', sizeof(long_one));
	assert_true(strlen(line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL)) < 4500);
}

static void json_has_what_is_known(void **state)
{
	(void)state;
	struct access_line l = sample();
	assert_string_equal(
		line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL),
		"{\"time\":\"2024-02-29T12:34:56.789Z\",\"client\":\"192.0.2.77\",\"id\":\"00ff\","
		"\"method\":\"GET\",\"scheme\":\"https\",\"host\":\"www.home.arpa\",\"path\":"
		"\"/a?b=c\",\"version\":\"HTTP/2\",\"status\":200,\"request_bytes\":0,"
		"\"response_bytes\":1024,\"duration_us\":1500,\"first_byte_us\":900,\"route\":7,"
		"\"pool\":\"web\",\"server\":\"10.0.0.11:80\"}\n");
	l.detail = span_text("rule 3");
	l.tunnel_name = span_text("www.example");
	assert_non_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL),
			       ",\"detail\":\"rule 3\",\"tunnel_sni\":\"www.example\"}\n"));
	l.detail = l.tunnel_name = (struct span){0};
	l.tries = 2;
	l.cause = "back-time";
	l.status = 504;
	assert_non_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL),
			       "\"tries\":2,\"cause\":\"back-time\"}"));
}

static void of_tls_is_told_what_was_agreed_and_with_whom(void **state)
{
	(void)state;
	struct access_line l = sample();
	l.cipher = span_text("never without TLS");
	assert_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL), "cipher"));
	l.tls = span_text("TLSv1.3");
	l.cipher = span_text("TLS_AES_128_GCM_SHA256");
	l.server_name = span_text("www.home.arpa");
	l.alpn = span_text("h2");
	assert_non_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL),
			       "\"tls\":\"TLSv1.3\",\"cipher\":\"TLS_AES_128_GCM_SHA256\","
			       "\"sni\":\"www.home.arpa\",\"alpn\":\"h2\"}\n"));
	l.resumed = true;
	l.client_subject = span_text("CN=\"a\"");
	l.client_fingerprint = span_text("ab12");
	assert_non_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_FULL),
			       "\"resumed\":true,\"client_certificate\":\"CN=\\u0022a\\u0022\","
			       "\"client_fingerprint\":\"ab12\"}\n"));
}

static void combined_is_what_web_servers_write(void **state)
{
	(void)state;
	struct access_line l = sample();
	l.user = span_text("alice in chains");
	l.agent = span_text("curl/8");
	assert_string_equal(line(&l, ACCESS_COMBINED, ACCESS_CLIENTS_FULL),
			    "192.0.2.77 - alice [29/Feb/2024:12:34:56 +0000] \"GET /a?b=c "
			    "HTTP/2.0\" 200 1024 \"-\" \"curl/8\"\n");
}

static void clients_are_shown_as_far_as_asked(void **state)
{
	(void)state;
	struct access_line l = sample();
	assert_non_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_NETWORK), "\"192.0.2.0\""));
	assert_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_NONE), "client"));
	assert_memory_equal(line(&l, ACCESS_COMBINED, ACCESS_CLIENTS_NONE), "- - - [", 7);
	assert_int_equal(ip_address_parse(span_text("2001:db8:1:2::3"), &l.client), OK);
	assert_non_null(strstr(line(&l, ACCESS_JSON, ACCESS_CLIENTS_NETWORK), "\"2001:db8:1::\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_of_a_stranger_begins_no_line_and_ends_no_value),
		cmocka_unit_test(values_are_cut_so_that_a_line_always_fits),
		cmocka_unit_test(json_has_what_is_known),
		cmocka_unit_test(of_tls_is_told_what_was_agreed_and_with_whom),
		cmocka_unit_test(combined_is_what_web_servers_write),
		cmocka_unit_test(clients_are_shown_as_far_as_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
