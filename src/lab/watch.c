#include "lab/watch.h"

#include "base/reader.h"
#include "proto/ip/frame.h"

#include <string.h>

/* RFC 791 3.1, RFC 768 */
enum { IP_CHECKSUM_AT = 10, UDP_CHECKSUM_AT = 6 };

static uint16_t u16_at(struct span packet, size_t at)
{
	struct reader r = reader_of_span(packet);
	reader_skip(&r, at);
	return read_u16(&r);
}

enum err lab_datagram_read(struct span packet, bool verify, struct lab_datagram *ret)
{
	struct ip_packet p;
	struct ip_udp u;
	if (packet.len > LAB_DATAGRAM_MAX)
		return ERR_UNSUPPORTED;
	TRY(ip_packet_read(packet, &p));
	TRY(ip_udp_read(&p, verify, &u));
	size_t udp_at = (size_t)(p.payload.data - packet.data);
	*ret = (struct lab_datagram){
		.source = p.source,
		.destination = p.destination,
		.source_port = u.source_port,
		.destination_port = u.destination_port,
		.ttl = p.ttl,
		.ip_checksum = u16_at(packet, IP_CHECKSUM_AT),
		.udp_checksum = u16_at(packet, udp_at + UDP_CHECKSUM_AT),
		.payload_at = udp_at + IP_UDP_HEAD_LEN,
		.len = udp_at + IP_UDP_HEAD_LEN + u.payload.len,
	};
	struct reader r = reader_of_span(packet);
	read_bytes(&r, ret->bytes, ret->len);
	return OK;
}

static struct span payload_of(const struct lab_datagram *d)
{
	return span_of(d->bytes + d->payload_at, d->len - d->payload_at);
}

static bool is_translated(const struct lab_datagram *a, const struct lab_datagram *b)
{
	return span_equal(payload_of(a), payload_of(b));
}

static bool is_to(const struct lab_datagram *d, uint32_t address, uint16_t port)
{
	return d->destination == address && d->destination_port == port;
}

static bool is_answer(const struct lab_datagram *d, const struct lab_datagram *question)
{
	return d->source == question->destination && d->source_port == question->destination_port &&
	       is_to(d, question->source, question->source_port);
}

/* The first on that side that fits. */
static const struct lab_datagram *find(const struct lab_watch *w, enum lab_side side,
				       bool (*fits)(const struct lab_datagram *,
						    const struct lab_datagram *const *),
				       const struct lab_datagram *const *chain)
{
	for (size_t i = 0; i < LAB_WATCH_MAX; i++) {
		const struct lab_datagram *d = &w->seen[i].datagram;
		if (w->seen[i].here && w->seen[i].side == side && fits(d, chain))
			return d;
	}
	return NULL;
}

/* chain: the question inside, the question outside, the answer outside, the answer inside. */
enum { ASKED, ASKED_OUT, ANSWERED_OUT, ANSWERED, CHAIN };

static bool goes_out(const struct lab_datagram *d, const struct lab_datagram *const *chain)
{
	const struct lab_datagram *q = chain[ASKED];
	return is_to(d, q->destination, q->destination_port) && is_translated(d, q);
}

static bool comes_back(const struct lab_datagram *d, const struct lab_datagram *const *chain)
{
	return is_answer(d, chain[ASKED_OUT]);
}

static bool arrives(const struct lab_datagram *d, const struct lab_datagram *const *chain)
{
	return is_answer(d, chain[ASKED]) && is_translated(d, chain[ANSWERED_OUT]);
}

static bool chain_from(const struct lab_watch *w, const struct lab_datagram *chain[CHAIN])
{
	return (chain[ASKED_OUT] = find(w, LAB_OUTSIDE, goes_out, chain)) &&
	       (chain[ANSWERED_OUT] = find(w, LAB_OUTSIDE, comes_back, chain)) &&
	       (chain[ANSWERED] = find(w, LAB_INSIDE, arrives, chain));
}

static void forget(struct lab_watch *w, const struct lab_datagram *const *chain)
{
	for (size_t i = 0; i < LAB_WATCH_MAX; i++)
		for (size_t j = 0; j < CHAIN; j++)
			if (&w->seen[i].datagram == chain[j])
				w->seen[i].here = false;
}

bool lab_watch_see(struct lab_watch *w, enum lab_side side, const struct lab_datagram *d,
		   struct lab_exchange *ret)
{
	size_t at = w->next++ % LAB_WATCH_MAX;
	w->seen[at].side = side;
	w->seen[at].here = true;
	w->seen[at].datagram = *d;
	for (size_t i = 0; i < LAB_WATCH_MAX; i++) {
		const struct lab_datagram *chain[CHAIN] = {&w->seen[i].datagram};
		if (!w->seen[i].here || w->seen[i].side != LAB_INSIDE || !chain_from(w, chain))
			continue;
		ret->question[LAB_INSIDE] = *chain[ASKED];
		ret->question[LAB_OUTSIDE] = *chain[ASKED_OUT];
		ret->answer[LAB_OUTSIDE] = *chain[ANSWERED_OUT];
		ret->answer[LAB_INSIDE] = *chain[ANSWERED];
		forget(w, chain);
		return true;
	}
	return false;
}
