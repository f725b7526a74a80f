/* Errands at one authority: which is due, its requests and its end. */
#include "acme/renewal.h"
#include "base/base64url.h"
#include "config/config.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/reverse-proxy/io_acme_inner.h"

#include <stdio.h>
#include <stdlib.h>

enum { NEVER_AGAIN_S = 86400 };

static uint64_t draw(void)
{
	uint64_t n = 0;
	err_ignore(crypto_random(&n, sizeof(n))); /* 0 is as good when the kernel gives none */
	return n;
}

/* --- whom we speak to --- */

static void drop_engine(struct acme_authority *u)
{
	if (u->engine) {
		const struct acme_counts *c = acme_counts(u->engine);
		u->counts.requests += c->requests;
		u->counts.issued += c->issued;
		u->counts.failed += c->failed;
	}
	acme_free(TAKE(u->engine));
}

static enum err make_engine(struct acme_authority *u, const struct acme_account *account)
{
	const struct reverse_authority_conf *c = u->conf;
	const char *const *contact = c->contact.items;
	char texts[REVERSE_CONTACTS_MAX][ACME_NAME_MAX + 8];
	const char *contacts[REVERSE_CONTACTS_MAX];
	uint8_t external[REVERSE_ACME_KEY_LEN];
	struct writer w = writer_of(external, sizeof(external));
	struct acme_conf conf = {.directory = c->directory,
				 .contacts = contacts,
				 .contacts_n = c->contact.n,
				 .terms_agreed = c->terms == REVERSE_TERMS_AGREED,
				 .external_id = c->account.id,
				 .chain = c->issuer,
				 .account_key_pem = span_text(account->key_pem),
				 .account_url = account->url[0] ? account->url : NULL};
	for (size_t i = 0; i < c->contact.n; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "mailto:%s", contact[i]);
		contacts[i] = texts[i];
	}
	if (c->account.id) {
		TRY(base64url_read(span_trim(c->account.key), &w));
		conf.external_key = writer_span(&w);
	}
	enum err e = acme_new(&conf, &u->engine);
	crypto_wipe(external, sizeof(external));
	return e;
}

static enum err engine_ready(struct acme_authority *u)
{
	struct acme_account account;
	if (u->engine)
		return OK;
	TRY(acme_rows_account(u->of, u->id, &account));
	enum err e = make_engine(u, &account);
	acme_account_done(&account);
	return e;
}

/* --- what is due --- */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Unix seconds of what is next for h. */
static uint64_t due_s(const struct acme_authority *u, const struct acme_held *h, uint64_t now_s,
		      enum acme_errand *ret)
{
	const struct acme_schedule *s = &h->schedule;
	uint64_t order_s = h->chain ? later(s->due_s, s->retry_s) : s->retry_s;
	uint64_t now_ms = loop_now_ms(&u->of->loop), lease_ms = h->lease_seen_ms + ACME_LEASE_MS;
	uint64_t free_s = h->leased && !h->ours && lease_ms > now_ms
				  ? now_s + (lease_ms - now_ms) / 1000 + 1
				  : 0;
	*ret = ACME_ERRAND_CERTIFICATE;
	if (h->hurry)
		return later(now_s, free_s);
	order_s = later(later(order_s, u->retry_s), free_s);
	if (!h->chain || !s->again_s || order_s <= now_s || order_s <= s->again_s)
		return order_s;
	*ret = ACME_ERRAND_WINDOW;
	return later(s->again_s, u->retry_s);
}

/* --- the end of an errand --- */

/* fault: of TLS; "": none. */
static void put_error(struct acme_schedule *s, const struct acme_result *r, const char *fault)
{
	struct writer w = writer_of(s->error, sizeof(s->error) - 1);
	bool theirs = r->problem.type[0] || r->problem.status;
	if (r->problem.type[0])
		write_format(&w, "%s: ", r->problem.type);
	write_format(&w, "%.160s", r->problem.text[0] ? r->problem.text : err_text(r->error));
	if (!theirs && r->problem.text[0] && r->error != ERR_FORMAT)
		write_format(&w, " (%.60s)", *fault ? fault : err_text(r->error));
	s->error[w.bad ? 0 : w.pos] = '\0';
}

/* Not about this certificate alone. */
static bool is_everybodys(const struct acme_result *r)
{
	bool unanswered = !r->problem.type[0] && !r->problem.status && r->error != ERR_FORMAT;
	return unanswered || r->problem.status == 429 || r->problem.status >= 500 ||
	       strcmp(r->problem.type, "rateLimited") == 0;
}

static void order_failed(struct acme_authority *u, const struct acme_result *r)
{
	struct reverse_acme *a = u->of;
	struct acme_held *h = u->held;
	char name[ACME_NAME_MAX];
	uint64_t now_s = clock_wall_s();
	acme_first_name(h, name);
	acme_lock(a);
	h->schedule.failures++;
	h->schedule.retry_s =
		now_s + acme_backoff_s(h->schedule.failures, r->retry_after_s, draw());
	put_error(&h->schedule, r, fetch_fault(&u->https.fetch));
	a->counts.failed++;
	acme_unlock(a);
	if (is_everybodys(r))
		u->retry_s = h->schedule.retry_s;
	log_warning("a certificate could not be had", LOG_TEXT("name", name),
		    LOG_TEXT("authority", u->conf->name), LOG_TEXT("why", h->schedule.error),
		    LOG_U64("again_in_s", h->schedule.retry_s - now_s));
	acme_tell(a, h, "certificate failed", h->schedule.error);
	acme_rows_schedule(a, h);
}

static void schedule_anew(const struct acme_authority *u, struct acme_held *h,
			  const struct tls_chain *chain)
{
	struct reverse_acme *a = u->of;
	struct tls_chain_facts f;
	tls_chain_facts(chain, &f);
	acme_lock(a);
	h->hurry = false;
	if (u->hurried)
		h->schedule.issued_s = 0; /* somebody wanted it */
	acme_schedule_issued(&h->schedule, clock_wall_s(), f.until_s - f.from_s, draw());
	h->schedule.due_s = acme_renewal_due_s(f.from_s, f.until_s, NULL, h->schedule.chance);
	acme_unlock(a);
}

static void order_good(struct acme_authority *u, struct span chain_pem)
{
	struct reverse_acme *a = u->of;
	struct acme_held *h = u->held;
	struct tls_chain *chain = NULL;
	char name[ACME_NAME_MAX];
	acme_first_name(h, name);
	enum err e = tls_chain_new(chain_pem, span_text(u->key_pem), &chain);
	/* The schedule first: who sees the certificate sees when it is renewed. */
	if (!e)
		schedule_anew(u, h, chain);
	if (!e)
		e = acme_held_set(a, h, chain, chain_pem, draw() | 1);
	if (e) {
		const struct acme_result r = {
			.error = e, .problem = {.text = "the certificate cannot be used"}};
		order_failed(u, &r);
		return;
	}
	acme_lock(a);
	a->counts.issued++;
	acme_unlock(a);
	u->retry_s = 0;
	acme_rows_certificate(a, h, chain_pem, span_text(u->key_pem));
	log_notice("a certificate was issued", LOG_TEXT("name", name),
		   LOG_TEXT("authority", u->conf->name),
		   LOG_U64("hours", (h->until_s - clock_wall_s()) / 3600));
	acme_tell(a, h, "certificate issued", "");
}

static void window_over(struct acme_authority *u, const struct acme_result *r)
{
	struct acme_held *h = u->held;
	struct acme_schedule *s = &h->schedule;
	uint64_t now_s = clock_wall_s();
	acme_lock(u->of);
	if (r->error) {
		s->again_s = now_s + acme_backoff_s(6, r->retry_after_s, draw());
	} else {
		s->again_s = now_s + (r->window.again_s ? r->window.again_s : NEVER_AGAIN_S);
		s->due_s = acme_renewal_due_s(h->from_s, h->until_s, &r->window, s->chance);
	}
	acme_unlock(u->of);
	acme_rows_schedule(u->of, h);
}

static void errand_end(struct acme_authority *u)
{
	struct acme_held *h = u->held;
	loop_timer_cancel(&u->of->loop, &u->timer);
	loop_timer_cancel(&u->of->loop, &u->lease);
	crypto_wipe(u->key_pem, sizeof(u->key_pem));
	acme_lock(u->of);
	h->orders = false;
	acme_unlock(u->of);
	acme_rows_unlease(u->of, h);
	u->errand = ACME_ERRAND_NONE;
	u->held = NULL;
	acme_look_soon(u->of);
}

static void finish(struct acme_authority *u)
{
	const struct acme_result *r = acme_result(u->engine);
	if (u->errand == ACME_ERRAND_WINDOW)
		window_over(u, r);
	else if (r->error)
		order_failed(u, r);
	else
		order_good(u, r->chain_pem);
	acme_rows_account_url(u->of, u->id, acme_account_url(u->engine));
	errand_end(u);
}

/* --- steps --- */

static void answered(void *arg, const struct acme_answer *answer, enum err why)
{
	struct acme_authority *u = arg;
	if (answer)
		acme_answer(u->engine, loop_now_ms(&u->of->loop), clock_wall_s(), answer);
	else
		acme_unanswered(u->engine, why);
	acme_authority_step(u);
}

static void due(void *arg)
{
	acme_authority_step(arg);
}

void acme_authority_step(struct acme_authority *u)
{
	struct acme_want want;
	while (u->errand) {
		const struct fetch_resolvers resolvers = {u->site->resolver.items,
							  u->site->resolver.n};
		enum err e;
		switch (acme_want(u->engine, loop_now_ms(&u->of->loop), &want)) {
		case ACME_WANT_REQUEST:
			acme_lock(u->of);
			u->of->counts.requests++;
			acme_unlock(u->of);
			e = acme_https_ask(&u->https, resolvers, &want.request);
			if (!e)
				return;
			acme_unanswered(u->engine, e);
			break;
		case ACME_WANT_PROOF:
			if (u->showing || !acme_unshow(u))
				return;
			acme_show(u, &want.proof);
			return;
		case ACME_WANT_TIME:
			loop_timer_init(&u->timer, due, u);
			loop_timer_set(&u->of->loop, &u->timer, want.at_ms);
			return;
		case ACME_WANT_NOTHING:
			if (!acme_unshow(u))
				return;
			finish(u);
			return;
		}
	}
}

/* --- their beginning --- */

/* Who says nothing for long has lost it. */
static void lease_renew(void *arg)
{
	struct acme_authority *u = arg;
	loop_timer_set_after(&u->of->loop, &u->lease, ACME_LEASE_RENEW_MS);
	if (acme_rows_lease(u->of, u->held) != ERR_EXISTS)
		return;
	log_warning("another gateway orders a certificate that this one ordered",
		    LOG_TEXT("authority", u->conf->name));
	acme_authority_stop(u);
}

static enum err begin_order(struct acme_authority *u, struct acme_held *h)
{
	const struct reverse_certificate_conf *c = acme_entry(h);
	struct acme_names *names = malloc(sizeof(*names));
	if (!names)
		return ENOMEM;
	acme_names_of(c, names);
	int kind = c->has_key_type ? c->key_type : u->conf->key_type;
	enum err e = certificate_key_new((enum certificate_key)kind, u->key_pem);
	const struct acme_order order = {.names = names->list,
					 .names_n = names->n,
					 .challenge = (enum acme_challenge)u->conf->challenge,
					 .key_pem = span_text(u->key_pem),
					 .replaces_pem = h->chain_pem ? span_text(h->chain_pem)
								      : (struct span){0}};
	if (!e)
		e = acme_order(u->engine, loop_now_ms(&u->of->loop), &order);
	free(names);
	return e;
}

/* OK: it is on. */
static enum err begin(struct acme_authority *u, struct acme_held *h, enum acme_errand errand)
{
	struct reverse_acme *a = u->of;
	enum acme_errand still;
	TRY(engine_ready(u));
	TRY(acme_rows_lease(a, h));
	/* What the holder before us has written counts. */
	acme_rows_turn(a);
	if (due_s(u, h, clock_wall_s(), &still) > clock_wall_s() || still != errand) {
		acme_rows_unlease(a, h);
		return ERR_EXISTS;
	}
	enum err e = errand == ACME_ERRAND_CERTIFICATE
			     ? begin_order(u, h)
			     : acme_ask_renewal(u->engine, loop_now_ms(&a->loop),
						span_text(h->chain_pem));
	if (e) {
		acme_rows_unlease(a, h);
		return e;
	}
	u->errand = errand;
	u->held = h;
	/* Who asks from here on, and gets nothing of this order, gets another one. */
	u->hurried = atomic_exchange(&h->hurry, false);
	acme_lock(a);
	h->orders = errand == ACME_ERRAND_CERTIFICATE;
	acme_unlock(a);
	if (a->shared)
		loop_timer_set_after(&a->loop, &u->lease, ACME_LEASE_RENEW_MS);
	acme_authority_step(u);
	return OK;
}

/* It could not even begin: the store is away, or what is asked for cannot be. */
static void not_begun(struct acme_authority *u, struct acme_held *h, enum acme_errand errand,
		      enum err e)
{
	const struct acme_result r = {.error = e};
	if (e == ERR_EXISTS)
		return;
	if (errand == ACME_ERRAND_WINDOW) {
		acme_lock(u->of);
		h->schedule.again_s = 0; /* it does not say whose it is: by its life then */
		acme_unlock(u->of);
		return;
	}
	u->held = h;
	order_failed(u, &r);
	h->hurry = false;
	u->held = NULL;
}

uint64_t acme_authority_look(struct acme_authority *u, uint64_t now_s)
{
	uint64_t next_s = UINT64_MAX;
	while (!u->errand) {
		struct acme_held *best = NULL;
		enum acme_errand kind, what = ACME_ERRAND_NONE;
		next_s = UINT64_MAX;
		for (size_t i = 0; i < u->of->held_n; i++) {
			struct acme_held *h = u->of->held[i];
			if (!h->wanted || h->authority != u)
				continue;
			uint64_t at_s = due_s(u, h, now_s, &kind);
			if (at_s < next_s || (at_s == next_s && h->hurry)) {
				next_s = at_s;
				best = h;
				what = kind;
			}
		}
		if (!best || next_s > now_s)
			break;
		enum err e = begin(u, best, what);
		if (!e)
			return UINT64_MAX;
		not_begun(u, best, what, e);
		if (e != ERR_EXISTS)
			return now_s + 1;
		next_s = now_s + 1;
		if (due_s(u, best, now_s, &kind) <= now_s)
			break;
	}
	return next_s;
}

/* --- life --- */

enum err acme_authority_new(struct reverse_acme *a, struct acme_authority **ret)
{
	struct acme_authority *u = calloc(1, sizeof(*u));
	if (!u)
		return ENOMEM;
	u->of = a;
	acme_https_init(&u->https, &a->loop, answered, u);
	acme_show_init(u);
	loop_timer_init(&u->timer, due, u);
	loop_timer_init(&u->lease, lease_renew, u);
	*ret = u;
	return OK;
}

void acme_authority_adopt(struct acme_authority *u, struct config *config,
			  const struct reverse_conf *site,
			  const struct reverse_authority_conf *conf, struct tls_client *trust)
{
	drop_engine(u);
	config_free(u->config);
	u->config = config_ref(config);
	u->site = site;
	u->conf = conf;
	fetch_trust(&u->https.fetch, trust);
	acme_id_of_account(conf->directory, u->id);
	u->retry_s = 0;
}

void acme_authority_stop(struct acme_authority *u)
{
	if (!u->errand)
		return;
	fetch_stop(&u->https.fetch);
	acme_unshow_now(u);
	acme_stop(u->engine);
	errand_end(u);
}

void acme_authority_free(struct acme_authority *u)
{
	acme_authority_stop(u);
	fetch_free(&u->https.fetch);
	acme_dns_stop(&u->dns);
	acme_free(u->engine);
	config_free(u->config);
	free(u);
}
