#include "service/forward-proxy/access/access.h"

#include "policy/path.h"
#include "policy/schedule.h"
#include "policy/url.h"
#include "proto/ip/number.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/access/inside.h"

#include <assert.h>

const char *access_why_text(enum access_why why)
{
	static const char *const texts[] = {
		[ACCESS_WHY_NOTHING] = "nothing",
		[ACCESS_WHY_RULE] = "rule",
		[ACCESS_WHY_OTHERWISE] = "otherwise",
		[ACCESS_WHY_CLEAR] = "clear-password",
	};
	static_assert(sizeof(texts) / sizeof(texts[0]) == ACCESS_WHYS, "a word for each");
	return why < ACCESS_WHYS ? texts[why] : "?";
}

/* Does what a rule asks for fit? */
enum fit {
	FITS,
	FITS_NOT,
	FITS_IF_SIGNED_IN,    /* it depends on who it is */
	FITS_IF_ADDRESSES_DO, /* it depends on the name's addresses */
};

static bool in_prefixes(const struct ip_prefix *list, size_t n, const struct ip_address *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&list[i], a))
			return true;
	return false;
}

bool access_ports_contain(const struct access_ports *list, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (port >= list[i].first && port <= list[i].last)
			return true;
	return false;
}

static enum fit users_fit(const struct access_rule *rule, struct span user)
{
	if (rule->users_n == 0)
		return FITS;
	if (user.len == 0)
		return FITS_IF_SIGNED_IN;
	for (size_t i = 0; i < rule->users_n; i++)
		if (strcmp(rule->users[i], "*") == 0 || span_is(user, rule->users[i]))
			return FITS;
	return FITS_NOT;
}

static bool name_fits(const struct access_place *p, struct span name)
{
	size_t len = strlen(p->name);
	if (!p->below)
		return span_is(name, p->name);
	return name.len > len + 1 && name.data[name.len - len - 1] == '.' &&
	       span_is(span_sub(name, name.len - len, len), p->name);
}

bool access_place_fits(const struct access_place *p, const struct destination *d)
{
	if (p->prefix.address.family)
		return d->address.family && ip_prefix_contains(&p->prefix, &d->address);
	return !d->address.family && name_fits(p, destination_name(d));
}

static bool is_place(const struct access_rule *rule, const struct ip_address *a)
{
	for (size_t i = 0; i < rule->to_n; i++)
		if (rule->to[i].prefix.address.family && ip_prefix_contains(&rule->to[i].prefix, a))
			return true;
	return false;
}

/* By itself, or as what a translator makes of it. */
static bool in_places(const struct access_rule *rule, const struct access_facts *f,
		      const struct ip_address *a)
{
	static const struct inside_rules none = {0};
	const struct ip_address plain = ip_address_unmap(a);
	const struct ip_address meant = inside_meant(f->translators ? f->translators : &none, a);
	return is_place(rule, &plain) || is_place(rule, &meant);
}

/* Of a name's addresses one is enough to deny, and all are needed to allow: what is dialled may be
 * any of them. */
static enum fit addresses_fit(const struct access_rule *rule, const struct access_facts *f)
{
	size_t in = 0;
	if (f->unresolved)
		return rule->action == ACCESS_DENY ? FITS : FITS_NOT;
	if (f->addresses_n == 0)
		return FITS_IF_ADDRESSES_DO;
	for (size_t i = 0; i < f->addresses_n; i++)
		in += in_places(rule, f, &f->addresses[i]);
	return in >= (rule->action == ACCESS_DENY ? 1 : f->addresses_n) ? FITS : FITS_NOT;
}

static enum fit places_fit(const struct access_rule *rule, const struct access_facts *f)
{
	bool by_address = false;
	if (rule->to_n == 0)
		return FITS;
	if (f->to->address.family)
		return in_places(rule, f, &f->to->address) ? FITS : FITS_NOT;
	for (size_t i = 0; i < rule->to_n; i++) {
		const struct access_place *p = &rule->to[i];
		by_address = by_address || p->prefix.address.family;
		if (!p->prefix.address.family && name_fits(p, destination_name(f->to)))
			return FITS;
	}
	return by_address ? addresses_fit(rule, f) : FITS_NOT;
}

static bool groups_fit(const struct access_rule *rule, const struct access_facts *f)
{
	bool unknown = false;
	for (size_t i = 0; i < rule->groups_n; i++) {
		enum access_member m = f->member ? f->member(f->member_arg, rule->groups[i])
						 : ACCESS_MEMBER_UNKNOWN;
		if (m == ACCESS_MEMBER)
			return true;
		unknown = unknown || m == ACCESS_MEMBER_UNKNOWN;
	}
	return unknown && rule->action == ACCESS_DENY;
}

/* What cannot be found out is for the worse: it is denied, and not allowed. */
static bool path_fits(const struct access_path *p, struct span reading, bool worse)
{
	uint32_t steps = POLICY_PATH_STEPS_MAX;
	size_t groups;
	if (p->regex) {
		enum err e = regex_match(p->regex, reading, NULL, 0, &groups);
		return e == OK || (e != ERR_ABSENT && worse);
	}
	enum policy_path_fit fit = policy_path_fits(p->glob, reading, false, &steps);
	return fit == POLICY_PATH_FITS || (fit == POLICY_PATH_UNSURE && worse);
}

static bool paths_fit(const struct access_rule *rule, const struct access_facts *f)
{
	unsigned in = 0;
	bool deny = rule->action == ACCESS_DENY;
	if (rule->paths_n == 0)
		return true;
	for (unsigned i = 0; f->readings && i < f->readings->n; i++)
		for (size_t k = 0; k < rule->paths_n; k++)
			if (path_fits(&rule->paths[k], f->readings->items[i], deny)) {
				in++;
				break;
			}
	return f->readings && in >= (deny ? 1 : f->readings->n);
}

static enum fit rule_fits(const struct access_rules *r, const struct access_rule *rule,
			  const struct access_facts *f)
{
	if (rule->times && !policy_schedule_holds(rule->times, r->zone, f->now_s))
		return FITS_NOT;
	if (rule->from_n && !in_prefixes(rule->from, rule->from_n, &f->client))
		return FITS_NOT;
	if (rule->ports_n && !access_ports_contain(rule->ports, rule->ports_n, f->to->port))
		return FITS_NOT;
	if (rule->groups_n && !groups_fit(rule, f))
		return FITS_NOT;
	if (!paths_fit(rule, f))
		return FITS_NOT;
	enum fit places = places_fit(rule, f);
	if (places != FITS)
		return places;
	return users_fit(rule, f->user);
}

bool access_rule_fits(const struct access_rules *r, const struct access_rule *rule,
		      const struct access_facts *f)
{
	return rule_fits(r, rule, f) == FITS;
}

static void deny(struct access_verdict *v, enum access_why why, const struct access_rule *rule)
{
	v->answer = ACCESS_DENIED;
	v->why = why;
	v->rule = rule;
}

static void sign_in(const struct access_rules *r, const struct access_facts *f,
		    struct access_verdict *v, const struct access_rule *rule)
{
	if (!f->secure && !r->clear_passwords) {
		deny(v, ACCESS_WHY_CLEAR, rule);
		return;
	}
	v->answer = ACCESS_SIGN_IN;
	v->rule = rule;
}

void access_judge(const struct access_rules *r, const struct access_facts *f,
		  struct access_verdict *ret)
{
	*ret = (struct access_verdict){.answer = ACCESS_PASS};
	for (size_t i = 0; i < r->rules_n; i++) {
		const struct access_rule *rule = &r->rules[i];
		switch (rule_fits(r, rule, f)) {
		case FITS_NOT: continue;
		case FITS_IF_SIGNED_IN: sign_in(r, f, ret, rule); return;
		case FITS_IF_ADDRESSES_DO: ret->answer = ACCESS_RESOLVE; return;
		case FITS: break;
		}
		ret->rule = rule;
		if (rule->action == ACCESS_DENY)
			deny(ret, ACCESS_WHY_RULE, rule);
		return;
	}
	if (r->otherwise == ACCESS_OTHERWISE_DENY)
		deny(ret, ACCESS_WHY_OTHERWISE, NULL);
	else if (r->otherwise == ACCESS_OTHERWISE_SIGN_IN && f->user.len == 0)
		sign_in(r, f, ret, NULL);
}

/* ---- what the configuration writes ---- */

bool access_ports_read(struct span text, struct access_ports *ret)
{
	size_t hyphen = span_find(text, '-');
	uint32_t first, last;
	if (!ip_number_parse(span_sub(text, 0, hyphen), UINT16_MAX, &first))
		return false;
	last = first;
	if (hyphen < text.len &&
	    !ip_number_parse(span_sub(text, hyphen + 1, text.len), UINT16_MAX, &last))
		return false;
	if (first == 0 || last < first)
		return false;
	*ret = (struct access_ports){(uint16_t)first, (uint16_t)last};
	return true;
}

enum err access_place_read(struct span text, char *room, struct access_place *ret)
{
	struct access_place p = {.below = span_is(span_sub(text, 0, 2), "*.")};
	struct destination d;
	enum err e = p.below ? ERR_FORMAT : ip_prefix_parse(text, &p.prefix);
	if (e == ERR_REFUSED)
		return e;
	if (e == OK) {
		*ret = p;
		return OK;
	}
	struct span name = span_sub(text, p.below ? 2 : 0, text.len);
	if (destination_read_host(name, 1, &d) != OK || d.address.family)
		return ERR_FORMAT;
	memcpy(room, d.name, d.name_len + 1u);
	p.name = room;
	p.prefix = (struct ip_prefix){0};
	*ret = p;
	return OK;
}

enum err access_path_read(struct span text, uint8_t *room, struct access_path *ret,
			  char wrong[REGEX_WRONG_MAX])
{
	struct access_path p = {0};
	if (span_is(span_sub(text, 0, 1), "~"))
		TRY(regex_new(span_sub(text, 1, text.len), &p.regex, wrong));
	else if (!policy_path_read(text, 0, room, &p.glob))
		return ERR_FORMAT;
	*ret = p;
	return OK;
}

void access_paths_done(const struct access_path *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		regex_free(paths[i].regex);
}
