#include "service/reverse-proxy/pool_make.h"

#include <stdlib.h>

#define HOSTS_MAX ((size_t)2 << 20)

/* A pool in the making. */
struct making {
	struct registry *registry;
	const struct reverse_pool_conf *conf;
	uint64_t now_ms;
	bool was_there;
	struct pool_member members[POOL_MEMBERS_MAX];
	char names[POOL_MEMBERS_MAX][IP_ENDPOINT_TEXT_MAX];
	struct arena hosts; /* texts that the pool copies */
	size_t n;
};

static bool in_our_zone(const struct making *m, const struct reverse_server_conf *s)
{
	return m->conf->zone && s->zone && strcmp(m->conf->zone, s->zone) == 0;
}

/* By what a server proves itself. Of SRV records it is the domain that was asked for: where they
 * lead, whoever answers for the DNS says (RFC 6125 6.2.1). */
static const char *host_of(const struct reverse_server_conf *s, const struct ip_endpoint *at,
			   char buf[DNS_NAME_TEXT_MAX])
{
	if (!s->name.len && !s->srv.len) {
		(void)ip_address_format(&at->address, buf);
		return buf;
	}
	(void)dns_name_format(s->name.len ? &s->name : &s->srv, buf);
	size_t len = strlen(buf);
	if (len > 1)
		buf[len - 1] = 0; /* the dot at the end */
	char *from = buf;
	for (char *dot; s->srv.len && *from == '_' && (dot = strchr(from, '.'));)
		from = dot + 1;
	return from;
}

static enum err add(struct making *m, const struct reverse_server_conf *s,
		    const struct reverse_target *t)
{
	bool is_new;
	char host[DNS_NAME_TEXT_MAX];
	if (m->n == POOL_MEMBERS_MAX)
		return ERR_LIMIT;
	struct pool_member *member = &m->members[m->n];
	(void)ip_endpoint_format(&t->at, m->names[m->n]);
	*member = (struct pool_member){
		.name = m->names[m->n],
		.host = arena_copy(&m->hosts, span_text(host_of(s, &t->at, host))),
		.weight = t->weight,
		.level = (uint16_t)(t->level + (s->backup ? REVERSE_BACKUP_LEVEL : 0)),
		.own_zone = in_our_zone(m, s),
		.draining = s->drain,
		.requests_max = s->requests_max};
	if (!member->host)
		return ENOMEM;
	TRY(registry_backend(m->registry, m->conf->name, &t->at, &member->backend, &is_new));
	m->n++;
	if (is_new && m->was_there)
		atomic_store(&member->backend->up_since_ms, m->now_ms);
	return OK;
}

static enum err add_all(struct making *m, reverse_target_find *find, void *arg)
{
	const struct reverse_server_conf *s = m->conf->servers.items;
	for (size_t i = 0; i < m->conf->servers.n; i++) {
		struct reverse_target t = {.at = s[i].address, .weight = (uint16_t)s[i].weight};
		if (t.at.address.family) {
			TRY(add(m, &s[i], &t));
			continue;
		}
		for (size_t k = 0; find && find(arg, &s[i], k, &t); k++)
			TRY(add(m, &s[i], &t));
	}
	return OK;
}

enum err reverse_pool_make(struct registry *registry, const struct reverse_pool_conf *conf,
			   uint64_t now_ms, reverse_target_find *find, void *arg, struct pool **ret)
{
	struct pool_policy policy = reverse_pool_policy(conf);
	struct pool_state *state = NULL;
	bool is_new = true;
	struct making *m = calloc(1, sizeof(*m));
	if (!m)
		return ENOMEM;
	*m = (struct making){.registry = registry, .conf = conf, .now_ms = now_ms};
	arena_init(&m->hosts, HOSTS_MAX);
	enum err e = registry_state(registry, conf->name, &state, &is_new);
	m->was_there = !is_new;
	if (!e)
		e = add_all(m, find, arg);
	if (!e)
		e = pool_new(state, &policy, m->members, m->n, ret);
	for (size_t i = 0; i < m->n; i++)
		backend_unref(m->members[i].backend);
	pool_state_unref(state);
	arena_done(&m->hosts);
	free(m);
	return e;
}

enum err reverse_pool_make_one(struct registry *registry, const char *name,
			       const struct ip_endpoint *at, struct pool **ret)
{
	static const struct pool_policy policy = {
		.retry = {.tries_max = 3, .budget_pct = 20, .budget_min = 10}};
	struct pool_state *state;
	struct pool_member member = {.name = name, .weight = 1};
	TRY(registry_state(registry, name, &state, NULL));
	enum err e = registry_backend(registry, name, at, &member.backend, NULL);
	if (!e)
		e = pool_new(state, &policy, &member, 1, ret);
	backend_unref(member.backend);
	pool_state_unref(state);
	return e;
}
