#include "service/forward-proxy/io_revocation.h"

#include "crypto/tls.h"
#include "crypto/tls_status.h"
#include "fetch/fetch.h"
#include "fetch/ocsp.h"
#include "fetch/url.h"
#include "os/clock.h"
#include "proxy/transport_tls.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/inspect/conf_inspect.h"
#include "service/forward-proxy/inspect/statuses.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_worker.h"
#include "service/forward-proxy/ports.h"

#include <assert.h>
#include <stdlib.h>

static_assert((int)INSPECT_FINGERPRINT_LEN == (int)TLS_STATUS_FINGERPRINT_LEN, "one fingerprint");
static_assert((int)FETCH_RESOLVED_MAX <= (int)NAMES_ADDRESSES_MAX, "all that is found is judged");

/* One question; over when an answer came, or none. */
struct ask {
	struct ask *next;
	struct forward_revocation *of;
	struct tls_status *status; /* owned */
	struct fetch fetch;
	struct loop_timer end; /* it is given back, in a turn of its own */
	struct proxy_tls_question *waiters;
	bool over;
};

struct forward_revocation {
	struct forward_worker *w;
	struct proxy_tls_judge judge;
	struct inspect_statuses *kept; /* owned; NULL: nothing was asked yet */
	struct ask *asks;
	size_t n;
};

static const char REVOKED[] = "certificate revoked";
static const char UNTOLD[] = "nobody tells whether the certificate is revoked";

/* ---- what follows from it ---- */

static const struct forward_site *site_of(const struct forward_revocation *r)
{
	return r->w->view->site;
}

static bool is_required(const struct forward_revocation *r)
{
	const struct forward_conf *conf = site_of(r)->conf;
	return conf->has_inspection && conf->inspection.revocation == FORWARD_REVOCATION_REQUIRE;
}

/* NULL: it is good enough. */
static const char *fault_of(const struct forward_revocation *r, enum inspect_status status)
{
	switch (status) {
	case INSPECT_STATUS_GOOD: return NULL;
	case INSPECT_STATUS_REVOKED: return REVOKED;
	case INSPECT_STATUS_UNTOLD: break;
	}
	return is_required(r) ? UNTOLD : NULL;
}

static enum proxy_tls_said said(const struct forward_revocation *r, enum inspect_status status,
				const char **ret_fault)
{
	const char *fault = fault_of(r, status);
	if (!fault)
		return PROXY_TLS_GOOD;
	*ret_fault = fault;
	return PROXY_TLS_BAD;
}

/* Nobody is asked, or can be. */
static enum proxy_tls_said untold(const struct forward_revocation *r, const char **ret_fault)
{
	forward_count(r->w, FORWARD_COUNT_REVOCATION_UNTOLD);
	return said(r, INSPECT_STATUS_UNTOLD, ret_fault);
}

/* ---- a question's end ---- */

static void ask_free(struct ask *a)
{
	loop_timer_cancel(&a->of->w->loop, &a->end);
	fetch_free(&a->fetch);
	tls_status_free(a->status);
	free(a);
}

static void ended(void *arg)
{
	struct ask *a = arg;
	struct forward_revocation *r = a->of;
	struct ask **at = &r->asks;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	r->n--;
	ask_free(a);
}

static void tell(struct ask *a, enum inspect_status status, uint64_t until_s)
{
	struct forward_revocation *r = a->of;
	const char *fault = fault_of(r, status);
	a->over = true;
	inspect_statuses_keep(r->kept, tls_status_fingerprint(a->status), status, until_s,
			      clock_wall_s());
	if (status == INSPECT_STATUS_UNTOLD)
		forward_count(r->w, FORWARD_COUNT_REVOCATION_UNTOLD);
	loop_timer_set_after(&r->w->loop, &a->end, 0);
	/* Each may end others in the call. */
	while (a->waiters) {
		struct proxy_tls_question *q = a->waiters;
		a->waiters = q->next;
		q->next = NULL;
		q->of = NULL;
		proxy_tls_judged(q, fault);
	}
}

static void answered(void *arg, const struct fetch_answer *answer, enum err why)
{
	struct ask *a = arg;
	uint64_t until_s = 0;
	enum err e =
		answer ? tls_status_judge(a->status, answer->body, clock_wall_s(), &until_s) : why;
	tell(a,
	     e == OK				    ? INSPECT_STATUS_GOOD
	     : answer && e == (enum err)EKEYREVOKED ? INSPECT_STATUS_REVOKED
						    : INSPECT_STATUS_UNTOLD,
	     until_s);
}

/* ---- a question ---- */

/* All of its server's addresses, as of any name. */
static bool may(void *arg, const struct ip_address *found, size_t n)
{
	const struct ask *a = arg;
	return forward_judge_found(a->of->w, site_of(a->of), found, n) == INSIDE_NOT;
}

static bool may_ask(const struct forward_revocation *r, const char *url)
{
	const struct forward_site *site = site_of(r);
	struct fetch_url at;
	struct destination to;
	return fetch_url_read(span_text(url), &at) == OK && !at.tls &&
	       destination_read_host(span_text(at.host), at.port, &to) == OK &&
	       ports_contain(&site->ports, at.port) &&
	       inside_judge_written(&site->inside, &to) == INSIDE_NOT &&
	       !forward_upstream_to(site, &to);
}

static enum err begin(struct ask *a)
{
	const struct forward_conf *conf = site_of(a->of)->conf;
	uint8_t question[OCSP_QUESTION_MAX];
	char url[OCSP_URL_MAX];
	size_t len = 0;
	struct fetch_question q = {.resolvers = {conf->resolver.items, conf->resolver.n},
				   .may = may,
				   .may_arg = a,
				   .total_ms = FORWARD_STATUS_MS,
				   .address_ms = FORWARD_STATUS_MS / 2,
				   .idle_ms = FORWARD_STATUS_MS};
	TRY(tls_status_question(a->status, question, sizeof(question), &len));
	TRY(ocsp_question(span_text(tls_status_url(a->status)), span_of(question, len), url, &q));
	TRY(fetch_ask(&a->fetch, &q));
	forward_count(a->of->w, FORWARD_COUNT_REVOCATION_ASKED);
	return OK;
}

/* NULL: it cannot be asked. status: taken over then alone. */
static struct ask *ask_new(struct forward_revocation *r, struct tls_status *status)
{
	bool room = r->n < FORWARD_STATUS_ASKS_MAX && may_ask(r, tls_status_url(status));
	struct ask *a = room ? calloc(1, sizeof(*a)) : NULL;
	if (!a)
		return NULL;
	a->of = r;
	a->status = status;
	fetch_init(&a->fetch, &r->w->loop, answered, a);
	loop_timer_init(&a->end, ended, a);
	if (begin(a)) {
		a->status = NULL;
		ask_free(a);
		return NULL;
	}
	a->next = r->asks;
	r->asks = a;
	r->n++;
	return a;
}

static struct ask *ask_find(const struct forward_revocation *r, const struct tls_status *status)
{
	for (struct ask *a = r->asks; a; a = a->next)
		if (!a->over &&
		    memcmp(tls_status_fingerprint(a->status), tls_status_fingerprint(status),
			   TLS_STATUS_FINGERPRINT_LEN) == 0)
			return a;
	return NULL;
}

/* ---- for connections ---- */

static enum proxy_tls_said look(struct forward_revocation *r, struct proxy_tls_question *q,
				struct tls_status **status, const char **ret_fault)
{
	enum inspect_status known;
	if (inspect_statuses_find(r->kept, tls_status_fingerprint(*status), clock_wall_s(), &known))
		return said(r, known, ret_fault);
	struct ask *a = ask_find(r, *status);
	if (!a) {
		a = ask_new(r, *status);
		if (!a)
			return untold(r, ret_fault);
		*status = NULL;
	}
	q->of = a;
	q->next = a->waiters;
	a->waiters = q;
	return PROXY_TLS_WAIT;
}

static enum proxy_tls_said judge(void *arg, struct proxy_tls_question *q,
				 const struct tls_stream *s, const char **ret_fault)
{
	struct forward_revocation *r = arg;
	AUTO(tls_status_free) struct tls_status *status = NULL;
	if (!r->kept)
		r->kept = calloc(1, sizeof(*r->kept));
	enum err e = r->kept ? tls_status_new(s, &status) : (enum err)ENOMEM;
	/* A certificate that names nobody cannot be asked for: many authorities have no such server
	 * any more. */
	if (e == ERR_ABSENT)
		return PROXY_TLS_GOOD;
	return e ? untold(r, ret_fault) : look(r, q, &status, ret_fault);
}

static void leave(void *arg, struct proxy_tls_question *q)
{
	struct ask *a = q->of;
	(void)arg;
	if (!a)
		return;
	struct proxy_tls_question **at = &a->waiters;
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	q->next = NULL;
	q->of = NULL;
}

/* ---- life ---- */

enum err forward_revocation_new(struct forward_worker *w, struct forward_revocation **ret)
{
	struct forward_revocation *r = calloc(1, sizeof(*r));
	if (!r)
		return ENOMEM;
	r->w = w;
	r->judge = (struct proxy_tls_judge){judge, leave, r};
	*ret = r;
	return OK;
}

void forward_revocation_free(struct forward_revocation *r)
{
	if (!r)
		return;
	while (r->asks) {
		struct ask *a = r->asks;
		ASSERT(!a->waiters);
		r->asks = a->next;
		ask_free(a);
	}
	free(r->kept);
	free(r);
}

const struct proxy_tls_judge *forward_revocation_judge(const struct forward_revocation *r)
{
	return &r->judge;
}
