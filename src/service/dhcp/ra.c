#include "service/dhcp/ra.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "service/dhcp/conf6.h"

/* RFC 4861 10, and the limits of RFC 9096 3.4 for prefixes that somebody else may take back. */
enum {
	MAX_INITIAL_INTERVAL_MS = 16000,
	MAX_INITIAL_ADVERTISEMENTS = 3,
	MIN_DELAY_BETWEEN_MS = 3000,
	MAX_DELAY_MS = 500,
	VALID_LIMIT_S = 5400,
	PREFERRED_LIMIT_S = 2700,
	PREFIX_BITS = 64, /* RFC 4862 5.5.3 with interface identifiers of 64 bits */
};

static const struct ip_address all_nodes = {.family = 6, .bytes = {0xff, 2, [15] = 1}};

/* --- what the configuration says --- */

static uint32_t seconds(uint64_t ms)
{
	return ms / 1000 < NDP_INFINITY ? (uint32_t)(ms / 1000) : NDP_INFINITY;
}

static enum ndp_preference preference_of(int choice)
{
	static const enum ndp_preference by_choice[] = {NDP_MEDIUM, NDP_HIGH, NDP_LOW};
	return by_choice[choice];
}

static void take_lists(const struct v6_advertise_conf *c, struct ra_rules *r)
{
	const struct v6_advertised_conf *prefixes = c->prefixes.items;
	const struct v6_route_conf *routes = c->routes.items;
	const struct ip_prefix *pref64 = c->pref64.items;
	/* RFC 8781 4.1: "the default is three times MaxRtrAdvInterval", in units of 8 s. */
	uint64_t pref64_s = (r->max_ms * UINT64_C(3) / 1000 + 7) / 8 * 8;
	for (size_t i = 0; i < c->prefixes.n && i < RA_PREFIXES_MAX; i++)
		r->prefixes[r->prefixes_n++] =
			(struct ndp_prefix){.prefix = prefixes[i].prefix,
					    .on_link = prefixes[i].on_link,
					    .autonomous = prefixes[i].autonomous,
					    .valid_s = seconds(prefixes[i].valid_ms),
					    .preferred_s = seconds(prefixes[i].preferred_ms)};
	for (size_t i = 0; i < c->routes.n && i < RA_ROUTES_MAX; i++)
		r->routes[r->routes_n++] =
			(struct ndp_route){.prefix = routes[i].prefix,
					   .preference = preference_of(routes[i].preference),
					   .lifetime_s = seconds(routes[i].lifetime_ms)};
	for (size_t i = 0; i < c->pref64.n && i < RA_PREF64_MAX; i++)
		r->pref64[r->pref64_n++] = (struct ndp_pref64){
			.prefix = pref64[i],
			.lifetime_s = (uint16_t)(pref64_s < 65528 ? pref64_s : 65528)};
}

static void take_dns(const struct v6_advertise_conf *c, struct ra_rules *r)
{
	const struct ip_address *servers = c->rdnss.items;
	const struct dns_name *names = c->dnssl.items;
	struct writer w = writer_of(r->names, sizeof(r->names));
	/* RFC 8106 5.1: "The default value … is 3 * MaxRtrAdvInterval". */
	r->rdnss.lifetime_s = r->max_ms * 3 / 1000;
	for (size_t i = 0; i < c->rdnss.n && i < NDP_RDNSS_MAX; i++)
		r->rdnss.servers[r->rdnss.servers_n++] = servers[i];
	for (size_t i = 0; i < c->dnssl.n; i++)
		write_span(&w, dns_name_span(&names[i]));
	r->names_len = (uint16_t)w.pos;
	w = writer_of(r->portal, sizeof(r->portal));
	if (c->captive_portal)
		write_text(&w, c->captive_portal);
	r->portal_len = (uint16_t)w.pos;
}

/* RFC 4861 6.2.1: a third of the longest, where that is 9 s or more; never below 3 s. */
static uint32_t min_interval(const struct v6_advertise_conf *c)
{
	uint64_t most = c->max_interval_ms;
	uint64_t least = c->min_interval_ms ? c->min_interval_ms
			 : most >= 9000	    ? most / 3
					    : most * 3 / 4;
	return (uint32_t)(least < 3000 ? 3000 : least);
}

bool ra_rules_of(const struct v6_conf *conf, size_t nth, struct ra_rules *ret)
{
	const struct v6_advertise_conf *c = conf->advertise.items;
	if (nth >= conf->advertise.n)
		return false;
	c += nth;
	*ret = (struct ra_rules){.managed = c->managed,
				 .other = c->other,
				 .automatic = c->automatic,
				 .preference = preference_of(c->preference),
				 .mtu = c->mtu,
				 .hop_limit = c->hop_limit,
				 .lifetime_s = (uint16_t)seconds(c->lifetime_ms),
				 .min_ms = min_interval(c),
				 .max_ms = (uint32_t)c->max_interval_ms,
				 .reachable_ms = (uint32_t)c->reachable_ms,
				 .retrans_ms = (uint32_t)c->retrans_ms};
	struct writer w = writer_of(ret->interface, sizeof(ret->interface) - 1);
	write_text(&w, c->interface);
	take_lists(c, ret);
	take_dns(c, ret);
	return true;
}

/* --- chance --- */

void ra_init(struct ra *r, const uint8_t seed[16], const struct ra_effects *effects)
{
	struct hash_key key = hash_key_of(seed);
	*r = (struct ra){.effects = *effects, .seed = {key.k0, key.k1}};
}

/* 0 to below - 1. */
static uint64_t draw(struct ra *r, uint64_t below)
{
	struct hash_key key = {r->seed[0], r->seed[1]};
	uint64_t n = r->drawn++;
	return below ? siphash13_of(key, &n, sizeof(n)) % below : 0;
}

/* --- prefixes --- */

static uint32_t left_s(uint64_t until_ms, uint64_t now_ms)
{
	return until_ms > now_ms ? seconds(until_ms - now_ms) : 0;
}

static uint64_t until(uint32_t lifetime_s, uint64_t now_ms)
{
	return lifetime_s == NDP_INFINITY ? UINT64_MAX : now_ms + lifetime_s * UINT64_C(1000);
}

static struct ra_prefix *find_prefix(struct ra_interface *i, const struct ip_prefix *p)
{
	for (size_t k = 0; k < i->prefixes_n; k++)
		if (ip_prefix_equal(&i->prefixes[k].prefix.prefix, p))
			return &i->prefixes[k];
	return NULL;
}

/* In force from now on; new ones take the place of what is over longest. */
static bool put_prefix(struct ra_interface *i, const struct ra_prefix *p)
{
	struct ra_prefix *at = find_prefix(i, &p->prefix.prefix);
	bool fresh = !at || at->gone;
	if (!at && i->prefixes_n < sizeof(i->prefixes) / sizeof(i->prefixes[0]))
		at = &i->prefixes[i->prefixes_n++];
	for (size_t k = 0; !at && k < i->prefixes_n; k++)
		if (i->prefixes[k].gone)
			at = &i->prefixes[k];
	if (at)
		*at = *p;
	return at && fresh;
}

static bool put_automatic(struct ra_interface *i, const struct ndp_prefix *address, uint64_t now_ms)
{
	struct ra_prefix p = {.prefix = *address,
			      .preferred_until_ms = until(address->preferred_s, now_ms),
			      .valid_until_ms = until(address->valid_s, now_ms)};
	const struct ip_address *a = &address->prefix.address;
	if (!i->rules.automatic || address->prefix.bits >= 128 || ip_address_is_link_local(a) ||
	    ip_address_is_multicast(a) || ip_address_is_loopback(a))
		return false;
	for (size_t k = 0; k < i->rules.prefixes_n; k++)
		if (ip_prefix_equal(&i->rules.prefixes[k].prefix, &address->prefix))
			return false; /* what is written down wins */
	p.prefix.on_link = true;
	p.prefix.autonomous = address->prefix.bits == PREFIX_BITS;
	p.prefix.valid_s = VALID_LIMIT_S;
	p.prefix.preferred_s = PREFERRED_LIMIT_S;
	return put_prefix(i, &p);
}

/* The lifetimes that are said now: RFC 7084 L-13 and RFC 8415 18.2.10.1, never longer than what is
 * left of the prefix itself. */
static struct ndp_prefix said(const struct ra_prefix *p, uint64_t now_ms)
{
	struct ndp_prefix n = p->prefix;
	uint32_t valid_s = left_s(p->valid_until_ms, now_ms);
	uint32_t preferred_s = left_s(p->preferred_until_ms, now_ms);
	if (p->gone)
		valid_s = preferred_s = 0;
	n.valid_s = n.valid_s < valid_s ? n.valid_s : valid_s;
	n.preferred_s = n.preferred_s < preferred_s ? n.preferred_s : preferred_s;
	if (n.preferred_s > n.valid_s)
		n.preferred_s = n.valid_s;
	return n;
}

/* RFC 9096 3.5: a prefix that is not advertised any more is advertised "with … the Valid Lifetime
 * and Preferred Lifetime set to 0", for at least the valid lifetime that it had. */
static bool retire(struct ra_interface *i, const struct ra_prefix *before, size_t n,
		   uint64_t now_ms)
{
	bool changed = false;
	for (size_t k = 0; k < n; k++) {
		struct ra_prefix p = before[k];
		if (find_prefix(i, &p.prefix.prefix) || (p.gone && p.told_until_ms <= now_ms))
			continue;
		if (!p.gone) {
			changed = true;
			p.told_until_ms =
				now_ms + said(&before[k], now_ms).valid_s * UINT64_C(1000);
			p.gone = true;
		}
		(void)put_prefix(i, &p);
	}
	return changed;
}

static bool renew_prefixes(struct ra_interface *i, uint64_t now_ms)
{
	struct ra_prefix before[RA_PREFIXES_MAX * 2];
	size_t n = i->prefixes_n;
	bool changed = false;
	for (size_t k = 0; k < n; k++)
		before[k] = i->prefixes[k];
	i->prefixes_n = 0;
	for (size_t k = 0; k < i->rules.prefixes_n; k++) {
		struct ra_prefix p = {.prefix = i->rules.prefixes[k],
				      .preferred_until_ms = UINT64_MAX,
				      .valid_until_ms = UINT64_MAX};
		(void)put_prefix(i, &p);
	}
	for (size_t k = 0; k < i->link.prefixes_n; k++)
		(void)put_automatic(i, &i->link.prefixes[k], now_ms);
	for (size_t k = 0; k < i->prefixes_n; k++) {
		bool was = false;
		for (size_t q = 0; q < n; q++)
			was = was ||
			      (!before[q].gone && ip_prefix_equal(&before[q].prefix.prefix,
								  &i->prefixes[k].prefix.prefix));
		changed = changed || !was;
	}
	return retire(i, before, n, now_ms) || changed;
}

/* --- the message --- */

static bool is_ready(const struct ra_interface *i)
{
	return i->link.ifindex && i->link.link_local.family;
}

static void write_options(const struct ra_interface *i, uint64_t now_ms, struct writer *w)
{
	const struct ra_rules *r = &i->rules;
	if (i->link.has_mac)
		ndp_write_link_layer(w, NDP_OPT_SOURCE_LINK_LAYER, span_of(i->link.mac, 6));
	if (r->mtu)
		ndp_write_mtu(w, r->mtu);
	for (size_t k = 0; k < i->prefixes_n; k++) {
		struct ndp_prefix p = said(&i->prefixes[k], now_ms);
		if (!i->prefixes[k].gone || i->prefixes[k].told_until_ms > now_ms)
			ndp_write_prefix(w, &p);
	}
	for (size_t k = 0; k < r->routes_n; k++)
		ndp_write_route(w, &r->routes[k]);
	if (r->rdnss.servers_n)
		ndp_write_rdnss(w, &r->rdnss);
	if (r->names_len)
		ndp_write_dnssl(w, r->rdnss.lifetime_s, span_of(r->names, r->names_len));
	for (size_t k = 0; k < r->pref64_n; k++)
		ndp_write_pref64(w, &r->pref64[k]);
	if (r->portal_len)
		ndp_write_captive_portal(w, span_of(r->portal, r->portal_len));
}

static void send(struct ra *r, struct ra_interface *i, uint64_t now_ms, bool final)
{
	struct ndp_message m = {.hop_limit = i->rules.hop_limit,
				.managed = i->rules.managed,
				.other = i->rules.other,
				/* RFC 4191 2.2: without a lifetime "the preference … MUST be set to
				 * (00)". */
				.preference = i->rules.lifetime_s && !final ? i->rules.preference
									    : NDP_MEDIUM,
				.lifetime_s = final ? 0 : i->rules.lifetime_s,
				.reachable_ms = i->rules.reachable_ms,
				.retrans_ms = i->rules.retrans_ms};
	struct writer w = writer_of(r->message, sizeof(r->message));
	if (!is_ready(i))
		return;
	ndp_write_router_advert(&w, &m);
	write_options(i, now_ms, &w);
	if (writer_check(&w) != OK)
		return; /* limits of the rules keep it below RA_MESSAGE_MAX */
	r->effects.send(r->effects.arg, i->link.ifindex, &all_nodes, writer_span(&w));
	i->counts.sent++;
	i->last_ms = now_ms;
}

/* --- when --- */

/* RFC 4861 6.2.4: "uniformly distributed between … MinRtrAdvInterval and MaxRtrAdvInterval", the
 * first ones at most MAX_INITIAL_RTR_ADVERT_INTERVAL apart. */
static void schedule(struct ra *r, struct ra_interface *i, uint64_t now_ms)
{
	uint64_t wait_ms = i->rules.min_ms + draw(r, i->rules.max_ms - i->rules.min_ms + 1);
	if (i->initial && wait_ms > MAX_INITIAL_INTERVAL_MS)
		wait_ms = MAX_INITIAL_INTERVAL_MS;
	i->next_ms = now_ms + wait_ms;
}

/* As soon as may be: RFC 4861 6.2.6, "consecutive Router Advertisements sent to the all-nodes
 * multicast address MUST be rate limited to no more than one advertisement every
 * MIN_DELAY_BETWEEN_RAS". */
static void hurry(struct ra *r, struct ra_interface *i, uint64_t now_ms)
{
	uint64_t at = now_ms + draw(r, MAX_DELAY_MS);
	if (i->last_ms && at < i->last_ms + MIN_DELAY_BETWEEN_MS)
		at = i->last_ms + MIN_DELAY_BETWEEN_MS;
	if (at < i->next_ms)
		i->next_ms = at;
}

static void begin(struct ra *r, struct ra_interface *i, uint64_t now_ms)
{
	i->initial = MAX_INITIAL_ADVERTISEMENTS;
	i->next_ms = UINT64_MAX;
	hurry(r, i, now_ms);
}

static struct ra_interface *interface_named(struct ra *r, const char *name)
{
	for (size_t k = 0; k < r->interfaces_n; k++)
		if (strcmp(r->interfaces[k].rules.interface, name) == 0)
			return &r->interfaces[k];
	return NULL;
}

static bool is_named(const struct ra_rules *rules, size_t n, const char *name)
{
	for (size_t k = 0; k < n; k++)
		if (strcmp(rules[k].interface, name) == 0)
			return true;
	return false;
}

void ra_set_rules(struct ra *r, uint64_t now_ms, const struct ra_rules *rules, size_t n)
{
	size_t kept = 0;
	for (size_t k = 0; k < r->interfaces_n; k++) {
		if (!is_named(rules, n, r->interfaces[k].rules.interface))
			send(r, &r->interfaces[k], now_ms, true);
		else if (kept++ != k)
			r->interfaces[kept - 1] = r->interfaces[k];
	}
	r->interfaces_n = kept;
	for (size_t k = 0; k < n; k++) {
		struct ra_interface *i = interface_named(r, rules[k].interface);
		if (!i && r->interfaces_n == RA_INTERFACES_MAX)
			return;
		if (!i) {
			i = &r->interfaces[r->interfaces_n++];
			*i = (struct ra_interface){0};
		}
		i->rules = rules[k];
		(void)renew_prefixes(i, now_ms);
		begin(r, i, now_ms);
	}
}

void ra_set_links(struct ra *r, uint64_t now_ms, const struct ra_link *links, size_t n)
{
	for (size_t k = 0; k < r->interfaces_n; k++) {
		struct ra_interface *i = &r->interfaces[k];
		const struct ra_link *link = NULL;
		bool was = is_ready(i);
		for (size_t q = 0; q < n && !link; q++)
			if (strcmp(links[q].name, i->rules.interface) == 0)
				link = &links[q];
		i->link = link ? *link : (struct ra_link){0};
		bool changed = renew_prefixes(i, now_ms);
		if (is_ready(i) && (!was || changed))
			begin(r, i, now_ms);
	}
}

void ra_receive(struct ra *r, uint64_t now_ms, uint32_t ifindex, const struct ndp_arrival *a,
		struct span icmp)
{
	struct ndp_message m;
	for (size_t k = 0; k < r->interfaces_n; k++) {
		struct ra_interface *i = &r->interfaces[k];
		if (i->link.ifindex != ifindex)
			continue;
		if (ndp_message_read(icmp, a, true, &m) != OK || m.type != NDP_ROUTER_SOLICIT) {
			i->counts.refused++;
			return;
		}
		i->counts.solicited++;
		uint64_t before = i->next_ms;
		hurry(r, i, now_ms);
		if (i->next_ms != before)
			i->counts.answered++;
		return;
	}
}

uint64_t ra_next_ms(const struct ra *r)
{
	uint64_t next = UINT64_MAX;
	for (size_t k = 0; k < r->interfaces_n; k++)
		if (is_ready(&r->interfaces[k]) && r->interfaces[k].next_ms < next)
			next = r->interfaces[k].next_ms;
	return next;
}

void ra_turn(struct ra *r, uint64_t now_ms)
{
	for (size_t k = 0; k < r->interfaces_n; k++) {
		struct ra_interface *i = &r->interfaces[k];
		if (!is_ready(i) || i->next_ms > now_ms)
			continue;
		send(r, i, now_ms, false);
		if (i->initial)
			i->initial--;
		schedule(r, i, now_ms);
	}
}

void ra_stop(struct ra *r, uint64_t now_ms)
{
	for (size_t k = 0; k < r->interfaces_n; k++)
		send(r, &r->interfaces[k], now_ms, true);
	r->interfaces_n = 0;
}
