#include "service/forward-proxy/io_review.h"

#include "os/clock.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_people.h"

enum {
	AT_ONCE = 256, /* in a turn, then the loop has its own */
	MINUTE_MS = 60 * 1000,
	PEOPLE_MS = 5 * 1000, /* divides a minute, at whose begin hours begin */
};

const struct auth_user *forward_same_user(const struct forward_site *site,
					  const struct auth_user *user)
{
	for (size_t i = 0; i < site->users.n; i++)
		if (strcmp(site->users.items[i].name, user->name) == 0 &&
		    strcmp(site->users.items[i].record, user->record) == 0)
			return &site->users.items[i];
	/* Whether there still is one of that version is for who has the tables: may_come. */
	if (site->conf->access.vpn_users && forward_people_are(user->record))
		return user;
	return NULL;
}

/* ---- one ---- */

static bool refuse(struct forward_exchange *e, enum refusal why, struct span detail, unsigned *ret)
{
	forward_count(e->worker, FORWARD_COUNT_REFUSED + why);
	e->detail = detail;
	*ret = why;
	return false;
}

/* Is what he speaks still spoken where he came in? */
static bool is_served(const struct forward_exchange *e)
{
	const struct forward_entry *entry = e->x->connection->door;
	const struct forward_listen_conf *l = e->view->listens[entry->number];
	const int *items = l->socks.items;
	for (size_t i = 0; i < l->socks.n; i++)
		if (e->x->request.version == (items[i] == FORWARD_SOCKS_V4 ? 4 : 5))
			return true;
	return e->kind != FORWARD_SOCKS;
}

static bool may_come(struct forward_exchange *e, unsigned *ret)
{
	const struct forward_site *site = e->view->site;
	if (!forward_may_come(e->view, e->x->connection) || !is_served(e))
		return refuse(e, REFUSAL_RULE, span_text("clients"), ret);
	/* Of what is inside a tunnel, the tunnel is judged by that. */
	if (e->user.len && !e->inside && !forward_same_user(site, e->claim.user))
		return refuse(e, REFUSAL_RULE, span_text("users"), ret);
	if (e->user.len && !e->inside && !forward_people_stay(e))
		return refuse(e, REFUSAL_RULE, span_text("users"), ret);
	return true;
}

/* As a name in a tunnel is judged, and as what a datagram is for: nobody can be told of either. */
static bool may_go(struct forward_exchange *e, unsigned *ret)
{
	struct span detail = {0};
	e->detail = detail;
	if (forward_judge_written(e, NULL) != FORWARD_STEP_ON ||
	    forward_judge_addresses(e, NULL) != FORWARD_STEP_ON) {
		*ret = e->unsaid;
		return false;
	}
	if (!forward_rules_let(e, &e->to, &detail))
		return refuse(e, REFUSAL_RULE, detail, ret);
	if (!forward_policy_lets(e, &e->to, &detail))
		return refuse(e, REFUSAL_BLOCKED, detail, ret);
	return true;
}

static bool may_ask(struct forward_exchange *e, unsigned *ret)
{
	struct span detail = {0};
	struct destination to;
	if (!e->asked.len || destination_read_host(e->asked, e->to.port, &to))
		return true; /* none was asked for: what cannot be read was refused */
	if (!forward_rules_let(e, &to, &detail))
		return refuse(e, REFUSAL_ASKED_RULE, detail, ret);
	if (!forward_policy_lets(e, &to, &detail))
		return refuse(e, REFUSAL_ASKED_BLOCKED, detail, ret);
	return true;
}

/* It keeps the view by which it goes: its way lies in there. */
bool forward_may_run(struct forward_exchange *e, unsigned *ret)
{
	struct forward_view *own = e->view;
	const struct access_rule *rule = e->rule;
	e->view = e->worker->view;
	bool may = may_come(e, ret) && may_go(e, ret) && may_ask(e, ret);
	e->view = own;
	e->rule = rule;
	return may;
}

void forward_cut(struct forward_exchange *e, unsigned why)
{
	struct proxy_exchange *x = e->x;
	e->refusal = (uint8_t)why;
	x->torn = true; /* both sides see it */
	forward_count(e->worker, FORWARD_COUNT_CUT);
	proxy_exchange_end(x, PROXY_REFUSED);
}

/* What is not a tunnel yet is judged when it becomes one. */
static bool is_tunnel(const struct forward_exchange *e)
{
	switch ((enum proxy_phase)e->x->phase) {
	case PROXY_PHASE_TUNNEL: return true; /* of a fetch that changed its protocol, too */
	case PROXY_PHASE_PICK:
	case PROXY_PHASE_CONNECT: return e->kind != FORWARD_FETCH;
	default: return false;
	}
}

static void review(struct forward_exchange *e)
{
	unsigned why;
	if (e->association)
		forward_associate_review(e);
	else if ((is_tunnel(e) && !forward_may_run(e, &why)) || !forward_limit_anew(e, &why))
		forward_cut(e, why);
}

/* ---- all of them ---- */

static void turn(void *arg)
{
	struct forward_worker *w = arg;
	struct forward_review *r = &w->review;
	for (int i = 0; i < AT_ONCE && r->next; i++) {
		struct forward_exchange *e = r->next;
		r->next = e->runs_next;
		review(e);
	}
	if (r->next)
		loop_timer_set_after(&w->loop, &r->turn, 0);
}

void forward_review_begin(struct forward_worker *w)
{
	w->review.next = w->review.runs;
	loop_timer_set_after(&w->loop, &w->review.turn, 0);
}

/* Rules with hours, the policy's schedules, and the ends of its pauses. */
static bool knows_hours(const struct forward_worker *w)
{
	const struct forward_site *site = w->view->site;
	bool hours = site->conf->policy && w->policy;
	for (size_t i = 0; i < site->rules.rules_n && !hours; i++)
		hours = site->rules.rules[i].times != NULL;
	return hours;
}

/* The tunnels' service tells of a user who is gone by a table that says nothing by itself. */
static bool knows_people(const struct forward_worker *w)
{
	return w->view->site->conf->access.vpn_users != FORWARD_VPN_NO;
}

static void minute(void *arg)
{
	struct forward_worker *w = arg;
	uint64_t step_ms = w->view && knows_people(w) ? PEOPLE_MS : MINUTE_MS;
	uint64_t into_ms = clock_wall_ms() % step_ms;
	if (w->view && (knows_people(w) || knows_hours(w)))
		forward_review_begin(w);
	/* Past its begin, by a clock that may be set meanwhile. */
	loop_timer_set_after(&w->loop, &w->review.minute, step_ms - into_ms + 1);
}

void forward_review_site(struct forward_worker *w)
{
	forward_review_begin(w);
	minute(w);
}

void forward_review_init(struct forward_worker *w)
{
	loop_timer_init(&w->review.turn, turn, w);
	loop_timer_init(&w->review.minute, minute, w);
	minute(w);
}

void forward_review_done(struct forward_worker *w)
{
	if (!w->review.minute.call)
		return;
	loop_timer_cancel(&w->loop, &w->review.turn);
	loop_timer_cancel(&w->loop, &w->review.minute);
}

void forward_review_add(struct forward_exchange *e)
{
	struct forward_review *r = &e->worker->review;
	e->runs_next = r->runs;
	if (r->runs)
		r->runs->runs_previous = e;
	r->runs = e;
}

void forward_review_leave(struct forward_exchange *e)
{
	struct forward_review *r = &e->worker->review;
	if (r->next == e)
		r->next = e->runs_next;
	if (e->runs_next)
		e->runs_next->runs_previous = e->runs_previous;
	if (e->runs_previous)
		e->runs_previous->runs_next = e->runs_next;
	else
		r->runs = e->runs_next;
}
