/* The decisions of the oracle, in the order of doc/design/nat.md. */
#include <setjmp.h>
#include <stdarg.h>

#include "service/nat/bpf/oracle_test.h"

enum { P_ICMP = 1, P_TCP = 6, P_UDP = 17 };
enum { PING = 8 << 8 }; /* its type and code, as rules have it */

static enum oracle_verdict drop(struct oracle *o, const char *why)
{
	o->why = why;
	o->answer = o->answer_too = 0;
	return ORACLE_DROP;
}

static enum oracle_verdict drop_by_rule(struct oracle *o, const char *why, uint8_t proto)
{
	(void)drop(o, why);
	if (o->action == NAT_REJECT)
		o->answer = proto == P_TCP ? ORACLE_RESET : 3 << 8 | 13; /* RFC 1812 5.2.7.1 */
	return ORACLE_DROP;
}

/* RFC 5508 REQ-8: who is inside is told. */
static enum oracle_verdict drop_full(struct oracle *o, const char *why, unsigned zone)
{
	(void)drop(o, why);
	if (zone != NAT_ZONE_OUTSIDE && zone != NAT_ZONE_GATEWAY)
		o->answer = 3 << 8 | 13;
	return ORACLE_DROP;
}

static bool has_ports(uint8_t proto)
{
	return proto == P_TCP || proto == P_UDP || proto == P_ICMP;
}

/* ---- addresses ---- */

static bool in_net(uint32_t address, uint32_t net, unsigned bits)
{
	return bits == 0 || ntohl(address) >> (32 - bits) == ntohl(net) >> (32 - bits);
}

static bool is_public(const struct oracle *o, uint32_t address)
{
	for (unsigned i = 0; i < ORACLE_PUBLICS; i++)
		if (o->publics[i] == address)
			return true;
	return false;
}

static bool is_own(const struct oracle *o, uint32_t address)
{
	return is_public(o, address) || address == IP4(192, 168, 1, 1) ||
	       address == IP4(192, 168, 2, 1);
}

static unsigned zone_of(const struct oracle *o, uint32_t address)
{
	if (is_own(o, address))
		return NAT_ZONE_GATEWAY;
	if (in_net(address, IP4(192, 168, 1, 0), 24))
		return NAT_ZONE_INSIDE;
	if (in_net(address, IP4(192, 168, 2, 0), 24))
		return ZONE_DMZ;
	if (in_net(address, IP4(10, 0, 0, 0), 8) || in_net(address, IP4(224, 0, 0, 0), 3))
		return NAT_ZONE_BOGON;
	return NAT_ZONE_OUTSIDE;
}

/* ---- rules ---- */

static bool mapped_in(const uint8_t prefix[16], unsigned bits, uint32_t address)
{
	uint8_t whole[16] = {[10] = 0xff, [11] = 0xff};
	memcpy(whole + 12, &address, 4);
	for (unsigned i = 0; i < bits; i++)
		if (((prefix[i / 8] ^ whole[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static bool rule_matches(const struct nat_rule *r, const struct oracle_flow *f, unsigned to,
			 uint16_t dport)
{
	uint16_t sport = f->proto == P_ICMP ? 0 : f->way[0].src.port;
	return (r->from >> f->way[0].zone & 1) && (r->to >> to & 1) &&
	       (r->proto == 0 || r->proto == f->proto) && r->src_first <= sport &&
	       sport <= r->src_last && r->dst_first <= dport && dport <= r->dst_last &&
	       mapped_in(r->src, r->src_bits, f->way[0].src.address) &&
	       mapped_in(r->dst, r->dst_bits, f->way[1].src.address);
}

/* The action of the first that matches; 0: none does. icmp: type << 8 | code. */
static unsigned judge(const struct oracle *o, unsigned first, unsigned n,
		      const struct oracle_flow *f, uint16_t icmp)
{
	for (unsigned i = first; i < first + n; i++)
		if (rule_matches(&o->rules[i], f, f->way[1].zone,
				 f->proto == P_ICMP ? icmp : f->way[1].src.port))
			return o->rules[i].action;
	return 0;
}

static const struct nat_forward4 *forward_at(const struct oracle *o, uint8_t proto, uint16_t port)
{
	unsigned space = proto == P_TCP ? NAT_SPACE_TCP : NAT_SPACE_UDP;
	for (unsigned i = 1; proto != P_ICMP && i <= o->forwards_n; i++)
		if (o->forwards[i].space == space && o->forwards[i].first <= port &&
		    port <= o->forwards[i].last)
			return &o->forwards[i];
	return NULL;
}

static struct oracle_end forward_to(const struct nat_forward4 *f, uint16_t port)
{
	uint16_t first = f->to_first ? ntohs(f->to_first) : f->first;
	return (struct oracle_end){f->to, (uint16_t)(first + (port - f->first))};
}

/* Whether the rules let it be; the same when they have changed since. Where none says anything:
 * zones are shut to each other, the machine's own is free, and a mapping was judged by its filter.
 */
static bool may(struct oracle *o, const struct oracle_flow *f, uint16_t icmp)
{
	const struct nat_forward4 *forward;
	unsigned action;
	o->action = 0;
	switch (f->kind) {
	case ORACLE_FORWARD:
		forward = forward_at(o, f->proto, f->way[0].dst.port);
		if (!forward || forward->to != f->way[1].src.address)
			return false;
		action = judge(o, 1, o->rules_own, f, icmp);
		if (action == 0 && forward->rules_n != 0) {
			action = judge(o, forward->rule, forward->rules_n, f, icmp);
			action = action == 0 ? NAT_DROP : action;
		}
		break;
	case ORACLE_OWN: return true; /* is not judged */
	case ORACLE_MAPPED:
		if (f->way[0].zone == NAT_ZONE_OUTSIDE) {
			action = judge(o, 1, o->rules_own, f, icmp);
			break;
		}
		__attribute__((fallthrough));
	default:
		action = judge(o, 1, o->rules_n, f, icmp);
		action = action == 0 ? NAT_DROP : action;
		break;
	}
	o->action = action;
	return action == 0 || action == NAT_ALLOW;
}

/* To there nobody is translated. */
static bool is_plain(const struct oracle *o, const struct oracle_flow *f, uint16_t icmp)
{
	return judge(o, o->rules_n + 1, o->plain_n, f, icmp) == NAT_ALLOW;
}

/* Its source leaves as it is, which it may no more. */
static bool leaks(const struct oracle *o, const struct oracle_flow *f, uint16_t icmp)
{
	return f->way[0].zone != NAT_ZONE_GATEWAY && f->way[0].zone != NAT_ZONE_OUTSIDE &&
	       f->way[1].zone == NAT_ZONE_OUTSIDE &&
	       f->way[1].dst.address == f->way[0].src.address && !is_plain(o, f, icmp);
}

/* ---- flows ---- */

static bool ends_are(const struct oracle_end *a, const struct oracle_end *b)
{
	return a->address == b->address && a->port == b->port;
}

static struct oracle_flow *find_flow(struct oracle *o, uint8_t proto, const struct oracle_way *way,
				     unsigned *ret_side)
{
	for (unsigned i = 0; i < o->flows_n; i++)
		for (unsigned side = 0; side < 2; side++) {
			const struct oracle_way *have = &o->flows[i].way[side];
			if (o->flows[i].proto == proto && have->zone == way->zone &&
			    ends_are(&have->src, &way->src) && ends_are(&have->dst, &way->dst)) {
				*ret_side = side;
				return &o->flows[i];
			}
		}
	return NULL;
}

static struct oracle_host *find_host(struct oracle *o, uint32_t address)
{
	for (unsigned i = 0; i < o->hosts_n; i++)
		if (o->hosts[i].address == address)
			return &o->hosts[i];
	struct oracle_host *host = &o->hosts[o->hosts_n++];
	ASSERT(o->hosts_n <= ORACLE_HOSTS);
	*host = (struct oracle_host){.address = address, .flows_max = 1000};
	return host;
}

static bool host_is_full(struct oracle *o, uint32_t address)
{
	unsigned n = 0;
	if (address == 0)
		return false;
	for (unsigned i = 0; i < o->flows_n; i++)
		n += o->flows[i].host == address;
	return n >= find_host(o, address)->flows_max;
}

static enum oracle_verdict drop_in_time(struct oracle *o, const struct oracle_flow *f)
{
	bool full = f->way[0].zone != NAT_ZONE_GATEWAY && f->host != 0 && host_is_full(o, f->host);
	if (full)
		(void)drop_full(o, "", f->way[0].zone);
	unsigned too = full ? o->answer : 0;
	(void)drop(o, "its time is over");
	o->answer = 11 << 8; /* RFC 1812 5.3.1 */
	o->answer_too = too;
	return ORACLE_DROP;
}

/* ---- mappings ---- */

static struct oracle_mapping *mapping_at(struct oracle *o, uint8_t proto,
					 const struct oracle_end *outside)
{
	for (unsigned i = 0; i < o->mappings_n; i++)
		if (o->mappings[i].proto == proto && ends_are(&o->mappings[i].outside, outside))
			return &o->mappings[i];
	return NULL;
}

static bool is_kept(const struct oracle *o, uint8_t proto, const struct oracle_end *e)
{
	for (unsigned i = 0; i < ORACLE_KEPT; i++)
		if (o->kept[i].address == proto && o->kept[i].port == e->port)
			return true;
	return false;
}

static bool is_free(struct oracle *o, uint8_t proto, const struct oracle_end *e)
{
	return !mapping_at(o, proto, e) && !forward_at(o, proto, e->port) && !is_kept(o, proto, e);
}

/* RFC 4787 REQ-3: its own port when it is free, and otherwise one of the same class. */
static bool port_is_right(struct oracle *o, const struct oracle_mapping *m, uint32_t flags)
{
	struct oracle_end kept = {m->outside.address, m->inside.port};
	uint16_t own = m->inside.port, port = m->outside.port;
	if (own != 0 && is_free(o, m->proto, &kept))
		return port == own;
	if (!is_free(o, m->proto, &m->outside))
		return false;
	if ((flags & NAT_HOST_PARITY) != 0 && (own & 1) != (port & 1))
		return false;
	if (own < 1024 && m->proto != P_ICMP)
		return port > 0 && port < 1024;
	return port >= 1024;
}

/* RFC 4787 REQ-2, "paired": one host, one public address. */
static bool public_is_right(const struct oracle *o, const struct oracle_host *host,
			    uint32_t address)
{
	return is_public(o, address) && (host->public == 0 || host->public == address);
}

/* The forward that leads to this inside endpoint is its mapping too (RFC 4787 REQ-1). */
static bool forward_back(const struct oracle *o, uint8_t proto, unsigned zone,
			 const struct oracle_end *inside, uint16_t *ret_port)
{
	for (unsigned i = 1; proto != P_ICMP && i <= o->forwards_n; i++)
		for (uint32_t port = o->forwards[i].first; port <= o->forwards[i].last; port++) {
			struct oracle_end to = forward_to(&o->forwards[i], (uint16_t)port);
			if (o->forwards[i].zone == zone && ends_are(&to, inside) &&
			    forward_at(o, proto, (uint16_t)port) == &o->forwards[i]) {
				*ret_port = (uint16_t)port;
				return true;
			}
		}
	return false;
}

/* RFC 4787 REQ-1: one inside endpoint, one outside, as far as the far end is not to matter. */
static struct oracle_mapping *mapping_of(struct oracle *o, const struct oracle_mapping *want)
{
	for (unsigned i = 0; i < o->mappings_n; i++) {
		struct oracle_mapping *m = &o->mappings[i];
		if (m->proto == want->proto && m->zone == want->zone &&
		    ends_are(&m->inside, &want->inside) && ends_are(&m->far, &want->far))
			return m;
	}
	return NULL;
}

/* The public end for the source of f; sent: the source that the program has given to it. The
 * mapping is remembered by keep(). */
static bool choose_source(struct oracle *o, struct oracle_flow *f, const struct oracle_end *sent,
			  struct oracle_mapping *ret)
{
	struct oracle_host machine = {0};
	const struct oracle_end *src = &f->way[0].src;
	bool self = f->way[0].zone == NAT_ZONE_GATEWAY;
	const struct oracle_host *host = self ? &machine : find_host(o, src->address);
	*ret = (struct oracle_mapping){.proto = f->proto, .zone = f->way[0].zone, .inside = *src};
	if (host->flags & (NAT_HOST_MAP_ADDRESS | NAT_HOST_MAP_ENDPOINT))
		ret->far.address = f->way[0].dst.address;
	if (host->flags & NAT_HOST_MAP_ENDPOINT)
		ret->far.port = f->way[0].dst.port;
	ret->outside = *sent;
	if (self ? sent->address != src->address : !public_is_right(o, host, sent->address))
		return false;
	if (!has_ports(f->proto) ||
	    (!self && forward_back(o, f->proto, f->way[0].zone, src, &ret->outside.port))) {
		ret->proto = 0;
		return true;
	}
	const struct oracle_mapping *have = mapping_of(o, ret);
	if (have) {
		ret->outside = have->outside;
		return true;
	}
	return port_is_right(o, ret, host->flags);
}

static void keep(struct oracle *o, const struct oracle_mapping *m)
{
	if (m->zone != NAT_ZONE_GATEWAY)
		find_host(o, m->inside.address)->public = m->outside.address;
	if (m->proto == 0 || mapping_of(o, m))
		return;
	ASSERT(o->mappings_n < ORACLE_FLOWS);
	o->mappings[o->mappings_n++] = *m;
}

/* ---- a packet of a flow ---- */

static enum oracle_verdict follow(struct oracle *o, const struct oracle_flow *f, unsigned side,
				  const struct oracle_packet *p, struct frame *want)
{
	const struct oracle_way *out = &f->way[!side];
	uint8_t *ip = want->bytes + ETHER, *l4 = want->bytes + p->l4;
	bool forwards = p->zone != NAT_ZONE_GATEWAY && out->zone != NAT_ZONE_GATEWAY;
	if (forwards && p->ttl <= 1)
		return drop_in_time(o, f);
	ip[8] = (uint8_t)(ip[8] - forwards);
	memcpy(ip + 12, &out->dst.address, 4);
	memcpy(ip + 16, &out->src.address, 4);
	if (p->proto == P_ICMP && !p->alien) {
		frame_put16(l4 + 4, (uint32_t)out->dst.port | out->src.port);
	} else if (has_ports(p->proto) && !p->alien) {
		frame_put16(l4, out->dst.port);
		frame_put16(l4 + 2, out->src.port);
	}
	o->why = "of a flow";
	return forwards ? ORACLE_SEND : ORACLE_PASS;
}

/* ---- a packet of none ---- */

struct begin {
	const struct oracle_packet *p;
	struct frame *want;
	struct oracle_end sent; /* source, as the program has sent it */
};

/* Nothing is kept for a packet that ends here. */
static bool is_over(const struct oracle_flow *f, const struct begin *b)
{
	return b->p->ttl <= 1 && f->kind != ORACLE_MACHINE && f->kind != ORACLE_OWN;
}

/* from here on f->way[1] is complete */
static enum oracle_verdict begin_flow(struct oracle *o, struct oracle_flow *f,
				      const struct begin *b)
{
	unsigned side;
	if (is_over(f, b))
		return drop_in_time(o, f);
	if (find_flow(o, f->proto, &f->way[1], &side))
		return drop_full(o, "its answers would be another's", f->way[0].zone);
	if (host_is_full(o, f->host))
		return drop_full(o, "the host has too many flows", f->way[0].zone);
	ASSERT(o->flows_n < ORACLE_FLOWS);
	f->gen = o->gen;
	o->flows[o->flows_n++] = *f;
	return follow(o, f, 0, b->p, b->want);
}

/* A public end that is not chosen anew may be one whose answers from that far end are another
 * flow's; which public address was tried cannot be seen when it is dropped. */
static bool is_another(struct oracle *o, struct oracle_flow *f, const struct begin *b)
{
	struct oracle_end sent = b->sent;
	struct oracle_mapping m;
	unsigned side;
	for (unsigned i = 0; i < ORACLE_PUBLICS; i++) {
		sent.address = o->publics[i];
		if (!choose_source(o, f, &sent, &m) || (m.proto != 0 && !mapping_of(o, &m)))
			continue;
		f->way[1].dst = m.outside;
		if (find_flow(o, f->proto, &f->way[1], &side))
			return true;
	}
	return false;
}

static enum oracle_verdict translate_source(struct oracle *o, struct oracle_flow *f,
					    const struct begin *b)
{
	struct oracle_mapping m;
	if (is_over(f, b))
		return drop_in_time(o, f);
	if (host_is_full(o, f->host))
		return drop_full(o, "the host has too many flows", f->way[0].zone);
	if (!is_public(o, b->sent.address) && is_another(o, f, b))
		return drop_full(o, "its answers would be another's", f->way[0].zone);
	bool right = choose_source(o, f, &b->sent, &m);
	f->way[1].dst = m.outside;
	unsigned side;
	if (find_flow(o, f->proto, &f->way[1], &side))
		return drop_full(o, "its answers would be another's", f->way[0].zone);
	o->why = "the source that was chosen is not a permitted one";
	if (!right)
		return ORACLE_SEND; /* as it came in, which the program's is not */
	keep(o, &m);
	return begin_flow(o, f, b);
}

static uint16_t icmp_of(const struct oracle_packet *p)
{
	return (uint16_t)(p->icmp_type << 8 | p->icmp_code);
}

static enum oracle_verdict to_machine(struct oracle *o, struct oracle_flow *f,
				      const struct begin *b)
{
	o->why = "to the machine";
	if (b->p->zone != NAT_ZONE_OUTSIDE)
		return ORACLE_PASS;
	f->kind = ORACLE_MACHINE;
	f->way[1].zone = NAT_ZONE_GATEWAY;
	if (!may(o, f, icmp_of(b->p)))
		return drop_by_rule(o, "nobody has asked for it", f->proto);
	return begin_flow(o, f, b);
}

static enum oracle_verdict by_forward(struct oracle *o, struct oracle_flow *f,
				      const struct nat_forward4 *forward, const struct begin *b)
{
	bool inside = b->p->zone != NAT_ZONE_OUTSIDE;
	if (!b->p->begins || forward->to == 0)
		return drop(o, "in the middle of a connection, or to nobody");
	f->kind = ORACLE_FORWARD;
	f->way[1].src = forward_to(forward, b->p->dst.port);
	f->way[1].zone = forward->zone;
	if (!may(o, f, icmp_of(b->p)))
		return drop_by_rule(o, "not for this sender", f->proto);
	f->host = inside ? f->way[0].src.address : forward->to;
	/* An answer between two on one link would not come by us. */
	if (inside && forward->zone == b->p->zone)
		return translate_source(o, f, b);
	return begin_flow(o, f, b);
}

static enum oracle_verdict by_mapping(struct oracle *o, struct oracle_flow *f,
				      const struct oracle_mapping *m, const struct begin *b)
{
	bool inside = b->p->zone != NAT_ZONE_OUTSIDE;
	if (m->zone == NAT_ZONE_GATEWAY) {
		f->way[1].src.port = m->inside.port;
		return to_machine(o, f, b);
	}
	if (!b->p->begins)
		return drop(o, "in the middle of a connection");
	f->kind = ORACLE_MAPPED;
	f->way[1].src = m->inside;
	f->way[1].zone = m->zone;
	if (!inside && !(find_host(o, m->inside.address)->flags & NAT_HOST_OPEN))
		return drop(o, "the host has not asked this sender (RFC 4787 REQ-8)");
	if (!may(o, f, icmp_of(b->p)))
		return drop_by_rule(o, "by a rule", f->proto);
	f->host = inside ? f->way[0].src.address : m->inside.address;
	return inside ? translate_source(o, f, b) : begin_flow(o, f, b);
}

static enum oracle_verdict to_own(struct oracle *o, struct oracle_flow *f, const struct begin *b)
{
	const struct oracle_packet *p = b->p;
	const struct oracle_mapping *m;
	if (is_public(o, p->dst.address) && has_ports(p->proto) &&
	    !(p->proto == P_ICMP && (p->begins || p->alien))) {
		const struct nat_forward4 *forward = forward_at(o, p->proto, p->dst.port);
		if (forward)
			return by_forward(o, f, forward, b);
		m = mapping_at(o, p->proto, &p->dst);
		if (m)
			return by_mapping(o, f, m, b);
	}
	if (p->zone == NAT_ZONE_OUTSIDE && !is_public(o, p->dst.address))
		return drop(o, "from outside to an address that nobody there may know");
	if (p->dst.address == o->publics[1])
		return drop(o, "nobody has this port, and the machine does not have the address");
	return to_machine(o, f, b);
}

static enum oracle_verdict decide(struct oracle *o, struct oracle_flow *f, const struct begin *b)
{
	const struct oracle_packet *p = b->p;
	if (zone_of(o, p->src.address) != p->zone)
		return drop(o, "that source does not belong here (RFC 2827)");
	if (is_own(o, p->dst.address))
		return to_own(o, f, b);
	if (p->zone == NAT_ZONE_OUTSIDE)
		return drop(o, "from outside to an address that is not ours");
	if (p->alien && p->proto == P_ICMP)
		return drop(o, "this type of ICMP is not for others");
	if (!p->begins)
		return drop(o, "in the middle of a connection");
	unsigned to = zone_of(o, p->dst.address);
	f->way[1].zone = to == NAT_ZONE_BOGON ? NAT_ZONE_OUTSIDE : to;
	f->host = p->src.address;
	if (!may(o, f, icmp_of(p)))
		return drop_by_rule(o, "by a rule", f->proto);
	if (f->way[1].zone != NAT_ZONE_OUTSIDE)
		return begin_flow(o, f, b);
	if (is_plain(o, f, icmp_of(p)))
		return begin_flow(o, f, b);
	if (p->alien)
		return drop(o, "this protocol cannot be translated");
	return translate_source(o, f, b);
}

/* Of the machine itself, on its way out. */
static enum oracle_verdict decide_own(struct oracle *o, struct oracle_flow *f,
				      const struct begin *b)
{
	const struct oracle_packet *p = b->p;
	o->why = "the machine's own, without a flow";
	if (in_net(p->dst.address, IP4(224, 0, 0, 0), 4) || p->dst.address == UINT32_MAX)
		return ORACLE_PASS;
	f->kind = ORACLE_OWN;
	f->way[1].zone = NAT_ZONE_OUTSIDE;
	if (p->proto == P_ICMP && !p->begins)
		return ORACLE_PASS;
	if (!has_ports(p->proto) || is_kept(o, p->proto, &p->src))
		return begin_flow(o, f, b);
	return translate_source(o, f, b);
}

/* ---- a frame ---- */

static enum oracle_verdict walk(struct oracle *o, const struct begin *b, unsigned zone)
{
	const struct oracle_packet *p = b->p;
	struct oracle_flow f = {.proto = p->proto,
				.way = {{p->src, p->dst, zone}, {p->dst, p->src, 0}}};
	unsigned side;
	o->why = "the machine's own, of no flow";
	if (p->alien && zone == NAT_ZONE_GATEWAY)
		return ORACLE_PASS;
	struct oracle_flow *flow = find_flow(o, p->proto, &f.way[0], &side);
	if (!flow)
		return zone == NAT_ZONE_GATEWAY ? decide_own(o, &f, b) : decide(o, &f, b);
	if (flow->gen != o->gen && !may(o, flow, PING))
		return drop_by_rule(o, "no longer allowed", p->proto);
	if (flow->gen != o->gen && leaks(o, flow, PING))
		return drop(o, "no longer without translation");
	flow->gen = o->gen;
	return follow(o, flow, side, p, b->want);
}

enum oracle_verdict oracle_step(struct oracle *o, unsigned zone, const struct frame *in,
				const struct frame *got, struct frame *ret_want)
{
	struct oracle_packet p;
	*ret_want = *in;
	if (!oracle_read(in, zone, &p))
		return drop(o, "not to be believed");
	if (zone == NAT_ZONE_GATEWAY && p.src.address == 0) {
		o->why = "it has no address yet";
		return ORACLE_PASS;
	}
	if (zone == NAT_ZONE_GATEWAY && !is_public(o, p.src.address))
		return drop(o, "that source may not be seen outside");
	struct begin b = {.p = &p, .want = ret_want, .sent = oracle_source(got, &p)};
	enum oracle_verdict verdict = walk(o, &b, zone);
	if (verdict == ORACLE_DROP)
		*ret_want = *in;
	else
		oracle_seal(in, got, &p, ret_want);
	return verdict;
}
