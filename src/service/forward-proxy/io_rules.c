/* Who it is, and what the rules say of where it wants to go. */
#include "base/writer.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "policy/io_follow.h"
#include "policy/url.h"
#include "proto/http/basic.h"
#include "proxy/auth/attempts.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"
#include "service/forward-proxy/io_people.h"

/* Does nobody else read what the client sends? */
static bool is_secure(const struct proxy_connection *c)
{
	return c->tls || ip_address_is_loopback(&c->peer.address);
}

bool forward_may_sign_in(const struct forward_site *site, const struct proxy_connection *c,
			 bool tls)
{
	return (site->users.n || site->conf->access.vpn_users) &&
	       (tls || is_secure(c) || site->rules.clear_passwords);
}

/* ---- who it is ---- */

static struct ip_address client_of(const struct forward_exchange *e)
{
	return ip_address_unmap(&e->x->connection->peer.address);
}

/* NULL: nobody tells of the tunnels' users, or not any more. */
static const struct policy_tables *people_tables(const struct forward_exchange *e)
{
	struct policy_held *held = e->worker->policy;
	const struct policy_tables *t = held ? policy_held_all_tables(held) : NULL;
	bool told = t && t->peers.words && policy_devices_end_s(&t->peers, clock_wall_s());
	return told ? t : NULL;
}

static enum forward_step hash(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct forward_worker *w = e->worker;
	const struct ip_address client = client_of(e);
	const struct auth_users *users = &e->view->site->users;
	/* Nobody tells of the tunnels' users yet: whose code was taken now would be nobody then,
	 * and who is none of ours may be one of theirs. */
	if (!e->claim.user && (!users->n || e->view->site->conf->access.vpn_users) &&
	    !people_tables(e))
		return forward_refuse(e, REFUSAL_USERS_UNTOLD, (struct span){0}, ret);
	/* Whose name nobody has waits as long as whose password is wrong. */
	const struct auth_user *user = e->claim.user ? e->claim.user : &users->items[0];
	if (auth_attempts_begin(w->attempts, &client, loop_now_ms(&w->loop)))
		return forward_refuse(e, REFUSAL_GUESSES, (struct span){0}, ret);
	if (auth_desk_ask(w->desk, e, e->claim.credentials, user, !e->claim.user, &e->ticket)) {
		auth_attempts_forgive(w->attempts, &client);
		return forward_refuse(e, REFUSAL_BUSY, (struct span){0}, ret);
	}
	e->proof = FORWARD_PROOF_HASHING;
	return FORWARD_STEP_WAIT;
}

void forward_hashed(void *arg, void *who, enum auth_proof proof)
{
	static const enum forward_proof proofs[] = {[AUTH_PROOF_WRONG] = FORWARD_PROOF_WRONG,
						    [AUTH_PROOF_RIGHT] = FORWARD_PROOF_RIGHT,
						    [AUTH_PROOF_UNTOLD] = FORWARD_PROOF_UNTOLD};
	struct forward_worker *w = arg;
	struct forward_exchange *e = who;
	const struct ip_address client = client_of(e);
	e->ticket = 0;
	e->proof = (uint8_t)proofs[proof];
	if (proof != AUTH_PROOF_WRONG)
		auth_attempts_forgive(w->attempts, &client);
	if (proof == AUTH_PROOF_RIGHT) {
		bool kept_elsewhere = forward_people_are(e->claim.user->record);
		auth_found_right(kept_elsewhere ? w->people_known : w->known, e->claim.user,
				 e->claim.credentials, loop_now_ms(&w->loop));
	}
	proxy_exchange_resume(e->x);
}

void forward_sign_in_leave(struct forward_exchange *e)
{
	auth_desk_forget(e->worker->desk, e->ticket);
	e->ticket = 0;
}

/* As it is now. */
static void record_of(const struct forward_exchange *e, const char *name,
		      char ret[FORWARD_PEOPLE_RECORD_MAX])
{
	const struct ip_address client = client_of(e);
	forward_people_record(people_tables(e), name, &client,
			      e->view->site->conf->access.vpn_users == FORWARD_VPN_CODE,
			      clock_wall_s(), ret);
}

bool forward_people_stay(const struct forward_exchange *e)
{
	char record[FORWARD_PEOPLE_RECORD_MAX];
	if (!forward_people_are(e->claim.user->record))
		return true;
	record_of(e, e->claim.user->name, record);
	return strcmp(record, e->claim.user->record) == 0;
}

/* A user of the tunnels' as one of ours, in the exchange's memory. NULL: there is no memory. */
static const struct auth_user *people_user(struct forward_exchange *e, const char *name)
{
	char record[FORWARD_PEOPLE_RECORD_MAX];
	record_of(e, name, record);
	/* With their NULs. */
	struct span kept_name = proxy_exchange_store(e->x, span_of(name, strlen(name) + 1));
	struct span kept_record = proxy_exchange_store(e->x, span_of(record, strlen(record) + 1));
	if (!kept_name.len || !kept_record.len)
		return NULL;
	e->people =
		(struct auth_user){(const char *)kept_name.data, (const char *)kept_record.data};
	return &e->people;
}

/* Whoever has no name of ours may have one of theirs. */
static enum auth_answer judge_people(struct forward_exchange *e, struct span value)
{
	uint8_t plain[BASIC_MAX];
	char name[FORWARD_PEOPLE_NAME_MAX + 1];
	struct span base64, typed, password;
	enum err err = basic_read(value, &base64);
	if (!err)
		err = basic_decode(base64, plain, &typed, &password);
	bool right = !err && forward_people_name(typed, name);
	crypto_wipe(plain, sizeof(plain));
	const struct auth_user *user = right ? people_user(e, name) : NULL;
	if (!user)
		return AUTH_NONE;
	return auth_judge_as(user, e->worker->people_known, base64, loop_now_ms(&e->worker->loop),
			     &e->claim);
}

/* Who has signed in at the tunnel whose address this is. */
static void take_session(struct forward_exchange *e)
{
	struct policy_held *held = e->worker->policy;
	struct policy_identity known;
	const struct ip_address client = client_of(e);
	if (!held || !e->view->site->conf->access.vpn_users)
		return;
	policy_identify(policy_held_all_tables(held), &client, clock_wall_s(), &known);
	if (!known.client.user.len || !people_user(e, known.user))
		return;
	e->claim.user = &e->people;
	e->user = span_text(e->people.name);
}

static enum auth_answer judge_credentials(struct forward_exchange *e, struct span value)
{
	const struct forward_site *site = e->view->site;
	enum auth_answer a = auth_judge(&site->users, e->worker->known, value,
					loop_now_ms(&e->worker->loop), &e->claim);
	if (a != AUTH_HASH || e->claim.user || !site->conf->access.vpn_users || !people_tables(e))
		return a;
	return judge_people(e, value);
}

enum forward_step forward_sign_in(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct forward_site *site = e->view->site;
	const struct http_field *field =
		proxy_head_find(&e->x->request, HTTP_FIELD_PROXY_AUTHORIZATION);
	if (e->inside) { /* who opened the tunnel; what is said inside is not for us */
		e->user = e->inside->user;
		return FORWARD_STEP_ON;
	}
	if (e->proof == FORWARD_PROOF_WRONG)
		return forward_refuse(e, REFUSAL_SIGN_IN, (struct span){0}, ret);
	if (e->proof == FORWARD_PROOF_UNTOLD)
		return forward_refuse(e, REFUSAL_USERS_UNTOLD, (struct span){0}, ret);
	if (e->proof == FORWARD_PROOF_RIGHT) {
		e->user = span_text(e->claim.user->name);
		return FORWARD_STEP_ON;
	}
	/* A password that came in the clear may be anybody's by now. */
	if (!field || e->taken || !forward_may_sign_in(site, e->x->connection, false)) {
		take_session(e);
		return FORWARD_STEP_ON;
	}
	switch (judge_credentials(e, field->value)) {
	case AUTH_NONE: /* as if none had come: the rules ask where it matters */
		take_session(e);
		break;
	case AUTH_HASH: return hash(e, ret);
	case AUTH_RIGHT: e->user = span_text(e->claim.user->name); break;
	}
	return FORWARD_STEP_ON;
}

enum forward_step forward_sign_in_alone(struct forward_exchange *e, struct proxy_verdict *ret)
{
	enum forward_step s = forward_sign_in(e, ret);
	if (s != FORWARD_STEP_ON)
		return s;
	if (!e->user.len)
		return forward_refuse(e, REFUSAL_SIGN_IN, (struct span){0}, ret);
	proxy_head_reset(&e->x->response);
	e->x->response.status = 204;
	ret->kind = PROXY_ANSWER;
	return FORWARD_STEP_ANSWERED;
}

/* ---- where it may go ---- */

static enum refusal refusal_of(enum access_why why)
{
	return why == ACCESS_WHY_CLEAR ? REFUSAL_CLEAR : REFUSAL_RULE;
}

enum access_member forward_member(const void *arg, const char *group)
{
	const struct forward_membership *m = arg;
	unsigned number =
		m->policy ? policy_group_find(m->policy, span_text(group)) : POLICY_GROUPS_MAX;
	return number == POLICY_GROUPS_MAX ? ACCESS_MEMBER_UNKNOWN
	       : m->groups >> number & 1   ? ACCESS_MEMBER
					   : ACCESS_MEMBER_NOT;
}

uint64_t forward_groups_of(const struct forward_exchange *e, const struct policy_held *held)
{
	struct policy_identity known;
	policy_held_identify(held, &e->x->connection->peer.address, clock_wall_s(), &known);
	/* Whose password was given is who it is, whoever has signed in at the tunnel. */
	if (e->user.len)
		known.client.user = e->user;
	return policy_groups_of(policy_held_policy(held), &known.client);
}

struct forward_membership forward_membership_of(const struct forward_exchange *e)
{
	struct policy_held *held = e->view->site->conf->policy ? e->worker->policy : NULL;
	if (!held)
		return (struct forward_membership){0};
	return (struct forward_membership){policy_held_policy(held), forward_groups_of(e, held)};
}

void forward_facts(const struct forward_exchange *e, const struct destination *to,
		   const struct forward_membership *groups, struct access_facts *ret)
{
	*ret = (struct access_facts){.client = client_of(e),
				     .user = e->user,
				     .secure = is_secure(e->x->connection),
				     .now_s = clock_wall_s(),
				     .member = forward_member,
				     .member_arg = groups,
				     .to = to,
				     .addresses = e->addresses.items,
				     .addresses_n = e->addresses.n,
				     .translators = &e->view->site->inside,
				     .unresolved = e->upstream && !to->address.family};
}

bool forward_readings(const struct forward_exchange *e, struct policy_readings *ret)
{
	if (e->kind != FORWARD_FETCH)
		return false;
	policy_url_read(e->x->request.path, ret);
	return true;
}

static void judge_by(const struct forward_exchange *e, const struct access_rules *rules,
		     const struct destination *to, struct access_verdict *ret)
{
	const struct forward_membership groups = forward_membership_of(e);
	struct access_facts facts;
	forward_facts(e, to, &groups, &facts);
	if (rules->paths && to == &e->to) {
		struct policy_readings readings;
		facts.readings = forward_readings(e, &readings) ? &readings : NULL;
		access_judge(rules, &facts, ret);
		return;
	}
	access_judge(rules, &facts, ret);
}

static void judge(const struct forward_exchange *e, const struct destination *to,
		  struct access_verdict *ret)
{
	judge_by(e, &e->view->site->rules, to, ret);
}

bool forward_rules_fit(const struct forward_exchange *e, const struct access_rules *rules)
{
	struct access_verdict v;
	judge_by(e, rules, &e->to, &v);
	return v.answer == ACCESS_PASS;
}

struct span forward_rule_word(const struct forward_exchange *e, const struct access_rule *rule)
{
	enum { WORD_MAX = 24 };
	char text[WORD_MAX];
	struct writer w = writer_of(text, sizeof(text));
	if (!rule)
		return span_text("otherwise");
	write_format(&w, "rule %zu", (size_t)(rule - e->view->site->rules.rules) + 1);
	return proxy_exchange_store(e->x, writer_span(&w));
}

enum forward_step forward_judge_rules(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct access_verdict v;
	if (e->allowed)
		return FORWARD_STEP_ON;
	/* No head has room for it. */
	if (e->x->request.path.len > POLICY_URL_MAX)
		return forward_refuse(e, REFUSAL_ADDRESS, (struct span){0}, ret);
	judge(e, &e->to, &v);
	e->rule = v.rule;
	switch (v.answer) {
	case ACCESS_PASS: e->allowed = true; return FORWARD_STEP_ON;
	case ACCESS_RESOLVE: return FORWARD_STEP_ON; /* and again with the addresses */
	case ACCESS_SIGN_IN:
		if (e->taken || e->inside) /* it would give a proxy's password to nobody it knows */
			return forward_refuse(e, REFUSAL_RULE, (struct span){0}, ret);
		return forward_refuse(e, REFUSAL_SIGN_IN, (struct span){0}, ret);
	case ACCESS_DENIED: break;
	}
	return forward_refuse(e, e->taken || e->inside ? REFUSAL_RULE : refusal_of(v.why),
			      ret ? forward_rule_word(e, v.rule) : (struct span){0}, ret);
}

/* The name has the addresses that the tunnel leads to, so a rule about those decides as before. Of
 * SIGN_IN nobody can be told in a tunnel. */
bool forward_rules_let(struct forward_exchange *e, const struct destination *to, struct span *ret)
{
	struct access_verdict v;
	judge(e, to, &v);
	if (v.answer == ACCESS_PASS)
		return true;
	e->rule = v.rule;
	*ret = forward_rule_word(e, v.rule);
	return false;
}
