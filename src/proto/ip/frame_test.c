#include "proto/ip/frame.h"

#include "proto/ip/checksum.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Made by scapy 2.5: the same frames from other hands. */
static const uint8_t udp_frame[] =
	"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00\x45\x00\x00\x21\x00\x00\x40\x00"
	"\x40\x11\xb6\x7d\xc0\x00\x02\x01\xc0\x00\x02\x4d\x00\x43\x00\x44\x00\x0d\x37\x2c"
	"hello";
static const uint8_t echo_frame[] =
	"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00\x45\x00\x00\x25\x00\x00\x40\x00"
	"\x40\x01\xb6\x89\xc0\x00\x02\x01\xc0\x00\x02\x4d\x08\x00\xc7\x1a\x12\x34\x00\x07"
	"gatehouse";
static const uint8_t probe_frame[] =
	"\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"
	"\x02\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x4d";
static const uint8_t tagged_reply[] =
	"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00\x60\x2a\x08\x06\x00\x01\x08\x00"
	"\x06\x04\x00\x02\x02\x00\x00\x00\x00\x02\xc0\x00\x02\x4d\x02\x00\x00\x00\x00\x01\x00\x00"
	"\x00\x00";
static const uint8_t udp_with_ip_option[] =
	"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00\x46\x00\x00\x25\x00\x00\x40\x00"
	"\x40\x11\x21\x75\xc0\x00\x02\x01\xc0\x00\x02\x4d\x94\x04\x00\x00\x00\x43\x00\x44\x00\x0d"
	"\x37\x2chello";

#define FRAME(text) span_of(text, sizeof(text) - 1)

static const uint8_t host[IP_MAC_LEN] = {2, 0, 0, 0, 0, 2};
static const uint8_t us[IP_MAC_LEN] = {2, 0, 0, 0, 0, 1};
#define US_ADDRESS   0xc0000201u
#define HOST_ADDRESS 0xc000024du

static struct ip_datagram datagram(struct span payload)
{
	struct ip_datagram d = {.source = US_ADDRESS,
				.destination = HOST_ADDRESS,
				.source_port = 67,
				.destination_port = 68,
				.payload = payload};
	memcpy(d.to, host, sizeof(host));
	memcpy(d.from, us, sizeof(us));
	return d;
}

/* --- refusals --- */

static void refuses_a_length_in_place_of_a_type(void **state)
{
	(void)state;
	uint8_t frame[sizeof(udp_frame) - 1];
	struct ip_frame f;
	memcpy(frame, udp_frame, sizeof(frame));
	frame[12] = 0x05;
	frame[13] = 0xdc;
	assert_int_equal(ip_frame_read(span_of(frame, sizeof(frame)), &f), ERR_FORMAT);
}

/* A frame of ours with one octet of its IP head changed and, if told, its checksum put right. */
static enum err read_changed(size_t at, uint8_t value, bool right_checksum)
{
	uint8_t frame[sizeof(udp_frame) - 1];
	struct ip_datagram d;
	memcpy(frame, udp_frame, sizeof(frame));
	frame[at] = value;
	if (right_checksum) {
		put_u16(frame + 24, 0);
		put_u16(frame + 24, ip_checksum(span_of(frame + 14, 20)));
	}
	return ip_frame_read_udp(span_of(frame, sizeof(frame)), true, &d);
}

static void refuses_heads_that_cannot_be(void **state)
{
	(void)state;
	assert_int_equal(read_changed(14, 0x45, true), OK);
	assert_int_equal(read_changed(14, 0x55, true), ERR_FORMAT); /* version 5 */
	assert_int_equal(read_changed(14, 0x44, true), ERR_FORMAT); /* a head of 16 octets */
	assert_int_equal(read_changed(17, 0x13, true), ERR_FORMAT); /* shorter than its head */
	assert_int_equal(read_changed(17, 0x22, true), ERR_FORMAT); /* longer than the frame */
	assert_int_equal(read_changed(17, 0x20, true), ERR_FORMAT); /* UDP longer than the packet */
	assert_int_equal(read_changed(22, 0x3f, false), ERR_FORMAT); /* checksum */
	assert_int_equal(read_changed(39, 0x07, false), ERR_FORMAT); /* UDP shorter than its head */
}

static void refuses_fragments_and_other_protocols(void **state)
{
	(void)state;
	assert_int_equal(read_changed(20, 0x20, true), ERR_UNSUPPORTED); /* more fragments */
	assert_int_equal(read_changed(21, 0x01, true), ERR_UNSUPPORTED); /* an offset */
	assert_int_equal(read_changed(23, 6, true), ERR_UNSUPPORTED);
	assert_int_equal(read_changed(12, 0x86, false), ERR_UNSUPPORTED);
}

static void refuses_a_wrong_udp_checksum_if_asked_to(void **state)
{
	(void)state;
	uint8_t frame[sizeof(udp_frame) - 1];
	struct ip_datagram d;
	memcpy(frame, udp_frame, sizeof(frame));
	frame[41] ^= 1;
	struct span s = span_of(frame, sizeof(frame));
	assert_int_equal(ip_frame_read_udp(s, true, &d), ERR_FORMAT);
	/* What a packet socket sees before the network card filled it in. */
	assert_int_equal(ip_frame_read_udp(s, false, &d), OK);
	/* RFC 768: all zero, "the transmitter generated no checksum". */
	frame[40] = frame[41] = 0;
	assert_int_equal(ip_frame_read_udp(s, true, &d), OK);
}

static void refuses_arp_of_other_kinds(void **state)
{
	(void)state;
	for (size_t at = 0; at < 6; at++) {
		uint8_t arp[IP_ARP_LEN];
		struct ip_arp a;
		memcpy(arp, probe_frame + IP_FRAME_HEAD_LEN, sizeof(arp));
		arp[at] ^= 0x40;
		assert_int_equal(ip_arp_read(span_of(arp, sizeof(arp)), &a), ERR_UNSUPPORTED);
	}
}

static void refuses_icmp_that_is_no_echo(void **state)
{
	(void)state;
	uint8_t icmp[] = {3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0};
	struct ip_echo e;
	assert_int_equal(ip_echo_read(span_of(icmp, sizeof(icmp)), &e), ERR_FORMAT);
	put_u16(icmp + 2, ip_checksum(span_of(icmp, sizeof(icmp))));
	assert_int_equal(ip_echo_read(span_of(icmp, sizeof(icmp)), &e), ERR_UNSUPPORTED);
}

/* --- both ways --- */

static void writes_and_reads_udp_as_scapy_does(void **state)
{
	(void)state;
	uint8_t buf[100];
	struct writer w = writer_of(buf, sizeof(buf));
	struct ip_datagram d = datagram(span_text("hello")), back;
	ip_frame_write_udp(&w, &d);
	assert_true(span_equal(writer_span(&w), FRAME(udp_frame)));
	assert_int_equal(ip_frame_read_udp(writer_span(&w), true, &back), OK);
	assert_memory_equal(back.to, d.to, 6);
	assert_memory_equal(back.from, d.from, 6);
	assert_int_equal(back.source, d.source);
	assert_int_equal(back.destination, d.destination);
	assert_int_equal(back.source_port, 67);
	assert_int_equal(back.destination_port, 68);
	assert_true(span_is(back.payload, "hello"));
	w = writer_of(buf, sizeof(buf));
	ip_frame_write_udp_head(&w, &d);
	assert_int_equal(w.pos, IP_FRAME_UDP_HEAD_LEN);
	assert_memory_equal(buf, udp_frame, IP_FRAME_UDP_HEAD_LEN);
}

static void passes_over_ip_options_and_padding(void **state)
{
	(void)state;
	struct ip_datagram d;
	assert_int_equal(ip_frame_read_udp(FRAME(udp_with_ip_option), true, &d), OK);
	assert_true(span_is(d.payload, "hello"));
	uint8_t padded[IP_FRAME_MIN] = {0};
	memcpy(padded, udp_frame, sizeof(udp_frame) - 1);
	assert_int_equal(ip_frame_read_udp(span_of(padded, sizeof(padded)), true, &d), OK);
	assert_true(span_is(d.payload, "hello"));
}

static void writes_a_checksum_of_ones_for_zero(void **state)
{
	(void)state;
	/* RFC 768: "If the computed checksum is zero, it is transmitted as all ones". */
	uint8_t payload[2] = {0}, buf[100];
	struct ip_datagram d = datagram(span_of(payload, sizeof(payload))), back;
	struct writer w = writer_of(buf, sizeof(buf));
	ip_frame_write_udp(&w, &d);
	memcpy(payload, buf + 40, 2); /* now the sum of all is zero */
	w = writer_of(buf, sizeof(buf));
	ip_frame_write_udp(&w, &d);
	assert_int_equal(buf[40], 0xff);
	assert_int_equal(buf[41], 0xff);
	assert_int_equal(ip_frame_read_udp(writer_span(&w), true, &back), OK);
}

static void writes_a_probe_that_teaches_nobody(void **state)
{
	(void)state;
	uint8_t buf[60];
	struct writer w = writer_of(buf, sizeof(buf));
	ip_frame_write_arp_probe(&w, us, HOST_ADDRESS);
	assert_true(span_equal(writer_span(&w), FRAME(probe_frame)));
	struct ip_frame f;
	struct ip_arp a;
	assert_int_equal(ip_frame_read(FRAME(probe_frame), &f), OK);
	assert_int_equal(f.type, IP_ETHERTYPE_ARP);
	assert_int_equal(ip_arp_read(f.payload, &a), OK);
	/* RFC 5227 2.1.1: "The 'sender IP address' field MUST be set to all zeroes". */
	assert_int_equal(a.sender, 0);
	/* "The client MUST fill in the 'sender hardware address' field of the ARP Request with the
	 * hardware address of the interface through which it is sending the packet." */
	assert_memory_equal(a.sender_mac, us, 6);
	/* "The 'target hardware address' field is ignored and SHOULD be set to all zeroes." */
	static const uint8_t zeros[IP_MAC_LEN];
	assert_memory_equal(a.target_mac, zeros, 6);
	/* "The 'target IP address' field MUST be set to the address being probed." */
	assert_int_equal(a.target, HOST_ADDRESS);
}

static void writes_an_announcement_with_the_address_twice(void **state)
{
	(void)state;
	uint8_t buf[60];
	struct writer w = writer_of(buf, sizeof(buf));
	struct ip_frame f;
	struct ip_arp a;
	ip_frame_write_arp_announcement(&w, host, HOST_ADDRESS);
	assert_int_equal(ip_frame_read(writer_span(&w), &f), OK);
	assert_int_equal(ip_arp_read(f.payload, &a), OK);
	assert_memory_equal(f.to, ip_mac_broadcast, 6);
	assert_int_equal(a.operation, IP_ARP_REQUEST);
	/* RFC 5227 2.3: "identical to the ARP Probe described above, except that now the sender
	 * and target IP addresses are both set to the host's newly selected IPv4 address". */
	assert_int_equal(a.sender, HOST_ADDRESS);
	assert_int_equal(a.target, HOST_ADDRESS);
}

static void reads_a_reply_behind_a_tag(void **state)
{
	(void)state;
	struct ip_frame f;
	struct ip_arp a;
	assert_int_equal(ip_frame_read(FRAME(tagged_reply), &f), OK);
	assert_int_equal(f.vlan, 42);
	assert_int_equal(f.type, IP_ETHERTYPE_ARP);
	assert_int_equal(ip_arp_read(f.payload, &a), OK);
	assert_int_equal(a.operation, IP_ARP_REPLY);
	assert_memory_equal(a.sender_mac, host, 6);
	assert_int_equal(a.sender, HOST_ADDRESS);
	uint8_t buf[60];
	struct writer w = writer_of(buf, sizeof(buf));
	ip_frame_write_arp(&w, us, &a);
	assert_memory_equal(buf + 14, tagged_reply + 18, IP_ARP_LEN);
}

static void writes_and_reads_echoes_as_scapy_does(void **state)
{
	(void)state;
	uint8_t buf[100];
	struct writer w = writer_of(buf, sizeof(buf));
	struct ip_datagram d = datagram((struct span){0});
	struct ip_echo e = {.ident = 0x1234, .sequence = 7, .payload = span_text("gatehouse")};
	ip_frame_write_echo(&w, &d, &e);
	assert_true(span_equal(writer_span(&w), FRAME(echo_frame)));
	struct ip_frame f;
	struct ip_packet p;
	struct ip_echo back;
	assert_int_equal(ip_frame_read(writer_span(&w), &f), OK);
	assert_int_equal(ip_packet_read(f.payload, &p), OK);
	assert_int_equal(p.protocol, IP_PROTOCOL_ICMP);
	assert_int_equal(p.ttl, 64);
	assert_int_equal(ip_echo_read(p.payload, &back), OK);
	assert_false(back.reply);
	assert_int_equal(back.ident, 0x1234);
	assert_int_equal(back.sequence, 7);
	assert_true(span_is(back.payload, "gatehouse"));
	/* An odd length has its last octet counted. */
	e.reply = true;
	e.payload = span_text("g");
	w = writer_of(buf, sizeof(buf));
	ip_echo_write(&w, &e);
	assert_int_equal(ip_echo_read(writer_span(&w), &back), OK);
	assert_true(back.reply);
}

static void marks_a_writer_that_is_too_small(void **state)
{
	(void)state;
	struct ip_datagram d = datagram(span_text("hello"));
	struct ip_echo e = {.payload = span_text("hello")};
	for (size_t cap = 0; cap < sizeof(udp_frame) - 1; cap++) {
		struct guard g = guard_of(cap);
		struct writer w = writer_of(g.end - cap, cap);
		ip_frame_write_udp(&w, &d);
		assert_int_equal(writer_check(&w), ERR_LIMIT);
		w = writer_of(g.end - cap, cap);
		ip_frame_write_echo(&w, &d, &e);
		assert_int_equal(writer_check(&w), ERR_LIMIT);
		guard_done(&g);
	}
	static uint8_t big[70000], long_payload[65508];
	struct writer w = writer_of(big, sizeof(big));
	d.payload = span_of(long_payload, sizeof(long_payload));
	ip_frame_write_udp(&w, &d);
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

/* --- every prefix, every bit --- */

static void read_all(const uint8_t *data, size_t len)
{
	struct span s = span_of(data, len);
	struct ip_datagram d;
	struct ip_frame f;
	struct ip_packet p;
	struct ip_arp a;
	struct ip_echo e;
	if (ip_frame_read_udp(s, true, &d) == OK)
		assert_true(d.payload.data + d.payload.len <= data + len);
	if (ip_frame_read_udp(s, false, &d) == OK)
		assert_true(d.payload.data + d.payload.len <= data + len);
	if (ip_frame_read(s, &f))
		return;
	err_ignore(ip_arp_read(f.payload, &a));
	if (ip_packet_read(f.payload, &p) == OK && ip_echo_read(p.payload, &e) == OK)
		assert_true(e.payload.data + e.payload.len <= data + len);
}

static void no_bit_of_head_or_payload_flips_unseen(const uint8_t *data, size_t len)
{
	struct ip_datagram d;
	read_all(data, len);
	/* The Ethernet head has no checksum; all else has. */
	if (memcmp(data, udp_frame, IP_FRAME_HEAD_LEN) == 0)
		assert_int_not_equal(ip_frame_read_udp(span_of(data, len), true, &d), OK);
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	const struct span frames[] = {FRAME(udp_frame), FRAME(echo_frame), FRAME(probe_frame),
				      FRAME(tagged_reply), FRAME(udp_with_ip_option)};
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		guard_every_prefix(frames[i].data, frames[i].len, read_all);
		guard_every_bit_flip(frames[i].data, frames[i].len, read_all);
	}
	guard_every_bit_flip(udp_frame, sizeof(udp_frame) - 1,
			     no_bit_of_head_or_payload_flips_unseen);
}

static void every_shorter_frame_is_refused(void **state)
{
	(void)state;
	struct ip_datagram d;
	for (size_t len = 0; len < sizeof(udp_frame) - 1; len++)
		assert_int_equal(ip_frame_read_udp(span_of(udp_frame, len), true, &d), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_length_in_place_of_a_type),
		cmocka_unit_test(refuses_heads_that_cannot_be),
		cmocka_unit_test(refuses_fragments_and_other_protocols),
		cmocka_unit_test(refuses_a_wrong_udp_checksum_if_asked_to),
		cmocka_unit_test(refuses_arp_of_other_kinds),
		cmocka_unit_test(refuses_icmp_that_is_no_echo),
		cmocka_unit_test(writes_and_reads_udp_as_scapy_does),
		cmocka_unit_test(passes_over_ip_options_and_padding),
		cmocka_unit_test(writes_a_checksum_of_ones_for_zero),
		cmocka_unit_test(writes_a_probe_that_teaches_nobody),
		cmocka_unit_test(writes_an_announcement_with_the_address_twice),
		cmocka_unit_test(reads_a_reply_behind_a_tag),
		cmocka_unit_test(writes_and_reads_echoes_as_scapy_does),
		cmocka_unit_test(marks_a_writer_that_is_too_small),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
		cmocka_unit_test(every_shorter_frame_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
