#include "service/forward-proxy/io_quotas.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "service/forward-proxy/access/quota_file.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MODE = 0600, FILE_MAX = 64 << 20 };

enum err forward_quotas_init(struct forward_quotas *q, size_t rows_max)
{
	*q = (struct forward_quotas){.table = NULL};
	return quota_table_new(rows_max, &q->table);
}

void forward_quotas_done(struct forward_quotas *q)
{
	quota_table_free(q->table);
	free(q->path);
	*q = (struct forward_quotas){.table = NULL};
}

/* ---- the file ---- */

static uint64_t sum_of(struct span text)
{
	return siphash13_of((struct hash_key){0, 0}, text.data, text.len);
}

/* Nothing is written that is there already. */
static enum err save(struct forward_quotas *q)
{
	/* Some clients may come meanwhile. */
	size_t size = QUOTA_FILE_HEAD_MAX + (quota_rows(q->table) + 16) * QUOTA_FILE_LINE_MAX;
	uint8_t *room = malloc(size);
	if (!room)
		return (enum err)ENOMEM;
	struct writer w = writer_of(room, size);
	quota_file_write(q->table, &w);
	uint64_t sum = sum_of(writer_span(&w));
	enum err e = writer_check(&w);
	if (!e && sum != q->saved) {
		e = file_write_atomic(q->path, writer_span(&w), FILE_MODE);
		if (!e) {
			q->saved = sum;
			q->saves++;
		}
	}
	free(room);
	return e;
}

void forward_quotas_save(struct forward_quotas *q)
{
	enum err e = q->path ? save(q) : OK;
	if (e && q->failures++ == 0)
		log_warning("what clients have used of their quotas cannot be kept", LOG_ERR(e),
			    LOG_TEXT("file", q->path));
}

/* The damaged one stays beside it, for who wants to look. */
static void put_aside(const char *path)
{
	char aside[4096];
	int n = snprintf(aside, sizeof(aside), "%s.damaged", path);
	if (n > 0 && (size_t)n < sizeof(aside))
		(void)rename(path, aside);
}

static void restore(struct forward_quotas *q)
{
	char *text = NULL;
	size_t len = 0, line = 0;
	enum err e = file_read(q->path, FILE_MAX, &text, &len);
	if (e == (enum err)ENOENT)
		return;
	if (!e)
		e = quota_file_read(q->table, span_of(text, len), &line);
	if (!e)
		q->saved = sum_of(span_of(text, len));
	free(text);
	if (e == ERR_LIMIT) {
		log_warning("there is no room for what some clients have used of their quotas: "
			    "they begin anew",
			    LOG_TEXT("file", q->path));
	} else if (e == ERR_FORMAT) {
		log_warning("the file of what clients have used of their quotas is damaged: all "
			    "begin anew",
			    LOG_TEXT("file", q->path), LOG_U64("line", line));
		put_aside(q->path);
	} else if (e) {
		log_warning("what clients have used of their quotas cannot be read: all begin anew",
			    LOG_ERR(e), LOG_TEXT("file", q->path));
	}
}

enum err forward_quotas_open(struct forward_quotas *q, const char *folder, const struct quotas *all)
{
	if (folder) {
		if (asprintf(&q->path, "%s/quotas", folder) < 0) {
			q->path = NULL;
			return (enum err)ENOMEM;
		}
		restore(q);
		quota_turn(q->table, all, clock_wall_s());
	}
	return OK;
}

/* ---- time ---- */

/* Few seconds are the last ones of a period; and each minute places are freed that are not needed.
 */
static bool is_due(const struct forward_quotas *q, const struct quotas *all, uint64_t now_s)
{
	enum { AGAIN_S = 60 };
	return all->items != q->turned_by || now_s < q->turned_s || now_s >= q->next_s ||
	       now_s >= q->turned_s + AGAIN_S;
}

static void turn(struct forward_quotas *q, const struct quotas *all, uint64_t now_s)
{
	if (!is_due(q, all, now_s))
		return;
	quota_turn(q->table, all, now_s);
	q->turned_s = now_s;
	q->turned_by = all->items;
	q->next_s = UINT64_MAX;
	for (size_t i = 0; i < all->n; i++) {
		uint64_t ends_s = period_of(&all->items[i].period, all->zone, now_s).ends_s;
		q->next_s = ends_s < q->next_s ? ends_s : q->next_s;
	}
}

void forward_quotas_second(struct forward_quotas *q, const struct quotas *all, uint64_t now_ms)
{
	turn(q, all, clock_wall_s());
	if (now_ms < q->saved_ms + FORWARD_QUOTAS_SAVE_MS)
		return;
	q->saved_ms = now_ms;
	forward_quotas_save(q);
}
