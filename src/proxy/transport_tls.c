#include "proxy/transport_tls.h"

#include "crypto/secret.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIELD_MAX = 8192, /* of a certificate as text: a request's head has room for no more */
	/* A client can read a record when all of it has come: the first ones of a connection fit
	 * into its first flights (RFC 6928: ten packets), each with the next behind it. */
	SMALL_RECORD = 4096,
	SMALL_BYTES = 4 * SMALL_RECORD,
};

/* Of a client that showed a certificate, or wrote a name in capitals: most have none. */
struct tls_texts {
	char subject[TLS_TEXT_MAX], issuer[TLS_TEXT_MAX], serial[65], fingerprint[65];
	char server_name[TLS_TEXT_MAX];
	char *field; /* owned; NULL: no certificate */
};

struct proxy_tls {
	struct proxy_transport t; /* first */
	struct proxy_tlss *all;
	struct proxy_transport *lower; /* owned */
	struct tls_stream *stream;     /* owned */
	struct tls_texts *texts;       /* owned; NULL: none were needed */
	struct proxy_tls_facts facts;
	struct proxy_tls_question question;
	bool judging; /* the question is put, and not answered yet */
	/* The record that the library has begun and not sent, as it must be offered again; a copy,
	 * owned: were it not encrypted yet, no other connection's bytes may go in its place. */
	uint8_t *kept_bytes;
	size_t kept;	/* how many of them */
	size_t credit;	/* bytes that went in such a record, and will be offered again */
	size_t small;	/* bytes that are still to go in small records */
	enum err gone;	/* of the wire: it takes nothing any more */
	bool finishing; /* close_notify waits for room */
	bool finished;
};

static struct proxy_tls *of(struct proxy_transport *t)
{
	return (struct proxy_tls *)t;
}

/* --- the wire --- */

static enum err wire_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	const struct proxy_tls *s = arg;
	*ret_len = 0;
	if (!(s->lower->ready & (PROXY_CAN_READ | PROXY_BROKEN)))
		return OK;
	return proxy_transport_read(s->lower, buf, size, ret_len);
}

static enum err wire_send(void *arg, struct span bytes, size_t *ret_len)
{
	struct proxy_tls *s = arg;
	bool unheard = s->finished || s->gone; /* nobody may hear it any more */
	*ret_len = unheard ? bytes.len : 0;
	if (unheard || !(s->lower->ready & PROXY_CAN_WRITE))
		return OK;
	s->lower->more = tls_sends_ticket(s->stream); /* the answer will take it along */
	enum err e = proxy_transport_write(s->lower, &bytes, 1, ret_len);
	s->lower->more = false;
	if (!e || !(s->t.ready & PROXY_OPENED))
		return e;
	/* What the other side said before it went is still to be read: why, maybe. */
	s->gone = e;
	s->t.ready |= PROXY_CAN_READ;
	*ret_len = bytes.len;
	return OK;
}

/* --- the handshake --- */

static struct tls_texts *texts_of(struct proxy_tls *s)
{
	if (!s->texts)
		s->texts = calloc(1, sizeof(*s->texts));
	return s->texts;
}

static struct span text_cut(char *buf, size_t size, const char *text)
{
	int n = snprintf(buf, size, "%s", text);
	return span_of(buf, n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1);
}

static struct span lower_case(struct proxy_tls *s, struct span name)
{
	bool capitals = false;
	for (size_t i = 0; i < name.len; i++)
		capitals |= name.data[i] >= 'A' && name.data[i] <= 'Z';
	if (!capitals)
		return name;
	struct tls_texts *x = texts_of(s);
	if (!x || name.len >= sizeof(x->server_name))
		return (struct span){0};
	for (size_t i = 0; i < name.len; i++)
		x->server_name[i] =
			(char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] | 0x20
									  : name.data[i]);
	return span_of(x->server_name, name.len);
}

/* Once for a connection: its requests all carry the same. */
static enum err learn_field(struct proxy_tls *s, struct tls_texts *x)
{
	x->field = malloc(FIELD_MAX);
	if (!x->field)
		return ENOMEM;
	size_t len = tls_certificate_base64(s->stream, x->field + 1, FIELD_MAX - 2);
	if (!len)
		return OK;
	x->field[0] = x->field[len + 1] = ':';
	s->facts.client_field = span_of(x->field, len + 2);
	return OK;
}

static enum err learn(struct proxy_tls *s)
{
	struct tls_facts f;
	const char *name = tls_server_name(s->stream);
	tls_facts(s->stream, &f);
	s->facts = (struct proxy_tls_facts){
		.alpn = tls_protocol(s->stream),
		.server_name = name ? lower_case(s, span_text(name)) : (struct span){0},
		.version = span_text(f.version),
		.cipher = span_text(f.cipher),
		.resumed = f.resumed,
		.peer_from_s = f.peer.from_s,
		.peer_until_s = f.peer.until_s,
		.asks_certificate = tls_asks_certificate(s->stream),
	};
	s->t.tls = &s->facts;
	if (!f.peer.present)
		return OK;
	struct tls_texts *x = texts_of(s);
	if (!x)
		return ENOMEM;
	for (size_t i = 0; i < sizeof(f.peer.fingerprint); i++)
		(void)snprintf(x->fingerprint + 2 * i, 3, "%02x", f.peer.fingerprint[i]);
	s->facts.client_fingerprint = span_text(x->fingerprint);
	s->facts.client_subject = text_cut(x->subject, sizeof(x->subject), f.peer.subject);
	s->facts.client_issuer = text_cut(x->issuer, sizeof(x->issuer), f.peer.issuer);
	s->facts.client_serial = text_cut(x->serial, sizeof(x->serial), f.peer.serial);
	return learn_field(s, x);
}

static unsigned broken(struct proxy_tls *s, enum err why)
{
	s->t.error = why;
	s->t.ready |= PROXY_BROKEN | PROXY_CAN_READ;
	return PROXY_BROKEN | PROXY_CAN_READ;
}

static unsigned said(struct proxy_tls *s, const char *fault)
{
	if (fault) {
		s->t.fault = fault;
		return broken(s, ERR_REFUSED);
	}
	s->t.ready |= PROXY_OPENED | PROXY_CAN_READ | PROXY_CAN_WRITE;
	return PROXY_OPENED | PROXY_CAN_READ | PROXY_CAN_WRITE;
}

/* The handshake is over. */
static unsigned judge(struct proxy_tls *s)
{
	const struct proxy_tls_judge *j = s->all->judge;
	const char *fault = NULL;
	if (!j || !tls_wants_status(s->stream))
		return said(s, NULL);
	switch (j->judge(j->arg, &s->question, s->stream, &fault)) {
	case PROXY_TLS_WAIT: s->judging = true; return 0;
	case PROXY_TLS_BAD: return said(s, fault);
	case PROXY_TLS_GOOD: break;
	}
	return said(s, NULL);
}

static void stop_judging(struct proxy_tls *s)
{
	if (s->judging)
		s->all->judge->leave(s->all->judge->arg, &s->question);
	s->judging = false;
}

/* The marks that are new. */
static unsigned shake(struct proxy_tls *s)
{
	if (s->judging) { /* a server that goes meanwhile is of no use, whatever it is */
		if (!(s->lower->ready & PROXY_BROKEN))
			return 0;
		stop_judging(s);
		return broken(s, s->lower->error);
	}
	if (!(s->lower->ready & PROXY_OPENED))
		return s->lower->ready & PROXY_BROKEN ? broken(s, s->lower->error) : 0;
	enum err e = tls_handshake(s->stream);
	if (!e && !tls_is_open(s->stream))
		return 0;
	if (!e)
		e = learn(s);
	if (!e && tls_is_acme(s->stream)) {
		tls_finish(s->stream);
		e = ERR_CLOSED; /* the name is proved, which was all */
	}
	if (e) {
		s->t.fault = tls_fault(s->stream);
		s->facts.asks_certificate = tls_asks_certificate(s->stream);
		if (s->facts.asks_certificate)
			s->t.tls = &s->facts;
		return broken(s, e);
	}
	return judge(s);
}

void proxy_tls_judged(struct proxy_tls_question *q, const char *fault)
{
	struct proxy_tls *s =
		(struct proxy_tls *)(void *)((char *)q - offsetof(struct proxy_tls, question));
	ASSERT(s->judging);
	s->judging = false;
	unsigned marks = said(s, fault);
	if (s->t.call)
		s->t.call(s->t.owner, marks);
}

/* --- bytes --- */

static enum err tls_transport_read(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	struct proxy_tls *s = of(t);
	size_t n = 0;
	enum err e = tls_read(s->stream, buf, size, &n);
	/* An end of the wire without close_notify may be an attacker's: what ends by the
	 * connection's end would be cut (RFC 8446 6.1). */
	if (e == ERR_CLOSED && *tls_fault(s->stream))
		e = (enum err)ECONNRESET;
	if (e) {
		t->fault = tls_fault(s->stream);
		return e;
	}
	if (n == 0 || (!(s->lower->ready & PROXY_CAN_READ) && !tls_has_more(s->stream)))
		t->ready &= (uint8_t)~PROXY_CAN_READ;
	*ret_len = n;
	return OK;
}

/* The next record: of the first part alone when that fills it, else gathered. */
static struct span gather(struct proxy_tls *s, const struct span *parts, size_t parts_n,
			  size_t skip)
{
	size_t len = 0, most = s->small ? SMALL_RECORD : TLS_RECORD_MAX;
	while (parts_n && skip >= parts->len) {
		skip -= parts->len;
		parts++, parts_n--;
	}
	if (parts_n == 0)
		return (struct span){0};
	struct span first = span_sub(*parts, skip, parts->len);
	if (parts_n == 1 || first.len >= most)
		return span_sub(first, 0, first.len < most ? first.len : most);
	for (struct span part = first;;) {
		size_t room = most - len;
		size_t n = part.len < room ? part.len : room;
		if (n)
			memcpy(s->all->record + len, part.data, n);
		len += n;
		if (--parts_n == 0 || len == most)
			return span_of(s->all->record, len);
		part = *++parts;
	}
}

static enum err keep(struct proxy_tls *s, struct span rest)
{
	s->kept_bytes = malloc(rest.len);
	if (!s->kept_bytes)
		return ENOMEM;
	memcpy(s->kept_bytes, rest.data, rest.len);
	s->kept = rest.len;
	return OK;
}

static void forget(struct proxy_tls *s)
{
	if (s->kept_bytes)
		crypto_wipe(s->kept_bytes, s->kept);
	free(s->kept_bytes);
	s->kept_bytes = NULL;
	s->kept = 0;
}

/* The record that the library keeps goes first. */
static enum err kept_send(struct proxy_tls *s)
{
	size_t n = 0;
	if (!s->kept)
		return OK;
	TRY(tls_write_some(s->stream, span_of(s->kept_bytes, s->kept), &n));
	s->credit += n;
	if (n == s->kept) {
		forget(s);
	} else if (n) {
		memmove(s->kept_bytes, s->kept_bytes + n, s->kept - n);
		s->kept -= n;
	}
	return OK;
}

static enum err records_send(struct proxy_tls *s, const struct span *parts, size_t parts_n,
			     size_t *done)
{
	size_t n = 0;
	while (!s->kept) {
		struct span record = gather(s, parts, parts_n, *done);
		if (record.len == 0)
			return OK;
		TRY(tls_write_some(s->stream, record, &n));
		*done += n;
		s->small -= n < s->small ? n : s->small;
		if (n < record.len)
			return keep(s, span_sub(record, n, record.len));
	}
	return OK;
}

static enum err tls_transport_write(struct proxy_transport *t, const struct span *parts,
				    size_t parts_n, size_t *ret_len)
{
	struct proxy_tls *s = of(t);
	size_t size = 0;
	for (size_t i = 0; i < parts_n; i++)
		size += parts[i].len;
	enum err e = s->gone ? s->gone : kept_send(s);
	size_t done = s->credit < size ? s->credit : size;
	if (!e && !s->kept)
		e = records_send(s, parts, parts_n, &done);
	if (!e)
		e = s->gone;
	if (e)
		return e == ERR_REFUSED ? ERR_CLOSED : e;
	s->credit -= s->credit < done ? s->credit : done;
	if (s->kept)
		t->ready &= (uint8_t)~PROXY_CAN_WRITE;
	*ret_len = done;
	return OK;
}

static void finish_turn(struct proxy_tls *s)
{
	tls_finish(s->stream);
	if (tls_wants_room(s->stream) && !(s->lower->ready & (PROXY_CAN_WRITE | PROXY_BROKEN)))
		return;
	s->finishing = false;
	s->finished = true;
	proxy_transport_finish(s->lower);
}

static void tls_transport_finish(struct proxy_transport *t)
{
	of(t)->finishing = true;
	finish_turn(of(t));
}

static bool tls_transport_delivered(const struct proxy_transport *t)
{
	const struct proxy_tls *s = (const struct proxy_tls *)t;
	return proxy_transport_delivered(s->lower);
}

static bool tls_transport_alive(const struct proxy_transport *t)
{
	const struct proxy_tls *s = (const struct proxy_tls *)t;
	return !(t->ready & PROXY_BROKEN) && !tls_has_more(s->stream) &&
	       (!s->lower->ops->alive || s->lower->ops->alive(s->lower));
}

static void tls_transport_peer(const struct proxy_transport *t, struct ip_endpoint *ret)
{
	const struct proxy_tls *s = (const struct proxy_tls *)t;
	if (s->lower->ops->peer)
		s->lower->ops->peer(s->lower, ret);
	else
		*ret = (struct ip_endpoint){0};
}

static void tls_transport_close(struct proxy_transport *t, bool abort)
{
	struct proxy_tls *s = of(t);
	stop_judging(s);
	/* A reset would overtake the alert that says why the handshake failed. */
	bool alert = t->error && t->error != s->lower->error && !(t->ready & PROXY_OPENED);
	if (alert && !(s->lower->ready & PROXY_BROKEN))
		proxy_transport_finish(s->lower);
	proxy_transport_close(s->lower, abort && !alert);
	tls_stream_free(s->stream);
	forget(s);
	if (s->texts)
		free(s->texts->field);
	free(s->texts);
	slab_give(&s->all->streams, s);
}

static const struct proxy_transport_ops tls_ops = {
	.read = tls_transport_read,
	.write = tls_transport_write,
	.finish = tls_transport_finish,
	.alive = tls_transport_alive,
	.delivered = tls_transport_delivered,
	.peer = tls_transport_peer,
	.close = tls_transport_close,
};

/* --- the lower transport tells --- */

static void ready(void *owner, unsigned events)
{
	struct proxy_tls *s = owner;
	unsigned marks = 0;
	if (s->finishing && events & (PROXY_CAN_WRITE | PROXY_BROKEN))
		finish_turn(s);
	if (s->t.ready & PROXY_OPENED) {
		marks = events & (PROXY_CAN_READ | PROXY_CAN_WRITE | PROXY_BROKEN);
		if (events & PROXY_BROKEN)
			s->t.error = s->lower->error;
		s->t.ready |= (uint8_t)marks;
	} else if (!(s->t.ready & PROXY_BROKEN)) {
		marks = shake(s);
	}
	if (marks && s->t.call)
		s->t.call(s->t.owner, marks);
}

void proxy_tlss_init(struct proxy_tlss *all, size_t max)
{
	slab_init(&all->streams, sizeof(struct proxy_tls), max);
}

void proxy_tlss_done(struct proxy_tlss *all)
{
	slab_done(&all->streams);
}

static enum err make(struct proxy_tlss *all, struct proxy_transport *lower,
		     struct tls_server *server, struct tls_peer *peer, struct proxy_transport **ret)
{
	struct proxy_tls *s = slab_take(&all->streams);
	enum err e = s ? OK : ERR_LIMIT;
	const struct tls_wire wire = {wire_receive, wire_send, s};
	if (!e)
		e = server ? tls_stream_accept(server, &wire, &s->stream)
			   : tls_stream_connect(peer, &wire, &s->stream);
	if (e) {
		proxy_transport_close(lower, true);
		if (s)
			slab_give(&all->streams, s);
		return e;
	}
	s->t.ops = &tls_ops;
	s->t.fd = -1;
	s->small = server ? SMALL_BYTES : 0;
	s->all = all;
	s->lower = lower;
	lower->owner = s;
	lower->call = ready;
	(void)shake(s);
	*ret = &s->t;
	return OK;
}

enum err proxy_tls_accept(struct proxy_tlss *all, struct proxy_transport *lower,
			  struct tls_server *server, struct proxy_transport **ret)
{
	return make(all, lower, server, NULL, ret);
}

enum err proxy_tls_connect(struct proxy_tlss *all, struct proxy_transport *lower,
			   struct tls_peer *peer, struct proxy_transport **ret)
{
	return make(all, lower, NULL, peer, ret);
}
