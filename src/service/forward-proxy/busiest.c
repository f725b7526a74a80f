#include "service/forward-proxy/busiest.h"

#include <stdlib.h>
#include <string.h>

static bool is_of(const void *record, const void *key, size_t key_len)
{
	const struct busiest_row *r = record;
	return span_equal(span_of(r->text, r->len), span_of(key, key_len));
}

void busiest_init(struct busiest *b, struct hash_key key)
{
	b->n = b->next = 0;
	b->least = 0;
	table_init(&b->table, key, BUSIEST_MAX, is_of);
}

void busiest_done(struct busiest *b)
{
	table_done(&b->table);
	b->n = 0;
}

static struct busiest_row *least_of(struct busiest *b)
{
	/* Numbers grow: it is never less again, and who has more stays so. */
	while (b->next < b->n && b->rows[b->next].requests > b->least)
		b->next++;
	if (b->next < b->n)
		return &b->rows[b->next++];
	size_t at = 0;
	for (size_t i = 1; i < b->n; i++)
		if (b->rows[i].requests < b->rows[at].requests)
			at = i;
	b->least = b->rows[at].requests;
	b->next = at + 1;
	return &b->rows[at];
}

static struct busiest_row *place(struct busiest *b)
{
	if (b->n < BUSIEST_MAX) {
		struct busiest_row *r = &b->rows[b->n++];
		*r = (struct busiest_row){0};
		return r;
	}
	struct busiest_row *r = least_of(b);
	(void)table_remove(&b->table, table_hash(&b->table, span_of(r->text, r->len)), r->text,
			   r->len);
	r->over = r->requests;
	r->bytes = 0;
	return r;
}

void busiest_add(struct busiest *b, struct span text, uint64_t bytes)
{
	text = span_sub(text, 0, BUSIEST_TEXT_MAX);
	uint32_t hash = table_hash(&b->table, text);
	struct busiest_row *r = table_find(&b->table, hash, text.data, text.len);
	if (!r) {
		if (table_reserve(&b->table, BUSIEST_MAX))
			return;
		r = place(b);
		r->len = (uint8_t)text.len;
		memcpy(r->text, text.data, text.len);
		/* There is room. */
		err_ignore(table_insert(&b->table, hash, r->text, r->len, r));
	}
	r->requests++;
	r->bytes += bytes;
}

static int by_text(const void *a, const void *b)
{
	const struct busiest_row *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text, y->text, len);
	return order ? order : (int)x->len - (int)y->len;
}

static int by_requests(const void *a, const void *b)
{
	const struct busiest_row *x = a, *y = b;
	if (x->requests != y->requests)
		return x->requests < y->requests ? 1 : -1;
	return by_text(a, b);
}

size_t busiest_merge(struct busiest_row *rows, size_t n)
{
	size_t kept = 0;
	if (!n)
		return 0;
	qsort(rows, n, sizeof(rows[0]), by_text);
	for (size_t i = 0; i < n; i++) {
		struct busiest_row *last = kept ? &rows[kept - 1] : NULL;
		if (!last || by_text(last, &rows[i]) != 0) {
			rows[kept++] = rows[i];
			continue;
		}
		last->requests += rows[i].requests;
		last->bytes += rows[i].bytes;
		last->over += rows[i].over;
	}
	qsort(rows, kept, sizeof(rows[0]), by_requests);
	return kept;
}
