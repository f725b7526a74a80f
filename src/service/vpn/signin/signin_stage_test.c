#include "service/vpn/signin/signin_stage_test.h"

#include <string.h>

static const char *const owners[] = {"alice", "Bob"};
static const char *const staff[] = {"staff"};

/* --- effects --- */

static enum err on_hash(void *arg, const struct signin_hash *h)
{
	struct stage *t = arg;
	if (t->hash_full || t->hashes_n == STAGE_QUEUE)
		return ERR_LIMIT;
	struct stage_hash *to = &t->hashes[t->hashes_n++];
	*to = (struct stage_hash){.token = h->token, .checks = h->record != NULL};
	(void)span_to_cstr(h->password, to->password, sizeof(to->password));
	if (h->record)
		(void)span_to_cstr(span_text(h->record), to->record, sizeof(to->record));
	return OK;
}

static enum err on_store(void *arg, const struct signin_store *s)
{
	struct stage *t = arg;
	if (t->store_full || t->puts_n == STAGE_QUEUE)
		return ERR_LIMIT;
	struct stage_put *to = &t->puts[t->puts_n++];
	assert_in_range(s->key.len, 1, SIGNIN_KEY_MAX);
	assert_in_range(s->value.len, 0, USER_ROW_MAX);
	*to = (struct stage_put){.token = s->token,
				 .any = s->any,
				 .remove = s->value.len == 0,
				 .expected = s->expected,
				 .row = {.used = true, .table = s->table}};
	memcpy(to->row.key, s->key.data, s->key.len);
	to->row.key_len = s->key.len;
	if (s->value.len)
		memcpy(to->row.value, s->value.data, s->value.len);
	to->row.value_len = s->value.len;
	return OK;
}

static size_t peer_of(const struct stage *t, const uint8_t *key)
{
	for (size_t i = 0; i < STAGE_PEERS; i++)
		if (memcmp(t->peers[i].key, key, SESSION_PEER_LEN) == 0)
			return i;
	return STAGE_PEERS;
}

static void on_gate(void *arg, const struct signin_gating *g)
{
	struct stage *t = arg;
	size_t i = peer_of(t, g->peer);
	assert_true(i < STAGE_PEERS);
	t->peers[i].gate = *g;
	t->peers[i].gate.peer = t->peers[i].key;
	t->peers[i].told++;
}

static void on_event(void *arg, const struct signin_event *e)
{
	struct stage *t = arg;
	assert_true(t->events_n < STAGE_EVENTS);
	char *user = t->event_users[t->events_n];
	(void)span_to_cstr(span_text(e->user), user, USER_NAME_MAX + 1);
	t->events[t->events_n] = *e;
	t->events[t->events_n].user = user;
	t->events[t->events_n++].endpoint = NULL; /* gone when the call is over */
}

static bool on_peer(void *arg, const uint8_t *key, struct signin_peer *ret)
{
	const struct stage *t = arg;
	size_t i = peer_of(t, key);
	if (i == STAGE_PEERS || !t->peers[i].there)
		return false;
	*ret = t->peers[i].is;
	return true;
}

static uint64_t on_active(void *arg, const uint8_t *key)
{
	const struct stage *t = arg;
	size_t i = peer_of(t, key);
	return i == STAGE_PEERS ? 0 : t->peers[i].active_ms;
}

static enum err on_random(void *arg, void *buf, size_t len)
{
	struct stage *t = arg;
	uint8_t *at = buf;
	if (t->random_fails)
		return (enum err)EIO;
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(t->random += 37);
	t->random++;
	return OK;
}

/* --- life --- */

static void engine_make(struct stage *t)
{
	static const struct hash_key key = {1, 2};
	const struct signin_config config = {.users_max = 20,
					     .sessions_max = STAGE_PEERS,
					     .attempts_max = 64,
					     .attempts = {.user = 3,
							  .peer = 10,
							  .address = 20,
							  .delay_ms = 1000,
							  .delay_max_ms = 900000},
					     .issuer = "Home",
					     .decoy = "decoy"};
	const struct signin_effects effects = {.arg = t,
					       .hash = on_hash,
					       .store = on_store,
					       .gate = on_gate,
					       .event = on_event,
					       .peer = on_peer,
					       .active_ms = on_active,
					       .random = on_random};
	assert_int_equal(signin_new(&config, &effects, key, &t->s), OK);
}

void stage_open(struct stage *t)
{
	static const char *const names[] = {"phone", "laptop", "tablet", "site"};
	memset(t, 0, sizeof(*t));
	t->now_ms = UINT64_C(1800000000000);
	for (size_t i = 0; i < STAGE_PEERS; i++) {
		memset(t->peers[i].key, (int)(0xa0 + i), SESSION_PEER_LEN);
		t->peers[i].there = true;
		t->peers[i].is = (struct signin_peer){.name = names[i],
						      .must_sign_in = i < 3,
						      .users = owners,
						      .users_n = i < 2 ? 2 : 0,
						      .roles = staff,
						      .roles_n = i == 2,
						      .session_ms = 12 * 3600 * 1000,
						      .idle_ms = 30 * 60 * 1000,
						      .roaming = SESSION_BROWSER_PROOF};
	}
	engine_make(t);
}

void stage_close(struct stage *t)
{
	signin_free(t->s);
}

void stage_crash(struct stage *t)
{
	signin_free(t->s);
	t->hashes_n = t->puts_n = 0;
	engine_make(t);
	for (size_t i = 0; i < STAGE_ROWS; i++) {
		const struct stage_row *r = &t->rows[i];
		if (r->used)
			assert_int_equal(signin_learn(t->s, t->now_ms, r->table,
						      span_of(r->key, r->key_len),
						      span_of(r->value, r->value_len), r->version),
					 OK);
	}
	for (size_t i = 0; i < STAGE_PEERS; i++) {
		t->peers[i].active_ms = 0;
		t->peers[i].gate = (struct signin_gating){0};
		signin_peer_changed(t->s, t->now_ms, t->peers[i].key);
	}
	stage_run(t);
}

/* --- the hash thread and the store --- */

static void hash_one(struct stage *t)
{
	struct stage_hash h = t->hashes[0];
	char record[SIGNIN_TEXT_MAX + 8];
	memmove(t->hashes, t->hashes + 1, --t->hashes_n * sizeof(h));
	t->hashed++;
	(void)snprintf(record, sizeof(record), "R:%.100s", h.password);
	if (h.checks)
		signin_hashed(t->s, t->now_ms, h.token, strcmp(record, h.record) == 0, NULL);
	else
		signin_hashed(t->s, t->now_ms, h.token, false, record);
}

static struct stage_row *row_find(struct stage *t, const struct stage_row *key)
{
	for (size_t i = 0; i < STAGE_ROWS; i++) {
		struct stage_row *r = &t->rows[i];
		if (r->used && r->table == key->table && r->key_len == key->key_len &&
		    memcmp(r->key, key->key, r->key_len) == 0)
			return r;
	}
	return NULL;
}

void stage_put_one(struct stage *t)
{
	struct stage_put p = t->puts[0];
	memmove(t->puts, t->puts + 1, --t->puts_n * sizeof(p));
	struct stage_row *r = row_find(t, &p.row);
	if (t->store_away) {
		signin_stored(t->s, t->now_ms, p.token, SIGNIN_STORE_FAILED, 0, (struct span){0});
		return;
	}
	bool fits = p.any || (r ? r->version : 0) == p.expected || (p.remove && !r);
	if (!fits) {
		signin_stored(t->s, t->now_ms, p.token, SIGNIN_STORE_CONFLICT, r ? r->version : 0,
			      r ? span_of(r->value, r->value_len) : (struct span){0});
		return;
	}
	for (size_t i = 0; !r && i < STAGE_ROWS; i++)
		if (!t->rows[i].used)
			r = &t->rows[i];
	p.row.version = ++t->version;
	*r = p.row;
	r->used = !p.remove;
	signin_stored(t->s, t->now_ms, p.token, SIGNIN_STORED, p.row.version, (struct span){0});
}

void stage_run(struct stage *t)
{
	while (t->hashes_n || t->puts_n) {
		if (t->hashes_n)
			hash_one(t);
		if (t->puts_n)
			stage_put_one(t);
		if (t->store_away && !t->hashes_n)
			break; /* what failed may be asked again at once */
	}
}

void stage_pass(struct stage *t, uint64_t ms)
{
	t->now_ms += ms;
	if (signin_next_ms(t->s) <= t->now_ms)
		signin_turn(t->s, t->now_ms);
	if (!t->holds)
		stage_run(t);
}

/* --- people --- */

static void on_answer(void *arg, const struct signin_answer *a)
{
	struct stage *t = arg;
	t->answers++;
	t->answer = *a;
	if (a->secret)
		t->secret = *a->secret;
	if (a->backup_n)
		memcpy(t->backup, a->backup, sizeof(t->backup));
	t->answer.secret = NULL;
	t->answer.backup = NULL;
}

static void on_changed(void *arg, const struct signin_changed *c)
{
	struct stage *t = arg;
	t->changes++;
	t->changed = c->result;
	if (c->secret)
		t->made = *c->secret;
}

enum err stage_change(struct stage *t, struct signin_change change)
{
	unsigned before = t->changes;
	change.changed = on_changed;
	change.arg = t;
	signin_change(t->s, t->now_ms, &change);
	if (!t->holds) {
		stage_run(t);
		assert_int_equal(t->changes, before + 1);
	}
	return t->changed;
}

void stage_add(struct stage *t, const char *name, const char *password)
{
	assert_int_equal(stage_change(t, (struct signin_change){.kind = SIGNIN_USER_ADD,
								.user = name,
								.password = span_text(password)}),
			 OK);
}

void stage_add_active(struct stage *t, const char *name, const char *password)
{
	uint64_t now_ms = t->now_ms;
	stage_add(t, name, password);
	t->now_ms -= 60000;
	assert_int_equal(stage_try(t, 0, name, password, stage_code(t, name, 0)), SIGNIN_OPENED);
	assert_int_equal(signin_end(t->s, t->now_ms, t->peers[0].key, "test"), OK);
	stage_run(t);
	t->now_ms = now_ms;
}

const char *stage_code(const struct stage *t, const char *user, int steps)
{
	static char code[TOTP_DIGITS + 1];
	const struct user *u = signin_user(t->s, user);
	assert_non_null(u);
	uint64_t step = totp_step(t->now_ms / 1000) + (uint64_t)(int64_t)steps;
	assert_int_equal(totp_code(u->secret, step, code), OK);
	return code;
}

struct ip_endpoint stage_endpoint(size_t last, uint16_t port)
{
	return (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, (uint8_t)last),
				    .port = port};
}

enum signin_result stage_try(struct stage *t, size_t peer, const char *user, const char *password,
			     const char *code)
{
	const struct signin_attempt a = {.peer = t->peers[peer].key,
					 .endpoint = stage_endpoint(peer + 1, 1000),
					 .user = span_text(user),
					 .password = span_text(password),
					 .code = span_text(code),
					 .answer = on_answer,
					 .arg = t};
	unsigned before = t->answers;
	signin_begin(t->s, t->now_ms, &a);
	if (!t->holds) {
		stage_run(t);
		assert_int_equal(t->answers, before + 1);
	}
	return t->answer.result;
}

enum signin_gate stage_gate(const struct stage *t, size_t peer)
{
	return t->peers[peer].gate.gate;
}

const struct signin_event *stage_last(const struct stage *t)
{
	assert_true(t->events_n > 0);
	return &t->events[t->events_n - 1];
}
