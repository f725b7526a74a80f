#include "service/nat/portctl_inner.h"

/* --- asks --- */

static bool usable(const struct ip_address *a)
{
	return a->family && !ip_address_is_unspecified(a) && !ip_address_is_loopback(a) &&
	       !ip_address_is_link_local(a) && !ip_address_is_multicast(a);
}

static bool allowed(const struct portctl *p, const struct portctl_ask *ask, uint16_t external_port)
{
	const struct portctl_subject s = {ask->zone, &ask->internal.address, ask->protocol,
					  ask->internal.port, external_port};
	return usable(&ask->internal.address) && portctl_rules_allow(p->rules, &s);
}

static uint64_t expiry(const struct portctl *p, uint32_t lifetime_s)
{
	uint32_t s = lifetime_s ? lifetime_s : p->rules->lifetime_max_s;
	if (s < p->rules->lifetime_min_s)
		s = p->rules->lifetime_min_s;
	if (s > p->rules->lifetime_max_s)
		s = p->rules->lifetime_max_s;
	return p->now_ms + (uint64_t)s * 1000;
}

/* RFC 6887 11.3: a nonce that does not match makes the mapping another's. One that was made without
 * a nonce belongs to its host, whatever it speaks. */
static bool is_owner(const struct portctl_mapping *m, const struct portctl_ask *ask)
{
	return m->origin != PORTCTL_PCP ||
	       (ask->nonce && memcmp(m->nonce, ask->nonce, sizeof(m->nonce)) == 0);
}

static bool filters_add(struct portctl_mapping *m, const struct portctl_ask *ask)
{
	if (ask->filters_clear)
		m->filters_n = 0;
	for (size_t i = 0; i < ask->filters_n; i++) {
		const struct portctl_filter *f = &ask->filters[i];
		size_t at = 0;
		while (at < m->filters_n && !(ip_prefix_equal(&m->filters[at].remote, &f->remote) &&
					      m->filters[at].port == f->port))
			at++;
		if (at == PORTCTL_FILTERS_MAX)
			return false;
		m->filters[at] = *f;
		if (at == m->filters_n)
			m->filters_n++;
	}
	return true;
}

static void adorn(struct portctl_mapping *m, const struct portctl_ask *ask)
{
	m->origin = ask->origin;
	memset(m->nonce, 0, sizeof(m->nonce));
	if (ask->nonce)
		memcpy(m->nonce, ask->nonce, sizeof(m->nonce));
	(void)span_to_cstr(span_sub(span_text(ask->zone), 0, PORTCTL_TEXT_MAX), m->zone,
			   sizeof(m->zone));
	if (!span_to_cstr(ask->description, m->description, sizeof(m->description)))
		m->description[0] = 0;
}

/* Whether what is there is what must be had. */
static bool satisfies(const struct portctl_mapping *m, const struct ip_endpoint *wanted)
{
	return (wanted->port == 0 || wanted->port == m->external.port) &&
	       (ip_address_is_unspecified(&wanted->address) || !wanted->address.family ||
		ip_address_equal(&wanted->address, &m->external.address));
}

static enum portctl_verdict renew(struct portctl *p, struct portctl_mapping *m,
				  const struct portctl_ask *ask, const struct portctl_mapping **ret)
{
	*ret = m;
	if (!is_owner(m, ask))
		return PORTCTL_FOREIGN;
	if (ask->exact && !satisfies(m, &ask->wanted))
		return PORTCTL_TAKEN;
	struct portctl_mapping before = *m;
	if (!filters_add(m, ask)) {
		memcpy(m->filters, before.filters, sizeof(m->filters));
		m->filters_n = before.filters_n;
		return PORTCTL_PEERS_FULL;
	}
	adorn(m, ask);
	m->expires_ms = expiry(p, ask->lifetime_s);
	enum err e = p->effects->map_renew(p->effects->arg, m);
	if (e) {
		portctl_shut(p, m, "lost");
		*ret = NULL;
		portctl_lose(p);
		return portctl_verdict_of(e);
	}
	wheel_add(&p->wheel, &m->timer, m->expires_ms);
	p->changes++;
	portctl_tell(p, "renewed", m);
	return PORTCTL_DONE;
}

/* Whether another host has the port, or its companion of the other protocol: RFC 6886 3.3. Asked
 * for "any address", what counts is the address that this host is seen by. */
static bool is_others(const struct portctl *p, const struct portctl_ask *ask)
{
	struct ip_endpoint at = ask->wanted;
	const struct ip_address *host = &ask->internal.address;
	if (ip_address_is_unspecified(&at.address) &&
	    p->effects->external_address(p->effects->arg, host, at.address.family, &at.address))
		return false;
	return portctl_port_is_others(p, PORTCTL_TCP, &at, host) ||
	       portctl_port_is_others(p, PORTCTL_UDP, &at, host);
}

static enum portctl_verdict open_new(struct portctl *p, const struct portctl_ask *ask,
				     const struct portctl_mapping **ret)
{
	const struct portctl_host *host = portctl_host_of(p, &ask->internal.address);
	struct ip_endpoint wanted = ask->wanted;
	if ((host ? host->n : 0) >= p->rules->host_mappings_max)
		return PORTCTL_HOST_FULL;
	if ((ask->internal.address.family == 4 ? p->used_v4 : p->used_v6) >= p->rules->mappings_max)
		return PORTCTL_FULL;
	if (wanted.port && !allowed(p, ask, wanted.port)) {
		if (ask->exact)
			return PORTCTL_FORBIDDEN;
		wanted.port = 0;
	}
	if (wanted.port && is_others(p, ask)) {
		if (ask->exact)
			return PORTCTL_TAKEN;
		wanted.port = 0;
	}
	struct portctl_mapping *m = slab_take(&p->mappings);
	if (!m)
		return PORTCTL_FULL;
	m->protocol = ask->protocol;
	m->internal = ask->internal;
	m->external = wanted;
	m->remote = ask->remote;
	m->expires_ms = expiry(p, ask->lifetime_s);
	adorn(m, ask);
	if (!filters_add(m, ask)) {
		slab_give(&p->mappings, m);
		return PORTCTL_PEERS_FULL;
	}
	enum portctl_verdict verdict = portctl_take(p, m, ask->exact);
	if (verdict)
		return verdict;
	*ret = m;
	portctl_tell(p, "opened", m);
	return PORTCTL_DONE;
}

static enum portctl_verdict open_any(struct portctl *p, const struct portctl_ask *ask,
				     const struct portctl_mapping **ret)
{
	if (ask->protocol != PORTCTL_TCP && ask->protocol != PORTCTL_UDP)
		return PORTCTL_UNSUPPORTED;
	if (ask->internal.port == 0 || !ask->wanted.address.family)
		return PORTCTL_UNSUPPORTED;
	if (!allowed(p, ask, 0))
		return PORTCTL_FORBIDDEN;
	struct portctl_mapping *m =
		portctl_mapping_of(p, ask->protocol, &ask->internal, &ask->remote);
	return m ? renew(p, m, ask, ret) : open_new(p, ask, ret);
}

enum portctl_verdict portctl_open(struct portctl *p, uint64_t now_ms, const struct portctl_ask *ask,
				  const struct portctl_mapping **ret)
{
	p->now_ms = now_ms;
	enum portctl_verdict verdict = open_any(p, ask, ret);
	p->counts[ask->origin][verdict]++;
	return verdict;
}

enum portctl_verdict portctl_close(struct portctl *p, uint64_t now_ms,
				   const struct portctl_ask *ask,
				   const struct portctl_mapping **ret)
{
	p->now_ms = now_ms;
	struct portctl_mapping *m =
		portctl_mapping_of(p, ask->protocol, &ask->internal, &ask->remote);
	enum portctl_verdict verdict = PORTCTL_DONE;
	if (!m) {
		verdict = PORTCTL_ABSENT;
	} else if (!is_owner(m, ask)) {
		verdict = PORTCTL_FOREIGN;
		*ret = m;
	} else {
		portctl_shut(p, m, "closed");
	}
	p->counts[ask->origin][verdict]++;
	return verdict;
}

size_t portctl_close_all(struct portctl *p, uint64_t now_ms, const struct portctl_ask *ask)
{
	p->now_ms = now_ms;
	struct portctl_host *host = portctl_host_of(p, &ask->internal.address);
	size_t n = 0;
	for (struct portctl_mapping *m = host ? host->first : NULL, *next; m; m = next) {
		next = m->next; /* the host is gone with its last mapping: not asked again */
		if (m->origin != ask->origin || (ask->protocol && m->protocol != ask->protocol) ||
		    !is_owner(m, ask))
			continue;
		portctl_shut(p, m, "closed");
		n++;
	}
	return n;
}

void portctl_revoke(struct portctl *p, uint64_t now_ms, const struct portctl_mapping *m)
{
	p->now_ms = now_ms;
	struct portctl_mapping *mine = portctl_mapping_of(p, m->protocol, &m->internal, &m->remote);
	ASSERT(mine == m);
	portctl_shut(p, mine, "closed");
	portctl_lose(p);
}

/* --- time, and what else changes unasked --- */

static void expired(struct wheel_timer *t, void *arg)
{
	struct portctl *p = arg;
	struct portctl_mapping *m =
		(struct portctl_mapping *)((char *)t - offsetof(struct portctl_mapping, timer));
	portctl_shut(p, m, "expired");
}

void portctl_advance(struct portctl *p, uint64_t now_ms)
{
	p->now_ms = now_ms;
	wheel_advance(&p->wheel, now_ms, expired, p);
}

uint64_t portctl_next_ms(struct portctl *p)
{
	return wheel_next_ms(&p->wheel);
}

struct sweep {
	struct portctl *p;
	uint8_t family;
	bool changed;
};

/* True: it could not be opened again, and is gone. */
static bool reopen(void *record, void *arg)
{
	struct sweep *sweep = arg;
	struct portctl *p = sweep->p;
	struct portctl_mapping *m = record;
	struct ip_endpoint given;
	if (m->external.address.family != sweep->family)
		return false;
	sweep->changed = true;
	p->effects->map_close(p->effects->arg, m);
	portctl_unlist_external(p, m);
	m->external.address = (struct ip_address){.family = sweep->family};
	enum err e = p->effects->map_open(p->effects->arg, m, false, &given);
	if (!e) {
		m->external = given;
		p->changes++;
		if (!portctl_list_external(p, m)) {
			portctl_tell(p, "opened", m);
			return false;
		}
		p->effects->map_close(p->effects->arg, m);
		m->external.port = 0; /* the key in by_external is another's */
	}
	portctl_tell(p, "lost", m);
	portctl_forget(p, m);
	return true;
}

void portctl_outside_changed(struct portctl *p, uint64_t now_ms, uint8_t family)
{
	struct sweep sweep = {.p = p, .family = family};
	p->now_ms = now_ms;
	(void)table_sweep(&p->by_internal, reopen, &sweep);
	portctl_lose(p);
}

static bool outlawed(void *record, void *arg)
{
	struct sweep *sweep = arg;
	struct portctl_mapping *m = record;
	const struct portctl_subject s = {m->zone, &m->internal.address, m->protocol,
					  m->internal.port, 0};
	if (portctl_rules_allow(sweep->p->rules, &s))
		return false;
	sweep->changed = true;
	sweep->p->effects->map_close(sweep->p->effects->arg, m);
	portctl_tell(sweep->p, "lost", m);
	portctl_forget(sweep->p, m);
	return true;
}

void portctl_reload(struct portctl *p, uint64_t now_ms, const struct portctl_rules *rules)
{
	struct sweep sweep = {.p = p};
	p->now_ms = now_ms;
	p->rules = rules;
	(void)table_sweep(&p->by_internal, outlawed, &sweep);
	if (sweep.changed)
		portctl_lose(p);
}
