#include "proxy/auth/io_auth.h"

#include "crypto/crypt_record.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "os/loop.h"
#include "os/thread.h"
#include "proto/http/basic.h"
#include "proxy/auth/basic_auth.h"

#include <stdlib.h>

struct question {
	struct auth_desk *desk; /* NULL: an empty place */
	uint64_t ticket;
	bool decoy;
	size_t len, name_len;
	uint8_t name[BASIC_MAX], password[BASIC_MAX];
	char record[PASSWORD_RECORD_MAX];
};

struct auth_hasher {
	struct thread thread;
	const char *prefix; /* of records that are judged elsewhere; NULL: none are */
	enum auth_proof (*elsewhere)(void *arg, struct span name, struct span password,
				     const char *record);
	void *elsewhere_arg; /* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t asked;
	/* Under the lock: a ring. */
	bool ends;
	struct question questions[AUTH_WAITING_MAX];
	size_t at, n;
};

struct waiting {
	uint64_t ticket; /* 0: a free place */
	void *who;	 /* NULL: forgotten, its answer is still to come */
};

struct answer {
	uint64_t ticket;
	enum auth_proof proof;
};

/* As many places as tickets are out, so that an answer always has one. */
struct auth_desk {
	struct auth_hasher *hasher; /* borrowed */
	struct loop *loop;	    /* borrowed */
	uint64_t tickets;	    /* given so far */
	struct waiting waiting[AUTH_WAITING_MAX];
	pthread_mutex_t lock;
	struct answer answers[AUTH_WAITING_MAX]; /* under the lock */
	size_t answers_n;
};

enum err auth_hasher_new(struct auth_hasher **ret)
{
	struct auth_hasher *h = calloc(1, sizeof(*h));
	if (!h)
		return ENOMEM;
	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_cond_init(&h->asked, NULL);
	*ret = h;
	return OK;
}

/* ---- the thread ---- */

static enum auth_proof prove(const struct auth_hasher *h, const struct question *q)
{
	struct span password = span_of(q->password, q->len);
	if (h->prefix && strncmp(q->record, h->prefix, strlen(h->prefix)) == 0)
		return h->elsewhere(h->elsewhere_arg, span_of(q->name, q->name_len), password,
				    q->record);
	enum err e = strncmp(q->record, "$argon2", 7) == 0
			     ? password_check(password, q->record)
			     : crypt_record_check(password, q->record);
	return e == OK && !q->decoy ? AUTH_PROOF_RIGHT : AUTH_PROOF_WRONG;
}

/* False: it is over. */
static bool next(struct auth_hasher *h, struct question *ret)
{
	(void)pthread_mutex_lock(&h->lock);
	while (!h->n && !h->ends)
		(void)pthread_cond_wait(&h->asked, &h->lock);
	bool goes_on = !h->ends;
	if (goes_on) {
		*ret = h->questions[h->at];
		crypto_wipe(&h->questions[h->at], sizeof(h->questions[0]));
		h->at = (h->at + 1) % AUTH_WAITING_MAX;
		h->n--;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return goes_on;
}

static void run(void *arg)
{
	struct auth_hasher *h = arg;
	struct question q;
	while (next(h, &q)) {
		struct auth_desk *d = q.desk;
		struct answer a = {q.ticket, prove(h, &q)};
		crypto_wipe(&q, sizeof(q));
		(void)pthread_mutex_lock(&d->lock);
		d->answers[d->answers_n++] = a;
		(void)pthread_mutex_unlock(&d->lock);
		loop_wake(d->loop);
	}
}

void auth_hasher_elsewhere(struct auth_hasher *h, const char *prefix,
			   enum auth_proof (*call)(void *arg, struct span name,
						   struct span password, const char *record),
			   void *arg)
{
	h->prefix = prefix;
	h->elsewhere = call;
	h->elsewhere_arg = arg;
}

enum err auth_hasher_start(struct auth_hasher *h)
{
	return thread_start(&h->thread, "proxy-hash", -1, run, h);
}

void auth_hasher_free(struct auth_hasher *h)
{
	if (!h)
		return;
	(void)pthread_mutex_lock(&h->lock);
	h->ends = true;
	(void)pthread_cond_signal(&h->asked);
	(void)pthread_mutex_unlock(&h->lock);
	thread_join(&h->thread);
	(void)pthread_cond_destroy(&h->asked);
	(void)pthread_mutex_destroy(&h->lock);
	crypto_wipe(h, sizeof(*h));
	free(h);
}

/* ---- a worker's side ---- */

enum err auth_desk_new(struct auth_hasher *h, struct loop *loop, struct auth_desk **ret)
{
	struct auth_desk *d = calloc(1, sizeof(*d));
	if (!d)
		return ENOMEM;
	d->hasher = h;
	d->loop = loop;
	(void)pthread_mutex_init(&d->lock, NULL);
	*ret = d;
	return OK;
}

void auth_desk_free(struct auth_desk *d)
{
	if (!d)
		return;
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}

static struct waiting *place_of(struct auth_desk *d, uint64_t ticket)
{
	for (size_t i = 0; i < AUTH_WAITING_MAX; i++)
		if (d->waiting[i].ticket == ticket)
			return &d->waiting[i];
	return NULL;
}

static enum err question_fill(struct question *q, struct span credentials,
			      const struct auth_user *user)
{
	uint8_t plain[BASIC_MAX];
	struct span name, password;
	enum err e = basic_decode(credentials, plain, &name, &password);
	if (!e) {
		q->len = password.len;
		q->name_len = name.len;
		if (name.len)
			memcpy(q->name, name.data, name.len); /* as long as plain */
		if (password.len)
			memcpy(q->password, password.data, password.len);
		/* The configuration has records of at most that length. */
		(void)span_to_cstr(span_text(user->record), q->record, sizeof(q->record));
	}
	crypto_wipe(plain, sizeof(plain));
	return e;
}

enum err auth_desk_ask(struct auth_desk *d, void *who, struct span credentials,
		       const struct auth_user *user, bool decoy, uint64_t *ret_ticket)
{
	struct auth_hasher *h = d->hasher;
	struct waiting *place = place_of(d, 0);
	if (!place)
		return ERR_LIMIT;
	struct question q = {.desk = d, .ticket = d->tickets + 1, .decoy = decoy};
	TRY(question_fill(&q, credentials, user));
	(void)pthread_mutex_lock(&h->lock);
	enum err e = h->n < AUTH_WAITING_MAX ? OK : ERR_LIMIT;
	if (!e) {
		h->questions[(h->at + h->n++) % AUTH_WAITING_MAX] = q;
		(void)pthread_cond_signal(&h->asked);
	}
	(void)pthread_mutex_unlock(&h->lock);
	crypto_wipe(&q, sizeof(q));
	if (e)
		return e;
	*place = (struct waiting){++d->tickets, who};
	*ret_ticket = d->tickets;
	return OK;
}

void auth_desk_forget(struct auth_desk *d, uint64_t ticket)
{
	struct waiting *place = ticket ? place_of(d, ticket) : NULL;
	if (place)
		place->who = NULL;
}

void auth_desk_take(struct auth_desk *d, void (*call)(void *arg, void *who, enum auth_proof proof),
		    void *arg)
{
	struct answer answers[AUTH_WAITING_MAX];
	(void)pthread_mutex_lock(&d->lock);
	size_t n = d->answers_n;
	memcpy(answers, d->answers, n * sizeof(answers[0]));
	d->answers_n = 0;
	(void)pthread_mutex_unlock(&d->lock);
	for (size_t i = 0; i < n; i++) {
		struct waiting *place = place_of(d, answers[i].ticket);
		void *who = place->who;
		*place = (struct waiting){0};
		if (who)
			call(arg, who, answers[i].proof);
	}
}
