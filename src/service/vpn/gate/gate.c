#include "service/vpn/gate/gate.h"

#include "service/vpn/gate/answer.h"
#include "service/vpn/gate/packet.h"
#include "service/vpn/gate/quarantine.h"
#include "service/vpn/gate/refuse.h"
#include "service/vpn/gate/rules.h"
#include "service/vpn/tunnel/peer.h"

#include <assert.h>

enum {
	DNS_PORT = 53,
	UDP_HEAD = 8,
	UDP_LEN_AT = 4,
	UDP_SUM_AT = 6,
	/* Activity is written no more often: the workers share it. */
	DATA_STEP_MS = 1000,
};

static_assert(GATE_ANSWER_MAX >= (int)REFUSE_ANSWER_MAX, "an error fits");
static_assert(GATE_ANSWER_MAX >= 40 + UDP_HEAD + (int)PAGE_DNS_ANSWER_MAX, "an answer of DNS fits");

/* A packet on its way through the gate. */
struct passage {
	struct vpn_peer *peer;
	struct gate_net *net;
	struct gate_bytes bytes;
	struct gate_packet p;
	uint64_t now_ms;
	struct writer *answer;
	bool inward; /* from the peer */
};

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static enum gate_verdict drop(const struct passage *g, enum gate_cause cause)
{
	atomic_fetch_add_explicit(&g->peer->rules.refused[cause], 1, memory_order_relaxed);
	count(&g->peer->refused);
	count(&g->net->refused[cause]);
	return GATE_DROPPED;
}

/* The gateway's address of that family in the tunnel; empty: it has none. */
static struct span inner_of(const struct gate_net *net, uint8_t family)
{
	for (size_t i = 0; i < net->inner_n; i++)
		if (net->inner[i].family == family)
			return ip_address_span(&net->inner[i]);
	return (struct span){0};
}

/* Dropped, and the sender told. */
static enum gate_verdict refuse(const struct passage *g, enum gate_cause cause)
{
	struct span bytes = span_of(g->bytes.data, g->bytes.len);
	struct span from = g->inward ? inner_of(g->net, g->p.family) : (struct span){0};
	(void)drop(g, cause);
	if (!refuse_may_answer(&g->p) || !gate_peer_take_answer(&g->peer->rules, g->now_ms) ||
	    !refuse_answer(&g->p, bytes, from, g->answer))
		return GATE_DROPPED;
	count(&g->net->answers);
	return GATE_ANSWERED;
}

/* --- the quarantine --- */

/* What is in a datagram; false when its length lies. */
static bool udp_payload(const struct gate_packet *p, struct span *ret)
{
	struct reader r = reader_of_span(p->upper);
	reader_skip(&r, UDP_LEN_AT);
	size_t len = read_u16(&r);
	if (r.bad || len < UDP_HEAD || len > p->upper.len)
		return false;
	*ret = span_sub(p->upper, UDP_HEAD, len - UDP_HEAD);
	return true;
}

static enum gate_verdict answer_dns(const struct passage *g)
{
	const struct gate_packet *p = &g->p;
	struct writer *w = g->answer;
	struct span query;
	if (!udp_payload(p, &query))
		return drop(g, GATE_PAGE_DNS);
	struct gate_answer a =
		gate_answer_begin(w, p->destination, p->source, GATE_UDP, UDP_SUM_AT);
	write_u16(w, p->destination_port);
	write_u16(w, p->source_port);
	write_u32(w, 0); /* length, checksum */
	if (w->bad || page_dns_answer(&g->net->dns, query, w) != OK) {
		writer_rewind(w, a.at);
		return drop(g, GATE_PAGE_DNS);
	}
	put_u16(w->data + a.upper_at + UDP_LEN_AT, (uint16_t)(w->pos - a.upper_at));
	if (!gate_answer_end(&a))
		return drop(g, GATE_PAGE_DNS);
	count(&g->net->dns_answers);
	return GATE_ANSWERED;
}

static enum gate_verdict lead(const struct passage *g)
{
	const struct web_redirect_packet packet = {
		.bytes = g->bytes.data, .p = &g->p, .partial = g->bytes.partial};
	bool led = g->inward
			   ? web_redirect_in(g->net->redirect, &g->net->page, &packet, g->now_ms)
			   : web_redirect_out(g->net->redirect, &g->net->page, &packet, g->now_ms);
	if (!led)
		return refuse(g, GATE_PAGE_FULL);
	count(&g->net->redirected);
	return GATE_PASS;
}

static enum gate_verdict pass_quarantine(const struct passage *g)
{
	enum quarantine_way way =
		g->inward ? quarantine_in(g->net, &g->p) : quarantine_out(g->net, &g->p);
	switch (way) {
	case QUARANTINE_DNS: return answer_dns(g);
	case QUARANTINE_WEB: return lead(g);
	case QUARANTINE_PASS: count(&g->net->passed_in_quarantine); return GATE_PASS;
	case QUARANTINE_REFUSE: break;
	}
	return refuse(g, GATE_QUARANTINE);
}

/* --- an open peer --- */

/* A split tunnel finds the page by a name that resolves inside whoever is asked, and its way out of
 * a session, too: the page is always within reach of who has to sign in. */
static bool is_page_question(const struct passage *g)
{
	struct span query;
	return g->inward && g->p.protocol == GATE_UDP && g->p.destination_port == DNS_PORT &&
	       g->p.fragment == GATE_WHOLE && udp_payload(&g->p, &query) &&
	       page_dns_is_for_page(&g->net->dns, query);
}

static bool is_in_reach(const struct passage *g)
{
	const struct gate_rules *reach = g->peer->rules.reach;
	if (!reach)
		return true;
	if (g->inward ? gate_rules_allow_in(reach, &g->p) : gate_rules_allow_out(reach, &g->p))
		return true;
	return g->peer->sign_in && QUARANTINE_PASS == (g->inward ? quarantine_in(g->net, &g->p)
								 : quarantine_out(g->net, &g->p));
}

/* The far end is no peer, or one with whom this one may talk. */
static bool may_talk(const struct passage *g)
{
	const struct gate_net *net = g->net;
	if (!net->peer_of)
		return true;
	const struct vpn_peer *far =
		net->peer_of(net->peer_of_arg, g->inward ? g->p.destination : g->p.source);
	if (!far || far == g->peer)
		return true;
	const struct gate_peer *a = &g->peer->rules, *b = &far->rules;
	return (a->talks & b->groups) || (b->talks & a->groups);
}

static void note_data(struct vpn_peer *peer, uint64_t now_ms)
{
	uint64_t last_ms = atomic_load_explicit(&peer->data_ms, memory_order_relaxed);
	if (now_ms >= last_ms + DATA_STEP_MS)
		atomic_store_explicit(&peer->data_ms, now_ms, memory_order_relaxed);
}

static enum gate_verdict pass_open(const struct passage *g)
{
	struct vpn_peer *peer = g->peer;
	if (peer->sign_in && is_page_question(g))
		return answer_dns(g);
	if (!is_in_reach(g))
		return refuse(g, GATE_REACH);
	if (!may_talk(g))
		return refuse(g, GATE_PEERS);
	note_data(peer, g->now_ms);
	return GATE_PASS;
}

/* --- both --- */

static enum gate_verdict judge(const struct passage *g)
{
	struct gate_peer *rules = &g->peer->rules;
	enum vpn_gate state = vpn_peer_gate(g->peer, g->now_ms);
	if (g->p.steered)
		return drop(g, GATE_STEERED);
	if (state == VPN_GATE_EXPIRED)
		return refuse(g, GATE_PAST_DATE);
	if (!shape_take(g->inward ? &rules->in : &rules->out, g->p.len, g->now_ms))
		return drop(g, GATE_BANDWIDTH);
	return state == VPN_GATE_OPEN ? pass_open(g) : pass_quarantine(g);
}

/* RFC 1122 3.2.1.3, RFC 4291 2.5 and 2.7: what no packet may come from; ::/80 holds the IPv4
 * addresses in IPv6 clothes with which rules are walked around. And nobody poses as the gateway. */
static bool is_spoofed(const struct gate_net *net, struct span source)
{
	static const uint8_t zeros[10];
	const uint8_t *at = source.data;
	if (source.len == 4 ? at[0] == 0 || at[0] == 127 || at[0] >= 224
			    : at[0] == 0xff || memcmp(at, zeros, sizeof(zeros)) == 0)
		return true;
	return gate_own_has(&net->own, source);
}

/* Redirects and neighbour discovery are for neighbours on a link: a tunnel has none, and the
 * gateway's kernel might believe them (RFC 4861 4). */
static bool is_link_control(const struct gate_packet *p)
{
	enum { REDIRECT4 = 5, ROUTER_SOLICITATION6 = 133, REDIRECT6 = 137 };
	if (p->family == 4)
		return p->protocol == GATE_ICMP && p->icmp_type == REDIRECT4;
	return p->protocol == GATE_ICMPV6 && p->icmp_type >= ROUTER_SOLICITATION6 &&
	       p->icmp_type <= REDIRECT6;
}

enum gate_verdict gate_in(struct vpn_peer *peer, struct gate_bytes packet, uint64_t now_ms,
			  struct writer *answer)
{
	struct passage g = {.peer = peer,
			    .net = peer->rules.net,
			    .bytes = packet,
			    .now_ms = now_ms,
			    .answer = answer,
			    .inward = true};
	if (!g.net)
		return GATE_DROPPED; /* nobody has set the peer up */
	if (gate_packet_read(span_of(packet.data, packet.len), &g.p) != OK)
		return drop(&g, GATE_MALFORMED);
	if (is_spoofed(g.net, g.p.source) || is_link_control(&g.p))
		return drop(&g, GATE_SPOOFED);
	return judge(&g);
}

enum gate_verdict gate_out(struct vpn_peer *peer, struct gate_bytes packet, uint64_t now_ms,
			   struct writer *answer)
{
	struct passage g = {.peer = peer,
			    .net = peer->rules.net,
			    .bytes = packet,
			    .now_ms = now_ms,
			    .answer = answer};
	if (!g.net)
		return GATE_DROPPED; /* nobody has set the peer up */
	if (gate_packet_read(span_of(packet.data, packet.len), &g.p) != OK)
		return drop(&g, GATE_MALFORMED);
	return judge(&g);
}
