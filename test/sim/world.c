#include "test/sim/world.h"

#include "proto/dns/build.h"
#include "proto/dns/message.h"

#include <stdio.h>
#include <string.h>

const uint8_t world_poison[4] = {6, 6, 6, 6};

bool world_is_poison(struct span rdata)
{
	return rdata.len == 4 && rdata.data[0] == 6;
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;
	if (dns_name_from_text(span_text(text), NULL, &name) != OK)
		abort();
	return name;
}

static struct dns_name child_of(const char *label, const struct dns_name *parent)
{
	struct dns_name name;
	if (dns_name_prepend_label(span_text(label), parent, &name) != OK)
		abort();
	return name;
}

static bool chance(struct world *w, unsigned percent)
{
	return test_random_below(&w->random, 100) < percent;
}

static void add_record(struct world *w, int zone, const struct dns_name *owner, uint16_t type,
		       struct span rdata)
{
	if (w->records_n == WORLD_RECORDS_MAX || rdata.len > 255)
		abort();
	struct world_record *r = &w->records[w->records_n++];
	*r = (struct world_record){
		.zone = zone, .owner = *owner, .type = type, .ttl = 30, .len = (uint8_t)rdata.len};
	static const uint32_t ttls[] = {0, 1, 30, 300, 86400};
	r->ttl = ttls[(unsigned)(owner->len + type) % 5];
	memcpy(r->rdata, rdata.data, rdata.len);
}

static void add_a(struct world *w, int zone, const struct dns_name *owner, unsigned number)
{
	uint8_t rdata[4] = {198, 51, (uint8_t)(number >> 8), (uint8_t)number};
	add_record(w, zone, owner, DNS_TYPE_A, span_of(rdata, 4));
}

static void add_soa(struct world *w, int zone)
{
	uint8_t rdata[64];
	struct writer r = writer_of(rdata, sizeof(rdata));
	write_bytes(&r, "\002ns\007invalid", 12);
	write_bytes(&r, "\005admin\007invalid", 15);
	for (int i = 0; i < 4; i++)
		write_u32(&r, 3600);
	write_u32(&r, 20);
	add_record(w, zone, &w->zones[zone].name, DNS_TYPE_SOA, writer_span(&r));
}

static int add_zone(struct world *w, const struct dns_name *name, int parent)
{
	if (w->zones_n == WORLD_ZONES_MAX)
		abort();
	w->zones[w->zones_n] = (struct world_zone){.name = *name, .parent = parent};
	add_soa(w, w->zones_n);
	return w->zones_n++;
}

static enum server_manner bad_manner(struct world *w)
{
	for (;;) { /* the evil one has a zone of his own: in others he would speak for them */
		size_t manner = 1 + test_random_below(&w->random, SERVER_MANNERS - 1);
		if (manner != SERVER_EVIL)
			return (enum server_manner)manner;
	}
}

static int add_server(struct world *w, unsigned trouble)
{
	if (w->servers_n == WORLD_SERVERS_MAX)
		abort();
	int i = w->servers_n++;
	struct world_server *s = &w->servers[i];
	*s = (struct world_server){.rtt_us =
					   1000 + (uint32_t)test_random_below(&w->random, 150000)};
	s->at.address = ip_address_v4(203, 0, (uint8_t)(113 + i / 250), (uint8_t)(1 + i % 250));
	s->at.port = 53;
	s->manner = chance(w, trouble) ? bad_manner(w) : SERVER_GOOD;
	return i;
}

static void add_address(struct world *w, int zone, const struct dns_name *owner, int server)
{
	const struct ip_address *a = &w->servers[server].at.address;
	add_record(w, zone, owner, DNS_TYPE_A, ip_address_span(a));
}

/* NS records at both sides of the cut; the address where the name lives, and as glue in the parent.
 */
static void add_ns(struct world *w, int zone, const struct dns_name *host, int host_zone,
		   int server)
{
	int parent = w->zones[zone].parent;
	struct span target = dns_name_span(host);
	add_record(w, zone, &w->zones[zone].name, DNS_TYPE_NS, target);
	if (parent >= 0)
		add_record(w, parent, &w->zones[zone].name, DNS_TYPE_NS, target);
	if (host_zone != zone)
		return;
	add_address(w, zone, host, server);
	if (parent >= 0)
		add_address(w, parent, host, server);
}

/* At least one of the servers is good, unless the zone is to be broken. */
static void serve(struct world *w, int zone, int count, unsigned trouble)
{
	for (int i = 0; i < count; i++) {
		char label[16];
		(void)snprintf(label, sizeof(label), "ns%d", i);
		struct dns_name host = child_of(label, &w->zones[zone].name);
		int server = add_server(w, i == 0 ? 0 : trouble);
		w->servers[server].zones |= 1ull << zone;
		add_ns(w, zone, &host, zone, server);
	}
}

static void add_name(struct world *w, const struct dns_name *name)
{
	if (w->names_n < WORLD_NAMES_MAX)
		w->names[w->names_n++] = *name;
}

static void fill_zone(struct world *w, int zone)
{
	const struct dns_name *top = &w->zones[zone].name;
	static const char *const labels[] = {"www", "mail", "ftp", "host"};
	for (size_t i = 0; i < 4; i++) {
		struct dns_name name = child_of(labels[i], top);
		unsigned n = 1 + (unsigned)test_random_below(&w->random, 4);
		for (unsigned k = 0; k < n; k++)
			add_a(w, zone, &name, (unsigned)(zone * 64) + (unsigned)i * 8 + k);
		add_name(w, &name);
	}
	struct dns_name c = child_of("c", top), deep = child_of("b", &c),
			www = child_of("www", top);
	deep = child_of("a", &deep); /* a.b.c: empty names between */
	add_a(w, zone, &deep, (unsigned)zone * 64 + 40);
	add_name(w, &deep);
	add_name(w, &c);
	struct dns_name alias = child_of("alias", top), none = child_of("none", top);
	add_record(w, zone, &alias, DNS_TYPE_CNAME, dns_name_span(&www));
	add_name(w, &alias);
	add_name(w, &none);
	struct dns_name under = child_of("x", &none);
	add_name(w, &under);
	add_name(w, top);
}

/* Aliases from zone to zone, some of which never end, and a renamed tree. */
static void add_aliases(struct world *w)
{
	for (int i = 0; i < w->zones_n; i++) {
		int other = (int)test_random_below(&w->random, (size_t)w->zones_n);
		if (w->zones[i].parent <= 0 || w->zones[other].parent <= 0)
			continue;
		struct dns_name far = child_of("far", &w->zones[i].name);
		struct dns_name to = child_of(chance(w, 50) ? "www" : "far", &w->zones[other].name);
		add_record(w, i, &far, DNS_TYPE_CNAME, dns_name_span(&to));
		add_name(w, &far);
		struct dns_name old = child_of("old", &w->zones[i].name);
		add_record(w, i, &old, DNS_TYPE_DNAME, dns_name_span(&w->zones[other].name));
		struct dns_name www = child_of("www", &old), none = child_of("gone", &old);
		add_name(w, &www);
		add_name(w, &none);
	}
}

/* A zone whose servers have names in another zone. */
static void serve_elsewhere(struct world *w, int zone, int host_zone, unsigned trouble)
{
	for (int i = 0; i < 2; i++) {
		char label[24];
		(void)snprintf(label, sizeof(label), "dns%d-%d", zone, i);
		struct dns_name host = child_of(label, &w->zones[host_zone].name);
		int server = add_server(w, i == 0 ? 0 : trouble);
		w->servers[server].zones |= 1ull << zone;
		add_address(w, host_zone, &host, server);
		add_ns(w, zone, &host, host_zone, server);
	}
}

/* evil.t0 tells of www.d0.t0 whatever it is asked; its sub-zone names thirty servers that do not
 * exist (NXNSAttack). */
static void add_villain(struct world *w)
{
	struct dns_name name = child_of("evil", &w->zones[1].name);
	int zone = add_zone(w, &name, 1);
	serve(w, zone, 2, 0);
	for (int i = 0; i < w->servers_n; i++)
		if (w->servers[i].zones & 1ull << zone)
			w->servers[i].manner = SERVER_EVIL;
	fill_zone(w, zone);
	struct dns_name fan = child_of("fan", &name), victim = name_of("d0.t0.");
	for (int i = 0; i < 30; i++) {
		char label[16];
		(void)snprintf(label, sizeof(label), "nx%d", i);
		struct dns_name host = child_of(label, &victim);
		add_record(w, zone, &fan, DNS_TYPE_NS, dns_name_span(&host));
	}
	struct dns_name asked = child_of("www", &fan);
	add_name(w, &asked);
}

/* Two zones whose servers have their names in each other: nobody can ever begin. */
static void add_ring(struct world *w)
{
	struct dns_name one = name_of("ring1.t0."), two = name_of("ring2.t1.");
	struct dns_name one_ns = child_of("ns", &one), two_ns = child_of("ns", &two);
	add_record(w, 1, &one, DNS_TYPE_NS, dns_name_span(&two_ns));
	add_record(w, 2, &two, DNS_TYPE_NS, dns_name_span(&one_ns));
	for (int i = 0; i < 6; i++) { /* often enough that both are asked for at once */
		char label[8];
		(void)snprintf(label, sizeof(label), "w%d", i);
		struct dns_name www = child_of(label, &one);
		add_name(w, &www);
		www = child_of(label, &two);
		add_name(w, &www);
	}
}

void world_make(struct world *w, unsigned trouble)
{
	struct dns_name root = DNS_NAME_ROOT;
	char label[16];
	w->all_good = trouble == 0;
	(void)add_zone(w, &root, -1);
	serve(w, 0, 2, trouble);
	for (int t = 0; t < 3; t++) {
		(void)snprintf(label, sizeof(label), "t%d", t);
		struct dns_name name = child_of(label, &root);
		serve(w, add_zone(w, &name, 0), 2, trouble);
	}
	for (int d = 0; d < 12; d++) {
		(void)snprintf(label, sizeof(label), "d%d", d);
		int tld = 1 + d % 3;
		struct dns_name name = child_of(label, &w->zones[tld].name);
		int zone = add_zone(w, &name, tld);
		if (d >= 6 && chance(w, 60))
			serve_elsewhere(w, zone, 4 + (int)test_random_below(&w->random, 6),
					trouble);
		else
			serve(w, zone, 1 + (int)test_random_below(&w->random, 3), trouble);
		fill_zone(w, zone);
	}
	for (int d = 0; d < 3; d++) { /* zones two deep, of one owner */
		struct dns_name name = child_of("sub", &w->zones[4 + d].name);
		int zone = add_zone(w, &name, 4 + d);
		serve(w, zone, 2, trouble);
		fill_zone(w, zone);
	}
	w->zones[4].victim = true;
	add_villain(w);
	add_ring(w);
	add_aliases(w);
}

int world_server_at(const struct world *w, const struct ip_endpoint *at)
{
	for (int i = 0; i < w->servers_n; i++)
		if (ip_endpoint_equal(&w->servers[i].at, at))
			return i;
	return -1;
}

/* --- what a zone says
 * ------------------------------------------------------------------------------ */

static bool zone_has_type(const struct world *w, int zone, const struct dns_name *owner,
			  uint16_t type)
{
	for (int i = 0; i < w->records_n; i++)
		if (w->records[i].zone == zone && w->records[i].type == type &&
		    dns_name_equal(&w->records[i].owner, owner))
			return true;
	return false;
}

static bool zone_has_name(const struct world *w, int zone, const struct dns_name *name)
{
	for (int i = 0; i < w->records_n; i++)
		if (w->records[i].zone == zone && dns_name_is_under(&w->records[i].owner, name))
			return true;
	return false;
}

static bool zone_owns(const struct world *w, int zone, const struct dns_name *name)
{
	for (int i = 0; i < w->records_n; i++)
		if (w->records[i].zone == zone && dns_name_equal(&w->records[i].owner, name))
			return true;
	return false;
}

/* The delegation or DNAME between the top of the zone and the name, nearest to the top. */
static bool find_above(const struct world *w, int zone, const struct dns_name *name, uint16_t type,
		       bool itself, struct dns_name *ret)
{
	unsigned top = dns_name_labels(&w->zones[zone].name), all = dns_name_labels(name);
	for (unsigned n = top + 1; n <= all; n++) {
		struct dns_name up;
		dns_name_suffix(name, n, &up);
		if ((n < all || itself) && zone_has_type(w, zone, &up, type)) {
			*ret = up;
			return true;
		}
	}
	return false;
}

static int deepest_zone(const struct world *w, const struct dns_name *name, uint64_t among)
{
	int best = -1;
	for (int i = 0; i < w->zones_n; i++)
		if ((among >> i & 1) && dns_name_is_under(name, &w->zones[i].name) &&
		    (best < 0 || w->zones[i].name.len > w->zones[best].name.len))
			best = i;
	return best;
}

static const struct world_record *find_first(const struct world *w, int zone,
					     const struct dns_name *owner, uint16_t type)
{
	for (int i = 0; i < w->records_n; i++)
		if (w->records[i].zone == zone && w->records[i].type == type &&
		    dns_name_equal(&w->records[i].owner, owner))
			return &w->records[i];
	return NULL;
}

void world_truth(const struct world *w, const struct dns_name *name, uint16_t type,
		 struct world_truth *ret)
{
	*ret = (struct world_truth){.final = *name};
	for (int links = 0; links < 40; links++) {
		int zone = deepest_zone(w, &ret->final, ~0ull);
		struct dns_name at, to;
		const struct world_record *r;
		if (w->zones[zone].broken ||
		    find_above(w, zone, &ret->final, DNS_TYPE_NS, true, &at))
			ret->through_broken =
				true; /* a cut that leads to no zone of ours: the fan */
		if (find_above(w, zone, &ret->final, DNS_TYPE_DNAME, false, &at)) {
			r = find_first(w, zone, &at, DNS_TYPE_DNAME);
			if (dns_name_from_wire(span_of(r->rdata, r->len), &to) != OK ||
			    dns_name_replace_suffix(&ret->final, &at, &to, &to) != OK)
				abort();
			if (type ==
			    DNS_TYPE_CNAME) { /* the alias that the DNAME makes is the answer */
				ret->made = true;
				ret->alias = to;
				return;
			}
			ret->final = to;
			continue;
		}
		r = find_first(w, zone, &ret->final, DNS_TYPE_CNAME);
		if (r && type != DNS_TYPE_CNAME) {
			if (dns_name_from_wire(span_of(r->rdata, r->len), &ret->final) != OK)
				abort();
			continue;
		}
		for (int i = 0; i < w->records_n && ret->records_n < 32; i++)
			if (w->records[i].zone == zone && w->records[i].type == type &&
			    dns_name_equal(&w->records[i].owner, &ret->final))
				ret->records[ret->records_n++] = &w->records[i];
		ret->rcode = zone_has_name(w, zone, &ret->final) ? DNS_RCODE_NOERROR
								 : DNS_RCODE_NXDOMAIN;
		return;
	}
	ret->loops = true;
}

static void put_set(const struct world *w, struct dns_build *b, enum dns_section section, int zone,
		    const struct dns_name *owner, uint16_t type)
{
	const struct world_record *first = find_first(w, zone, owner, type);
	if (!first)
		return;
	struct dns_build_rrset s = dns_build_rrset_begin(b, section, dns_name_span(owner), type,
							 DNS_CLASS_IN, first->ttl);
	for (int i = 0; i < w->records_n; i++) {
		const struct world_record *r = &w->records[i];
		if (r->zone == zone && r->type == type && dns_name_equal(&r->owner, owner))
			dns_build_rrset_add(b, &s, span_of(r->rdata, r->len));
	}
	if (!dns_build_rrset_end(b, &s))
		dns_build_truncate(b);
}

static void put_glue(const struct world *w, struct dns_build *b, int zone,
		     const struct dns_name *cut)
{
	for (int i = 0; i < w->records_n; i++) {
		const struct world_record *r = &w->records[i];
		struct dns_name host;
		if (r->zone != zone || r->type != DNS_TYPE_NS || !dns_name_equal(&r->owner, cut) ||
		    dns_name_from_wire(span_of(r->rdata, r->len), &host) != OK)
			continue;
		put_set(w, b, DNS_ADDITIONAL, zone, &host, DNS_TYPE_A);
	}
}

/* Answers from one zone; the message has its question. */
static void answer_from(const struct world *w, int zone, const struct dns_name *name, uint16_t type,
			bool no_denial, struct dns_build *b)
{
	struct dns_name at;
	bool ds_here = type == DNS_TYPE_DS;
	if (find_above(w, zone, name, DNS_TYPE_NS, !ds_here, &at)) {
		put_set(w, b, DNS_AUTHORITY, zone, &at, DNS_TYPE_NS);
		put_glue(w, b, zone, &at);
		return;
	}
	dns_build_set_flags(b, DNS_FLAG_AA);
	if (find_above(w, zone, name, DNS_TYPE_DNAME, false, &at)) {
		struct dns_name to, target;
		const struct world_record *r = find_first(w, zone, &at, DNS_TYPE_DNAME);
		put_set(w, b, DNS_ANSWER, zone, &at, DNS_TYPE_DNAME);
		if (dns_name_from_wire(span_of(r->rdata, r->len), &to) != OK ||
		    dns_name_replace_suffix(name, &at, &to, &target) != OK ||
		    !dns_build_record(b, DNS_ANSWER, dns_name_span(name), DNS_TYPE_CNAME,
				      DNS_CLASS_IN, r->ttl, dns_name_span(&target)))
			abort();
		return;
	}
	if (type != DNS_TYPE_CNAME && zone_has_type(w, zone, name, DNS_TYPE_CNAME)) {
		put_set(w, b, DNS_ANSWER, zone, name, DNS_TYPE_CNAME);
		return;
	}
	if (zone_has_type(w, zone, name, type)) {
		put_set(w, b, DNS_ANSWER, zone, name, type);
		put_set(w, b, DNS_AUTHORITY, zone, &w->zones[zone].name, DNS_TYPE_NS);
		return;
	}
	bool exists = no_denial ? zone_owns(w, zone, name) : zone_has_name(w, zone, name);
	if (!exists)
		dns_build_set_rcode(b, DNS_RCODE_NXDOMAIN);
	put_set(w, b, DNS_AUTHORITY, zone, &w->zones[zone].name, DNS_TYPE_SOA);
}

/* --- misbehaviour
 * ---------------------------------------------------------------------------------- */

/* Records that this server has no business to tell: a bank's address everywhere, the TLD's servers,
 * the root's. */
static void put_poison(const struct world *w, struct dns_build *b)
{
	struct dns_name bank = name_of("www.d0.t0."), ns = name_of("ns0.d0.t0.");
	struct dns_name tld = name_of("t0."), root = DNS_NAME_ROOT, mine = name_of("ns.evil.t0.");
	struct span address = span_of(world_poison, 4);
	(void)w;
	static const enum dns_section sections[3] = {DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL};
	for (size_t i = 0; i < 3; i++) {
		if (sections[i] == DNS_AUTHORITY) {
			(void)!dns_build_record(b, DNS_AUTHORITY, dns_name_span(&tld), DNS_TYPE_NS,
						DNS_CLASS_IN, 86400, dns_name_span(&mine));
			(void)!dns_build_record(b, DNS_AUTHORITY, dns_name_span(&root), DNS_TYPE_NS,
						DNS_CLASS_IN, 86400, dns_name_span(&mine));
			continue;
		}
		(void)!dns_build_record(b, sections[i], dns_name_span(&bank), DNS_TYPE_A,
					DNS_CLASS_IN, 86400, address);
		(void)!dns_build_record(b, sections[i], dns_name_span(&ns), DNS_TYPE_A,
					DNS_CLASS_IN, 86400, address);
		(void)!dns_build_record(b, sections[i], dns_name_span(&mine), DNS_TYPE_A,
					DNS_CLASS_IN, 86400, address);
	}
}

/* Sections must come in order, so an evil answer is built of evil alone. */
static void answer_evil(const struct world *w, const struct dns_name *name, struct dns_build *b)
{
	struct dns_name bank = name_of("www.d0.t0.");
	dns_build_set_flags(b, DNS_FLAG_AA);
	(void)!dns_build_record(b, DNS_ANSWER, dns_name_span(name), DNS_TYPE_CNAME, DNS_CLASS_IN,
				86400, dns_name_span(&bank));
	put_poison(w, b);
}

static bool early_answer(struct world *w, const struct world_server *s, const struct dns_message *m,
			 bool tcp, struct dns_build *b)
{
	switch (s->manner) {
	case SERVER_REFUSES: dns_build_set_rcode(b, DNS_RCODE_REFUSED); return true;
	case SERVER_FAILS: dns_build_set_rcode(b, DNS_RCODE_SERVFAIL); return true;
	case SERVER_LAME: {
		struct dns_name root = DNS_NAME_ROOT;
		put_set(w, b, DNS_AUTHORITY, 0, &root, DNS_TYPE_NS);
		return true;
	}
	case SERVER_NO_EDNS:
		if (!m->edns.present)
			return false;
		dns_build_set_rcode(b, DNS_RCODE_FORMERR);
		return true;
	case SERVER_TRUNCATES:
		if (!tcp)
			dns_build_truncate(b);
		return !tcp;
	case SERVER_EVIL:
		if (!chance(w, 50))
			return false;
		answer_evil(w, &m->question.name, b);
		return true;
	case SERVER_GOOD:
	case SERVER_DEAD:
	case SERVER_UNREACHABLE:
	case SERVER_GARBAGE:
	case SERVER_COOKIES:
	case SERVER_NO_DENIAL:
	case SERVER_MANNERS: return false;
	}
	return false;
}

static void put_opt(const struct world_server *s, const struct dns_message *m, struct dns_build *b)
{
	uint8_t room[64];
	struct writer options = writer_of(room, sizeof(room));
	if (!m->edns.present || s->manner == SERVER_NO_EDNS)
		return;
	if (s->manner == SERVER_COOKIES && m->edns.cookie.len >= 8)
		dns_edns_write_cookie(&options, m->edns.cookie.data, span_text("cookie--"));
	dns_build_opt(b, 1232, b->flags & DNS_FLAGS_RCODE_MASK, m->edns.do_bit,
		      writer_span(&options));
}

size_t world_answer(struct world *w, int server, struct span query, bool tcp, uint8_t *out,
		    size_t cap)
{
	struct world_server *s = &w->servers[server];
	struct dns_message m;
	struct dns_build b;
	s->asked++;
	if (s->manner == SERVER_DEAD || s->manner == SERVER_UNREACHABLE ||
	    dns_message_read(query, &m) != OK)
		return 0;
	dns_build_init(&b, out, tcp ? cap : 1232, m.header.id,
		       DNS_FLAG_QR | (m.header.flags & DNS_FLAG_RD));
	dns_build_question_echo(&b, m.question.wire);
	dns_build_reserve(&b, 64);
	if (!early_answer(w, s, &m, tcp, &b)) {
		int zone = deepest_zone(w, &m.question.name, s->zones);
		if (zone < 0)
			dns_build_set_rcode(&b, DNS_RCODE_REFUSED);
		else
			answer_from(w, zone, &m.question.name, m.question.type,
				    s->manner == SERVER_NO_DENIAL, &b);
	}
	put_opt(s, &m, &b);
	size_t len = dns_build_finish(&b).len;
	if (s->manner == SERVER_GARBAGE && len > 30)
		len -= 1 + test_random_below(&w->random, 17);
	return len;
}
