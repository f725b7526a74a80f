#include "service/reverse-proxy/io_acme_proofs.h"

#include "crypto/tls_chain.h"
#include "proxy/exchange.h"
#include "proxy/face.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PROOFS_MAX = 4096 };

static const char path[] = "/.well-known/acme-challenge/";

struct proof {
	struct acme_proof_row row;
	struct tls_chain *chain; /* counted; NULL: of http-01 */
	struct proof *next;
};

struct acme_proofs {
	atomic_size_t n; /* so that a worker takes no lock while there are none */
	atomic_uint_fast64_t shown_http, shown_tls;
	pthread_mutex_t lock;
	struct proof *first;
};

enum err acme_proofs_new(struct acme_proofs **ret)
{
	struct acme_proofs *p = calloc(1, sizeof(*p));
	if (!p)
		return ENOMEM;
	(void)pthread_mutex_init(&p->lock, NULL);
	*ret = p;
	return OK;
}

static void proof_free(struct proof *f)
{
	tls_chain_unref(f->chain);
	free(f);
}

static void drop(struct acme_proofs *p, const char *token)
{
	for (struct proof **at = &p->first; *at; at = &(*at)->next) {
		if (strcmp((*at)->row.token, token) != 0)
			continue;
		struct proof *gone = *at;
		*at = gone->next;
		proof_free(gone);
		(void)atomic_fetch_sub(&p->n, 1);
		return;
	}
}

void acme_proofs_free(struct acme_proofs *p)
{
	if (!p)
		return;
	while (p->first)
		drop(p, p->first->row.token);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

enum err acme_proofs_put(struct acme_proofs *p, const struct acme_proof_row *proof, uint64_t now_s)
{
	struct proof *f = calloc(1, sizeof(*f));
	if (!f)
		return ENOMEM;
	f->row = *proof;
	enum err e = proof->challenge == ACME_TLS_ALPN_01
			     ? tls_chain_acme(proof->name, proof->digest, now_s, &f->chain)
			     : OK;
	(void)pthread_mutex_lock(&p->lock);
	drop(p, proof->token);
	if (!e && atomic_load(&p->n) >= PROOFS_MAX)
		e = ERR_LIMIT;
	if (!e) {
		f->next = p->first;
		p->first = TAKE(f);
		(void)atomic_fetch_add(&p->n, 1);
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (f)
		proof_free(f);
	return e;
}

void acme_proofs_drop(struct acme_proofs *p, const char *token)
{
	(void)pthread_mutex_lock(&p->lock);
	drop(p, token);
	(void)pthread_mutex_unlock(&p->lock);
}

/* --- shown --- */

static bool find_text(struct acme_proofs *p, struct span token, char ret[ACME_PROOF_MAX])
{
	bool found = false;
	(void)pthread_mutex_lock(&p->lock);
	for (const struct proof *f = p->first; f && !found; f = f->next) {
		found = f->row.challenge == ACME_HTTP_01 && span_is(token, f->row.token);
		if (found)
			memcpy(ret, f->row.authorization, ACME_PROOF_MAX);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return found;
}

bool acme_proofs_answer(struct acme_proofs *p, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	char text[ACME_PROOF_MAX];
	struct span at = x->request.path;
	if (atomic_load_explicit(&p->n, memory_order_acquire) == 0 || x->connection->tls ||
	    (x->request.method_id != PROXY_GET && x->request.method_id != PROXY_HEAD) ||
	    !span_is(span_sub(at, 0, sizeof(path) - 1), path) ||
	    !find_text(p, span_sub(at, sizeof(path) - 1, at.len), text))
		return false;
	struct span answer = proxy_exchange_store(x, span_text(text));
	if (!answer.data)
		return false;
	proxy_head_reset(&x->response);
	ret->kind = PROXY_ANSWER;
	ret->answer = answer;
	x->response.status = 200;
	/* There is room: it is the first field. */
	err_ignore(proxy_head_add(&x->response, span_text("content-type"),
				  span_text("application/octet-stream")));
	(void)atomic_fetch_add_explicit(&p->shown_http, 1, memory_order_relaxed);
	return true;
}

struct tls_chain *acme_proofs_chain(void *arg, const char *name)
{
	struct acme_proofs *p = arg;
	struct tls_chain *found = NULL;
	(void)pthread_mutex_lock(&p->lock);
	for (const struct proof *f = p->first; f && !found; f = f->next)
		if (f->chain && span_equal_nocase(span_text(name), span_text(f->row.name)))
			found = tls_chain_ref(f->chain);
	(void)pthread_mutex_unlock(&p->lock);
	if (found)
		(void)atomic_fetch_add_explicit(&p->shown_tls, 1, memory_order_relaxed);
	return found;
}

void acme_proofs_counts(const struct acme_proofs *p, uint64_t *ret_http, uint64_t *ret_tls)
{
	*ret_http = atomic_load_explicit(&p->shown_http, memory_order_relaxed);
	*ret_tls = atomic_load_explicit(&p->shown_tls, memory_order_relaxed);
}
