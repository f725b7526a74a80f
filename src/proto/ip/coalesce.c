#include "proto/ip/coalesce.h"

#include "base/err.h"
#include "base/reader.h"
#include "base/writer.h"
#include "proto/ip/checksum.h"

enum {
	NONE = IP_COALESCE_PACKETS_MAX,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	IP4_HEAD_LEN = 20,
	IP6_HEAD_LEN = 40,
	TCP_HEAD_LEN = 20,
	UDP_HEAD_LEN = 8,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_ECE = 0x40,
	DONT_FRAGMENT = 0x4000,
	PACKET_MAX = 65535,
};

/* Numbers of the heads that change from packet to packet. */
struct numbers {
	uint16_t ident;
	bool dont_fragment;
	uint32_t sequence;
};

/* ---- one packet ---- */

/* Where the transport's head begins; 0: not a packet that is joined: options, fragments, extension
 * heads. */
static uint16_t read_ip(struct reader *r, struct ip_coalesce_packet *p, struct numbers *n)
{
	uint8_t first = read_u8(r);
	uint16_t len, fragment;
	uint8_t protocol;
	if (first == 0x45) {
		reader_skip(r, 1);
		len = read_u16(r);
		n->ident = read_u16(r);
		fragment = read_u16(r);
		n->dont_fragment = fragment == DONT_FRAGMENT;
		reader_skip(r, 1);
		protocol = read_u8(r);
		reader_skip(r, 10);
		if (len != p->len || (fragment & ~DONT_FRAGMENT))
			return 0;
	} else if (first >> 4 == 6) {
		reader_skip(r, 3);
		len = read_u16(r);
		protocol = read_u8(r);
		reader_skip(r, 33);
		n->dont_fragment = true;
		if (len + IP6_HEAD_LEN != p->len)
			return 0;
	} else {
		return 0;
	}
	p->version = first >> 4;
	p->tcp = protocol == PROTOCOL_TCP;
	if (!p->tcp && protocol != PROTOCOL_UDP)
		return 0;
	return first >> 4 == 4 ? IP4_HEAD_LEN : IP6_HEAD_LEN;
}

/* Where the payload begins; 0 as above. Only ACK, with PSH and ECE, marks plain data. */
static size_t read_tcp(struct reader *r, struct ip_coalesce_packet *p, struct numbers *n)
{
	reader_skip(r, 4);
	n->sequence = read_u32(r);
	reader_skip(r, 4);
	uint8_t offset = read_u8(r), flags = read_u8(r);
	if ((offset & 0xf) || (flags & ~(TCP_PSH | TCP_ECE)) != TCP_ACK ||
	    offset >> 4 < TCP_HEAD_LEN / 4)
		return 0;
	p->last = flags & TCP_PSH;
	return p->transport + (size_t)(offset >> 4) * 4;
}

static size_t read_udp(struct reader *r, const struct ip_coalesce_packet *p)
{
	reader_skip(r, 4);
	uint16_t len = read_u16(r), checksum = read_u16(r);
	/* Checksum 0: none, and a super-packet would give it one. */
	return checksum && len == p->len - p->transport ? (size_t)p->transport + UDP_HEAD_LEN : 0;
}

/* Fills in what decides. payload stays 0 for what is not joined. */
static void read_packet(struct ip_coalesce_packet *p, unsigned kinds, struct numbers *n)
{
	struct reader r = reader_of(p->data, p->len);
	p->transport = read_ip(&r, p, n);
	if (p->transport == 0)
		return;
	unsigned kind = !p->tcp		  ? IP_COALESCE_UDP
			: p->version == 4 ? IP_COALESCE_TCP4
					  : IP_COALESCE_TCP6;
	if (!(kinds & kind))
		return;
	size_t payload = p->tcp ? read_tcp(&r, p, n) : read_udp(&r, p);
	if (!r.bad && payload < p->len)
		p->payload = (uint16_t)payload;
}

static struct span addresses_of(const struct ip_coalesce_packet *p)
{
	return p->version == 4 ? span_of(p->data + 12, 8) : span_of(p->data + 8, 32);
}

static uint64_t sum_pseudo(const struct ip_coalesce_packet *p, size_t len)
{
	struct span both = addresses_of(p);
	return ip_sum_pseudo(span_sub(both, 0, both.len / 2),
			     span_sub(both, both.len / 2, both.len),
			     p->tcp ? PROTOCOL_TCP : PROTOCOL_UDP, (uint32_t)len);
}

static bool checksum_right(struct ip_coalesce_packet *p)
{
	if (p->checked)
		return true;
	size_t len = (size_t)p->len - p->transport;
	uint64_t sum = ip_sum_add(sum_pseudo(p, len), span_of(p->data + p->transport, len));
	if (ip_sum_finish(sum))
		return false;
	if (p->version == 4 && ip_checksum(span_of(p->data, IP4_HEAD_LEN)))
		return false;
	p->checked = true;
	return true;
}

/* ---- flows ---- */

static uint64_t word_at(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word)); /* why-reader-copy: inside of a head that was read */
	return word;
}

/* By addresses and ports. Who makes flows collide only makes his own packets stay alone. */
static size_t slot_of(const struct ip_coalesce_packet *p)
{
	struct span both = addresses_of(p);
	const uint8_t *ports = p->data + p->transport;
	uint64_t hash = (uint64_t)ports[0] << 24 | (uint64_t)ports[1] << 16 |
			(uint64_t)ports[2] << 8 | ports[3];
	hash = hash << 1 | p->tcp;
	for (size_t i = 0; i < both.len; i += 8)
		hash = (hash ^ word_at(both.data + i)) * 0x9e3779b97f4a7c15u;
	return hash >> 56;
}

static_assert(IP_COALESCE_SLOTS == 256, "the upper octet of the hash");

static bool same(const struct ip_coalesce_packet *a, const struct ip_coalesce_packet *b,
		 size_t from, size_t len)
{
	return memcmp(a->data + from, b->data + from, len) == 0;
}

static bool same_flow(const struct ip_coalesce_packet *a, const struct ip_coalesce_packet *b)
{
	return a->version == b->version && a->tcp == b->tcp &&
	       span_equal(addresses_of(a), addresses_of(b)) && same(a, b, a->transport, 4);
}

/* Heads alike in all that a super-packet has once. */
static bool same_heads(const struct ip_coalesce_packet *a, const struct ip_coalesce_packet *b)
{
	if (a->payload != b->payload)
		return false;
	if (a->version == 4) {
		/* Type of service; flags; time to live. */
		if (a->data[1] != b->data[1] || a->data[6] != b->data[6] ||
		    a->data[8] != b->data[8])
			return false;
	} else if (!same(a, b, 0, 4) || a->data[7] != b->data[7]) {
		return false;
	}
	if (!a->tcp)
		return true;
	/* Acknowledgement, offset, flags but PSH, window; then the options. */
	size_t at = a->transport;
	return same(a, b, at + 8, 5) && ((a->data[at + 13] ^ b->data[at + 13]) & ~TCP_PSH) == 0 &&
	       same(a, b, at + 14, 2) && same(a, b, at + 18, a->payload - at - 18);
}

static bool may_follow(const struct ip_coalesce *c, const struct ip_super *super,
		       const struct ip_coalesce_packet *p, const struct numbers *n)
{
	const struct ip_coalesce_packet *first = &c->packets[super->first];
	size_t octets = (size_t)p->len - p->payload;
	return !super->closed && octets <= super->segment && super->len + octets <= PACKET_MAX &&
	       super->joined < IP_COALESCE_JOINED_MAX && same_heads(first, p) &&
	       (n->dont_fragment || super->ident == n->ident) &&
	       (!p->tcp || super->sequence == n->sequence);
}

static void append(struct ip_coalesce *c, struct ip_super *super, uint16_t packet,
		   const struct numbers *n)
{
	const struct ip_coalesce_packet *p = &c->packets[packet];
	size_t octets = (size_t)p->len - p->payload;
	if (super->joined == 0)
		super->first = packet;
	else
		c->packets[super->last].next = packet;
	super->last = packet;
	super->joined++;
	super->len += (uint32_t)octets;
	super->ident = (uint16_t)(n->ident + 1);
	super->sequence = n->sequence + (uint32_t)octets;
	super->closed = p->payload == 0 || p->last || octets < super->segment;
}

static struct ip_super *start(struct ip_coalesce *c, const struct ip_coalesce_packet *p)
{
	struct ip_super *super = &c->supers[c->n++];
	*super = (struct ip_super){.len = p->payload, .segment = (uint16_t)(p->len - p->payload)};
	return super;
}

/* ---- the batch ---- */

void ip_coalesce_begin(struct ip_coalesce *c, unsigned kinds)
{
	c->kinds = kinds;
	c->n = c->packets_n = 0;
	memset(c->slots, 0, sizeof(c->slots));
}

bool ip_coalesce_add(struct ip_coalesce *c, uint8_t *data, size_t len)
{
	struct numbers numbers = {0};
	if (c->packets_n == IP_COALESCE_PACKETS_MAX)
		return false;
	ASSERT(len > 0 && len <= PACKET_MAX);
	uint16_t at = (uint16_t)c->packets_n++;
	struct ip_coalesce_packet *p = &c->packets[at];
	*p = (struct ip_coalesce_packet){.data = data, .len = (uint16_t)len, .next = NONE};
	read_packet(p, c->kinds, &numbers);
	/* Even what stays alone ends what its flow has under way, so that it is not overtaken. */
	if (p->transport == 0 || p->len < p->transport + 4) {
		append(c, start(c, p), at, &numbers);
		return true;
	}
	uint16_t *slot = &c->slots[slot_of(p)];
	struct ip_super *super = *slot ? &c->supers[*slot - 1] : NULL;
	struct ip_coalesce_packet *first = super ? &c->packets[super->first] : NULL;
	bool joins = p->payload && first && first->payload && same_flow(first, p) &&
		     may_follow(c, super, p, &numbers) && checksum_right(first) &&
		     checksum_right(p);
	if (!joins) {
		super = start(c, p);
		*slot = (uint16_t)c->n;
	}
	append(c, super, at, &numbers);
	return true;
}

/* Makes the first packet's heads those of the whole. The checksum's field gets the pseudo-header's
 * sum, which whoever cuts or receives it goes on from. */
static void finish(struct ip_coalesce *c, struct ip_super *super)
{
	struct ip_coalesce_packet *p = &c->packets[super->first];
	uint8_t *transport = p->data + p->transport;
	size_t upper = super->len - p->transport;
	if (p->version == 4) {
		put_u16(p->data + 2, (uint16_t)super->len);
		put_u16(p->data + 10, 0);
		put_u16(p->data + 10, ip_checksum(span_of(p->data, IP4_HEAD_LEN)));
	} else {
		put_u16(p->data + 4, (uint16_t)(super->len - IP6_HEAD_LEN));
	}
	if (!p->tcp)
		put_u16(transport + 4, (uint16_t)upper);
	else if (c->packets[super->last].last)
		transport[13] |= TCP_PSH;
	uint16_t offset = p->tcp ? 16 : 6;
	put_u16(transport + offset, (uint16_t)~ip_sum_finish(sum_pseudo(p, upper)));
	super->head = (struct ip_offload){.flags = IP_OFFLOAD_CHECKSUM,
					  .kind = !p->tcp	    ? IP_OFFLOAD_UDP
						  : p->version == 4 ? IP_OFFLOAD_TCP4
								    : IP_OFFLOAD_TCP6,
					  .head_len = p->payload,
					  .segment = super->segment,
					  .checksum_start = p->transport,
					  .checksum_offset = offset};
}

size_t ip_coalesce_take(struct ip_coalesce *c, size_t i, struct span parts[IP_COALESCE_PARTS_MAX])
{
	struct ip_super *super = &c->supers[i];
	struct ip_coalesce_packet *p = &c->packets[super->first];
	if (super->joined > 1)
		finish(c, super);
	size_t n = 0;
	parts[n++] = span_of(&super->head, IP_OFFLOAD_LEN);
	parts[n++] = span_of(p->data, p->len);
	for (uint16_t at = p->next; at != NONE; at = p->next) {
		p = &c->packets[at];
		parts[n++] = span_of(p->data + p->payload, (size_t)p->len - p->payload);
	}
	return n;
}
