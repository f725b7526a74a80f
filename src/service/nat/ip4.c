#include "service/nat/ip4.h"

#include "base/reader.h"
#include "proto/ip/checksum.h"
#include "service/nat/traffic.h"

#include <string.h>

enum { UDP_CHECKSUM_AT = 6, TCP_CHECKSUM_AT = 16, TCP_HEAD = 20, UDP_HEAD = 8 };

enum err nat_ip4_read(struct span wire, struct nat_ip4 *ret)
{
	struct reader r = reader_of_span(wire);
	struct nat_ip4 p = {0};
	uint8_t first = read_u8(&r);
	size_t head = (size_t)(first & 15) * 4;
	p.tos = read_u8(&r);
	uint16_t len = read_u16(&r);
	p.id = read_u16(&r);
	p.fragment = read_u16(&r);
	p.ttl = read_u8(&r);
	p.protocol = read_u8(&r);
	reader_skip(&r, 2);
	read_bytes(&r, p.source, sizeof(p.source));
	read_bytes(&r, p.destination, sizeof(p.destination));
	TRY(reader_check(&r));
	if (first >> 4 != 4 || head < NAT_IP4_HEAD || len != wire.len || head > len ||
	    ip_checksum(span_of(wire.data, head)) != 0)
		return ERR_FORMAT;
	p.options = read_span(&r, head - NAT_IP4_HEAD);
	p.payload = read_span(&r, len - head);
	TRY(reader_end(&r));
	*ret = p;
	return OK;
}

void nat_ip4_write(struct writer *w, const struct nat_ip4 *p)
{
	size_t at = w->pos, head = NAT_IP4_HEAD + p->options.len;
	write_u8(w, (uint8_t)(4 << 4 | head / 4));
	write_u8(w, p->tos);
	write_u16(w, (uint16_t)(head + p->payload.len));
	write_u16(w, p->id);
	write_u16(w, p->fragment);
	write_u8(w, p->ttl);
	write_u8(w, p->protocol);
	write_u16(w, 0);
	write_bytes(w, p->source, sizeof(p->source));
	write_bytes(w, p->destination, sizeof(p->destination));
	write_span(w, p->options);
	write_span(w, p->payload);
	if (!w->bad)
		put_u16(w->data + at + 10, ip_checksum(span_of(w->data + at, head)));
}

void nat_ip4_complete(const struct nat_ip4 *p, uint8_t *payload)
{
	bool udp = p->protocol == NAT_PROTO_UDP;
	size_t at = udp ? UDP_CHECKSUM_AT : TCP_CHECKSUM_AT;
	if (!udp && p->protocol != NAT_PROTO_TCP)
		return;
	if (p->payload.len < (udp ? UDP_HEAD : TCP_HEAD) ||
	    (p->fragment & (NAT_IP4_MORE | NAT_IP4_OFFSET)) != 0)
		return;
	uint64_t pseudo = ip_sum_pseudo(span_of(p->source, 4), span_of(p->destination, 4),
					p->protocol, (uint32_t)p->payload.len);
	uint16_t left = (uint16_t)~ip_sum_finish(pseudo);
	struct span whole = span_of(payload, p->payload.len);
	uint16_t has = (uint16_t)(payload[at] << 8 | payload[at + 1]);
	if (has != left || ip_sum_finish(ip_sum_add(pseudo, whole)) == 0)
		return;
	put_u16(payload + at, 0);
	uint16_t sum = ip_sum_finish(ip_sum_add(pseudo, whole));
	put_u16(payload + at, udp && sum == 0 ? 0xffff : sum);
}

enum err nat_ip4_cut(const struct nat_ip4 *p, size_t mtu, nat_ip4_call *call, void *arg)
{
	size_t head = NAT_IP4_HEAD + p->options.len;
	if (head + p->payload.len <= mtu) {
		call(arg, p);
		return OK;
	}
	size_t last = (size_t)(p->fragment & NAT_IP4_OFFSET) * 8 + p->payload.len;
	if (mtu < NAT_IP4_MTU_MIN || last > UINT16_MAX - NAT_IP4_HEAD || p->options.len != 0 ||
	    (p->fragment & NAT_IP4_DONT) != 0)
		return ERR_REFUSED;
	size_t room = (mtu - head) & ~(size_t)7;
	for (size_t from = 0; from < p->payload.len; from += room) {
		struct nat_ip4 piece = *p;
		piece.payload = span_sub(p->payload, from, room);
		uint16_t offset = (uint16_t)((p->fragment & NAT_IP4_OFFSET) + from / 8);
		bool more = (p->fragment & NAT_IP4_MORE) != 0 || from + room < p->payload.len;
		piece.fragment = (uint16_t)(offset | (more ? NAT_IP4_MORE : 0));
		call(arg, &piece);
	}
	return OK;
}
