#include "service/vpn/gate/packet.h"

#include "base/reader.h"

enum {
	V4_HEAD = 20,
	V6_HEAD = 40,
	ICMP_HEAD = 8,
	TCP_HEAD = 20,
	UDP_HEAD = 8,
	PORTS_LEN = 8, /* what an ICMP error quotes at least (RFC 792) */
};

/* RFC 8200 4 */
enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	DESTINATION_OPTIONS = 60,
};

/* RFC 791 3.1: loose and strict source routes send a packet elsewhere than its head says. */
static enum err read_options(struct reader options, struct gate_packet *p)
{
	enum { END = 0, NOTHING = 1, LOOSE = 131, STRICT = 137 };
	while (reader_left(&options)) { /* at most 40 octets, each turn takes one */
		uint8_t type = read_u8(&options);
		if (type == END)
			break;
		if (type == NOTHING)
			continue;
		uint8_t len = read_u8(&options);
		if (len < 2)
			return ERR_FORMAT;
		reader_skip(&options, len - 2u);
		p->steered = p->steered || type == LOOSE || type == STRICT;
	}
	return reader_check(&options);
}

static enum gate_fragment fragment_of(uint16_t offset, bool more)
{
	return offset ? GATE_LATER : more ? GATE_FIRST : GATE_WHOLE;
}

/* RFC 1858 3.2: such a fragment would overwrite the header that the first one was judged by. */
static bool overwrites_head(const struct gate_packet *p, uint16_t offset)
{
	return p->protocol == GATE_TCP && offset && offset * 8u < TCP_HEAD;
}

/* quoted: the packet may have been cut. */
static enum err read_v4(struct reader *r, bool quoted, struct gate_packet *p)
{
	uint8_t first = read_u8(r);
	size_t head = (first & 15u) * 4u;
	reader_skip(r, 1);
	p->len = read_u16(r);
	reader_skip(r, 2);
	uint16_t fragment = read_u16(r);
	reader_skip(r, 1);
	p->protocol = read_u8(r);
	reader_skip(r, 2);
	p->source = read_span(r, 4);
	p->destination = read_span(r, 4);
	if (r->bad || head < V4_HEAD || p->len < head || (p->len > r->len && !quoted))
		return ERR_FORMAT;
	if (head > V4_HEAD)
		TRY(read_options(reader_sub(r, head - V4_HEAD), p));
	uint16_t offset = fragment & 0x1fff;
	p->fragment = (uint8_t)fragment_of(offset, (fragment & 0x2000) != 0);
	return overwrites_head(p, offset) ? ERR_FORMAT : reader_check(r);
}

/* One extension header; *next: in, what it is; out, what follows it. */
static enum err read_extension(struct reader *r, uint8_t *next, struct gate_packet *p)
{
	uint8_t type = *next;
	*next = read_u8(r);
	uint8_t len = read_u8(r);
	if (type == FRAGMENT) {
		uint16_t fragment = read_u16(r);
		reader_skip(r, 4);
		uint16_t offset = fragment >> 3;
		if (p->fragment != GATE_WHOLE)
			return ERR_FORMAT; /* a fragment of a fragment */
		p->fragment = (uint8_t)fragment_of(offset, fragment & 1);
		p->protocol = *next;
		return overwrites_head(p, offset) ? ERR_FORMAT : OK;
	}
	if (type == ROUTING) {
		reader_skip(r, 1);
		p->steered = p->steered || read_u8(r) != 0; /* segments left, RFC 8200 4.4 */
		reader_skip(r, 4u + len * 8u);
		return OK;
	}
	/* RFC 4302 2.2 counts words of four octets, less two */
	reader_skip(r, type == AUTHENTICATION ? (len + 2u) * 4u - 2 : len * 8u + 6);
	return OK;
}

static bool is_extension(uint8_t next)
{
	return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT ||
	       next == AUTHENTICATION || next == DESTINATION_OPTIONS;
}

static enum err read_v6(struct reader *r, bool quoted, struct gate_packet *p)
{
	reader_skip(r, 4);
	size_t len = (size_t)read_u16(r) + V6_HEAD;
	uint8_t next = read_u8(r);
	reader_skip(r, 1);
	p->source = read_span(r, 16);
	p->destination = read_span(r, 16);
	if (r->bad || len > UINT16_MAX || (len > r->len && !quoted))
		return ERR_FORMAT;
	p->len = (uint16_t)len;
	r->len = len < r->len ? len : r->len; /* what lies behind is padding */
	for (unsigned i = 0; is_extension(next) && p->fragment != GATE_LATER; i++) {
		if (i == GATE_EXTENSIONS_MAX)
			return ERR_FORMAT;
		TRY(read_extension(r, &next, p));
		TRY(reader_check(r));
	}
	p->protocol = next;
	return OK;
}

/* r: at the upper header. */
static enum err read_upper(struct reader r, bool quoted, struct gate_packet *p)
{
	uint8_t icmp = p->family == 4 ? GATE_ICMP : GATE_ICMPV6;
	p->upper = span_of(r.data + r.pos, reader_left(&r));
	if (p->fragment == GATE_LATER)
		return OK;
	if (p->protocol == icmp) {
		p->icmp_type = read_u8(&r);
		p->icmp_code = read_u8(&r);
		return p->upper.len < ICMP_HEAD ? ERR_FORMAT : OK;
	}
	if (p->protocol != GATE_TCP && p->protocol != GATE_UDP)
		return OK;
	p->source_port = read_u16(&r);
	p->destination_port = read_u16(&r);
	if (quoted)
		return p->upper.len < PORTS_LEN ? ERR_FORMAT : OK;
	if (p->protocol == GATE_UDP)
		return p->upper.len < UDP_HEAD ? ERR_FORMAT : OK;
	reader_skip(&r, 8);
	uint8_t head = read_u8(&r) >> 4;
	p->tcp_flags = read_u8(&r);
	return p->upper.len < TCP_HEAD || head * 4u < TCP_HEAD || head * 4u > p->upper.len
		       ? ERR_FORMAT
		       : OK;
}

static enum err read_packet(struct span bytes, bool quoted, struct gate_packet *ret)
{
	struct reader r = reader_of_span(bytes);
	struct gate_packet p = {.family = bytes.len ? bytes.data[0] >> 4 : 0};
	if (p.family == 4)
		TRY(read_v4(&r, quoted, &p));
	else if (p.family == 6)
		TRY(read_v6(&r, quoted, &p));
	else
		return ERR_FORMAT;
	r.len = p.len < r.len ? p.len : r.len;
	if (r.pos > r.len)
		return ERR_FORMAT;
	p.upper_at = (uint16_t)r.pos;
	TRY(read_upper(r, quoted, &p));
	*ret = p;
	return OK;
}

enum err gate_packet_read(struct span bytes, struct gate_packet *ret)
{
	return read_packet(bytes, false, ret);
}

enum err gate_packet_read_quoted(const struct gate_packet *p, struct gate_packet *ret)
{
	if (!gate_packet_is_error(p))
		return ERR_UNSUPPORTED;
	struct gate_packet quoted = {0};
	TRY(read_packet(span_sub(p->upper, ICMP_HEAD, p->upper.len), true, &quoted));
	if (quoted.family != p->family)
		return ERR_FORMAT;
	*ret = quoted;
	return OK;
}

bool gate_packet_is_error(const struct gate_packet *p)
{
	enum { UNREACHABLE = 3, QUENCH = 4, EXCEEDED = 11, PARAMETER = 12 };
	if (p->fragment == GATE_LATER)
		return false;
	if (p->family == 6)
		return p->protocol == GATE_ICMPV6 && p->icmp_type < 128;
	return p->protocol == GATE_ICMP && (p->icmp_type == UNREACHABLE || p->icmp_type == QUENCH ||
					    p->icmp_type == EXCEEDED || p->icmp_type == PARAMETER);
}
