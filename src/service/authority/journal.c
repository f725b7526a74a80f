#include "service/authority/journal.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "proto/dns/rdata.h"

#include <stdlib.h>

#define MAGIC	   "gatehouse journal 1\n"
#define MAGIC_LEN  (sizeof(MAGIC) - 1)
#define FRAME_LEN  12 /* length and checksum */
#define CHANGE_MAX (1 + DNS_NAME_MAX + 2 + 4 + 2 + DNS_RDATA_MAX)

/* --- writing --- */

void journal_batch_done(struct journal_batch *b)
{
	free(b->data);
	*b = (struct journal_batch){0};
}

static struct writer room(struct journal_batch *b, size_t len)
{
	if (!b->failed && b->cap - b->len < len) {
		size_t cap = b->cap + b->cap / 2 + len;
		uint8_t *data = realloc(b->data, cap);
		b->failed = !data;
		if (data) {
			b->data = data;
			b->cap = cap;
		}
	}
	if (b->failed)
		return writer_of(NULL, 0);
	return writer_of(b->data + b->len, b->cap - b->len);
}

void journal_put_head(struct journal_batch *b, const struct journal_head *h)
{
	struct writer w = room(b, MAGIC_LEN + JOURNAL_ID_LEN + 4 + DNS_NAME_MAX + 8);

	if (b->failed)
		return;
	write_text(&w, MAGIC);
	write_bytes(&w, h->id, sizeof(h->id));
	write_u32(&w, h->file_serial);
	write_span(&w, dns_name_span(&h->origin));
	write_u64(&w, siphash13(h->id, w.data, w.pos));
	b->len += w.pos;
}

void journal_begin(struct journal_batch *b)
{
	b->entry = b->len;
	struct writer w = room(b, FRAME_LEN + 4);
	if (!b->failed)
		b->len += FRAME_LEN + 4;
	(void)w;
}

void journal_put(struct journal_batch *b, const struct journal_change *c)
{
	struct writer w = room(b, CHANGE_MAX);

	if (b->failed)
		return;
	write_u8(&w, c->op);
	write_span(&w, dns_name_span(&c->owner));
	write_u16(&w, c->type);
	write_u32(&w, c->ttl_s);
	write_u16(&w, (uint16_t)c->rdata.len);
	write_span(&w, c->rdata);
	b->len += w.pos;
}

void journal_cancel(struct journal_batch *b)
{
	b->len = b->entry;
	b->failed = false;
}

enum err journal_end(struct journal_batch *b, const struct journal_head *h, uint32_t serial)
{
	size_t len = b->len - b->entry;
	struct writer w;

	if (b->failed || len - FRAME_LEN > JOURNAL_ENTRY_MAX) {
		enum err e = b->failed ? (enum err)ENOMEM : ERR_LIMIT;
		journal_cancel(b);
		return e;
	}
	w = writer_of(b->data + b->entry, len);
	write_u32(&w, (uint32_t)(len - FRAME_LEN));
	put_u32(b->data + b->entry + FRAME_LEN, serial);
	write_u64(&w, siphash13(h->id, b->data + b->entry + FRAME_LEN, len - FRAME_LEN));
	return OK;
}

/* --- reading --- */

enum err journal_open(struct span bytes, struct journal_reader *ret)
{
	struct journal_reader jr = {.r = reader_of_span(bytes)};

	if (!span_is(read_span(&jr.r, MAGIC_LEN), MAGIC))
		return ERR_FORMAT;
	read_bytes(&jr.r, jr.head.id, sizeof(jr.head.id));
	jr.head.file_serial = read_u32(&jr.r);
	TRY(dns_name_read_plain(&jr.r, &jr.head.origin));
	dns_name_lower(&jr.head.origin);
	size_t len = jr.r.pos;
	uint64_t sum = read_u64(&jr.r);
	if (jr.r.bad || sum != siphash13(jr.head.id, bytes.data, len))
		return ERR_FORMAT;
	jr.whole = jr.r.pos;
	*ret = jr;
	return OK;
}

bool journal_next(struct journal_reader *jr, struct journal_entry *ret)
{
	struct reader *r = &jr->r;
	uint32_t len = read_u32(r);
	uint64_t sum = read_u64(r);
	struct span body = read_span(r, len);

	if (r->bad || len < 4 || len > JOURNAL_ENTRY_MAX ||
	    sum != siphash13(jr->head.id, body.data, body.len)) {
		reader_fail(r);
		return false;
	}
	jr->whole = r->pos;
	ret->changes = reader_of_span(body);
	ret->serial = read_u32(&ret->changes);
	return true;
}

bool journal_change_next(struct journal_entry *e, struct journal_change *ret)
{
	struct reader *r = &e->changes;

	if (reader_left(r) == 0)
		return false;
	ret->op = read_u8(r);
	if (dns_name_read_plain(r, &ret->owner))
		return false;
	dns_name_lower(&ret->owner);
	ret->type = read_u16(r);
	ret->ttl_s = read_u32(r);
	ret->rdata = read_span(r, read_u16(r));
	/* Checksums find what a disk does, not what a person with an editor does. */
	if (r->bad || ret->op > JOURNAL_ADD || dns_rdata_check(ret->type, ret->rdata)) {
		reader_fail(r);
		return false;
	}
	return true;
}
