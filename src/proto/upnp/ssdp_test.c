#include "proto/upnp/ssdp.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* As miniupnpc 2.2.4 sends it. */
static const char search[] = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
			     "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
			     "MAN: \"ssdp:discover\"\r\nMX: 2\r\n\r\n";

static void reads_a_search(void **state)
{
	(void)state;
	struct ssdp_search s;
	assert_int_equal(ssdp_search_read(span_text(search), &s), OK);
	assert_true(span_is(s.target, "urn:schemas-upnp-org:device:InternetGatewayDevice:1"));
	assert_int_equal(s.mx_s, 2);
	/* UDA 2.0 1.3.2: "more than 5 ... as if it contained 5" */
	assert_int_equal(ssdp_search_read(span_text("M-SEARCH * HTTP/1.1\r\nst:ssdp:all\r\n"
						    "man:ssdp:discover\r\nmx: 4000\r\n\r\n"),
					  &s),
			 OK);
	assert_int_equal(s.mx_s, 5);
	assert_true(span_is(s.target, "ssdp:all"));
}

static void refuses_the_rest(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"GET / HTTP/1.1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nST: a\r\nMX: 1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nST: a\r\nMAN: \"ssdp:other\"\r\nMX: 1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nST: a\r\nMAN: \"ssdp:discover\"\r\nMX: 0\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nST: a\r\nMAN: \"ssdp:discover\"\r\nMX: x\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nST: a\r\nST: b\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nST: a\x01\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\nST: a\nMAN: \"ssdp:discover\"\nMX: 1\n\n",
		"M-SEARCH * HTTP/1.1\r\nST: a\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n",
		"M-SEARCH * HTTP/1.1\r\nno colon\r\nST: a\r\nMAN: \"ssdp:discover\"\r\n\r\n",
	};
	struct ssdp_search s;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(ssdp_search_read(span_text(wrong[i]), &s), ERR_FORMAT);
	assert_int_equal(ssdp_search_read(span_text("NOTIFY * HTTP/1.1\r\n\r\n"), &s),
			 ERR_UNSUPPORTED);
}

static void refuses_too_many_lines_and_too_long_datagrams(void **state)
{
	(void)state;
	char text[2 * SSDP_DATAGRAM_MAX];
	struct ssdp_search s;
	for (size_t n = 28; n < 40; n++) {
		struct writer w = writer_of(text, sizeof(text));
		write_text(&w, "M-SEARCH * HTTP/1.1\r\nST: a\r\nMAN: ssdp:discover\r\n");
		for (size_t i = 0; i < n; i++)
			write_text(&w, "a:\r\n");
		write_text(&w, "\r\n");
		assert_int_equal(ssdp_search_read(writer_span(&w), &s),
				 n + 3 <= SSDP_HEADERS_MAX ? OK : ERR_FORMAT);
	}
	struct writer w = writer_of(text, sizeof(text));
	write_text(&w, "M-SEARCH * HTTP/1.1\r\nST: a\r\nMAN: ssdp:discover\r\nX:");
	while (w.pos < SSDP_DATAGRAM_MAX)
		write_u8(&w, 'x');
	write_text(&w, "\r\n\r\n");
	assert_int_equal(ssdp_search_read(writer_span(&w), &s), ERR_FORMAT);
}

static void writes_answers_and_announcements(void **state)
{
	(void)state;
	char text[1024];
	static const struct ssdp_notice n = {.type = "upnp:rootdevice",
					     .usn = "uuid:1::upnp:rootdevice",
					     .location = "http://192.168.1.1:1900/root.xml",
					     .server = "Linux UPnP/2.0 gatehouse/1",
					     .max_age_s = 1800,
					     .boot_id = 5,
					     .config_id = 1};
	struct writer w = writer_of(text, sizeof(text) - 1);
	ssdp_write_answer(&w, &n);
	text[w.pos] = 0;
	assert_string_equal(text, "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\n"
				  "LOCATION: http://192.168.1.1:1900/root.xml\r\n"
				  "SERVER: Linux UPnP/2.0 gatehouse/1\r\nST: upnp:rootdevice\r\n"
				  "USN: uuid:1::upnp:rootdevice\r\nBOOTID.UPNP.ORG: 5\r\n"
				  "CONFIGID.UPNP.ORG: 1\r\n\r\n");
	w = writer_of(text, sizeof(text) - 1);
	ssdp_write_notify(&w, &n, "239.255.255.250:1900", false);
	text[w.pos] = 0;
	assert_string_equal(text, "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
				  "NT: upnp:rootdevice\r\nNTS: ssdp:byebye\r\n"
				  "USN: uuid:1::upnp:rootdevice\r\nBOOTID.UPNP.ORG: 5\r\n"
				  "CONFIGID.UPNP.ORG: 1\r\n\r\n");
	w = writer_of(text, sizeof(text) - 1);
	ssdp_write_notify(&w, &n, "239.255.255.250:1900", true);
	text[w.pos] = 0;
	assert_non_null(strstr(text, "NTS: ssdp:alive\r\n"));
	assert_non_null(strstr(text, "LOCATION: http://192.168.1.1:1900/root.xml\r\n"));
}

static void read_any(const uint8_t *data, size_t len)
{
	struct ssdp_search s;
	err_ignore(ssdp_search_read(span_of(data, len), &s));
}

static void no_prefix_and_no_flipped_bit_leaves_the_datagram(void **state)
{
	(void)state;
	guard_every_prefix(search, sizeof(search) - 1, read_any);
	guard_every_bit_flip(search, sizeof(search) - 1, read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_search),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(refuses_too_many_lines_and_too_long_datagrams),
		cmocka_unit_test(writes_answers_and_announcements),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_datagram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
