/* Cookie fields from anywhere: what is found lies inside and is a value that a cookie may have, and
 * what was written with it is found again. */
#include "proto/http/cookie.h"

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value, again;
	char text[256];
	if (!http_cookie_find(span_of(data, size), span_text("id"), &value))
		return 0;
	ASSERT(value.data >= data && value.data + value.len <= data + size);
	ASSERT(http_is_cookie_value(value));
	if (value.len > 128)
		return 0;
	memcpy(text, "x=1; id=", 8);
	memcpy(text + 8, value.data, value.len);
	ASSERT(http_cookie_find(span_of(text, 8 + value.len), span_text("id"), &again));
	ASSERT(span_equal(value, again));
	return 0;
}
