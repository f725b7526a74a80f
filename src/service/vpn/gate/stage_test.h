/* Packets and a gateway for the tests of the gate: each packet from a few words, right down to its
 * checksums, and a network with a page, a LAN and two more peers. Knows nothing of verdicts. */
#ifndef VPN_GATE_STAGE_TEST_H
#define VPN_GATE_STAGE_TEST_H

#include "proto/ip/checksum.h"
#include "service/vpn/gate/gate.h"
#include "service/vpn/gate/packet.h"
#include "service/vpn/gate/rules.h"
#include "service/vpn/tunnel/peer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { STAGE_PACKET_MAX = 2048, STAGE_T0 = 1000000 };

/* Zero stands for what most packets have. Addresses as text; both of one family. */
struct wish {
	const char *from, *to;
	uint8_t protocol; /* 0: UDP */
	uint16_t from_port, to_port;
	uint8_t flags;	    /* of TCP; 0: ACK */
	uint32_t seq, ack;  /* of TCP */
	uint8_t type, code; /* of ICMP */
	struct span payload;
	uint16_t fragment;	/* offset in octets, a multiple of 8 */
	bool more;		/* fragments follow */
	bool fragment_header;	/* of IPv6, also when it is whole */
	struct span options;	/* of IPv4, a multiple of 4 */
	struct span extensions; /* of IPv6: whole headers, the next of the last one is filled in */
	uint8_t extension;	/* what the first of them is */
};

static inline struct ip_address stage_address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static inline void stage_upper(struct writer *w, const struct wish *p, const uint8_t *ip_source,
			       size_t address_len)
{
	uint8_t protocol = p->protocol ? p->protocol : GATE_UDP;
	size_t at = w->pos, sum_at = 0;
	bool later = p->fragment != 0;
	if (!later && protocol == GATE_TCP) {
		write_u16(w, p->from_port);
		write_u16(w, p->to_port);
		write_u32(w, p->seq);
		write_u32(w, p->ack);
		write_u8(w, 5 << 4);
		write_u8(w, p->flags ? p->flags : 16);
		write_u16(w, 1000);
		write_u32(w, 0);
		sum_at = 16;
	} else if (!later && protocol == GATE_UDP) {
		write_u16(w, p->from_port);
		write_u16(w, p->to_port);
		write_u16(w, (uint16_t)(8 + p->payload.len));
		write_u16(w, 0);
		sum_at = 6;
	} else if (!later && (protocol == GATE_ICMP || protocol == GATE_ICMPV6)) {
		write_u8(w, p->type);
		write_u8(w, p->code);
		write_u16(w, 0);
		write_u32(w, 0x12340001);
		sum_at = 2;
	}
	write_span(w, p->payload);
	if (!sum_at)
		return;
	size_t len = w->pos - at;
	uint64_t sum = protocol == GATE_ICMP
			       ? 0
			       : ip_sum_pseudo(span_of(ip_source, address_len),
					       span_of(ip_source + address_len, address_len),
					       protocol, (uint32_t)len);
	uint16_t sum16 = ip_sum_finish(ip_sum_add(sum, span_of(w->data + at, len)));
	put_u16(w->data + at + sum_at, sum16 == 0 && protocol == GATE_UDP ? 0xffff : sum16);
}

static inline void stage_v4(struct writer *w, const struct wish *p, const struct ip_address *from,
			    const struct ip_address *to)
{
	size_t at = w->pos, head = 20 + p->options.len;
	write_u8(w, (uint8_t)(4 << 4 | head / 4));
	write_u8(w, 0);
	write_u16(w, 0);
	write_u16(w, 7);
	write_u16(w, (uint16_t)((p->more ? 0x2000 : 0) | p->fragment / 8));
	write_u8(w, 61);
	write_u8(w, p->protocol ? p->protocol : GATE_UDP);
	write_u16(w, 0);
	write_span(w, ip_address_span(from));
	write_span(w, ip_address_span(to));
	write_span(w, p->options);
	stage_upper(w, p, w->data + at + 12, 4);
	put_u16(w->data + at + 2, (uint16_t)(w->pos - at));
	put_u16(w->data + at + 10, ip_checksum(span_of(w->data + at, head)));
}

static inline void stage_v6(struct writer *w, const struct wish *p, const struct ip_address *from,
			    const struct ip_address *to)
{
	size_t at = w->pos, next_at = w->pos + 6;
	uint8_t protocol = p->protocol ? p->protocol : GATE_UDP;
	write_u32(w, 0x60000000);
	write_u16(w, 0);
	write_u8(w, protocol);
	write_u8(w, 61);
	write_span(w, ip_address_span(from));
	write_span(w, ip_address_span(to));
	if (p->extensions.len) {
		w->data[next_at] = p->extension;
		next_at = w->pos;
		write_span(w, p->extensions);
		w->data[next_at] = protocol;
	}
	if (p->fragment || p->more || p->fragment_header) {
		w->data[next_at] = 44;
		write_u8(w, protocol);
		write_u8(w, 0);
		write_u16(w, (uint16_t)(p->fragment | (p->more ? 1 : 0)));
		write_u32(w, 9);
	}
	stage_upper(w, p, w->data + at + 8, 16);
	put_u16(w->data + at + 4, (uint16_t)(w->pos - at - 40));
}

/* The packet in room (STAGE_PACKET_MAX octets). */
static inline struct span stage_packet(uint8_t *room, const struct wish *p)
{
	struct writer w = writer_of(room, STAGE_PACKET_MAX);
	struct ip_address from = stage_address(p->from), to = stage_address(p->to);
	assert_int_equal(from.family, to.family);
	if (from.family == 4)
		stage_v4(&w, p, &from, &to);
	else
		stage_v6(&w, p, &from, &to);
	assert_int_equal(writer_check(&w), OK);
	return writer_span(&w);
}

/* Is each checksum right? What has a partial one is not for here. */
static inline bool stage_sums_right(struct span bytes)
{
	struct gate_packet p;
	if (gate_packet_read(bytes, &p) != OK)
		return false;
	if (p.family == 4 && ip_checksum(span_of(bytes.data, (bytes.data[0] & 15u) * 4u)) != 0)
		return false;
	if (p.fragment != GATE_WHOLE)
		return true;
	uint64_t sum = p.protocol == GATE_ICMP ? 0
					       : ip_sum_pseudo(p.source, p.destination, p.protocol,
							       (uint32_t)p.upper.len);
	bool known = p.protocol == GATE_TCP || p.protocol == GATE_UDP || p.protocol == GATE_ICMP ||
		     p.protocol == GATE_ICMPV6;
	return !known || ip_sum_finish(ip_sum_add(sum, p.upper)) == 0;
}

/* 10.8.0.1 and fd08::1 are the gateway in the tunnel, with the page at port 443 and its redirect at
 * 8080; it has 192.168.1.1, 203.0.113.1 and 2001:db8::1 elsewhere. 10.8.0.2 and fd08::2 are the
 * peer, 10.8.0.3 and fd08::3, 10.8.0.4 and fd08::4 are others. */
struct stage {
	struct gate_net net;
	struct vpn_peer peer, friend, stranger;
	struct web_redirect *redirect;
	uint8_t answer[GATE_ANSWER_MAX], packet[STAGE_PACKET_MAX];
	struct writer w;
};

static inline struct vpn_peer *stage_peer_of(const void *arg, struct span address)
{
	const struct stage *s = arg;
	static const char *const v4[] = {"10.8.0.2", "10.8.0.3", "10.8.0.4"};
	static const char *const v6[] = {"fd08::2", "fd08::3", "fd08::4"};
	const struct vpn_peer *const peers[] = {&s->peer, &s->friend, &s->stranger};
	for (size_t i = 0; i < 3; i++) {
		struct ip_address a = stage_address(address.len == 4 ? v4[i] : v6[i]);
		if (span_equal(ip_address_span(&a), address))
			return (struct vpn_peer *)(uintptr_t)peers[i];
	}
	return NULL;
}

static inline void stage_begin(struct stage *s)
{
	static const uint8_t key[16] = {1, 2, 3};
	static const char *const own[] = {"192.168.1.1", "203.0.113.1", "2001:db8::1"};
	*s = (struct stage){0};
	struct ip_address a4 = stage_address("10.8.0.1"), a6 = stage_address("fd08::1");
	assert_true(gate_net_add_inner(&s->net, &a4) && gate_net_add_inner(&s->net, &a6));
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		struct ip_address a = stage_address(own[i]);
		assert_true(gate_own_add(&s->net.own, &a));
	}
	struct dns_name name;
	assert_int_equal(dns_name_from_text(span_text("sign-in.home.arpa"), NULL, &name), OK);
	gate_net_set_page(&s->net, &name, 443, 8080);
	s->net.time_servers[0] = stage_address("192.168.1.1");
	s->net.time_servers[1] = stage_address("2001:db8::1");
	s->net.time_servers_n = 2;
	assert_int_equal(web_redirect_new(1024, key, &s->redirect), OK);
	s->net.redirect = s->redirect;
	s->net.peer_of = stage_peer_of;
	s->net.peer_of_arg = s;
	struct vpn_peer *peers[] = {&s->peer, &s->friend, &s->stranger};
	for (size_t i = 0; i < 3; i++)
		gate_peer_init(&peers[i]->rules, &s->net);
	s->peer.rules.groups = s->friend.rules.groups = 1;
	s->peer.rules.talks = 1;
	s->stranger.rules.groups = 2;
	gate_close(&s->peer);
	s->peer.sign_in = true;
}

static inline void stage_end(struct stage *s)
{
	web_redirect_free(s->redirect);
}

static inline struct gate_bytes stage_bytes(struct stage *s, const struct wish *wish)
{
	struct span bytes = stage_packet(s->packet, wish);
	s->w = writer_of(s->answer, sizeof(s->answer));
	return (struct gate_bytes){.data = s->packet, .len = bytes.len};
}

static inline enum gate_verdict stage_in(struct stage *s, const struct wish *wish, uint64_t now_ms)
{
	return gate_in(&s->peer, stage_bytes(s, wish), now_ms, &s->w);
}

static inline enum gate_verdict stage_out(struct stage *s, const struct wish *wish, uint64_t now_ms)
{
	return gate_out(&s->peer, stage_bytes(s, wish), now_ms, &s->w);
}

#endif
