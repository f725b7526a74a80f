/* From the section of the configuration to the setup of a compiled policy. */
#include "service/policy/conf.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "config/times.h"
#include "policy/safe_search.h"

#include <stdio.h>
#include <stdlib.h>

/* --- members --- */

static void add_names(struct policy_member **at, struct policy_member as,
		      enum policy_member_kind kind, const struct config_list *names)
{
	const char *const *name = names->items;
	for (size_t i = 0; i < names->n; i++) {
		as.kind = kind;
		as.name = span_text(name[i]);
		*(*at)++ = as;
	}
}

static void add_clients(struct policy_member **at, uint8_t group, bool except,
			const struct policy_clients_conf *c)
{
	const struct policy_member as = {.group = group, .except = except};
	const struct ip_prefix *prefixes = c->addresses.items;
	const char *const *macs = c->macs.items;
	for (size_t i = 0; i < c->addresses.n; i++) {
		struct policy_member *m = (*at)++;
		*m = as;
		m->prefix = prefixes[i];
	}
	for (size_t i = 0; i < c->macs.n; i++) {
		struct policy_member *m = (*at)++;
		*m = as;
		m->kind = POLICY_MEMBER_MAC;
		bool right = policy_conf_mac(macs[i], m->mac);
		ASSERT(right); /* judged by the schema */
	}
	add_names(at, as, POLICY_MEMBER_LEASE, &c->leases);
	add_names(at, as, POLICY_MEMBER_PEER, &c->peers);
	add_names(at, as, POLICY_MEMBER_USER, &c->users);
}

static size_t clients_n(const struct policy_clients_conf *c)
{
	return c->addresses.n + c->macs.n + c->leases.n + c->peers.n + c->users.n;
}

static enum err fill_groups(const struct policy_conf *c, struct policy_conf_setup *s)
{
	const struct policy_group_conf *groups = c->groups.items;
	size_t n = 0;
	for (size_t i = 0; i < c->groups.n; i++)
		n += clients_n(&groups[i].clients) + clients_n(&groups[i].except);
	s->members = calloc(n ? n : 1, sizeof(*s->members));
	if (!s->members)
		return ENOMEM;
	struct policy_member *at = s->members;
	for (size_t i = 0; i < c->groups.n; i++) {
		s->groups[i] = span_text(groups[i].name);
		add_clients(&at, (uint8_t)i, false, &groups[i].clients);
		add_clients(&at, (uint8_t)i, true, &groups[i].except);
	}
	s->setup.groups_n = c->groups.n;
	s->setup.members_n = n;
	return OK;
}

/* --- lists --- */

/* A list more; its number in *ret. lines: its text, when that stands in the configuration. */
static enum err add_list(struct policy_conf_setup *s, struct span name,
			 const struct config_list *lines, size_t *ret)
{
	const char *const *line = lines->items;
	size_t len = 1, i = s->setup.lists_n;
	ASSERT(i < POLICY_LISTS_MAX); /* judged by the schema */
	for (size_t k = 0; k < lines->n; k++)
		len += strlen(line[k]) + 1;
	s->texts[i] = malloc(len);
	if (!s->texts[i])
		return ENOMEM;
	struct writer w = writer_of(s->texts[i], len);
	for (size_t k = 0; k < lines->n; k++) {
		write_text(&w, line[k]);
		write_u8(&w, '\n');
	}
	s->lists[i].name = name;
	s->sources[i] = (struct policy_source){
		.kind = POLICY_SOURCE_LINES, .name = name, .lines = writer_span(&w)};
	s->setup.lists_n++;
	*ret = i;
	return OK;
}

static enum err fill_lists(const struct policy_conf *c, struct policy_conf_setup *s)
{
	const struct policy_list_conf *lists = c->lists.items;
	for (size_t i = 0, at; i < c->lists.n; i++) {
		const struct policy_list_conf *l = &lists[i];
		TRY(add_list(s, span_text(l->name), &l->lines, &at));
		struct policy_source *from = &s->sources[at];
		s->lists[at].subdomains = l->subdomains;
		from->size_max = l->size_max;
		from->refresh_ms = l->refresh_own ? l->refresh_ms : c->refresh_ms;
		if (l->url || l->file) {
			from->kind = l->url ? POLICY_SOURCE_URL : POLICY_SOURCE_FILE;
			from->at = l->url ? l->url : l->file;
		}
	}
	return OK;
}

/* --- schedules and rules --- */

static void fill_schedules(const struct policy_conf *c, struct policy_conf_setup *s)
{
	const struct policy_schedule_conf *schedules = c->schedules.items;
	for (size_t i = 0; i < c->schedules.n; i++) {
		const struct config_times *times = schedules[i].times.items;
		struct policy_schedule_setup *to = &s->schedules[i];
		to->name = span_text(schedules[i].name);
		for (size_t k = 0; k < schedules[i].times.n; k++) {
			const struct config_window w = config_times_read(&times[k]);
			to->schedule.windows[to->schedule.windows_n++] =
				(struct policy_window){w.days, w.from, w.to};
		}
	}
	s->setup.schedules_n = c->schedules.n;
}

static uint32_t engines_of(const struct policy_rule_conf *c)
{
	const int *engines = c->engines.items;
	uint32_t bits = 0;
	for (size_t i = 0; i < c->engines.n; i++)
		bits |= UINT32_C(1) << engines[i];
	return c->engines.n ? bits : (UINT32_C(1) << POLICY_ENGINES) - 1;
}

static enum err fill_rule(const struct policy_conf *c, size_t i, struct policy_conf_setup *s)
{
	const struct policy_rule_conf *from = &((const struct policy_rule_conf *)c->rules.items)[i];
	const char *const *groups = from->groups.items, *const *lists = from->lists.items;
	struct policy_rule *r = &s->rules[i];
	size_t at;
	r->action = from->action;
	r->schedule = POLICY_ALWAYS;
	if (from->schedule)
		r->schedule = (uint8_t)policy_conf_find(
			&c->schedules, sizeof(struct policy_schedule_conf), from->schedule);
	if (from->reason)
		r->reason = span_text(from->reason);
	if (from->action == POLICY_SAFE_SEARCH)
		r->engines = engines_of(from);
	for (size_t k = 0; k < from->groups.n; k++)
		r->groups |= UINT64_C(1) << policy_conf_find(
				     &c->groups, sizeof(struct policy_group_conf), groups[k]);
	for (size_t k = 0; k < from->lists.n; k++) {
		at = policy_conf_find(&c->lists, sizeof(struct policy_list_conf), lists[k]);
		r->lists[at / 64] |= UINT64_C(1) << at % 64;
	}
	if (from->names.n == 0)
		return OK;
	char name[POLICY_NAME_MAX + 1];
	int len = snprintf(name, sizeof(name), "rule %zu", i + 1);
	TRY(add_list(s, (struct span){0}, &from->names, &at));
	r->lists[at / 64] |= UINT64_C(1) << at % 64;
	/* The name of such a list is kept behind its text. */
	size_t text_len = s->sources[at].lines.len;
	char *grown = realloc(s->texts[at], text_len + sizeof(name));
	if (!grown)
		return ENOMEM;
	s->texts[at] = grown;
	memcpy(grown + text_len, name, (size_t)len); /* room for all of name */
	s->sources[at].lines = span_of(grown, text_len);
	s->sources[at].name = s->lists[at].name = span_of(grown + text_len, (size_t)len);
	return OK;
}

/* Of what decides besides the texts of files and URLs: whether the policy is to be made anew. */
static enum err hash_of(struct policy_conf_setup *s)
{
	static const uint8_t key[16] = "configuration of";
	uint64_t h;
	TRY(policy_setup_hash(&s->setup, &h));
	for (size_t i = 0; i < s->setup.lists_n; i++) {
		const struct policy_source *from = &s->sources[i];
		struct span at = span_text(from->at ? from->at : "");
		uint64_t parts[3] = {h, siphash24(key, at.data, at.len),
				     siphash24(key, from->lines.data, from->lines.len)};
		h = siphash24(key, parts, sizeof(parts));
	}
	s->setup.configuration = h;
	return OK;
}

static void point(struct policy_conf_setup *s)
{
	s->setup.groups = s->groups;
	s->setup.members = s->members;
	s->setup.lists = s->lists;
	s->setup.schedules = s->schedules;
	s->setup.rules = s->rules;
}

enum err policy_conf_setup(const struct policy_conf *conf, struct policy_conf_setup *ret)
{
	*ret = (struct policy_conf_setup){0};
	enum err err = fill_groups(conf, ret);
	if (!err)
		err = fill_lists(conf, ret);
	if (!err)
		fill_schedules(conf, ret);
	for (size_t i = 0; !err && i < conf->rules.n; i++)
		err = fill_rule(conf, i, ret);
	ret->setup.rules_n = conf->rules.n;
	point(ret);
	if (!err)
		err = hash_of(ret);
	if (err)
		policy_conf_setup_done(ret);
	return err;
}

void policy_conf_setup_done(struct policy_conf_setup *s)
{
	free(TAKE(s->members));
	for (size_t i = 0; i < POLICY_LISTS_MAX; i++)
		free(TAKE(s->texts[i]));
}
