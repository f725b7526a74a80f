/* What the site's policy says of a host: blocked, or a search engine that is gone to under its
 * other name. Addresses are not names; the rules of the proxy's own are about those. */
#include "base/writer.h"
#include "os/clock.h"
#include "policy/io_follow.h"
#include "policy/safe_search.h"
#include "policy/text.h"
#include "service/forward-proxy/io_face.h"

/* The list's name as a word of Proxy-Status and of the log, and the line in it; 0: of no interest.
 */
static struct span list_word(struct proxy_exchange *x, struct span name, uint32_t line)
{
	enum { LINE_MAX_LEN = 12 };
	uint8_t room[POLICY_NAME_MAX + LINE_MAX_LEN];
	size_t n = name.len < POLICY_NAME_MAX ? name.len : POLICY_NAME_MAX;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = name.data[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' || c == ' ';
		room[i] = plain ? c : '?';
	}
	struct writer w = writer_of(room + n, sizeof(room) - n);
	if (line)
		write_format(&w, ":%u", (unsigned)line);
	return proxy_exchange_store(x, span_of(room, n + w.pos));
}

/* ret NULL: of a datagram, whose sender is told nothing. */
static enum forward_step refuse(struct forward_exchange *e, const struct policy *p,
				const struct policy_match *m, struct proxy_verdict *ret)
{
	const struct policy_rule *rule = policy_rule(p, m->rule);
	struct span word = {0};
	if (ret)
		word = list_word(e->x, policy_list_name(p, m->list), m->path.len ? m->line : 0);
	if (ret && rule && rule->reason.len)
		e->reason = proxy_exchange_store(e->x, rule->reason);
	return forward_refuse(e, m->path.len ? REFUSAL_PATH : REFUSAL_BLOCKED, word, ret);
}

/* To be asked in the DNS in place of its own name, and to be kept apart. */
static enum forward_step go_safely(struct forward_exchange *e, const struct dns_name *target,
				   struct proxy_verdict *ret)
{
	char text[DNS_NAME_TEXT_MAX];
	struct span name = span_text(dns_name_format(target, text));
	struct writer w = writer_of(e->instead_room, sizeof(e->instead_room));
	write_span(&w, span_sub(name, 0, name.len - 1));
	/* To the engine itself instead: better nothing than what was to be kept away. */
	if (w.bad)
		return forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
	e->instead = writer_span(&w);
	return FORWARD_STEP_ON;
}

/* What is said of a name. */
struct said {
	const struct policy *policy;
	struct policy_match match;
	bool safely; /* to be gone to as target */
	struct dns_name target;
};

bool forward_policy_name(const struct destination *to, struct dns_name *ret)
{
	if (!to->address.family)
		return policy_name_read(destination_name(to), ret);
	policy_address_name(&to->address, ret);
	return true;
}

/* False: nothing. */
static bool look(const struct forward_exchange *e, const struct destination *to, struct said *ret)
{
	struct policy_held *held = e->worker->policy;
	struct dns_name name;
	struct policy_view view;
	enum policy_engine engine;
	bool fetch = e->kind == FORWARD_FETCH && to == &e->to;
	/* An address has no name to judge, but paths. */
	if (!held || !e->view->site->conf->policy || (to->address.family && !fetch) ||
	    !forward_policy_name(to, &name))
		return false;
	const struct policy *p = ret->policy = policy_held_policy(held);
	policy_view(p, forward_groups_of(e, held), clock_wall_s(), policy_held_pauses(held), &view);
	const struct proxy_head *r = &e->x->request;
	if (fetch)
		policy_look_url(p, &view, &name, r->path,
				span_equal_nocase(r->scheme, span_text("https")), &ret->match);
	else
		policy_look(p, &view, &name, &ret->match);
	ret->safely = policy_safe_search(view.engines, &name, &ret->target, &engine);
	return true;
}

enum forward_step forward_judge_policy(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct said said;
	e->instead = (struct span){0};
	if (!look(e, &e->to, &said))
		return FORWARD_STEP_ON;
	if (said.match.verdict == POLICY_SAYS_BLOCK)
		return refuse(e, said.policy, &said.match, ret);
	return said.safely ? go_safely(e, &said.target, ret) : FORWARD_STEP_ON;
}

bool forward_policy_lets(struct forward_exchange *e, const struct destination *to, struct span *ret)
{
	struct said said;
	if (!look(e, to, &said))
		return true;
	if (said.match.verdict == POLICY_SAYS_BLOCK) {
		*ret = list_word(e->x, policy_list_name(said.policy, said.match.list), 0);
		return false;
	}
	if (!said.safely)
		return true;
	/* The engine would be asked by a way that does not lead to its safe name. */
	char text[DNS_NAME_TEXT_MAX];
	struct span target = span_text(dns_name_format(&said.target, text));
	*ret = span_text("safe search");
	return e->instead.len && span_equal(span_sub(target, 0, target.len - 1), e->instead);
}
