#include "service/authority/update_policy.h"

#include "proto/dns/type.h"

#include <stdlib.h>

void update_policy_done(struct update_policy *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rules[i].below);
		free(p->rules[i].exactly);
		free(p->rules[i].types);
	}
	free(p->rules);
	*p = (struct update_policy){0};
}

/* n items of a size into storage of their own; NULL for none. */
static enum err copy(const void *items, size_t n, size_t size, void *ret)
{
	void *own = NULL;

	if (n) {
		own = calloc(n, size);
		if (!own)
			return ENOMEM;
		memcpy(own, items, n * size);
	}
	memcpy(ret, &own, sizeof(own));
	return OK;
}

static enum err rule_copy(const struct update_rule *from, struct update_rule *to)
{
	to->key = from->key;
	to->self = from->self;
	TRY(copy(from->below, from->below_n, sizeof(*from->below), &to->below));
	to->below_n = from->below_n;
	TRY(copy(from->exactly, from->exactly_n, sizeof(*from->exactly), &to->exactly));
	to->exactly_n = from->exactly_n;
	TRY(copy(from->types, from->types_n, sizeof(*from->types), &to->types));
	to->types_n = from->types_n;
	return OK;
}

enum err update_policy_copy(const struct update_policy *from, struct update_policy *ret)
{
	struct update_policy p = {.rules = calloc(from->n + 1, sizeof(*p.rules))};
	enum err e = p.rules ? OK : (enum err)ENOMEM;

	while (!e && p.n < from->n) {
		e = rule_copy(&from->rules[p.n], &p.rules[p.n]);
		p.n++;
	}
	if (e) {
		update_policy_done(&p);
		return e;
	}
	*ret = p;
	return OK;
}

bool update_policy_knows(const struct update_policy *p, const struct dns_name *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (dns_name_equal(&p->rules[i].key, key))
			return true;
	return false;
}

static bool means_name(const struct update_rule *r, const struct dns_name *owner)
{
	if (!r->self && !r->below_n && !r->exactly_n)
		return true;
	if (r->self && dns_name_equal(owner, &r->key))
		return true;
	for (size_t i = 0; i < r->below_n; i++)
		if (dns_name_is_under(owner, &r->below[i]))
			return true;
	for (size_t i = 0; i < r->exactly_n; i++)
		if (dns_name_equal(owner, &r->exactly[i]))
			return true;
	return false;
}

static bool means_type(const struct update_rule *r, uint16_t type)
{
	for (size_t i = 0; i < r->types_n; i++)
		if (r->types[i] == type)
			return true;
	return r->types_n == 0 && type != DNS_TYPE_SOA && type != DNS_TYPE_NS;
}

static bool is_of_signer(uint16_t type)
{
	return type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC || type == DNS_TYPE_NSEC3 ||
	       type == DNS_TYPE_NSEC3PARAM || type == DNS_TYPE_DNSKEY;
}

bool update_policy_allows(const struct update_policy *p, const struct dns_name *key,
			  const struct dns_name *owner, uint16_t type)
{
	if (is_of_signer(type))
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (dns_name_equal(&p->rules[i].key, key) && means_name(&p->rules[i], owner) &&
		    means_type(&p->rules[i], type))
			return true;
	return false;
}

bool update_policy_allows_name(const struct update_policy *p, const struct dns_name *key,
			       const struct dns_name *owner)
{
	for (size_t i = 0; i < p->n; i++)
		if (dns_name_equal(&p->rules[i].key, key) && means_name(&p->rules[i], owner))
			return true;
	return false;
}
