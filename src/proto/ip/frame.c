#include "proto/ip/frame.h"

#include "base/reader.h"
#include "proto/ip/checksum.h"

#include <assert.h>

enum {
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_MIN = 0x0600, /* below is a length: IEEE 802.3 */
	VLAN_ID = 0x0fff,
	ARP_ETHERNET = 1,
	VERSION_4 = 4,
	DONT_FRAGMENT = 0x4000,
	FRAGMENT = 0x3fff, /* more fragments, or an offset */
	TTL = 64,
	DATAGRAM_MAX = UINT16_MAX - IP_PACKET_HEAD_LEN - IP_UDP_HEAD_LEN,
};

static_assert(IP_FRAME_UDP_HEAD_LEN == 42, "what packet captures show");

const uint8_t ip_mac_broadcast[IP_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* --- Ethernet II --- */

enum err ip_frame_read(struct span wire, struct ip_frame *ret)
{
	struct ip_frame f = {0};
	struct reader r = reader_of_span(wire);
	read_bytes(&r, f.to, sizeof(f.to));
	read_bytes(&r, f.from, sizeof(f.from));
	f.type = read_u16(&r);
	if (f.type == ETHERTYPE_VLAN) {
		f.vlan = read_u16(&r) & VLAN_ID;
		f.type = read_u16(&r);
	}
	f.payload = read_span(&r, reader_left(&r));
	TRY(reader_check(&r));
	if (f.type < ETHERTYPE_MIN)
		return ERR_FORMAT;
	*ret = f;
	return OK;
}

void ip_frame_write_head(struct writer *w, const uint8_t to[IP_MAC_LEN],
			 const uint8_t from[IP_MAC_LEN], uint16_t type)
{
	write_bytes(w, to, IP_MAC_LEN);
	write_bytes(w, from, IP_MAC_LEN);
	write_u16(w, type);
}

/* --- ARP --- */

enum err ip_arp_read(struct span wire, struct ip_arp *ret)
{
	struct ip_arp a = {0};
	struct reader r = reader_of_span(wire);
	uint16_t hardware = read_u16(&r);
	uint16_t protocol = read_u16(&r);
	uint8_t hardware_len = read_u8(&r);
	uint8_t protocol_len = read_u8(&r);
	a.operation = read_u16(&r);
	TRY(reader_check(&r));
	if (hardware != ARP_ETHERNET || protocol != IP_ETHERTYPE_IPV4 ||
	    hardware_len != IP_MAC_LEN || protocol_len != 4)
		return ERR_UNSUPPORTED;
	read_bytes(&r, a.sender_mac, sizeof(a.sender_mac));
	a.sender = read_u32(&r);
	read_bytes(&r, a.target_mac, sizeof(a.target_mac));
	a.target = read_u32(&r);
	TRY(reader_check(&r)); /* behind it is padding */
	*ret = a;
	return OK;
}

void ip_arp_write(struct writer *w, const struct ip_arp *a)
{
	write_u16(w, ARP_ETHERNET);
	write_u16(w, IP_ETHERTYPE_IPV4);
	write_u8(w, IP_MAC_LEN);
	write_u8(w, 4);
	write_u16(w, a->operation);
	write_bytes(w, a->sender_mac, sizeof(a->sender_mac));
	write_u32(w, a->sender);
	write_bytes(w, a->target_mac, sizeof(a->target_mac));
	write_u32(w, a->target);
}

void ip_frame_write_arp(struct writer *w, const uint8_t to[IP_MAC_LEN], const struct ip_arp *arp)
{
	ip_frame_write_head(w, to, arp->sender_mac, IP_ETHERTYPE_ARP);
	ip_arp_write(w, arp);
}

/* RFC 5227 1.1, 2.1.1 and 2.3: requests both, with the target's hardware address zero. */
static void write_request(struct writer *w, const uint8_t from[IP_MAC_LEN], uint32_t sender,
			  uint32_t target)
{
	struct ip_arp a = {.operation = IP_ARP_REQUEST, .sender = sender, .target = target};
	memcpy(a.sender_mac, from, sizeof(a.sender_mac));
	ip_frame_write_arp(w, ip_mac_broadcast, &a);
}

void ip_frame_write_arp_probe(struct writer *w, const uint8_t from[IP_MAC_LEN], uint32_t target)
{
	write_request(w, from, 0, target);
}

void ip_frame_write_arp_announcement(struct writer *w, const uint8_t from[IP_MAC_LEN],
				     uint32_t address)
{
	write_request(w, from, address, address);
}

/* --- IPv4 --- */

enum err ip_packet_read(struct span wire, struct ip_packet *ret)
{
	struct ip_packet p = {0};
	struct reader r = reader_of_span(wire);
	uint8_t first = read_u8(&r);
	reader_skip(&r, 1); /* type of service */
	size_t len = read_u16(&r);
	reader_skip(&r, 2); /* identification */
	uint16_t fragment = read_u16(&r);
	p.ttl = read_u8(&r);
	p.protocol = read_u8(&r);
	reader_skip(&r, 2); /* checksum, judged with the whole head */
	p.source = read_u32(&r);
	p.destination = read_u32(&r);
	TRY(reader_check(&r));
	size_t head_len = (size_t)(first & 15) * 4;
	if (first >> 4 != VERSION_4 || head_len < IP_PACKET_HEAD_LEN || len < head_len ||
	    len > wire.len)
		return ERR_FORMAT;
	if (ip_checksum(span_sub(wire, 0, head_len)) != 0)
		return ERR_FORMAT;
	if (fragment & FRAGMENT)
		return ERR_UNSUPPORTED;
	p.payload = span_sub(wire, head_len, len - head_len);
	*ret = p;
	return OK;
}

void ip_packet_write_head(struct writer *w, const struct ip_packet *p)
{
	if (p->payload.len > UINT16_MAX - IP_PACKET_HEAD_LEN) {
		w->bad = true;
		return;
	}
	size_t at = w->pos;
	write_u8(w, VERSION_4 << 4 | IP_PACKET_HEAD_LEN / 4);
	write_u8(w, 0);
	write_u16(w, (uint16_t)(IP_PACKET_HEAD_LEN + p->payload.len));
	write_u16(w, 0);
	write_u16(w, DONT_FRAGMENT);
	write_u8(w, p->ttl);
	write_u8(w, p->protocol);
	size_t checksum_at = writer_reserve(w, 2);
	write_u32(w, p->source);
	write_u32(w, p->destination);
	if (!w->bad)
		put_u16(w->data + checksum_at,
			ip_checksum(span_of(w->data + at, IP_PACKET_HEAD_LEN)));
}

/* --- UDP --- */

/* What the pseudo-header adds to the sum of a UDP packet of len octets (RFC 768). */
static uint64_t sum_pseudo(uint32_t source, uint32_t destination, size_t len)
{
	uint64_t sum = ip_sum_add_u32(ip_sum_add_u32(0, source), destination);
	return ip_sum_add_u16(ip_sum_add_u16(sum, (uint16_t)len), IP_PROTOCOL_UDP);
}

enum err ip_udp_read(const struct ip_packet *p, bool verify, struct ip_udp *ret)
{
	if (p->protocol != IP_PROTOCOL_UDP)
		return ERR_UNSUPPORTED;
	struct ip_udp u = {0};
	struct reader r = reader_of_span(p->payload);
	u.source_port = read_u16(&r);
	u.destination_port = read_u16(&r);
	size_t len = read_u16(&r);
	uint16_t checksum = read_u16(&r);
	TRY(reader_check(&r));
	if (len < IP_UDP_HEAD_LEN || len > p->payload.len)
		return ERR_FORMAT;
	uint64_t sum = sum_pseudo(p->source, p->destination, len);
	if (verify && checksum && ip_sum_finish(ip_sum_add(sum, span_sub(p->payload, 0, len))) != 0)
		return ERR_FORMAT;
	u.payload = span_sub(p->payload, IP_UDP_HEAD_LEN, len - IP_UDP_HEAD_LEN);
	*ret = u;
	return OK;
}

void ip_datagram_write_head(struct writer *w, const struct ip_datagram *d)
{
	if (d->payload.len > DATAGRAM_MAX) {
		w->bad = true;
		return;
	}
	size_t len = IP_UDP_HEAD_LEN + d->payload.len;
	struct ip_packet p = {
		.source = d->source,
		.destination = d->destination,
		.protocol = IP_PROTOCOL_UDP,
		.ttl = TTL,
		.payload = {.len = len}, /* only its length is asked for */
	};
	ip_packet_write_head(w, &p);
	uint64_t sum = sum_pseudo(d->source, d->destination, len);
	sum = ip_sum_add_u16(ip_sum_add_u16(sum, d->source_port), d->destination_port);
	sum = ip_sum_add(ip_sum_add_u16(sum, (uint16_t)len), d->payload);
	uint16_t checksum = ip_sum_finish(sum);
	write_u16(w, d->source_port);
	write_u16(w, d->destination_port);
	write_u16(w, (uint16_t)len);
	write_u16(w, checksum ? checksum : 0xffff); /* RFC 768: 0 would say that there is none */
}

void ip_frame_write_udp_head(struct writer *w, const struct ip_datagram *d)
{
	ip_frame_write_head(w, d->to, d->from, IP_ETHERTYPE_IPV4);
	ip_datagram_write_head(w, d);
}

void ip_frame_write_udp(struct writer *w, const struct ip_datagram *d)
{
	ip_frame_write_udp_head(w, d);
	write_span(w, d->payload);
}

enum err ip_frame_read_udp(struct span wire, bool verify, struct ip_datagram *ret)
{
	struct ip_frame f;
	struct ip_packet p;
	struct ip_udp u;
	TRY(ip_frame_read(wire, &f));
	if (f.type != IP_ETHERTYPE_IPV4)
		return ERR_UNSUPPORTED;
	TRY(ip_packet_read(f.payload, &p));
	TRY(ip_udp_read(&p, verify, &u));
	*ret = (struct ip_datagram){
		.source = p.source,
		.destination = p.destination,
		.source_port = u.source_port,
		.destination_port = u.destination_port,
		.payload = u.payload,
	};
	memcpy(ret->to, f.to, sizeof(ret->to));
	memcpy(ret->from, f.from, sizeof(ret->from));
	return OK;
}

/* --- ICMP echo --- */

enum err ip_echo_read(struct span wire, struct ip_echo *ret)
{
	struct ip_echo e = {0};
	struct reader r = reader_of_span(wire);
	uint8_t type = read_u8(&r);
	uint8_t code = read_u8(&r);
	reader_skip(&r, 2); /* checksum, judged with the whole */
	e.ident = read_u16(&r);
	e.sequence = read_u16(&r);
	e.payload = read_span(&r, reader_left(&r));
	TRY(reader_check(&r));
	if (ip_checksum(wire) != 0)
		return ERR_FORMAT;
	if ((type != IP_ICMP_ECHO_REPLY && type != IP_ICMP_ECHO_REQUEST) || code != 0)
		return ERR_UNSUPPORTED;
	e.reply = type == IP_ICMP_ECHO_REPLY;
	*ret = e;
	return OK;
}

void ip_echo_write(struct writer *w, const struct ip_echo *e)
{
	size_t at = w->pos;
	write_u8(w, e->reply ? IP_ICMP_ECHO_REPLY : IP_ICMP_ECHO_REQUEST);
	write_u8(w, 0);
	size_t checksum_at = writer_reserve(w, 2);
	write_u16(w, e->ident);
	write_u16(w, e->sequence);
	write_span(w, e->payload);
	if (!w->bad)
		put_u16(w->data + checksum_at, ip_checksum(span_of(w->data + at, w->pos - at)));
}

void ip_frame_write_echo(struct writer *w, const struct ip_datagram *d, const struct ip_echo *e)
{
	struct ip_packet p = {
		.source = d->source,
		.destination = d->destination,
		.protocol = IP_PROTOCOL_ICMP,
		.ttl = TTL,
		.payload = {.len = IP_ECHO_HEAD_LEN + e->payload.len},
	};
	ip_frame_write_head(w, d->to, d->from, IP_ETHERTYPE_IPV4);
	ip_packet_write_head(w, &p);
	ip_echo_write(w, e);
}
