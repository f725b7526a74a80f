#include "service/policy/kept.h"

#include "base/reader.h"
#include "base/siphash.h"
#include "base/writer.h"

#include <assert.h>

#define MAGIC "GHlist01"
enum { MAGIC_LEN = 8, CHECK_END = MAGIC_LEN + 8 };

static const uint8_t check_key[SIPHASH_KEY_LEN] = "a kept list's ..";

static_assert(CHECK_END + 3 * 8 + 3 * 2 + KEPT_FROM_MAX + 2 * KEPT_TAG_MAX <= KEPT_HEAD_LEN,
	      "all of it fits");

static void put_text(struct writer *w, const char *text)
{
	write_u16(w, (uint16_t)strlen(text));
	write_text(w, text);
}

/* Magic, checksum of what follows, numbers, texts with their lengths, zeros. */
void kept_write(const struct kept *k, uint8_t ret[KEPT_HEAD_LEN])
{
	struct writer w = writer_of(ret, KEPT_HEAD_LEN), check = writer_of(ret + MAGIC_LEN, 8);
	memset(ret, 0, KEPT_HEAD_LEN);
	write_bytes(&w, MAGIC, MAGIC_LEN);
	write_u64(&w, 0);
	write_u64(&w, k->text_len);
	write_u64(&w, k->names);
	write_u64(&w, k->taken_s);
	put_text(&w, k->from);
	put_text(&w, k->etag);
	put_text(&w, k->modified);
	ASSERT(!w.bad);
	write_u64(&check, siphash24(check_key, ret + CHECK_END, KEPT_HEAD_LEN - CHECK_END));
}

static void take_text(struct reader *r, char *to, size_t size)
{
	struct span text = read_span(r, read_u16(r));
	if (!span_to_cstr(text, to, size))
		reader_fail(r);
}

enum err kept_read(struct span file, struct kept *ret, struct span *ret_text)
{
	struct kept k;
	struct reader r = reader_of_span(span_sub(file, 0, KEPT_HEAD_LEN));
	if (file.len < KEPT_HEAD_LEN || !span_equal(read_span(&r, MAGIC_LEN), span_of(MAGIC, 8)))
		return ERR_FORMAT;
	uint64_t check = read_u64(&r);
	if (check != siphash24(check_key, file.data + CHECK_END, KEPT_HEAD_LEN - CHECK_END))
		return ERR_FORMAT;
	k.text_len = read_u64(&r);
	k.names = read_u64(&r);
	k.taken_s = read_u64(&r);
	take_text(&r, k.from, sizeof(k.from));
	take_text(&r, k.etag, sizeof(k.etag));
	take_text(&r, k.modified, sizeof(k.modified));
	TRY(reader_check(&r));
	if (k.text_len != file.len - KEPT_HEAD_LEN)
		return ERR_FORMAT;
	*ret = k;
	*ret_text = span_sub(file, KEPT_HEAD_LEN, file.len);
	return OK;
}
