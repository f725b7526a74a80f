#include "proxy/io_splice.h"

#include "os/splice.h"
#include "proxy/transport.h"
#include "proxy/worker.h"

#include <stdlib.h>

enum { MOVED_MAX = 1 << 20 }; /* of one body in a turn, then the others have theirs */

struct proxy_splice {
	struct splice_pipe pipe;
	struct proxy_splice *next;
};

void proxy_splices_done(struct proxy_splices *all)
{
	while (all->free) {
		struct proxy_splice *s = all->free;
		all->free = s->next;
		splice_close(&s->pipe);
		free(s);
	}
	all->free_n = 0;
}

struct proxy_splice *proxy_splice_take(struct proxy_splices *all)
{
	struct proxy_splice *s = all->free;
	if (all->out_n == PROXY_SPLICES_MAX)
		return NULL;
	if (s) {
		all->free = s->next;
		all->free_n--;
	} else {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		if (splice_open(&s->pipe) != OK) {
			free(s);
			return NULL;
		}
	}
	all->out_n++;
	return s;
}

void proxy_splice_give(struct proxy_splices *all, struct proxy_splice *s)
{
	if (!s)
		return;
	all->out_n--;
	if (s->pipe.held || all->free_n == PROXY_SPLICES_KEPT) {
		splice_close(&s->pipe);
		free(s);
		return;
	}
	s->next = all->free;
	all->free = s;
	all->free_n++;
}

/* Into the pipe. False: there is nothing more for now. */
static enum err fill(struct proxy_splice *s, struct proxy_transport *from, uint64_t left,
		     struct proxy_spliced *ret)
{
	size_t n = 0, most = left < SIZE_MAX ? (size_t)left : SIZE_MAX;
	if (!(from->ready & PROXY_CAN_READ) || !most)
		return OK;
	ASSERT(!from->holds);
	TRY(splice_in(&s->pipe, from->fd, most, &n));
	/* With bytes in it the pipe may be what is full. */
	if (!n && !s->pipe.held)
		from->ready &= (uint8_t)~PROXY_CAN_READ;
	ret->got += n;
	return OK;
}

enum err proxy_splice_move(struct proxy_splice *s, struct proxy_transport *from,
			   struct proxy_transport *to, uint64_t left, struct proxy_spliced *ret)
{
	*ret = (struct proxy_spliced){0};
	for (;;) {
		uint64_t before = ret->got;
		size_t n = 0;
		TRY(fill(s, from, left - ret->got, ret));
		ret->held = s->pipe.held;
		if (!ret->held || !(to->ready & PROXY_CAN_WRITE))
			return OK;
		if (splice_out(&s->pipe, to->fd, ret->got < left, &n)) {
			ret->gone = true;
			return OK;
		}
		ret->put += n;
		ret->held = s->pipe.held;
		if (!n)
			to->ready &= (uint8_t)~PROXY_CAN_WRITE;
		if (!n || (ret->got == before && !ret->held && !(from->ready & PROXY_CAN_READ)))
			return OK;
		if (ret->got < left && ret->got >= MOVED_MAX) {
			ret->more = true;
			return OK;
		}
	}
}

enum err proxy_splice_in(struct proxy_splice *s, struct proxy_transport *from, size_t most,
			 size_t *ret_len)
{
	*ret_len = 0;
	ASSERT(!from->holds);
	TRY(splice_in(&s->pipe, from->fd, most < MOVED_MAX ? most : MOVED_MAX, ret_len));
	if (!*ret_len && !s->pipe.held)
		from->ready &= (uint8_t)~PROXY_CAN_READ;
	return OK;
}

enum err proxy_splice_out(struct proxy_splice *s, struct proxy_transport *to, size_t *ret_len,
			  size_t *ret_held)
{
	enum err e = OK;
	size_t n = 0;
	*ret_len = 0;
	do {
		e = splice_out(&s->pipe, to->fd, false, &n);
		*ret_len += n;
	} while (!e && n && s->pipe.held);
	*ret_held = s->pipe.held;
	if (*ret_held)
		to->ready &= (uint8_t)~PROXY_CAN_WRITE;
	return e;
}
