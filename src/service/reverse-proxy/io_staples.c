#include "service/reverse-proxy/io_staples.h"

#include "base/table.h"
#include "crypto/random.h"
#include "crypto/tls_chain.h"
#include "fetch/fetch.h"
#include "fetch/ocsp.h"
#include "fetch/url.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "service/reverse-proxy/conf.h"
#include "service/reverse-proxy/io_certificates.h"

#include <stdlib.h>

enum {
	FINGERPRINT_LEN = 32,
	STAPLES_MAX = 2 * REVERSE_CERTIFICATES_MAX,
	FETCHES_MAX = 16, /* at once */
	FETCH_MS = 30 * 1000,
	ADDRESS_MS = 10 * 1000, /* one address of a server */
	BUSY_MS = 200,		/* until the next try to be one of them */
	RETRY_MS = 30 * 1000,	/* after a failure, and twice that after each further one */
	RETRY_MAX_MS = 3600 * 1000,
	REFRESH_MIN_MS = 2 * 1000,
	REFRESH_MAX_MS = 12 * 3600 * 1000, /* who is revoked meanwhile is found out by then */
};

/* One certificate's. */
struct staple {
	struct reverse_staples *of;
	uint8_t fingerprint[FINGERPRINT_LEN];
	struct tls_chain *chain; /* counted; of the configuration in force */
	const char *file;	 /* borrowed from it; NULL: a server is asked */
	char url[TLS_CHAIN_TEXT_MAX];
	bool must, tried, wanted; /* wanted: private to reverse_staples_set */
	/* What is kept. */
	uint8_t *der; /* owned; NULL: nothing */
	size_t der_len;
	uint64_t until_s;
	unsigned failures;	   /* in a row */
	char why[FETCH_FAULT_MAX]; /* of the last failure; "" */
	struct fetch fetch;
	struct loop_timer timer; /* the next fetch */
};

struct reverse_staples {
	struct loop *loop;
	const struct config_list *resolvers; /* borrowed from the configuration */
	struct table table;		     /* struct staple by fingerprint */
	size_t fetching;
	uint64_t taken, failed;
};

static uint64_t now_s(void)
{
	return clock_wall_ms() / 1000;
}

/* --- what came --- */

static void drop_kept(struct staple *s)
{
	free(TAKE(s->der));
	s->der_len = 0;
	s->until_s = 0;
}

/* A staple beyond its time is worse than none: clients refuse it. */
static void expire(struct staple *s)
{
	uint64_t until_s = 0;
	if (!s->der || s->until_s > now_s())
		return;
	err_ignore(tls_chain_staple(s->chain, (struct span){0}, now_s(), &until_s));
	drop_kept(s);
	log_warning("an OCSP answer has ended and no other one was to be had",
		    LOG_TEXT("server", s->file ? s->file : s->url), LOG_TEXT("why", s->why));
}

static void due_in(struct staple *s, uint64_t delay_ms)
{
	uint64_t now = now_s();
	uint64_t left_ms = s->der && s->until_s > now ? (s->until_s - now) * 1000 : delay_ms;
	loop_timer_set_after(s->of->loop, &s->timer, left_ms < delay_ms ? left_ms : delay_ms);
}

static void failed(struct staple *s, const char *why)
{
	uint64_t delay_ms = RETRY_MS;
	s->tried = true;
	s->of->failed++;
	(void)span_to_cstr(span_sub(span_text(why), 0, sizeof(s->why) - 1), s->why, sizeof(s->why));
	for (unsigned i = 0; i < s->failures && delay_ms < RETRY_MAX_MS; i++)
		delay_ms *= 2;
	if (s->failures++ == 0)
		log_warning("no OCSP answer for a certificate",
			    LOG_TEXT("server", s->file ? s->file : s->url), LOG_TEXT("why", why));
	expire(s);
	due_in(s, delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS);
}

static const char *refusal(enum err e)
{
	return e == (enum err)EKEYREVOKED ? "the certificate is revoked"
	       : e == ERR_REFUSED ? "it is of another certificate, not of now, not good, or "
				    "signed by nobody we know"
	       : e == ERR_FORMAT  ? "it is no OCSP answer"
				  : err_text(e);
}

static void take(struct staple *s, struct span der)
{
	uint64_t until_s = 0, now = now_s();
	uint8_t *copy = malloc(der.len + 1);
	enum err e = copy ? tls_chain_staple(s->chain, der, now, &until_s) : (enum err)ENOMEM;
	if (e) {
		free(copy);
		failed(s, refusal(e));
		return;
	}
	memcpy(copy, der.data, der.len);
	drop_kept(s);
	s->tried = true;
	s->der = copy;
	s->der_len = der.len;
	s->until_s = until_s;
	s->failures = 0;
	s->why[0] = '\0';
	s->of->taken++;
	/* Half of its time is left for those that fail. */
	uint64_t half_ms = (until_s - now) * 500;
	half_ms = half_ms < REFRESH_MAX_MS ? half_ms : REFRESH_MAX_MS;
	due_in(s, half_ms > REFRESH_MIN_MS ? half_ms : REFRESH_MIN_MS);
}

/* --- the fetch --- */

static void answered(void *arg, const struct fetch_answer *answer, enum err why)
{
	struct staple *s = arg;
	const char *fault = fetch_fault(&s->fetch);
	s->of->fetching--;
	if (answer && answer->body.len)
		take(s, answer->body);
	else if (answer)
		failed(s, "the server's answer is empty");
	else
		failed(s, *fault ? fault : err_text(why));
}

static enum err ask(struct staple *s)
{
	uint8_t question[OCSP_QUESTION_MAX];
	char url[OCSP_URL_MAX];
	size_t len = 0;
	struct fetch_question q = {.resolvers = {s->of->resolvers->items, s->of->resolvers->n},
				   .total_ms = FETCH_MS,
				   .address_ms = ADDRESS_MS,
				   .idle_ms = ADDRESS_MS};
	TRY(tls_chain_ocsp_request(s->chain, question, sizeof(question), &len));
	TRY(ocsp_question(span_text(s->url), span_of(question, len), url, &q));
	TRY(fetch_ask(&s->fetch, &q));
	s->of->fetching++;
	return OK;
}

static void read_file(struct staple *s)
{
	char *bytes = NULL;
	size_t len = 0;
	enum err e = file_read(s->file, TLS_STAPLE_MAX, &bytes, &len);
	if (e || !len)
		failed(s, e ? err_text(e) : "the file is empty");
	else
		take(s, span_of(bytes, len));
	free(bytes);
}

static void due(void *arg)
{
	struct staple *s = arg;
	expire(s);
	if (s->file) {
		read_file(s);
		return;
	}
	if (s->of->fetching >= FETCHES_MAX) {
		loop_timer_set_after(s->of->loop, &s->timer, BUSY_MS);
		return;
	}
	enum err e = ask(s);
	if (e)
		failed(s, err_text(e));
}

/* --- all of them --- */

static bool is_of(const void *record, const void *key, size_t key_len)
{
	return memcmp(((const struct staple *)record)->fingerprint, key, key_len) == 0;
}

static struct staple *find(const struct reverse_staples *all, const uint8_t *fingerprint)
{
	struct span key = span_of(fingerprint, FINGERPRINT_LEN);
	return table_find(&all->table, table_hash(&all->table, key), key.data, key.len);
}

static void staple_free(struct staple *s)
{
	if (fetch_runs(&s->fetch))
		s->of->fetching--;
	fetch_free(&s->fetch);
	loop_timer_cancel(s->of->loop, &s->timer);
	tls_chain_unref(s->chain);
	drop_kept(s);
	free(s);
}

static bool drop(void *record, void *arg)
{
	struct staple *s = record;
	bool wanted = s->wanted;
	(void)arg;
	s->wanted = false;
	if (!wanted)
		staple_free(s);
	return !wanted;
}

enum err reverse_staples_new(struct loop *loop, struct reverse_staples **ret)
{
	struct hash_key key;
	TRY(crypto_random(&key, sizeof(key)));
	struct reverse_staples *all = calloc(1, sizeof(*all));
	if (!all)
		return ENOMEM;
	all->loop = loop;
	table_init(&all->table, key, STAPLES_MAX, is_of);
	*ret = all;
	return OK;
}

void reverse_staples_free(struct reverse_staples *all)
{
	if (!all)
		return;
	(void)table_sweep(&all->table, drop, NULL);
	table_done(&all->table);
	free(all);
}

static enum err make(struct reverse_staples *all, const uint8_t *fingerprint, struct staple **ret)
{
	struct staple *s = calloc(1, sizeof(*s));
	struct span key = span_of(fingerprint, FINGERPRINT_LEN);
	if (!s)
		return ENOMEM;
	s->of = all;
	memcpy(s->fingerprint, fingerprint, FINGERPRINT_LEN);
	enum err e = table_insert(&all->table, table_hash(&all->table, key), key.data, key.len, s);
	if (e) {
		free(s);
		return e;
	}
	fetch_init(&s->fetch, all->loop, answered, s);
	loop_timer_init(&s->timer, due, s);
	*ret = s;
	return OK;
}

/* What is kept goes to the chain that is in force from now on. */
static void move_to(struct staple *s, struct tls_chain *c)
{
	uint64_t until_s = 0;
	tls_chain_unref(s->chain);
	s->chain = tls_chain_ref(c);
	if (s->der && tls_chain_staple(c, span_of(s->der, s->der_len), now_s(), &until_s))
		drop_kept(s);
}

/* By whom a chain's answer comes. NULL: by its server. False: there is no way. */
static bool has_way(struct tls_chain *c, const struct tls_chain_facts *facts, const char *file)
{
	uint8_t question[OCSP_QUESTION_MAX];
	struct fetch_url server;
	size_t len;
	const char *lacks = NULL;
	if (!file && !facts->ocsp[0])
		lacks = facts->must_staple ? "it names no OCSP server" : NULL;
	else if (tls_chain_ocsp_request(c, question, sizeof(question), &len))
		lacks = "its issuer's certificate is not in its file";
	else if (file || (fetch_url_read(span_text(facts->ocsp), &server) == OK && !server.tls))
		return true;
	else
		lacks = "the address of its OCSP server is none";
	if (lacks)
		log_warning("a certificate goes without an OCSP answer",
			    LOG_TEXT("subject", facts->subject), LOG_TEXT("why", lacks));
	return false;
}

static enum err want(struct reverse_staples *all, struct tls_chain *c,
		     const struct reverse_certificate_conf *conf)
{
	struct tls_chain_facts facts;
	const char *file = conf->staple_file;
	tls_chain_facts(c, &facts);
	if (!conf->staple || !has_way(c, &facts, file))
		return OK;
	struct staple *s = find(all, facts.fingerprint);
	bool new = !s;
	if (new)
		TRY(make(all, facts.fingerprint, &s));
	s->wanted = true;
	move_to(s, c);
	/* A file may be another one by now, and is read at once. */
	bool again = new || file || s->file;
	s->file = file;
	s->must = facts.must_staple;
	memcpy(s->url, facts.ocsp, sizeof(s->url));
	if (again && !fetch_runs(&s->fetch))
		due(s);
	return OK;
}

enum err reverse_staples_set(struct reverse_staples *all, const struct reverse_conf *conf,
			     const struct reverse_tls *tls)
{
	const struct reverse_certificate_conf *certificates = conf->certificates.items;
	enum err e = OK;
	all->resolvers = &conf->resolver;
	for (size_t i = 0; i < tls->chains_n; i++) {
		enum err one = want(all, tls->chains[i], &certificates[tls->entries[i]]);
		e = e ? e : one;
	}
	(void)table_sweep(&all->table, drop, NULL);
	return e;
}

/* --- what is told --- */

bool reverse_staples_wait(const struct reverse_staples *all)
{
	const struct staple *s;
	for (size_t at = 0; (s = table_next(&all->table, &at));)
		if (s->must && !s->tried)
			return true;
	return false;
}

void reverse_staples_facts(const struct reverse_staples *all, const struct tls_chain *c,
			   struct reverse_staple_facts *ret)
{
	struct tls_chain_facts facts;
	tls_chain_facts(c, &facts);
	const struct staple *s = find(all, facts.fingerprint);
	*ret = (struct reverse_staple_facts){.why = ""};
	if (s)
		*ret = (struct reverse_staple_facts){true, s->until_s, s->why};
}

void reverse_staples_counts(const struct reverse_staples *all, struct reverse_staples_counts *ret)
{
	const struct staple *s;
	*ret = (struct reverse_staples_counts){.taken = all->taken, .failed = all->failed};
	for (size_t at = 0; (s = table_next(&all->table, &at));) {
		ret->wanted++;
		ret->shown += s->der != NULL;
	}
}
