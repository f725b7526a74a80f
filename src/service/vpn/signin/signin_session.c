/* Sessions: the gate that each stands for, what ends them, and their rows. */
#include "service/vpn/signin/signin_inner.h"

#include <string.h>

/* --- what holds --- */

/* The session is of somebody who may still open this peer. */
static bool is_allowed(const struct signin *s, const struct session *session)
{
	struct signin_peer peer;
	const struct user_entry *u = signin_user_entry(s, session->user);
	return u && s->effects.peer(s->effects.arg, session->peer, &peer) && peer.must_sign_in &&
	       signin_allows(&peer, &u->user);
}

static uint64_t active_ms(const struct signin *s, const struct session *session)
{
	uint64_t seen_ms = s->effects.active_ms(s->effects.arg, session->peer);
	return seen_ms > session->active_ms ? seen_ms : session->active_ms;
}

static bool is_over(const struct signin *s, uint64_t now_ms, const struct session *session)
{
	struct session now = *session;
	now.active_ms = active_ms(s, session);
	return session_is_over(&now, now_ms);
}

static enum signin_gate gate_of(const struct signin *s, uint64_t now_ms,
				const struct session_entry *entry)
{
	if (!entry || entry->ended || is_over(s, now_ms, &entry->session) ||
	    !is_allowed(s, &entry->session))
		return SIGNIN_CLOSED;
	return entry->session.unproved ? SIGNIN_PROOF : SIGNIN_OPEN;
}

void signin_gate_tell(struct signin *s, uint64_t now_ms, const uint8_t *peer)
{
	struct signin_peer p;
	const struct session_entry *entry = signin_session_entry(s, peer);
	struct signin_gating g = {.peer = peer, .gate = gate_of(s, now_ms, entry)};
	if (!s->effects.peer(s->effects.arg, peer, &p) || !p.must_sign_in)
		return;
	if (g.gate != SIGNIN_CLOSED) {
		g.until_ms = entry->session.expires_ms;
		g.idle_ms = entry->session.idle_ms;
		g.active_ms = active_ms(s, &entry->session);
		g.roaming = entry->session.roaming;
		g.endpoint = entry->session.endpoint;
	}
	s->effects.gate(s->effects.arg, &g);
}

void signin_peer_changed(struct signin *s, uint64_t now_ms, const uint8_t *peer)
{
	struct session_entry *entry = signin_session_entry(s, peer);
	struct signin_peer p;
	bool signs_in = s->effects.peer(s->effects.arg, peer, &p) && p.must_sign_in;
	const struct user_entry *u = entry ? signin_user_entry(s, entry->session.user) : NULL;
	/* A user that was not learnt yet may still be. */
	if (entry && !entry->ended && (!signs_in || (u && !is_allowed(s, &entry->session))))
		signin_session_end(s, now_ms, entry, SIGNIN_END_PEER, NULL);
	else if (entry && !entry->ended && is_over(s, now_ms, &entry->session))
		signin_session_end(s, now_ms, entry,
				   now_ms >= entry->session.expires_ms ? SIGNIN_END_EXPIRED
								       : SIGNIN_END_IDLE,
				   NULL);
	else
		signin_gate_tell(s, now_ms, peer);
}

/* --- the end --- */

static void tell(struct signin *s, const struct session *session, struct signin_event e)
{
	e.peer = session->peer;
	e.user = session->user;
	if (!e.endpoint)
		e.endpoint = &session->endpoint;
	s->effects.event(s->effects.arg, &e);
}

/* Its row shall go; what fails is tried again by the turn. */
static void unsession(struct signin *s, struct session_entry *entry)
{
	const struct task *next = signin_task_at(s, entry->session.peer);
	bool is_replaced = next && next->stage == STAGE_SESSION; /* by a row that is on its way */
	struct task *t = entry->writing || is_replaced ? NULL : signin_task_new(s, TASK_UNSESSION);
	if (!t)
		return;
	memcpy(t->peer, entry->session.peer, sizeof(t->peer));
	entry->writing = true;
	/* Only the row that was ended: another gateway may have a newer session by now. Of one
	 * that came about without an answer the version is not known. */
	if (signin_put_removal(s, signin_task_ask(s, t, STAGE_SESSION), SIGNIN_TABLE_SESSIONS,
			       span_of(t->peer, sizeof(t->peer)),
			       entry->version ? &entry->version : NULL)) {
		entry->writing = false;
		signin_task_done(s, t);
	}
}

void signin_session_end(struct signin *s, uint64_t now_ms, struct session_entry *entry,
			enum signin_end why, const char *by)
{
	entry->ended = true;
	s->counts.ended[why]++;
	signin_gate_tell(s, now_ms, entry->session.peer);
	tell(s, &entry->session,
	     (struct signin_event){.kind = SIGNIN_EVENT_ENDED, .end = why, .by = by});
	unsession(s, entry);
}

size_t signin_sessions_judge(struct signin *s, uint64_t now_ms, const char *user, bool all,
			     enum signin_end why, const char *by)
{
	struct session_entry *e;
	size_t ended = 0;
	for (size_t at = 0; (e = table_next(&s->sessions, &at));) {
		if (e->ended || strcmp(e->session.user, user) != 0)
			continue;
		struct signin_peer p;
		bool known = s->effects.peer(s->effects.arg, e->session.peer, &p);
		if (all || (known && !is_allowed(s, &e->session))) {
			signin_session_end(s, now_ms, e, all ? why : SIGNIN_END_PEER, by);
			ended++;
		} else {
			signin_gate_tell(s, now_ms, e->session.peer);
		}
	}
	return ended;
}

enum err signin_end(struct signin *s, uint64_t now_ms, const uint8_t *peer, const char *by)
{
	struct session_entry *entry = signin_session_entry(s, peer);
	if (!entry || entry->ended)
		return ERR_ABSENT;
	signin_session_end(s, now_ms, entry, SIGNIN_END_ADMIN, by);
	return OK;
}

bool signin_end_peer(struct signin *s, uint64_t now_ms, const uint8_t *peer)
{
	struct session_entry *entry = signin_session_entry(s, peer);
	if (!entry || entry->ended)
		return false;
	signin_session_end(s, now_ms, entry, SIGNIN_END_PEER, NULL);
	return true;
}

size_t signin_end_user(struct signin *s, uint64_t now_ms, const char *user, const char *by)
{
	return signin_sessions_judge(s, now_ms, user, true, SIGNIN_END_ADMIN, by);
}

enum err signin_out(struct signin *s, uint64_t now_ms, const uint8_t *peer, struct span cookie)
{
	struct session_entry *entry = signin_session_entry(s, peer);
	if (gate_of(s, now_ms, entry) == SIGNIN_CLOSED)
		return ERR_ABSENT;
	if (!session_cookie_fits(&entry->session, cookie))
		return ERR_REFUSED;
	signin_session_end(s, now_ms, entry, SIGNIN_END_OUT, NULL);
	return OK;
}

/* --- the row, kept near to the truth --- */

static void touch(struct signin *s, struct session_entry *entry)
{
	struct task *t = entry->writing ? NULL : signin_task_new(s, TASK_TOUCH);
	if (!t)
		return;
	struct session session = entry->session;
	session.active_ms = active_ms(s, &session);
	memcpy(t->peer, session.peer, sizeof(t->peer));
	entry->writing = true;
	/* Over its own version only: what another gateway ended does not come back by this. */
	if (signin_put_session(s, signin_task_ask(s, t, STAGE_SESSION), &session,
			       &entry->version)) {
		entry->writing = false;
		signin_task_done(s, t);
		return;
	}
	entry->must_touch = false;
	entry->touched_ms = session.active_ms;
}

void signin_touch_stored(struct signin *s, uint64_t now_ms, struct task *t,
			 enum signin_stored result, uint64_t version)
{
	struct session_entry *entry = signin_session_entry(s, t->peer);
	bool removed = t->kind == TASK_UNSESSION && result == SIGNIN_STORED;
	(void)now_ms;
	signin_task_done(s, t);
	if (!entry)
		return;
	entry->writing = false;
	if (removed && entry->ended) {
		signin_session_drop(s, entry);
		return;
	}
	if (result == SIGNIN_STORED && !removed)
		entry->version = version;
	else if (result == SIGNIN_STORE_FAILED)
		entry->must_touch = true;
	if (entry->ended)
		unsession(s, entry);
}

static void turn_one(struct signin *s, uint64_t now_ms, struct session_entry *entry)
{
	struct session *x = &entry->session;
	if (entry->ended) {
		unsession(s, entry);
		return;
	}
	if (is_over(s, now_ms, x)) {
		signin_session_end(s, now_ms, entry,
				   now_ms >= x->expires_ms ? SIGNIN_END_EXPIRED : SIGNIN_END_IDLE,
				   NULL);
		return;
	}
	/* After a restart it rests since the last data that was written down. */
	uint64_t every_ms = x->idle_ms / 8 > TOUCH_MIN_MS ? x->idle_ms / 8 : TOUCH_MIN_MS;
	bool is_old = x->idle_ms && active_ms(s, x) >= entry->touched_ms + every_ms;
	if (entry->must_touch || is_old)
		touch(s, entry);
}

void signin_turn(struct signin *s, uint64_t now_ms)
{
	struct session_entry *e;
	s->turned_ms = now_ms;
	signin_enrol_turn(s, now_ms);
	for (size_t at = 0; (e = table_next(&s->sessions, &at));)
		turn_one(s, now_ms, e);
}

uint64_t signin_next_ms(const struct signin *s)
{
	bool idle = table_used(&s->sessions) == 0 && s->enrolments_n == 0;
	return idle ? UINT64_MAX : s->turned_ms + TURN_MS;
}

/* --- the beginning --- */

bool signin_session_open(struct signin *s, uint64_t now_ms, const struct task *t, uint64_t version)
{
	bool holds = is_allowed(s, &t->session) && !is_over(s, now_ms, &t->session);
	struct session_entry *entry = signin_session_entry(s, t->peer);
	if (entry && !entry->ended && version >= entry->version) {
		s->counts.ended[SIGNIN_END_REPLACED]++;
		tell(s, &entry->session,
		     (struct signin_event){.kind = SIGNIN_EVENT_ENDED, .end = SIGNIN_END_REPLACED});
	}
	entry = signin_session_make(s, t->peer);
	if (!entry)
		return false; /* sessions_max is the peers': each has one at most */
	entry->session = t->session;
	entry->version = version;
	entry->touched_ms = t->session.active_ms;
	entry->told = s->telling;
	entry->must_touch = false;
	entry->ended = !holds; /* then the turn has its row removed */
	signin_gate_tell(s, now_ms, t->peer);
	if (holds && t->moved.address.family)
		signin_moved(s, now_ms, t->peer, &t->moved);
	return holds;
}

void signin_session_doubt(struct signin *s, const struct task *t)
{
	if (signin_session_entry(s, t->peer))
		return; /* the older one goes on; if its row is another by now, its next touch tells
			 */
	struct session_entry *entry = signin_session_make(s, t->peer);
	if (!entry)
		return;
	entry->session = t->session;
	entry->ended = true;
	entry->told = s->telling;
}

/* --- endpoints that move --- */

void signin_moved(struct signin *s, uint64_t now_ms, const uint8_t *peer,
		  const struct ip_endpoint *endpoint)
{
	struct session_entry *entry = signin_session_entry(s, peer);
	struct task *t = signin_task_at(s, peer);
	if (t)
		t->moved = *endpoint;
	if (!entry || entry->ended)
		return;
	enum session_move move = session_move(&entry->session, endpoint);
	bool is_same = ip_endpoint_equal(&entry->session.endpoint, endpoint);
	bool is_known = entry->session.unproved && ip_endpoint_equal(&entry->at, endpoint);
	entry->at = *endpoint;
	/* Told again: it waits for its proof already. */
	if ((is_same && move == SESSION_MOVE_STAYS) || (is_known && move == SESSION_MOVE_PROOF))
		return;
	if (move == SESSION_MOVE_STAYS) {
		entry->session.endpoint = *endpoint;
		entry->must_touch = true;
	} else if (move == SESSION_MOVE_PROOF) {
		entry->must_touch |= !entry->session.unproved;
		entry->session.unproved = true;
	}
	enum signin_gate gate = move == SESSION_MOVE_ENDS    ? SIGNIN_CLOSED
				: move == SESSION_MOVE_PROOF ? SIGNIN_PROOF
							     : SIGNIN_OPEN;
	tell(s, &entry->session,
	     (struct signin_event){.kind = SIGNIN_EVENT_MOVED, .endpoint = endpoint, .gate = gate});
	if (move == SESSION_MOVE_ENDS)
		signin_session_end(s, now_ms, entry, SIGNIN_END_MOVED, NULL);
	else
		signin_gate_tell(s, now_ms, peer);
	if (!entry->ended && entry->must_touch)
		touch(s, entry);
}

enum err signin_prove(struct signin *s, uint64_t now_ms, const uint8_t *peer, struct span cookie,
		      const struct ip_endpoint *endpoint)
{
	struct session_entry *entry = signin_session_entry(s, peer);
	enum signin_gate gate = gate_of(s, now_ms, entry);
	if (gate == SIGNIN_CLOSED)
		return ERR_ABSENT;
	if (!session_cookie_fits(&entry->session, cookie))
		return ERR_REFUSED;
	if (gate == SIGNIN_OPEN)
		return OK;
	entry->session.unproved = false;
	entry->session.endpoint = *endpoint;
	entry->must_touch = true;
	tell(s, &entry->session,
	     (struct signin_event){.kind = SIGNIN_EVENT_PROVED, .gate = SIGNIN_OPEN});
	signin_gate_tell(s, now_ms, peer);
	touch(s, entry);
	return OK;
}

/* --- looking --- */

void signin_look(const struct signin *s, uint64_t now_ms, const uint8_t *peer, struct span cookie,
		 struct signin_view *ret)
{
	const struct session_entry *entry = signin_session_entry(s, peer);
	*ret = (struct signin_view){.gate = gate_of(s, now_ms, entry)};
	if (ret->gate == SIGNIN_CLOSED || !session_cookie_fits(&entry->session, cookie))
		return;
	const struct user_entry *u = signin_user_entry(s, entry->session.user);
	ret->ours = true;
	/* Where its browser is not known to be, nobody administers anything. */
	ret->administrator = u && u->user.administrator && ret->gate == SIGNIN_OPEN;
	memcpy(ret->user, entry->session.user, sizeof(ret->user));
	ret->started_ms = entry->session.started_ms;
	ret->expires_ms = entry->session.expires_ms;
}

bool signin_session_next(const struct signin *s, size_t *at, struct signin_session *ret)
{
	const struct session_entry *e;
	while ((e = table_next(&s->sessions, at)))
		if (!e->ended) {
			/* Only with a peer that is known here: elsewhere it is as it was left. */
			enum signin_gate gate = e->session.unproved ? SIGNIN_PROOF : SIGNIN_OPEN;
			*ret = (struct signin_session){.session = &e->session, .gate = gate};
			return true;
		}
	return false;
}
