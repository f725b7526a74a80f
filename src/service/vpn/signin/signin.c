#include "service/vpn/signin/signin_inner.h"

#include "crypto/secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)SESSION_ROW_MAX <= USER_ROW_MAX, "SIGNIN_VALUE_MAX is of the longer row");

/* --- life --- */

static bool user_is(const void *record, const void *key, size_t key_len)
{
	const struct user_entry *e = record;
	return strlen(e->user.name) == key_len && memcmp(e->user.name, key, key_len) == 0;
}

static bool session_is(const void *record, const void *key, size_t key_len)
{
	const struct session_entry *e = record;
	return memcmp(e->session.peer, key, key_len) == 0;
}

enum err signin_new(const struct signin_config *config, const struct signin_effects *effects,
		    struct hash_key key, struct signin **ret)
{
	AUTO(signin_free) struct signin *s = calloc(1, sizeof(*s));
	if (!s)
		return (enum err)ENOMEM;
	s->config = *config;
	s->effects = *effects;
	slab_init(&s->users_slab, sizeof(struct user_entry), config->users_max);
	slab_init(&s->sessions_slab, sizeof(struct session_entry), config->sessions_max);
	table_init(&s->users, key, config->users_max, user_is);
	table_init(&s->sessions, key, config->sessions_max, session_is);
	TRY(attempts_new(config->attempts_max, &config->attempts, key, &s->attempts));
	*ret = TAKE(s);
	return OK;
}

void signin_set(struct signin *s, const struct signin_config *config)
{
	attempts_set(s->attempts, &config->attempts);
	s->config.issuer = config->issuer;
	s->config.decoy = config->decoy;
}

void signin_free(struct signin *s)
{
	struct user_entry *u;
	if (!s)
		return;
	for (size_t at = 0; (u = table_next(&s->users, &at));)
		user_done(&u->user);
	attempts_free(s->attempts);
	table_done(&s->users);
	table_done(&s->sessions);
	slab_done(&s->users_slab);
	slab_done(&s->sessions_slab);
	crypto_wipe(s->tasks, sizeof(s->tasks));
	crypto_wipe(s->enrolments, sizeof(s->enrolments));
	free(s);
}

enum err signin_ticket(struct signin *s, char ret[SESSION_COOKIE_LEN + 1])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[32 + 1] = {0}; /* a zero behind, for the last letter */
	TRY(s->effects.random(s->effects.arg, bytes, 32));
	for (size_t i = 0; i < SESSION_COOKIE_LEN; i++) {
		size_t bit = 6 * i;
		unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
		ret[i] = alphabet[pair >> (10 - bit % 8) & 63];
	}
	ret[SESSION_COOKIE_LEN] = '\0';
	crypto_wipe(bytes, sizeof(bytes));
	return OK;
}

/* --- users --- */

struct user_entry *signin_user_entry(const struct signin *s, const char *name)
{
	struct span key = span_text(name);
	return table_find(&s->users, table_hash(&s->users, key), key.data, key.len);
}

enum err signin_user_set(struct signin *s, const struct user *u, uint64_t version)
{
	struct user_entry *entry = signin_user_entry(s, u->name);
	struct span name = span_text(u->name);
	if (!entry) {
		entry = slab_take(&s->users_slab);
		if (!entry)
			return ERR_LIMIT;
		entry->user = *u;
		enum err e = table_insert(&s->users, table_hash(&s->users, name), entry->user.name,
					  name.len, entry);
		if (e) {
			slab_give(&s->users_slab, entry);
			return e;
		}
	}
	entry->user = *u;
	entry->version = version;
	entry->told = s->telling;
	return OK;
}

void signin_user_drop(struct signin *s, const char *name)
{
	struct span key = span_text(name);
	struct user_entry *entry =
		table_remove(&s->users, table_hash(&s->users, key), key.data, key.len);
	if (!entry)
		return;
	user_done(&entry->user);
	slab_give(&s->users_slab, entry);
}

const struct user *signin_user(const struct signin *s, const char *name)
{
	const struct user_entry *entry = signin_user_entry(s, name);
	return entry ? &entry->user : NULL;
}

const struct user *signin_user_next(const struct signin *s, size_t *at)
{
	const struct user_entry *entry = table_next(&s->users, at);
	return entry ? &entry->user : NULL;
}

bool signin_allows(const struct signin_peer *peer, const struct user *u)
{
	if (u->disabled)
		return false;
	for (size_t i = 0; i < peer->users_n; i++)
		if (span_equal_nocase(span_text(peer->users[i]), span_text(u->name)))
			return true;
	for (size_t i = 0; i < peer->roles_n; i++)
		if (user_has_role(u, peer->roles[i]))
			return true;
	return user_lists(u, peer->name);
}

void signin_unlock(struct signin *s, const char *user)
{
	attempts_unlock(s->attempts, user);
}

uint64_t signin_user_wait_ms(const struct signin *s, uint64_t now_ms, const char *user)
{
	return attempts_user_wait_ms(s->attempts, now_ms, user);
}

/* --- sessions --- */

struct session_entry *signin_session_entry(const struct signin *s, const uint8_t *peer)
{
	struct span key = span_of(peer, SESSION_PEER_LEN);
	return table_find(&s->sessions, table_hash(&s->sessions, key), key.data, key.len);
}

struct session_entry *signin_session_make(struct signin *s, const uint8_t *peer)
{
	struct session_entry *entry = signin_session_entry(s, peer);
	struct span key = span_of(peer, SESSION_PEER_LEN);
	if (entry)
		return entry;
	entry = slab_take(&s->sessions_slab);
	if (!entry)
		return NULL;
	memcpy(entry->session.peer, peer, SESSION_PEER_LEN);
	if (table_insert(&s->sessions, table_hash(&s->sessions, key), entry->session.peer,
			 SESSION_PEER_LEN, entry)) {
		slab_give(&s->sessions_slab, entry);
		return NULL;
	}
	return entry;
}

void signin_session_drop(struct signin *s, struct session_entry *entry)
{
	struct span key = span_of(entry->session.peer, SESSION_PEER_LEN);
	(void)table_remove(&s->sessions, table_hash(&s->sessions, key), key.data, key.len);
	slab_give(&s->sessions_slab, entry);
}

/* --- rows out --- */

enum err signin_put_user(struct signin *s, uint64_t token, const struct user *u, uint64_t expected)
{
	uint8_t room[USER_ROW_MAX];
	struct writer w = writer_of(room, sizeof(room));
	user_row_write(u, &w);
	ASSERT(!w.bad);
	const struct signin_store put = {.token = token,
					 .table = SIGNIN_TABLE_USERS,
					 .key = span_text(u->name),
					 .value = writer_span(&w),
					 .expected = expected};
	enum err e = s->effects.store(s->effects.arg, &put);
	crypto_wipe(room, sizeof(room));
	return e;
}

enum err signin_put_session(struct signin *s, uint64_t token, const struct session *session,
			    const uint64_t *expected)
{
	uint8_t room[SESSION_ROW_MAX];
	struct writer w = writer_of(room, sizeof(room));
	session_row_write(session, &w);
	ASSERT(!w.bad);
	const struct signin_store put = {.token = token,
					 .table = SIGNIN_TABLE_SESSIONS,
					 .key = span_of(session->peer, SESSION_PEER_LEN),
					 .value = writer_span(&w),
					 .any = !expected,
					 .expected = expected ? *expected : 0};
	return s->effects.store(s->effects.arg, &put);
}

enum err signin_put_removal(struct signin *s, uint64_t token, enum signin_table table,
			    struct span key, const uint64_t *expected)
{
	const struct signin_store put = {.token = token,
					 .table = table,
					 .key = key,
					 .any = !expected,
					 .expected = expected ? *expected : 0};
	return s->effects.store(s->effects.arg, &put);
}

/* --- rows in --- */

static enum err user_learn(struct signin *s, uint64_t now_ms, struct span key, struct span value,
			   uint64_t version)
{
	char name[USER_NAME_MAX + 1];
	TRY(user_name_read(key, name));
	const struct user_entry *known = signin_user_entry(s, name);
	if (known && version < known->version)
		return OK; /* an older story than what we wrote */
	if (!value.len) {
		if (known) {
			(void)signin_sessions_judge(s, now_ms, name, true, SIGNIN_END_USER, NULL);
			signin_user_drop(s, name);
		}
		return OK;
	}
	AUTO_DONE(user_done) struct user u = {0};
	TRY(user_row_read(key, value, &u));
	/* A new password or factor ends what the old one opened, also at another gateway. */
	bool is_new_secret =
		known && (strcmp(known->user.password, u.password) != 0 ||
			  (known->user.factor == USER_FACTOR_ACTIVE &&
			   memcmp(known->user.secret, u.secret, sizeof(u.secret)) != 0));
	TRY(signin_user_set(s, &u, version));
	(void)signin_sessions_judge(s, now_ms, name, is_new_secret, SIGNIN_END_USER, NULL);
	return OK;
}

static enum err session_learn(struct signin *s, uint64_t now_ms, struct span key, struct span value,
			      uint64_t version)
{
	struct session session = {0};
	if (key.len != SESSION_PEER_LEN)
		return ERR_FORMAT;
	struct session_entry *entry = signin_session_entry(s, key.data);
	if (entry && version < entry->version)
		return OK;
	if (!value.len) {
		if (entry && !entry->ended)
			signin_session_end(s, now_ms, entry, SIGNIN_END_ELSEWHERE, NULL);
		else if (entry && !entry->writing)
			signin_session_drop(s, entry);
		return OK;
	}
	TRY(session_row_read(key, value, &session));
	if (entry && entry->ended && entry->session.started_ms == session.started_ms) {
		entry->version = version; /* it was ended here, and its removal is on the way */
		return OK;
	}
	entry = signin_session_make(s, key.data);
	if (!entry)
		return ERR_LIMIT;
	entry->session = session;
	entry->version = version;
	entry->touched_ms = session.active_ms;
	entry->told = s->telling;
	entry->ended = entry->must_touch = false;
	signin_gate_tell(s, now_ms, session.peer);
	return OK;
}

enum err signin_learn(struct signin *s, uint64_t now_ms, enum signin_table table, struct span key,
		      struct span value, uint64_t version)
{
	if (s->telling & 1 && version > s->told_version)
		s->told_version = version;
	return table == SIGNIN_TABLE_USERS ? user_learn(s, now_ms, key, value, version)
					   : session_learn(s, now_ms, key, value, version);
}

void signin_learn_begin(struct signin *s)
{
	s->telling = (s->telling + 1) | 1;
	s->told_version = 0;
}

/* One user whose row was not told; what we wrote since has a newer version. */
static const struct user_entry *untold_user(const struct signin *s)
{
	const struct user_entry *u;
	for (size_t at = 0; (u = table_next(&s->users, &at));)
		if (u->told != s->telling && u->version <= s->told_version)
			return u;
	return NULL;
}

static struct session_entry *untold_session(const struct signin *s)
{
	struct session_entry *e;
	for (size_t at = 0; (e = table_next(&s->sessions, &at));)
		if (e->told != s->telling && e->version <= s->told_version && !e->ended)
			return e;
	return NULL;
}

void signin_learn_end(struct signin *s, uint64_t now_ms)
{
	const struct user_entry *u;
	struct session_entry *e;
	while ((u = untold_user(s))) {
		char name[USER_NAME_MAX + 1];
		(void)span_to_cstr(span_text(u->user.name), name, sizeof(name));
		(void)signin_sessions_judge(s, now_ms, name, true, SIGNIN_END_USER, NULL);
		signin_user_drop(s, name);
	}
	while ((e = untold_session(s)))
		signin_session_end(s, now_ms, e, SIGNIN_END_ELSEWHERE, NULL);
	s->telling++;
}

/* --- what is there --- */

void signin_counts(const struct signin *s, struct signin_counts *ret)
{
	const struct session_entry *e;
	*ret = s->counts;
	ret->users = table_used(&s->users);
	ret->under_way = s->tasks_n;
	ret->sessions = 0;
	for (size_t at = 0; (e = table_next(&s->sessions, &at));)
		ret->sessions += !e->ended;
}
