/* What is in force at the uplink: leases by what a Reply says of them, options, and the durable
 * form of both. */
#include "service/dhcp-client/v6_inner.h"

enum { STORED_FORM = 1 };

static uint64_t until(uint32_t lifetime_s, uint64_t now_ms)
{
	return lifetime_s == DHCP6_INFINITY ? UPLINK6_NEVER : now_ms + lifetime_s * UINT64_C(1000);
}

bool uplink6_has(const struct uplink6 *u, enum dhcp6_ia_kind kind)
{
	for (size_t i = 0; i < u->leases_n; i++)
		if (u->leases[i].kind == kind)
			return true;
	return false;
}

uint64_t uplink6_last_end(const struct uplink6 *u)
{
	uint64_t last = 0;
	for (size_t i = 0; i < u->leases_n; i++)
		if (u->leases[i].valid_until_ms > last)
			last = u->leases[i].valid_until_ms;
	return last;
}

static struct uplink6_lease *find(struct uplink6 *u, const struct ip_prefix *p)
{
	for (size_t i = 0; i < u->leases_n; i++)
		if (ip_prefix_equal(&u->leases[i].prefix, p))
			return &u->leases[i];
	return NULL;
}

void uplink6_forget(struct uplink6 *u, size_t nth)
{
	for (size_t i = nth; i + 1 < u->leases_n; i++)
		u->leases[i] = u->leases[i + 1];
	u->leases_n--;
}

bool uplink6_allows(const struct uplink6 *u, const struct ip_prefix *p)
{
	for (size_t i = 0; i < u->rules->leases_allowed_n; i++)
		if (u->rules->leases_allowed[i].bits <= p->bits &&
		    ip_prefix_contains(&u->rules->leases_allowed[i], &p->address))
			return true;
	return u->rules->leases_allowed_n == 0;
}

/* RFC 8415 21.6, 21.22: "MUST discard any … for which the preferred lifetime is greater than the
 * valid lifetime". */
static bool is_usable(const struct uplink6 *u, enum dhcp6_ia_kind kind, const struct dhcp6_lease *l)
{
	const struct ip_address *a = &l->prefix.address;
	if (l->preferred_s > l->valid_s || l->valid_s == 0 || (l->has_status && l->status))
		return false;
	if ((kind == DHCP6_IA_PD) == (l->prefix.bits == 128) || l->prefix.bits == 0)
		return false;
	return !ip_address_is_unspecified(a) && !ip_address_is_multicast(a) &&
	       !ip_address_is_link_local(a) && !ip_address_is_loopback(a) &&
	       uplink6_allows(u, &l->prefix);
}

static bool wants(const struct uplink6 *u, const struct dhcp6_ia *ia)
{
	/* RFC 8415 21.4: "T1 greater than T2 and both … greater than 0": discarded. */
	if (ia->t1_s && ia->t2_s && ia->t1_s > ia->t2_s)
		return false;
	return ia->iaid == u->rules->iaid && (ia->kind == DHCP6_IA_NA	? u->rules->address
					      : ia->kind == DHCP6_IA_PD ? u->rules->prefix
									: false);
}

static void take_lease(struct uplink6 *u, uint64_t now_ms, enum dhcp6_ia_kind kind,
		       const struct dhcp6_lease *l)
{
	struct uplink6_lease *at = find(u, &l->prefix);
	/* 18.2.10.1: "Discard any leases from the IA … that have a valid lifetime of 0". */
	if (at && l->valid_s == 0) {
		uplink6_forget(u, (size_t)(at - u->leases));
		return;
	}
	if (!is_usable(u, kind, l))
		return;
	if (!at && u->leases_n == UPLINK6_LEASES_MAX)
		return;
	if (!at)
		at = &u->leases[u->leases_n++];
	*at = (struct uplink6_lease){.kind = kind,
				     .prefix = l->prefix,
				     .excluded = l->excluded,
				     .preferred_until_ms = until(l->preferred_s, now_ms),
				     .valid_until_ms = until(l->valid_s, now_ms)};
}

/* The earliest of all IAs (18.2.4); 0 leaves it to us (21.4): the halves of RFC 8415's advice. */
struct times {
	uint64_t renew_ms, rebind_ms;
};

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void take_times(struct times *t, uint64_t now_ms, const struct dhcp6_ia *ia,
		       uint32_t shortest_s)
{
	bool forever = shortest_s == DHCP6_INFINITY;
	uint32_t t1_s = ia->t1_s, t2_s = ia->t2_s;
	if (!t1_s)
		t1_s = forever ? DHCP6_INFINITY : shortest_s / 2;
	if (!t2_s)
		t2_s = forever ? DHCP6_INFINITY : (uint32_t)((uint64_t)shortest_s * 4 / 5);
	if (t2_s < t1_s)
		t2_s = t1_s;
	t->renew_ms = earlier(t->renew_ms, until(t1_s, now_ms));
	t->rebind_ms = earlier(t->rebind_ms, until(t2_s, now_ms));
}

bool uplink6_take(struct uplink6 *u, uint64_t now_ms, const struct dhcp6_message *m,
		  bool *ret_unknown)
{
	struct times t = {UPLINK6_NEVER, UPLINK6_NEVER};
	bool any = false;
	*ret_unknown = false;
	for (unsigned i = 0; i < m->ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_lease l;
		uint32_t shortest_s = DHCP6_INFINITY;
		bool usable = false;
		if (dhcp6_ia_read(&m->ias[i], &ia) != OK || !wants(u, &ia))
			continue;
		if (ia.has_status && ia.status == DHCP6_NO_BINDING)
			*ret_unknown = true;
		struct reader r = reader_of_span(ia.options);
		while (dhcp6_lease_next(&r, ia.kind, &l)) {
			take_lease(u, now_ms, ia.kind, &l);
			if (!is_usable(u, ia.kind, &l))
				continue;
			usable = true;
			shortest_s = l.preferred_s < shortest_s ? l.preferred_s : shortest_s;
		}
		if (usable)
			take_times(&t, now_ms, &ia, shortest_s);
		any = any || usable;
	}
	if (any) {
		u->renew_ms = t.renew_ms;
		u->rebind_ms = t.rebind_ms;
	}
	return any;
}

uint8_t uplink6_count(const struct uplink6 *u, const struct dhcp6_message *m)
{
	uint8_t n = 0;
	for (unsigned i = 0; i < m->ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_lease l;
		if (dhcp6_ia_read(&m->ias[i], &ia) != OK || !wants(u, &ia))
			continue;
		struct reader r = reader_of_span(ia.options);
		while (dhcp6_lease_next(&r, ia.kind, &l))
			n = (uint8_t)(n + (n < 255 && is_usable(u, ia.kind, &l)));
	}
	return n;
}

bool uplink6_expire(struct uplink6 *u, uint64_t now_ms)
{
	bool any = false;
	for (size_t i = 0; i < u->leases_n;) {
		struct uplink6_lease l = u->leases[i];
		if (l.valid_until_ms > now_ms) {
			i++;
			continue;
		}
		uplink6_forget(u, i);
		u->counts.expired++;
		uplink6_tell(u,
			     &(struct uplink6_event){.kind = UPLINK6_EVENT_EXPIRED, .lease = &l});
		any = true;
	}
	return any;
}

/* --- options --- */

static bool is_kept(uint16_t code)
{
	static const uint16_t exchange[] = {
		DHCP6_OPT_CLIENTID,	 DHCP6_OPT_SERVERID,	 DHCP6_OPT_IA_NA,
		DHCP6_OPT_IA_TA,	 DHCP6_OPT_IA_PD,	 DHCP6_OPT_ORO,
		DHCP6_OPT_PREFERENCE,	 DHCP6_OPT_ELAPSED_TIME, DHCP6_OPT_AUTH,
		DHCP6_OPT_STATUS_CODE,	 DHCP6_OPT_RAPID_COMMIT, DHCP6_OPT_RECONF_MSG,
		DHCP6_OPT_RECONF_ACCEPT, DHCP6_OPT_SOL_MAX_RT,	 DHCP6_OPT_INF_MAX_RT,
		DHCP6_OPT_UNICAST,
	};
	for (size_t i = 0; i < sizeof(exchange) / sizeof(exchange[0]); i++)
		if (exchange[i] == code)
			return false;
	return true;
}

void uplink6_take_options(struct uplink6 *u, const struct dhcp6_message *m)
{
	struct writer w = writer_of(u->options, sizeof(u->options));
	struct reader r = reader_of_span(m->options);
	struct dhcp6_option o;
	while (dhcp6_option_next(&r, &o)) {
		size_t before = w.pos;
		if (!is_kept(o.code))
			continue;
		dhcp6_write_option(&w, o.code, o.body);
		if (w.bad)
			writer_rewind(&w, before); /* there is no room: a shorter one may fit */
	}
	u->options_len = w.pos;
}

/* --- the durable form --- */

static void write_prefix(struct writer *w, const struct ip_prefix *p)
{
	write_u8(w, p->address.family ? p->bits : 0);
	write_bytes(w, p->address.bytes, 16);
}

static void write_stored(const struct uplink6 *u, struct writer *w)
{
	write_u8(w, STORED_FORM);
	write_u8(w, u->server_len);
	write_bytes(w, u->server, u->server_len);
	write_u8(w, u->has_key);
	write_bytes(w, u->key, sizeof(u->key));
	write_u64(w, u->replay);
	write_u64(w, u->renew_ms);
	write_u64(w, u->rebind_ms);
	write_u8(w, (uint8_t)u->leases_n);
	for (size_t i = 0; i < u->leases_n; i++) {
		const struct uplink6_lease *l = &u->leases[i];
		write_u8(w, (uint8_t)l->kind);
		write_prefix(w, &l->prefix);
		write_prefix(w, &l->excluded);
		write_u64(w, l->preferred_until_ms);
		write_u64(w, l->valid_until_ms);
	}
	write_u16(w, (uint16_t)u->options_len);
	write_bytes(w, u->options, u->options_len);
}

void uplink6_publish(struct uplink6 *u)
{
	uint8_t stored[UPLINK6_STORED_MAX];
	struct writer w = writer_of(stored, sizeof(stored));
	u->effects.set(u->effects.arg, u);
	if (u->leases_n)
		write_stored(u, &w);
	if (writer_check(&w) == OK)
		u->effects.store(u->effects.arg, writer_span(&w));
}

static struct ip_prefix read_prefix(struct reader *r, bool *bad)
{
	uint8_t bits = read_u8(r);
	struct ip_address a = {.family = 6};
	read_bytes(r, a.bytes, 16);
	*bad = *bad || bits > 128;
	return bits ? ip_prefix_of(&a, bits) : (struct ip_prefix){0};
}

static enum err read_leases(struct reader *r, struct uplink6 *u)
{
	size_t n = read_u8(r);
	bool bad = n > UPLINK6_LEASES_MAX;
	for (size_t i = 0; i < n && !bad && !r->bad; i++) {
		struct uplink6_lease *l = &u->leases[i];
		uint8_t kind = read_u8(r);
		l->kind = (enum dhcp6_ia_kind)kind;
		l->prefix = read_prefix(r, &bad);
		l->excluded = read_prefix(r, &bad);
		l->preferred_until_ms = read_u64(r);
		l->valid_until_ms = read_u64(r);
		bad = bad || kind > DHCP6_IA_PD || !l->prefix.address.family ||
		      (kind == DHCP6_IA_PD) == (l->prefix.bits == 128);
	}
	u->leases_n = bad ? 0 : n;
	return bad || r->bad ? ERR_FORMAT : OK;
}

static enum err read_stored(struct reader *r, struct uplink6 *u)
{
	uint8_t form = read_u8(r);
	if (form != STORED_FORM)
		return form && !r->bad ? ERR_UNSUPPORTED : ERR_FORMAT;
	u->server_len = read_u8(r);
	if (u->server_len > sizeof(u->server))
		return ERR_FORMAT;
	read_bytes(r, u->server, u->server_len);
	u->has_key = u->has_replay = read_u8(r) == 1;
	read_bytes(r, u->key, sizeof(u->key));
	u->replay = read_u64(r);
	u->renew_ms = read_u64(r);
	u->rebind_ms = read_u64(r);
	TRY(read_leases(r, u));
	u->options_len = read_u16(r);
	if (u->options_len > sizeof(u->options))
		return ERR_FORMAT;
	read_bytes(r, u->options, u->options_len);
	return reader_end(r);
}

static void drop_all(struct uplink6 *u)
{
	u->leases_n = u->options_len = 0;
	u->server_len = 0;
	u->has_key = u->has_replay = false;
}

enum err uplink6_restore(struct uplink6 *u, uint64_t now_ms, struct span lease)
{
	struct reader r = reader_of_span(lease);
	ASSERT(u->state == UPLINK6_DOWN);
	enum err err = read_stored(&r, u);
	for (size_t i = 0; !err && i < u->leases_n;) {
		const struct uplink6_lease *l = &u->leases[i];
		bool wanted = l->kind == DHCP6_IA_PD ? u->rules->prefix : u->rules->address;
		if (l->valid_until_ms <= now_ms || !wanted || !uplink6_allows(u, &l->prefix))
			uplink6_forget(u, i);
		else
			i++;
	}
	if (!err && u->leases_n == 0)
		err = ERR_ABSENT;
	if (err)
		drop_all(u);
	return err;
}
