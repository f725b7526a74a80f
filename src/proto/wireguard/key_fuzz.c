#include "proto/wireguard/key.h"

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* There is one text for a key in base64, and one but for the case in hexadecimal. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t key[WG_KEY_LEN];
	char text[WG_KEY_HEX_LEN + 1];
	if (wg_key_read_base64(span_of(data, size), key) == OK) {
		wg_key_write_base64(key, text);
		ASSERT(span_is(span_of(data, size), text));
	}
	if (wg_key_read_hex(span_of(data, size), key) == OK) {
		wg_key_write_hex(key, text);
		ASSERT(span_equal_nocase(span_of(data, size), span_text(text)));
	}
	return 0;
}
