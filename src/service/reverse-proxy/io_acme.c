/* The thread's life, its certificates, and what the main thread asks of it. */
#include "service/reverse-proxy/io_acme.h"

#include "acme/renewal.h"
#include "config/config.h"
#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/reverse-proxy/io_acme_inner.h"

#include <stdlib.h>

enum { HELD_FIRST = 16, FOLLOW_MS = 20000 };

/* --- names and identities --- */

void reverse_acme_name(const struct dns_name *name, char ret[ACME_NAME_MAX])
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name lower = *name;
	dns_name_lower(&lower);
	struct span s = span_text(dns_name_format(&lower, text));
	s.len -= s.len > 1; /* the dot at the end */
	(void)span_to_cstr(s, ret, ACME_NAME_MAX);
}

void acme_names_of(const struct reverse_certificate_conf *c, struct acme_names *ret)
{
	const struct dns_name *names = c->names.items;
	for (ret->n = 0; ret->n < c->names.n; ret->n++) {
		reverse_acme_name(&names[ret->n], ret->text[ret->n]);
		ret->list[ret->n] = ret->text[ret->n];
	}
}

static const struct reverse_authority_conf *authority_of(const struct reverse_conf *conf,
							 const struct reverse_certificate_conf *c)
{
	const struct reverse_authority_conf *all = conf->authorities.items;
	return &all[reverse_authority_find(conf, c->acme)];
}

void acme_id_of(const struct reverse_conf *conf, const struct reverse_certificate_conf *c,
		char ret[ACME_ID_TEXT])
{
	const struct reverse_authority_conf *of = authority_of(conf, c);
	struct acme_names names;
	acme_names_of(c, &names);
	acme_id_of_certificate(of->directory,
			       (unsigned)(c->has_key_type ? c->key_type : of->key_type), names.list,
			       names.n, ret);
}

const struct reverse_certificate_conf *acme_entry(const struct acme_held *h)
{
	const struct reverse_certificate_conf *all = h->authority->of->conf->certificates.items;
	return &all[h->certificate];
}

void acme_first_name(const struct acme_held *h, char ret[ACME_NAME_MAX])
{
	ret[0] = '\0';
	if (h->wanted)
		reverse_acme_name(acme_entry(h)->names.items, ret);
	else if (h->chain && tls_chain_name(h->chain, 0))
		(void)span_to_cstr(span_text(tls_chain_name(h->chain, 0)), ret, ACME_NAME_MAX);
}

/* --- certificates --- */

struct acme_held *acme_held_find(const struct reverse_acme *a, const char *id)
{
	for (size_t i = 0; i < a->held_n; i++)
		if (strcmp(a->held[i]->id, id) == 0)
			return a->held[i];
	return NULL;
}

struct acme_held *acme_held_get(struct reverse_acme *a, const char *id)
{
	struct acme_held *h = acme_held_find(a, id);
	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	(void)span_to_cstr(span_text(id), h->id, sizeof(h->id));
	acme_lock(a);
	if (a->held_n == a->held_room) {
		size_t room = a->held_room ? 2 * a->held_room : HELD_FIRST;
		struct acme_held **held = realloc(a->held, room * sizeof(*held));
		if (held) {
			a->held = held;
			a->held_room = room;
		}
	}
	if (a->held_n < a->held_room)
		a->held[a->held_n++] = h;
	else
		free(TAKE(h));
	acme_unlock(a);
	return h;
}

static void held_free(struct acme_held *h)
{
	acme_parts_done(&h->parts);
	tls_chain_unref(h->chain);
	free(h->chain_pem);
	free(h->unsaved);
	free(h);
}

void acme_held_drop(struct reverse_acme *a, struct acme_held *h)
{
	acme_lock(a);
	for (size_t i = 0; i < a->held_n; i++)
		if (a->held[i] == h) {
			a->held[i] = a->held[--a->held_n];
			break;
		}
	acme_unlock(a);
	held_free(h);
}

enum err acme_held_set(struct reverse_acme *a, struct acme_held *h, struct tls_chain *chain,
		       struct span chain_pem, uint64_t generation)
{
	struct tls_chain_facts facts;
	char *pem = malloc(chain_pem.len + 1);
	if (!pem || !span_to_cstr(chain_pem, pem, chain_pem.len + 1)) {
		free(pem);
		tls_chain_unref(chain);
		return ENOMEM;
	}
	tls_chain_facts(chain, &facts);
	acme_lock(a);
	tls_chain_unref(h->chain);
	h->chain = chain;
	free(h->chain_pem);
	h->chain_pem = pem;
	h->from_s = facts.from_s;
	h->until_s = facts.until_s;
	h->generation = generation;
	if (!h->schedule.due_s) { /* of one whose schedule is not known */
		h->schedule.again_s = clock_wall_s();
		h->schedule.due_s = acme_renewal_due_s(h->from_s, h->until_s, NULL, 0);
	}
	a->news |= h->wanted;
	acme_unlock(a);
	if (h->wanted)
		a->wake(a->wake_arg);
	return OK;
}

void acme_tell(struct reverse_acme *a, const struct acme_held *h, const char *what, const char *why)
{
	acme_lock(a);
	if (a->events_n < ACME_EVENTS_MAX) {
		struct reverse_acme_event *e = &a->events[a->events_n++];
		(void)span_to_cstr(span_text(what), e->what, sizeof(e->what));
		(void)span_to_cstr(span_text(why), e->why, sizeof(e->why));
		acme_first_name(h, e->name);
	}
	acme_unlock(a);
	a->wake(a->wake_arg);
}

/* --- the thread: what is due --- */

void acme_look_soon(struct reverse_acme *a)
{
	if (a->has_loop)
		loop_timer_set_after(&a->loop, &a->look, 0);
}

static void poll(void *arg)
{
	struct reverse_acme *a = arg;
	loop_timer_set_after(&a->loop, &a->poll, ACME_POLL_STORE_MS);
	acme_rows_turn(a);
	acme_rows_tidy(a);
}

/* --- the thread: another configuration --- */

static struct acme_authority *authority_find(const struct reverse_acme *a, const char *name)
{
	for (struct acme_authority *u = a->authorities; u; u = u->next)
		if (strcmp(u->conf->name, name) == 0)
			return u;
	return NULL;
}

static enum err authorities_follow(struct reverse_acme *a, struct tls_client **trust)
{
	const struct reverse_authority_conf *all = a->conf->authorities.items;
	for (struct acme_authority *u = a->authorities; u; u = u->next)
		u->wanted = false;
	for (size_t i = 0; i < a->conf->authorities.n; i++) {
		struct acme_authority *u = authority_find(a, all[i].name);
		if (!u) {
			TRY(acme_authority_new(a, &u));
			u->next = a->authorities;
			a->authorities = u;
		}
		acme_authority_adopt(u, a->config, a->conf, &all[i], trust[i]);
		u->wanted = true;
	}
	for (struct acme_authority **at = &a->authorities; *at;) {
		struct acme_authority *u = *at;
		if (u->wanted) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		acme_authority_free(u);
	}
	return OK;
}

static void want(struct reverse_acme *a, size_t i)
{
	const struct reverse_certificate_conf *c =
		(const struct reverse_certificate_conf *)a->conf->certificates.items + i;
	char id[ACME_ID_TEXT], name[ACME_NAME_MAX];
	acme_id_of(a->conf, c, id);
	struct acme_held *h = acme_held_get(a, id);
	if (!h)
		return;
	bool is_new = !h->wanted;
	acme_lock(a);
	h->wanted = true;
	h->certificate = i;
	h->authority = authority_find(a, c->acme);
	a->news |= is_new && h->chain;
	acme_unlock(a);
	reverse_acme_name(c->names.items, name);
	if (!h->chain && !h->waits_told)
		log_notice("there is no certificate yet: TLS for these names is refused until it "
			   "is issued",
			   LOG_TEXT("name", name), LOG_TEXT("authority", c->acme));
	h->waits_told = true;
}

/* Orders that are still under way are given up, and begin anew. */
static void follow(struct reverse_acme *a, struct config *config, struct tls_client **trust,
		   size_t trust_n)
{
	for (struct acme_authority *u = a->authorities; u; u = u->next)
		acme_authority_stop(u);
	acme_lock(a); /* who looks at one that is wanted looks at the configuration too */
	for (size_t i = 0; i < a->held_n; i++)
		a->held[i]->wanted = false;
	acme_unlock(a);
	struct config *before = a->config;
	a->config = config;
	a->conf = config_section(config, "reverse-proxy");
	const struct reverse_certificate_conf *all = a->conf->certificates.items;
	enum err e = authorities_follow(a, trust);
	if (e)
		log_error("certificates are not ordered", LOG_ERR(e));
	for (size_t i = 0; !e && i < a->conf->certificates.n; i++)
		if (all[i].acme)
			want(a, i);
	for (size_t i = 0; i < trust_n; i++)
		tls_client_unref(trust[i]);
	free(trust);
	config_free(before);
	acme_look_soon(a);
	a->wake(a->wake_arg);
}

static bool is_busy(const struct reverse_acme *a)
{
	for (const struct acme_authority *u = a->authorities; u; u = u->next)
		if (u->errand)
			return true;
	return false;
}

/* Who reloads often must not keep orders from their end: the other configuration waits for it, but
 * not for long. */
static void take_config(struct reverse_acme *a)
{
	uint64_t now_ms = loop_now_ms(&a->loop);
	acme_lock(a);
	bool any = a->next != NULL;
	acme_unlock(a);
	if (!any)
		return;
	if (!a->follow_ms)
		a->follow_ms = now_ms + FOLLOW_MS;
	if (is_busy(a) && now_ms < a->follow_ms)
		return;
	a->follow_ms = 0;
	acme_lock(a);
	struct config *config = TAKE(a->next);
	struct tls_client **trust = TAKE(a->next_trust);
	size_t n = a->next_trust_n;
	acme_unlock(a);
	follow(a, config, trust, n);
}

static void look(void *arg)
{
	struct reverse_acme *a = arg;
	uint64_t now_s = clock_wall_s(), wait_ms = ACME_LOOK_MS;
	take_config(a);
	if (a->follow_ms)
		wait_ms = FOLLOW_MS;
	for (struct acme_authority *u = a->authorities; u; u = u->next) {
		uint64_t next_s = u->wanted ? acme_authority_look(u, now_s) : UINT64_MAX;
		if (next_s <= now_s)
			wait_ms = wait_ms < 1000 ? wait_ms : 1000;
		else if (next_s - now_s < wait_ms / 1000)
			wait_ms = (next_s - now_s) * 1000;
	}
	loop_timer_set_after(&a->loop, &a->look, wait_ms);
}

static void woken(void *arg)
{
	struct reverse_acme *a = arg;
	acme_lock(a);
	bool stop = a->stop;
	acme_unlock(a);
	if (stop) {
		loop_stop(&a->loop);
		return;
	}
	look(a); /* there may be another configuration, or somebody in a hurry */
}

static void run(void *arg)
{
	struct reverse_acme *a = arg;
	/* The loop's own calls fail only when the process is beyond help. */
	enum err e = loop_run(&a->loop);
	ASSERT(!e);
	for (struct acme_authority *u = a->authorities; u; u = u->next)
		acme_authority_stop(u);
}

/* --- life --- */

enum err reverse_acme_new(void (*wake)(void *arg), void *arg, struct reverse_acme **ret)
{
	struct reverse_acme *a = calloc(1, sizeof(*a));
	if (!a)
		return ENOMEM;
	a->wake = wake;
	a->wake_arg = arg;
	(void)pthread_mutex_init(&a->lock, NULL);
	enum err e = acme_proofs_new(&a->proofs);
	if (!e)
		e = loop_init(&a->loop);
	a->has_loop = !e;
	if (e) {
		reverse_acme_free(a);
		return e;
	}
	loop_on_wake(&a->loop, woken, a);
	loop_timer_init(&a->look, look, a);
	loop_timer_init(&a->poll, poll, a);
	*ret = a;
	return OK;
}

static void next_drop(struct reverse_acme *a)
{
	for (size_t i = 0; a->next_trust && i < a->next_trust_n; i++)
		tls_client_unref(a->next_trust[i]);
	free(TAKE(a->next_trust));
	config_free(TAKE(a->next));
}

void reverse_acme_stop(struct reverse_acme *a)
{
	if (!a || a->thread.state != THREAD_RUNS)
		return;
	acme_lock(a);
	a->stop = true;
	acme_unlock(a);
	loop_wake(&a->loop);
	thread_join(&a->thread);
}

void reverse_acme_free(struct reverse_acme *a)
{
	if (!a)
		return;
	reverse_acme_stop(a);
	while (a->authorities) {
		struct acme_authority *u = a->authorities;
		a->authorities = u->next;
		acme_authority_free(u);
	}
	acme_rows_done(a);
	for (size_t i = 0; i < a->held_n; i++)
		held_free(a->held[i]);
	free(a->held);
	next_drop(a);
	config_free(a->config);
	acme_proofs_free(a->proofs);
	if (a->has_loop)
		loop_done(&a->loop);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

enum err reverse_acme_start(struct reverse_acme *a)
{
	if (!a->store)
		return OK;
	loop_timer_set_after(&a->loop, &a->poll, ACME_POLL_STORE_MS);
	TRY(thread_start(&a->thread, "proxy-acme", -1, run, a));
	loop_wake(&a->loop);
	return OK;
}
