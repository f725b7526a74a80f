/* Any bytes as a frame, as an IPv4 packet and as ICMP; what was read is written and read again. */
#include "proto/ip/checksum.h"
#include "proto/ip/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[70000];

static void check_udp(const struct ip_datagram *d)
{
	struct ip_datagram back;
	struct writer w = writer_of(again, sizeof(again));
	ip_frame_write_udp(&w, d);
	ASSERT(writer_check(&w) == OK);
	ASSERT(ip_frame_read_udp(writer_span(&w), true, &back) == OK);
	ASSERT(back.source == d->source && back.destination == d->destination);
	ASSERT(back.source_port == d->source_port && back.destination_port == d->destination_port);
	ASSERT(span_equal(back.payload, d->payload));
	ASSERT(memcmp(back.to, d->to, 6) == 0 && memcmp(back.from, d->from, 6) == 0);
}

static void check_arp(struct span wire)
{
	struct ip_arp a;
	if (ip_arp_read(wire, &a))
		return;
	struct writer w = writer_of(again, sizeof(again));
	ip_arp_write(&w, &a);
	ASSERT(w.pos == IP_ARP_LEN && span_equal(writer_span(&w), span_sub(wire, 0, IP_ARP_LEN)));
}

static void check_echo(struct span wire)
{
	struct ip_echo e, back;
	if (ip_echo_read(wire, &e))
		return;
	struct writer w = writer_of(again, sizeof(again));
	ip_echo_write(&w, &e);
	ASSERT(ip_echo_read(writer_span(&w), &back) == OK);
	ASSERT(back.reply == e.reply && back.ident == e.ident && back.sequence == e.sequence);
	ASSERT(span_equal(back.payload, e.payload));
}

static void check_packet(struct span wire)
{
	struct ip_packet p;
	struct ip_udp u;
	if (ip_packet_read(wire, &p))
		return;
	ASSERT(p.payload.len + IP_PACKET_HEAD_LEN <= wire.len);
	/* What was right with its checksum is right without. */
	if (ip_udp_read(&p, true, &u) == OK)
		ASSERT(ip_udp_read(&p, false, &u) == OK);
	check_echo(p.payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span wire = span_of(data, size);
	struct ip_frame f;
	struct ip_datagram d;
	check_packet(wire);
	check_echo(wire);
	check_arp(wire);
	if (ip_frame_read_udp(wire, false, &d) == OK)
		check_udp(&d);
	if (ip_frame_read(wire, &f))
		return 0;
	check_arp(f.payload);
	check_packet(f.payload);
	return 0;
}
