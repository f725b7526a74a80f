#include "service/nat/nft_inner.h"

#include <stdlib.h>
#include <string.h>

#define OUTSIDE (1U << NAT_ZONE_OUTSIDE)

/* --- words ------------------------------------------------------------------------------------ */

bool nat_nft_name_fits(const char *name)
{
	return *name &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    "._@:+-") == strlen(name);
}

/* Of `outside`, `inside`, and each of `zones`; NULL behind the last. */
static const struct config_list *devices_at(const struct nat_conf *c, size_t at, unsigned *ret_zone)
{
	const struct nat_zone_conf *zones = c->zones.items;
	*ret_zone = at == 0 ? NAT_ZONE_OUTSIDE : NAT_ZONE_INSIDE;
	if (at < 2)
		return at == 0 ? &c->outside : &c->inside;
	if (at - 2 >= c->zones.n)
		return NULL;
	*ret_zone = (unsigned)nat_conf_zone(c, span_text(zones[at - 2].name));
	return &zones[at - 2].interfaces;
}

bool nft_put_devices(struct nft_make *m, const char *word, uint32_t zones)
{
	const struct config_list *list;
	unsigned zone;
	size_t n = 0;
	for (size_t at = 0; (list = devices_at(m->conf, at, &zone)); at++) {
		const char *const *names = list->items;
		for (size_t i = 0; (zones >> zone & 1) && i < list->n; i++) {
			if (n++ == 0)
				write_format(m->w, "%s { ", word);
			else
				write_text(m->w, ", ");
			if (!nat_nft_name_fits(names[i]))
				m->err = m->err ? m->err : ERR_UNSUPPORTED;
			else
				write_format(m->w, "\"%s\"", names[i]);
		}
	}
	if (n)
		write_text(m->w, " } ");
	return n > 0;
}

bool nft_has_devices(const struct nft_make *m, uint32_t zones)
{
	const struct config_list *list;
	unsigned zone;
	for (size_t at = 0; (list = devices_at(m->conf, at, &zone)); at++)
		if ((zones >> zone & 1) && list->n)
			return true;
	return false;
}

void nft_put_address(struct nft_make *m, const struct ip_address *a)
{
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(a, text);
	write_text(m->w, text);
}

bool nft_put_publics(struct nft_make *m)
{
	size_t n = 0;
	for (size_t i = 0; i < NAT_PUBLICS; i++) {
		struct ip_address a = nat_address_of(m->t->publics[i].address);
		if (!m->t->publics[i].address)
			continue;
		write_text(m->w, n++ ? ", " : "{ ");
		nft_put_address(m, &a);
	}
	if (n)
		write_text(m->w, " } ");
	return n > 0;
}

/* --- timers ----------------------------------------------------------------------------------- */

static unsigned long long seconds(uint64_t ms)
{
	return (ms + 999) / 1000;
}

/* Objects cannot be changed, and flows hold on to them: each has its numbers in its name, so that
 * others are others. The kernel's states of TCP after those of RFC 7857: what waits for the second
 * side is opening or half closed. */
static void put_timer_objects(struct nft_make *m)
{
	const struct nat_timeouts_conf *t = &m->conf->timeouts;
	unsigned long long opening = seconds(t->tcp_opening_ms), open = seconds(t->tcp_ms),
			   closing = seconds(t->tcp_closing_ms), udp = seconds(t->udp_ms),
			   dns = seconds(t->dns_ms);
	write_format(m->w,
		     "\tct timeout t_tcp_%llu_%llu_%llu {\n\t\tprotocol tcp\n\t\tl3proto ip\n"
		     "\t\tpolicy = { syn_sent : %llu, syn_recv : %llu, fin_wait : %llu, "
		     "close_wait : %llu, established : %llu, retrans : %llu, unack : %llu, "
		     "last_ack : %llu, time_wait : %llu, close : %llu }\n\t}\n",
		     opening, open, closing, opening, opening, opening, opening, open, open, open,
		     closing, closing, closing);
	write_format(m->w,
		     "\tct timeout t_udp_%llu {\n\t\tprotocol udp\n\t\tl3proto ip\n"
		     "\t\tpolicy = { unreplied : %llu, replied : %llu }\n\t}\n",
		     udp, udp, udp);
	if (dns != udp)
		write_format(m->w,
			     "\tct timeout t_udp_%llu {\n\t\tprotocol udp\n\t\tl3proto ip\n"
			     "\t\tpolicy = { unreplied : %llu, replied : %llu }\n\t}\n",
			     dns, dns, dns);
}

static void put_timer_rules(struct nft_make *m, const char *word, uint32_t zones)
{
	const struct nat_timeouts_conf *t = &m->conf->timeouts;
	write_text(m->w, "\t\t");
	(void)nft_put_devices(m, word, zones);
	write_format(m->w, "meta l4proto tcp ct timeout set \"t_tcp_%llu_%llu_%llu\"\n\t\t",
		     seconds(t->tcp_opening_ms), seconds(t->tcp_ms), seconds(t->tcp_closing_ms));
	(void)nft_put_devices(m, word, zones);
	write_format(m->w, "udp dport != 53 ct timeout set \"t_udp_%llu\"\n\t\t",
		     seconds(t->udp_ms));
	(void)nft_put_devices(m, word, zones);
	write_format(m->w, "udp dport 53 ct timeout set \"t_udp_%llu\"\n", seconds(t->dns_ms));
}

static void put_timers(struct nft_make *m)
{
	write_text(m->w, "table inet " NAT_NFT_TIMERS " {\n");
	put_timer_objects(m);
	write_text(m->w, "\tchain passing {\n"
			 "\t\ttype filter hook prerouting priority -150; policy accept;\n");
	put_timer_rules(m, "iifname", NFT_ALL_ZONES);
	write_text(m->w, "\t}\n\tchain own {\n"
			 "\t\ttype filter hook output priority -150; policy accept;\n");
	put_timer_rules(m, "oifname", NFT_ALL_ZONES);
	write_text(m->w, "\t}\n}\n");
}

/* --- translation ------------------------------------------------------------------------------ */

static void put_prefixes(struct nft_make *m, bool inward)
{
	const struct nat_prefix_conf *p = m->conf->v6.prefixes.items;
	char from[IP_PREFIX_TEXT_MAX], to[IP_PREFIX_TEXT_MAX];
	if (m->conf->v6.prefixes.n == 0)
		return;
	write_text(m->w, "\t\t");
	(void)nft_put_devices(m, inward ? "iifname" : "oifname", OUTSIDE);
	write_format(m->w, "%s ip6 prefix to ip6 %s map { ", inward ? "dnat" : "snat",
		     inward ? "daddr" : "saddr");
	for (size_t i = 0; i < m->conf->v6.prefixes.n; i++) {
		(void)ip_prefix_format(inward ? &p[i].outside : &p[i].inside, from);
		(void)ip_prefix_format(inward ? &p[i].inside : &p[i].outside, to);
		write_format(m->w, "%s%s : %s", i ? ", " : "", from, to);
	}
	write_text(m->w, " }\n");
}

static void put_prerouting(struct nft_make *m)
{
	write_text(m->w, "\tchain to_hosts {\n"
			 "\t\ttype nat hook prerouting priority -100; policy accept;\n");
	nft_put_led(m);
	put_prefixes(m, true);
	write_text(m->w, "\t}\n");
}

/* Zones inside whose hosts become somebody public. */
static uint32_t translated(const struct nat_conf *c)
{
	const struct nat_zone_conf *zones = c->zones.items;
	uint32_t bits = nat_conf_zones_inside(c);
	for (size_t z = 0; z < c->zones.n; z++)
		if (!zones[z].translate)
			bits &= ~(1U << nat_conf_zone(c, span_text(zones[z].name)));
	return bits;
}

/* `{ 198.51.100.1 : 198.51.100.1, … }`: nftables takes an address out of a map only. */
static bool put_same(struct nft_make *m)
{
	size_t n = 0;
	for (size_t i = 0; i < NAT_PUBLICS; i++) {
		struct ip_address a = nat_address_of(m->t->publics[i].address);
		if (!m->t->publics[i].address)
			continue;
		write_text(m->w, n++ ? ", " : "{ ");
		nft_put_address(m, &a);
		write_text(m->w, " : ");
		nft_put_address(m, &a);
	}
	return n > 0;
}

/* Both ends on one link: the answer must come back this way, so the source becomes the public
 * address that was called. */
static void put_hairpin(struct nft_make *m, const char *device)
{
	size_t before = m->w->pos;
	write_format(m->w,
		     "\t\tiifname \"%s\" oifname \"%s\" meta nfproto ipv4 ct status dnat snat ip "
		     "to ct original ip daddr map ",
		     device, device);
	if (put_same(m))
		write_text(m->w, " }\n");
	else if (!m->w->bad)
		writer_rewind(m->w, before);
}

static void put_hairpins(struct nft_make *m)
{
	const struct config_list *list;
	unsigned zone;
	for (size_t at = 1; (list = devices_at(m->conf, at, &zone)); at++) {
		const char *const *names = list->items;
		for (size_t i = 0; i < list->n; i++)
			if (nat_nft_name_fits(names[i])) /* else it was told */
				put_hairpin(m, names[i]);
	}
}

/* One of the uplink's addresses: always the same for a host (RFC 4787 REQ-2). */
static void put_uplink(struct nft_make *m, const struct nat_device_place *p)
{
	const struct nat_net_device *d = nat_net_device(m->net, p->ifindex);
	uint32_t zones = translated(m->conf);
	struct ip_address a = nat_address_of(m->t->publics[p->first].address);
	if (!d || p->n == 0 || !nft_has_devices(m, zones))
		return;
	if (!nat_nft_name_fits(d->name)) {
		m->err = m->err ? m->err : ERR_UNSUPPORTED;
		return;
	}
	write_text(m->w, "\t\t");
	(void)nft_put_devices(m, "iifname", zones);
	write_format(m->w, "oifname \"%s\" meta nfproto ipv4 snat ip to ", d->name);
	if (p->n == 1)
		nft_put_address(m, &a);
	else
		write_format(m->w, "jhash ip saddr mod %u map { ", p->n);
	for (unsigned i = 0; p->n > 1 && i < p->n; i++) {
		a = nat_address_of(m->t->publics[p->first + i].address);
		write_format(m->w, "%s%u : ", i ? ", " : "", i);
		nft_put_address(m, &a);
	}
	write_text(m->w, p->n > 1 ? " }\n" : "\n");
}

static void put_postrouting(struct nft_make *m)
{
	write_text(m->w, "\tchain from_hosts {\n"
			 "\t\ttype nat hook postrouting priority 100; policy accept;\n");
	put_hairpins(m);
	nft_put_plain(m, translated(m->conf));
	for (size_t i = 0; i < m->t->devices_n; i++)
		put_uplink(m, &m->t->devices[i]);
	put_prefixes(m, false);
	write_text(m->w, "\t}\n");
}

/* --- the guard -------------------------------------------------------------------------------- */

/* Behind all translation: whoever leaves with a source that the world does not know stays. */
static void put_guard(struct nft_make *m)
{
	write_text(m->w, "\tchain guard {\n"
			 "\t\ttype filter hook postrouting priority 150; policy accept;\n\t\t");
	(void)nft_put_devices(m, "oifname", OUTSIDE);
	write_text(m->w, "udp sport 68 ip saddr 0.0.0.0 accept\n");
	nft_put_plain(m, translated(m->conf));
	write_text(m->w, "\t\t");
	(void)nft_put_devices(m, "oifname", OUTSIDE);
	if (!nft_put_routed(m, "saddr", true, true))
		write_text(m->w, "meta nfproto ipv4 ");
	write_text(m->w, "counter drop\n\t\t");
	(void)nft_put_devices(m, "oifname", OUTSIDE);
	write_text(m->w, "ip6 saddr { fc00::/7, fec0::/10 } counter drop\n\t}\n");
}

/* --- all -------------------------------------------------------------------------------------- */

static void put_all(struct nft_make *m)
{
	write_text(m->w, "table inet " NAT_NFT_TABLE "\ndelete table inet " NAT_NFT_TABLE
			 "\ntable inet " NAT_NFT_TIMERS "\nflush table inet " NAT_NFT_TIMERS "\n");
	nat_nft_unmake_taken(m->w); /* of a process before this one */
	put_timers(m);
	write_text(m->w, "table inet " NAT_NFT_TABLE " {\n");
	nft_put_limits(m);
	nft_put_sources(m);
	nft_put_unled(m);
	nft_put_taken(m, false);
	put_prerouting(m);
	nft_put_refused(m);
	nft_put_input(m);
	nft_put_forwarded(m);
	nft_put_forwarding(m);
	put_postrouting(m);
	put_guard(m);
	write_text(m->w, "}\n");
}

static enum err make(const struct nat_conf *conf, const struct nat_net *net,
		     const struct nat_tables *t, struct writer *w, void (*put)(struct nft_make *m))
{
	struct nft_make *m = calloc(1, sizeof(*m));
	if (!m)
		return ENOMEM;
	m->conf = conf;
	m->net = net;
	m->t = t;
	m->w = w;
	nft_spans_make(t, 4, &m->four);
	nft_spans_make(t, 6, &m->six);
	put(m);
	enum err e = m->err ? m->err : writer_check(w);
	free(m);
	return e;
}

enum err nat_nft_make(const struct nat_conf *conf, const struct nat_net *net,
		      const struct nat_tables *t, struct writer *w)
{
	return make(conf, net, t, w, put_all);
}

static void put_taken_alone(struct nft_make *m)
{
	nat_nft_unmake_taken(m->w);
	if (m->t->rules_taken == m->t->rules_plain)
		return;
	write_text(m->w, "table inet " NAT_NFT_TAKEN " {\n");
	nft_put_taken(m, true);
	write_text(m->w, "}\n");
}

enum err nat_nft_make_taken(const struct nat_conf *conf, const struct nat_net *net,
			    const struct nat_tables *t, struct writer *w)
{
	return make(conf, net, t, w, put_taken_alone);
}

void nat_nft_unmake_taken(struct writer *w)
{
	write_text(w, "table inet " NAT_NFT_TAKEN "\ndelete table inet " NAT_NFT_TAKEN "\n");
}

void nat_nft_unmake(struct writer *w)
{
	write_text(w, "table inet " NAT_NFT_TABLE "\ndelete table inet " NAT_NFT_TABLE
		      "\ntable inet " NAT_NFT_TIMERS "\ndelete table inet " NAT_NFT_TIMERS "\n");
}
