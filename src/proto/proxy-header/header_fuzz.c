#include "proto/proxy-header/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read and written anew says the same when it is read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[2 * PROXY_HEADER_MAX];
	struct proxy_header h, back;
	enum parse p = proxy_header_read(span_of(data, size), &h);
	ASSERT(p != PARSE_MORE || size < PROXY_HEADER_MAX);
	if (p != PARSE_DONE)
		return 0;
	ASSERT(h.len <= size && h.len <= PROXY_HEADER_MAX);
	struct writer w = writer_of(room, sizeof(room));
	proxy_header_write(&w, &h);
	if (w.bad) /* a text is longer than we send */
		return 0;
	ASSERT(w.pos <= PROXY_HEADER_WRITE_MAX);
	ASSERT(proxy_header_read(writer_span(&w), &back) == PARSE_DONE && back.len == w.pos);
	ASSERT(back.version == h.version && back.local == h.local && back.is_unix == h.is_unix &&
	       back.transport == h.transport && back.crc32c == h.crc32c &&
	       ip_endpoint_equal(&back.source, &h.source) &&
	       ip_endpoint_equal(&back.destination, &h.destination) &&
	       span_equal(back.unix_source, h.unix_source) &&
	       span_equal(back.unix_destination, h.unix_destination) &&
	       span_equal(back.alpn, h.alpn) && span_equal(back.authority, h.authority) &&
	       span_equal(back.unique_id, h.unique_id) && span_equal(back.netns, h.netns) &&
	       back.tls.present == h.tls.present && back.tls.verified == h.tls.verified &&
	       span_equal(back.tls.name, h.tls.name) && span_equal(back.tls.key, h.tls.key));
	return 0;
}
