#include "service/vpn/io_uapi.h"

#include "base/writer.h"
#include "crypto/secret.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/log.h"
#include "os/tcp.h"
#include "os/unix.h"
#include "proto/wireguard/uapi.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_vpn.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CONVERSATIONS_MAX = 16, /* root's own tools */
	IDLE_MS = 30000,
	BUFFER_FIRST = 4096,
	EARLY_MAX = 512, /* octets after which a first line is there, or never will be */
};

/* Octets that may be keys: wiped when it grows and ends. */
struct buffer {
	uint8_t *data; /* owned */
	size_t len, cap, at;
};

struct conversation {
	struct vpn_uapi *of;	 /* borrowed */
	struct vpn_interface *f; /* borrowed */
	struct loop_watch watch;
	struct loop_timer idle;
	int fd; /* -1: free */
	struct buffer in, out;
};

struct door {
	struct vpn_uapi *of;
	struct vpn_interface *f;
	struct loop_watch watch;
	int fd; /* -1: none */
};

struct vpn_uapi {
	struct vpn *vpn; /* borrowed */
	struct door *doors;
	size_t doors_n;
	struct conversation conversations[CONVERSATIONS_MAX];
};

static struct loop *loop_of(const struct vpn_uapi *u)
{
	return &u->vpn->life.loop;
}

/* --- buffers --- */

static void buffer_done(struct buffer *b)
{
	if (b->data)
		crypto_wipe(b->data, b->cap);
	free(b->data);
	*b = (struct buffer){0};
}

static enum err buffer_reserve(struct buffer *b, size_t cap)
{
	if (cap <= b->cap)
		return OK;
	uint8_t *data = malloc(cap);
	if (!data)
		return ENOMEM;
	if (b->len)
		memcpy(data, b->data, b->len);
	if (b->data)
		crypto_wipe(b->data, b->cap);
	free(b->data);
	b->data = data;
	b->cap = cap;
	return OK;
}

/* --- a conversation --- */

static void talk_end(struct conversation *c)
{
	if (c->fd < 0)
		return;
	loop_timer_cancel(loop_of(c->of), &c->idle);
	loop_remove(loop_of(c->of), &c->watch);
	fd_done(&c->fd);
	buffer_done(&c->in);
	buffer_done(&c->out);
}

static void idle_over(void *arg)
{
	talk_end(arg);
}

static enum err answer(struct conversation *c, const struct uapi_request *q)
{
	bool get = q->operation == UAPI_GET;
	enum err e = get ? OK : vpn_uapi_set(c->f, q->body);

	TRY(buffer_reserve(&c->out, get ? vpn_uapi_room(c->f) : (size_t)UAPI_END_MAX));
	struct writer w = writer_of(c->out.data, c->out.cap);
	if (get)
		vpn_uapi_tell(c->f, &w);
	else
		uapi_write_end(&w, e);
	c->out.len = w.pos;
	c->out.at = 0;
	return writer_check(&w);
}

/* Whether a request may end in what came at or after from. A long one is looked through once. */
static bool may_end(const struct buffer *b, size_t from)
{
	struct span rest = span_sub(span_of(b->data, b->len), from ? from - 1 : 0, b->len);

	if (b->len < EARLY_MAX)
		return true;
	for (size_t at; (at = span_find(rest, '\n')) + 1 < rest.len;) {
		if (rest.data[at + 1] == '\n')
			return true;
		rest = span_sub(rest, at + 1, rest.len);
	}
	return false;
}

/* The request that is there whole, if one is. *ret_more: there was none. */
static enum err request_take(struct conversation *c, bool *ret_more)
{
	struct uapi_request q;
	size_t len = 0;

	*ret_more = false;
	switch (uapi_request_read(span_of(c->in.data, c->in.len), &q, &len)) {
	case PARSE_BAD: return ERR_FORMAT;
	case PARSE_MORE: *ret_more = true; return OK;
	case PARSE_DONE: break;
	}
	enum err e = answer(c, &q);
	crypto_wipe(c->in.data, len);
	memmove(c->in.data, c->in.data + len, c->in.len - len);
	c->in.len -= len;
	return e;
}

static enum err talk_read(struct conversation *c, bool *ret_more)
{
	size_t len = 0, from = c->in.len;

	if (c->in.len == c->in.cap) {
		size_t cap = c->in.cap ? 2 * c->in.cap : (size_t)BUFFER_FIRST;
		if (cap > VPN_UAPI_REQUEST_MAX)
			return ERR_LIMIT;
		TRY(buffer_reserve(&c->in, cap));
	}
	TRY(tcp_read(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, &len));
	c->in.len += len;
	*ret_more = true;
	return len && may_end(&c->in, from) ? request_take(c, ret_more) : OK;
}

static enum err talk_write(struct conversation *c)
{
	size_t len = 0;

	TRY(tcp_write(c->fd, span_of(c->out.data + c->out.at, c->out.len - c->out.at), &len));
	c->out.at += len;
	if (c->out.at == c->out.len)
		buffer_done(&c->out);
	return OK;
}

/* One request at a time: the next is looked at when the answer has left. */
static enum err talk(struct conversation *c)
{
	bool more = false;

	if (c->out.len)
		TRY(talk_write(c));
	else
		TRY(talk_read(c, &more));
	while (!c->out.len && !more)
		TRY(request_take(c, &more));
	loop_timer_set_after(loop_of(c->of), &c->idle, IDLE_MS);
	return loop_modify(loop_of(c->of), &c->watch, c->out.len ? LOOP_WRITE : LOOP_READ);
}

static void talk_ready(void *arg, uint32_t events)
{
	struct conversation *c = arg;
	(void)events;

	if (talk(c))
		talk_end(c);
}

/* --- doors --- */

static struct conversation *free_one(struct vpn_uapi *u)
{
	for (size_t i = 0; i < CONVERSATIONS_MAX; i++)
		if (u->conversations[i].fd < 0)
			return &u->conversations[i];
	return NULL;
}

/* Who finds no place is turned away. */
static void door_ready(void *arg, uint32_t events)
{
	struct door *d = arg;
	struct conversation *c = free_one(d->of);
	int fd = -1;
	(void)events;

	if (unix_accept(d->fd, &fd))
		return;
	if (!c) {
		fd_done(&fd);
		return;
	}
	c->of = d->of;
	c->f = d->f;
	c->fd = fd;
	loop_timer_init(&c->idle, idle_over, c);
	loop_timer_set_after(loop_of(d->of), &c->idle, IDLE_MS);
	if (loop_add(loop_of(d->of), &c->watch, fd, LOOP_READ, talk_ready, c))
		talk_end(c);
}

static bool is_off(const struct vpn_conf *conf)
{
	return strcmp(conf->wg_sockets, "off") == 0;
}

static void names(const struct vpn_conf *conf, const char *device, char name[PLAN_NAME_MAX],
		  char path[PLAN_PATH_MAX])
{
	(void)snprintf(name, PLAN_NAME_MAX, "wg-%s", device);
	(void)snprintf(path, PLAN_PATH_MAX, "%s/%s.sock", conf->wg_sockets, device);
}

enum err vpn_uapi_plan(const struct vpn_conf *conf, struct plan *p)
{
	char name[PLAN_NAME_MAX], path[PLAN_PATH_MAX];

	for (size_t i = 0; !is_off(conf) && i < conf->interfaces.n; i++) {
		names(conf, vpn_conf_interface(conf, i)->name, name, path);
		TRY(plan_add_unix_optional(p, "vpn", name, path));
	}
	return OK;
}

static void door_open(struct vpn_uapi *u, struct door *d)
{
	const struct vpn_conf *conf = vpn_conf_of(u->vpn);
	char name[PLAN_NAME_MAX], path[PLAN_PATH_MAX];

	names(conf, d->f->name, name, path);
	struct activation_fd *passed = activation_find(&u->vpn->life.activation, name, 0);
	if (passed) {
		d->fd = fd_take(&passed->fd);
		return;
	}
	if (u->vpn->life.start->user) /* the supervisor could not, and has said so */
		return;
	enum err e = dir_ensure(conf->wg_sockets, 0755);
	if (!e)
		e = unix_listen(path, 0660, &d->fd);
	if (e)
		log_warning("no socket for `wg`; it does without",
			    LOG_TEXT("interface", d->f->name), LOG_TEXT("path", path), LOG_ERR(e));
}

enum err vpn_uapi_open(struct vpn *v, struct vpn_uapi **ret)
{
	struct vpn_uapi *u = calloc(1, sizeof(*u));

	if (!u)
		return ENOMEM;
	u->vpn = v;
	u->doors = calloc(v->interfaces_n, sizeof(*u->doors));
	if (!u->doors) {
		free(u);
		return ENOMEM;
	}
	for (size_t i = 0; i < CONVERSATIONS_MAX; i++)
		u->conversations[i].fd = -1;
	for (size_t i = 0; i < v->interfaces_n; i++) {
		u->doors[i] = (struct door){.of = u, .f = &v->interfaces[i], .fd = -1};
		u->doors_n++;
		if (!is_off(vpn_conf_of(v)))
			door_open(u, &u->doors[i]);
	}
	*ret = u;
	return OK;
}

enum err vpn_uapi_start(struct vpn_uapi *u)
{
	for (size_t i = 0; i < u->doors_n; i++) {
		struct door *d = &u->doors[i];
		if (d->fd >= 0)
			TRY(loop_add(loop_of(u), &d->watch, d->fd, LOOP_READ, door_ready, d));
	}
	return OK;
}

void vpn_uapi_free(struct vpn_uapi *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < CONVERSATIONS_MAX; i++)
		talk_end(&u->conversations[i]);
	for (size_t i = 0; i < u->doors_n; i++) {
		struct door *d = &u->doors[i];
		loop_remove(loop_of(u), &d->watch);
		fd_done(&d->fd);
	}
	free(u->doors);
	free(u);
}
