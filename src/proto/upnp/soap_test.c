#include "proto/upnp/soap.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ENVELOPE_BEGIN                                                                             \
	"<?xml version=\"1.0\"?>\r\n"                                                              \
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "                       \
	"s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
#define ENVELOPE_END "</s:Body></s:Envelope>\r\n"
#define SERVICE	     "urn:schemas-upnp-org:service:WANIPConnection:2"
#define ACTION(name, arguments)                                                                    \
	ENVELOPE_BEGIN "<u:" name " xmlns:u=\"" SERVICE "\">" arguments "</u:" name ">" ENVELOPE_END

/* As miniupnpc 2.2.4 writes it, its long line broken. */
static const char add[] =
	ACTION("AddPortMapping",
	       "<NewRemoteHost></NewRemoteHost><NewExternalPort>8443</NewExternalPort>"
	       "<NewProtocol>TCP</NewProtocol><NewInternalPort>8080</NewInternalPort>"
	       "<NewInternalClient>192.168.1.5</NewInternalClient><NewEnabled>1</NewEnabled>"
	       "<NewPortMappingDescription>a &lt;b&gt; &amp; &#233;</NewPortMappingDescription>"
	       "<NewLeaseDuration>0</NewLeaseDuration>");

static enum err read_text(const char *text, struct soap_call *ret)
{
	size_t len = strlen(text);
	uint8_t *copy = guard_copy(text, len);
	enum err e = soap_call_read(span_of(copy, len), 1, ret);
	guard_free(copy, len);
	return e;
}

static void reads_a_call(void **state)
{
	(void)state;
	struct soap_call c;
	assert_int_equal(read_text(add, &c), OK);
	assert_string_equal(soap_call_service(&c), SERVICE);
	assert_string_equal(soap_call_action(&c), "AddPortMapping");
	assert_int_equal(c.arguments_n, 8);
	assert_string_equal(soap_call_argument(&c, "NewRemoteHost"), "");
	assert_string_equal(soap_call_argument(&c, "NewExternalPort"), "8443");
	assert_string_equal(soap_call_argument(&c, "NewPortMappingDescription"),
			    "a <b> & \xc3\xa9");
	assert_null(soap_call_argument(&c, "NewNothing"));
}

static void reads_what_others_write(void **state)
{
	(void)state;
	struct soap_call c;
	/* other prefixes, a default namespace, blanks, a comment, a header, CDATA, no arguments */
	assert_int_equal(
		read_text("<SOAP-ENV:Envelope "
			  "xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\">\n"
			  " <SOAP-ENV:Header><x><NewPort>1</NewPort></x></SOAP-ENV:Header>\n"
			  " <!-- now --> <SOAP-ENV:Body>\n"
			  "<GetIt xmlns=\"" SERVICE "\">\n  <A><![CDATA[<1>]]></A>\n</GetIt>"
			  "</SOAP-ENV:Body></SOAP-ENV:Envelope>",
			  &c),
		OK);
	assert_string_equal(soap_call_action(&c), "GetIt");
	assert_string_equal(soap_call_argument(&c, "A"), "<1>");
	assert_int_equal(c.arguments_n, 1);
	assert_int_equal(read_text(ACTION("GetStatusInfo", ""), &c), OK);
	assert_int_equal(c.arguments_n, 0);
}

static void refuses_entities_and_instructions(void **state)
{
	(void)state;
	struct soap_call c;
	assert_int_equal(read_text("<!DOCTYPE a [<!ENTITY x \"xxxxxxxx\">]>"
				   "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/"
				   "envelope/\"><s:Body><u:A xmlns:u=\"u\"><B>&x;</B></u:A>"
				   "</s:Body></s:Envelope>",
				   &c),
			 ERR_FORMAT);
	assert_int_equal(read_text("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", &c),
			 ERR_FORMAT);
	assert_int_equal(read_text(ACTION("A", "<B>&x;</B>"), &c), ERR_FORMAT);
	assert_int_equal(read_text(ACTION("A", "<?run me?>"), &c), ERR_FORMAT);
}

static void refuses_other_shapes(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"<a/>",
		"hello",
		ENVELOPE_BEGIN ENVELOPE_END,
		ENVELOPE_BEGIN "<A/>" ENVELOPE_END, /* of no service */
		ENVELOPE_BEGIN "<u:A xmlns:u=\"u\"/><u:B xmlns:u=\"u\"/>" ENVELOPE_END,
		ACTION("A", "<B><C>1</C></B>"),
		ACTION("A", "<B>1</B><B>2</B>"),
		ACTION("A", "<B>\x01</B>"),
		ACTION("A", "<B>\xff</B>"),
		ACTION("A", "<B>&#0;</B>"),
		"<s:Envelope xmlns:s=\"u\"><s:Body><u:A xmlns:u=\"u\"/></s:Body></s:Envelope>",
	};
	struct soap_call c;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(read_text(wrong[i], &c), ERR_FORMAT);
}

static void refuses_too_much(void **state)
{
	(void)state;
	static char text[3 * SOAP_BODY_MAX];
	struct soap_call c;
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_text(&w, ENVELOPE_BEGIN "<u:A xmlns:u=\"u\">");
	for (int i = 0; i <= SOAP_ARGUMENTS_MAX; i++)
		write_format(&w, "<B%d/>", i);
	write_text(&w, "</u:A>" ENVELOPE_END);
	assert_int_equal(read_text(text, &c), ERR_LIMIT);
	for (size_t len = SOAP_TEXT_MAX - 20; len < SOAP_TEXT_MAX + 20; len++) {
		memset(text, 0, sizeof(text));
		w = writer_of(text, sizeof(text) - 1);
		write_text(&w, ENVELOPE_BEGIN "<u:A xmlns:u=\"u\"><B>");
		for (size_t i = 0; i < len; i++)
			write_u8(&w, 'x');
		write_text(&w, "</B></u:A>" ENVELOPE_END);
		/* "u", "A" and "B" with their NULs and one behind the value */
		assert_int_equal(read_text(text, &c), len + 7 <= SOAP_TEXT_MAX ? OK : ERR_LIMIT);
	}
	memset(text, ' ', sizeof(text) - 1);
	assert_int_equal(read_text(text, &c), ERR_LIMIT);
	/* a thousand elements in one another end at the fourth */
	w = writer_of(text, sizeof(text) - 1);
	for (int i = 0; i < 1000; i++)
		write_text(&w, "<a>");
	write_u8(&w, 0);
	assert_int_equal(read_text(text, &c), ERR_FORMAT);
}

static void writes_answers_that_it_could_read(void **state)
{
	(void)state;
	char text[1024];
	struct writer w = writer_of(text, sizeof(text) - 1);
	soap_write_begin(&w, SERVICE, "GetIt");
	soap_write_argument(&w, "NewText", span_text("a <b> & \"c\" \x02"));
	soap_write_end(&w, "GetIt");
	text[w.pos] = 0;
	assert_int_equal(writer_check(&w), OK);
	assert_non_null(strstr(text, "<NewText>a &lt;b&gt; &amp; &quot;c&quot; ?</NewText>"));
	struct soap_call c;
	assert_int_equal(read_text(text, &c), OK);
	assert_string_equal(soap_call_action(&c), "GetItResponse");
	assert_string_equal(soap_call_argument(&c, "NewText"), "a <b> & \"c\" ?");
	w = writer_of(text, sizeof(text) - 1);
	soap_write_fault(&w, 714, "NoSuchEntryInArray");
	text[w.pos] = 0;
	assert_non_null(strstr(text, "<errorCode>714</errorCode>"));
}

static void read_any(const uint8_t *data, size_t len)
{
	struct soap_call c;
	err_ignore(soap_call_read(span_of(data, len), 1, &c));
}

static void no_prefix_and_no_flipped_bit_leaves_the_body(void **state)
{
	(void)state;
	guard_every_prefix(add, sizeof(add) - 1, read_any);
	guard_every_bit_flip(add, sizeof(add) - 1, read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_call),
		cmocka_unit_test(reads_what_others_write),
		cmocka_unit_test(refuses_entities_and_instructions),
		cmocka_unit_test(refuses_other_shapes),
		cmocka_unit_test(refuses_too_much),
		cmocka_unit_test(writes_answers_that_it_could_read),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
