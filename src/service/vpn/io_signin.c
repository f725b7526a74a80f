#include "service/vpn/io_signin.h"

#include "base/writer.h"
#include "crypto/random.h"
#include "crypto/sealed.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "os/log.h"
#include "proto/wireguard/key.h"
#include "service/vpn/io_signin_hash.h"
#include "service/vpn/io_store.h"
#include "service/vpn/io_vpn.h"

#include <assert.h>
#include <stdlib.h>

enum {
	USERS_MAX = 100000,
	ATTEMPTS_MAX = 4096,
	ISSUER_MAX = 64,
};

struct vpn_people {
	struct vpn *v;		 /* borrowed */
	struct vpn_store *store; /* borrowed */
	struct sealed_key key;
	struct signin *signin;
	struct hasher *hasher;
	struct loop_timer due;
	char issuer[ISSUER_MAX + 1];
	char decoy[PASSWORD_RECORD_MAX];
	bool must_look;	     /* the endpoint of a peer with a session may not be what it was */
	uint64_t unreadable; /* rows that are not ours to read */
};

/* The second factor is a matter of the true time, which may be set while we run. */
static uint64_t now_ms(void)
{
	return clock_wall_ms();
}

static struct vpn_peer *peer_find(const struct vpn_people *x, const uint8_t *key)
{
	for (size_t i = 0; i < x->v->interfaces_n; i++) {
		struct vpn_engine *e = x->v->interfaces[i].engine;
		struct vpn_peer *p = e ? vpn_engine_find_peer(e, key) : NULL;
		if (p)
			return p;
	}
	return NULL;
}

/* --- effects: hash, random, peers --- */

static enum err effect_hash(void *arg, const struct signin_hash *h)
{
	struct vpn_people *x = arg;
	return hasher_ask(x->hasher, h->token, h->password, h->record);
}

static enum err effect_random(void *arg, void *buf, size_t len)
{
	(void)arg;
	return crypto_random(buf, len);
}

static bool effect_peer(void *arg, const uint8_t *key, struct signin_peer *ret)
{
	const struct vpn_people *x = arg;
	const struct vpn_peer *p = peer_find(x, key);
	const struct vpn_own *own = p ? vpn_own_of(p) : NULL;
	const struct vpn_signin_conf *conf = &vpn_conf_of(x->v)->sign_in;
	static_assert((int)SESSION_STRICT == (int)VPN_ROAMING_STRICT &&
			      (int)SESSION_SAME_ADDRESS == (int)VPN_ROAMING_SAME_ADDRESS &&
			      (int)SESSION_BROWSER_PROOF == (int)VPN_ROAMING_BROWSER_PROOF,
		      "one order");
	if (!p)
		return false;
	*ret = (struct signin_peer){.name = p->name,
				    .must_sign_in = p->sign_in,
				    .session_ms = conf->session_ms,
				    .idle_ms = conf->idle_ms,
				    .roaming = (enum session_roaming)conf->roaming};
	if (own) {
		ret->users = (const char *const *)own->who;
		ret->roles = (const char *const *)own->who + own->users_n;
		ret->users_n = own->users_n;
		ret->roles_n = own->roles_n;
	}
	return true;
}

/* Of the engines' time into Unix time; 0 stays 0. */
static uint64_t wall_of(uint64_t engine_ms)
{
	uint64_t engine_now_ms = vpn_now_ms(), wall_ms = now_ms();
	uint64_t age_ms = engine_now_ms > engine_ms ? engine_now_ms - engine_ms : 0;
	return engine_ms && wall_ms > age_ms ? wall_ms - age_ms : 0;
}

/* And back: what is over long ago is 1, since 0 is none. */
static uint64_t engine_of(uint64_t wall_ms)
{
	uint64_t wall_now_ms = now_ms(), engine_ms = vpn_now_ms();
	if (wall_ms >= wall_now_ms)
		return engine_ms + (wall_ms - wall_now_ms);
	return engine_ms > wall_now_ms - wall_ms ? engine_ms - (wall_now_ms - wall_ms) : 1;
}

static uint64_t effect_active_ms(void *arg, const uint8_t *key)
{
	const struct vpn_people *x = arg;
	const struct vpn_peer *p = peer_find(x, key);
	return p ? wall_of(atomic_load_explicit(&p->data_ms, memory_order_relaxed)) : 0;
}

/* --- effects: the gate --- */

/* What the worker makes of the gate at the very packet that comes from elsewhere, before it is
 * handed on; signin_moved says what becomes of the session. */
static void roaming_set(struct vpn_peer *p, enum session_roaming roaming)
{
	uint8_t to = roaming == SESSION_BROWSER_PROOF ? VPN_GATE_PROOF : VPN_GATE_CLOSED;
	atomic_store(&p->on_moved_address, to);
	atomic_store(&p->on_moved_port, roaming == SESSION_SAME_ADDRESS ? VPN_GATE_OPEN : to);
}

/* Is it where the session's gate may be open, as far as the policy goes? */
static bool is_in_place(const struct signin_gating *g, const struct ip_endpoint *at)
{
	if (!at->address.family || ip_endpoint_equal(at, &g->endpoint))
		return true;
	return g->roaming == SESSION_SAME_ADDRESS &&
	       ip_address_equal(&at->address, &g->endpoint.address);
}

static void open_peer(struct vpn_people *x, struct vpn_peer *p, const struct signin_gating *g)
{
	struct vpn_endpoint at = {0};
	uint64_t until_ms = engine_of(g->until_ms), data_ms = engine_of(g->active_ms);
	uint64_t seen_ms = atomic_load_explicit(&p->data_ms, memory_order_relaxed);
	data_ms = seen_ms > data_ms ? seen_ms : data_ms;
	/* No worker is in the middle of a packet: whatever has moved the endpoint is seen here,
	 * and what moves it later lowers the gate that it finds. */
	vpn_engine_begin(p->engine);
	roaming_set(p, g->roaming);
	/* After a start it is where it was, until something else is heard from it. */
	if (!vpn_peer_endpoint(p, &at) && g->endpoint.address.family)
		vpn_engine_set_endpoint(p->engine, p, &g->endpoint);
	if (g->gate == SIGNIN_OPEN && is_in_place(g, &at.remote))
		gate_open(p, until_ms, g->idle_ms, data_ms);
	else
		gate_open_unproved(p, until_ms, g->idle_ms, data_ms);
	vpn_engine_end(p->engine);
	/* It may have moved while the sign-in was under way: that is judged at the turn's end. */
	x->must_look = true;
}

static void effect_gate(void *arg, const struct signin_gating *g)
{
	struct vpn_people *x = arg;
	struct vpn_peer *p = peer_find(x, g->peer);
	if (!p || !p->sign_in)
		return;
	if (g->gate == SIGNIN_CLOSED)
		gate_close(p);
	else
		open_peer(x, p, g);
}

/* --- effects: events --- */

static const char *const causes[SIGNIN_CAUSES] = {
	[SIGNIN_CAUSE_NONE] = "none",
	[SIGNIN_CAUSE_USER] = "unknown user",
	[SIGNIN_CAUSE_PEER] = "not the user's peer",
	[SIGNIN_CAUSE_PASSWORD] = "password",
	[SIGNIN_CAUSE_CODE] = "code",
	[SIGNIN_CAUSE_REPLAYED] = "code used before",
	[SIGNIN_CAUSE_WAIT] = "too many failures",
	[SIGNIN_CAUSE_BUSY] = "busy",
	[SIGNIN_CAUSE_STORE] = "store away",
};

static const char *const ends[SIGNIN_ENDS] = {
	[SIGNIN_END_OUT] = "signed out",
	[SIGNIN_END_ADMIN] = "by an administrator",
	[SIGNIN_END_EXPIRED] = "expired",
	[SIGNIN_END_IDLE] = "idle",
	[SIGNIN_END_MOVED] = "moved",
	[SIGNIN_END_USER] = "user changed",
	[SIGNIN_END_PEER] = "peer changed",
	[SIGNIN_END_ELSEWHERE] = "at another gateway",
	[SIGNIN_END_REPLACED] = "signed in again",
};

static const char *const gates[] = {
	[SIGNIN_CLOSED] = "closed", [SIGNIN_PROOF] = "proof", [SIGNIN_OPEN] = "open"};

static const char *const changes[] = {
	[SIGNIN_USER_ADD] = "added",	    [SIGNIN_USER_PASSWD] = "new password",
	[SIGNIN_USER_RESET] = "new factor", [SIGNIN_USER_SET] = "changed",
	[SIGNIN_USER_REMOVE] = "removed",
};

static const char *const events[] = {
	[SIGNIN_EVENT_OPENED] = "signed in",	  [SIGNIN_EVENT_REFUSED] = "sign-in refused",
	[SIGNIN_EVENT_ENROLLED] = "enrolled",	  [SIGNIN_EVENT_MOVED] = "session moved",
	[SIGNIN_EVENT_PROVED] = "session proved", [SIGNIN_EVENT_ENDED] = "session ended",
	[SIGNIN_EVENT_USER] = "user changed",
};

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

static json_t *event_json(const struct vpn_people *x, const struct signin_event *e)
{
	json_t *o = json_pack("{s:s}", "user", e->user);
	const struct vpn_peer *p = e->peer ? peer_find(x, e->peer) : NULL;
	char text[IP_ENDPOINT_TEXT_MAX];
	if (p)
		set(o, "peer", json_string(p->name));
	if (e->endpoint && e->endpoint->address.family) {
		(void)ip_endpoint_format(e->endpoint, text);
		set(o, "endpoint", json_string(text));
	}
	if (e->kind == SIGNIN_EVENT_REFUSED)
		set(o, "cause", json_string(causes[e->cause]));
	if (e->wait_ms)
		set(o, "wait_s", json_integer((json_int_t)((e->wait_ms + 999) / 1000)));
	if (e->kind == SIGNIN_EVENT_MOVED)
		set(o, "gate", json_string(gates[e->gate]));
	if (e->kind == SIGNIN_EVENT_ENDED)
		set(o, "cause", json_string(ends[e->end]));
	if (e->by)
		set(o, "by", json_string(e->by));
	if (e->kind == SIGNIN_EVENT_USER)
		set(o, "change", json_string(changes[e->change]));
	if (e->by_backup_code)
		set(o, "one_time_code", json_true());
	return o;
}

static void effect_event(void *arg, const struct signin_event *e)
{
	struct vpn_people *x = arg;
	const struct vpn_peer *p = e->peer ? peer_find(x, e->peer) : NULL;
	const char *cause = e->kind == SIGNIN_EVENT_REFUSED ? causes[e->cause]
			    : e->kind == SIGNIN_EVENT_ENDED ? ends[e->end]
							    : "";
	log_notice(events[e->kind], LOG_TEXT("user", e->user), LOG_TEXT("peer", p ? p->name : ""),
		   LOG_TEXT("cause", cause));
	if (x->v->life.control)
		control_event(x->v->life.control, events[e->kind], event_json(x, e));
}

/* --- effects: rows, sealed for their place --- */

enum { PLACE_MAX = 1 + SIGNIN_KEY_MAX };

/* A row that is moved to another table or key does not open there. */
static struct span place_of(unsigned table, struct span key, uint8_t room[PLACE_MAX])
{
	struct writer w = writer_of(room, PLACE_MAX);
	write_u8(&w, (uint8_t)table);
	write_span(&w, key);
	return writer_span(&w);
}

static enum vpn_table table_of(enum signin_table table)
{
	return table == SIGNIN_TABLE_USERS ? VPN_TABLE_USERS : VPN_TABLE_SESSIONS;
}

static enum err effect_store(void *arg, const struct signin_store *s)
{
	struct vpn_people *x = arg;
	uint8_t sealed[SIGNIN_VALUE_MAX], room[PLACE_MAX];
	enum vpn_table table = table_of(s->table);
	struct writer w = writer_of(sealed, sizeof(sealed));
	if (s->value.len)
		TRY(sealed_write(&w, &x->key, place_of(table, s->key, room), s->value));
	const struct vpn_store_write put = {.table = table,
					    .key = s->key,
					    .value = writer_span(&w),
					    .remove = s->value.len == 0,
					    .expect = s->any	    ? STORE_EXPECT_ANY
						      : s->expected ? STORE_EXPECT_VERSION
								    : STORE_EXPECT_ABSENT,
					    .version = s->expected,
					    .number = s->token};
	return vpn_store_put(x->store, &put);
}

/* The plain row; empty when it is none of ours. */
static struct span row_open(struct vpn_people *x, unsigned table, struct span key,
			    struct span value, uint8_t plain[SIGNIN_VALUE_MAX])
{
	uint8_t room[PLACE_MAX];
	size_t len = 0;
	bool fits = key.len <= SIGNIN_KEY_MAX && value.len <= SIGNIN_VALUE_MAX;
	if (!fits || sealed_open(value, &x->key, place_of(table, key, room), plain, &len)) {
		x->unreadable++;
		return (struct span){0};
	}
	return span_of(plain, len);
}

static enum err store_learn(void *arg, const struct store_row *row)
{
	struct vpn_people *x = arg;
	uint8_t plain[SIGNIN_VALUE_MAX];
	struct span value = {0};
	enum signin_table table =
		row->table == VPN_TABLE_USERS ? SIGNIN_TABLE_USERS : SIGNIN_TABLE_SESSIONS;
	if (!row->removed) {
		value = row_open(x, row->table, row->key, row->value, plain);
		if (!value.len)
			return ERR_FORMAT;
	}
	enum err e = signin_learn(x->signin, now_ms(), table, row->key, value, row->version);
	crypto_wipe(plain, sizeof(plain));
	return e;
}

static void store_learn_begin(void *arg)
{
	struct vpn_people *x = arg;
	signin_learn_begin(x->signin);
}

static void store_learn_end(void *arg)
{
	struct vpn_people *x = arg;
	signin_learn_end(x->signin, now_ms());
}

static void store_stored(void *arg, const struct store_request *r)
{
	struct vpn_people *x = arg;
	uint8_t plain[SIGNIN_VALUE_MAX];
	struct span key = span_of(r->key, r->key_len), value = {0};
	enum signin_stored result = SIGNIN_STORE_FAILED;
	if (r->result == OK) {
		result = SIGNIN_STORED;
	} else if (r->result == ERR_EXISTS || r->result == ERR_ABSENT) {
		result = SIGNIN_STORE_CONFLICT;
		if (r->result == ERR_EXISTS)
			value = row_open(x, r->table, key, span_of(r->value, r->value_len), plain);
		/* There is a row, and it is not ours to read: nothing may be built on it. */
		if (r->result == ERR_EXISTS && !value.len)
			result = SIGNIN_STORE_FAILED;
	}
	signin_stored(x->signin, now_ms(), r->number, result, r->ret_version, value);
	crypto_wipe(plain, sizeof(plain));
}

/* --- life --- */

static void woken(void *arg)
{
	struct vpn_people *x = arg;
	loop_wake(&x->v->life.loop);
}

static void due(void *arg)
{
	struct vpn_people *x = arg;
	signin_turn(x->signin, now_ms());
}

static struct password_cost cost_of(const struct vpn_conf *conf)
{
	if (!conf->has_sign_in) /* users may be made before there is a page */
		return (struct password_cost){.memory_bytes = 64 << 20, .passes = 3};
	return (struct password_cost){.memory_bytes = conf->sign_in.password.memory_bytes,
				      .passes = conf->sign_in.password.passes};
}

/* Fills what the engine borrows. */
static enum err config_fill(struct vpn_people *x, const struct vpn_conf *conf,
			    struct signin_config *ret)
{
	const struct vpn_attempts_conf *a = &conf->sign_in.attempts;
	struct password_cost cost = cost_of(conf);
	struct writer w = writer_of(x->issuer, ISSUER_MAX);
	if (conf->sign_in.issuer)
		write_text(&w, conf->sign_in.issuer);
	x->issuer[w.pos] = '\0';
	if (!x->issuer[0])
		(void)span_to_cstr(span_text("gatehouse"), x->issuer, sizeof(x->issuer));
	if (password_is_stale(x->decoy, &cost))
		TRY(password_decoy(&cost, x->decoy));
	*ret = (struct signin_config){.users_max = USERS_MAX,
				      .sessions_max = conf->limits.peers,
				      .attempts_max = ATTEMPTS_MAX,
				      .attempts = {.user = a->user,
						   .peer = a->peer,
						   .address = a->address,
						   .delay_ms = a->delay_ms,
						   .delay_max_ms = a->delay_max_ms},
				      .issuer = x->issuer,
				      .decoy = x->decoy};
	return OK;
}

static enum err make(struct vpn_people *x)
{
	const struct vpn_conf *conf = vpn_conf_of(x->v);
	const struct signin_effects effects = {.arg = x,
					       .hash = effect_hash,
					       .store = effect_store,
					       .gate = effect_gate,
					       .event = effect_event,
					       .peer = effect_peer,
					       .active_ms = effect_active_ms,
					       .random = effect_random};
	const struct vpn_store_face face = {.tables = 1u << VPN_TABLE_USERS |
						      1u << VPN_TABLE_SESSIONS,
					    .learn = store_learn,
					    .learn_begin = store_learn_begin,
					    .learn_end = store_learn_end,
					    .stored = store_stored,
					    .arg = x};
	struct signin_config config;
	struct password_cost cost = cost_of(conf);
	uint8_t key[SIPHASH_KEY_LEN];
	TRY(crypto_random(key, sizeof(key)));
	TRY(config_fill(x, conf, &config));
	TRY(hasher_new(&cost, woken, x, &x->hasher));
	TRY(signin_new(&config, &effects, hash_key_of(key), &x->signin));
	vpn_store_add(x->store, &face);
	return OK;
}

enum err vpn_signin_new(struct vpn *v, struct vpn_store *store, const struct sealed_key *key,
			struct vpn_people **ret)
{
	struct vpn_people *x = calloc(1, sizeof(*x));
	if (!x)
		return (enum err)ENOMEM;
	x->v = v;
	x->store = store;
	x->key = *key;
	loop_timer_init(&x->due, due, x);
	enum err e = make(x);
	if (e) {
		vpn_signin_free(x);
		return e;
	}
	*ret = x;
	return OK;
}

enum err vpn_signin_start(struct vpn_people *x)
{
	return hasher_start(x->hasher);
}

void vpn_signin_free(struct vpn_people *x)
{
	if (!x)
		return;
	loop_timer_cancel(&x->v->life.loop, &x->due);
	hasher_free(x->hasher);
	signin_free(x->signin);
	sealed_key_done(&x->key);
	free(x);
}

enum err vpn_signin_set(struct vpn_people *x, const struct vpn_conf *conf)
{
	struct signin_config config;
	struct password_cost cost = cost_of(conf);
	TRY(config_fill(x, conf, &config));
	hasher_set(x->hasher, &cost);
	signin_set(x->signin, &config);
	return OK;
}

struct signin *vpn_signin_of(struct vpn_people *x)
{
	return x->signin;
}

/* --- turns --- */

void vpn_signin_woken(struct vpn_people *x)
{
	struct hasher_answer a;
	while (hasher_take(x->hasher, &a)) {
		signin_hashed(x->signin, now_ms(), a.token, a.fits, a.made ? a.record : NULL);
		crypto_wipe(&a, sizeof(a));
	}
}

/* Where each peer with a session is now. */
static void endpoints_look(struct vpn_people *x)
{
	struct vpn_endpoint at;
	x->must_look = false;
	for (size_t i = 0; i < x->v->interfaces_n; i++) {
		struct vpn_engine *e = x->v->interfaces[i].engine;
		for (struct vpn_peer *p = NULL; e && (p = vpn_engine_next_peer(e, p));)
			if (p->sign_in && vpn_peer_endpoint(p, &at))
				signin_moved(x->signin, now_ms(), p->public_key, &at.remote);
	}
}

void vpn_signin_turn(struct vpn_people *x)
{
	if (x->must_look)
		endpoints_look(x);
	uint64_t next_ms = signin_next_ms(x->signin), wall_ms = now_ms();
	if (next_ms == UINT64_MAX)
		loop_timer_cancel(&x->v->life.loop, &x->due);
	else
		loop_timer_set_after(&x->v->life.loop, &x->due,
				     next_ms > wall_ms ? next_ms - wall_ms : 0);
}

void vpn_signin_peer(struct vpn_people *x, const struct vpn_peer *peer)
{
	signin_peer_changed(x->signin, now_ms(), peer->public_key);
}

void vpn_signin_peer_gone(struct vpn_people *x, const struct vpn_peer *peer)
{
	(void)signin_end_peer(x->signin, now_ms(), peer->public_key);
}

void vpn_signin_moved(struct vpn_people *x, const struct vpn_event *e)
{
	if (e->peer->sign_in)
		signin_moved(x->signin, now_ms(), e->peer->public_key, &e->after.remote);
}

/* --- what is told --- */

static uint64_t refused_of(const struct signin_counts *c)
{
	uint64_t n = 0;
	for (enum signin_cause i = 0; i < SIGNIN_CAUSES; i++)
		n += c->refused[i];
	return n;
}

json_t *vpn_signin_status(const struct vpn_people *x)
{
	struct signin_counts c;
	signin_counts(x->signin, &c);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "users", (json_int_t)c.users, "sessions",
			 (json_int_t)c.sessions, "signed_in", (json_int_t)c.opened, "refused",
			 (json_int_t)refused_of(&c), "hashing",
			 (json_int_t)hasher_waiting(x->hasher), "unreadable_rows",
			 (json_int_t)x->unreadable);
}

static void head(struct writer *w, const char *name, const char *type, const char *help)
{
	write_format(w, "# HELP gatehouse_vpn_%s %s\n# TYPE gatehouse_vpn_%s %s\n", name, help,
		     name, type);
}

static void family(struct writer *w, const char *name, const char *label, const char *const *values,
		   const uint64_t *n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		write_format(w, "gatehouse_vpn_%s{service=\"vpn\",%s=\"%s\"} %llu\n", name, label,
			     values[i], (unsigned long long)n[i]);
}

void vpn_signin_metrics(const struct vpn_people *x, struct writer *text)
{
	static const char *const opened[] = {"opened"}, *const verified[] = {"verified"};
	struct signin_counts c;
	signin_counts(x->signin, &c);
	head(text, "users", "gauge", "Who may sign in");
	write_format(text, "gatehouse_vpn_users{service=\"vpn\"} %zu\n", c.users);
	head(text, "sessions", "gauge", "Peers that somebody signed in at");
	write_format(text, "gatehouse_vpn_sessions{service=\"vpn\"} %zu\n", c.sessions);
	head(text, "sign_ins_total", "counter", "Tries to sign in, by what became of them");
	family(text, "sign_ins_total", "result", opened, &c.opened, 1);
	family(text, "sign_ins_total", "result", verified, &c.verified, 1);
	family(text, "sign_ins_total", "result", causes + 1, c.refused + 1, SIGNIN_CAUSES - 1);
	head(text, "sessions_ended_total", "counter", "Sessions that ended, by cause");
	family(text, "sessions_ended_total", "cause", ends, c.ended, SIGNIN_ENDS);
}
