#include "service/vpn/gate/refuse.h"

#include "base/reader.h"
#include "proto/ip/address.h"
#include "service/vpn/gate/answer.h"
#include "service/vpn/gate/packet.h"

enum {
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,
	TCP_HEAD_WORDS = 5,
	TCP_SUM_AT = 16,
	ICMP_SUM_AT = 2,
	ICMP_LEN_MAX = 576,
};

/* RFC 1122 3.2.2 and RFC 4443 2.4 (e): from something that names one host. */
static bool is_one_host(struct span raw)
{
	struct ip_address a = ip_address_of(raw);
	bool reserved = a.family == 4 && (a.bytes[0] == 0 || a.bytes[0] >= 240);
	return !reserved && !ip_address_is_unspecified(&a) && !ip_address_is_multicast(&a) &&
	       !ip_address_is_loopback(&a);
}

bool refuse_may_answer(const struct gate_packet *p)
{
	enum { REDIRECT4 = 5, REDIRECT6 = 137 };
	bool icmp = p->protocol == (p->family == 4 ? GATE_ICMP : GATE_ICMPV6);
	bool redirect = icmp && p->icmp_type == (p->family == 4 ? REDIRECT4 : REDIRECT6);
	bool reset = p->protocol == GATE_TCP && p->tcp_flags & TCP_RST;
	return p->fragment != GATE_LATER && !reset && !gate_packet_is_error(p) && !redirect &&
	       is_one_host(p->source) && is_one_host(p->destination);
}

/* RFC 9293 3.10.7.1: as from a host where that connection does not exist. */
static bool write_rst(const struct gate_packet *p, struct writer *w)
{
	struct reader r = reader_of_span(p->upper);
	reader_skip(&r, 4);
	uint32_t seq = read_u32(&r), ack = read_u32(&r);
	size_t head = (read_u8(&r) >> 4) * 4u;
	if (head > p->upper.len)
		return false;
	uint32_t len = (uint32_t)(p->upper.len - head);
	len += (p->tcp_flags & TCP_SYN ? 1u : 0) + (p->tcp_flags & TCP_FIN ? 1u : 0);
	bool acked = p->tcp_flags & TCP_ACK;
	struct gate_answer a =
		gate_answer_begin(w, p->destination, p->source, GATE_TCP, TCP_SUM_AT);
	write_u16(w, p->destination_port);
	write_u16(w, p->source_port);
	write_u32(w, acked ? ack : 0);
	write_u32(w, acked ? 0 : seq + len);
	write_u8(w, TCP_HEAD_WORDS << 4);
	write_u8(w, acked ? TCP_RST : TCP_RST | TCP_ACK);
	write_u32(w, 0); /* window, checksum */
	write_u16(w, 0); /* urgent */
	return gate_answer_end(&a);
}

/* RFC 1812 5.2.7.1: type 3, code 13; RFC 4443 3.1: type 1, code 1. Communication is
 * administratively prohibited. */
static bool write_prohibited(const struct gate_packet *p, struct span bytes, struct span from,
			     struct writer *w)
{
	bool v4 = p->family == 4;
	struct span quote = span_sub(bytes, 0, p->len);
	struct gate_answer a = gate_answer_begin(w, from.len ? from : p->destination, p->source,
						 v4 ? GATE_ICMP : GATE_ICMPV6, ICMP_SUM_AT);
	write_u8(w, v4 ? 3 : 1);
	write_u8(w, v4 ? 13 : 1);
	write_u16(w, 0);
	write_u32(w, 0);
	size_t room = (v4 ? ICMP_LEN_MAX : REFUSE_ANSWER_MAX) - (w->pos - a.at);
	write_span(w, span_sub(quote, 0, room));
	return gate_answer_end(&a);
}

bool refuse_answer(const struct gate_packet *p, struct span bytes, struct span from,
		   struct writer *w)
{
	if (!refuse_may_answer(p))
		return false;
	/* The length of a fragmented segment is not known, so neither is what it acknowledges. */
	if (p->protocol == GATE_TCP && p->fragment == GATE_WHOLE)
		return write_rst(p, w);
	return write_prohibited(p, bytes, from, w);
}
