#include "service/nat/names.h"

#include "service/nat/conf.h"

#include <stdlib.h>

struct nat_name *nat_names_find(const struct nat_names *names, const struct dns_name *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (dns_name_equal(&names->items[i].name, name))
			return &names->items[i];
	return NULL;
}

/* --- collecting ------------------------------------------------------------------------------- */

struct collection {
	const struct nat_conf *conf;
	struct nat_names names;
	enum err err;
};

static void add(struct collection *c, const struct dns_name *name)
{
	if (c->err || nat_names_find(&c->names, name))
		return;
	if (c->names.n == NAT_NAMES_MAX) {
		c->err = ERR_LIMIT;
		return;
	}
	c->names.items[c->names.n++] = (struct nat_name){.name = *name};
}

static void add_text(struct collection *c, const char *text)
{
	struct nat_who who;
	if (nat_who_parse(c->conf, span_text(text), &who) == OK && who.kind == NAT_WHO_NAME)
		add(c, &who.name);
}

static void add_list(struct collection *c, const struct config_list *list)
{
	const char *const *texts = list->items;
	for (size_t i = 0; i < list->n; i++)
		add_text(c, texts[i]);
}

static void collect(struct collection *c)
{
	const struct nat_forward_conf *forwards = c->conf->forward.items;
	const struct nat_rule_conf *rules = c->conf->firewall.items;
	const struct nat_plain_conf *plain = c->conf->plain.items;
	const struct nat_take_conf *takes = c->conf->takes.items;
	const struct nat_host_conf *hosts = c->conf->hosts.items;
	struct nat_who who;
	uint16_t port;
	for (size_t i = 0; i < c->conf->forward.n; i++) {
		if (nat_target_parse(c->conf, span_text(forwards[i].to), &who, &port) == OK &&
		    who.kind == NAT_WHO_NAME)
			add(c, &who.name);
		add_list(c, &forwards[i].allow);
	}
	for (size_t i = 0; i < c->conf->firewall.n; i++) {
		add_list(c, &rules[i].from);
		add_list(c, &rules[i].to);
	}
	for (size_t i = 0; i < c->conf->plain.n; i++)
		add_list(c, &plain[i].to);
	for (size_t i = 0; i < c->conf->takes.n; i++) {
		add_list(c, &takes[i].from);
		add_list(c, &takes[i].except_from);
		add_list(c, &takes[i].except_to);
	}
	for (size_t i = 0; i < c->conf->hosts.n; i++)
		add_text(c, hosts[i].name);
}

enum err nat_names_collect(const struct nat_conf *conf, struct nat_names *names)
{
	struct collection c = {.conf = conf, .names.changes = names->changes};
	c.names.items = calloc(NAT_NAMES_MAX, sizeof(*c.names.items));
	if (!c.names.items)
		return ENOMEM;
	collect(&c);
	if (c.err) {
		free(c.names.items);
		return c.err;
	}
	for (size_t i = 0; i < c.names.n; i++) {
		const struct nat_name *before = nat_names_find(names, &c.names.items[i].name);
		if (!before)
			continue;
		c.names.items[i] = *before;
		/* Who asks for it still has the place where it was; and who reloads because of a
		 * name that has no address does not want to wait. */
		for (size_t f = 0; f < NAT_NAME_FAMILIES; f++)
			if (before->family[f].due_ms == UINT64_MAX || before->family[f].n == 0)
				c.names.items[i].family[f].due_ms = 0;
	}
	nat_names_done(names);
	*names = c.names;
	return OK;
}

void nat_names_done(struct nat_names *names)
{
	free(names->items);
	names->items = NULL;
	names->n = 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

bool nat_names_due(struct nat_names *names, uint64_t now_ms, struct nat_name **ret_name,
		   enum nat_name_family *ret_family)
{
	for (size_t i = 0; i < names->n; i++)
		for (enum nat_name_family f = NAT_NAME_V4; f < NAT_NAME_FAMILIES; f++)
			if (names->items[i].family[f].due_ms <= now_ms) {
				names->items[i].family[f].due_ms = UINT64_MAX;
				*ret_name = &names->items[i];
				*ret_family = f;
				return true;
			}
	return false;
}

uint64_t nat_names_next_ms(const struct nat_names *names)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; i < names->n; i++)
		for (size_t f = 0; f < NAT_NAME_FAMILIES; f++)
			if (names->items[i].family[f].due_ms < next)
				next = names->items[i].family[f].due_ms;
	return next;
}

static void insert(struct nat_name_family_state *s, const struct ip_address *a)
{
	size_t at = 0;
	while (at < s->n && ip_address_compare(&s->addresses[at], a) < 0)
		at++;
	if (s->n == NAT_NAME_ADDRESSES_MAX || (at < s->n && ip_address_equal(&s->addresses[at], a)))
		return;
	for (size_t i = s->n++; i > at; i--)
		s->addresses[i] = s->addresses[i - 1];
	s->addresses[at] = *a;
}

static bool same(const struct nat_name_family_state *a, const struct nat_name_family_state *b)
{
	bool equal = a->n == b->n && a->answered == b->answered;
	for (size_t i = 0; equal && i < a->n; i++)
		equal = ip_address_equal(&a->addresses[i], &b->addresses[i]);
	return equal;
}

static uint32_t retry_s(const struct nat_name_family_state *s)
{
	uint32_t wait_s = s->retry_s ? s->retry_s * 2 : NAT_NAME_RETRY_FIRST_S;
	return wait_s < NAT_NAME_RETRY_S ? wait_s : NAT_NAME_RETRY_S;
}

bool nat_names_answer(struct nat_names *names, struct nat_name *name, enum nat_name_family family,
		      const struct ip_address *addresses, size_t n, uint32_t ttl_s, uint64_t now_ms)
{
	struct nat_name_family_state now = {.answered = true}, *s = &name->family[family];
	now.retry_s = n == 0 ? retry_s(s) : 0;
	uint32_t wait_s = n == 0		       ? now.retry_s
			  : ttl_s < NAT_NAME_TTL_MIN_S ? NAT_NAME_TTL_MIN_S
			  : ttl_s > NAT_NAME_TTL_MAX_S ? NAT_NAME_TTL_MAX_S
						       : ttl_s;
	for (size_t i = 0; i < n; i++)
		if (addresses[i].family == (family == NAT_NAME_V4 ? 4 : 6))
			insert(&now, &addresses[i]);
	now.due_ms = now_ms + (uint64_t)wait_s * 1000;
	bool news = !same(s, &now);
	*s = now;
	names->changes += news;
	return news;
}

void nat_names_silent(struct nat_name *name, enum nat_name_family family, uint64_t now_ms)
{
	struct nat_name_family_state *s = &name->family[family];
	s->retry_s = retry_s(s);
	s->due_ms = now_ms + (uint64_t)s->retry_s * 1000;
}
