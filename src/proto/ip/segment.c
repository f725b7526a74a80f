#include "proto/ip/segment.h"

#include "base/reader.h"
#include "base/writer.h"
#include "proto/ip/checksum.h"

enum {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	TCP_HEAD_LEN = 20,
	UDP_HEAD_LEN = 8,
	TCP_CHECKSUM_AT = 16,
	UDP_CHECKSUM_AT = 6,
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,
};

/* ---- the super-packet ---- */

/* What of the IP head is needed; the transport's head begins where the kernel says. */
static enum err read_ip(struct ip_segments *s)
{
	struct reader r = reader_of_span(s->packet);
	uint8_t first = read_u8(&r);
	s->version = first >> 4;
	if (s->version == 4) {
		reader_skip(&r, 3);
		s->ident = read_u16(&r);
		if ((first & 0xf) * 4 < 20 || (first & 0xf) * 4 > s->transport)
			return ERR_FORMAT;
	} else if (s->version != 6 || s->transport < 40) {
		return ERR_FORMAT;
	}
	return reader_check(&r);
}

static enum err read_tcp(struct ip_segments *s)
{
	struct reader r = reader_of_span(span_sub(s->packet, s->transport, SIZE_MAX));
	reader_skip(&r, 4);
	s->sequence = read_u32(&r);
	reader_skip(&r, 4);
	size_t len = (size_t)(read_u8(&r) >> 4) * 4;
	s->flags = read_u8(&r);
	TRY(reader_check(&r));
	if (len < TCP_HEAD_LEN || s->transport + len > s->packet.len)
		return ERR_FORMAT;
	s->payload = (uint16_t)(s->transport + len);
	s->checksum_at = TCP_CHECKSUM_AT;
	return OK;
}

static enum err read_super(struct ip_segments *s, const struct ip_offload *head)
{
	uint8_t kind = head->kind & (uint8_t)~IP_OFFLOAD_ECN;
	s->transport = head->checksum_start;
	s->segment = head->segment;
	s->tcp = kind == IP_OFFLOAD_TCP4 || kind == IP_OFFLOAD_TCP6;
	if (!s->tcp && kind != IP_OFFLOAD_UDP)
		return ERR_UNSUPPORTED;
	if (!s->checksum || s->segment == 0)
		return ERR_FORMAT;
	TRY(read_ip(s));
	if (s->tcp && (kind == IP_OFFLOAD_TCP4) != (s->version == 4))
		return ERR_FORMAT;
	if (s->tcp) {
		TRY(read_tcp(s));
	} else {
		if ((size_t)s->transport + UDP_HEAD_LEN > s->packet.len)
			return ERR_FORMAT;
		s->payload = (uint16_t)(s->transport + UDP_HEAD_LEN);
		s->checksum_at = UDP_CHECKSUM_AT;
	}
	if (s->payload >= s->packet.len)
		return ERR_FORMAT;
	size_t octets = s->packet.len - s->payload;
	size_t first = octets < s->segment ? octets : s->segment;
	s->left = (uint16_t)((octets + s->segment - 1) / s->segment);
	s->len_max = (uint16_t)(s->payload + first);
	return OK;
}

enum err ip_segments_init(struct ip_segments *s, const struct ip_offload *head, struct span packet)
{
	struct ip_segments made = {.packet = packet,
				   .kind = head->kind,
				   .checksum = head->flags & IP_OFFLOAD_CHECKSUM,
				   .len_max = (uint16_t)packet.len,
				   .left = 1};
	if (packet.len == 0 || packet.len > UINT16_MAX)
		return ERR_FORMAT;
	if (head->kind != IP_OFFLOAD_WHOLE) {
		TRY(read_super(&made, head));
	} else if (made.checksum) {
		made.transport = head->checksum_start;
		made.checksum_at = head->checksum_offset;
		if ((size_t)made.transport + made.checksum_at + 2 > packet.len)
			return ERR_FORMAT;
	}
	*s = made;
	return OK;
}

/* ---- its packets ---- */

static void write_ip(const struct ip_segments *s, uint8_t *room, size_t len)
{
	if (s->version == 6) {
		put_u16(room + 4, (uint16_t)(len - 40));
		return;
	}
	put_u16(room + 2, (uint16_t)len);
	put_u16(room + 4, (uint16_t)(s->ident + s->index));
	put_u16(room + 10, 0);
	put_u16(room + 10, ip_checksum(span_of(room, (size_t)(room[0] & 0xf) * 4)));
}

/* RFC 9293 3.1: FIN and PSH are of the last octet; RFC 3168 6.1.2: CWR is told once. */
static uint8_t flags_of(const struct ip_segments *s)
{
	uint8_t flags = s->flags;
	if (s->left > 1)
		flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (s->index > 0)
		flags &= (uint8_t)~TCP_CWR;
	return flags;
}

static uint64_t sum_pseudo(const struct ip_segments *s, const uint8_t *room, size_t len)
{
	size_t at = s->version == 4 ? 12 : 8, size = s->version == 4 ? 4 : 16;
	return ip_sum_pseudo(span_of(room + at, size), span_of(room + at + size, size),
			     s->tcp ? PROTOCOL_TCP : PROTOCOL_UDP, (uint32_t)len);
}

static size_t next_cut(struct ip_segments *s, uint8_t *room)
{
	size_t from = s->payload + (size_t)s->index * s->segment;
	struct span octets = span_sub(s->packet, from, s->segment);
	size_t len = s->payload + octets.len, upper = len - s->transport;
	uint8_t *transport = room + s->transport;
	memcpy(room, s->packet.data, s->payload); /* why-reader-copy: heads, lengths checked */
	write_ip(s, room, len);
	if (s->tcp) {
		put_u32(transport + 4, s->sequence + (uint32_t)s->index * s->segment);
		transport[13] = flags_of(s);
	} else {
		put_u16(transport + 4, (uint16_t)upper);
	}
	put_u16(transport + s->checksum_at, 0);
	uint64_t sum = sum_pseudo(s, room, upper);
	sum = ip_sum_add(sum, span_of(transport, (size_t)(s->payload - s->transport)));
	uint16_t checksum = ip_sum_finish(ip_sum_copy(sum, room + s->payload, octets));
	/* RFC 768: 0 would say that there is none. */
	put_u16(transport + s->checksum_at, !s->tcp && checksum == 0 ? 0xffff : checksum);
	s->index++;
	s->left--;
	return len;
}

/* Over what stands from the transport's head on; the field brings the pseudo-header's sum. 0 and
 * 0xffff are the same number, and only the second is right for UDP. */
static size_t next_whole(struct ip_segments *s, uint8_t *room)
{
	size_t len = s->packet.len;
	s->left = 0;
	if (!s->checksum) {
		memcpy(room, s->packet.data, len); /* why-reader-copy: all of it */
		return len;
	}
	memcpy(room, s->packet.data, s->transport); /* why-reader-copy: the IP head as it is */
	struct span upper = span_sub(s->packet, s->transport, SIZE_MAX);
	uint16_t checksum = ip_sum_finish(ip_sum_copy(0, room + s->transport, upper));
	put_u16(room + s->transport + s->checksum_at, checksum ? checksum : 0xffff);
	return len;
}

size_t ip_segments_next(struct ip_segments *s, uint8_t *room)
{
	if (s->left == 0)
		return 0;
	return s->kind == IP_OFFLOAD_WHOLE ? next_whole(s, room) : next_cut(s, room);
}
