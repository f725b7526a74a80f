/* What would become of a request, by everything that the configuration and the policy say of it:
 * for people who ask, on the control socket. Nothing is fetched and no name is resolved. */
#include "service/forward-proxy/io_why.h"

#include "os/clock.h"
#include "policy/identity.h"
#include "policy/io_follow.h"
#include "policy/safe_search.h"
#include "policy/text.h"
#include "policy/url.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/upstream.h"

#include <stdlib.h>

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

/* What is asked, and what is known of it. */
struct why {
	const struct forward_proxy *p;
	const struct forward_site *site;
	struct policy_held *held; /* counted; NULL: no policy */
	struct policy_address url;
	struct destination to;
	struct ip_address client; /* no family: nobody in particular */
	struct span user;
	struct policy_identity known; /* of the client */
	struct forward_membership groups;
	struct policy_readings readings;
	struct access_facts facts;
	bool tunnel, inspected; /* https: by CONNECT; and looked into */
	json_t *said;
};

static void set(struct why *w, const char *key, json_t *value)
{
	(void)json_object_set_new(w->said, key, value);
}

static json_t *span_json(struct span s)
{
	return json_stringn((const char *)s.data, s.len);
}

/* The first that says no is what is told. */
static bool refused(struct why *w, enum refusal why)
{
	set(w, "verdict", json_string("refused"));
	set(w, "why", json_string(refusal_facts(why)->word));
	return false;
}

/* ---- what is asked ---- */

static const char *read_address(const char *url, struct why *w)
{
	char text[DESTINATION_TEXT_MAX + 1];
	struct writer out = writer_of(text, sizeof(text));
	if (!url || !policy_address_split(span_text(url), &w->url))
		return "url=URL: which address it is about: http://NAME/PATH";
	w->tunnel = w->url.secure;
	write_span(&out, w->url.host);
	if (w->url.port.len) {
		write_u8(&out, ':');
		write_span(&out, w->url.port);
	}
	if (out.bad ||
	    destination_read(writer_span(&out), w->tunnel ? PORT_HTTPS : PORT_HTTP, &w->to) != OK)
		return "url=URL: its host is none that can be gone to, or could be read as two";
	return NULL;
}

static const char *read_question(const struct control_request *req, struct why *w)
{
	const char *client = control_request_query(req, "client");
	const char *user = control_request_query(req, "user");
	const char *wrong = read_address(control_request_query(req, "url"), w);
	if (wrong)
		return wrong;
	if (client && ip_address_parse(span_text(client), &w->client) != OK)
		return "client=ADDRESS: whose request it would be";
	w->client = ip_address_unmap(&w->client);
	w->user = user ? span_text(user) : (struct span){0};
	return NULL;
}

static bool is_inspected(const struct why *w)
{
	struct access_verdict v;
	if (!w->site->inspect_like ||
	    inspect_skip_has(&w->site->inspect_skip, destination_name(&w->to)))
		return false;
	access_judge(&w->site->inspect_rules, &w->facts, &v);
	return v.answer == ACCESS_PASS;
}

/* Whoever names no user is who has signed in at the tunnel, if somebody has. */
static void know_client(struct why *w)
{
	w->held = w->p->follow ? policy_follow_get(w->p->follow) : NULL;
	if (!w->held)
		return;
	policy_identify(policy_held_all_tables(w->held), &w->client, clock_wall_s(), &w->known);
	if (!w->user.len && w->site->conf->access.vpn_users)
		w->user = w->known.client.user;
	if (!w->site->conf->policy)
		return;
	if (w->user.len)
		w->known.client.user = w->user;
	const struct policy *p = policy_held_policy(w->held);
	w->groups = (struct forward_membership){p, policy_groups_of(p, &w->known.client)};
}

static void know(struct why *w)
{
	know_client(w);
	policy_url_read(w->url.target, &w->readings);
	w->facts = (struct access_facts){.client = w->client,
					 .user = w->user,
					 .secure = true,
					 .now_s = clock_wall_s(),
					 .member = forward_member,
					 .member_arg = &w->groups,
					 .to = &w->to,
					 .translators = &w->site->inside,
					 .unresolved = forward_upstream_to(w->site, &w->to) &&
						       !w->to.address.family};
	/* Of https nothing but the host is seen, unless it is inspected. */
	w->inspected = w->tunnel && is_inspected(w);
	w->facts.readings = w->tunnel && !w->inspected ? NULL : &w->readings;
}

/* ---- what is said ---- */

static bool written(struct why *w)
{
	const struct ports *ports = w->tunnel ? &w->site->tunnel_ports : &w->site->ports;
	if (!ports_contain(ports, w->to.port))
		return refused(w, REFUSAL_PORT);
	enum inside kind = inside_judge_written(&w->site->inside, &w->to);
	if (kind == INSIDE_NOT)
		return true;
	set(w, "detail", json_string(inside_text(kind)));
	return refused(w, REFUSAL_INSIDE);
}

static void set_rule(struct why *w, const struct access_rule *rule)
{
	if (!rule)
		return;
	set(w, "rule", json_integer(rule - w->site->rules.rules + 1));
	if (rule->reason)
		set(w, "reason", json_string(rule->reason));
}

static bool rules(struct why *w)
{
	struct access_verdict v;
	access_judge(&w->site->rules, &w->facts, &v);
	set_rule(w, v.rule);
	switch (v.answer) {
	case ACCESS_PASS: return true;
	case ACCESS_SIGN_IN: return refused(w, REFUSAL_SIGN_IN);
	case ACCESS_DENIED: return refused(w, REFUSAL_RULE);
	case ACCESS_RESOLVE: break;
	}
	/* Which rule decides is known when the name was resolved. */
	set(w, "addresses", json_true());
	return true;
}

static bool policy(struct why *w)
{
	struct policy_view view;
	struct policy_match m;
	struct dns_name name, target;
	enum policy_engine engine;
	char text[POLICY_LINE_TEXT_MAX];
	const struct policy *p = w->groups.policy;
	if (!p || (w->to.address.family && !w->facts.readings) ||
	    !forward_policy_name(&w->to, &name))
		return true;
	policy_view(p, w->groups.groups, w->facts.now_s, policy_held_pauses(w->held), &view);
	if (w->facts.readings)
		policy_look_url(p, &view, &name, w->url.target, w->tunnel, &m);
	else
		policy_look(p, &view, &name, &m);
	if (policy_safe_search(view.engines, &name, &target, &engine))
		set(w, "safe_search", json_string(dns_name_format(&target, text)));
	if (m.verdict == POLICY_SAYS_NOTHING)
		return true;
	set(w, "list", span_json(policy_list_name(p, m.list)));
	set(w, "line", json_integer(m.line));
	set(w, "text", json_string(policy_line_format(&m, text)));
	const struct policy_rule *rule = policy_rule(p, m.rule);
	if (m.verdict == POLICY_SAYS_ALLOW)
		return true;
	if (rule && rule->reason.len)
		set(w, "reason", span_json(rule->reason));
	return refused(w, m.path.len ? REFUSAL_PATH : REFUSAL_BLOCKED);
}

/* Of an answer of the type and size that were asked about; what is not said may be any. */
static const char *answer(struct why *w, const struct control_request *req)
{
	const char *type = control_request_query(req, "type");
	const char *size = control_request_query(req, "size");
	const struct answers_rules *all = &w->site->answers;
	struct answers_facts facts = {.typeless = !type};
	struct answers_verdict v;
	if (size && !span_to_u64(span_text(size), ANSWERS_ANY_SIZE - 1, &facts.size))
		return "size=OCTETS: of the answer";
	facts.has_size = size != NULL;
	if (type && strcmp(type, "none") != 0)
		answers_type_add(&facts, span_text(type));
	if (!w->facts.readings)
		return NULL;
	answers_judge(all, &w->facts, &facts, &v);
	if (v.denied) {
		const struct answers_rule *rule = &all->items[v.rule];
		set(w, "answers_rule", json_integer((json_int_t)v.rule + 1));
		if (rule->who.reason)
			set(w, "reason", json_string(rule->who.reason));
		(void)refused(w, v.by_size ? REFUSAL_SIZE : REFUSAL_TYPE);
	} else if (v.most != ANSWERS_ANY_SIZE) {
		set(w, "answers_rule", json_integer((json_int_t)v.most_rule + 1));
		set(w, "most", json_integer((json_int_t)v.most));
	}
	return NULL;
}

static void set_groups(struct why *w)
{
	json_t *array = json_array();
	for (unsigned i = 0; w->groups.policy && i < POLICY_GROUPS_MAX; i++)
		if (w->groups.groups >> i & 1)
			(void)json_array_append_new(
				array, span_json(policy_group_name(w->groups.policy, i)));
	set(w, "groups", array);
}

static void set_readings(struct why *w)
{
	json_t *array = json_array();
	for (unsigned i = 0; w->facts.readings && i < w->readings.n; i++) {
		/* What is no UTF-8 is left out: JSON has no word for it. */
		json_t *one = json_stringn((const char *)w->readings.items[i].data,
					   w->readings.items[i].len);
		if (one)
			(void)json_array_append_new(array, one);
	}
	set(w, "paths", array);
}

static void tell(struct why *w, const struct control_request *req, struct control_reply *reply)
{
	set(w, "host", json_string(w->to.name));
	set(w, "port", json_integer(w->to.port));
	set(w, "by", json_string(!w->tunnel ? "fetch" : w->inspected ? "inspection" : "tunnel"));
	if (w->user.len)
		set(w, "user", span_json(w->user));
	set_groups(w);
	set_readings(w);
	set(w, "privacy",
	    !w->facts.readings ? json_null()
			       : json_string(privacy_level_text(
					 privacy_level_of(&w->site->privacy, &w->facts)->level)));
	set(w, "verdict", json_string("passes"));
	const char *wrong = written(w) && rules(w) && policy(w) ? answer(w, req) : NULL;
	if (wrong) {
		control_reply_error(reply, 400, wrong);
		return;
	}
	control_reply_json(reply, 200, json_incref(w->said));
}

void forward_why(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct forward_proxy *p = arg;
	struct why *w = calloc(1, sizeof(*w));
	if (!w) {
		control_reply_error(reply, 500, err_text(ENOMEM));
		return;
	}
	w->p = p;
	w->site = p->site;
	const char *wrong = read_question(req, w);
	if (wrong) {
		control_reply_error(reply, 400, wrong);
	} else {
		w->said = json_object();
		know(w);
		tell(w, req, reply);
		json_decref(w->said);
		policy_held_unref(w->held);
	}
	free(w);
}
