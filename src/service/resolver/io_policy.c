/* What the control socket tells of the policy that is obeyed: what it is, what each of its lists
 * has blocked, and why a name is or is not for a client. */
#include "service/resolver/io_policy.h"

#include "os/clock.h"
#include "policy/io_follow.h"
#include "policy/safe_search.h"
#include "service/resolver/control.h"

#include <stdlib.h>

/* Their numbers alone: names are the policy's. */
const struct counter_name resolver_list_counter_names[POLICY_LISTS_MAX];

static struct resolver_listed_total *total_of(struct resolver_listed *l, struct span name)
{
	struct resolver_listed_total *free_one = NULL;
	for (size_t i = 0; i < RESOLVER_LISTED_MAX; i++) {
		struct resolver_listed_total *t = &l->totals[i];
		if (t->name[0] == '\0' && !free_one)
			free_one = t;
		if (t->name[0] && span_is(name, t->name))
			return t;
	}
	if (free_one && !span_to_cstr(name, free_one->name, sizeof(free_one->name)))
		return NULL;
	return free_one;
}

/* What came since the last time belongs to the lists that had these numbers. */
static void fold(struct resolver_listed *l, const struct counter_set *counters)
{
	for (size_t i = 0; i < POLICY_LISTS_MAX; i++) {
		uint64_t sum = counters_sum(counters, i);
		if (sum != l->seen[i] && l->names[i][0]) {
			struct resolver_listed_total *t = total_of(l, span_text(l->names[i]));
			if (t)
				t->blocked += sum - l->seen[i];
		}
		l->seen[i] = sum;
	}
}

void resolver_listed_rename(struct resolver_listed *l, const struct counter_set *counters,
			    const struct policy *p)
{
	fold(l, counters);
	for (unsigned i = 0; i < POLICY_LISTS_MAX; i++)
		if (!span_to_cstr(policy_list_name(p, i), l->names[i], sizeof(l->names[i])))
			l->names[i][0] = '\0';
}

static json_t *text_of(struct span s)
{
	return json_stringn((const char *)s.data, s.len);
}

static json_t *groups_of(const struct policy *p, uint64_t groups)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < POLICY_GROUPS_MAX; i++)
		if (groups >> i & 1)
			(void)json_array_append_new(array, text_of(policy_group_name(p, i)));
	return array;
}

static uint64_t all_groups(const struct policy_facts *f)
{
	return f->groups == 64 ? UINT64_MAX : (UINT64_C(1) << f->groups) - 1;
}

static json_t *lists_of(struct resolver_control *c, const struct policy *p)
{
	json_t *array = json_array();
	fold(&c->lists, &c->listed);
	for (unsigned i = 0; policy_list_name(p, i).len; i++) {
		struct span name = policy_list_name(p, i);
		const struct resolver_listed_total *t = total_of(&c->lists, name);
		(void)json_array_append_new(array,
					    json_pack("{s:o,s:I}", "name", text_of(name), "blocked",
						      (json_int_t)(t ? t->blocked : 0)));
	}
	return array;
}

void resolver_control_policy(void *arg, const struct control_request *req,
			     struct control_reply *reply)
{
	struct resolver_control *c = arg;
	struct policy_held *held = c->follow ? policy_follow_get(c->follow) : NULL;
	json_t *o = json_object();
	(void)req;
	(void)json_object_set_new(o, "obeyed", json_boolean(held != NULL));
	if (held) {
		const struct policy *p = policy_held_policy(held);
		struct policy_facts f;
		policy_facts(p, &f);
		json_t *more =
			json_pack("{s:I,s:I,s:I,s:I,s:o,s:o}", "generation",
				  (json_int_t)f.generation, "made_s", (json_int_t)f.made_s, "names",
				  (json_int_t)f.names, "lines", (json_int_t)f.lines, "groups",
				  groups_of(p, all_groups(&f)), "lists", lists_of(c, p));
		(void)json_object_update_missing(o, more);
		json_decref(more);
	}
	policy_held_unref(held);
	control_reply_json(reply, 200, o);
}

/* --- why -------------------------------------------------------------------------------------- */

static struct span query_span(const struct control_request *req, const char *key)
{
	const char *text = control_request_query(req, key);
	return text ? span_text(text) : (struct span){0};
}

/* client=ADDRESS, of whom the tables of devices tell more, and what is said beside it. NULL: right;
 * else what is wrong. */
static const char *read_client(const struct control_request *req, const struct policy_held *held,
			       struct policy_identity *ret)
{
	struct span address = query_span(req, "client"), lease = query_span(req, "lease"),
		    peer = query_span(req, "peer"), user = query_span(req, "user");
	struct ip_address at = {0};
	if (address.len && ip_address_parse(address, &at) != OK)
		return "client= must be an address";
	policy_identify(held ? policy_held_all_tables(held) : NULL, &at, clock_wall_s(), ret);
	ret->client.lease = lease.len ? lease : ret->client.lease;
	ret->client.peer = peer.len ? peer : ret->client.peer;
	ret->client.user = user.len ? user : ret->client.user;
	return NULL;
}

static void tell_line(json_t *o, const struct policy *p, const struct policy_match *m)
{
	char text[POLICY_LINE_TEXT_MAX];
	const struct policy_rule *rule = policy_rule(p, m->rule);
	(void)json_object_set_new(o, "list", text_of(policy_list_name(p, m->list)));
	(void)json_object_set_new(o, "line", json_integer(m->line));
	(void)json_object_set_new(o, "text", json_string(policy_line_format(m, text)));
	(void)json_object_set_new(o, "rule", json_integer((json_int_t)m->rule + 1));
	if (rule && rule->reason.len)
		(void)json_object_set_new(o, "reason", text_of(rule->reason));
	if (rule && rule->schedule != POLICY_ALWAYS)
		(void)json_object_set_new(o, "schedule",
					  text_of(policy_schedule_name(p, rule->schedule)));
}

static json_t *why(const struct policy_held *held, const struct policy_client *client,
		   const struct dns_name *name)
{
	static const char *const verdicts[] = {[POLICY_SAYS_NOTHING] = "nothing",
					       [POLICY_SAYS_ALLOW] = "allow",
					       [POLICY_SAYS_BLOCK] = "block"};
	const struct policy *p = policy_held_policy(held);
	uint64_t groups = policy_groups_of(p, client);
	char text[DNS_NAME_TEXT_MAX];
	struct policy_view view;
	struct policy_match m;
	struct dns_name target;
	enum policy_engine engine;
	policy_view(p, groups, clock_wall_s(), policy_held_pauses(held), &view);
	policy_look(p, &view, name, &m);
	json_t *o = json_pack("{s:s,s:o,s:s}", "name", dns_name_format(name, text), "groups",
			      groups_of(p, groups), "verdict", verdicts[m.verdict]);
	if (m.verdict != POLICY_SAYS_NOTHING)
		tell_line(o, p, &m);
	if (m.verdict != POLICY_SAYS_BLOCK &&
	    policy_safe_search(view.engines, name, &target, &engine))
		(void)json_object_set_new(o, "safe_search",
					  json_string(dns_name_format(&target, text)));
	return o;
}

void resolver_control_why(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct resolver_control *c = arg;
	struct policy_identity known;
	struct dns_name name;
	struct span text = query_span(req, "name");
	struct policy_held *held = c->follow ? policy_follow_get(c->follow) : NULL;
	const char *wrong = read_client(req, held, &known);
	if (text.len == 0 || dns_name_from_text(text, NULL, &name) != OK)
		wrong = "name= must be a DNS name";
	if (wrong) {
		control_reply_error(reply, 400, wrong);
		policy_held_unref(held);
		return;
	}
	if (held)
		control_reply_json(reply, 200, why(held, &known.client, &name));
	else
		control_reply_error(reply, 404, "no policy is obeyed");
	policy_held_unref(held);
}

void resolver_control_policy_metrics(struct resolver_control *c, struct writer *w)
{
	struct policy_held *held = c->follow ? policy_follow_get(c->follow) : NULL;
	if (!held)
		return;
	const struct policy *p = policy_held_policy(held);
	write_text(w,
		   "# HELP gatehouse_dns_policy_list_blocked_total Questions that a list blocked\n"
		   "# TYPE gatehouse_dns_policy_list_blocked_total counter\n");
	fold(&c->lists, &c->listed);
	for (unsigned i = 0; policy_list_name(p, i).len; i++) {
		struct span name = policy_list_name(p, i);
		const struct resolver_listed_total *t = total_of(&c->lists, name);
		write_text(w,
			   "gatehouse_dns_policy_list_blocked_total{service=\"resolver\",list=\"");
		for (size_t k = 0; k < name.len; k++) { /* as Prometheus wants its labels */
			if (name.data[k] == '"' || name.data[k] == '\\')
				write_u8(w, '\\');
			write_u8(w, name.data[k] == '\n' ? ' ' : name.data[k]);
		}
		write_format(w, "\"} %llu\n", (unsigned long long)(t ? t->blocked : 0));
	}
	policy_held_unref(held);
}
