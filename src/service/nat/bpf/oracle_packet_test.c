/* How the oracle reads a packet. */
#include <setjmp.h>
#include <stdarg.h>

#include "service/nat/bpf/oracle_test.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static bool read_options(const uint8_t *ip, size_t head)
{
	size_t at = IP;
	while (at < head && ip[at] != 0) {
		if (ip[at] == 1) {
			at++;
			continue;
		}
		/* Loose and strict source routes (RFC 7126 4.3, 4.4). */
		if (ip[at] == 131 || ip[at] == 137)
			return false;
		if (at + 1 >= head || ip[at + 1] < 2 || at + ip[at + 1] > head)
			return false;
		at += ip[at + 1];
	}
	return true;
}

static bool read_tcp(const uint8_t *l4, size_t room, struct oracle_packet *p)
{
	if (room < 20 || (l4[12] >> 4) < 5 || (l4[12] >> 4) * 4u > room)
		return false;
	bool fin = l4[13] & FIN, syn = l4[13] & SYN, rst = l4[13] & RST, ack = l4[13] & ACK;
	if ((syn && (fin || rst)) || !(fin || syn || rst || ack))
		return false;
	p->tcp_flags = l4[13];
	p->src.port = frame_get16(l4);
	p->dst.port = frame_get16(l4 + 2);
	p->begins = syn && !ack;
	return p->src.port != 0 && p->dst.port != 0;
}

static bool read_udp(const uint8_t *l4, size_t room, struct oracle_packet *p)
{
	if (room < 8 || frame_get16(l4 + 4) < 8 || frame_get16(l4 + 4) > room)
		return false;
	p->src.port = frame_get16(l4); /* 0: no answer is wanted (RFC 768) */
	p->dst.port = frame_get16(l4 + 2);
	p->end = p->l4 + frame_get16(l4 + 4);
	return p->dst.port != 0;
}

static bool read_icmp(const uint8_t *l4, size_t room, struct oracle_packet *p)
{
	if (room < 8)
		return false;
	p->icmp_type = l4[0];
	p->icmp_code = l4[1];
	p->begins = false;
	switch (l4[0]) {
	case 8: /* RFC 5508 3: queries and their answers */
	case 13:
		p->begins = true;
		p->src.port = frame_get16(l4 + 4);
		return true;
	case 0:
	case 14: p->dst.port = frame_get16(l4 + 4); return true;
	case 3:
	case 11:
	case 12: p->foreign = true; return true;
	default: /* neither end of any query */
		p->alien = true;
		p->src.port = p->dst.port = 0xffff;
		return true;
	}
}

static bool read_l4(const struct frame *f, size_t room, struct oracle_packet *p)
{
	const uint8_t *l4 = f->bytes + p->l4;
	switch (p->proto) {
	case 6: return read_tcp(l4, room, p);
	case 17: return read_udp(l4, room, p);
	case 1: return read_icmp(l4, room, p);
	case 4: /* IPv4, IPv6, GRE, ESP, SCTP: no sum of theirs is about addresses */
	case 41:
	case 47:
	case 50:
	case 132: return true;
	default: p->alien = true; return true;
	}
}

bool oracle_read(const struct frame *f, unsigned zone, struct oracle_packet *ret)
{
	const uint8_t *ip = f->bytes + ETHER;
	*ret = (struct oracle_packet){.zone = zone, .begins = true};
	if (f->len < ETHER + IP || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return false;
	size_t head = (ip[0] & 15u) * 4, len = frame_get16(ip + 2);
	if (len < head || ETHER + len > f->len || frame_sum(ip, head, 0) != 0xffff)
		return false;
	if (!read_options(ip, head))
		return false;
	ret->proto = ip[9];
	ret->ttl = ip[8];
	ret->l4 = ETHER + head;
	ret->end = ETHER + len;
	memcpy(&ret->src.address, ip + 12, 4);
	memcpy(&ret->dst.address, ip + 16, 4);
	ret->foreign = (frame_get16(ip + 6) & 0x3fff) != 0;
	return ret->foreign || read_l4(f, len - head, ret);
}

bool oracle_sum_right(const struct frame *f, const struct oracle_packet *p)
{
	size_t n = p->end - p->l4;
	uint32_t s = frame_sum(f->bytes + p->l4, n, 0);
	if (p->proto == 17 && frame_get16(f->bytes + p->l4 + 6) == 0)
		return true;
	if (p->proto == 6 || p->proto == 17)
		return frame_sum(f->bytes + ETHER + 12, 8, s + p->proto + (uint32_t)n) == 0xffff;
	return p->proto != 1 || s == 0xffff;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)frame_get16(at) << 16 | frame_get16(at + 2);
}

static bool reset_right(const struct frame *in, const struct oracle_packet *was,
			const struct frame *got, const struct oracle_packet *is)
{
	const uint8_t *a = in->bytes + was->l4, *b = got->bytes + is->l4;
	size_t data = was->end - was->l4 - (size_t)(a[12] >> 4) * 4;
	bool acks = (was->tcp_flags & 16) != 0;
	uint32_t next =
		get32(a + 4) + (uint32_t)data + (was->tcp_flags & 1) + (was->tcp_flags >> 1 & 1);
	return is->proto == 6 && is->end == got->len && is->end - is->l4 == 20 &&
	       oracle_sum_right(got, is) && is->tcp_flags == (acks ? 4 : 20) &&
	       get32(b + 4) == (acks ? get32(a + 8) : 0) && get32(b + 8) == (acks ? 0 : next) &&
	       is->src.address == was->dst.address && is->src.port == was->dst.port &&
	       is->dst.address == was->src.address && is->dst.port == was->src.port &&
	       is->ttl >= 32 && frame_get16(b + 14) == 0 && (was->tcp_flags & 4) == 0;
}

bool oracle_answer_right(const struct frame *in, const struct frame *got, uint32_t from,
			 unsigned answer)
{
	const uint8_t *ip = got->bytes + ETHER;
	struct oracle_packet was, is;
	size_t quoted = got->len - ETHER - IP - 8;
	if (answer == 0 || !oracle_read(in, 0, &was) || !oracle_read(got, 0, &is))
		return false;
	if (answer == ORACLE_RESET)
		return reset_right(in, &was, got, &is) && !memcmp(got->bytes, in->bytes + 6, 6) &&
		       !memcmp(got->bytes + 6, in->bytes, 6);
	if (is.proto != 1 || ip[0] != 0x45 || is.end != got->len || !oracle_sum_right(got, &is))
		return false;
	if (is.icmp_type != answer >> 8 || is.icmp_code != (answer & 0xff) || is.ttl < 32)
		return false;
	/* RFC 1812 4.3.2.3: all of it, as far as 576 octets hold it. */
	size_t all = frame_get16(in->bytes + ETHER + 2);
	if (got->len > ETHER + 576 || quoted > all || (quoted < 28 && quoted < all))
		return false;
	return is.src.address == from && is.dst.address == was.src.address &&
	       !memcmp(ip + IP + 8, in->bytes + ETHER, quoted) &&
	       !memcmp(got->bytes, in->bytes + 6, 6) && !memcmp(got->bytes + 6, in->bytes, 6);
}

void oracle_seal(const struct frame *in, const struct frame *got, const struct oracle_packet *p,
		 struct frame *want)
{
	uint8_t *ip = want->bytes + ETHER;
	size_t at = p->proto == 6 ? 16 : p->proto == 17 ? 6 : p->proto == 1 ? 2 : 0;
	frame_put16(ip + 10, 0);
	frame_put16(ip + 10, ~frame_sum(ip, (ip[0] & 15u) * 4, 0) & 0xffff);
	if (at == 0 || !memcmp(in->bytes + ETHER, want->bytes + ETHER, in->len - ETHER))
		return;
	uint8_t *sum = want->bytes + p->l4 + at;
	if (p->proto == 17 && frame_get16(sum) == 0)
		return; /* none (RFC 768) */
	if (!oracle_sum_right(in, p)) {
		if (!oracle_sum_right(got, p))
			memcpy(sum, got->bytes + p->l4 + at, 2);
		return;
	}
	frame_put16(sum, 0); /* as it is computed */
	size_t n = p->end - p->l4;
	uint32_t s = frame_sum(want->bytes + p->l4, n, 0);
	if (p->proto != 1)
		s = frame_sum(ip + 12, 8, s + p->proto + (uint32_t)n);
	s = ~s & 0xffff;
	frame_put16(sum, p->proto == 17 && s == 0 ? 0xffff : s);
}

struct oracle_end oracle_source(const struct frame *got, const struct oracle_packet *p)
{
	struct oracle_end ret = {.port = p->src.port};
	memcpy(&ret.address, got->bytes + ETHER + 12, 4);
	if (p->proto == IPPROTO_ICMP && p->begins)
		ret.port = frame_get16(got->bytes + p->l4 + 4);
	else if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP)
		ret.port = frame_get16(got->bytes + p->l4);
	return ret;
}
