#include "store/batch.h"

#include "base/reader.h"
#include "store/store.h"

/* In network byte order:
 *
 *	u16 n, n times u32: where the entry begins, from the first byte of the batch
 *	each: u8 table, u8 flags, u8 key length, u16 value length, u64 was, u64 stamp, key, value
 */
enum { FLAG_REMOVE = 1, POSITION_LEN = 4 };

void batch_write(struct writer *w, const struct batch_entry *entries, size_t entries_len)
{
	ASSERT(entries_len > 0 && entries_len <= BATCH_ENTRIES_MAX);
	size_t begin = w->pos;
	write_u16(w, (uint16_t)entries_len);
	uint8_t *positions = write_room(w, entries_len * POSITION_LEN);
	for (size_t i = 0; i < entries_len; i++) {
		const struct batch_entry *e = &entries[i];
		if (positions)
			put_u32(positions + i * POSITION_LEN, (uint32_t)(w->pos - begin));
		write_u8(w, e->table);
		write_u8(w, e->remove ? FLAG_REMOVE : 0);
		write_u8(w, (uint8_t)e->key.len);
		write_u16(w, (uint16_t)e->value.len);
		write_u64(w, e->was);
		write_u64(w, e->stamp);
		write_span(w, e->key);
		write_span(w, e->value);
	}
}

enum err batch_len(struct span batch, size_t *ret)
{
	struct reader r = reader_of_span(batch);
	size_t n = read_u16(&r);
	reader_skip(&r, n * POSITION_LEN);
	TRY(reader_check(&r));
	if (n == 0 || n > BATCH_ENTRIES_MAX)
		return ERR_FORMAT;
	*ret = n;
	return OK;
}

enum err batch_place(struct span head, size_t size, size_t i, struct batch_place *ret)
{
	size_t n;
	TRY(batch_len(head, &n));
	if (i >= n)
		return ERR_ABSENT;
	struct reader r = reader_of_span(head);
	reader_skip(&r, BATCH_OVERHEAD + i * POSITION_LEN);
	size_t at = read_u32(&r);
	size_t end = i + 1 < n ? read_u32(&r) : size; /* they lie in their order, without gaps */
	if (at < BATCH_OVERHEAD + n * POSITION_LEN || end < at || end > size)
		return ERR_FORMAT;
	*ret = (struct batch_place){at, end - at};
	return OK;
}

enum err batch_entry_read(struct span bytes, struct batch_entry *ret)
{
	struct reader r = reader_of_span(bytes);
	struct batch_entry e = {.table = read_u8(&r)};
	uint8_t flags = read_u8(&r);
	size_t key_len = read_u8(&r), value_len = read_u16(&r);
	e.remove = flags == FLAG_REMOVE;
	e.was = read_u64(&r);
	e.stamp = read_u64(&r);
	e.key = read_span(&r, key_len);
	e.value = read_span(&r, value_len);
	TRY(reader_end(&r));
	if (flags > FLAG_REMOVE || key_len == 0 || key_len > STORE_KEY_MAX ||
	    value_len > STORE_VALUE_MAX)
		return ERR_FORMAT;
	*ret = e;
	return OK;
}

enum err batch_entry(struct span batch, size_t i, struct batch_entry *ret)
{
	struct batch_place place;
	TRY(batch_place(batch, batch.len, i, &place));
	return batch_entry_read(span_sub(batch, place.at, place.len), ret);
}
