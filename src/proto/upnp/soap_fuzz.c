#include "base/writer.h"
#include "proto/upnp/soap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, written as an answer and read again, must say the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[8 * SOAP_TEXT_MAX];
	struct soap_call c, back;
	if (soap_call_read(span_of(data, size), 1, &c))
		return 0;
	struct writer w = writer_of(room, sizeof(room));
	soap_write_begin(&w, "urn:x", "A");
	for (size_t i = 0; i < c.arguments_n; i++) {
		const char *name = c.text + c.arguments[i].name;
		soap_write_argument(&w, name, span_text(soap_call_argument(&c, name)));
	}
	soap_write_end(&w, "A");
	if (w.bad || w.pos > SOAP_BODY_MAX)
		return 0;
	ASSERT(soap_call_read(writer_span(&w), 1, &back) == OK);
	ASSERT(back.arguments_n == c.arguments_n);
	for (size_t i = 0; i < c.arguments_n; i++) {
		const char *value = soap_call_argument(&c, c.text + c.arguments[i].name);
		const char *again = soap_call_argument(&back, c.text + c.arguments[i].name);
		/* XML makes one line end of each kind of it */
		ASSERT(again && (strchr(value, '\r') || strcmp(value, again) == 0));
	}
	return 0;
}
