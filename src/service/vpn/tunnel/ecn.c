#include "service/vpn/tunnel/ecn.h"

#include "base/writer.h"

enum { ECN_MASK = 3 };

static bool is_v4(const uint8_t *packet)
{
	return packet[0] >> 4 == 4;
}

uint8_t ecn_of(const uint8_t *packet)
{
	return is_v4(packet) ? packet[1] & ECN_MASK : packet[1] >> 4 & ECN_MASK;
}

static void set_v4(uint8_t *packet, uint8_t mark)
{
	uint16_t before = (uint16_t)(packet[0] << 8 | packet[1]);
	packet[1] = (uint8_t)((packet[1] & ~ECN_MASK) | mark);
	uint16_t after = (uint16_t)(packet[0] << 8 | packet[1]);
	/* RFC 1624 3: HC' = ~(~HC + ~m + m') */
	uint32_t sum = (uint16_t) ~(packet[10] << 8 | packet[11]);
	sum += (uint16_t)~before + (uint32_t)after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put_u16(packet + 10, (uint16_t)~sum);
}

bool ecn_decapsulate(uint8_t *packet, uint8_t outer)
{
	enum { DROP = 4 };
	/* RFC 6040, figure 4: by the inner mark, then the outer one: Not-ECT, ECT(1), ECT(0), CE.
	 */
	static const uint8_t becomes[4][4] = {
		[ECN_NOT] = {ECN_NOT, ECN_NOT, ECN_NOT, DROP},
		[ECN_ECT1] = {ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE},
		[ECN_ECT0] = {ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE},
		[ECN_CE] = {ECN_CE, ECN_CE, ECN_CE, ECN_CE},
	};
	uint8_t inner = ecn_of(packet), mark = becomes[inner][outer & ECN_MASK];
	if (mark == DROP)
		return false;
	if (mark == inner)
		return true;
	if (is_v4(packet))
		set_v4(packet, mark);
	else
		packet[1] = (uint8_t)((packet[1] & ~(ECN_MASK << 4)) | mark << 4);
	return true;
}
