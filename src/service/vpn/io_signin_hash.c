#include "service/vpn/io_signin_hash.h"

#include "crypto/secret.h"
#include "os/thread.h"

#include <stdlib.h>

struct question {
	uint64_t token;
	struct password_cost cost;
	size_t len;
	uint8_t password[PASSWORD_LEN_MAX];
	char record[PASSWORD_RECORD_MAX]; /* "": one is to be made */
};

struct hasher {
	struct password_cost cost; /* under the lock */
	void (*wake)(void *arg);
	void *arg; /* borrowed */
	struct thread thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	/* Under the lock. Rings; an answer has a place for each question. */
	bool ends;
	struct question questions[HASHER_QUEUE_MAX];
	struct hasher_answer answers[HASHER_QUEUE_MAX];
	size_t questions_at, questions_n, answers_at, answers_n;
	size_t under_way; /* asked, and the answer not taken */
};

enum err hasher_new(const struct password_cost *cost, void (*wake)(void *arg), void *arg,
		    struct hasher **ret)
{
	struct hasher *h = calloc(1, sizeof(*h));
	if (!h)
		return (enum err)ENOMEM;
	h->cost = *cost;
	h->wake = wake;
	h->arg = arg;
	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_cond_init(&h->asked, NULL);
	*ret = h;
	return OK;
}

/* --- the thread --- */

static void compute(const struct question *q, struct hasher_answer *ret)
{
	struct span password = span_of(q->password, q->len);
	*ret = (struct hasher_answer){.token = q->token};
	if (q->record[0])
		ret->fits = password_check(password, q->record) == OK;
	else
		ret->made = password_make(password, &q->cost, ret->record) == OK;
}

/* False: it is over. */
static bool next(struct hasher *h, struct question *ret)
{
	(void)pthread_mutex_lock(&h->lock);
	while (!h->questions_n && !h->ends)
		(void)pthread_cond_wait(&h->asked, &h->lock);
	bool goes_on = !h->ends;
	if (goes_on) {
		struct question *q = &h->questions[h->questions_at];
		*ret = *q;
		crypto_wipe(q, sizeof(*q));
		h->questions_at = (h->questions_at + 1) % HASHER_QUEUE_MAX;
		h->questions_n--;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return goes_on;
}

static void answer(struct hasher *h, const struct hasher_answer *a)
{
	(void)pthread_mutex_lock(&h->lock);
	h->answers[(h->answers_at + h->answers_n++) % HASHER_QUEUE_MAX] = *a;
	(void)pthread_mutex_unlock(&h->lock);
	h->wake(h->arg);
}

static void run(void *arg)
{
	struct hasher *h = arg;
	struct question q;
	struct hasher_answer a;
	while (next(h, &q)) {
		compute(&q, &a);
		answer(h, &a);
		crypto_wipe(&q, sizeof(q));
		crypto_wipe(&a, sizeof(a));
	}
}

/* --- the loop's side --- */

enum err hasher_start(struct hasher *h)
{
	return thread_start(&h->thread, "vpn-hash", -1, run, h);
}

void hasher_free(struct hasher *h)
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

void hasher_set(struct hasher *h, const struct password_cost *cost)
{
	(void)pthread_mutex_lock(&h->lock);
	h->cost = *cost;
	(void)pthread_mutex_unlock(&h->lock);
}

enum err hasher_ask(struct hasher *h, uint64_t token, struct span password, const char *record)
{
	enum err e = ERR_LIMIT;
	if (password.len > PASSWORD_LEN_MAX)
		return e;
	(void)pthread_mutex_lock(&h->lock);
	if (h->under_way < HASHER_QUEUE_MAX) {
		size_t at = (h->questions_at + h->questions_n++) % HASHER_QUEUE_MAX;
		struct question *q = &h->questions[at];
		h->under_way++;
		q->token = token;
		q->cost = h->cost;
		q->len = password.len;
		if (password.len)
			memcpy(q->password, password.data, password.len);
		(void)span_to_cstr(span_text(record ? record : ""), q->record, sizeof(q->record));
		(void)pthread_cond_signal(&h->asked);
		e = OK;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return e;
}

bool hasher_take(struct hasher *h, struct hasher_answer *ret)
{
	(void)pthread_mutex_lock(&h->lock);
	bool is_there = h->answers_n > 0;
	if (is_there) {
		struct hasher_answer *a = &h->answers[h->answers_at];
		*ret = *a;
		crypto_wipe(a, sizeof(*a));
		h->answers_at = (h->answers_at + 1) % HASHER_QUEUE_MAX;
		h->answers_n--;
		h->under_way--;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return is_there;
}

size_t hasher_waiting(struct hasher *h)
{
	(void)pthread_mutex_lock(&h->lock);
	size_t n = h->under_way;
	(void)pthread_mutex_unlock(&h->lock);
	return n;
}
