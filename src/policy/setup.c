#include "policy/setup.h"

#include <stdlib.h>

/* --- keys of members --- */

void policy_key_of_name(enum policy_member_kind kind, struct span name, uint8_t *ret)
{
	ret[0] = (uint8_t)kind;
	ret[1] = (uint8_t)name.len;
	memset(ret + 2, 0, POLICY_NAME_MAX);
	dns_octets_lower(ret + 2, name.data, name.len);
}

void policy_key_of_prefix(const struct ip_address *a, unsigned bits, uint8_t *ret)
{
	struct ip_prefix p = ip_prefix_of(a, bits);
	struct span octets = ip_address_span(&p.address);
	ret[0] = POLICY_MEMBER_PREFIX;
	ret[1] = (uint8_t)(bits + (a->family == 6 ? 33 : 0)); /* after all lengths of IPv4 */
	memset(ret + 2, 0, POLICY_NAME_MAX);
	memcpy(ret + 2, octets.data, octets.len); /* 4 or 16 */
}

void policy_key_of_mac(const uint8_t mac[6], uint8_t *ret)
{
	policy_key_of_name(POLICY_MEMBER_MAC, span_of(NULL, 0), ret);
	ret[1] = 6;
	memcpy(ret + 2, mac, 6); /* as the caller's array */
}

static void key_of(const struct policy_member *m, uint8_t *ret)
{
	switch (m->kind) {
	case POLICY_MEMBER_PREFIX:
		policy_key_of_prefix(&m->prefix.address, m->prefix.bits, ret);
		break;
	case POLICY_MEMBER_MAC: policy_key_of_mac(m->mac, ret); break;
	case POLICY_MEMBER_LEASE:
	case POLICY_MEMBER_PEER:
	case POLICY_MEMBER_USER: policy_key_of_name(m->kind, m->name, ret); break;
	}
}

bool policy_member_is_glob(enum policy_member_kind kind, struct span name)
{
	return (kind == POLICY_MEMBER_LEASE || kind == POLICY_MEMBER_PEER) &&
	       span_find(name, '*') < name.len;
}

/* --- what may be said --- */

static bool name_fits(struct span name)
{
	return name.len >= 1 && name.len <= POLICY_NAME_MAX;
}

static bool member_fits(const struct policy_member *m, size_t groups)
{
	if (m->group >= groups)
		return false;
	switch (m->kind) {
	case POLICY_MEMBER_PREFIX: return ip_address_len(&m->prefix.address) != 0;
	case POLICY_MEMBER_MAC: return true;
	case POLICY_MEMBER_LEASE:
	case POLICY_MEMBER_PEER:
	case POLICY_MEMBER_USER: return name_fits(m->name);
	}
	return false;
}

/* Bits that nothing stands for. */
static bool beyond(uint64_t bits, size_t n)
{
	return n < 64 && bits >> n != 0;
}

static bool rule_fits(const struct policy_rule *r, size_t groups, size_t lists, size_t schedules)
{
	for (size_t i = 0; i < POLICY_WORDS; i++)
		if (beyond(r->lists[i], lists > i * 64 ? lists - i * 64 : 0))
			return false;
	return !beyond(r->groups, groups) && r->action <= POLICY_SAFE_SEARCH &&
	       (r->schedule == POLICY_ALWAYS || r->schedule < schedules) &&
	       r->reason.len <= POLICY_REASON_MAX;
}

static bool window_fits(const struct policy_window *w)
{
	return w->days <= POLICY_EVERY_DAY && w->from < POLICY_DAY_MINUTES &&
	       w->to <= POLICY_DAY_MINUTES;
}

enum err policy_setup_check(const struct policy_setup *s)
{
	if (s->groups_n > POLICY_GROUPS_MAX || s->lists_n > POLICY_LISTS_MAX ||
	    s->rules_n > POLICY_RULES_MAX || s->schedules_n > POLICY_SCHEDULES_MAX ||
	    s->members_n > POLICY_MEMBERS_MAX || s->zone.changes_n > POLICY_CHANGES_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < s->groups_n; i++)
		if (!name_fits(s->groups[i]))
			return ERR_FORMAT;
	for (size_t i = 0; i < s->lists_n; i++)
		if (!name_fits(s->lists[i].name))
			return ERR_FORMAT;
	size_t globs = 0;
	for (size_t i = 0; i < s->members_n; i++) {
		const struct policy_member *m = &s->members[i];
		if (!member_fits(m, s->groups_n))
			return ERR_FORMAT;
		globs += policy_member_is_glob(m->kind, m->name);
	}
	if (globs > POLICY_GLOBS_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < s->rules_n; i++)
		if (!rule_fits(&s->rules[i], s->groups_n, s->lists_n, s->schedules_n))
			return ERR_FORMAT;
	for (size_t i = 0; i < s->schedules_n; i++) {
		const struct policy_schedule *one = &s->schedules[i].schedule;
		if (one->windows_n > POLICY_WINDOWS_MAX || !name_fits(s->schedules[i].name))
			return one->windows_n > POLICY_WINDOWS_MAX ? ERR_LIMIT : ERR_FORMAT;
		for (size_t k = 0; k < one->windows_n; k++)
			if (!window_fits(&one->windows[k]))
				return ERR_FORMAT;
	}
	return OK;
}

/* --- writing --- */

enum {
	RULE_LEN = 8 + 8 * POLICY_WORDS + 1 + 4 + 1 + 1, /* without the reason */
	KNOWN_LEN = POLICY_KEY_LEN + 16,
	WINDOW_LEN = 5,
	CHANGE_LEN = 12,
};

size_t policy_setup_size(const struct policy_setup *s)
{
	return 64 + (s->groups_n + s->lists_n) * (POLICY_NAME_MAX + 1) + s->members_n * KNOWN_LEN +
	       s->schedules_n * (POLICY_NAME_MAX + 2 + POLICY_WINDOWS_MAX * WINDOW_LEN) +
	       s->rules_n * (RULE_LEN + POLICY_REASON_MAX) + s->zone.changes_n * CHANGE_LEN;
}

static void write_name(struct writer *w, struct span name)
{
	write_u8(w, (uint8_t)name.len);
	write_span(w, name);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct policy_known *)a)->key, ((const struct policy_known *)b)->key,
		      POLICY_KEY_LEN);
}

/* In order, each key once. */
static void write_members(const struct policy_setup *s, struct writer *w)
{
	struct policy_known *known = calloc(s->members_n ? s->members_n : 1, sizeof(*known));
	size_t n = 0;
	if (!known) {
		w->bad = true;
		return;
	}
	for (size_t i = 0; i < s->members_n; i++) {
		const struct policy_member *m = &s->members[i];
		key_of(m, known[i].key);
		*(m->except ? &known[i].except : &known[i].in) = UINT64_C(1) << m->group;
	}
	qsort(known, s->members_n, sizeof(*known), by_key);
	for (size_t i = 0; i < s->members_n; i++) {
		if (n && by_key(&known[n - 1], &known[i]) == 0) {
			known[n - 1].in |= known[i].in;
			known[n - 1].except |= known[i].except;
		} else {
			known[n++] = known[i];
		}
	}
	write_u32(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		write_bytes(w, known[i].key, POLICY_KEY_LEN);
		write_u64(w, known[i].in);
		write_u64(w, known[i].except);
	}
	free(known);
}

static void write_rule(const struct policy_rule *r, struct writer *w)
{
	write_u64(w, r->groups);
	for (size_t i = 0; i < POLICY_WORDS; i++)
		write_u64(w, r->lists[i]);
	write_u8(w, (uint8_t)r->action);
	write_u32(w, r->engines);
	write_u8(w, r->schedule);
	write_name(w, r->reason);
}

void policy_setup_write(const struct policy_setup *s, struct writer *w)
{
	write_u8(w, (uint8_t)s->groups_n);
	for (size_t i = 0; i < s->groups_n; i++)
		write_name(w, s->groups[i]);
	write_u16(w, (uint16_t)s->lists_n);
	for (size_t i = 0; i < s->lists_n; i++)
		write_name(w, s->lists[i].name);
	write_u8(w, (uint8_t)s->schedules_n);
	for (size_t i = 0; i < s->schedules_n; i++) {
		const struct policy_schedule *one = &s->schedules[i].schedule;
		write_name(w, s->schedules[i].name);
		write_u8(w, (uint8_t)one->windows_n);
		for (size_t k = 0; k < one->windows_n; k++) {
			write_u8(w, one->windows[k].days);
			write_u16(w, one->windows[k].from);
			write_u16(w, one->windows[k].to);
		}
	}
	write_u16(w, (uint16_t)s->rules_n);
	for (size_t i = 0; i < s->rules_n; i++)
		write_rule(&s->rules[i], w);
	write_u32(w, (uint32_t)s->zone.ahead_s);
	write_u8(w, (uint8_t)s->zone.changes_n);
	for (size_t i = 0; i < s->zone.changes_n; i++) {
		write_u64(w, (uint64_t)s->zone.changes[i].since_s);
		write_u32(w, (uint32_t)s->zone.changes[i].ahead_s);
	}
	write_members(s, w);
}

/* --- reading --- */

static struct span read_name(struct reader *r, bool may_be_empty)
{
	struct span name = read_span(r, read_u8(r));
	if (!may_be_empty && !name_fits(name))
		reader_fail(r);
	return name;
}

/* A count that must not pass most. */
static size_t counted(struct reader *r, size_t n, size_t most)
{
	if (n > most)
		reader_fail(r);
	return n > most ? 0 : n;
}

static void read_schedules(struct reader *r, struct policy_setup_read *s)
{
	s->schedules_n = counted(r, read_u8(r), POLICY_SCHEDULES_MAX);
	for (size_t i = 0; i < s->schedules_n; i++) {
		struct policy_schedule *one = &s->schedules[i];
		s->schedule_names[i] = read_name(r, false);
		one->windows_n = counted(r, read_u8(r), POLICY_WINDOWS_MAX);
		for (size_t k = 0; k < one->windows_n; k++) {
			struct policy_window *w = &one->windows[k];
			w->days = read_u8(r);
			w->from = read_u16(r);
			w->to = read_u16(r);
			if (!window_fits(w))
				reader_fail(r);
		}
	}
}

static void read_rules(struct reader *r, struct policy_setup_read *s)
{
	s->rules_n = counted(r, read_u16(r), POLICY_RULES_MAX);
	for (size_t i = 0; i < s->rules_n; i++) {
		struct policy_rule *rule = &s->rules[i];
		rule->groups = read_u64(r);
		for (size_t k = 0; k < POLICY_WORDS; k++)
			rule->lists[k] = read_u64(r);
		rule->action = read_u8(r);
		rule->engines = read_u32(r);
		rule->schedule = read_u8(r);
		rule->reason = read_name(r, true);
		if (!rule_fits(rule, s->groups_n, s->lists_n, s->schedules_n))
			reader_fail(r);
	}
}

static void read_zone(struct reader *r, struct policy_setup_read *s)
{
	s->zone.ahead_s = (int32_t)read_u32(r);
	s->zone.changes_n = counted(r, read_u8(r), POLICY_CHANGES_MAX);
	for (size_t i = 0; i < s->zone.changes_n; i++) {
		s->zone.changes[i].since_s = (int64_t)read_u64(r);
		s->zone.changes[i].ahead_s = (int32_t)read_u32(r);
	}
}

/* Notes which lengths of prefixes there are. */
static bool note_key(struct policy_setup_read *s, const uint8_t *key)
{
	unsigned at = key[1];
	if (key[0] > POLICY_MEMBER_USER)
		return false;
	if (key[0] != POLICY_MEMBER_PREFIX)
		return at <= POLICY_NAME_MAX;
	if (at > 33 + 128)
		return false;
	bool six = at >= 33;
	unsigned bits = six ? at - 33 : at;
	s->bits[six][bits / 64] |= UINT64_C(1) << bits % 64;
	return true;
}

/* False: there are too many. */
static bool note_glob(struct policy_setup_read *s, const struct policy_known *k)
{
	s->of_devices = s->of_devices || k->key[0] != POLICY_MEMBER_PREFIX;
	if (!policy_member_is_glob((enum policy_member_kind)k->key[0],
				   span_of(k->key + 2, k->key[1])))
		return true;
	if (s->globs_n == POLICY_GLOBS_MAX)
		return false;
	s->globs[s->globs_n++] = k;
	return true;
}

static enum err read_members(struct reader *r, struct policy_setup_read *s)
{
	size_t n = counted(r, read_u32(r), POLICY_MEMBERS_MAX);
	if (n > reader_left(r) / KNOWN_LEN)
		return ERR_FORMAT;
	s->known = calloc(n ? n : 1, sizeof(*s->known));
	if (!s->known)
		return ENOMEM;
	s->known_n = n;
	for (size_t i = 0; i < n; i++) {
		struct policy_known *k = &s->known[i];
		read_bytes(r, k->key, POLICY_KEY_LEN);
		k->in = read_u64(r);
		k->except = read_u64(r);
		if (!note_key(s, k->key) || (i && by_key(k - 1, k) >= 0) ||
		    beyond(k->in | k->except, s->groups_n) || !note_glob(s, k))
			return ERR_FORMAT;
	}
	return OK;
}

enum err policy_setup_read(struct reader *r, struct policy_setup_read *s)
{
	s->groups_n = counted(r, read_u8(r), POLICY_GROUPS_MAX);
	for (size_t i = 0; i < s->groups_n; i++)
		s->groups[i] = read_name(r, false);
	s->lists_n = counted(r, read_u16(r), POLICY_LISTS_MAX);
	for (size_t i = 0; i < s->lists_n; i++)
		s->lists[i] = read_name(r, false);
	read_schedules(r, s);
	read_rules(r, s);
	read_zone(r, s);
	TRY(read_members(r, s));
	return reader_end(r);
}

void policy_setup_done(struct policy_setup_read *s)
{
	free(TAKE(s->known));
}
