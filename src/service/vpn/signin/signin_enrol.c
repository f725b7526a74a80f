/* Second factors in the making: secrets for authenticator apps, and one-time codes. */
#include "service/vpn/signin/signin_inner.h"

#include "crypto/hash.h"
#include "crypto/secret.h"

#include <string.h>

/* --- one-time codes --- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 6 */

/* Bound to the user; with 80 random bits there is nothing to guess that a slow hash would
 * protect. */
static void backup_hash(const char *user, const char code[BACKUP_CODE_CHARS],
			uint8_t ret[USER_BACKUP_HASH_LEN])
{
	struct crypto_hash h;
	crypto_hash_init(&h, CRYPTO_SHA256);
	crypto_hash_add(&h, span_text("one-time code of "));
	crypto_hash_add(&h, span_text(user));
	crypto_hash_add(&h, span_of("", 1));
	crypto_hash_add(&h, span_of(code, BACKUP_CODE_CHARS));
	crypto_hash_end(&h, ret);
}

/* As people type them: small letters, blanks and '-' anywhere. */
static bool backup_read(struct span text, char ret[BACKUP_CODE_CHARS])
{
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == ' ' || c == '-')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (uint8_t)(c - 'a' + 'A');
		if (!c || !strchr(alphabet, c) || n == BACKUP_CODE_CHARS)
			return false;
		ret[n++] = (char)c;
	}
	return n == BACKUP_CODE_CHARS;
}

size_t signin_backup_find(const struct user *u, struct span code)
{
	char chars[BACKUP_CODE_CHARS] = "";
	uint8_t hash[USER_BACKUP_HASH_LEN];
	size_t found = u->backup_n;
	bool readable = backup_read(code, chars);
	backup_hash(u->name, chars, hash);
	for (size_t i = 0; i < u->backup_n; i++)
		if (crypto_equal(span_of(hash, sizeof(hash)), span_of(u->backup[i], sizeof(hash))))
			found = i;
	crypto_wipe(chars, sizeof(chars));
	return readable ? found : u->backup_n;
}

static void backup_write(const uint8_t bytes[10], char ret[SIGNIN_BACKUP_CODE_LEN + 1],
			 char chars[BACKUP_CODE_CHARS])
{
	size_t at = 0;
	for (size_t i = 0; i < BACKUP_CODE_CHARS; i++) {
		size_t bit = 5 * i;
		unsigned pair = (unsigned)bytes[bit / 8] << 8;
		if (bit / 8 + 1 < 10)
			pair |= bytes[bit / 8 + 1];
		chars[i] = alphabet[pair >> (11 - bit % 8) & 31];
		if (i && i % 4 == 0)
			ret[at++] = '-';
		ret[at++] = chars[i];
	}
	ret[at] = '\0';
	ASSERT(at == SIGNIN_BACKUP_CODE_LEN);
}

enum err signin_backup_make(struct signin *s, struct task *t)
{
	uint8_t bytes[USER_BACKUP_CODES][10];
	char chars[BACKUP_CODE_CHARS];
	TRY(s->effects.random(s->effects.arg, bytes, sizeof(bytes)));
	t->backup_n = t->user.backup_n = USER_BACKUP_CODES;
	for (size_t i = 0; i < USER_BACKUP_CODES; i++) {
		backup_write(bytes[i], t->backup[i], chars);
		backup_hash(t->user.name, chars, t->user.backup[i]);
	}
	crypto_wipe(bytes, sizeof(bytes));
	crypto_wipe(chars, sizeof(chars));
	return OK;
}

/* --- secrets --- */

void signin_secret_fill(const struct signin *s, const char *user,
			const uint8_t secret[TOTP_SECRET_LEN], struct signin_secret *ret)
{
	struct writer w = writer_of(ret->uri, sizeof(ret->uri) - 1);
	totp_base32(secret, ret->secret);
	totp_uri_write(&w, s->config.issuer, span_text(user), secret);
	ASSERT(!w.bad);
	ret->uri[w.pos] = '\0';
}

static struct enrolment *find(struct signin *s, const uint8_t *peer)
{
	for (size_t i = 0; i < ENROLMENTS_MAX; i++)
		if (s->enrolments[i].used &&
		    memcmp(s->enrolments[i].peer, peer, sizeof(s->enrolments[i].peer)) == 0)
			return &s->enrolments[i];
	return NULL;
}

static void drop(struct signin *s, struct enrolment *e)
{
	crypto_wipe(e, sizeof(*e));
	s->enrolments_n--;
}

void signin_enrol_drop(struct signin *s, const uint8_t *peer)
{
	struct enrolment *e = find(s, peer);
	if (e)
		drop(s, e);
}

void signin_enrol_turn(struct signin *s, uint64_t now_ms)
{
	for (size_t i = 0; i < ENROLMENTS_MAX; i++)
		if (s->enrolments[i].used && now_ms >= s->enrolments[i].until_ms)
			drop(s, &s->enrolments[i]);
}

/* The peer's own, or a free one, or that which ends first. */
static struct enrolment *place(struct signin *s, const uint8_t *peer)
{
	struct enrolment *best = find(s, peer);
	for (size_t i = 0; !best && i < ENROLMENTS_MAX; i++)
		if (!s->enrolments[i].used)
			best = &s->enrolments[i];
	if (!best) {
		best = &s->enrolments[0];
		for (size_t i = 1; i < ENROLMENTS_MAX; i++)
			if (s->enrolments[i].until_ms < best->until_ms)
				best = &s->enrolments[i];
	}
	if (best->used)
		drop(s, best);
	return best;
}

void signin_enrol_offer(struct signin *s, uint64_t now_ms, struct task *t, const struct user *u)
{
	struct enrolment *e = place(s, t->peer);
	struct attempt_source from = {.peer = t->peer,
				      .user = t->typed,
				      .address = &t->endpoint.address,
				      .theirs = t->theirs};
	struct signin_secret made = {0};
	struct signin_answer a = {.result = SIGNIN_ENROL, .secret = &made, .backup_left = -1};
	/* A secret of its own: who was shown another, by whomever, can still use that one until
	 * the first of them is verified. */
	if (signin_ticket(s, e->token) ||
	    s->effects.random(s->effects.arg, e->secret, sizeof(e->secret))) {
		signin_refuse(s, now_ms, t, SIGNIN_UNAVAILABLE, SIGNIN_CAUSE_STORE);
		return;
	}
	e->used = true;
	s->enrolments_n++;
	e->until_ms = now_ms + SIGNIN_ENROL_MS;
	memcpy(e->peer, t->peer, sizeof(e->peer));
	memcpy(e->user, u->name, sizeof(e->user));
	memcpy(e->record, u->password, sizeof(e->record));
	signin_secret_fill(s, u->name, e->secret, &made);
	memcpy(made.token, e->token, sizeof(made.token));
	attempts_forgive(s->attempts, &from);
	if (t->answer)
		t->answer(t->arg, &a);
	crypto_wipe(&made, sizeof(made));
	signin_task_done(s, t);
}

static struct enrolment *find_shown(struct signin *s, uint64_t now_ms, const uint8_t *peer,
				    struct span token)
{
	struct enrolment *e = find(s, peer);
	return e && now_ms < e->until_ms && crypto_equal(span_text(e->token), token) ? e : NULL;
}

bool signin_enrol_show(struct signin *s, uint64_t now_ms, const uint8_t *peer, struct span token,
		       struct signin_secret *ret)
{
	const struct enrolment *e = find_shown(s, now_ms, peer, token);
	if (!e)
		return false;
	signin_secret_fill(s, e->user, e->secret, ret);
	memcpy(ret->token, e->token, sizeof(ret->token));
	return true;
}

/* --- the first code --- */

void signin_enrol(struct signin *s, uint64_t now_ms, const struct signin_enrolment *x)
{
	struct enrolment *e = find_shown(s, now_ms, x->peer, x->token);
	struct signin_answer a = {.result = SIGNIN_REFUSED, .backup_left = -1};
	struct task *t = signin_task_at(s, x->peer) ? NULL : signin_task_new(s, TASK_ENROL);
	if (!t) {
		a.result = SIGNIN_BUSY;
		s->counts.refused[SIGNIN_CAUSE_BUSY]++;
		x->answer(x->arg, &a);
		return;
	}
	memcpy(t->peer, x->peer, sizeof(t->peer));
	t->endpoint = x->endpoint;
	t->answer = x->answer;
	t->arg = x->arg;
	if (!e) {
		signin_refuse(s, now_ms, t, SIGNIN_REFUSED, SIGNIN_CAUSE_CODE);
		return;
	}
	memcpy(t->typed, e->user, sizeof(t->typed));
	memcpy(t->record, e->record, sizeof(t->record));
	memcpy(t->secret, e->secret, sizeof(t->secret));
	t->theirs = true;
	t->code_len = x->code.len <= sizeof(t->code) ? x->code.len : 0;
	if (t->code_len)
		memcpy(t->code, x->code.data, t->code_len);
	signin_enrol_judge(s, now_ms, t);
}

/* What allowed the enrolment must still hold. */
static enum signin_cause may_enrol(struct signin *s, const struct task *t,
				   const struct user_entry **ret)
{
	struct signin_peer peer;
	const struct user_entry *entry = signin_user_entry(s, t->typed);
	if (!entry || entry->user.disabled)
		return SIGNIN_CAUSE_USER;
	if (!s->effects.peer(s->effects.arg, t->peer, &peer) || !peer.must_sign_in ||
	    !signin_allows(&peer, &entry->user))
		return SIGNIN_CAUSE_PEER;
	if (strcmp(t->record, entry->user.password) != 0)
		return SIGNIN_CAUSE_PASSWORD;
	/* Somebody was faster; from now on that factor counts. */
	if (entry->user.factor == USER_FACTOR_ACTIVE)
		return SIGNIN_CAUSE_CODE;
	*ret = entry;
	return SIGNIN_CAUSE_NONE;
}

static void code_is_wrong(struct signin *s, const struct task *t)
{
	struct enrolment *e = find(s, t->peer);
	if (e && ++e->tries == ENROL_TRIES_MAX)
		drop(s, e);
}

void signin_enrol_judge(struct signin *s, uint64_t now_ms, struct task *t)
{
	uint64_t step;
	const struct user_entry *entry = NULL;
	enum signin_cause cause = may_enrol(s, t, &entry);
	if (cause) {
		signin_enrol_drop(s, t->peer);
		signin_refuse(s, now_ms, t, SIGNIN_REFUSED, cause);
		return;
	}
	if (totp_find(t->secret, span_of(t->code, t->code_len), now_ms / 1000, DRIFT_STEPS,
		      &step)) {
		code_is_wrong(s, t);
		signin_refuse(s, now_ms, t, SIGNIN_REFUSED, SIGNIN_CAUSE_CODE);
		return;
	}
	t->user = entry->user;
	t->user.factor = USER_FACTOR_ACTIVE;
	t->user.last_step = step;
	memcpy(t->user.secret, t->secret, sizeof(t->user.secret));
	t->activates = true;
	if (t->tries++ == STORE_TRIES_MAX || signin_backup_make(s, t) ||
	    signin_put_user(s, signin_task_ask(s, t, STAGE_USER), &t->user, entry->version))
		signin_refuse(s, now_ms, t, SIGNIN_UNAVAILABLE, SIGNIN_CAUSE_STORE);
}
