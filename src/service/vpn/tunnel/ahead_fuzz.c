/* Any handshake messages together do what they do one by one. Groups of them: an octet that says
 * how many, then for each an octet that says what: RAW a length and so many octets, FRESH a site,
 * AGAIN and CHANGED which of those before, the latter a position and a value as well; then time. */
#include "base/reader.h"
#include "service/vpn/tunnel/twins_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW, FRESH, AGAIN, CHANGED, MOVED, KINDS };
enum { GROUPS_MAX = 12, KEPT = 8 };

struct kept {
	struct vpn_handshake_message m[KEPT];
	size_t n; /* ever */
};

static struct vpn_handshake_message raw(struct reader *r)
{
	struct vpn_handshake_message m = {.from = twins_endpoint(99)};
	struct span octets = read_span(r, read_u8(r));
	m.len = (uint16_t)(octets.len < sizeof(m.bytes) ? octets.len : sizeof(m.bytes));
	if (m.len)
		memcpy(m.bytes, octets.data, m.len); /* why-reader-copy: cut to the room */
	return m;
}

static struct vpn_handshake_message message(struct twins *t, struct kept *kept, struct reader *r)
{
	uint8_t kind = read_u8(r) % KINDS, which = read_u8(r);
	struct vpn_handshake_message m = kept->m[which % KEPT];
	switch (kind) {
	case RAW: return raw(r);
	case FRESH:
		m = twins_initiation_of(t, 1 + which % (TWINS_SITES - 1));
		kept->m[kept->n++ % KEPT] = m;
		break;
	case CHANGED: m.bytes[read_u8(r) % sizeof(struct wg_initiation)] ^= read_u8(r); break;
	case MOVED: m.from.remote.port ^= 1; break;
	}
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	struct kept kept = {0};
	struct twins t;
	size_t responses;
	twins_init(&t);
	for (size_t group = 0; group < GROUPS_MAX && reader_left(&r); group++) {
		struct vpn_handshake_message m[VPN_RECEIVE_MAX];
		size_t n = read_u8(&r) % (VPN_RECEIVE_MAX + 1);
		for (size_t i = 0; i < n; i++)
			m[i] = message(&t, &kept, &r);
		twins_receive(&t, m, n);
		if (twins_differ(&t, &responses))
			abort();
		twins_wait(&t, read_u8(&r));
	}
	twins_done(&t);
	return 0;
}
