/* Messages for tests, put together octet by octet: what the code under test must not be asked to
 * do. Knows nothing of proto/dhcp but the layout of RFC 2131 figure 1. */
#ifndef PROTO_DHCP_SAMPLE_TEST_H
#define PROTO_DHCP_SAMPLE_TEST_H

#include "base/span.h"

#include <string.h>

enum { SAMPLE_SNAME_AT = 44, SAMPLE_FILE_AT = 108, SAMPLE_OPTIONS_AT = 240, SAMPLE_MAX = 2400 };

struct sample {
	uint8_t bytes[SAMPLE_MAX];
	size_t len;
};

/* A request of an Ethernet host with xid 0x11223344 and the magic cookie, without options. */
static inline struct sample sample_begin(void)
{
	static const uint8_t head[] = {1, 1, 6, 0, 0x11, 0x22, 0x33, 0x44};
	static const uint8_t mac[] = {2, 0, 0, 0, 0, 1};
	static const uint8_t cookie[] = {0x63, 0x82, 0x53, 0x63};
	struct sample s = {.len = SAMPLE_OPTIONS_AT};
	memcpy(s.bytes, head, sizeof(head));
	memcpy(s.bytes + 28, mac, sizeof(mac));
	memcpy(s.bytes + 236, cookie, sizeof(cookie));
	return s;
}

/* Raw octets behind what is there. */
static inline void sample_add(struct sample *s, const void *data, size_t len)
{
	memcpy(s->bytes + s->len, data, len);
	s->len += len;
}

#define SAMPLE_ADD(s, text) sample_add((s), text, sizeof(text) - 1)

/* An option of len octets, all of them fill. */
static inline void sample_fill(struct sample *s, uint8_t code, uint8_t len, uint8_t fill)
{
	s->bytes[s->len++] = code;
	s->bytes[s->len++] = len;
	memset(s->bytes + s->len, fill, len);
	s->len += len;
}

static inline struct span sample_span(const struct sample *s)
{
	return span_of(s->bytes, s->len);
}

#endif
