#include "service/nat/ports_world_test.h"

struct ip_address world_address(const char *text)
{
	struct ip_address a;
	ASSERT(ip_address_parse(span_text(text), &a) == OK);
	return a;
}

struct ip_endpoint world_endpoint(const char *text)
{
	struct ip_endpoint e = {0};
	if (ip_endpoint_parse(span_text(text), 0, &e))
		e.address = world_address(text);
	return e;
}

static struct world_open *at_internal(struct world *w, const struct portctl_mapping *m)
{
	for (size_t i = 0; i < w->open_n; i++)
		if (w->open[i].protocol == m->protocol &&
		    ip_endpoint_equal(&w->open[i].internal, &m->internal) &&
		    ip_endpoint_equal(&w->open[i].remote, &m->remote))
			return &w->open[i];
	return NULL;
}

static bool port_is_free(const struct world *w, uint8_t protocol,
			 const struct ip_endpoint *external)
{
	if (external->port == w->taken)
		return false;
	for (size_t i = 0; i < w->open_n; i++)
		if (w->open[i].protocol == protocol &&
		    ip_endpoint_equal(&w->open[i].external, external))
			return false;
	return true;
}

static enum err map_open(void *arg, const struct portctl_mapping *m, bool exact,
			 struct ip_endpoint *ret)
{
	struct world *w = arg;
	struct ip_endpoint e = m->external;
	w->opens++;
	if (w->open_fails)
		return w->open_fails;
	if (m->remote.address.family && w->refuses_peers)
		return ERR_UNSUPPORTED;
	if (m->internal.address.family == 6 && e.address.family == 4 && w->refuses_nat64)
		return ERR_UNSUPPORTED;
	struct ip_address mine =
		e.address.family == 6 ? m->internal.address : w->outside4; /* a firewall, a NAT */
	if (!mine.family)
		return ERR_ABSENT;
	if (!ip_address_is_unspecified(&e.address) && !ip_address_equal(&e.address, &mine) && exact)
		return ERR_EXISTS;
	e.address = mine;
	struct world_open *again = at_internal(w, m);
	if (again) {
		*ret = again->external;
		return exact && !ip_endpoint_equal(&e, &again->external) ? ERR_EXISTS : OK;
	}
	if (exact && e.port && !port_is_free(w, m->protocol, &e))
		return ERR_EXISTS;
	if (!e.port || !port_is_free(w, m->protocol, &e))
		for (e.port = 40000; !port_is_free(w, m->protocol, &e); e.port++)
			;
	if (w->open_n == WORLD_OPEN_MAX)
		return ERR_LIMIT;
	w->open[w->open_n++] =
		(struct world_open){m->protocol, m->internal, e, m->remote, m->filters_n};
	*ret = e;
	return OK;
}

static enum err map_renew(void *arg, const struct portctl_mapping *m)
{
	struct world *w = arg;
	w->renews++;
	struct world_open *o = at_internal(w, m);
	ASSERT(o);
	o->filters_n = m->filters_n;
	return w->renew_fails;
}

static void map_close(void *arg, const struct portctl_mapping *m)
{
	struct world *w = arg;
	struct world_open *o = at_internal(w, m);
	ASSERT(o && ip_endpoint_equal(&o->external, &m->external));
	*o = w->open[--w->open_n];
	w->closes++;
}

static enum err external_address(void *arg, const struct ip_address *internal, uint8_t family,
				 struct ip_address *ret)
{
	const struct world *w = arg;
	*ret = family == 4 ? w->outside4 : *internal;
	return ret->family == family ? OK : ERR_ABSENT;
}

static void lost(void *arg)
{
	struct world *w = arg;
	w->losses++;
}

static void told(void *arg, const char *what, const struct portctl_mapping *m)
{
	struct world *w = arg;
	(void)m;
	w->told++;
	w->told_last = what;
}

void world_restart(struct world *w, uint64_t now_ms)
{
	const struct portctl_start start = {&w->rules, &w->effects, {1, 2}, now_ms};
	portctl_free(w->list);
	ASSERT(portctl_new(&start, &w->list) == OK);
}

void world_begin(struct world *w)
{
	struct ip_address v4 = world_address("192.168.0.0"), v6 = world_address("2001:db8::");
	*w = (struct world){.outside4 = world_address("203.0.113.7")};
	w->hosts[0] = ip_prefix_of(&v4, 16);
	w->hosts[1] = ip_prefix_of(&v6, 32);
	w->rule = (struct portctl_rule){.hosts = w->hosts,
					.hosts_n = 2,
					.traffic = {{6, 1024, 65535}, {17, 1024, 65535}},
					.traffic_n = 2};
	w->rules = (struct portctl_rules){.rules = &w->rule,
					  .rules_n = 1,
					  .mappings_max = 100,
					  .host_mappings_max = 4,
					  .lifetime_min_s = 120,
					  .lifetime_max_s = 86400,
					  .third_party = &w->third};
	w->effects = (struct portctl_effects){
		w, map_open, map_renew, map_close, external_address, lost, told};
	world_restart(w, WORLD_NOW_MS);
}

void world_end(struct world *w)
{
	portctl_free(w->list);
}

const struct world_open *world_find(const struct world *w, uint8_t protocol, const char *internal)
{
	struct ip_endpoint at = world_endpoint(internal);
	for (size_t i = 0; i < w->open_n; i++)
		if (w->open[i].protocol == protocol && ip_endpoint_equal(&w->open[i].internal, &at))
			return &w->open[i];
	return NULL;
}

bool world_agrees(const struct world *w)
{
	for (size_t i = 0; i < w->open_n; i++) {
		const struct world_open *o = &w->open[i];
		const struct portctl_mapping *m =
			portctl_find(w->list, o->protocol, &o->internal, &o->remote);
		if (!m || !ip_endpoint_equal(&m->external, &o->external))
			return false;
	}
	return portctl_used(w->list, 4) + portctl_used(w->list, 6) == w->open_n;
}
