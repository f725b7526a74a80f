/* What the main thread asks of the thread that orders certificates. */
#include "config/config.h"
#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "fetch/trust.h"
#include "os/file.h"
#include "os/log.h"
#include "service/reverse-proxy/io_acme_inner.h"
#include "service/reverse-proxy/io_way.h"

#include <stdlib.h>

enum { TRUST_MAX = 4 << 20 };

enum err reverse_acme_paths(const struct reverse_conf *conf, struct store_paths *ret)
{
	bool shared = reverse_store_is_shared(conf);
	enum err e = store_paths(shared ? conf->store : NULL, ret);
	if (e)
		log_error("the store's URL is not understood", LOG_ERR(e));
	return e;
}

enum err reverse_acme_open(struct reverse_acme *a, const struct reverse_conf *conf,
			   const char *folder)
{
	a->opened = true;
	if (conf->authorities.n == 0)
		return OK;
	TRY(acme_rows_new(a, conf, folder));
	return acme_rows_load(a);
}

/* --- the configuration --- */

static enum err trust_make(const struct reverse_authority_conf *c, struct tls_client **ret)
{
	const char *path = c->ca ? c->ca : fetch_system_authorities();
	enum err e = fetch_trust_read(path, ret);
	if (!e || e == (enum err)ENOMEM)
		return e;
	log_error(e == ERR_FORMAT ? "no authority's certificate is in the file (PEM)"
				  : "the file of whom to trust cannot be read",
		  LOG_TEXT("authority", c->name),
		  LOG_TEXT("file", path ? path : "none of the system: write `ca: PATH`"),
		  LOG_U64("line", c->line), LOG_ERR(e));
	return ERR_CONFIG;
}

static enum err trusts_make(const struct reverse_conf *conf, struct tls_client **ret)
{
	const struct reverse_authority_conf *all = conf->authorities.items;
	for (size_t i = 0; i < conf->authorities.n; i++)
		TRY(trust_make(&all[i], &ret[i]));
	return OK;
}

static void trusts_free(struct tls_client **trust, size_t n)
{
	for (size_t i = 0; trust && i < n; i++)
		tls_client_unref(trust[i]);
	free(trust);
}

enum err reverse_acme_set(struct reverse_acme *a, struct config *config)
{
	const struct reverse_conf *conf = config_section(config, "reverse-proxy");
	size_t n = conf->authorities.n;
	if (a->opened && !a->store && n) {
		log_error(
			"the first `authorities` of a configuration come into force by a restart");
		return ERR_CONFIG;
	}
	struct tls_client **trust = calloc(n + 1, sizeof(*trust));
	enum err e = trust ? trusts_make(conf, trust) : (enum err)ENOMEM;
	if (e) {
		trusts_free(trust, n);
		return e;
	}
	acme_lock(a);
	struct tls_client **unseen_trust = a->next_trust;
	struct config *unseen = a->next;
	size_t unseen_n = a->next_trust_n;
	a->next = config_ref(config);
	a->next_trust = trust;
	a->next_trust_n = n;
	acme_unlock(a);
	trusts_free(unseen_trust, unseen_n);
	config_free(unseen);
	loop_wake(&a->loop);
	return OK;
}

/* --- what is there --- */

struct acme_proofs *reverse_acme_proofs(struct reverse_acme *a)
{
	return a->proofs;
}

struct tls_chain *reverse_acme_chain(struct reverse_acme *a, const struct reverse_conf *conf,
				     const struct reverse_certificate_conf *c)
{
	char id[ACME_ID_TEXT];
	acme_id_of(conf, c, id);
	acme_lock(a);
	const struct acme_held *h = acme_held_find(a, id);
	struct tls_chain *chain = h ? tls_chain_ref(h->chain) : NULL;
	acme_unlock(a);
	return chain;
}

bool reverse_acme_news(struct reverse_acme *a)
{
	acme_lock(a);
	bool news = a->news;
	a->news = false;
	acme_unlock(a);
	return news;
}

bool reverse_acme_event(struct reverse_acme *a, struct reverse_acme_event *ret)
{
	acme_lock(a);
	bool any = a->events_n > 0;
	if (any) {
		*ret = a->events[0];
		a->events_n--;
		for (size_t i = 0; i < a->events_n; i++)
			a->events[i] = a->events[i + 1];
	}
	acme_unlock(a);
	return any;
}

void reverse_acme_facts(struct reverse_acme *a, const struct reverse_conf *conf,
			const struct reverse_certificate_conf *c, struct reverse_acme_facts *ret)
{
	char id[ACME_ID_TEXT];
	acme_id_of(conf, c, id);
	*ret = (struct reverse_acme_facts){0};
	acme_lock(a);
	const struct acme_held *h = acme_held_find(a, id);
	if (h)
		*ret = (struct reverse_acme_facts){.schedule = h->schedule,
						   .orders = h->orders,
						   .elsewhere = h->leased && !h->ours,
						   .unsaved = h->unsaved != NULL};
	acme_unlock(a);
}

static bool is_for(const struct acme_held *h, const char *name)
{
	const struct reverse_certificate_conf *c = acme_entry(h);
	const struct dns_name *names = c->names.items;
	char text[ACME_NAME_MAX];
	for (size_t i = 0; i < c->names.n; i++) {
		reverse_acme_name(&names[i], text);
		if (span_equal_nocase(span_text(text), span_text(name)))
			return true;
	}
	return false;
}

enum err reverse_acme_renew(struct reverse_acme *a, const char *name)
{
	size_t n = 0;
	acme_lock(a);
	for (size_t i = 0; i < a->held_n; i++) {
		if (!a->held[i]->wanted || !is_for(a->held[i], name))
			continue;
		a->held[i]->hurry = true;
		n++;
	}
	acme_unlock(a);
	loop_wake(&a->loop);
	return n ? OK : ERR_ABSENT;
}

void reverse_acme_counts(struct reverse_acme *a, struct reverse_acme_counts *ret)
{
	acme_lock(a);
	*ret = a->counts;
	acme_unlock(a);
	acme_proofs_counts(a->proofs, &ret->shown_http, &ret->shown_tls);
}
