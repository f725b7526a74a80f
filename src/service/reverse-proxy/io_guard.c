#include "service/reverse-proxy/io_guard.h"

#include "base/writer.h"
#include "os/countries.h"
#include "proxy/exchange.h"
#include "service/reverse-proxy/conf_route.h"
#include "service/reverse-proxy/guard/secure.h"
#include "service/reverse-proxy/io_ask.h"
#include "service/reverse-proxy/io_exchange.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_worker.h"

#define FIELD_MAX 256

/* Those of the exchange's route; NULL: it has none. */
static const struct guard_rules *rules_of(const struct reverse_exchange *e)
{
	const struct route *r = e->route.found.route;
	if (!r || r->guard == GUARD_NONE)
		return NULL;
	return &e->view->snapshot->site->routes->guards[r->guard];
}

void reverse_guard_secure(const struct reverse_exchange *e)
{
	const struct guard_rules *rules = rules_of(e);
	if (rules && rules->secure)
		secure_fields_add(&e->x->response, span_is(e->route.values.scheme, "https"));
}

/* Who has a name that nobody has waits as long as who has a wrong password. */
static unsigned hash(const struct guard_rules *rules, struct reverse_worker *w,
		     struct reverse_exchange *e, struct proxy_verdict *ret)
{
	const struct auth_user *first = &rules->basic.users.items[0];
	const struct auth_user *user = e->guard.user ? e->guard.user : first;
	if (auth_desk_ask(w->desk, e, e->guard.credentials, user, !e->guard.user, &e->ticket))
		return 503;
	e->proof = REVERSE_PROOF_HASHING;
	ret->kind = PROXY_WAIT;
	return 0;
}

static unsigned ask(const struct guard_rules *rules, struct reverse_worker *w,
		    struct reverse_exchange *e, struct proxy_verdict *ret)
{
	e->proof = REVERSE_PROOF_ASKING;
	return reverse_ask(w, e, &rules->forward, ret);
}

static unsigned judge(const struct guard_rules *rules, struct reverse_worker *w,
		      struct reverse_exchange *e, struct proxy_verdict *ret)
{
	const struct countries *countries = e->view->snapshot->site->countries;
	bool by_country = rules->allow_countries_n || rules->deny_countries_n;
	const struct guard_facts facts = {
		.client = e->route.facts.client,
		.country = by_country && countries
				   ? countries_find(countries, &e->route.facts.client)
				   : 0,
		.route = e->route.found.route->number,
		.now_ms = loop_now_ms(&w->loop),
		.field = route_head_field,
		.head = &e->x->request};
	guard_judge(rules, w->guard, &facts, &e->guard);
	if (e->guard.user)
		e->route.values.user = span_text(e->guard.user->name);
	switch (e->guard.answer) {
	case GUARD_PASS: return 0;
	case GUARD_LIMITED: return 429;
	case GUARD_SIGN_IN: return 401;
	case GUARD_HASH: return hash(rules, w, e, ret);
	case GUARD_ASK: return ask(rules, w, e, ret);
	case GUARD_DENIED: break;
	}
	return 403;
}

unsigned reverse_guard_judge(struct reverse_worker *w, struct reverse_exchange *e,
			     struct proxy_verdict *ret)
{
	const struct guard_rules *rules = rules_of(e);
	if (!rules)
		return 0;
	switch ((enum reverse_proof)e->proof) {
	case REVERSE_PROOF_NEW: return judge(rules, w, e, ret);
	case REVERSE_PROOF_RIGHT:
		return guard_after_hash(rules) == GUARD_ASK ? ask(rules, w, e, ret) : 0;
	case REVERSE_PROOF_ASKING: return ask(rules, w, e, ret);
	case REVERSE_PROOF_HASHING:
	case REVERSE_PROOF_WRONG: break;
	}
	return 401;
}

static void add(struct proxy_exchange *x, const char *name, const struct writer *w)
{
	struct span value = w->bad ? (struct span){0} : proxy_exchange_store(x, writer_span(w));
	/* The status says the same without. */
	if (value.data)
		err_ignore(proxy_head_add(&x->response, span_text(name), value));
}

void reverse_guard_fields(const struct reverse_exchange *e, unsigned status)
{
	const struct guard_rules *rules = rules_of(e);
	uint8_t room[FIELD_MAX];
	struct writer w = writer_of(room, sizeof(room));
	if (e->question) {
		reverse_ask_fields(e);
	} else if (rules && status == 401) {
		/* RFC 7617 2.1 */
		write_format(&w, "Basic realm=\"%s\", charset=\"UTF-8\"", rules->basic.realm);
		add(e->x, "www-authenticate", &w);
	} else if (rules && status == 429) {
		write_format(&w, "%u", e->guard.retry_after_s);
		add(e->x, "retry-after", &w);
	}
}

/* All are ours, so each is looked at. */
void reverse_guard_hashed(void *arg, void *who, enum auth_proof proof)
{
	bool right = proof == AUTH_PROOF_RIGHT;
	struct reverse_worker *w = arg;
	struct reverse_exchange *e = who;
	e->ticket = 0;
	e->proof = right ? REVERSE_PROOF_RIGHT : REVERSE_PROOF_WRONG;
	if (right)
		guard_found_right(w->guard, e->guard.user, e->guard.credentials,
				  loop_now_ms(&w->loop));
	proxy_exchange_resume(e->x);
}

void reverse_guard_leave(struct reverse_worker *w, struct reverse_exchange *e)
{
	reverse_ask_leave(e);
	auth_desk_forget(w->desk, e->ticket);
	e->ticket = 0;
}
