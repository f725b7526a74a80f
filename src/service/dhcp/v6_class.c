#include "service/dhcp/v6_class.h"

#include "base/arena.h"
#include "base/reader.h"
#include "proto/dhcp6/message.h"
#include "service/dhcp/conf6.h"
#include "service/dhcp/pattern.h"

enum { ENTERPRISE_LEN = 4 };

/* Any of them; n 0: not asked for. */
struct patterns {
	const struct dhcp_pattern *items;
	size_t n;
};

struct v6_class_match {
	struct patterns vendor_class, user_class, duid, interface_id, remote_id, subscriber_id;
	const struct dhcp_mac_prefix *macs;
	size_t macs_n;
};

MUST static enum err compile(const struct config_list *texts, struct arena *a, struct patterns *ret)
{
	const char *const *t = texts->items;
	struct dhcp_pattern *p = ARENA_ARRAY(a, struct dhcp_pattern, texts->n);
	if (!p)
		return ENOMEM;
	for (size_t i = 0; i < texts->n; i++)
		TRY(dhcp_pattern_compile(t[i], a, &p[i]));
	*ret = (struct patterns){.items = p, .n = texts->n};
	return OK;
}

MUST static enum err compile_macs(const struct config_list *texts, struct arena *a,
				  struct v6_class_match *m)
{
	const char *const *t = texts->items;
	struct dhcp_mac_prefix *all = ARENA_ARRAY(a, struct dhcp_mac_prefix, texts->n);
	if (!all)
		return ENOMEM;
	for (size_t i = 0; i < texts->n; i++)
		TRY(dhcp_mac_prefix_parse(span_text(t[i]), &all[i]));
	m->macs = all;
	m->macs_n = texts->n;
	return OK;
}

enum err v6_classes_init(struct v6_classes *c, const struct config_list *list, struct arena *a)
{
	const struct v6_class_conf *conf = list->items;
	struct v6_class_match *all = ARENA_ARRAY(a, struct v6_class_match, list->n);
	if (!all)
		return ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		const struct v6_match_conf *m = &conf[i].match;
		TRY(compile(&m->vendor_class, a, &all[i].vendor_class));
		TRY(compile(&m->user_class, a, &all[i].user_class));
		TRY(compile(&m->duid, a, &all[i].duid));
		TRY(compile(&m->interface_id, a, &all[i].interface_id));
		TRY(compile(&m->remote_id, a, &all[i].remote_id));
		TRY(compile(&m->subscriber_id, a, &all[i].subscriber_id));
		TRY(compile_macs(&m->mac, a, &all[i]));
	}
	*c = (struct v6_classes){.match = all, .n = list->n};
	return OK;
}

/* --- a client --- */

static bool any_matches(const struct patterns *p, struct span octets)
{
	for (size_t i = 0; i < p->n; i++)
		if (dhcp_pattern_matches(&p->items[i], octets))
			return true;
	return false;
}

/* What the class asks for and the client does not say is no match. */
static bool allows(const struct patterns *p, struct span octets)
{
	return p->n == 0 || (octets.len && any_matches(p, octets));
}

static bool allows_items(const struct patterns *p, struct span items)
{
	struct reader r = reader_of_span(items);
	struct span item;
	if (p->n == 0)
		return true;
	while (dhcp6_item_next(&r, &item))
		if (any_matches(p, item))
			return true;
	return false;
}

static bool allows_mac(const struct v6_class_match *m, struct span mac)
{
	for (size_t i = 0; i < m->macs_n; i++)
		if (mac.len == sizeof(m->macs[i].octets) &&
		    memcmp(mac.data, m->macs[i].octets, m->macs[i].octets_n) == 0)
			return true;
	return m->macs_n == 0;
}

uint64_t v6_classes_of(const struct v6_classes *c, const struct v6_told *t)
{
	struct span vendor = span_sub(t->vendor_class, ENTERPRISE_LEN, t->vendor_class.len);
	struct span remote = span_sub(t->remote_id, ENTERPRISE_LEN, t->remote_id.len);
	uint64_t found = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct v6_class_match *m = &c->match[i];
		if (allows_items(&m->vendor_class, vendor) &&
		    allows_items(&m->user_class, t->user_class) && allows(&m->duid, t->duid) &&
		    allows(&m->interface_id, t->interface_id) && allows(&m->remote_id, remote) &&
		    allows(&m->subscriber_id, t->subscriber_id) && allows_mac(m, t->mac))
			found |= UINT64_C(1) << i;
	}
	return found;
}

uint64_t v6_classes_named(const struct config_list *classes, const struct config_list *names)
{
	const struct v6_class_conf *conf = classes->items;
	const char *const *n = names->items;
	uint64_t found = 0;
	for (size_t i = 0; i < names->n; i++)
		for (size_t k = 0; k < classes->n; k++)
			if (strcmp(conf[k].name, n[i]) == 0)
				found |= UINT64_C(1) << k;
	return found;
}
