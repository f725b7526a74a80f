/* Any packets, each behind two octets with its length: every super-packet that is made of them can
 * be cut, and gives back its packets octet by octet. */
#include "base/err.h"
#include "base/reader.h"
#include "proto/ip/coalesce.h"
#include "proto/ip/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 16 };

static struct ip_coalesce batch;
static struct span sent[IP_COALESCE_PACKETS_MAX];
static uint8_t lying[1 << 20], whole[1 << 17], room[ROOM];

static bool is(const uint8_t *cut, struct span before)
{
	if (before.data[0] >> 4 == 6 || !(before.data[6] & 0x40))
		return memcmp(cut, before.data, before.len) == 0;
	/* Behind the identifier, which says nothing with DF, and the sum over it. */
	return memcmp(cut, before.data, 4) == 0 && memcmp(cut + 6, before.data + 6, 4) == 0 &&
	       memcmp(cut + 12, before.data + 12, before.len - 12) == 0;
}

static void check(const struct span *parts, size_t n, const struct ip_super *super)
{
	struct ip_segments s;
	size_t len = 0;
	struct ip_offload head = ip_offload_of(parts[0].data);
	for (size_t i = 1; i < n; len += parts[i].len, i++)
		memcpy(whole + len, parts[i].data, parts[i].len);
	if (n == 2)
		return;
	ASSERT(ip_segments_init(&s, &head, span_of(whole, len)) == OK);
	ASSERT(s.left == n - 1);
	for (uint16_t at = super->first; at != IP_COALESCE_PACKETS_MAX;
	     at = batch.packets[at].next) {
		len = ip_segments_next(&s, room);
		ASSERT(len == sent[at].len && is(room, sent[at]));
	}
	ASSERT(ip_segments_next(&s, room) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	size_t used = 0, packets = 0;
	ip_coalesce_begin(&batch, IP_COALESCE_ALL);
	while (packets < IP_COALESCE_PACKETS_MAX && reader_left(&r) > 2) {
		struct span packet = read_span(&r, read_u16(&r));
		if (packet.len == 0 || used + packet.len > sizeof(lying))
			break;
		memcpy(lying + used, packet.data, packet.len);
		sent[packets++] = packet;
		ASSERT(ip_coalesce_add(&batch, lying + used, packet.len));
		used += packet.len;
	}
	for (size_t i = 0; i < batch.n; i++) {
		struct span parts[IP_COALESCE_PARTS_MAX];
		size_t n = ip_coalesce_take(&batch, i, parts);
		check(parts, n, &batch.supers[i]);
	}
	return 0;
}
