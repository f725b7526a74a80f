#include "proxy/access-log/io_access.h"

#include "base/spsc_queue.h"
#include "os/log.h"

#include <stdio.h>
#include <stdlib.h>

static const char file_name[] = "access.log";

static void flush_due(void *arg)
{
	access_out_flush(arg);
}

enum err access_out_init(struct access_out *o, struct loop *loop, struct loop *main)
{
	*o = (struct access_out){.loop = loop, .main = main};
	loop_timer_init(&o->flush, flush_due, o);
	TRY(spsc_queue_new(sizeof(struct access_piece *), ACCESS_PIECES, &o->full));
	return spsc_queue_new(sizeof(struct access_piece *), ACCESS_PIECES, &o->empty);
}

static void free_all(struct spsc_queue *q)
{
	struct access_piece *piece;
	while (q && spsc_queue_take(q, &piece))
		free(piece);
	spsc_queue_free(q);
}

void access_out_done(struct access_out *o)
{
	free_all(TAKE(o->full));
	free_all(TAKE(o->empty));
	free(TAKE(o->piece));
}

/* Pieces are made as they are needed and then kept. */
static struct access_piece *take_piece(struct access_out *o)
{
	struct access_piece *piece = NULL;
	if (spsc_queue_take(o->empty, &piece))
		return piece;
	if (o->made == ACCESS_PIECES)
		return NULL;
	piece = malloc(sizeof(*piece));
	if (!piece)
		return NULL;
	o->made++;
	piece->len = 0;
	piece->lines = 0;
	return piece;
}

bool access_out_begin(struct access_out *o, size_t max, struct writer *ret)
{
	ASSERT(max <= ACCESS_PIECE_SIZE);
	if (o->piece && ACCESS_PIECE_SIZE - o->piece->len < max)
		access_out_flush(o);
	if (!o->piece)
		o->piece = take_piece(o);
	if (!o->piece) {
		atomic_fetch_add_explicit(&o->lost, 1, memory_order_relaxed);
		return false;
	}
	*ret = writer_of(o->piece->data + o->piece->len, max);
	return true;
}

void access_out_end(struct access_out *o, const struct writer *w)
{
	if (w->bad) {
		atomic_fetch_add_explicit(&o->lost, 1, memory_order_relaxed);
		return;
	}
	if (o->piece->len == 0)
		loop_timer_set_after(o->loop, &o->flush, ACCESS_DELAY_MS);
	o->piece->len += w->pos;
	o->piece->lines++;
}

void access_out_flush(struct access_out *o)
{
	loop_timer_cancel(o->loop, &o->flush);
	if (!o->piece || o->piece->len == 0)
		return;
	/* There are no more pieces than the queue has places. */
	enum err e = spsc_queue_put(o->full, &o->piece);
	ASSERT(!e);
	o->piece = NULL;
	loop_wake(o->main);
}

void access_log_init(struct access_log *l, struct access_out *outs, size_t outs_n,
		     const char *folder)
{
	*l = (struct access_log){.outs = outs, .outs_n = outs_n, .file = ROTATE_FILE_CLOSED};
	if (folder && !span_to_cstr(span_text(folder), l->folder, sizeof(l->folder)))
		log_error("the state folder's name is too long for a log");
}

void access_log_open(struct access_log *l, bool on, uint64_t size_max, unsigned files)
{
	char path[ROTATE_PATH_MAX];
	rotate_close(&l->file);
	l->error = OK;
	if (!on)
		return;
	if (!l->folder[0]) {
		l->error = ERR_ABSENT;
		log_error("the access log has no folder: that is made at the start, and "
			  "`access-log` takes effect after a restart");
		return;
	}
	int n = snprintf(path, sizeof(path), "%s/%s", l->folder, file_name);
	l->error = n < 0 || (size_t)n >= sizeof(path)
			   ? (enum err)ENAMETOOLONG
			   : rotate_open(path, size_max, files, &l->file);
	if (l->error)
		log_error("the access log cannot be opened", LOG_TEXT("path", path),
			  LOG_ERR(l->error));
}

static void write_piece(struct access_log *l, const struct access_piece *piece)
{
	if (l->file.fd < 0 && l->error == OK)
		return; /* turned off while these lines were on their way */
	enum err e = l->file.fd < 0 ? l->error
				    : rotate_write(&l->file, span_of(piece->data, piece->len));
	if (e)
		l->lost += piece->lines;
	else
		l->lines += piece->lines;
	if (e && e != l->error)
		log_error("the access log cannot be written", LOG_ERR(e));
	l->error = e;
}

void access_log_turn(struct access_log *l)
{
	struct access_piece *piece;
	for (size_t i = 0; i < l->outs_n; i++) {
		struct access_out *o = &l->outs[i];
		while (o->full && spsc_queue_take(o->full, &piece)) {
			write_piece(l, piece);
			piece->len = 0;
			piece->lines = 0;
			enum err e = spsc_queue_put(o->empty, &piece);
			ASSERT(!e);
		}
	}
}

void access_log_done(struct access_log *l)
{
	if (!l->outs)
		return;
	access_log_turn(l);
	rotate_close(&l->file);
}

uint64_t access_log_lost(const struct access_log *l)
{
	uint64_t n = l->lost;
	for (size_t i = 0; i < l->outs_n; i++)
		n += atomic_load_explicit(&l->outs[i].lost, memory_order_relaxed);
	return n;
}
