/* Verbs, status and metrics. */
#include "base/writer.h"
#include "config/config.h"
#include "os/clock.h"
#include "policy/safe_search.h"
#include "policy/text.h"
#include "policy/url.h"
#include "service/policy/io_desk.h"
#include "service/policy/io_who.h"

#include <stdio.h>

#define PREFIX	"gatehouse_policy_"
#define MONTH_S (31 * UINT64_C(86400))
#define AT_MAX	UINT64_C(253402300799) /* the last second of the year 9999 */

static const char everybody[] = "all";

static void set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static json_t *span_json(struct span s)
{
	return json_stringn((const char *)s.data, s.len);
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* Seconds since 1970; null: never. */
static json_t *moment(uint64_t at_s)
{
	return at_s ? number(at_s) : json_null();
}

/* --- lists --- */

static const char *state_of(const struct list *l)
{
	switch (l->state) {
	case LIST_FETCHES: return "is fetched";
	case LIST_WAITS:
	case LIST_JUDGED: return "is judged";
	case LIST_RESTS: break;
	}
	return l->why[0] ? "failed" : l->has_kept && !l->moved ? "good" : "waits";
}

static void set_counts(json_t *o, const struct policy_counts *c)
{
	uint64_t passed = 0;
	for (int kind = POLICY_LINE_COSMETIC; c && kind < POLICY_LINE_BAD; kind++)
		passed += c->kinds[kind];
	set(o, "names", c ? number(c->kinds[POLICY_LINE_RULE]) : json_null());
	if (!c)
		return;
	set(o, "lines", number(c->lines));
	set(o, "exceptions", number(c->exceptions));
	set(o, "paths", number(c->paths));
	set(o, "not_about_names", number(passed));
	set(o, "bad", number(c->kinds[POLICY_LINE_BAD]));
	if (c->first_bad)
		set(o, "first_bad", number(c->first_bad));
	if (c->surplus)
		set(o, "left_out", number(c->surplus));
}

/* What holds of a list in place of what it is to be; null: nothing needs to. */
static json_t *stand_in(const struct list *l, bool carried)
{
	if (l->moved)
		return json_sprintf("the text from %s", l->kept.from);
	return carried && !l->has_kept ? json_string("the last policy's rules") : json_null();
}

static json_t *list_json(const struct desk *d, const struct policy_list_conf *c)
{
	const struct list *l = lists_find(&d->lists, span_text(c->name));
	json_t *o = json_pack("{s:s,s:s,s:s}", "list", c->name, "from",
			      c->url	? c->url
			      : c->file ? c->file
					: "the configuration",
			      "state", l ? state_of(l) : "good");
	size_t number_of = d->made ? compile_find(d->made, span_text(c->name)) : POLICY_LISTS_MAX;
	const struct compiled *r = number_of < POLICY_LISTS_MAX ? compile_result(d->made) : NULL;
	bool carried = r && r->lists[number_of] == COMPILED_CARRIED;
	set_counts(o, r && (!l || l->has_kept || carried) ? &r->counts[number_of] : NULL);
	if (!l)
		return o;
	if (l->has_kept && !d->made)
		set(o, "names", number(l->kept.names));
	set(o, "stands_in", stand_in(l, carried));
	set(o, "taken", moment(l->has_kept ? l->kept.taken_s : 0));
	set(o, "checked", moment(l->checked_s));
	set(o, "next", l->is_url ? moment(l->next_s) : json_null());
	set(o, "failures", number(l->failures));
	set(o, "error", l->why[0] ? json_string(l->why) : json_null());
	return o;
}

static void handle_lists(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct desk *d = arg;
	const struct policy_conf *conf = service_life_conf(&d->life);
	const struct policy_list_conf *lists = conf->lists.items;
	json_t *array = json_array();
	(void)req;
	for (size_t i = 0; i < conf->lists.n; i++)
		(void)json_array_append_new(array, list_json(d, &lists[i]));
	control_reply_json(reply, 200, array);
}

static void handle_refresh(void *arg, const struct control_request *req,
			   struct control_reply *reply)
{
	struct desk *d = arg;
	const char *name = control_request_query(req, "list");
	bool force = control_request_query(req, "force") != NULL;
	struct list *one = name ? lists_find(&d->lists, span_text(name)) : NULL;
	if (name && !one) {
		control_reply_error(reply, 404, "no list with this name comes from elsewhere");
		return;
	}
	size_t n = 0;
	for (size_t i = 0; i < d->lists.n; i++) {
		struct list *l = d->lists.items[i];
		if (one && l != one)
			continue;
		n += l->state == LIST_RESTS;
		list_refresh(l, force);
	}
	control_reply_json(reply, 200, json_pack("{s:I}", "lists", (json_int_t)n));
}

/* --- pauses --- */

/* NULL: there is no such group; "" of everybody. */
static const char *group_named(const struct desk *d, const char *name)
{
	const struct policy_conf *conf = service_life_conf(&d->life);
	const struct policy_group_conf *groups = conf->groups.items;
	if (!name)
		return NULL;
	size_t at = policy_conf_find(&conf->groups, sizeof(*groups), name);
	if (at < conf->groups.n)
		return groups[at].name;
	return strcmp(name, everybody) == 0 ? "" : NULL;
}

static void pause_set(struct desk *d, const struct control_request *req, uint64_t seconds,
		      struct control_reply *reply)
{
	const char *name = control_request_query(req, "group"), *group = group_named(d, name);
	uint64_t now_s = clock_wall_s();
	if (!group) {
		control_reply_error(reply, 404, "there is no such group; `all` is for everybody");
		return;
	}
	enum err e = pauses_set(&d->pauses, group, now_s + seconds, now_s);
	if (e) {
		control_reply_error(reply, 500, err_text(e));
		return;
	}
	policy_follow_now(d->follow);
	control_event(d->life.control, seconds ? "policy paused" : "policy resumed",
		      json_pack("{s:s}", "group", name));
	json_t *o = json_pack("{s:s}", "group", name);
	set(o, "until", seconds ? number(now_s + seconds) : json_null());
	control_reply_json(reply, 200, o);
}

static void handle_pause(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const char *text = control_request_query(req, "seconds");
	uint64_t seconds;
	if (!text || !span_to_u64(span_text(text), MONTH_S, &seconds) || seconds == 0)
		control_reply_error(reply, 400, "seconds=N: how long, a month at most");
	else
		pause_set(arg, req, seconds, reply);
}

static void handle_resume(void *arg, const struct control_request *req, struct control_reply *reply)
{
	pause_set(arg, req, 0, reply);
}

/* --- why --- */

struct asked {
	struct dns_name name;
	struct policy_identity who;
	struct policy_address url; /* with its path; no host: it is about a name */
	uint64_t at_s;
};

/* NULL: it is understood. */
static const char *asked_read(const struct desk *d, const struct control_request *req,
			      struct asked *ret)
{
	const char *name = control_request_query(req, "name");
	const char *url = control_request_query(req, "url");
	const char *client = control_request_query(req, "client");
	const char *at = control_request_query(req, "at");
	*ret = (struct asked){.at_s = clock_wall_s()};
	if (url && !(policy_address_split(span_text(url), &ret->url) &&
		     policy_host_read(ret->url.host, &ret->name)))
		return "url=URL: which address it is about: http://NAME/PATH";
	if (!url && (!name || !policy_name_read(span_text(name), &ret->name)))
		return "name=NAME: which name it is about";
	if (at && !span_to_u64(span_text(at), AT_MAX, &ret->at_s))
		return "at=SECONDS: since 1970, to the year 9999";
	/* Who is there now, whatever is asked about then. */
	if (client)
		policy_who_read(d->held, client, clock_wall_s(), &ret->who);
	return NULL;
}

static void set_decision(json_t *o, const struct policy *p, const struct policy_match *m)
{
	static const char *const verdicts[] = {[POLICY_SAYS_NOTHING] = "nothing",
					       [POLICY_SAYS_ALLOW] = "allowed",
					       [POLICY_SAYS_BLOCK] = "blocked"};
	char text[POLICY_LINE_TEXT_MAX];
	set(o, "verdict", json_string(verdicts[m->verdict]));
	if (m->verdict == POLICY_SAYS_NOTHING)
		return;
	const struct policy_rule *rule = policy_rule(p, m->rule);
	set(o, "list", span_json(policy_list_name(p, m->list)));
	set(o, "line", number(m->line));
	set(o, "text", json_string(policy_line_format(m, text)));
	set(o, "rule", number(m->rule + 1));
	if (rule && rule->reason.len)
		set(o, "reason", span_json(rule->reason));
	if (rule && rule->schedule != POLICY_ALWAYS)
		set(o, "schedule", span_json(policy_schedule_name(p, rule->schedule)));
}

static void set_search(json_t *o, const struct policy_view *view, const struct dns_name *name)
{
	struct dns_name to;
	enum policy_engine engine;
	char text[DNS_NAME_TEXT_MAX];
	if (!policy_safe_search(view->engines, name, &to, &engine))
		return;
	(void)dns_name_format(&to, text);
	set(o, "safe_search",
	    json_pack("{s:s,s:s}", "engine", policy_engine_names[engine], "name", text));
}

/* Of an address of a server as it is written there, without a last dot. */
static json_t *name_json(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	return policy_is_address(name) ? span_json(span_of(name->wire + 1, name->wire[0]))
				       : json_string(dns_name_format(name, text));
}

static json_t *groups_json(const struct policy *p, uint64_t groups)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < POLICY_GROUPS_MAX; i++)
		if (groups >> i & 1)
			(void)json_array_append_new(array, span_json(policy_group_name(p, i)));
	return array;
}

static json_t *pauses_json(const struct desk *d, uint64_t now_s)
{
	json_t *o = json_object();
	for (size_t i = 0; i < d->pauses.n; i++) {
		const struct pause *p = &d->pauses.items[i];
		if (p->until_s > now_s)
			set(o, p->group[0] ? p->group : everybody, number(p->until_s));
	}
	return o;
}

static void handle_why(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct desk *d = arg;
	struct asked asked;
	struct policy_view view;
	struct policy_match match;
	const char *wrong = asked_read(d, req, &asked);
	if (wrong || !d->held) {
		control_reply_error(reply, wrong ? 400 : 503,
				    wrong ? wrong : "no policy was made yet");
		return;
	}
	const struct policy *p = policy_held_policy(d->held);
	uint64_t groups = policy_groups_of(p, &asked.who.client);
	policy_view(p, groups, asked.at_s, policy_held_pauses(d->held), &view);
	if (asked.url.host.len)
		policy_look_url(p, &view, &asked.name, asked.url.target, asked.url.secure, &match);
	else
		policy_look(p, &view, &asked.name, &match);
	json_t *o = json_pack("{s:o}", "name", name_json(&asked.name));
	if (asked.url.host.len)
		set(o, "target", span_json(asked.url.target));
	if (control_request_query(req, "client"))
		set(o, "client", policy_who_json(&asked.who));
	set(o, "groups", groups_json(p, groups));
	set_decision(o, p, &match);
	set_search(o, &view, &asked.name);
	set(o, "at", number(asked.at_s));
	set(o, "until", view.until_s == UINT64_MAX ? json_null() : number(view.until_s));
	set(o, "pauses", pauses_json(d, asked.at_s));
	control_reply_json(reply, 200, o);
}

static void handle_who(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct desk *d = arg;
	const char *client = control_request_query(req, "client");
	struct policy_identity who;
	if (!client || !d->held) {
		control_reply_error(reply, client ? 503 : 400,
				    client ? "no policy was made yet"
					   : "client=ADDRESS: who it is about");
		return;
	}
	const struct policy *p = policy_held_policy(d->held);
	policy_who_read(d->held, client, clock_wall_s(), &who);
	json_t *o = policy_who_json(&who);
	set(o, "groups", groups_json(p, policy_groups_of(p, &who.client)));
	control_reply_json(reply, 200, o);
}

/* --- status --- */

static json_t *status(void *arg)
{
	const struct desk *d = arg;
	json_t *o = service_life_status(&d->life);
	struct policy_facts facts;
	size_t failed = 0;
	for (size_t i = 0; i < d->lists.n; i++)
		failed += d->lists.items[i]->why[0] != '\0';
	set(o, "lists", number(d->lists.n));
	set(o, "lists_failed", number(failed));
	if (d->held) {
		policy_facts(policy_held_policy(d->held), &facts);
		set(o, "generation", number(facts.generation));
		set(o, "made", number(facts.made_s));
		set(o, "names", number(facts.names));
		set(o, "lines", number(facts.lines));
	}
	set(o, "error", d->why[0] ? json_string(d->why) : json_null());
	set(o, "pauses", pauses_json(d, clock_wall_s()));
	return o;
}

/* --- metrics --- */

static void head(struct writer *w, const char *name, const char *help, const char *type)
{
	write_format(w, "# HELP " PREFIX "%s %s.\n# TYPE " PREFIX "%s %s\n", name, help, name,
		     type);
}

static void one(struct writer *w, const char *name, const char *help, const char *type, uint64_t n)
{
	head(w, name, help, type);
	write_format(w, PREFIX "%s %llu\n", name, (unsigned long long)n);
}

static void label(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			write_u8(w, '\\');
		write_u8(w, *text == '\n' ? ' ' : (uint8_t)*text);
	}
}

static void of_lists(struct writer *w, const struct desk *d, const char *name, const char *help,
		     uint64_t (*value)(const struct list *l))
{
	head(w, name, help, "gauge");
	for (size_t i = 0; i < d->lists.n; i++) {
		write_format(w, PREFIX "%s{list=\"", name);
		label(w, d->lists.items[i]->name);
		write_format(w, "\"} %llu\n", (unsigned long long)value(d->lists.items[i]));
	}
}

static uint64_t names_of(const struct list *l)
{
	return l->has_kept ? l->kept.names : 0;
}

static uint64_t checked_of(const struct list *l)
{
	return l->checked_s;
}

static uint64_t old_of(const struct list *l)
{
	return l->moved || (!l->has_kept && l->names_before);
}

static uint64_t failures_of(const struct list *l)
{
	return l->failures;
}

static size_t records_of(const struct policy_devices *t)
{
	return t->words ? policy_devices_count(t) : 0;
}

/* As those who obey see them. */
static void of_devices(struct writer *w, const struct desk *d)
{
	const struct policy_tables none = {0};
	const struct policy_tables *t = d->held ? policy_held_all_tables(d->held) : &none;
	head(w, "devices", "Records of devices, by who tells them", "gauge");
	write_format(w, PREFIX "devices{from=\"leases\"} %zu\n", records_of(&t->leases));
	write_format(w, PREFIX "devices{from=\"peers\"} %zu\n", records_of(&t->peers));
	write_format(w, PREFIX "devices{from=\"neighbours\"} %zu\n", records_of(&t->neighbours));
	one(w, "neighbours_told_total", "Words of the kernel on its neighbours", "counter",
	    d->neighbours.told);
	one(w, "neighbours_lost_total", "Times that the kernel had more to say than was read",
	    "counter", d->neighbours.lost);
}

static void metrics(void *arg, struct writer *w)
{
	const struct desk *d = arg;
	const struct lists_counts *c = &d->lists.counts;
	struct policy_facts facts = {0};
	if (d->held)
		policy_facts(policy_held_policy(d->held), &facts);
	one(w, "names", "Names in the policy in force", "gauge", facts.names);
	one(w, "lines", "Lines of lists in the policy in force", "gauge", facts.lines);
	one(w, "made_timestamp_seconds", "When the policy in force was made", "gauge",
	    facts.made_s);
	one(w, "made_total", "Policies that were made", "counter", d->made_n);
	one(w, "make_failures_total", "Policies that could not be made", "counter", d->failed_n);
	if (d->made) {
		one(w, "make_microseconds", "How long the last making took", "gauge",
		    compile_result(d->made)->took_us);
		one(w, "octets", "Length of what was made last", "gauge",
		    compile_result(d->made)->octets);
	}
	head(w, "list_fetches_total", "Lists that were fetched or read, by what came of it",
	     "counter");
	write_format(w, PREFIX "list_fetches_total{result=\"renewed\"} %llu\n",
		     (unsigned long long)c->fetched);
	write_format(w, PREFIX "list_fetches_total{result=\"unchanged\"} %llu\n",
		     (unsigned long long)c->unchanged);
	write_format(w, PREFIX "list_fetches_total{result=\"failed\"} %llu\n",
		     (unsigned long long)c->failed);
	of_devices(w, d);
	of_lists(w, d, "list_names", "Names of a list that are kept", names_of);
	of_lists(w, d, "list_checked_timestamp_seconds", "When a list was last found to be good",
		 checked_of);
	of_lists(w, d, "list_stands_in",
		 "Whether something older stands in for a list that was not had yet", old_of);
	of_lists(w, d, "list_failures", "Failures of a list since it was good", failures_of);
}

static const struct control_verb verbs[] = {
	{"GET", "/lists", "each list: names, when taken and next, last error", handle_lists},
	{"GET", "/why",
	 "what holds for ?name= or ?url=, and by which line; client=, at=", handle_why},
	{"GET", "/who", "which device is at ?client=ADDRESS, and its groups", handle_who},
	{"POST", "/pause", "lifts the rules of ?group= for seconds=", handle_pause},
	{"POST", "/resume", "ends the pause of ?group=", handle_resume},
	{"POST", "/refresh", "fetches ?list= now, or all; force=: however short", handle_refresh},
};

void policy_control_face(struct desk *d, struct control_face *ret)
{
	*ret = (struct control_face){.service = "policy",
				     .verbs = verbs,
				     .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				     .status = status,
				     .metrics = metrics,
				     .reload = policy_reload,
				     .arg = d};
}
