#include "service/vpn/gate/answer.h"

#include "proto/ip/checksum.h"
#include "service/vpn/gate/packet.h"

enum { V4_HEAD = 20, V4_SUM_AT = 10, V6_HEAD = 40, TTL = 64, DO_NOT_FRAGMENT = 0x4000 };

struct gate_answer gate_answer_begin(struct writer *w, struct span source, struct span destination,
				     uint8_t protocol, size_t sum_at)
{
	struct gate_answer a = {.w = w, .at = w->pos, .family = source.len == 4 ? 4 : 6};
	a.protocol = protocol;
	if (a.family == 4) {
		write_u16(w, 0x4500);
		write_u16(w, 0); /* length */
		write_u16(w, 0); /* RFC 6864 4.1: what is not fragmented needs no identification */
		write_u16(w, DO_NOT_FRAGMENT);
		write_u8(w, TTL);
		write_u8(w, protocol);
		write_u16(w, 0); /* checksum */
	} else {
		write_u32(w, 0x60000000);
		write_u16(w, 0); /* length */
		write_u8(w, protocol);
		write_u8(w, TTL);
	}
	write_span(w, source);
	write_span(w, destination);
	a.upper_at = w->pos;
	a.sum_at = w->pos + sum_at;
	return a;
}

bool gate_answer_end(struct gate_answer *a)
{
	struct writer *w = a->w;
	if (w->bad) {
		writer_rewind(w, a->at);
		return false;
	}
	uint8_t *head = w->data + a->at;
	struct span upper = span_of(w->data + a->upper_at, w->pos - a->upper_at);
	uint64_t sum = 0;
	if (a->family == 4) {
		put_u16(head + 2, (uint16_t)(w->pos - a->at));
		put_u16(head + V4_SUM_AT, ip_checksum(span_of(head, V4_HEAD)));
		if (a->protocol != GATE_ICMP) /* RFC 792: a checksum of the message alone */
			sum = ip_sum_pseudo(span_of(head + 12, 4), span_of(head + 16, 4),
					    a->protocol, (uint32_t)upper.len);
	} else {
		put_u16(head + 4, (uint16_t)upper.len);
		sum = ip_sum_pseudo(span_of(head + 8, 16), span_of(head + 24, 16), a->protocol,
				    (uint32_t)upper.len);
	}
	uint16_t checksum = ip_sum_finish(ip_sum_add(sum, upper));
	/* RFC 768: 0 says that there is none */
	if (a->protocol == GATE_UDP && checksum == 0)
		checksum = UINT16_MAX;
	put_u16(w->data + a->sum_at, checksum);
	return true;
}
