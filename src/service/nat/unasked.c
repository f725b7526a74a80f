#include "service/nat/unasked.h"

#include "base/reader.h"
#include "proto/ip/checksum.h"
#include "service/nat/ip4.h"
#include "service/nat/traffic.h"

#include <string.h>

enum {
	ICMP_HEAD = 8,
	ICMP_UNREACHABLE = 3,
	ICMP_PORT = 3,
	TCP_FLAGS_AT = 13,
	TCP_SYN = 0x02,
	TCP_OTHERS = 0x15, /* FIN, RST, ACK */
	ANSWER_TTL = 64,
	ANSWER_TOS = 0xc0, /* RFC 1812 4.3.2.5 */
};

void unasked_init(struct unasked *u, const struct unasked_calls *calls)
{
	u->calls = *calls;
}

static struct unasked_syn *at(struct unasked *u, size_t i)
{
	return &u->syns[(u->first + i) % UNASKED_MAX];
}

/* A SYN and nothing else. The packet is its head only, so its length is not looked at. */
static bool is_syn(struct span packet, uint8_t quote[UNASKED_QUOTE])
{
	struct reader r = reader_of_span(packet), tcp = r;
	uint8_t first = read_u8(&r);
	reader_skip(&r, 8);
	uint8_t protocol = read_u8(&r);
	reader_skip(&tcp, NAT_IP4_HEAD + TCP_FLAGS_AT);
	uint8_t flags = read_u8(&tcp);
	struct reader head = reader_of_span(packet);
	read_bytes(&head, quote, UNASKED_QUOTE);
	if (reader_check(&r) || reader_check(&tcp) || reader_check(&head))
		return false;
	return first == 0x45 && protocol == NAT_PROTO_TCP && (flags & TCP_SYN) != 0 &&
	       (flags & TCP_OTHERS) == 0;
}

void unasked_event(struct unasked *u, uint64_t now_ms, const struct nat_event *event,
		   struct span packet)
{
	struct unasked_syn syn = {.tuple = event->tuple, .due_ms = now_ms + UNASKED_MS};
	if (event->kind != NAT_EVENT_UNASKED || event->tuple.zone != NAT_ZONE_OUTSIDE ||
	    !is_syn(packet, syn.quote))
		return;
	size_t of_source = 0;
	for (size_t i = 0; i < u->n; i++) {
		const struct unasked_syn *other = at(u, i);
		if (memcmp(&other->tuple, &syn.tuple, sizeof(syn.tuple)) == 0)
			return;
		of_source += other->tuple.src == syn.tuple.src;
	}
	if (u->n == UNASKED_MAX || of_source >= UNASKED_SOURCE_MAX) {
		u->counts.full++;
		return;
	}
	*at(u, u->n) = syn;
	u->n++;
	u->counts.waiting++;
}

/* From whom it was sent to. */
static void answer(const struct unasked *u, const struct unasked_syn *syn)
{
	uint8_t icmp[ICMP_HEAD + UNASKED_QUOTE], packet[NAT_IP4_HEAD + sizeof(icmp)];
	struct writer w = writer_of(icmp, sizeof(icmp));
	write_u8(&w, ICMP_UNREACHABLE);
	write_u8(&w, ICMP_PORT);
	write_u16(&w, 0);
	write_u32(&w, 0);
	write_bytes(&w, syn->quote, UNASKED_QUOTE);
	put_u16(icmp + 2, ip_checksum(span_of(icmp, sizeof(icmp))));
	struct nat_ip4 p = {.tos = ANSWER_TOS,
			    .ttl = ANSWER_TTL,
			    .protocol = NAT_PROTO_ICMP,
			    .payload = span_of(icmp, sizeof(icmp))};
	memcpy(p.source, &syn->tuple.dst, sizeof(p.source));
	memcpy(p.destination, &syn->tuple.src, sizeof(p.destination));
	w = writer_of(packet, sizeof(packet));
	nat_ip4_write(&w, &p);
	u->calls.send(u->calls.arg, span_of(packet, w.pos));
}

void unasked_turn(struct unasked *u, uint64_t now_ms)
{
	while (u->n != 0 && at(u, 0)->due_ms <= now_ms) {
		const struct unasked_syn *syn = at(u, 0);
		u->first = (u->first + 1) % UNASKED_MAX;
		u->n--;
		if (u->calls.is_flow(u->calls.arg, &syn->tuple)) {
			u->counts.asked_after_all++;
			continue;
		}
		answer(u, syn);
		u->counts.answered++;
	}
}

uint64_t unasked_next_ms(const struct unasked *u)
{
	return u->n != 0 ? u->syns[u->first].due_ms : UINT64_MAX;
}
