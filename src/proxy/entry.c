#include "proxy/entry.h"

#include "crypto/tls.h"
#include "proto/proxy-header/header.h"
#include "proxy/front1.h"
#include "proxy/front2.h"
#include "proxy/worker.h"

#include <stddef.h>

struct proxy_entry {
	struct proxy_deadline deadline; /* first */
	struct proxy_entry *next, *previous;
	struct proxy_transport *t; /* owned */
	struct proxy_connection c;
	struct proxy_admission admission;
	bool handshake; /* TLS has begun */
};

const size_t proxy_entry_size = sizeof(struct proxy_entry);

static void entry_turn(struct proxy_entry *e);
static void ready(void *owner, unsigned events);

static void entry_unlink(struct proxy_entry *e)
{
	struct proxy_worker *w = e->c.worker;
	if (e->previous)
		e->previous->next = e->next;
	else
		w->entries = e->next;
	if (e->next)
		e->next->previous = e->previous;
	proxy_deadline_done(&w->wheel, &e->deadline);
	tls_server_unref(e->admission.tls);
	slab_give(&w->entry_slab, e);
	proxy_count_add(&w->counts, PROXY_COUNT_OPEN, (uint64_t)-1);
}

static void entry_free(struct proxy_entry *e)
{
	struct proxy_worker *w = e->c.worker;
	if (w->face->disconnected)
		w->face->disconnected(w->face_arg, &e->c);
	proxy_transport_close(e->t, true);
	entry_unlink(e);
}

static void fail(struct proxy_entry *e, enum proxy_handshake_fault why)
{
	proxy_count_add(&e->c.worker->counts, PROXY_COUNT_HANDSHAKES_FAILED + why, 1);
	e->c.fault_kind = (uint8_t)why;
	e->c.fault = e->t && e->t->fault ? e->t->fault : "";
	entry_free(e);
}

static void late(struct proxy_deadline *d)
{
	fail((struct proxy_entry *)d, PROXY_HANDSHAKE_LATE);
}

/* What a broken transport says of its handshake (transport_tls.h). */
static enum proxy_handshake_fault fault_of(enum err e)
{
	return e == ERR_REFUSED	       ? PROXY_HANDSHAKE_CERTIFICATE
	       : e == ERR_FORMAT       ? PROXY_HANDSHAKE_PROTOCOL
	       : e == (enum err)ENOMEM ? PROXY_HANDSHAKE_ROOM
				       : PROXY_HANDSHAKE_GONE;
}

/* The front of what ALPN agreed takes it over. */
static void enter(struct proxy_worker *w, struct proxy_transport *t,
		  const struct proxy_connection *c, const struct proxy_admission *admission)
{
	if (t->tls && span_is(t->tls->alpn, "h2") && !admission->socks_versions)
		proxy_front2_new(w, t, c, admission, (struct span){0});
	else
		(void)proxy_front1_new(w, t, c, admission);
}

static void handshake_begin(struct proxy_entry *e)
{
	struct proxy_worker *w = e->c.worker;
	struct proxy_transport *t = NULL;
	enum err error = ERR_UNSUPPORTED;
	if (w->io->tls_accept) {
		error = w->io->tls_accept(w, e->t, e->admission.tls, &t);
		e->t = t; /* NULL: the one below is closed */
	}
	if (error) {
		fail(e, PROXY_HANDSHAKE_ROOM);
		return;
	}
	e->handshake = true;
	t->owner = e;
	t->call = ready;
	entry_turn(e);
}

/* True: there is no header to be waited for any more. False: it is, or e is gone. */
static bool header_turn(struct proxy_entry *e)
{
	struct proxy_worker *w = e->c.worker;
	uint8_t bytes[PROXY_HEADER_MAX];
	struct proxy_header h;
	size_t n = 0;
	if (!e->t->ops->peek || e->t->ops->peek(e->t, bytes, sizeof(bytes), &n)) {
		entry_free(e);
		return false;
	}
	enum parse p = n ? proxy_header_read(span_of(bytes, n), &h) : PARSE_MORE;
	if (p == PARSE_MORE)
		return false;
	if (p == PARSE_BAD || proxy_transport_read(e->t, bytes, h.len, &n) || n != h.len) {
		fail(e, PROXY_HANDSHAKE_HEADER);
		return false;
	}
	e->t->ready |= PROXY_CAN_READ; /* what follows came with it, maybe */
	e->admission.proxy_header = false;
	if (!h.source.address.family)
		return true;
	struct proxy_admission again = {0};
	e->c.peer = h.source;
	e->c.local = h.destination;
	e->c.proxied = true;
	w->face->connection(w->face_arg, &e->c, &again);
	if (again.refuse) {
		proxy_count_add(&w->counts, PROXY_COUNT_REFUSED, 1);
		entry_free(e);
		return false;
	}
	return true;
}

static void entry_turn(struct proxy_entry *e)
{
	if (e->admission.proxy_header && !header_turn(e))
		return;
	if (e->admission.tls && !e->handshake) {
		handshake_begin(e);
		return;
	}
	if (e->handshake && e->t->ready & PROXY_BROKEN) {
		fail(e, fault_of(e->t->error));
		return;
	}
	if (e->handshake && !(e->t->ready & PROXY_OPENED))
		return;
	struct proxy_transport *t = e->t;
	if (t->tls) {
		struct proxy_counts *counts = &e->c.worker->counts;
		proxy_count_add(counts, PROXY_COUNT_HANDSHAKES, 1);
		proxy_count_add(counts, PROXY_COUNT_HANDSHAKES_RESUMED, t->tls->resumed);
	}
	const struct proxy_connection c = e->c;
	const struct proxy_admission admission = e->admission;
	entry_unlink(e);
	enter(c.worker, t, &c, &admission);
}

static void ready(void *owner, unsigned events)
{
	(void)events;
	entry_turn(owner);
}

void proxy_entry_new(struct proxy_worker *w, struct proxy_transport *t,
		     const struct proxy_connection *c, const struct proxy_admission *admission)
{
	if (!admission->proxy_header && !admission->tls) {
		enter(w, t, c, admission);
		return;
	}
	struct proxy_entry *e = slab_take(&w->entry_slab);
	if (!e) {
		if (w->face->disconnected)
			w->face->disconnected(w->face_arg, (struct proxy_connection *)(uintptr_t)c);
		proxy_transport_close(t, true);
		return;
	}
	e->deadline.call = late;
	e->t = t;
	e->c = *c;
	e->admission = *admission;
	if (e->admission.tls) /* a reload may come before the handshake */
		e->admission.tls = tls_server_ref(e->admission.tls);
	e->next = w->entries;
	if (e->next)
		e->next->previous = e;
	w->entries = e;
	t->owner = e;
	t->call = ready;
	proxy_count_add(&w->counts, PROXY_COUNT_OPEN, 1);
	proxy_deadline_set(&w->wheel, &e->deadline, w->now_ms, admission->handshake_ms);
	entry_turn(e);
}

void proxy_entry_end_all(struct proxy_worker *w)
{
	while (w->entries)
		entry_free(w->entries);
}
