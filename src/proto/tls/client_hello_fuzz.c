#include "proto/tls/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_hello h, again;
	enum parse p = client_hello_read(span_of(data, size), &h);
	ASSERT(p != PARSE_MORE || size < CLIENT_HELLO_MAX);
	if (p != PARSE_DONE)
		return 0;
	ASSERT(strlen(h.name) < sizeof(h.name) && h.alpn_len <= sizeof(h.alpn));
	for (const char *c = h.name; *c; c++)
		ASSERT(*c > ' ' && *c < 0x7f && !(*c >= 'A' && *c <= 'Z'));
	(void)client_hello_offers(&h, "h2");
	/* what comes after the message changes nothing */
	static uint8_t longer[CLIENT_HELLO_MAX + 1];
	if (size < CLIENT_HELLO_MAX) {
		memcpy(longer, data, size);
		longer[size] = 0;
		ASSERT(client_hello_read(span_of(longer, size + 1), &again) == PARSE_DONE &&
		       strcmp(again.name, h.name) == 0);
	}
	return 0;
}
