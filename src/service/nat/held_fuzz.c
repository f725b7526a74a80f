/* Any octets as records of the ring: kind, length of a packet, its octets; on a clock that goes on.
 */
#include "service/nat/held.h"

#include "base/reader.h"
#include "service/nat/ip4.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *arg, uint32_t ifindex, struct span packet)
{
	const size_t *mtu = arg;
	struct nat_ip4 p;
	(void)ifindex;
	ASSERT(nat_ip4_read(packet, &p) == OK && packet.len <= *mtu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct held held;
	static const uint8_t kinds[] = {NAT_EVENT_FRAGMENT, NAT_EVENT_FRAGMENT_FIRST, NAT_EVENT_CUT,
					NAT_EVENT_FLOW_BEGUN};
	size_t mtu = 0;
	struct reader r = reader_of(data, size);
	memset(&held, 0, sizeof(held));
	held_init(&held, check, &mtu);
	for (uint64_t now_ms = 1; reader_left(&r) != 0 && now_ms < 1000000;) {
		struct nat_event event = {.kind = kinds[read_u8(&r) % sizeof(kinds)]};
		event.tuple.src = read_u8(&r);
		event.answer.sport = read_u8(&r);
		event.mtu = read_u16(&r);
		event.flow = event.tuple.src & 1;
		now_ms += read_u8(&r);
		/* A first remembers its own: the largest that was said bounds all. */
		size_t may = event.mtu != 0 ? event.mtu : UINT16_MAX;
		mtu = may > mtu ? may : mtu;
		struct reader packet = reader_sub(&r, read_u16(&r));
		held_event(&held, now_ms, &event, read_span(&packet, reader_left(&packet)));
	}
	return 0;
}
