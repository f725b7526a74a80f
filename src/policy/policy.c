/* A policy is opened and judged; who is in which group; what holds for them at a moment. */
#include "policy/policy.h"

#include "base/siphash.h"
#include "policy/inner.h"
#include "policy/pattern.h"

#include <stdlib.h>

struct header {
	uint32_t setup_len, buckets, names, lines, records_len;
};

static enum err read_header(struct span bytes, struct policy *p, struct header *ret)
{
	struct reader r = reader_of_span(bytes);
	if (!span_equal(read_span(&r, 8), span_of(POLICY_MAGIC, 8)))
		return ERR_FORMAT;
	uint32_t version = read_u32(&r);
	if (version == 0 || version > POLICY_VERSION)
		return ERR_UNSUPPORTED;
	if (read_u32(&r) != POLICY_HEADER_LEN || read_u64(&r) != bytes.len ||
	    bytes.len < POLICY_HEADER_LEN || bytes.len > POLICY_BYTES_MAX)
		return ERR_FORMAT;
	uint64_t check = read_u64(&r);
	if (check != siphash24(POLICY_CHECK_KEY, bytes.data + r.pos, bytes.len - r.pos))
		return ERR_FORMAT;
	p->facts.configuration = read_u64(&r);
	p->facts.generation = read_u64(&r);
	p->facts.made_s = read_u64(&r);
	p->names.seed.k0 = read_u64(&r);
	p->names.seed.k1 = read_u64(&r);
	ret->setup_len = read_u32(&r);
	ret->buckets = read_u32(&r);
	ret->names = read_u32(&r);
	ret->lines = read_u32(&r);
	ret->records_len = read_u32(&r);
	p->names.probes = read_u32(&r);
	for (unsigned i = 0; i < 16; i++)
		p->names.depths[i / 8] |= (uint64_t)read_u8(&r) << i % 8 * 8;
	for (unsigned i = 0; i < 16; i++)
		p->names.path_depths[i / 8] |= (uint64_t)read_u8(&r) << i % 8 * 8;
	for (unsigned i = 0; i < 128; i++)
		if (p->names.depths[i / 64] >> i % 64 & 1)
			p->names.deepest = i;
	if (ret->buckets == 0 || p->names.probes == 0 || p->names.probes > POLICY_PROBES_MAX)
		return ERR_FORMAT;
	return reader_check(&r);
}

static enum err read_all(struct span bytes, struct policy *p)
{
	struct header h;
	TRY(read_header(bytes, p, &h));
	struct reader r = reader_of_span(bytes);
	reader_skip(&r, POLICY_HEADER_LEN);
	struct reader setup = reader_sub(&r, h.setup_len);
	struct span tags = read_span(&r, (size_t)h.buckets * POLICY_BUCKET);
	struct span slots = read_span(&r, (size_t)h.buckets * POLICY_BUCKET * 4);
	struct span records = read_span(&r, h.records_len);
	TRY(reader_end(&r));
	TRY(policy_setup_read(&setup, &p->setup));
	p->names.tags = tags.data;
	p->names.slots = slots.data;
	p->names.records = records.data;
	p->names.records_len = records.len;
	p->names.buckets = h.buckets;
	p->facts.names = h.names;
	p->facts.lines = h.lines;
	p->facts.groups = (unsigned)p->setup.groups_n;
	p->facts.lists = (unsigned)p->setup.lists_n;
	p->facts.rules = (unsigned)p->setup.rules_n;
	p->facts.schedules = (unsigned)p->setup.schedules_n;
	return policy_names_check(&p->names, h.names, h.lines, p->facts.lists);
}

enum err policy_open(struct span bytes, struct policy **ret)
{
	AUTO(policy_free) struct policy *p = calloc(1, sizeof(*p));
	if (!p)
		return ENOMEM;
	TRY(read_all(bytes, p));
	*ret = TAKE(p);
	return OK;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	policy_setup_done(&p->setup);
	free(p);
}

void policy_facts(const struct policy *p, struct policy_facts *ret)
{
	*ret = p->facts;
}

struct span policy_group_name(const struct policy *p, unsigned group)
{
	return group < p->setup.groups_n ? p->setup.groups[group] : (struct span){0};
}

struct span policy_list_name(const struct policy *p, unsigned list)
{
	return list < p->setup.lists_n ? p->setup.lists[list] : (struct span){0};
}

struct span policy_schedule_name(const struct policy *p, unsigned schedule)
{
	return schedule < p->setup.schedules_n ? p->setup.schedule_names[schedule]
					       : (struct span){0};
}

const struct policy_rule *policy_rule(const struct policy *p, unsigned rule)
{
	return rule < p->setup.rules_n ? &p->setup.rules[rule] : NULL;
}

unsigned policy_list_find(const struct policy *p, struct span name)
{
	for (unsigned i = 0; i < p->setup.lists_n; i++)
		if (span_equal(p->setup.lists[i], name))
			return i;
	return POLICY_LISTS_MAX;
}

unsigned policy_group_find(const struct policy *p, struct span name)
{
	for (unsigned i = 0; i < p->setup.groups_n; i++)
		if (span_equal_nocase(p->setup.groups[i], name))
			return i;
	return POLICY_GROUPS_MAX;
}

/* --- groups --- */

struct membership {
	const struct policy *p;
	uint64_t in, except;
};

static int by_key(const void *key, const void *known)
{
	return memcmp(key, ((const struct policy_known *)known)->key, POLICY_KEY_LEN);
}

static void add_key(struct membership *m, const uint8_t *key)
{
	const struct policy_setup_read *s = &m->p->setup;
	const struct policy_known *k = bsearch(key, s->known, s->known_n, sizeof(*k), by_key);
	if (k) {
		m->in |= k->in;
		m->except |= k->except;
	}
}

static void add_name(struct membership *m, enum policy_member_kind kind, struct span name)
{
	uint8_t key[POLICY_KEY_LEN];
	if (name.len == 0 || name.len > POLICY_NAME_MAX)
		return;
	policy_key_of_name(kind, name, key);
	add_key(m, key);
	const struct policy_setup_read *s = &m->p->setup;
	for (size_t i = 0; i < s->globs_n; i++) {
		const struct policy_known *k = s->globs[i];
		if (k->key[0] == kind &&
		    policy_glob_matches(span_of(k->key + 2, k->key[1]), span_of(key + 2, key[1]))) {
			m->in |= k->in;
			m->except |= k->except;
		}
	}
}

static void add_address(struct membership *m, const struct ip_address *address)
{
	struct ip_address a = ip_address_unmap(address);
	uint8_t key[POLICY_KEY_LEN];
	const uint64_t *bits = m->p->setup.bits[a.family == 6];
	if (a.family == 0)
		return;
	for (unsigned n = 0; n <= ip_address_len(&a) * 8; n++)
		if (bits[n / 64] >> n % 64 & 1) {
			policy_key_of_prefix(&a, n, key);
			add_key(m, key);
		}
}

bool policy_knows_devices(const struct policy *p)
{
	return p->setup.of_devices;
}

uint64_t policy_groups_of(const struct policy *p, const struct policy_client *client)
{
	struct membership m = {.p = p};
	uint8_t key[POLICY_KEY_LEN];
	add_address(&m, &client->address);
	if (client->has_mac) {
		policy_key_of_mac(client->mac, key);
		add_key(&m, key);
	}
	add_name(&m, POLICY_MEMBER_LEASE, client->lease);
	add_name(&m, POLICY_MEMBER_PEER, client->peer);
	add_name(&m, POLICY_MEMBER_USER, client->user);
	return m.in & ~m.except;
}

/* --- what holds --- */

static bool lasts(uint64_t pause_s, uint64_t now_s, uint64_t *until_s)
{
	if (pause_s > now_s && pause_s < *until_s)
		*until_s = pause_s;
	return pause_s > now_s;
}

/* Groups whose rules are lifted; *ret_all: those of everybody. *until_s: no later than the first
 * of those ends. */
static uint64_t paused(const struct policy *p, const struct policy_pauses *pauses, uint64_t now_s,
		       bool *ret_all, uint64_t *until_s)
{
	uint64_t groups = 0;
	*ret_all = pauses && lasts(pauses->all_s, now_s, until_s);
	for (unsigned i = 0; pauses && i < p->setup.groups_n; i++)
		if (lasts(pauses->groups_s[i], now_s, until_s))
			groups |= UINT64_C(1) << i;
	return groups;
}

static bool rule_is_for(const struct policy_rule *r, uint64_t groups, uint64_t lifted, bool all)
{
	if (r->groups && !(r->groups & groups))
		return false;
	if (r->action == POLICY_ALLOW)
		return true;
	if (all)
		return false;
	return r->groups ? (r->groups & groups & ~lifted) != 0 : (groups & lifted) == 0;
}

static void bind(const struct policy_rule *r, unsigned number, struct policy_view *v)
{
	v->rules[number / 64] |= UINT64_C(1) << number % 64;
	v->any = true;
	if (r->action == POLICY_SAFE_SEARCH) {
		v->engines |= r->engines;
		return;
	}
	uint64_t *lists = r->action == POLICY_ALLOW ? v->allow : v->block;
	for (size_t i = 0; i < POLICY_WORDS; i++)
		lists[i] |= r->lists[i];
}

void policy_view(const struct policy *p, uint64_t groups, uint64_t now_s,
		 const struct policy_pauses *pauses, struct policy_view *ret)
{
	struct policy_view v = {.groups = groups, .until_s = UINT64_MAX};
	bool all;
	uint64_t lifted = paused(p, pauses, now_s, &all, &v.until_s);
	/* Hours are in minutes, and so are the moments at which a clock is changed. */
	uint64_t minute_s = now_s / 60 * 60 + 60;
	if (p->setup.schedules_n && minute_s < v.until_s)
		v.until_s = minute_s;
	for (unsigned i = 0; i < p->setup.rules_n; i++) {
		const struct policy_rule *r = &p->setup.rules[i];
		if (!rule_is_for(r, groups, lifted, all))
			continue;
		if (r->schedule != POLICY_ALWAYS &&
		    !policy_schedule_holds(&p->setup.schedules[r->schedule], &p->setup.zone, now_s))
			continue;
		bind(r, i, &v);
	}
	*ret = v;
}
