#include "service/resolver/filter.h"

#include "policy/safe_search.h"
#include "proto/dns/type.h"

void filter_forget(struct filter *f)
{
	for (size_t i = 0; i < FILTER_CLIENTS; i++)
		f->clients[i].until_s = 0;
}

static const struct policy_view *view_of(struct filter *f, const struct filter_rules *rules,
					 struct hash_key key, const struct ip_address *client)
{
	const struct ip_address address = ip_address_unmap(client);
	uint64_t hash = siphash13_of(key, address.bytes, sizeof(address.bytes));
	struct filter_client *c = &f->clients[hash % FILTER_CLIENTS];
	/* Ahead of what they say. */
	uint64_t changes = rules->tables ? policy_tables_changes(rules->tables) : 0;
	if (c->until_s > f->now_s && c->since_s <= f->now_s && c->changes == changes &&
	    ip_address_equal(&c->address, &address))
		return &c->view;
	struct policy_identity known;
	policy_identify(rules->tables, &address, f->now_s, &known);
	c->address = address;
	c->changes = changes;
	policy_view(rules->policy, policy_groups_of(rules->policy, &known.client), f->now_s,
		    rules->pauses, &c->view);
	c->since_s = f->now_s;
	c->until_s = f->now_s + FILTER_CLIENT_S;
	if (known.until_s < c->until_s)
		c->until_s = known.until_s;
	if (c->view.until_s < c->until_s)
		c->until_s = c->view.until_s;
	return &c->view;
}

static void count_block(struct filter *f, const struct policy_match *m)
{
	f->stats.blocked++;
	f->stats.lists[m->list]++;
}

/* ANY and CNAME too, or they would tell what is kept from who asks. */
static bool is_of_browsers(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_HTTPS ||
	       type == DNS_TYPE_SVCB || type == DNS_TYPE_CNAME || type == DNS_TYPE_ANY;
}

struct filter_ruling filter_judge(struct filter *f, const struct filter_rules *rules,
				  struct hash_key key, const struct ip_address *client,
				  const struct dns_name *name, uint16_t type)
{
	const struct policy_view *view = view_of(f, rules, key, client);
	struct filter_ruling r = {.verdict = FILTER_PASS};
	struct dns_name target;
	enum policy_engine engine;
	if (!view->any)
		return r;
	policy_look(rules->policy, view, name, &r.match);
	if (r.match.verdict == POLICY_SAYS_BLOCK) {
		r.verdict = FILTER_BLOCK;
		count_block(f, &r.match);
		return r;
	}
	bool allowed = r.match.verdict == POLICY_SAYS_ALLOW;
	f->stats.allowed += allowed;
	/* An exception says that a name may be reached, not that its search may be any. */
	if (is_of_browsers(type) && policy_safe_search(view->engines, name, &target, &engine)) {
		f->stats.safe++;
		r.verdict = FILTER_SAFE;
		r.engine = engine;
	} else if (!allowed) {
		r.verdict = FILTER_LOOK;
	}
	return r;
}

bool filter_blocks_alias(struct filter *f, const struct filter_rules *rules, struct hash_key key,
			 const struct ip_address *client, const struct dns_name *target)
{
	struct policy_match m;
	policy_look(rules->policy, view_of(f, rules, key, client), target, &m);
	if (m.verdict != POLICY_SAYS_BLOCK)
		return false;
	count_block(f, &m);
	f->stats.aliased++;
	return true;
}
